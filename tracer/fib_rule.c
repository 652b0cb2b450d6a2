/* SPDX-License-Identifier: GPL-2.0-only */
/* Policy routing rules: read, matched against a flow as the kernel does, and in the words of `ip rule`. */
#include <errno.h>
#include <string.h>

#include "tracer/base/nl.h"
#include "tracer/state_priv.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

/* Newer than the headers that we build against. */
enum { A_DSCP = 26, A_FLOWLABEL, A_FLOWLABEL_MASK, A_SPORT_MASK, A_DPORT_MASK, A_DSCP_MASK, A_LAST = A_DSCP_MASK };

struct rules {
	struct state *s;
	uint8_t family;
	struct fib_rule *v;
	size_t n, cap;
};

static void take_range(const struct nlattr *a, uint16_t *min, uint16_t *max)
{
	struct fib_rule_port_range range;

	if (!a || mnl_attr_get_payload_len(a) != sizeof(range))
		return;
	memcpy(&range, mnl_attr_get_payload(a), sizeof(range));
	*min = range.start;
	*max = range.end;
}

static struct addr take_addr(const struct nlattr *a, uint8_t family)
{
	struct addr out = { .family = family };

	if (a)
		out = addr_from(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	return out;
}

static int take_rule(const struct nlmsghdr *nlh, void *ctx)
{
	const struct fib_rule_hdr *h = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[A_LAST + 1];
	struct rules *rs = ctx;
	struct fib_rule_uid_range uid;
	struct fib_rule *r;

	if (nlh->nlmsg_type != RTM_NEWRULE || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*h)) || h->family != rs->family)
		return 0;
	nl_attrs(nlh, sizeof(*h), tb, A_LAST);
	r = VEC_PUSH(rs->s->arena, rs->v, rs->n, rs->cap);
	*r = (struct fib_rule){
		.priority = nl_u32(tb[FRA_PRIORITY], 0), .table = nl_u32(tb[FRA_TABLE], h->table),
		.flags = h->flags, .mark = nl_u32(tb[FRA_FWMARK], 0), .mask = nl_u32(tb[FRA_FWMASK], 0),
		.target = nl_u32(tb[FRA_GOTO], 0), .action = h->action, .tos = h->tos,
		.proto = nl_u8(tb[FRA_IP_PROTO], 0), .src_plen = h->src_len, .dst_plen = h->dst_len,
		.src = take_addr(tb[FRA_SRC], h->family), .dst = take_addr(tb[FRA_DST], h->family),
		.iif = nl_str(rs->s->arena, tb[FRA_IIFNAME]), .oif = nl_str(rs->s->arena, tb[FRA_OIFNAME]),
		.suppress_plen = (int)nl_u32(tb[FRA_SUPPRESS_PREFIXLEN], -1),
		.suppress_group = (int)nl_u32(tb[FRA_SUPPRESS_IFGROUP], -1),
		.l3mdev = nl_u8(tb[FRA_L3MDEV], 0), .has_dscp = tb[A_DSCP], .dscp = nl_u8(tb[A_DSCP], 0),
	};
	if (tb[FRA_UID_RANGE] && mnl_attr_get_payload_len(tb[FRA_UID_RANGE]) == sizeof(uid)) {
		memcpy(&uid, mnl_attr_get_payload(tb[FRA_UID_RANGE]), sizeof(uid));
		r->has_uid = true;
		r->uid_min = uid.start;
		r->uid_max = uid.end;
	}
	take_range(tb[FRA_SPORT_RANGE], &r->sport_min, &r->sport_max);
	take_range(tb[FRA_DPORT_RANGE], &r->dport_min, &r->dport_max);
	r->unknown = tb[FRA_TUN_ID] || tb[A_FLOWLABEL] || nl_u16(tb[A_SPORT_MASK], 0xffff) != 0xffff ||
		     nl_u16(tb[A_DPORT_MASK], 0xffff) != 0xffff || nl_u8(tb[A_DSCP_MASK], 0x3f) != 0x3f ||
		     h->flags & FIB_RULE_FIND_SADDR;
	return 0;
}

/* What a new namespace has: local, main, and for IPv4 default. */
static bool is_default(const struct rules *rs)
{
	static const struct { uint32_t priority, table; } want[] = {
		{ 0, RT_TABLE_LOCAL }, { 32766, RT_TABLE_MAIN }, { 32767, RT_TABLE_DEFAULT },
	};

	if (rs->n != (rs->family == AF_INET ? 3 : 2))
		return false;
	for (size_t i = 0; i < rs->n; i++) {
		const struct fib_rule *r = &rs->v[i];

		if (r->priority != want[i].priority || r->table != want[i].table || r->action != FR_ACT_TO_TBL ||
		    r->src_plen || r->dst_plen || r->iif || r->oif || r->mask || r->has_uid || r->proto ||
		    r->tos || r->has_dscp || r->unknown || r->flags & FIB_RULE_INVERT || r->suppress_plen >= 0)
			return false;
	}
	return true;
}

