/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands on a device beside XDP and netfilter: tcx programs, and the filters of clsact and ingress. Each is asked for by device and
 * way, where a packet crosses it: a dump of all qdiscs would take a millisecond where a node has a thousand devices.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "bpf/tcx.h"
#include "tracer/base/nl.h"
#include "tracer/state_priv.h"

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

/* The devices of a namespace that have a qdisc of kind ingress, which has no filters on the way out. */
struct tc_devices {
	struct arena *arena;
	int *ifindex;
	size_t n, cap;
};

/* The steps of one device and way. */
struct tc_list {
	struct arena *arena;
	struct tc_step *v;
	size_t n, cap;
};

/* A dump's request; its header is still to be filled. */
static struct tcmsg *start_dump(void *buf, uint16_t type, struct nlmsghdr **nlh)
{
	*nlh = mnl_nlmsg_put_header(buf);
	(*nlh)->nlmsg_type = type;
	(*nlh)->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	return mnl_nlmsg_put_extra_header(*nlh, sizeof(struct tcmsg));
}

static int take_qdisc(const struct nlmsghdr *nlh, void *ctx)
{
	const struct tcmsg *t = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[TCA_MAX + 1];
	struct tc_devices *d = ctx;
	const char *kind;

	if (nlh->nlmsg_type != RTM_NEWQDISC || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*t)) || t->tcm_parent != TC_H_INGRESS)
		return 0;
	nl_attrs(nlh, sizeof(*t), tb, TCA_MAX);
	kind = nl_str(d->arena, tb[TCA_KIND]);
	if (kind && !strcmp(kind, "ingress"))
		*VEC_PUSH(d->arena, d->ifindex, d->n, d->cap) = t->tcm_ifindex;
	return 0;
}

/* ingress_tcf_block() answers for any parent: what was told of such a device's way out are the filters of its way in. */
static bool has_no_egress(struct state *s, uint32_t netns, int ifindex)
{
	struct ns *ns = state_ns(s, netns);
	char buf[256] = {};
	struct nlmsghdr *nlh;

	if (!ns->tc) {
		ns->tc = arena_alloc(s->arena, sizeof(*ns->tc));
		ns->tc->arena = s->arena;
		start_dump(buf, RTM_GETQDISC, &nlh);
		/* without an answer it may be clsact */
		nl_ask(s->io, netns, NETLINK_ROUTE, nlh, take_qdisc, ns->tc, NULL);
	}
	for (size_t i = 0; i < ns->tc->n; i++)
		if (ns->tc->ifindex[i] == ifindex)
			return true;
	return false;
}

/* " drop.o:[tc] id 7", as far as a program says so of itself. */
static const char *program_say(struct arena *a, const struct nlattr *options)
{
	const struct nlattr *tb[TCA_BPF_ID + 1];
	const char *name;
	uint32_t id;

	nl_nested(options, tb, TCA_BPF_ID);
	name = nl_str(a, tb[TCA_BPF_NAME]);
	id = nl_u32(tb[TCA_BPF_ID], 0);
	return arena_printf(a, "%s%s%s", name ? " " : "", name ? name : "", id ? arena_printf(a, " id %u", id) : "");
}

static const char *filter_say(struct arena *a, uint32_t info, const struct nlattr *const *tb)
{
	uint16_t protocol = ntohs(TC_H_MIN(info));
	const char *kind = nl_str(a, tb[TCA_KIND]);

	return arena_printf(a, "tc filter protocol %s pref %u %s%s",
			    protocol == ETH_P_ALL ? "all" : protocol == ETH_P_IP ? "ip" : protocol == ETH_P_IPV6 ? "ipv6" :
			    arena_printf(a, "0x%04x", protocol), TC_H_MAJ(info) >> 16, kind ? kind : "?",
			    kind && !strcmp(kind, "bpf") ? program_say(a, tb[TCA_OPTIONS]) : "");
}

/*
 * The kernel tells of a classifier (one preference, protocol and kind), and then of each of its filters, which alone have options
 * (tcf_fill_node()). Classification begins in chain 0 (tcf_chain0_head_change()); what is in another runs where a filter of that
 * one leads there.
 */
