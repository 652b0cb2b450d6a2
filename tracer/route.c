/* SPDX-License-Identifier: GPL-2.0-only */
/* Routes: the kernel itself is asked; a snapshot that lacks the very question is answered from its dumps. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "tracer/base/nl.h"
#include "tracer/state_priv.h"

#include <linux/rtnetlink.h>

struct answer_row {
	int rc;
	struct route route;
};

struct question {
	struct state *s;
	bool found;
	struct fib_route r;
};

/* Every byte defined, so that the key can be compared: no padding, no unused half of an address. */
static void canonical(const struct route_key *key, struct route_key *out)
{
	memset(out, 0, sizeof(*out));
	out->src.family = key->src.family;
	memcpy(out->src.b, key->src.b, addr_len(&key->src));
	out->dst.family = key->dst.family;
	memcpy(out->dst.b, key->dst.b, addr_len(&key->dst));
	out->iif = key->iif;
	out->oif = key->iif ? 0 : key->oif;
	out->mark = key->mark;
	out->tos = key->tos & 0xfc;
	out->proto = key->proto;
	out->sport = key->sport;
	out->dport = key->dport;
	out->has_uid = key->has_uid && !key->iif;
	out->uid = out->has_uid ? key->uid : 0;
}

static void put_addr(struct nlmsghdr *nlh, uint16_t type, const struct addr *a)
{
	if (a->family)
		mnl_attr_put(nlh, type, addr_len(a), a->b);
}

/* rtm_getroute_parse_ip_proto() takes these and no others. */
static bool proto_askable(const struct route_key *k)
{
	return k->proto == IPPROTO_TCP || k->proto == IPPROTO_UDP ||
	       k->proto == (k->dst.family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static struct nlmsghdr *build(void *buf, const struct route_key *k, uint32_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	bool has_src = k->src.family && !addr_is_any(&k->src);
	struct rtmsg *m;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));
	m->rtm_family = k->dst.family;
	m->rtm_dst_len = addr_len(&k->dst) * 8;
	m->rtm_src_len = has_src ? addr_len(&k->src) * 8 : 0;
	m->rtm_tos = k->tos;
	m->rtm_flags = flags;
	put_addr(nlh, RTA_DST, &k->dst);
	if (has_src)
		put_addr(nlh, RTA_SRC, &k->src);
	if (k->iif)
		mnl_attr_put_u32(nlh, RTA_IIF, k->iif);
	if (k->oif)
		mnl_attr_put_u32(nlh, RTA_OIF, k->oif);
	if (k->mark)
		mnl_attr_put_u32(nlh, RTA_MARK, k->mark);
	if (k->has_uid)
		mnl_attr_put_u32(nlh, RTA_UID, k->uid);
	if (proto_askable(k)) {
		mnl_attr_put_u8(nlh, RTA_IP_PROTO, k->proto);
		if ((k->proto == IPPROTO_TCP || k->proto == IPPROTO_UDP) && k->sport && k->dport) {
			mnl_attr_put_u16(nlh, RTA_SPORT, htons(k->sport));
			mnl_attr_put_u16(nlh, RTA_DPORT, htons(k->dport));
		}
	}
	return nlh;
}

static int take_route(const struct nlmsghdr *nlh, void *ctx)
{
	struct question *q = ctx;

	if (!q->found && fib_route_parse(q->s->arena, nlh, &q->r))
		q->found = true;
	return 0;
}

/*
 * Until a namespace gets rules of its own, main holds the local table's entries too (fib_trie_unmerge()), and the kernel
 * then calls both "main". The addresses that it delivers to itself are the local table's.
 */
static void name_table(struct fib_route *r)
{
	if (r->family == AF_INET && r->table == RT_TABLE_MAIN && (r->type == RTN_LOCAL || r->type == RTN_BROADCAST))
		r->table = RT_TABLE_LOCAL;
}

static int ask(struct state *s, uint32_t netns, const struct route_key *k, uint32_t flags, struct fib_route *out)
{
	struct question q = { .s = s };
	struct err err = { "" };
	char buf[512] = {};
	int rc;

	/* IPv6 always tells the true table, and refuses the flag that asks for it. */
	if (k->dst.family == AF_INET6)
		flags &= ~RTM_F_LOOKUP_TABLE;
	rc = nl_ask(s->io, netns, NETLINK_ROUTE, build(buf, k, flags), take_route, &q, &err);
	/* Routing refuses without a word; words mean that the question itself was not understood. */
	if (rc == -EINVAL && err.text[0])
		return -EPROTO;
	if (rc)
		return rc;
	if (!q.found)
		return -EPROTO;
	*out = q.r;
	name_table(out);
	return 0;
}