int fib_rules_read(struct state *s, uint32_t netns, uint8_t family, const struct fib_rule **out, size_t *n,
		   bool *plain)
{
	struct rules rs = { .s = s, .family = family };
	char buf[256] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct fib_rule_hdr *h;
	int rc;

	nlh->nlmsg_type = RTM_GETRULE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h = mnl_nlmsg_put_extra_header(nlh, sizeof(*h));
	h->family = family;
	rc = nl_ask(s->io, netns, NETLINK_ROUTE, nlh, take_rule, &rs, NULL);
	/* A kernel without policy routing, or without IPv6. */
	if (rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP)
		rc = 0;
	if (rc)
		return rc;
	*out = rs.v;
	*n = rs.n;
	*plain = !rs.n || is_default(&rs);
	return 0;
}

/* -- matching ------------------------------------------------------------------------------------------ */

static bool on_link(struct state *s, uint32_t netns, const char *name, int ifindex)
{
	const struct link *l;

	if (!name)
		return true;
	l = state_link_named(s, netns, name);
	return l && l->ifindex == ifindex;
}

static bool in_range(uint16_t port, uint16_t min, uint16_t max)
{
	return (!min && !max) || (port >= min && port <= max);
}

/* fib4_rule_match(), fib6_rule_match(). */
static bool family_matches(const struct fib_rule *r, const struct fib_flow *fl)
{
	if (r->dst_plen && !addr_in(&fl->dst, &r->dst, r->dst_plen))
		return false;
	if (r->src_plen && (!fl->has_src || !addr_in(&fl->src, &r->src, r->src_plen)))
		return false;
	if (r->has_dscp ? r->dscp != fl->tos >> 2 : r->tos && r->tos != fl->tos)
		return false;
	return (!r->proto || r->proto == fl->proto) && in_range(fl->sport, r->sport_min, r->sport_max) &&
	       in_range(fl->dport, r->dport_min, r->dport_max);
}

/* fib_rule_match() of net/core/fib_rules.c. */
enum answer fib_rule_matches(struct state *s, uint32_t netns, const struct fib_rule *r, const struct fib_flow *fl)
{
	bool match = on_link(s, netns, r->iif, fl->iif) && on_link(s, netns, r->oif, fl->oif) &&
		     !((r->mark ^ fl->mark) & r->mask) &&
		     (!r->l3mdev || (fl->l3mdev && link_vrf_table(s, netns, fl->l3mdev))) &&
		     (!r->has_uid || (fl->uid >= r->uid_min && fl->uid <= r->uid_max)) && family_matches(r, fl);

	if (match && r->unknown)
		return UNKNOWN;
	return answer_of(match != !!(r->flags & FIB_RULE_INVERT));
}

/* -- words --------------------------------------------------------------------------------------------- */

static void say_prefix(struct text *t, const char *word, const struct addr *a, unsigned plen)
{
	char buf[ADDR_TEXT];

	text_add(t, " %s %s", word, addr_say(a, buf));
	if (plen != addr_len(a) * 8)
		text_add(t, "/%u", plen);
}

static void say_ports(struct text *t, const char *word, uint16_t min, uint16_t max)
{
	if (min && min == max)
		text_add(t, " %s %u", word, min);
	else if (min || max)
		text_add(t, " %s %u-%u", word, min, max);
}

const char *fib_rule_say(struct arena *a, const struct fib_rule *r)
{
	static const char *const actions[] = {
		[FR_ACT_NOP] = "nop", [FR_ACT_BLACKHOLE] = "blackhole", [FR_ACT_UNREACHABLE] = "unreachable",
		[FR_ACT_PROHIBIT] = "prohibit",
	};
	struct text t = { .arena = a };

	text_add(&t, "%u:%s", r->priority, r->flags & FIB_RULE_INVERT ? " not" : "");
	if (r->src_plen)
		say_prefix(&t, "from", &r->src, r->src_plen);
	else
		text_add(&t, " from all");
	if (r->dst_plen)
		say_prefix(&t, "to", &r->dst, r->dst_plen);
	if (r->tos || r->has_dscp)
		text_add(&t, r->has_dscp ? " dscp %u" : " tos 0x%02x", r->has_dscp ? r->dscp : r->tos);
	if (r->mark || r->mask)
		text_add(&t, " fwmark 0x%x", r->mark);
	if (r->mask && r->mask != 0xffffffff)
		text_add(&t, "/0x%x", r->mask);
	if (r->iif)
		text_add(&t, " iif %s", r->iif);
	if (r->oif)
		text_add(&t, " oif %s", r->oif);
	if (r->l3mdev)
		text_add(&t, " lookup [l3mdev-table]");
	if (r->has_uid)
		text_add(&t, " uidrange %u-%u", r->uid_min, r->uid_max);
	if (r->proto)
		text_add(&t, " ipproto %s", proto_say(a, r->proto));
	say_ports(&t, "sport", r->sport_min, r->sport_max);
	say_ports(&t, "dport", r->dport_min, r->dport_max);
	if (r->action == FR_ACT_TO_TBL && !r->l3mdev)
		text_add(&t, " lookup %s", fib_table_say(a, r->table));
	if (r->suppress_plen >= 0)
		text_add(&t, " suppress_prefixlength %d", r->suppress_plen);
	if (r->action == FR_ACT_GOTO)
		text_add(&t, " goto %u", r->target);
	else if (r->action < ARRAY_SIZE(actions) && actions[r->action])
		text_add(&t, " %s", actions[r->action]);
	return text_get(&t);
}
