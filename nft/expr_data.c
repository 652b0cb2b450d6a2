/* SPDX-License-Identifier: GPL-2.0-only */
/* Expressions over registers alone: immediate, cmp, range, bitwise, byteorder. */
#include <netinet/in.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

/* 6.13: bitwise with two registers; the headers of Debian bookworm have neither. */
enum { BITWISE_AND = 3, BITWISE_OR, BITWISE_XOR };
enum { BITWISE_SREG2 = NFTA_BITWISE_DATA + 1 };

/* -- immediate -- */

static enum step_kind immediate_run(struct eval *e, const struct step *s)
{
	const struct immediate_data *d = s->data;

	reg_store(e, d->reg, d->value, NULL, d->len);
	return STEP_NEXT;
}

static void immediate_words(struct words *w, const struct step *s)
{
	const struct immediate_data *d = s->data;
	struct word *r = words_load(w, d->reg, DT_NONE, d->len, "%s",
				    words_format(w->arena, DT_NONE, d->value, d->len));

	r->constant = true;
	r->bytes = d->value;
}

const struct expr_ops expr_ops_immediate = EXPR_OPS("immediate", immediate_run, immediate_words);

static enum step_kind verdict_run(struct eval *e, const struct step *s)
{
	const struct nft_verdict_data *v = s->data;

	return step_verdict(e, v->code, v->chain);
}

static void verdict_words(struct words *w, const struct step *s)
{
	const struct nft_verdict_data *v = s->data;

	words_flush(w);
	if (!w->iptables)
		words_add(w, "%s", words_verdict(w->arena, v->code, v->chain));
	else if (v->chain)
		words_add(w, "-%c %s", v->code == NFT_GOTO ? 'g' : 'j', v->chain);
	else
		words_add(w, "-j %s", v->code == NFT_RETURN ? "RETURN" : v->code == NF_ACCEPT ? "ACCEPT" :
			  v->code == NF_DROP ? "DROP" : words_verdict(w->arena, v->code, NULL));
}

const struct expr_ops expr_ops_verdict = EXPR_OPS("immediate", verdict_run, verdict_words);

static bool immediate_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_IMMEDIATE_MAX + 1];
	struct immediate_data *i;
	uint8_t value[NFT_DATA_VALUE_MAXLEN], reg;
	unsigned len;

	if (!expr_attrs(data, tb, NFTA_IMMEDIATE_MAX))
		return false;
	if (nl_be32(tb[NFTA_IMMEDIATE_DREG], 1) == NFT_REG_VERDICT) {
		struct nft_verdict_data *v = step_new(d, s, &expr_ops_verdict, sizeof(*v));

		return expr_verdict(d->arena, tb[NFTA_IMMEDIATE_DATA], v);
	}
	if (!expr_value(tb[NFTA_IMMEDIATE_DATA], value, sizeof(value), &len) ||
	    !expr_reg(tb[NFTA_IMMEDIATE_DREG], len, &reg))
		return false;
	i = step_new(d, s, &expr_ops_immediate, sizeof(*i) + len);
	i->reg = reg;
	i->len = len;
	memcpy(i->value, value, len);
	return true;
}

/* -- cmp and range -- */

/* memcmp of the least (fill 0) or greatest (fill 0xff) value that the known bits allow. */
static int bound_cmp(const uint8_t *v, const uint8_t *known, const uint8_t *with, unsigned len, uint8_t fill)
{
	for (unsigned i = 0; i < len; i++) {
		uint8_t b = (v[i] & known[i]) | (fill & ~known[i]);

		if (b != with[i])
			return b < with[i] ? -1 : 1;
	}
	return 0;
}

static enum answer eq_answer(const uint8_t *v, const uint8_t *known, const uint8_t *with, unsigned len)
{
	enum answer a = YES;

	for (unsigned i = 0; i < len; i++) {
		if ((v[i] ^ with[i]) & known[i])
			return NO;
		if (known[i] != 0xff)
			a = UNKNOWN;
	}
	return a;
}

