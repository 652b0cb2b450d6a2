/* SPDX-License-Identifier: GPL-2.0-only */
/* A route as a netlink message has it, of a dump or of an answer, and in the words of `ip route`. */
#include <errno.h>
#include <string.h>

#include "tracer/base/nl.h"
#include "tracer/state_priv.h"

#include <linux/rtnetlink.h>

static struct addr attr_addr(const struct nlattr *a)
{
	struct addr none = {};

	return a ? addr_from(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a)) : none;
}

/* RTA_GATEWAY, or RTA_VIA: a gateway of the other family. */
static struct addr gateway(const struct nlattr *gw, const struct nlattr *via)
{
	size_t len = via ? mnl_attr_get_payload_len(via) : 0;

	if (!gw && len > sizeof(struct rtvia))
		return addr_from((const uint8_t *)mnl_attr_get_payload(via) + sizeof(struct rtvia),
				 len - sizeof(struct rtvia));
	return attr_addr(gw);
}

static unsigned take_nexthops(struct arena *a, const struct nlattr *multi, struct fib_nh **out)
{
	const uint8_t *p = mnl_attr_get_payload(multi);
	size_t left = mnl_attr_get_payload_len(multi), cap = 0, n = 0;
	struct fib_nh *v = NULL;

	while (left >= sizeof(struct rtnexthop)) {
		const struct rtnexthop *nh = (const void *)p;
		const struct nlattr *gw = NULL, *via = NULL;
		size_t at = NLMSG_ALIGN(sizeof(*nh)), len = nh->rtnh_len;
		struct fib_nh *new;

		if (len < sizeof(*nh) || len > left)
			break;
		while (at + sizeof(struct nlattr) <= len) {
			const struct nlattr *attr = (const void *)(p + at);

			if (attr->nla_len < sizeof(*attr) || attr->nla_len > len - at)
				break;
			if (mnl_attr_get_type(attr) == RTA_GATEWAY)
				gw = attr;
			if (mnl_attr_get_type(attr) == RTA_VIA)
				via = attr;
			at += MNL_ALIGN((size_t)attr->nla_len);
		}
		new = VEC_PUSH(a, v, n, cap);
		*new = (struct fib_nh){ .oif = nh->rtnh_ifindex, .gw = gateway(gw, via),
					.weight = nh->rtnh_hops + 1, .flags = nh->rtnh_flags };
		len = NLMSG_ALIGN(len);
		if (len >= left)
			break;
		p += len;
		left -= len;
	}
	*out = v;
	return n;
}

static void take_metrics(struct fib_route *r, const struct nlattr *metrics)
{
	const struct nlattr *tb[RTAX_MTU + 1];

	nl_nested(metrics, tb, RTAX_MTU);
	r->mtu = nl_u32(tb[RTAX_MTU], 0);
}

bool fib_route_parse(struct arena *a, const struct nlmsghdr *nlh, struct fib_route *out)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[RTA_NH_ID + 1];
	struct fib_nh *nh = NULL;

	if (nlh->nlmsg_type != RTM_NEWROUTE || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) ||
	    (m->rtm_family != AF_INET && m->rtm_family != AF_INET6) ||
	    m->rtm_dst_len > (m->rtm_family == AF_INET ? 32 : 128) ||
	    m->rtm_src_len > (m->rtm_family == AF_INET ? 32 : 128))
		return false;
	nl_attrs(nlh, sizeof(*m), tb, RTA_NH_ID);
	*out = (struct fib_route){
		.family = m->rtm_family, .plen = m->rtm_dst_len, .src_plen = m->rtm_src_len,
		.tos = m->rtm_tos, .type = m->rtm_type, .protocol = m->rtm_protocol,
		.scope = m->rtm_scope, .flags = m->rtm_flags, .pref = nl_u8(tb[RTA_PREF], 0),
		.table = nl_u32(tb[RTA_TABLE], m->rtm_table), .priority = nl_u32(tb[RTA_PRIORITY], 0),
		.nh_id = nl_u32(tb[RTA_NH_ID], 0), .dst = attr_addr(tb[RTA_DST]), .src = attr_addr(tb[RTA_SRC]),
		.prefsrc = attr_addr(tb[RTA_PREFSRC]), .iif = nl_u32(tb[RTA_IIF], 0),
	};
	if (!out->dst.family)
		out->dst.family = m->rtm_family;
	if (out->dst.family != m->rtm_family)
		return false;
	if (tb[RTA_METRICS])
		take_metrics(out, tb[RTA_METRICS]);
	if (tb[RTA_CACHEINFO] && mnl_attr_get_payload_len(tb[RTA_CACHEINFO]) >= sizeof(struct rta_cacheinfo)) {
		struct rta_cacheinfo ci;

		memcpy(&ci, mnl_attr_get_payload(tb[RTA_CACHEINFO]), sizeof(ci));
		out->error = (int)ci.rta_error;
	}
	if (tb[RTA_MULTIPATH]) {
		out->n_nh = take_nexthops(a, tb[RTA_MULTIPATH], &nh);
	} else if (tb[RTA_OIF]) {
		nh = arena_alloc(a, sizeof(*nh));
		*nh = (struct fib_nh){ .oif = nl_u32(tb[RTA_OIF], 0), .weight = 1,
				       .gw = gateway(tb[RTA_GATEWAY], tb[RTA_VIA]), .flags = m->rtm_flags & 0xff };
		out->n_nh = 1;
	}
	out->nh = nh;
	return true;
}

