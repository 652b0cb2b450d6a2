/* SPDX-License-Identifier: GPL-2.0-only */
/* Links: one RTM_GETLINK dump a namespace, with what bridges, ports, veths and VRFs say of themselves. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/base/nl.h"
#include "tracer/state_priv.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP (1 << 16)
#endif

struct link_row {
	struct link link;		/* first: a row is found from its link */
	uint32_t vrf_table;
};

struct links {
	int rc;
	const struct link **link;	/* ascending by ifindex */
	size_t n, cap;
	struct state *s;
	const struct link **made;	/* the same n in the order of for_each_netdev(); NULL: not asked yet */
};

static void copy_name(char out[16], const struct nlattr *a)
{
	size_t n = a ? mnl_attr_get_payload_len(a) : 0;

	memset(out, 0, 16);
	if (n)
		memcpy(out, mnl_attr_get_payload(a), n < 16 ? n : 15);
}

static enum answer flag(const struct nlattr *a)
{
	uint8_t v = nl_u8(a, 0xff);

	return v == 0xff ? UNKNOWN : answer_of(v);
}

static void parse_bridge(struct link *l, const struct nlattr *data)
{
	const struct nlattr *tb[IFLA_BR_NF_CALL_IP6TABLES + 1] = {};

	if (data)
		nl_nested(data, tb, IFLA_BR_NF_CALL_IP6TABLES);
	l->vlan_filtering = flag(tb[IFLA_BR_VLAN_FILTERING]);
	l->nf_call_iptables = flag(tb[IFLA_BR_NF_CALL_IPTABLES]);
	l->nf_call_ip6tables = flag(tb[IFLA_BR_NF_CALL_IP6TABLES]);
}

static void parse_port(struct link *l, const struct nlattr *data)
{
	const struct nlattr *tb[IFLA_BRPORT_ISOLATED + 1] = {};

	if (data)
		nl_nested(data, tb, IFLA_BRPORT_ISOLATED);
	l->port_state = nl_u8(tb[IFLA_BRPORT_STATE], 0);
	l->hairpin = flag(tb[IFLA_BRPORT_MODE]);
	/* Before 4.18 no port could be isolated, and the attribute is not there. */
	l->isolated = tb[IFLA_BRPORT_ISOLATED] ? flag(tb[IFLA_BRPORT_ISOLATED]) : NO;
}

static void parse_linkinfo(struct link_row *row, const struct nlattr *info)
{
	const struct nlattr *tb[IFLA_INFO_MAX + 1], *vrf[IFLA_VRF_MAX + 1];
	struct link *l = &row->link;

	nl_nested(info, tb, IFLA_INFO_MAX);
	copy_name(l->kind, tb[IFLA_INFO_KIND]);
	copy_name(l->master_kind, tb[IFLA_INFO_SLAVE_KIND]);
	if (!strcmp(l->kind, "bridge"))
		parse_bridge(l, tb[IFLA_INFO_DATA]);
	if (!strcmp(l->master_kind, "bridge"))
		parse_port(l, tb[IFLA_INFO_SLAVE_DATA]);
	if (!strcmp(l->kind, "vrf") && tb[IFLA_INFO_DATA]) {
		nl_nested(tb[IFLA_INFO_DATA], vrf, IFLA_VRF_MAX);
		row->vrf_table = nl_u32(vrf[IFLA_VRF_TABLE], 0);
	}
}

static void parse_xdp(struct link *l, const struct nlattr *xdp)
{
	const struct nlattr *tb[IFLA_XDP_MAX + 1];

	nl_nested(xdp, tb, IFLA_XDP_MAX);
	if (!nl_u8(tb[IFLA_XDP_ATTACHED], 0))
		return;
	l->xdp_prog = nl_u32(tb[IFLA_XDP_PROG_ID], 0);
	if (!l->xdp_prog)
		l->xdp_prog = nl_u32(tb[IFLA_XDP_HW_PROG_ID], 0);
	if (!l->xdp_prog)
		l->xdp_prog = nl_u32(tb[IFLA_XDP_DRV_PROG_ID], 0);
	if (!l->xdp_prog)
		l->xdp_prog = nl_u32(tb[IFLA_XDP_SKB_PROG_ID], 0);
}

static int take_link(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifinfomsg *i = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_PERM_ADDRESS + 1];
	struct links *ls = ctx;
	struct link_row *row;
	struct link *l;

	if (nlh->nlmsg_type != RTM_NEWLINK || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*i)) || i->ifi_index <= 0)
		return 0;
	nl_attrs(nlh, sizeof(*i), tb, IFLA_PERM_ADDRESS);
	row = arena_alloc(ls->s->arena, sizeof(*row));
	l = &row->link;
	*l = (struct link){
		.ifindex = i->ifi_index, .flags = i->ifi_flags, .type = i->ifi_type,
		.mtu = nl_u32(tb[IFLA_MTU], 0), .group = nl_u32(tb[IFLA_GROUP], 0),
		.master = nl_u32(tb[IFLA_MASTER], 0), .peer = nl_u32(tb[IFLA_LINK], 0),
		.peer_nsid = nl_u32(tb[IFLA_LINK_NETNSID], -1),
		.carrier = i->ifi_flags & IFF_LOWER_UP, .operstate = nl_u8(tb[IFLA_OPERSTATE], 0),
		.promisc = tb[IFLA_PROMISCUITY] ? answer_of(nl_u32(tb[IFLA_PROMISCUITY], 0)) : UNKNOWN,
	};
	copy_name(l->name, tb[IFLA_IFNAME]);
	if (tb[IFLA_ADDRESS] && mnl_attr_get_payload_len(tb[IFLA_ADDRESS]) == 6) {
		l->mac.known = true;
		memcpy(l->mac.b, mnl_attr_get_payload(tb[IFLA_ADDRESS]), 6);
	}
	if (tb[IFLA_LINKINFO])
		parse_linkinfo(row, tb[IFLA_LINKINFO]);
	if (tb[IFLA_XDP])
		parse_xdp(l, tb[IFLA_XDP]);
	*VEC_PUSH(ls->s->arena, ls->link, ls->n, ls->cap) = l;
	return 0;
}

