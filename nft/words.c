/* SPDX-License-Identifier: GPL-2.0-only */
/* What registers hold, as text, while a rule is gone through to be printed. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/uapi.h"

void words_add(struct words *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_add(&w->t, "%s%s", w->t.len ? " " : "", arena_vprintf(w->arena, fmt, ap));
	va_end(ap);
}

void words_head(struct words *w, char letter, const char *fmt, ...)
{
	static const char letters[] = "sdiopf";
	const char **slot = &w->head[(strchr(letters, letter) - letters) % ARRAY_SIZE(w->head)], *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(w->arena, fmt, ap);
	va_end(ap);
	*slot = *slot ? arena_printf(w->arena, "%s %s", *slot, text) : text;
}

struct word *words_reg(struct words *w, unsigned off)
{
	return &w->reg[off / 4 % ARRAY_SIZE(w->reg)];
}

struct word *words_load(struct words *w, unsigned off, enum datatype type, unsigned len, const char *fmt, ...)
{
	struct word *r = words_reg(w, off);
	va_list ap;

	memset(r, 0, sizeof(*r));
	va_start(ap, fmt);
	r->text = arena_vprintf(w->arena, fmt, ap);
	va_end(ap);
	r->type = type;
	r->len = len;
	return r;
}

void words_implied(struct words *w, const struct word *r)
{
	bool icmp = w->l4proto == IPPROTO_ICMP || w->l4proto == IPPROTO_ICMPV6;

	if (r->base == NFT_PAYLOAD_TRANSPORT_HEADER + 1) {
		w->pending4 = NULL;
		if (icmp)
			w->pending3 = NULL;
	}
	if (r->base == NFT_PAYLOAD_NETWORK_HEADER + 1 ||
	    (r->base == NFT_PAYLOAD_LL_HEADER + 1 && w->pending3 && strstr(w->pending3, "iiftype")))
		w->pending3 = NULL;
}

void words_flush(struct words *w)
{
	const char *a = w->pending3, *b = w->pending4;
	const uint8_t *low = w->low;

	w->pending3 = w->pending4 = NULL;
	w->low = NULL;
	if (a)
		words_add(w, "%s", a);
	if (b && w->iptables)
		words_head(w, 'p', "%s", b);
	else if (b)
		words_add(w, "%s", b);
	if (low)
		words_add(w, "%s >= %s", w->low_of.text, words_constant(w, w->low_of.type, low, w->low_len));
}

const char *words_constant(struct words *w, enum datatype type, const uint8_t *v, unsigned len)
{
	const struct ask *ask = w->ruleset ? nft_ask_table(w->ruleset->nft) : NULL;
	const struct link *l = NULL;
	int ifindex;

	if (type == DT_IFINDEX && len == sizeof(ifindex) && ask && ask->link) {
		memcpy(&ifindex, v, sizeof(ifindex));
		l = ask->link(ask->ctx, w->ruleset->netns, ifindex);
	}
	return l ? arena_printf(w->arena, "\"%s\"", l->name) : words_format(w->arena, type, v, len);
}

const char *words_value(struct words *w, unsigned off, enum datatype type, unsigned len)
{
	const struct word *r = words_reg(w, off);

	words_implied(w, r);
	if (r->constant && r->bytes)
		return words_constant(w, type ? type : r->type, r->bytes, r->len < len ? r->len : len);
	return r->text ? r->text : "?";
}

/* -- header fields -- */

struct field {
	uint8_t base, proto, off, len;	/* proto: NFPROTO_* or IPPROTO_*; 0: any */
	const char *name;
	enum datatype type;
};

#define LL	NFT_PAYLOAD_LL_HEADER
#define NH	NFT_PAYLOAD_NETWORK_HEADER
#define TH	NFT_PAYLOAD_TRANSPORT_HEADER
static const struct field fields[] = {
	{ LL, 0, 0, 6, "ether daddr", DT_ETHER }, { LL, 0, 6, 6, "ether saddr", DT_ETHER },
	{ LL, 0, 12, 2, "ether type", DT_ETHERTYPE },
	{ NH, NFPROTO_IPV4, 1, 1, "ip dscp", DT_INTEGER }, { NH, NFPROTO_IPV4, 2, 2, "ip length", DT_INTEGER },
	{ NH, NFPROTO_IPV4, 4, 2, "ip id", DT_INTEGER }, { NH, NFPROTO_IPV4, 6, 2, "ip frag-off", DT_INTEGER },
	{ NH, NFPROTO_IPV4, 8, 1, "ip ttl", DT_INTEGER }, { NH, NFPROTO_IPV4, 9, 1, "ip protocol", DT_PROTO },
	{ NH, NFPROTO_IPV4, 12, 4, "ip saddr", DT_IPV4 }, { NH, NFPROTO_IPV4, 16, 4, "ip daddr", DT_IPV4 },
	{ NH, NFPROTO_IPV6, 4, 2, "ip6 length", DT_INTEGER }, { NH, NFPROTO_IPV6, 6, 1, "ip6 nexthdr", DT_PROTO },
	{ NH, NFPROTO_IPV6, 7, 1, "ip6 hoplimit", DT_INTEGER }, { NH, NFPROTO_IPV6, 8, 16, "ip6 saddr", DT_IPV6 },
	{ NH, NFPROTO_IPV6, 24, 16, "ip6 daddr", DT_IPV6 },
	{ TH, IPPROTO_TCP, 13, 1, "tcp flags", DT_TCP_FLAGS }, { TH, IPPROTO_TCP, 4, 4, "tcp sequence", DT_INTEGER },
	{ TH, IPPROTO_ICMP, 0, 1, "icmp type", DT_ICMP_TYPE }, { TH, IPPROTO_ICMP, 1, 1, "icmp code", DT_ICMP_CODE },
	{ TH, IPPROTO_ICMP, 4, 2, "icmp id", DT_INTEGER },
	{ TH, IPPROTO_ICMPV6, 0, 1, "icmpv6 type", DT_ICMP6_TYPE },
	{ TH, IPPROTO_ICMPV6, 1, 1, "icmpv6 code", DT_ICMP6_CODE }, { TH, IPPROTO_ICMPV6, 4, 2, "icmpv6 id", DT_INTEGER },
	{ TH, IPPROTO_UDP, 4, 2, "udp length", DT_INTEGER },
	{ TH, 0, 0, 2, "sport", DT_PORT }, { TH, 0, 2, 2, "dport", DT_PORT },
};

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP || proto == IPPROTO_DCCP ||
	       proto == IPPROTO_UDPLITE;
}

