/* SPDX-License-Identifier: GPL-2.0-only */
/* Comparisons and whole rules in words: nft's, or those of iptables where its tool wrote the rule. */
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/uapi.h"
#include "nft/xt.h"

static bool all_zero(const uint8_t *p, unsigned len)
{
	while (len--)
		if (*p++)
			return false;
	return true;
}

/* Leading ones of a mask, -1 if it has holes. */
static int prefix_len(const uint8_t *mask, unsigned len)
{
	unsigned n = 0;

	while (n < len * 8 && mask[n / 8] & 0x80 >> n % 8)
		n++;
	for (unsigned i = n; i < len * 8; i++)
		if (mask[i / 8] & 0x80 >> i % 8)
			return -1;
	return n;
}

static bool is_bits(enum datatype t)
{
	return t == DT_CT_STATE || t == DT_CT_STATUS || t == DT_TCP_FLAGS || t == DT_CT_EVENT || t == DT_CT_LABEL;
}

static const char *op_sign(uint8_t op)
{
	static const char *const sign[] = { "", "!= ", "< ", "<= ", "> ", ">= " };

	return op < ARRAY_SIZE(sign) ? sign[op] : "? ";
}

/* -- nft -- */

static void compare_masked(struct words *w, const struct word *r, uint8_t op, const uint8_t *v, unsigned len)
{
	int plen = prefix_len(r->mask, len);
	const char *value = words_format(w->arena, r->type, v, len);

	if ((r->type == DT_IPV4 || r->type == DT_IPV6) && plen >= 0 && op <= NFT_CMP_NEQ)
		words_add(w, "%s %s%s/%d", r->lhs, op_sign(op), value, plen);
	else if (is_bits(r->type) && op == NFT_CMP_NEQ && all_zero(v, len))
		words_add(w, "%s %s", r->lhs, words_format(w->arena, r->type, r->mask, len));
	else if (r->type == DT_TCP_FLAGS && op <= NFT_CMP_NEQ)
		words_add(w, "%s %s%s / %s", r->lhs, op_sign(op), value, words_format(w->arena, r->type, r->mask, len));
	else if (is_bits(r->type))
		words_add(w, "%s & %s %s %s", r->lhs, words_format(w->arena, r->type, r->mask, len),
			  op == NFT_CMP_EQ ? "==" : "!=", all_zero(v, len) ? "0" : value);
	else if (!strcmp(r->lhs, "ip dscp") && r->mask[0] == 0xfc)
		words_add(w, "ip dscp %s0x%02x", op_sign(op), v[0] >> 2);
	else
		words_add(w, "%s %s%s", r->text, op == NFT_CMP_EQ ? "== " : op_sign(op), value);
}

/* A match on the protocol is held back: "tcp dport 80" says it too. */
static bool hold_back(struct words *w, const struct word *r, uint8_t op, const uint8_t *v, unsigned len)
{
	const char *text = arena_printf(w->arena, "%s %s", r->text, words_format(w->arena, r->type, v, len));
	bool l4 = r->key == NFT_META_L4PROTO + 1 || (r->base == NFT_PAYLOAD_NETWORK_HEADER + 1 && r->type == DT_PROTO);

	if (op != NFT_CMP_EQ || r->mask || len < 1)
		return false;
	if (l4) {
		words_implied(w, r);
		if (w->pending4 || w->low)
			words_flush(w);
		w->l4proto = v[0];
		w->pending4 = w->iptables ? arena_printf(w->arena, "-p %s", proto_say(w->arena, v[0])) : text;
		return true;
	}
	if (r->key == NFT_META_NFPROTO + 1) {
		w->l3proto = v[0];
		w->pending3 = text;
		return true;
	}
	if (r->key == NFT_META_IIFTYPE + 1 && len == 2 && v[htonl(1) == 1] == 1) {
		w->pending3 = "meta iiftype ether";
		return true;
	}
	if (len == 2 && (r->key == NFT_META_PROTOCOL + 1 || r->type == DT_ETHERTYPE)) {
		uint16_t type = v[0] << 8 | v[1];

		w->l3proto = type == 0x0800 ? NFPROTO_IPV4 : type == 0x86dd ? NFPROTO_IPV6 : 0;
		w->pending3 = text;
		return true;
	}
	return false;
}