static int by_ifindex(const void *a, const void *b)
{
	const struct link *x = *(const struct link *const *)a, *y = *(const struct link *const *)b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

static struct links *get_links(struct state *s, uint32_t netns)
{
	struct ns *ns = state_ns(s, netns);
	char buf[256] = {};
	struct nlmsghdr *nlh;
	struct links *ls;

	if (ns->links)
		return ns->links;
	ls = ns->links = arena_alloc(s->arena, sizeof(*ls));
	ls->s = s;
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	ls->rc = nl_ask(s->io, netns, NETLINK_ROUTE, nlh, take_link, ls, NULL);
	if (ls->rc)
		gap_add(s->gaps, "the links of %s could not be read: %s", io_netns_name(s->io, netns),
			strerror(-ls->rc));
	if (ls->n)
		qsort(ls->link, ls->n, sizeof(*ls->link), by_ifindex);
	return ls;
}

int state_links(struct state *s, uint32_t netns, const struct link *const **out, size_t *n)
{
	struct links *ls = get_links(s, netns);

	if (ls->rc)
		return ls->rc;
	*out = ls->link;
	*n = ls->n;
	return 0;
}

/* Of a device among its namespace's; their number if there is none such. */
static size_t position(const struct links *ls, int ifindex)
{
	struct link key = { .ifindex = ifindex };
	const struct link *k = &key, **found = NULL;

	if (ls->n)
		found = bsearch(&k, ls->link, ls->n, sizeof(*ls->link), by_ifindex);
	return found ? (size_t)(found - ls->link) : ls->n;
}

/*
 * for_each_netdev() goes by when a device came into the namespace, which no dump tells: those go by ifindex. Of all files
 * /proc/net/igmp does (igmp_mc_get_first()), for the devices that are up; the others stand where their number says.
 */
static const struct link **order_made(struct state *s, uint32_t netns, const struct links *ls)
{
	const struct link **out = arena_alloc(s->arena, (ls->n + 1) * sizeof(*out));
	const struct link **up = arena_alloc(s->arena, (ls->n + 1) * sizeof(*up));
	bool *is_up = arena_alloc(s->arena, ls->n + 1);
	size_t n = 0, n_up = 0, next = 0;
	const char *text;

	if (io_file(s->io, netns, "/proc/net/igmp", &text, NULL))
		text = "";
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		/* Behind each device its groups, indented. */
		size_t i = *line >= '1' && *line <= '9' ? position(ls, atoi(line)) : ls->n;

		if (i < ls->n && !is_up[i]) {
			is_up[i] = true;
			up[n_up++] = ls->link[i];
		}
	}
	for (size_t k = 0; k <= n_up; k++) {
		for (; next < ls->n && (k == n_up || ls->link[next]->ifindex < up[k]->ifindex); next++)
			if (!is_up[next])
				out[n++] = ls->link[next];
		if (k < n_up)
			out[n++] = up[k];
	}
	return out;
}

int links_as_made(struct state *s, uint32_t netns, const struct link *const **out, size_t *n)
{
	struct links *ls = get_links(s, netns);

	if (ls->rc)
		return ls->rc;
	if (!ls->made)
		ls->made = order_made(s, netns, ls);
	*out = ls->made;
	*n = ls->n;
	return 0;
}

const struct link *state_link(struct state *s, uint32_t netns, int ifindex)
{
	struct links *ls = get_links(s, netns);
	size_t i = position(ls, ifindex);

	return i < ls->n ? ls->link[i] : NULL;
}

const struct link *state_link_named(struct state *s, uint32_t netns, const char *name)
{
	struct links *ls = get_links(s, netns);

	for (size_t i = 0; i < ls->n; i++)
		if (!strcmp(ls->link[i]->name, name))
			return ls->link[i];
	return NULL;
}

const char *link_name(struct state *s, uint32_t netns, int ifindex)
{
	const struct link *l = state_link(s, netns, ifindex);

	return l ? l->name : arena_printf(s->arena, "if%d", ifindex);
}

/* -- VRFs ------------------------------------------------------------------------------------------- */

uint32_t link_vrf_table(struct state *s, uint32_t netns, int ifindex)
{
	const struct link *l = state_link(s, netns, ifindex);

	return l ? ((const struct link_row *)l)->vrf_table : 0;
}

bool link_is_l3_master(struct state *s, uint32_t netns, int ifindex)
{
	const struct link *l = state_link(s, netns, ifindex);

	return l && !strcmp(l->kind, "vrf");
}

int link_l3_master(struct state *s, uint32_t netns, int ifindex)
{
	const struct link *l = state_link(s, netns, ifindex);

	if (!l)
		return 0;
	if (!strcmp(l->kind, "vrf"))
		return ifindex;
	if (!strcmp(l->master_kind, "vrf"))
		return l->master;
	/* A port of a bridge or bond in a VRF: IP runs on the upper device, so it is not asked here. */
	return 0;
}
