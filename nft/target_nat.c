/* SPDX-License-Identifier: GPL-2.0-only */
/* Targets that translate: SNAT, DNAT, MASQUERADE, REDIRECT, NETMAP, and stateless prefix translation. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "nft/xt_rows.h"

#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter_ipv6/ip6t_NPT.h>

/* The range of any of the structs: IPv4's own (one range), nf_nat_range, nf_nat_range2. */
static bool range_from(const struct xt *x, struct nf_nat_range2 *r)
{
	const struct nf_nat_ipv4_multi_range_compat *mr = x->info;
	bool v4_struct = x->family == NFPROTO_IPV4 && (!x->rev);

	memset(r, 0, sizeof(*r));
	if (!v4_struct) {
		memcpy(r, x->info, x->rev == 2 ? sizeof(*r) : sizeof(struct nf_nat_range));
		return true;
	}
	if (mr->rangesize != 1)		/* the kernel's checkentry functions refuse anything else */
		return false;
	r->flags = mr->range[0].flags;
	r->min_addr.ip = mr->range[0].min_ip;
	r->max_addr.ip = mr->range[0].max_ip;
	r->min_proto = mr->range[0].min;
	r->max_proto = mr->range[0].max;
	return true;
}

static void nat_from(const struct xt *x, const struct nf_nat_range2 *r, enum nft_nat_kind kind, bool dst,
		     struct nft_nat *nat)
{
	*nat = (struct nft_nat){ .kind = kind, .dst = dst, .flags = r->flags };
	if (r->flags & NF_NAT_RANGE_MAP_IPS) {
		nat->min = xt_addr(x->family, &r->min_addr);
		nat->max = xt_addr(x->family, &r->max_addr);
	}
	if (r->flags & (NF_NAT_RANGE_PROTO_SPECIFIED | NF_NAT_RANGE_PROTO_OFFSET)) {
		nat->port_min = ntohs(r->min_proto.all);
		nat->port_max = ntohs(r->max_proto.all);
		nat->port_base = ntohs(r->base_proto.all);
	}
}

static const char *range_say(struct arena *a, const struct nft_nat *nat)
{
	char buf[ADDR_TEXT];

	if (!nat->min.family)
		return arena_printf(a, "port %u", nat->port_min);
	if (!addr_eq(&nat->min, &nat->max))
		return arena_printf(a, "%s and up to %s", endpoint_say(a, &nat->min, nat->port_min),
				    addr_say(&nat->max, buf));
	return endpoint_say(a, &nat->min, nat->port_min);
}

/* Ends the chain's walk with the translation that run.nat has. */
static enum step_kind nat_done(struct eval *e, const struct xt *x, const struct nf_nat_range2 *r,
			       enum nft_nat_kind kind, bool dst)
{
	nat_from(x, r, kind, dst, &e->run->nat);
	return STEP_NAT;
}

static enum step_kind bad_range(struct eval *e, const struct xt *x)
{
	eval_unknown(e, "target %s has a range of several parts", x->name);
	return STEP_UNKNOWN;
}

static enum step_kind dnat(struct eval *e, const struct xt *x)
{
	struct nf_nat_range2 r;

	if (!range_from(x, &r))
		return bad_range(e, x);
	nat_done(e, x, &r, NFT_NAT_DNAT, true);
	e->says = arena_printf(e->arena, "translates the destination to %s", range_say(e->arena, &e->run->nat));
	return STEP_NAT;
}

static enum step_kind snat(struct eval *e, const struct xt *x)
{
	struct nf_nat_range2 r;

	if (!range_from(x, &r))
		return bad_range(e, x);
	nat_done(e, x, &r, NFT_NAT_SNAT, false);
	e->says = arena_printf(e->arena, "translates the source to %s", range_say(e->arena, &e->run->nat));
	return STEP_NAT;
}

/* An address of the device for masquerade and redirect was asked for. STEP_NAT, or how the packet ends. */
static enum step_kind device_addr(struct eval *e, int ifindex, int rc, const struct addr *out)
{
	const struct link *l = ifindex ? e->ask->link(e->ask->ctx, e->netns, ifindex) : NULL;
	const char *name = l ? l->name : "the interface";

	if (rc == -ENOENT || (!rc && !out->family)) {
		e->says = arena_printf(e->arena, "drops it: %s has no address to translate to", name);
		return STEP_DROP;
	}
	if (rc) {
		eval_unknown(e, "the addresses of %s could not be read", name);
		return STEP_UNKNOWN;
	}
	return STEP_NAT;
}

static void range_set_addr(struct nf_nat_range2 *r, const struct addr *a)
{
	memcpy(&r->min_addr, a->b, addr_len(a));
	memcpy(&r->max_addr, a->b, addr_len(a));
	r->flags |= NF_NAT_RANGE_MAP_IPS;
}

/* nf_nat_masquerade_ipv4() chooses towards the route's next hop, nf_nat_masquerade_ipv6() towards the destination. */
static struct addr towards(struct eval *e)
{
	struct route_key key = { .dst = e->p->dst, .oif = e->p->oif, .mark = e->p->mark, .tos = e->p->tos };
	struct route rt = { 0 };