static void compare_nft(struct words *w, const struct word *r, uint8_t op, const uint8_t *v, unsigned len)
{
	bool range = op == NFT_CMP_LTE && w->low && w->low_len == len && !strcmp(w->low_of.text, r->text);
	const char *low = range ? words_constant(w, r->type, w->low, len) : NULL;

	words_implied(w, r);
	if (range)
		w->low = NULL;
	words_flush(w);
	if (r->mask) {
		compare_masked(w, r, op, v, len);
	} else if (range) {
		words_add(w, "%s %s-%s", r->text, low, words_constant(w, r->type, v, len));
	} else if (op == NFT_CMP_GTE) {
		w->low = v;
		w->low_len = len;
		w->low_of = *r;
	} else {
		words_add(w, "%s %s%s", r->text, op_sign(op), words_constant(w, r->type, v, len));
	}
}

/* -- iptables -- */

static void iptables_addr(struct words *w, const struct word *r, uint8_t op, const uint8_t *v, unsigned len)
{
	bool source = r->off == 12 || r->off == 8;
	unsigned whole = r->type == DT_IPV4 ? 4 : 16;
	int plen = r->mask ? prefix_len(r->mask, len) : (int)len * 8;
	const char *addr = words_format(w->arena, r->type, v, len);

	const char *mask = plen >= 0 ? arena_printf(w->arena, "%d", plen) : words_format(w->arena, r->type, r->mask, whole);

	words_head(w, source ? 's' : 'd', "%s-%c %.*s/%s", op == NFT_CMP_NEQ ? "! " : "", source ? 's' : 'd',
		   (int)strcspn(addr, "/"), addr, mask);
}

static void iptables_port(struct words *w, const struct word *r, uint8_t op, const uint8_t *v, unsigned len)
{
	const char *port = words_format(w->arena, DT_PORT, v, len);

	if (op == NFT_CMP_GTE) {
		w->low = v;
		w->low_len = len;
		w->low_of = *r;
		return;
	}
	if (w->said_m != w->l4proto)
		words_add(w, "-m %s", proto_say(w->arena, w->l4proto));
	w->said_m = w->l4proto;
	if (op == NFT_CMP_NEQ)
		words_add(w, "!");
	words_add(w, "--%cport ", r->off ? 'd' : 's');
	if (op == NFT_CMP_LTE && w->low)
		text_add(&w->t, "%s:", words_format(w->arena, DT_PORT, w->low, len));
	text_add(&w->t, "%s", port);
	w->low = NULL;
}

static void iptables_mark(struct words *w, const struct word *r, uint8_t op, const uint8_t *v)
{
	uint32_t mark, mask;

	memcpy(&mark, v, 4);
	words_add(w, "-m mark%s --mark %#x", op == NFT_CMP_NEQ ? " !" : "", mark);
	if (!r->mask)
		return;
	memcpy(&mask, r->mask, 4);
	text_add(&w->t, "/%#x", mask);
}

static const char *upper(struct arena *a, const char *s)
{
	char *out = arena_strdup(a, s);

	for (char *p = out; *p; p++)
		*p = toupper((unsigned char)*p);
	return out;
}

static void iptables_flags(struct words *w, const struct word *r, uint8_t op, const uint8_t *v)
{
	uint8_t mask = r->mask ? r->mask[0] : 0xff;

	if (w->said_m != IPPROTO_TCP)
		words_add(w, "-m tcp");
	w->said_m = IPPROTO_TCP;
	words_add(w, "%s--tcp-flags %s %s", op == NFT_CMP_NEQ ? "! " : "",
		  upper(w->arena, words_format(w->arena, DT_TCP_FLAGS, &mask, 1)),
		  v[0] ? upper(w->arena, words_format(w->arena, DT_TCP_FLAGS, v, 1)) : "NONE");
}

static void iptables_device(struct words *w, const struct word *r, uint8_t op, const uint8_t *v, unsigned len)
{
	unsigned n = strnlen((const char *)v, len);

	char letter = r->key == NFT_META_IIFNAME + 1 ? 'i' : 'o';

	words_head(w, letter, "%s-%c %.*s%s", op == NFT_CMP_NEQ ? "! " : "", letter, (int)n, (const char *)v,
		   n == len && len < 16 ? "+" : "");
}