static enum answer less_answer(const uint8_t *v, const uint8_t *known, const uint8_t *with, unsigned len, int limit)
{
	if (bound_cmp(v, known, with, len, 0xff) < limit)
		return YES;
	return bound_cmp(v, known, with, len, 0) < limit ? UNKNOWN : NO;
}

/* nft_cmp_eval() */
enum answer cmp_answer(const uint8_t *v, const uint8_t *known, const uint8_t *with, unsigned len, uint8_t op)
{
	switch (op) {
	case NFT_CMP_EQ:
		return eq_answer(v, known, with, len);
	case NFT_CMP_NEQ:
		return answer_not(eq_answer(v, known, with, len));
	case NFT_CMP_LT:
		return less_answer(v, known, with, len, 0);
	case NFT_CMP_LTE:
		return less_answer(v, known, with, len, 1);
	case NFT_CMP_GT:
		return answer_not(less_answer(v, known, with, len, 1));
	case NFT_CMP_GTE:
		return answer_not(less_answer(v, known, with, len, 0));
	}
	return UNKNOWN;
}

static enum step_kind cmp_run(struct eval *e, const struct step *s)
{
	const struct cmp_data *d = s->data;
	enum answer a = cmp_answer(e->regs.b + d->reg, e->regs.known + d->reg, d->value, d->len, d->op);

	return step_if(a);
}

static void cmp_words(struct words *w, const struct step *s)
{
	const struct cmp_data *d = s->data;

	words_compare(w, d->reg, d->op, d->value, d->len);
}

const struct expr_ops expr_ops_cmp = EXPR_OPS("cmp", cmp_run, cmp_words);

static bool cmp_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_CMP_MAX + 1];
	uint8_t value[NFT_DATA_VALUE_MAXLEN], reg;
	struct cmp_data *c;
	unsigned len;

	if (!expr_attrs(data, tb, NFTA_CMP_MAX) ||
	    !expr_value(tb[NFTA_CMP_DATA], value, sizeof(value), &len) ||
	    !expr_reg(tb[NFTA_CMP_SREG], len, &reg) || nl_be32(tb[NFTA_CMP_OP], 99) > NFT_CMP_GTE)
		return false;
	c = step_new(d, s, &expr_ops_cmp, sizeof(*c) + len);
	c->reg = reg;
	c->op = nl_be32(tb[NFTA_CMP_OP], 0);
	c->len = len;
	memcpy(c->value, value, len);
	return true;
}

/* nft_range_eval() */
static enum step_kind range_run(struct eval *e, const struct step *s)
{
	const struct range_data *d = s->data;
	const uint8_t *v = e->regs.b + d->reg, *known = e->regs.known + d->reg;
	enum answer in = answer_and(cmp_answer(v, known, d->value, d->len, NFT_CMP_GTE),
				    cmp_answer(v, known, d->value + d->len, d->len, NFT_CMP_LTE));

	return step_if(d->inverted ? answer_not(in) : in);
}

static void range_words(struct words *w, const struct step *s)
{
	const struct range_data *d = s->data;
	const struct word *r = words_reg(w, d->reg);

	words_implied(w, r);
	words_flush(w);
	words_add(w, "%s %s%s-%s", r->text ? r->text : "?", d->inverted ? "!= " : "",
		  words_format(w->arena, r->type, d->value, d->len),
		  words_format(w->arena, r->type, d->value + d->len, d->len));
}

const struct expr_ops expr_ops_range = EXPR_OPS("range", range_run, range_words);