	if (packet_family(e->p) == AF_INET && !e->ask->route(e->ask->ctx, e->netns, &key, &rt) && !rt.error &&
	    rt.gateway.family == AF_INET)
		return rt.gateway;
	return e->p->dst;
}

static enum step_kind masquerade(struct eval *e, const struct xt *x)
{
	struct addr to, from = { 0 };
	struct nf_nat_range2 r;
	enum step_kind k;
	char buf[ADDR_TEXT];

	if (!range_from(x, &r))
		return bad_range(e, x);
	if (packet_family(e->p) == AF_INET && addr_is_any(&e->p->ct.orig.src) && e->p->ct.orig.src.family) {
		e->says = "leaves a packet without a source address alone";
		return STEP_ACCEPT;
	}
	to = towards(e);
	k = device_addr(e, e->p->oif, e->p->oif ? e->ask->dev_addr(e->ask->ctx, e->netns, e->p->oif, &to, &from) : -ENODEV,
			&from);
	if (k != STEP_NAT)
		return k;
	range_set_addr(&r, &from);
	e->says = arena_printf(e->arena, "masquerades as %s", addr_say(&from, buf));
	return nat_done(e, x, &r, NFT_NAT_MASQUERADE, false);
}

static int in_addr(struct eval *e, struct addr *out)
{
	return e->p->iif ? e->ask->redirect_addr(e->ask->ctx, e->netns, e->p->iif, &e->p->dst, out) : -ENODEV;
}

/* nf_nat_redirect_ipv4(), nf_nat_redirect_ipv6() */
static enum step_kind redirect(struct eval *e, const struct xt *x)
{
	struct addr to = { .family = packet_family(e->p) };
	enum step_kind k = STEP_NAT;
	struct nf_nat_range2 r;

	if (!range_from(x, &r))
		return bad_range(e, x);
	if (e->run->hook != NF_INET_LOCAL_OUT)
		k = device_addr(e, e->p->iif, in_addr(e, &to), &to);
	else if (to.family == AF_INET)
		to = addr_v4(INADDR_LOOPBACK);
	else
		to.v6 = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
	if (k != STEP_NAT)
		return k;
	range_set_addr(&r, &to);
	nat_done(e, x, &r, NFT_NAT_REDIRECT, true);
	e->says = arena_printf(e->arena, "redirects to %s", range_say(e->arena, &e->run->nat));
	return STEP_NAT;
}

/* netmap_tg4(), netmap_tg6(): the bits that min and max share replace the address's own. */
static enum step_kind netmap(struct eval *e, const struct xt *x)
{
	bool dst = e->run->hook == NF_INET_PRE_ROUTING || e->run->hook == NF_INET_LOCAL_OUT;
	struct addr a = dst ? e->p->dst : e->p->src;
	struct nf_nat_range2 r;
	char buf[ADDR_TEXT];

	if (!range_from(x, &r))
		return bad_range(e, x);
	for (unsigned i = 0; i < addr_len(&a); i++) {
		const uint8_t *lo = (const uint8_t *)&r.min_addr, *hi = (const uint8_t *)&r.max_addr;
		uint8_t mask = ~(lo[i] ^ hi[i]);

		a.b[i] = (a.b[i] & ~mask) | (lo[i] & mask);
	}
	range_set_addr(&r, &a);
	e->says = arena_printf(e->arena, "maps the %s to %s", dst ? "destination" : "source", addr_say(&a, buf));
	return nat_done(e, x, &r, NFT_NAT_NETMAP, dst);
}

/* -- words -- */

static void flag_words(struct text *t, uint32_t flags)
{
	if (flags & NF_NAT_RANGE_PROTO_RANDOM)
		text_add(t, " --random");
	if (flags & NF_NAT_RANGE_PROTO_RANDOM_FULLY)
		text_add(t, " --random-fully");
	if (flags & NF_NAT_RANGE_PERSISTENT)
		text_add(t, " --persistent");
}

/* sprint_range() of libxt_NAT.c */
static void range_words(struct text *t, const struct xt *x, const char *option, bool colon)
{
	struct nf_nat_range2 r;
	struct nft_nat nat;
	bool ports, brackets;
	char lo[ADDR_TEXT], hi[ADDR_TEXT];

	if (!range_from(x, &r))
		return;
	nat_from(x, &r, NFT_NAT_DNAT, true, &nat);
	ports = r.flags & NF_NAT_RANGE_PROTO_SPECIFIED;
	brackets = ports && x->family == NFPROTO_IPV6;
	if (nat.min.family || ports)
		text_add(t, " --%s ", option);
	if (nat.min.family) {
		text_add(t, "%s%s", brackets ? "[" : "", addr_say(&nat.min, lo));
		if (memcmp(&r.min_addr, &r.max_addr, sizeof(r.min_addr)))
			text_add(t, "-%s", addr_say(&nat.max, hi));
		text_add(t, "%s", brackets ? "]" : "");
	}
	if (ports) {
		text_add(t, colon || nat.min.family ? ":%u" : "%u", nat.port_min);
		if (nat.port_max != nat.port_min)
			text_add(t, "-%u", nat.port_max);
		if (r.flags & NF_NAT_RANGE_PROTO_OFFSET)
			text_add(t, "/%u", nat.port_base);
	}
	flag_words(t, r.flags);
}

