/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connection tracking entries: the one of a tuple, from the kernel or from the dump of a snapshot. ctnetlink is
 * never opened where conntrack is not loaded, since that would load it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "tracer/base/nl.h"
#include "tracer/state_priv.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

struct flows {
	int rc;
	struct arena *arena;
	struct ct_view *v;
	size_t n, cap;
};

struct ct_answer {
	int rc;				/* as state_ct_get() returns it */
	struct ct_view view;
	const char *text;
};

/* 0, -ENOENT where there is no conntrack in the kernel, or what kept us from knowing. */
static int check_loaded(struct state *s, uint32_t netns)
{
	long max;

	return state_sysctl(s, netns, "net/netfilter/nf_conntrack_max", NULL, &max);
}

/* -- parsing ------------------------------------------------------------------------------------------- */

static struct addr take_addr(const struct nlattr *v4, const struct nlattr *v6)
{
	const struct nlattr *a = v4 ? v4 : v6;
	struct addr none = {};

	return a ? addr_from(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a)) : none;
}

static void take_proto(const struct nlattr *nest, struct tuple *t)
{
	const struct nlattr *tb[CTA_PROTO_MAX + 1];

	nl_nested(nest, tb, CTA_PROTO_MAX);
	t->proto = nl_u8(tb[CTA_PROTO_NUM], 0);
	if (t->proto == IPPROTO_ICMP) {
		t->sport = nl_be16(tb[CTA_PROTO_ICMP_ID], 0);
		t->dport = nl_u8(tb[CTA_PROTO_ICMP_TYPE], 0) << 8 | nl_u8(tb[CTA_PROTO_ICMP_CODE], 0);
	} else if (t->proto == IPPROTO_ICMPV6) {
		t->sport = nl_be16(tb[CTA_PROTO_ICMPV6_ID], 0);
		t->dport = nl_u8(tb[CTA_PROTO_ICMPV6_TYPE], 0) << 8 | nl_u8(tb[CTA_PROTO_ICMPV6_CODE], 0);
	} else {
		t->sport = nl_be16(tb[CTA_PROTO_SRC_PORT], 0);
		t->dport = nl_be16(tb[CTA_PROTO_DST_PORT], 0);
	}
}

static bool take_tuple(const struct nlattr *nest, struct tuple *t)
{
	const struct nlattr *tb[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1];

	if (!nest)
		return false;
	nl_nested(nest, tb, CTA_TUPLE_MAX);
	if (!tb[CTA_TUPLE_IP] || !tb[CTA_TUPLE_PROTO])
		return false;
	memset(t, 0, sizeof(*t));
	nl_nested(tb[CTA_TUPLE_IP], ip, CTA_IP_MAX);
	t->src = take_addr(ip[CTA_IP_V4_SRC], ip[CTA_IP_V6_SRC]);
	t->dst = take_addr(ip[CTA_IP_V4_DST], ip[CTA_IP_V6_DST]);
	take_proto(tb[CTA_TUPLE_PROTO], t);
	return t->src.family && t->src.family == t->dst.family;
}

static void take_counters(const struct nlattr *nest, struct ct_view *v)
{
	const struct nlattr *tb[CTA_COUNTERS_MAX + 1];

	if (!nest)
		return;
	nl_nested(nest, tb, CTA_COUNTERS_MAX);
	v->has_acct = true;
	v->packets += nl_be64(tb[CTA_COUNTERS_PACKETS], 0);
	v->bytes += nl_be64(tb[CTA_COUNTERS_BYTES], 0);
}

/* take_state(info, CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE), and so with SCTP's */
static uint8_t take_state(const struct nlattr *info, unsigned proto, unsigned state)
{
	const struct nlattr *tb[CTA_PROTOINFO_MAX + 1], *inner[CTA_PROTOINFO_TCP_MAX + 1];

	if (!info)
		return 0;
	nl_nested(info, tb, CTA_PROTOINFO_MAX);
	if (!tb[proto])
		return 0;
	nl_nested(tb[proto], inner, CTA_PROTOINFO_TCP_MAX);
	return nl_u8(inner[state], 0);
}

