/* SPDX-License-Identifier: GPL-2.0-only */
/* Neighbours and bridge FDBs: one entry asked from the kernel, or found in the dump of a snapshot. */
#include <errno.h>
#include <string.h>

#include "tracer/base/nl.h"
#include "tracer/state_priv.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

struct neigh {
	uint8_t family, flags;
	uint16_t state;
	int ifindex, master;
	struct addr addr;
	struct mac mac;
};

struct neighs {
	int rc;
	struct arena *arena;
	struct neigh *v;
	size_t n, cap;
};

struct neigh_answer {
	enum answer answer;
	struct mac mac;
	const char *text;
};

static int take_neigh(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ndmsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[NDA_MASTER + 1];
	struct neighs *ns = ctx;
	struct neigh *e;

	if (nlh->nlmsg_type != RTM_NEWNEIGH || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return 0;
	nl_attrs(nlh, sizeof(*m), tb, NDA_MASTER);
	e = VEC_PUSH(ns->arena, ns->v, ns->n, ns->cap);
	*e = (struct neigh){ .family = m->ndm_family, .flags = m->ndm_flags, .state = m->ndm_state,
			     .ifindex = m->ndm_ifindex, .master = nl_u32(tb[NDA_MASTER], 0) };
	if (tb[NDA_DST])
		e->addr = addr_from(mnl_attr_get_payload(tb[NDA_DST]), mnl_attr_get_payload_len(tb[NDA_DST]));
	if (tb[NDA_LLADDR] && mnl_attr_get_payload_len(tb[NDA_LLADDR]) == 6) {
		e->mac.known = true;
		memcpy(e->mac.b, mnl_attr_get_payload(tb[NDA_LLADDR]), 6);
	}
	return 0;
}

static struct nlmsghdr *request(void *buf, uint8_t family, uint16_t flags, int ifindex)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ndmsg *m;

	nlh->nlmsg_type = RTM_GETNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));
	m->ndm_family = family;
	m->ndm_ifindex = ifindex;
	return nlh;
}

/* The whole table of a family, once. */
static struct neighs *dump(struct state *s, uint32_t netns, uint8_t family)
{
	struct ns *ns = state_ns(s, netns);
	struct neighs **slot = family == AF_BRIDGE ? &ns->fdb : &ns->neighs[family_index(family)];
	char buf[256] = {};

	if (*slot)
		return *slot;
	*slot = arena_alloc(s->arena, sizeof(**slot));
	(*slot)->arena = s->arena;
	(*slot)->rc = nl_ask(s->io, netns, NETLINK_ROUTE, request(buf, family, NLM_F_DUMP, 0), take_neigh,
			     *slot, NULL);
	if ((*slot)->rc == -EAFNOSUPPORT || (*slot)->rc == -EOPNOTSUPP)
		(*slot)->rc = 0;
	return *slot;
}

int neigh_read_all(struct state *s, uint32_t netns)
{
	static const uint8_t families[] = { AF_INET, AF_INET6, AF_BRIDGE };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families) && !rc; i++)
		rc = dump(s, netns, families[i])->rc;
	return rc;
}

/* -- neighbours ---------------------------------------------------------------------------------------- */