static void dnat_words(struct text *t, const struct xt *x)
{
	range_words(t, x, "to-destination", true);
}

static void snat_words(struct text *t, const struct xt *x)
{
	range_words(t, x, "to-source", true);
}

static void ports_words(struct text *t, const struct xt *x)
{
	range_words(t, x, "to-ports", false);
}

static void netmap_words(struct text *t, const struct xt *x)
{
	struct nf_nat_range2 r;
	unsigned len = x->family == NFPROTO_IPV4 ? 4 : 16;
	uint8_t mask[16];
	struct addr net, m;
	char buf[ADDR_TEXT];

	if (!range_from(x, &r))
		return;
	for (unsigned i = 0; i < sizeof(mask); i++)
		mask[i] = ~(((const uint8_t *)&r.min_addr)[i] ^ ((const uint8_t *)&r.max_addr)[i]);
	net = addr_from(&r.min_addr, len);
	m = addr_from(mask, len);
	text_add(t, " --to %s", addr_say(&net, buf));
	if (xt_plen(mask, len) < 0)
		text_add(t, "/%s", addr_say(&m, buf));
	else
		text_add(t, "/%d", xt_plen(mask, len));
}

/* -- stateless prefix translation -- */

/* ip6t_npt_map_pfx() adjusts a word so that the checksum stays; the address that comes of it is not computed. */
static enum step_kind npt(struct eval *e, const struct xt *x)
{
	eval_unknown(e, "the address that %s makes is not computed", x->name);
	return STEP_UNKNOWN;
}

static void npt_words(struct text *t, const struct xt *x)
{
	const struct ip6t_npt_tginfo *info = x->info;
	struct addr src = addr_from(&info->src_pfx, 16), dst = addr_from(&info->dst_pfx, 16);
	char buf[ADDR_TEXT];

	text_add(t, " --src-pfx %s/%u", addr_say(&src, buf), info->src_pfx_len);
	text_add(t, " --dst-pfx %s/%u", addr_say(&dst, buf), info->dst_pfx_len);
}

#define V4	sizeof(struct nf_nat_ipv4_multi_range_compat)
#define RANGE	sizeof(struct nf_nat_range)
#define RANGE2	sizeof(struct nf_nat_range2)

static const struct xt_row rows[] = {
	XT_TARGET_CHANGES("DNAT", 0, NFPROTO_IPV4, V4, dnat, dnat_words),
	XT_TARGET_CHANGES("DNAT", 1, 0, RANGE, dnat, dnat_words),
	XT_TARGET_CHANGES("DNAT", 2, 0, RANGE2, dnat, dnat_words),
	XT_TARGET_CHANGES("SNAT", 0, NFPROTO_IPV4, V4, snat, snat_words),
	XT_TARGET_CHANGES("SNAT", 1, 0, RANGE, snat, snat_words),
	XT_TARGET_CHANGES("SNAT", 2, 0, RANGE2, snat, snat_words),
	XT_TARGET_CHANGES("MASQUERADE", 0, NFPROTO_IPV4, V4, masquerade, ports_words),
	XT_TARGET_CHANGES("MASQUERADE", 0, NFPROTO_IPV6, RANGE, masquerade, ports_words),
	XT_TARGET_CHANGES("REDIRECT", 0, NFPROTO_IPV4, V4, redirect, ports_words),
	XT_TARGET_CHANGES("REDIRECT", 0, NFPROTO_IPV6, RANGE, redirect, ports_words),
	XT_TARGET_CHANGES("NETMAP", 0, NFPROTO_IPV4, V4, netmap, netmap_words),
	XT_TARGET_CHANGES("NETMAP", 0, NFPROTO_IPV6, RANGE, netmap, netmap_words),
	XT_TARGET_CHANGES("SNPT", 0, NFPROTO_IPV6, sizeof(struct ip6t_npt_tginfo), npt, npt_words),
	XT_TARGET_CHANGES("DNPT", 0, NFPROTO_IPV6, sizeof(struct ip6t_npt_tginfo), npt, npt_words),
};

const struct xt_rows xt_target_nat = XT_ROWS(rows);

bool xt_dnat(const struct step *s, struct addr *addr, uint16_t *port)
{
	const struct xt *x = s->data;
	struct nf_nat_range2 r;
	struct nft_nat nat;

	if (s->ops->run != xt_target_run || strcmp(s->ops->name, "DNAT") || !range_from(x, &r))
		return false;
	nat_from(x, &r, NFT_NAT_DNAT, true, &nat);
	if (!nat.min.family || !addr_eq(&nat.min, &nat.max) || nat.port_min != nat.port_max ||
	    r.flags & NF_NAT_RANGE_PROTO_OFFSET)
		return false;
	*addr = nat.min;
	*port = nat.port_min;
	return true;
}