/* Errors that are answers of the FIB: ip_route_input_slow(), fib_props[], fib_rule actions. */
static bool is_refusal(int rc)
{
	return rc == -ENETUNREACH || rc == -EHOSTUNREACH || rc == -EACCES || rc == -EINVAL || rc == -EXDEV;
}

static void fill(struct route *out, const struct fib_route *r)
{
	*out = (struct route){
		.error = is_refusal(r->error) ? r->error : 0, .type = r->type, .protocol = r->protocol,
		.scope = r->scope, .table = r->table, .prefsrc = r->prefsrc, .mtu = r->mtu, .n_nexthops = r->n_nh,
	};
	if (r->n_nh) {
		out->oif = r->nh[0].oif;
		out->gateway = r->nh[0].gw;
	}
}

/* The prefix that matched, and its words, beside the lookup's own answer. */
static void add_match(struct state *s, uint32_t netns, const struct fib_route *m, struct route *out)
{
	out->protocol = m->protocol;
	out->scope = m->scope;
	out->table = m->table;
	out->prefix = m->dst;
	out->plen = m->plen;
	if (m->n_nh)
		out->n_nexthops = m->n_nh;
	out->text = fib_route_say(s, netns, m);
}

/* Without a matched prefix ("assume on link", broadcast): the words of what was answered. */
static void say_answer(struct state *s, uint32_t netns, struct fib_route *r, struct route *out)
{
	r->plen = addr_len(&r->dst) * 8;
	r->src_plen = 0;
	out->text = fib_route_say(s, netns, r);
}

/* ip_route_me_harder() routes with a foreign source (FLOWI_FLAG_ANYSRC); RTM_GETROUTE cannot say so. */
static bool foreign_source(struct state *s, uint32_t netns, const struct route_key *k)
{
	return !k->iif && k->dst.family == AF_INET && k->src.family && !addr_is_any(&k->src) &&
	       !addr_is_ours(s, netns, &k->src) && !addr_is_loopback(&k->src);
}

/* Does a rule ask for something that the question cannot carry? Then the dumps tell. */
static bool needs_model(struct state *s, uint32_t netns, const struct route_key *k)
{
	if (foreign_source(s, netns, k))
		return fib_has_rules(s, netns, k->dst.family);
	if (k->proto && !proto_askable(k))
		return fib_has_rules(s, netns, k->dst.family);
	return false;
}

static int refuse(struct state *s, uint32_t netns, const struct route_key *k, int error, struct route *out)
{
	enum end_cause cause;
	struct route model;

	memset(out, 0, sizeof(*out));
	/* The kernel names no route that refuses; the dumps do. */
	if (!route_model(s, netns, k, &model, &cause, NULL) && model.error)
		*out = model;
	out->error = error;
	if (!out->text)
		out->text = "no route";
	return 0;
}

/* A device that is gone or never was, IPv6 that is off: nothing that routing refused. */
static int ask_kernel(struct state *s, uint32_t netns, const struct route_key *key, struct route *out)
{
	struct route_key k = *key;
	struct fib_route r, match;
	int rc;

	if (foreign_source(s, netns, &k))
		memset(&k.src, 0, sizeof(k.src));
	rc = ask(s, netns, &k, RTM_F_LOOKUP_TABLE, &r);
	if (rc && !is_refusal(rc))
		return rc;
	if (rc)
		return refuse(s, netns, key, rc, out);
	fill(out, &r);
	rc = ask(s, netns, &k, RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH, &match);
	if (!rc)
		add_match(s, netns, &match, out);
	else
		say_answer(s, netns, &r, out);
	if (k.dst.family == AF_INET6 && k.iif && !out->error) {
		enum end_cause cause;

		out->error = route_check_v6(s, netns, key, out->type, &cause, NULL);
	}
	return 0;
}

static int answer(struct state *s, uint32_t netns, const struct route_key *k, struct route *out)
{
	enum end_cause cause;
	int rc = -ENODATA;

	if (!needs_model(s, netns, k))
		rc = ask_kernel(s, netns, k, out);
	if (rc == -ENODATA)
		rc = route_model(s, netns, k, out, &cause, NULL);
	return rc;
}

int state_route(struct state *s, uint32_t netns, const struct route_key *key, struct route *out)
{
	struct ns *ns = state_ns(s, netns);
	struct answer_row *row;
	struct route_key k;

	if (!addr_len(&key->dst))
		return -EAFNOSUPPORT;
	canonical(key, &k);
	row = cache_find(&ns->route, &k, sizeof(k));
	if (!row) {
		row = arena_alloc(s->arena, sizeof(*row));
		row->rc = answer(s, netns, &k, &row->route);
		cache_add(s->arena, &ns->route, &k, sizeof(k), row);
	}
	if (!row->rc)
		*out = row->route;
	return row->rc;
}