static bool range_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_RANGE_MAX + 1];
	uint8_t from[NFT_DATA_VALUE_MAXLEN], to[NFT_DATA_VALUE_MAXLEN], reg;
	struct range_data *r;
	unsigned len, len_to;

	if (!expr_attrs(data, tb, NFTA_RANGE_MAX) ||
	    !expr_value(tb[NFTA_RANGE_FROM_DATA], from, sizeof(from), &len) ||
	    !expr_value(tb[NFTA_RANGE_TO_DATA], to, sizeof(to), &len_to) || len != len_to ||
	    !expr_reg(tb[NFTA_RANGE_SREG], len, &reg) || nl_be32(tb[NFTA_RANGE_OP], 99) > NFT_RANGE_NEQ)
		return false;
	r = step_new(d, s, &expr_ops_range, sizeof(*r) + 2 * len);
	r->reg = reg;
	r->len = len;
	r->inverted = nl_be32(tb[NFTA_RANGE_OP], 0) == NFT_RANGE_NEQ;
	memcpy(r->value, from, len);
	memcpy(r->value + len, to, len);
	return true;
}

/* -- bitwise -- */

static void bitwise_mask(struct eval *e, const struct bitwise_data *d)
{
	const uint8_t *mask = d->value, *xor = d->value + d->len;
	uint8_t v[64], known[64];

	for (unsigned i = 0; i < d->len; i++) {
		v[i] = (e->regs.b[d->sreg + i] & mask[i]) ^ xor[i];
		known[i] = e->regs.known[d->sreg + i] | (uint8_t)~mask[i];
	}
	reg_store(e, d->dreg, v, known, d->len);
}

/* nft_bitwise_eval_and() and kin: the second operand is a register or a constant. */
static void bitwise_two(struct eval *e, const struct bitwise_data *d)
{
	uint8_t v[64], known[64];

	for (unsigned i = 0; i < d->len; i++) {
		uint8_t a = e->regs.b[d->sreg + i], ka = e->regs.known[d->sreg + i];
		uint8_t b = d->second ? e->regs.b[d->sreg2 + i] : d->value[i];
		uint8_t kb = d->second ? e->regs.known[d->sreg2 + i] : 0xff;

		switch (d->op) {
		case BITWISE_AND:
			v[i] = a & b;
			known[i] = (ka & kb) | (ka & ~a) | (kb & ~b);
			break;
		case BITWISE_OR:
			v[i] = a | b;
			known[i] = (ka & kb) | (ka & a) | (kb & b);
			break;
		default:
			v[i] = a ^ b;
			known[i] = ka & kb;
		}
	}
	reg_store(e, d->dreg, v, known, d->len);
}

static void shift_words32(uint8_t *p, unsigned len, unsigned shift, bool left)
{
	uint32_t x[16] = { 0 }, carry = 0;
	unsigned n = (len + 3) / 4;

	if (!shift)
		return;
	memcpy(x, p, n * 4);
	for (unsigned k = 0; k < n; k++) {
		unsigned i = left ? n - 1 - k : k;
		uint32_t old = x[i];

		x[i] = (left ? old << shift : old >> shift) | carry;
		carry = left ? old >> (32 - shift) : old << (32 - shift);
	}
	memcpy(p, x, n * 4);
}

/* nft_bitwise_eval_lshift() and _rshift(): 32-bit words in host order, the carry going from word to word. */
static void bitwise_shift(struct eval *e, const struct bitwise_data *d)
{
	uint8_t v[64], unknown[64];
	unsigned n = (d->len + 3u) & ~3u;

	memcpy(v, e->regs.b + d->sreg, n);
	for (unsigned i = 0; i < n; i++)
		unknown[i] = ~e->regs.known[d->sreg + i];
	shift_words32(v, d->len, d->shift, d->op == NFT_BITWISE_LSHIFT);
	shift_words32(unknown, d->len, d->shift, d->op == NFT_BITWISE_LSHIFT);
	for (unsigned i = 0; i < n; i++)
		unknown[i] = ~unknown[i];
	reg_store(e, d->dreg, v, unknown, n);
}

static enum step_kind bitwise_run(struct eval *e, const struct step *s)
{
	const struct bitwise_data *d = s->data;

	if (d->op == NFT_BITWISE_BOOL)
		bitwise_mask(e, d);
	else if (d->op == NFT_BITWISE_LSHIFT || d->op == NFT_BITWISE_RSHIFT)
		bitwise_shift(e, d);
	else
		bitwise_two(e, d);
	return STEP_NEXT;
}