/* -- words ------------------------------------------------------------------------------------------- */

struct word {
	unsigned n;
	const char *word;
};

/* iproute2's etc/iproute2/rt_protos, rt_scopes and rt_tables, as it installs them. */
static const struct word protocols[] = {
	{ RTPROT_REDIRECT, "redirect" }, { RTPROT_KERNEL, "kernel" }, { RTPROT_BOOT, "boot" },
	{ RTPROT_STATIC, "static" }, { RTPROT_GATED, "gated" }, { RTPROT_RA, "ra" }, { RTPROT_MRT, "mrt" },
	{ RTPROT_ZEBRA, "zebra" }, { RTPROT_BIRD, "bird" }, { RTPROT_DNROUTED, "dnrouted" },
	{ RTPROT_XORP, "xorp" }, { RTPROT_NTK, "ntk" }, { RTPROT_DHCP, "dhcp" }, { 18, "keepalived" },
	{ 42, "babel" }, { 186, "bgp" }, { 187, "isis" }, { 188, "ospf" }, { 189, "rip" }, { 192, "eigrp" },
};
static const struct word scopes[] = {
	{ RT_SCOPE_SITE, "site" }, { RT_SCOPE_LINK, "link" }, { RT_SCOPE_HOST, "host" },
	{ RT_SCOPE_NOWHERE, "nowhere" },
};
static const struct word tables[] = {
	{ RT_TABLE_DEFAULT, "default" }, { RT_TABLE_MAIN, "main" }, { RT_TABLE_LOCAL, "local" },
};
static const struct word types[] = {
	{ RTN_LOCAL, "local" }, { RTN_BROADCAST, "broadcast" }, { RTN_ANYCAST, "anycast" },
	{ RTN_MULTICAST, "multicast" }, { RTN_BLACKHOLE, "blackhole" }, { RTN_UNREACHABLE, "unreachable" },
	{ RTN_PROHIBIT, "prohibit" }, { RTN_THROW, "throw" }, { RTN_NAT, "nat" }, { RTN_XRESOLVE, "xresolve" },
};

static const char *say(struct arena *a, const struct word *w, size_t n, unsigned v)
{
	for (size_t i = 0; i < n; i++)
		if (w[i].n == v)
			return w[i].word;
	return arena_printf(a, "%u", v);
}

const char *fib_table_say(struct arena *a, uint32_t table)
{
	return say(a, tables, ARRAY_SIZE(tables), table);
}

static void say_nexthop(struct text *t, struct state *s, uint32_t netns, const struct fib_route *r,
			const struct fib_nh *nh)
{
	char buf[ADDR_TEXT];

	if (nh->gw.family)
		text_add(t, " via %s%s", nh->gw.family != r->family ? "inet6 " : "", addr_say(&nh->gw, buf));
	if (nh->oif)
		text_add(t, " dev %s", link_name(s, netns, nh->oif));
}

static void say_flags(struct text *t, uint32_t flags)
{
	if (flags & RTNH_F_DEAD)
		text_add(t, " dead");
	if (flags & RTNH_F_ONLINK)
		text_add(t, " onlink");
	if (flags & RTNH_F_LINKDOWN)
		text_add(t, " linkdown");
}

const char *fib_route_say(struct state *s, uint32_t netns, const struct fib_route *r)
{
	struct text t = { .arena = s->arena };
	unsigned full = r->family == AF_INET ? 32 : 128;
	char buf[ADDR_TEXT];

	if (r->type != RTN_UNICAST)
		text_add(&t, "%s ", say(s->arena, types, ARRAY_SIZE(types), r->type));
	text_add(&t, "%s", r->plen ? addr_say(&r->dst, buf) : "default");
	if (r->plen && r->plen != full)
		text_add(&t, "/%u", r->plen);
	if (r->src_plen && r->src.family)
		text_add(&t, " from %s/%u", addr_say(&r->src, buf), r->src_plen);
	if (r->tos)
		text_add(&t, " tos 0x%02x", r->tos);
	if (r->nh_id)
		text_add(&t, " nhid %u", r->nh_id);
	if (r->n_nh == 1)
		say_nexthop(&t, s, netns, r, &r->nh[0]);
	if (r->table && r->table != RT_TABLE_MAIN)
		text_add(&t, " table %s", fib_table_say(s->arena, r->table));
	if (r->protocol != RTPROT_BOOT && r->protocol != RTPROT_UNSPEC)
		text_add(&t, " proto %s", say(s->arena, protocols, ARRAY_SIZE(protocols), r->protocol));
	if (r->scope != RT_SCOPE_UNIVERSE)
		text_add(&t, " scope %s", say(s->arena, scopes, ARRAY_SIZE(scopes), r->scope));
	if (r->prefsrc.family)
		text_add(&t, " src %s", addr_say(&r->prefsrc, buf));
	if (r->priority)
		text_add(&t, " metric %u", r->priority);
	if (r->mtu)
		text_add(&t, " mtu %u", r->mtu);
	if (r->n_nh == 1)
		say_flags(&t, r->nh[0].flags);
	for (unsigned i = 0; r->n_nh > 1 && i < r->n_nh; i++) {
		text_add(&t, " nexthop");
		say_nexthop(&t, s, netns, r, &r->nh[i]);
		text_add(&t, " weight %u", r->nh[i].weight);
		say_flags(&t, r->nh[i].flags);
	}
	return text_get(&t);
}