static int take_filter(const struct nlmsghdr *nlh, void *ctx)
{
	const struct tcmsg *t = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[TCA_MAX + 1];
	struct tc_list *l = ctx;
	const char *text;

	if (nlh->nlmsg_type != RTM_NEWTFILTER || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*t)))
		return 0;
	nl_attrs(nlh, sizeof(*t), tb, TCA_MAX);
	if (!tb[TCA_OPTIONS] || nl_u32(tb[TCA_CHAIN], 0))
		return 0;
	text = filter_say(l->arena, t->tcm_info, (const struct nlattr *const *)tb);
	if (!l->n || strcmp(l->v[l->n - 1].text, text))
		*VEC_PUSH(l->arena, l->v, l->n, l->cap) = (struct tc_step){ text, ntohs(TC_H_MIN(t->tcm_info)) };
	return 0;
}

/* What cannot be read may be there, and decide. */
static void step_unread(struct tc_list *l, const char *what, int rc)
{
	*VEC_PUSH(l->arena, l->v, l->n, l->cap) =
		(struct tc_step){ arena_printf(l->arena, "%s that could not be read (%s)", what, strerror(-rc)), ETH_P_ALL };
}

/*
 * tc_dump_tfilter(): nothing of a device that has neither qdisc. Without CONFIG_NET_SCHED there is nobody to ask, and nothing to be found;
 * snapshots of before this was asked do not hold it.
 */
static void read_filters(struct state *s, uint32_t netns, int ifindex, bool egress, struct tc_list *l)
{
	size_t before = l->n;
	char buf[256] = {};
	struct nlmsghdr *nlh;
	struct tcmsg *t = start_dump(buf, RTM_GETTFILTER, &nlh);
	int rc;

	t->tcm_ifindex = ifindex;
	t->tcm_parent = TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
	rc = nl_ask(s->io, netns, NETLINK_ROUTE, nlh, take_filter, l, NULL);
	if (rc && rc != -EOPNOTSUPP && rc != -ENODATA)
		step_unread(l, "tc filters", rc);
	if (!rc && egress && l->n > before && has_no_egress(s, netns, ifindex))
		l->n = before;
}

static void read_programs(struct state *s, uint32_t netns, int ifindex, bool egress, struct tc_list *l)
{
	const struct tcx_prog *p;
	size_t n;
	int rc = bpf_tcx_read(s->io, s->arena, netns, ifindex, egress, &p, &n);

	if (rc && rc != -ENODATA)
		step_unread(l, "tcx programs", rc);
	for (size_t i = 0; !rc && i < n; i++)
		*VEC_PUSH(l->arena, l->v, l->n, l->cap) = (struct tc_step){
			arena_printf(l->arena, "tcx program id %u%s%s", p[i].id, *p[i].name ? " " : "", p[i].name), ETH_P_ALL };
}

size_t state_tc(struct state *s, uint32_t netns, const struct link *l, bool egress, const struct tc_step **out)
{
	const struct { int ifindex; uint32_t egress; } key = { l->ifindex, egress };
	struct ns *ns = state_ns(s, netns);
	struct tc_list *list = cache_find(&ns->tc_steps, &key, sizeof(key));

	if (!list) {
		list = arena_alloc(s->arena, sizeof(*list));
		list->arena = s->arena;
		/* tcx_run() before tc_run() */
		read_programs(s, netns, l->ifindex, egress, list);
		read_filters(s, netns, l->ifindex, egress, list);
		/* netkit_xmit(): its programs, else a policy, decide about all that it sends */
		if (egress && !strcmp(l->kind, "netkit"))
			*VEC_PUSH(list->arena, list->v, list->n, list->cap) = (struct tc_step){ "netkit programs or policy", ETH_P_ALL };
		cache_add(s->arena, &ns->tc_steps, &key, sizeof(key), list);
	}
	*out = list->v;
	return list->n;
}

void tc_read_all(struct state *s, uint32_t netns)
{
	const struct link *const *link;
	const struct tc_step *step;
	size_t n;

	if (state_links(s, netns, &link, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		state_tc(s, netns, link[i], false, &step);
		state_tc(s, netns, link[i], true, &step);
	}
}
