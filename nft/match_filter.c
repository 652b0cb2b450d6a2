/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches that load bytes by offset: u32, string, bpf. */
#include <ctype.h>
#include <string.h>

#include "nft/match_filter.h"

#include <linux/netfilter/xt_bpf.h>
#include <linux/netfilter/xt_string.h>
#include <linux/netfilter/xt_u32.h>

/* One byte at offset from the network header; payload and options are there, but not known. */
static struct bits byte_at(const struct image *im, uint32_t offset)
{
	if (offset < im->nh_len && offset < sizeof(im->nh))
		return (struct bits){ im->nh[offset], im->nh_known[offset] };
	offset -= im->nh_len;
	if (offset < im->th_len && offset < sizeof(im->th))
		return (struct bits){ im->th[offset], im->th_known[offset] };
	return (struct bits){ 0, 0 };
}

bool packet_load(struct eval *e, uint32_t offset, unsigned n, struct bits *out)
{
	const struct image *im = eval_image(e);

	if (n > e->p->len || offset > e->p->len - n)
		return false;
	*out = (struct bits){ 0, 0 };
	for (unsigned i = 0; i < n; i++) {
		struct bits b = byte_at(im, offset + i);

		out->v = out->v << 8 | b.v;
		out->known = out->known << 8 | b.known;
	}
	out->v &= out->known;
	return true;
}

/* -- u32 -- */

/* The value of one test's location, or false where the kernel would call it no match (beyond the end). *unknown: cannot tell. */
static bool u32_value(struct eval *e, const struct xt_u32_test *test, struct bits *val, bool *unknown)
{
	uint32_t at = 0;

	if (!packet_load(e, test->location[0].number, 4, val))
		return false;
	for (unsigned i = 1; i < test->nnums && i <= XT_U32_MAXSIZE; i++) {
		uint32_t number = test->location[i].number;

		switch (test->location[i].nextop) {
		case XT_U32_AND:
			val->v &= number;
			val->known |= ~number;
			break;
		case XT_U32_LEFTSH:
			val->v = number < 32 ? val->v << number : 0;
			val->known = number < 32 ? val->known << number | ((1u << number) - 1) : ~0u;
			break;
		case XT_U32_RIGHTSH:
			val->v = number < 32 ? val->v >> number : 0;
			val->known = number < 32 ? val->known >> number | ~(~0u >> number) : ~0u;
			break;
		case XT_U32_AT:
			if (val->known != ~0u) {
				*unknown = true;
				return true;
			}
			at += val->v;
			if (at < val->v || number > UINT32_MAX - at || !packet_load(e, at + number, 4, val))
				return false;
			break;
		}
	}
	return true;
}

/* Is the value in one of the ranges? A range holds, or fails, for certain if both ends of what the value can be agree. */
static enum answer u32_in(const struct xt_u32_test *test, struct bits val)
{
	uint32_t lo = val.v & val.known, hi = lo | ~val.known;
	enum answer r = NO;

	for (unsigned i = 0; i < test->nvalues && i <= XT_U32_MAXSIZE; i++) {
		if (lo >= test->value[i].min && hi <= test->value[i].max)
			return YES;
		if (hi < test->value[i].min || lo > test->value[i].max)
			continue;
		/* a single value that the known bits contradict is out as well */
		if (test->value[i].min == test->value[i].max && (test->value[i].min ^ lo) & val.known)
			continue;
		r = UNKNOWN;
	}
	return r;
}

/* u32_match_it(): every test must hold; the bytes beyond the end make it false. */
static enum answer u32(struct eval *e, const struct xt *x)
{
	const struct xt_u32 *info = x->info;
	enum answer r = YES;

	for (unsigned i = 0; i < info->ntests && i <= XT_U32_MAXSIZE && r != NO; i++) {
		bool unknown = false;
		struct bits val;

		if (!u32_value(e, &info->tests[i], &val, &unknown))
			r = NO;
		else
			r = answer_and(r, unknown ? UNKNOWN : u32_in(&info->tests[i], val));
	}
	if (r == UNKNOWN)
		return eval_unknown(e, "bytes of the packet that the u32 match loads are not known");
	return answer_of((r == YES) != !!info->invert);
}

static void u32_words(struct text *t, const struct xt *x)
{
	static const char *const op[] = { "&", "<<", ">>", "@" };
	const struct xt_u32 *info = x->info;

	xt_say_not(t, info->invert);
	text_add(t, " --u32 \"");
	for (unsigned i = 0; i < info->ntests && i <= XT_U32_MAXSIZE; i++) {
		const struct xt_u32_test *test = &info->tests[i];

		text_add(t, i ? "&&0x%x" : "0x%x", test->location[0].number);
		for (unsigned j = 1; j < test->nnums && j <= XT_U32_MAXSIZE; j++)
			text_add(t, "%s0x%x", op[test->location[j].nextop & 3], test->location[j].number);
		for (unsigned j = 0; j < test->nvalues && j <= XT_U32_MAXSIZE; j++) {
			text_add(t, "%c0x%x", j ? ',' : '=', test->value[j].min);
			if (test->value[j].min != test->value[j].max)
				text_add(t, ":0x%x", test->value[j].max);
		}
	}
	text_add(t, "\"");
}

/* -- string -- */