static bool all(const uint8_t *p, uint8_t v, unsigned len)
{
	while (len--)
		if (*p++ != v)
			return false;
	return true;
}

/* mask and xor stand for one of &, |, ^ or for both. */
static void bitwise_mask_words(struct words *w, const struct bitwise_data *d)
{
	const uint8_t *mask = d->value, *xor = d->value + d->len;
	struct word old = *words_reg(w, d->sreg), *r;
	const char *text = old.text ? old.text : "?", *m, *x;
	enum datatype t = old.type == DT_HOST_INTEGER || old.type == DT_MARK ? DT_MARK : DT_NONE;
	uint8_t set[64];
	bool is_or = true;

	for (unsigned i = 0; i < d->len; i++) {
		set[i] = ~mask[i];
		is_or &= (xor[i] & set[i]) == xor[i] && (xor[i] | mask[i]) == 0xff;
	}
	m = words_format(w->arena, t, mask, d->len);
	x = words_format(w->arena, t, xor, d->len);
	if (all(xor, 0, d->len))
		r = words_load(w, d->dreg, old.type, old.len, "%s & %s", text, m);
	else if (all(mask, 0xff, d->len))
		r = words_load(w, d->dreg, old.type, old.len, "%s ^ %s", text, x);
	else if (is_or && !memcmp(set, xor, d->len))
		r = words_load(w, d->dreg, old.type, old.len, "%s | %s", text, x);
	else
		r = words_load(w, d->dreg, old.type, old.len, "%s & %s ^ %s", text, m, x);
	r->base = old.base;
	r->off = old.off;
	r->plen = old.plen;
	r->key = old.key;
	if (all(xor, 0, d->len) && !old.mask) {
		r->mask = mask;
		r->lhs = text;
	}
}

static void bitwise_words(struct words *w, const struct step *s)
{
	const struct bitwise_data *d = s->data;
	struct word old = *words_reg(w, d->sreg);
	const char *text = old.text ? old.text : "?", *second;
	static const char sign[] = { [BITWISE_AND] = '&', [BITWISE_OR] = '|', [BITWISE_XOR] = '^' };

	if (d->op == NFT_BITWISE_BOOL) {
		bitwise_mask_words(w, d);
		return;
	}
	if (d->op == NFT_BITWISE_LSHIFT || d->op == NFT_BITWISE_RSHIFT) {
		words_load(w, d->dreg, old.type, old.len, "%s %s %u", text,
			   d->op == NFT_BITWISE_LSHIFT ? "<<" : ">>", d->shift);
		return;
	}
	second = d->second ? words_value(w, d->sreg2, old.type, d->len) :
			     words_format(w->arena, old.type, d->value, d->len);
	words_load(w, d->dreg, old.type, old.len, "%s %c %s", text, sign[d->op], second);
}

const struct expr_ops expr_ops_bitwise = EXPR_OPS("bitwise", bitwise_run, bitwise_words);

static bool bitwise_operands(const struct nlattr **tb, struct bitwise_data *b, unsigned len)
{
	unsigned n = 0, n2 = 0;

	switch (b->op) {
	case NFT_BITWISE_BOOL:
		return expr_value(tb[NFTA_BITWISE_MASK], b->value, len, &n) && n == len &&
		       expr_value(tb[NFTA_BITWISE_XOR], b->value + len, len, &n2) && n2 == len;
	case NFT_BITWISE_LSHIFT:
	case NFT_BITWISE_RSHIFT:
		return expr_value(tb[NFTA_BITWISE_DATA], &b->shift, 4, &n) && n == 4 && b->shift < 32;
	case BITWISE_AND:
	case BITWISE_OR:
	case BITWISE_XOR:
		b->second = tb[BITWISE_SREG2];
		if (b->second)
			return expr_reg(tb[BITWISE_SREG2], len, &b->sreg2);
		return expr_value(tb[NFTA_BITWISE_DATA], b->value, len, &n) && n == len;
	}
	return false;
}