static void take_helper(const struct nlattr *help, char out[16])
{
	const struct nlattr *tb[CTA_HELP_MAX + 1], *name;
	size_t n;

	if (!help)
		return;
	nl_nested(help, tb, CTA_HELP_MAX);
	name = tb[CTA_HELP_NAME];
	n = name ? mnl_attr_get_payload_len(name) : 0;
	if (n)
		memcpy(out, mnl_attr_get_payload(name), n < 16 ? n : 15);
}

static int take_flow(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[CTA_LABELS + 1];
	struct ct_view v = { .existing = true };
	struct flows *f = ctx;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW))
		return 0;
	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, CTA_LABELS);
	if (!take_tuple(tb[CTA_TUPLE_ORIG], &v.orig) || !take_tuple(tb[CTA_TUPLE_REPLY], &v.back))
		return 0;
	v.status = nl_be32(tb[CTA_STATUS], 0);
	v.mark = nl_be32(tb[CTA_MARK], 0);
	v.id = nl_be32(tb[CTA_ID], 0);
	v.timeout = nl_be32(tb[CTA_TIMEOUT], 0);
	v.zone = nl_be16(tb[CTA_ZONE], 0);
	v.tcp_state = take_state(tb[CTA_PROTOINFO], CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE);
	v.sctp_state = take_state(tb[CTA_PROTOINFO], CTA_PROTOINFO_SCTP, CTA_PROTOINFO_SCTP_STATE);
	take_helper(tb[CTA_HELP], v.helper);
	take_counters(tb[CTA_COUNTERS_ORIG], &v);
	take_counters(tb[CTA_COUNTERS_REPLY], &v);
	if (tb[CTA_LABELS] && mnl_attr_get_payload_len(tb[CTA_LABELS]) <= sizeof(v.labels))
		memcpy(v.labels, mnl_attr_get_payload(tb[CTA_LABELS]), mnl_attr_get_payload_len(tb[CTA_LABELS]));
	*VEC_PUSH(f->arena, f->v, f->n, f->cap) = v;
	return 0;
}

/* -- asking ---------------------------------------------------------------------------------------------- */

static void put_proto(struct nlmsghdr *nlh, const struct tuple *t)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);

	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, t->proto);
	if (t->proto == IPPROTO_ICMP) {
		mnl_attr_put_u16(nlh, CTA_PROTO_ICMP_ID, htons(t->sport));
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMP_TYPE, t->dport >> 8);
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMP_CODE, t->dport & 0xff);
	} else if (t->proto == IPPROTO_ICMPV6) {
		mnl_attr_put_u16(nlh, CTA_PROTO_ICMPV6_ID, htons(t->sport));
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMPV6_TYPE, t->dport >> 8);
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMPV6_CODE, t->dport & 0xff);
	} else {
		mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(t->sport));
		mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(t->dport));
	}
	mnl_attr_nest_end(nlh, nest);
}

static void put_tuple(struct nlmsghdr *nlh, const struct tuple *t)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_TUPLE_ORIG), *ip;
	bool v4 = t->src.family == AF_INET;

	ip = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put(nlh, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, addr_len(&t->src), t->src.b);
	mnl_attr_put(nlh, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, addr_len(&t->dst), t->dst.b);
	mnl_attr_nest_end(nlh, ip);
	put_proto(nlh, t);
	mnl_attr_nest_end(nlh, nest);
}

/* nf_conntrack_find_get() looks the tuple up among those of both directions, so one question is enough. */
static int ask_tuple(struct state *s, uint32_t netns, const struct tuple *t, uint16_t zone, struct flows *f)
{
	char buf[1024] = {};
	struct nlmsghdr *nlh = nl_nfnl(buf, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, 0, t->src.family);

	put_tuple(nlh, t);
	if (zone)
		mnl_attr_put_u16(nlh, CTA_ZONE, htons(zone));
	return nl_ask(s->io, netns, NETLINK_NETFILTER, nlh, take_flow, f, NULL);
}