/* Addresses are loaded by fewer bytes for a prefix of whole bytes. */
static bool fits(const struct words *w, const struct field *f, unsigned base, unsigned off, unsigned len)
{
	bool addr = f->type == DT_IPV4 || f->type == DT_IPV6;
	uint8_t proto = base == NH ? w->l3proto : w->l4proto;

	if (f->base != base || f->off != off || (addr ? len > f->len : len != f->len))
		return false;
	return !f->proto || f->proto == proto || (base == NH && !proto && len == f->len);
}

void words_payload(struct words *w, unsigned reg, uint8_t base, unsigned off, unsigned len)
{
	static const char *const name[] = { "ll", "nh", "th", "ih" };
	struct word *r = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(fields) && !r; i++) {
		const struct field *f = &fields[i];

		if (!fits(w, f, base, off, len))
			continue;
		if (f->type == DT_PORT)
			r = words_load(w, reg, f->type, f->len, "%s %s",
				       has_ports(w->l4proto) ? proto_say(w->arena, w->l4proto) : "th", f->name);
		else
			r = words_load(w, reg, f->type, f->len, "%s", f->name);
	}
	if (!r)
		r = words_load(w, reg, DT_NONE, len, "@%s,%u,%u", name[base & 3], off * 8, len * 8);
	r->base = base + 1;
	r->off = off;
	r->plen = len;
}

/* -- sets -- */

const char *words_key(struct words *w, const struct set *s, unsigned off)
{
	struct text t = { .arena = w->arena };
	struct words_field f[8];
	unsigned n = s ? words_fields(s->key_type, s->key_len, s, f) : 1;

	for (unsigned i = 0; i < n; i++) {
		unsigned at = off + (s ? f[i].off : 0);
		const struct word *r = words_reg(w, at);

		if (r->text && !r->constant)
			words_implied(w, r);
		text_add(&t, "%s%s", i ? " . " : "", words_value(w, at, s ? f[i].type : DT_NONE, s ? f[i].len : 4));
	}
	return text_get(&t);
}

#define MAX_SHOWN	12

static int elem_cmp(const void *a, const void *b, void *ctx)
{
	const struct set_elem *const *x = a, *const *y = b;
	const struct set *s = ctx;

	/* numbers in host order, the least significant byte first */
	for (int i = s->key_len - 1; s->key_type == DT_HOST_INTEGER && htonl(1) != 1 && i >= 0; i--)
		if ((*x)->key[i] != (*y)->key[i])
			return (*x)->key[i] < (*y)->key[i] ? -1 : 1;
	return memcmp((*x)->key, (*y)->key, s->key_len);
}

static const char *anonymous(struct words *w, const struct set *s)
{
	const struct set_elem **el = arena_alloc(w->arena, s->n_elem * sizeof(struct set_elem *));
	struct text t = { .arena = w->arena };
	size_t shown = 0, n = 0;

	for (size_t i = 0; i < s->n_elem; i++)
		if (!(s->elem[i].flags & NFT_SET_ELEM_INTERVAL_END))
			el[n++] = &s->elem[i];
	if (n)
		qsort_r(el, n, sizeof(*el), elem_cmp, (void *)s);
	for (; shown < n && shown < MAX_SHOWN; shown++)
		text_add(&t, "%s%s", shown ? ", " : "", words_elem(w->arena, s, el[shown]));
	if (s->catchall)
		text_add(&t, "%s%s", shown ? ", " : "", words_elem(w->arena, s, s->catchall));
	if (n > shown)
		text_add(&t, ", … %zu in all", n);
	return arena_printf(w->arena, "{ %s }", text_get(&t));
}

const char *words_set(struct words *w, const char *name, const struct set **out)
{
	struct set *s = NULL;
	int rc;

	if (w->ruleset && w->chain)
		s = set_get(w->ruleset, w->chain->family, w->chain->table, name, &rc);
	*out = s;
	if (s && s->flags & NFT_SET_ANONYMOUS && !set_dump(w->ruleset, s))
		return anonymous(w, s);
	return arena_printf(w->arena, "@%s", name);
}