static enum answer pattern_at(const struct image *im, const struct xt_string_info *info, uint32_t offset, bool icase)
{
	enum answer r = YES;

	for (unsigned i = 0; i < info->patlen && i < XT_STRING_MAX_PATTERN_SIZE; i++) {
		struct bits b = byte_at(im, offset + i);
		uint8_t want = info->pattern[i];

		if (b.known != 0xff)
			r = icase || !((b.v ^ want) & b.known) ? UNKNOWN : NO;
		else if (b.v != want && (!icase || tolower(b.v) != tolower(want)))
			r = NO;
		if (r == NO)
			return NO;
	}
	return r;
}

/* string_mt(): skb_find_text() from the network header on. */
static enum answer string(struct eval *e, const struct xt *x)
{
	const struct xt_string_info *info = x->info;
	const struct image *im = eval_image(e);
	uint8_t flags = x->rev ? info->u.v1.flags : info->u.v0.invert ? XT_STRING_FLAG_INVERT : 0;
	uint32_t len = info->patlen, last = info->to_offset;
	enum answer r = NO;

	if (e->p->len < len || !len)
		last = 0;
	else if (last > e->p->len - len)
		last = e->p->len - len;
	for (uint32_t at = info->from_offset; len && len <= e->p->len && at <= last && r != YES; at++) {
		enum answer here = pattern_at(im, info, at, flags & XT_STRING_FLAG_IGNORECASE);

		r = here == NO ? r : here;
	}
	if (r == UNKNOWN)
		return eval_unknown(e, "the packet's payload, that the string match searches, is not known");
	return answer_of((r == YES) != !!(flags & XT_STRING_FLAG_INVERT));
}

static void string_words(struct text *t, const struct xt *x)
{
	const struct xt_string_info *info = x->info;
	unsigned len = info->patlen < XT_STRING_MAX_PATTERN_SIZE ? info->patlen : XT_STRING_MAX_PATTERN_SIZE;
	uint8_t flags = x->rev ? info->u.v1.flags : info->u.v0.invert ? XT_STRING_FLAG_INVERT : 0;
	bool hex = len && info->pattern[len - 1] == '\\';

	for (unsigned i = 0; i < len; i++)
		hex |= !isprint((unsigned char)info->pattern[i]);
	xt_say_not(t, flags & XT_STRING_FLAG_INVERT);
	text_add(t, hex ? " --hex-string \"|" : " --string \"");
	for (unsigned i = 0; i < len; i++) {
		uint8_t c = info->pattern[i];

		if (hex)
			text_add(t, "%02x", c);
		else
			text_add(t, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	text_add(t, hex ? "|\"" : "\"");
	text_add(t, " --algo %.*s", (int)strnlen(info->algo, sizeof(info->algo)), info->algo);
	if (info->from_offset)
		text_add(t, " --from %u", info->from_offset);
	if (info->to_offset != UINT16_MAX)
		text_add(t, " --to %u", info->to_offset);
	if (x->rev && flags & XT_STRING_FLAG_IGNORECASE)
		text_add(t, " --icase");
}

/* -- bpf -- */

static enum answer bpf0(struct eval *e, const struct xt *x)
{
	const struct xt_bpf_info *info = x->info;

	return cbpf_run(e, info->bpf_program, info->bpf_program_num_elem);
}

static enum answer bpf1(struct eval *e, const struct xt *x)
{
	const struct xt_bpf_info_v1 *info = x->info;

	if (info->mode != XT_BPF_MODE_BYTECODE)
		return eval_unknown(e, "an eBPF program decides, and its answer cannot be predicted");
	return cbpf_run(e, info->bpf_program, info->bpf_program_num_elem);
}

static void code_words(struct text *t, const struct sock_filter *prog, unsigned n)
{
	text_add(t, " --bytecode \"%u", n);
	for (unsigned i = 0; i < n && i < XT_BPF_MAX_NUM_INSTR; i++)
		text_add(t, ",%u %u %u %u", prog[i].code, prog[i].jt, prog[i].jf, prog[i].k);
	text_add(t, "\"");
}

static void bpf0_words(struct text *t, const struct xt *x)
{
	const struct xt_bpf_info *info = x->info;

	code_words(t, info->bpf_program, info->bpf_program_num_elem);
}

static void bpf1_words(struct text *t, const struct xt *x)
{
	const struct xt_bpf_info_v1 *info = x->info;

	if (info->mode == XT_BPF_MODE_BYTECODE)
		code_words(t, info->bpf_program, info->bpf_program_num_elem);
	else
		text_add(t, " --object-pinned %.*s", (int)strnlen(info->path, sizeof(info->path)), info->path);
}

static const struct xt_row rows[] = {
	XT_MATCH("u32", 0, 0, sizeof(struct xt_u32), u32, u32_words),
	XT_MATCH("string", 0, 0, sizeof(struct xt_string_info), string, string_words),
	XT_MATCH("string", 1, 0, sizeof(struct xt_string_info), string, string_words),
	XT_MATCH("bpf", 0, 0, sizeof(struct xt_bpf_info), bpf0, bpf0_words),
	XT_MATCH("bpf", 1, 0, sizeof(struct xt_bpf_info_v1), bpf1, bpf1_words),
};

const struct xt_rows xt_match_filter = XT_ROWS(rows);