static bool bitwise_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[BITWISE_SREG2 + 1];
	uint32_t len;
	uint8_t sreg, dreg;
	struct bitwise_data *b;

	if (!expr_attrs(data, tb, BITWISE_SREG2))
		return false;
	len = nl_be32(tb[NFTA_BITWISE_LEN], 0);
	if (len > NFT_DATA_VALUE_MAXLEN || !expr_reg(tb[NFTA_BITWISE_SREG], len, &sreg) ||
	    !expr_reg(tb[NFTA_BITWISE_DREG], len, &dreg))
		return false;
	b = step_new(d, s, &expr_ops_bitwise, sizeof(*b) + 2 * len);
	b->sreg = sreg;
	b->dreg = dreg;
	b->len = len;
	b->op = nl_be32(tb[NFTA_BITWISE_OP], NFT_BITWISE_BOOL);
	return bitwise_operands(tb, b, len);
}

/* -- byteorder -- */

/*
 * nft_byteorder_eval(): whole items only, so a length below the size does nothing. It swaps where host and network order
 * differ, in both directions alike.
 */
static enum step_kind byteorder_run(struct eval *e, const struct step *s)
{
	const struct byteorder_data *d = s->data;
	uint8_t v[64], known[64];

	memcpy(v, e->regs.b + d->sreg, d->len);
	memcpy(known, e->regs.known + d->sreg, d->len);
	for (unsigned i = 0; i + d->size <= d->len; i += d->size) {
		for (unsigned j = 0; j < d->size; j++) {
			unsigned from = htonl(1) == 1 ? i + j : i + d->size - 1 - j;

			e->regs.b[d->dreg + i + j] = v[from];
			e->regs.known[d->dreg + i + j] = known[from];
		}
	}
	return STEP_NEXT;
}

static void byteorder_words(struct words *w, const struct step *s)
{
	const struct byteorder_data *d = s->data;
	struct word old = *words_reg(w, d->sreg);

	if (old.type == DT_HOST_INTEGER || (old.type == DT_INTEGER && d->op == NFT_BYTEORDER_NTOH))
		old.type = d->op == NFT_BYTEORDER_HTON ? DT_INTEGER : DT_HOST_INTEGER;
	else if (!old.base && old.type != DT_IFNAME && d->op == NFT_BYTEORDER_HTON && htonl(1) != 1)
		old.swapped = d->size <= d->len;
	*words_reg(w, d->dreg) = old;
}

const struct expr_ops expr_ops_byteorder = EXPR_OPS("byteorder", byteorder_run, byteorder_words);

static bool byteorder_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_BYTEORDER_MAX + 1];
	uint32_t len, size;
	struct byteorder_data *b;

	if (!expr_attrs(data, tb, NFTA_BYTEORDER_MAX))
		return false;
	len = nl_be32(tb[NFTA_BYTEORDER_LEN], 0);
	size = nl_be32(tb[NFTA_BYTEORDER_SIZE], 0);
	if ((size != 2 && size != 4 && size != 8) || len > NFT_DATA_VALUE_MAXLEN ||
	    nl_be32(tb[NFTA_BYTEORDER_OP], 99) > NFT_BYTEORDER_HTON)
		return false;
	b = step_new(d, s, &expr_ops_byteorder, sizeof(*b));
	b->op = nl_be32(tb[NFTA_BYTEORDER_OP], 0);
	b->len = len;
	b->size = size;
	return expr_reg(tb[NFTA_BYTEORDER_SREG], len, &b->sreg) &&
	       expr_reg(tb[NFTA_BYTEORDER_DREG], len, &b->dreg);
}

static const struct expr rows[] = {
	{ "cmp", cmp_decode }, { "immediate", immediate_decode },
	{ "bitwise", bitwise_decode }, { "byteorder", byteorder_decode }, { "range", range_decode },
};
const struct exprs expr_data = EXPRS(rows);