int state_ct_delete(struct state *s, uint32_t netns, const struct tuple *t, uint16_t zone)
{
	char buf[1024] = {};
	struct nlmsghdr *nlh = nl_nfnl(buf, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, t->src.family);

	put_tuple(nlh, t);
	if (zone)
		mnl_attr_put_u16(nlh, CTA_ZONE, htons(zone));
	return nl_ask(s->io, netns, NETLINK_NETFILTER, nlh, take_flow, &(struct flows){}, NULL);
}

static struct flows *dump(struct state *s, uint32_t netns)
{
	struct ns *ns = state_ns(s, netns);
	char buf[256] = {};

	if (!ns->flows) {
		ns->flows = arena_alloc(s->arena, sizeof(*ns->flows));
		ns->flows->arena = s->arena;
		ns->flows->rc = check_loaded(s, netns);
		if (!ns->flows->rc)
			ns->flows->rc = nl_ask(s->io, netns, NETLINK_NETFILTER,
					       nl_nfnl(buf, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, NLM_F_DUMP,
						       AF_UNSPEC), take_flow, ns->flows, NULL);
	}
	return ns->flows;
}

int conntrack_read_all(struct state *s, uint32_t netns)
{
	int rc = dump(s, netns)->rc;

	return rc == -ENOENT ? 0 : rc;
}

/* -- words ------------------------------------------------------------------------------------------------- */

static void say_tuple(struct text *out, const struct tuple *t)
{
	char buf[ADDR_TEXT];

	text_add(out, "src=%s ", addr_say(&t->src, buf));
	text_add(out, "dst=%s ", addr_say(&t->dst, buf));
	if (t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6)
		text_add(out, "type=%u code=%u id=%u ", t->dport >> 8, t->dport & 0xff, t->sport);
	else
		text_add(out, "sport=%u dport=%u ", t->sport, t->dport);
}

static const char *say(struct arena *a, const struct ct_view *v)
{
	static const char *const states[] = {
		[TCP_CONNTRACK_SYN_SENT] = "SYN_SENT", [TCP_CONNTRACK_SYN_RECV] = "SYN_RECV",
		[TCP_CONNTRACK_ESTABLISHED] = "ESTABLISHED", [TCP_CONNTRACK_FIN_WAIT] = "FIN_WAIT",
		[TCP_CONNTRACK_CLOSE_WAIT] = "CLOSE_WAIT", [TCP_CONNTRACK_LAST_ACK] = "LAST_ACK",
		[TCP_CONNTRACK_TIME_WAIT] = "TIME_WAIT", [TCP_CONNTRACK_CLOSE] = "CLOSE",
		[TCP_CONNTRACK_SYN_SENT2] = "SYN_SENT2",
	};
	struct text t = { .arena = a };

	text_add(&t, "%-8s %u ", proto_say(a, v->orig.proto), v->orig.proto);
	if (v->timeout)
		text_add(&t, "%u ", v->timeout);
	if (v->tcp_state < ARRAY_SIZE(states) && states[v->tcp_state])
		text_add(&t, "%s ", states[v->tcp_state]);
	say_tuple(&t, &v->orig);
	if (!(v->status & IPS_SEEN_REPLY))
		text_add(&t, "[UNREPLIED] ");
	say_tuple(&t, &v->back);
	if (v->status & IPS_OFFLOAD)
		text_add(&t, "[OFFLOAD] ");
	else if (v->status & IPS_ASSURED)
		text_add(&t, "[ASSURED] ");
	text_add(&t, "mark=%u", v->mark);
	if (v->zone)
		text_add(&t, " zone=%u", v->zone);
	return text_get(&t);
}

/* -- the door ---------------------------------------------------------------------------------------------- */