static const char *say(struct state *s, uint32_t netns, const struct neigh *e)
{
	static const struct { uint16_t state; const char *word; } states[] = {
		{ NUD_INCOMPLETE, "INCOMPLETE" }, { NUD_REACHABLE, "REACHABLE" }, { NUD_STALE, "STALE" },
		{ NUD_DELAY, "DELAY" }, { NUD_PROBE, "PROBE" }, { NUD_FAILED, "FAILED" },
		{ NUD_NOARP, "NOARP" }, { NUD_PERMANENT, "PERMANENT" },
	};
	struct text t = { .arena = s->arena };
	char buf[ADDR_TEXT];
	const uint8_t *m = e->mac.b;

	text_add(&t, "%s dev %s", addr_say(&e->addr, buf), link_name(s, netns, e->ifindex));
	if (e->mac.known)
		text_add(&t, " lladdr %02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	if (e->flags & NTF_ROUTER)
		text_add(&t, " router");
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (e->state & states[i].state)
			text_add(&t, " %s", states[i].word);
	return text_get(&t);
}

static void judge(struct state *s, uint32_t netns, const struct neigh *e, struct neigh_answer *out)
{
	const uint16_t valid = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

	out->text = say(s, netns, e);
	if (e->state & NUD_FAILED)
		out->answer = NO;
	if (!(e->state & valid))
		return;
	out->answer = YES;
	out->mac = e->mac;
}

static const struct neigh *in_dump(struct neighs *ns, int ifindex, const struct addr *a)
{
	for (size_t i = 0; i < ns->n; i++)
		if (ns->v[i].ifindex == ifindex && addr_eq(&ns->v[i].addr, a) && !(ns->v[i].flags & NTF_PROXY))
			return &ns->v[i];
	return NULL;
}

/* neigh_get() since 5.0; an older kernel refuses and is asked for the table. */
static void ask_neigh(struct state *s, uint32_t netns, int ifindex, const struct addr *a, struct neigh_answer *out)
{
	struct neighs one = { .arena = s->arena }, *all;
	const struct neigh *e = NULL;
	char buf[256] = {};
	struct nlmsghdr *nlh = request(buf, a->family, 0, ifindex);
	int rc;

	mnl_attr_put(nlh, NDA_DST, addr_len(a), a->b);
	rc = nl_ask(s->io, netns, NETLINK_ROUTE, nlh, take_neigh, &one, NULL);
	if (!rc && one.n) {
		e = &one.v[0];
	} else if (rc != -ENOENT) {
		all = dump(s, netns, a->family);
		e = all->rc ? NULL : in_dump(all, ifindex, a);
	}
	if (e)
		judge(s, netns, e, out);
}

enum answer state_neigh(struct state *s, uint32_t netns, int ifindex, const struct addr *a, struct mac *mac,
			const char **text)
{
	struct { struct addr a; int ifindex; } key;
	struct ns *ns = state_ns(s, netns);
	struct neigh_answer *row;

	memset(&key, 0, sizeof(key));
	key.a.family = a->family;
	memcpy(key.a.b, a->b, addr_len(a));
	key.ifindex = ifindex;
	row = cache_find(&ns->neigh, &key, sizeof(key));
	if (!row) {
		row = arena_alloc(s->arena, sizeof(*row));
		row->answer = UNKNOWN;
		if (addr_len(a))
			ask_neigh(s, netns, ifindex, a, row);
		cache_add(s->arena, &ns->neigh, &key, sizeof(key), row);
	}
	*mac = row->mac;
	if (text)
		*text = row->text;
	return row->answer;
}

/* -- FDB ------------------------------------------------------------------------------------------------- */

/* An entry of the bridge's own address, or of a port's: br_handle_frame_finish() passes such frames up. */
static int fdb_target(const struct neigh *e, int bridge)
{
	return e->state & NUD_PERMANENT ? bridge : e->ifindex;
}

static int fdb_in_dump(struct state *s, uint32_t netns, int bridge, const struct mac *mac)
{
	struct neighs *all = dump(s, netns, AF_BRIDGE);

	for (size_t i = 0; i < all->n; i++) {
		const struct neigh *e = &all->v[i];

		/* A VXLAN device's own entries (NTF_SELF) are not the bridge's. */
		if (e->master == bridge && e->mac.known && !memcmp(e->mac.b, mac->b, 6) && !(e->flags & NTF_SELF))
			return fdb_target(e, bridge);
	}
	return 0;
}

/* rtnl_fdb_get() since 5.0. */
static int ask_fdb(struct state *s, uint32_t netns, int bridge, const struct mac *mac)
{
	const struct link *l = state_link(s, netns, bridge);
	struct neighs one = { .arena = s->arena };
	char buf[256] = {};
	struct nlmsghdr *nlh = request(buf, AF_BRIDGE, 0, 0);
	int rc;

	mnl_attr_put(nlh, NDA_LLADDR, 6, mac->b);
	mnl_attr_put_u32(nlh, NDA_MASTER, bridge);
	rc = nl_ask(s->io, netns, NETLINK_ROUTE, nlh, take_neigh, &one, NULL);
	if (!rc && one.n)
		return fdb_target(&one.v[0], bridge);
	/* With VLANs the entry stands under one of them, which the question would have to name. */
	if (rc == -ENOENT && l && l->vlan_filtering == NO)
		return 0;
	return fdb_in_dump(s, netns, bridge, mac);
}

int state_fdb_port(struct state *s, uint32_t netns, int bridge, const struct mac *mac)
{
	struct { int bridge; uint8_t mac[8]; } key = { .bridge = bridge };
	struct ns *ns = state_ns(s, netns);
	int *row;

	if (!mac->known)
		return 0;
	memcpy(key.mac, mac->b, 6);
	row = cache_find(&ns->fdb_port, &key, sizeof(key));
	if (!row) {
		row = arena_alloc(s->arena, sizeof(*row));
		*row = ask_fdb(s, netns, bridge, mac);
		cache_add(s->arena, &ns->fdb_port, &key, sizeof(key), row);
	}
	return *row;
}

int state_port_of_addr(struct state *s, uint32_t netns, int bridge, const struct addr *a)
{
	const struct link *const *link;
	size_t n;

	if (state_links(s, netns, &link, &n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		const struct if_addr *addr;
		uint32_t peer;
		size_t n_addr;
		int ifindex;

		if (link[i]->master != bridge || strcmp(link[i]->kind, "veth") ||
		    peer_find(s, netns, link[i], &peer, &ifindex) || state_addrs(s, peer, &addr, &n_addr))
			continue;
		for (size_t k = 0; k < n_addr; k++)
			if (addr[k].ifindex == ifindex && addr_eq(&addr[k].addr, a))
				return link[i]->ifindex;
	}
	return 0;
}