static void compare_iptables(struct words *w, const struct word *r, uint8_t op, const uint8_t *v, unsigned len)
{
	bool l4 = r->key == NFT_META_L4PROTO + 1 || r->type == DT_PROTO;
	bool upper_end = op == NFT_CMP_LTE && w->low && r->type == DT_PORT;
	const uint8_t *low = w->low;

	if (upper_end)
		w->low = NULL;
	words_flush(w);
	if (upper_end)
		w->low = low;
	if (r->base == NFT_PAYLOAD_NETWORK_HEADER + 1 && (r->type == DT_IPV4 || r->type == DT_IPV6))
		iptables_addr(w, r, op, v, len);
	else if (r->type == DT_PORT && len == 2)
		iptables_port(w, r, op, v, len);
	else if (r->key == NFT_META_MARK + 1 && len == 4)
		iptables_mark(w, r, op, v);
	else if (r->key == NFT_META_IIFNAME + 1 || r->key == NFT_META_OIFNAME + 1)
		iptables_device(w, r, op, v, len);
	else if (r->type == DT_TCP_FLAGS && len == 1)
		iptables_flags(w, r, op, v);
	else if (l4 && op == NFT_CMP_NEQ)
		words_head(w, 'p', "! -p %s", words_format(w->arena, DT_PROTO, v, len));
	else if (r->lhs && !strcmp(r->lhs, "ip frag-off"))
		words_head(w, 'f', "%s-f", op == NFT_CMP_NEQ ? "" : "! ");
	else
		compare_nft(w, r, op, v, len);
}

void words_compare(struct words *w, unsigned off, uint8_t op, const uint8_t *value, unsigned len)
{
	struct word r = *words_reg(w, off);

	if (!r.text) {
		r.text = "?";
		r.mask = NULL;
	}
	if (r.swapped) {
		uint8_t *turned = arena_alloc(w->arena, len);

		for (unsigned i = 0; i < len; i++)
			turned[i] = value[len - 1 - i];
		value = turned;
	}
	if (hold_back(w, &r, op, value, len))
		return;
	if (w->iptables)
		compare_iptables(w, &r, op, value, len);
	else
		compare_nft(w, &r, op, value, len);
}

/* -- the rule -- */

static void say_step(struct words *w, const struct step *s)
{
	struct text t = { .arena = w->arena };
	const char *text;

	if (s->ops->say == expr_say) {
		((const struct expr_ops *)(const void *)s->ops)->words(w, s);
		return;
	}
	if (!s->ops->say)
		return;
	if (w->ruleset)
		xt_step_bind(w->ruleset->nft, w->ruleset->netns, (struct step *)s);
	s->ops->say(&t, s);
	text = text_get(&t);
	text += strspn(text, " ");
	if (!*text)
		return;
	words_flush(w);
	words_add(w, "%s", text);
}

static const char *with_head(struct words *w)
{
	struct words all = { .arena = w->arena, .t = { .arena = w->arena } };

	for (size_t i = 0; i < ARRAY_SIZE(w->head); i++)
		if (w->head[i])
			words_add(&all, "%s", w->head[i]);
	if (w->t.len)
		words_add(&all, "%s", text_get(&w->t));
	return text_get(&all.t);
}

const char *words_rule(struct arena *a, struct ruleset *r, const struct chain *c, bool iptables, const struct rule *rule)
{
	struct words w = {
		.arena = a, .t = { .arena = a }, .ruleset = r, .chain = c, .iptables = iptables,
		.l3proto = c->family == NFPROTO_IPV4 || c->family == NFPROTO_IPV6 ? c->family : 0,
	};

	for (size_t i = 0; i < rule->n_step; i++)
		say_step(&w, &rule->step[i]);
	words_flush(&w);
	return iptables ? with_head(&w) : text_get(&w.t);
}

const char *rule_say(struct arena *a, const struct chain *c, struct rule *r)
{
	const struct native_chain *n = (const void *)c;
	const char *text;

	if (r->text)
		return r->text;
	if (c->backend == BACKEND_LEGACY) {
		r->text = words_rule(a, NULL, c, true, r);
		return r->text;
	}
	text = words_rule(a, n->ruleset, c, n->iptables, r);
	if (r->comment && !strstr(text, "--comment"))
		text = arena_printf(a, "%s%scomment \"%s\"", text, *text ? " " : "", r->comment);
	r->text = text;
	return text;
}