/* What a packet of this tuple is to the entry: resolve_normal_ct() of net/netfilter/nf_conntrack_core.c. */
static bool view_for(const struct ct_view *entry, const struct tuple *t, uint16_t zone, struct ct_view *out)
{
	bool reply = tuple_eq(t, &entry->back);

	if ((!reply && !tuple_eq(t, &entry->orig)) || entry->zone != zone)
		return false;
	*out = *entry;
	out->reply = reply && !tuple_eq(t, &entry->orig);
	if (out->reply || entry->status & IPS_SEEN_REPLY)
		out->state = CT_ESTABLISHED;
	else
		out->state = entry->status & IPS_EXPECTED ? CT_RELATED : CT_NEW;
	return true;
}

static int find(struct state *s, uint32_t netns, const struct tuple *t, uint16_t zone, struct ct_answer *out)
{
	struct flows one = { .arena = s->arena }, *f = &one;
	int rc = check_loaded(s, netns);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = ask_tuple(s, netns, t, zone, f);
	if (rc == -ENODATA) {
		f = dump(s, netns);
		rc = f->rc;
	}
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	for (size_t i = 0; i < f->n; i++)
		if (view_for(&f->v[i], t, zone, &out->view)) {
			out->text = say(s->arena, &out->view);
			return 1;
		}
	return 0;
}

int state_ct_get(struct state *s, uint32_t netns, const struct tuple *t, uint16_t zone, struct ct_view *out,
		 const char **text)
{
	struct { struct addr src, dst; uint16_t sport, dport, zone; uint8_t proto; } key;
	struct ns *ns = state_ns(s, netns);
	struct ct_answer *row;

	memset(&key, 0, sizeof(key));
	key.src.family = t->src.family;
	memcpy(key.src.b, t->src.b, addr_len(&t->src));
	key.dst.family = t->dst.family;
	memcpy(key.dst.b, t->dst.b, addr_len(&t->dst));
	key.sport = t->sport;
	key.dport = t->dport;
	key.zone = zone;
	key.proto = t->proto;
	row = cache_find(&ns->ct, &key, sizeof(key));
	if (!row) {
		row = arena_alloc(s->arena, sizeof(*row));
		row->rc = find(s, netns, t, zone, row);
		cache_add(s->arena, &ns->ct, &key, sizeof(key), row);
	}
	if (row->rc == 1) {
		*out = row->view;
		if (text)
			*text = row->text;
	}
	return row->rc;
}

static enum answer hook_tracks(struct state *s, uint32_t netns, uint8_t family, uint8_t hook)
{
	const struct nft_hook *h;
	struct err err;

	if (nft_hook(s->nft, netns, family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4, hook, 0, &h, &err))
		return UNKNOWN;
	for (size_t i = 0; i < h->n_base; i++)
		if (h->base[i]->type == NFT_BASE_NAT)
			return YES;
	for (size_t i = 0; h->list && i < h->list->n; i++)
		if (h->list->row[i].function && strstr(h->list->row[i].function, "conntrack"))
			return YES;
	return UNKNOWN;
}

/*
 * A NAT chain or the legacy nat table holds the hooks of conntrack (nf_ct_netns_get()), and so does any rule that
 * matches on it. Only the first is looked for here: UNKNOWN means that no NAT is there, and a rule that
 * asks for conntrack state then proves by itself that it is on.
 */
enum answer state_ct_enabled(struct state *s, uint32_t netns, uint8_t family)
{
	static const uint8_t hooks[] = {
		NF_INET_PRE_ROUTING, NF_INET_POST_ROUTING, NF_INET_LOCAL_OUT, NF_INET_LOCAL_IN,
	};

	if (check_loaded(s, netns) == -ENOENT)
		return NO;
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (hook_tracks(s, netns, family, hooks[i]) == YES)
			return YES;
	return UNKNOWN;
}

int state_ct_fill(struct state *s, uint32_t netns, long *count, long *max)
{
	int rc = state_sysctl(s, netns, "net/netfilter/nf_conntrack_count", NULL, count);

	return rc ? rc : state_sysctl(s, netns, "net/netfilter/nf_conntrack_max", NULL, max);
}
