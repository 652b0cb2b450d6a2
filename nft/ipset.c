/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Questions to ipset: the name behind a rule's index, a set's type, and whether an element is in it. libipset's
 * own interface is a session of text lines; its constants are used here over plain netlink, so that every question can be
 * recorded. Nothing is asked before a rule with a set is met, when the module is there for certain.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nft/ipset_set.h"
#include "nft/state.h"
#include "nft/xt_rows.h"

#include <libipset/linux_ip_set.h>
#include <linux/netfilter/nfnetlink.h>


struct kept {
	struct kept *next;
	uint32_t netns;
	const char *key;
	const struct ipset_type *type;
	uint8_t family;
	int rc;
	const char *name;
	const char *const *member;	/* of a list: once it was asked for */
};

struct tested {
	struct tested *next;
	uint32_t netns;
	const char *set;
	struct ipset_want want;
	enum answer in;
	const char *unknown;
};

struct ipset_memory {
	struct kept *name, *header;
	struct tested *tested;
	int protocol;			/* 0: not asked yet; below: -errno */
};

/* The kernel's ip_set_type registrations: dimensions in the order that src and dst flags count. */
static const struct ipset_type types[] = {
	{ "bitmap:ip", 1, { PART_IP } },
	{ "bitmap:ip,mac", 2, { PART_IP, PART_MAC } },
	{ "bitmap:port", 1, { PART_PORT_ONLY } },
	{ "hash:ip", 1, { PART_IP } },
	{ "hash:ip,mac", 2, { PART_IP, PART_MAC } },
	{ "hash:ip,mark", 2, { PART_IP, PART_MARK } },
	{ "hash:ip,port", 2, { PART_IP, PART_PORT } },
	{ "hash:ip,port,ip", 3, { PART_IP, PART_PORT, PART_IP } },
	{ "hash:ip,port,net", 3, { PART_IP, PART_PORT, PART_NET } },
	{ "hash:mac", 1, { PART_MAC } },
	{ "hash:net", 1, { PART_NET } },
	{ "hash:net,iface", 2, { PART_NET, PART_IFACE } },
	{ "hash:net,net", 2, { PART_NET, PART_NET } },
	{ "hash:net,port", 2, { PART_NET, PART_PORT } },
	{ "hash:net,port,net", 3, { PART_NET, PART_PORT, PART_NET } },
	{ "list:set", 1, { PART_NONE } },
};

static struct ipset_memory *memory(struct nft *nft)
{
	struct xt_memory *m = xt_memory(nft);

	if (!m->ipset)
		m->ipset = arena_alloc(nft_arena(nft), sizeof(*m->ipset));
	return m->ipset;
}

struct nlmsghdr *ipset_request(void *buf, uint8_t cmd, uint16_t flags, uint8_t protocol, const char *set)
{
	struct nlmsghdr *nlh = nl_nfnl(buf, NFNL_SUBSYS_IPSET, cmd, flags, AF_INET);

	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTOCOL, protocol);
	if (set)
		mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME, set);
	return nlh;
}

static int protocol_cb(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[IPSET_ATTR_CMD_MAX + 1];

	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, IPSET_ATTR_CMD_MAX);
	*(uint8_t *)ctx = nl_u8(tb[IPSET_ATTR_PROTOCOL], IPSET_PROTOCOL_MIN);
	return 0;
}

/* Version 7 where the kernel speaks it (4.20 and later), else 6. The same in every namespace, so the node's own is asked. */
static int protocol(struct nft *nft)
{
	struct ipset_memory *m = memory(nft);
	uint8_t version = IPSET_PROTOCOL_MIN;
	char buf[256];

	if (!m->protocol) {
		m->protocol = nl_ask(nft_io(nft), 0, NETLINK_NETFILTER,
				     ipset_request(buf, IPSET_CMD_PROTOCOL, 0, IPSET_PROTOCOL, NULL), protocol_cb,
				     &version, NULL);
		if (!m->protocol)
			m->protocol = version < IPSET_PROTOCOL ? IPSET_PROTOCOL_MIN : IPSET_PROTOCOL;
	}
	return m->protocol;
}

/* -- names -- */

struct name_reply {
	struct arena *arena;
	const char *name;
	int index;
};

static int name_cb(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[IPSET_ATTR_CMD_MAX + 1];
	struct name_reply *r = ctx;

	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, IPSET_ATTR_CMD_MAX);
	r->name = nl_str(r->arena, tb[IPSET_ATTR_SETNAME]);
	r->index = tb[IPSET_ATTR_INDEX] ? nl_be16(tb[IPSET_ATTR_INDEX], 0) : -1;
	return 0;
}

/* Protocol 6 has this question as a getsockopt only: ip_set_sockfn_get(). */
static const char *name_by_sockopt(struct nft *nft, uint32_t netns, uint16_t index)
{
	struct ip_set_req_get_set req = { .op = IP_SET_OP_GET_BYINDEX, .version = IPSET_PROTOCOL_MIN,
					  .set.index = index };
	size_t len = sizeof(req);

	if (io_sockopt(nft_io(nft), netns, AF_INET, IPPROTO_IP, SO_IP_SET, &req, &len) || len < sizeof(req) ||
	    !req.set.name[0])
		return NULL;
	return arena_strndup(nft_arena(nft), req.set.name, sizeof(req.set.name));
}

static const char *ask_name(struct nft *nft, uint32_t netns, uint16_t index)
{
	struct name_reply r = { .arena = nft_arena(nft) };
	int version = protocol(nft);
	struct nlmsghdr *nlh;
	char buf[256];

	if (version < 0)
		return NULL;
	if (version < IPSET_PROTOCOL)
		return name_by_sockopt(nft, netns, index);
	nlh = ipset_request(buf, IPSET_CMD_GET_BYINDEX, 0, version, NULL);
	mnl_attr_put_u16(nlh, IPSET_ATTR_INDEX | NLA_F_NET_BYTEORDER, htons(index));
	return nl_ask(nft_io(nft), netns, NETLINK_NETFILTER, nlh, name_cb, &r, NULL) ? NULL : r.name;
}

const char *ipset_name(struct nft *nft, uint32_t netns, uint16_t index)
{
	struct ipset_memory *m = memory(nft);
	struct kept *k;
	char key[8];

	snprintf(key, sizeof(key), "%u", index);
	for (k = m->name; k; k = k->next)
		if (k->netns == netns && !strcmp(k->key, key))
			return k->name;
	k = arena_alloc(nft_arena(nft), sizeof(*k));
	*k = (struct kept){ .next = m->name, .netns = netns, .key = arena_strdup(nft_arena(nft), key),
			    .name = ask_name(nft, netns, index) };
	m->name = k;
	return k->name;
}

/* -- types -- */

struct header_reply {
	struct arena *arena;
	const char *type;
	uint8_t family;
};

static int header_cb(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[IPSET_ATTR_CMD_MAX + 1];
	struct header_reply *r = ctx;

	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, IPSET_ATTR_CMD_MAX);
	r->type = nl_str(r->arena, tb[IPSET_ATTR_TYPENAME]);
	r->family = nl_u8(tb[IPSET_ATTR_FAMILY], 0);
	return 0;
}

/* The set's type and family. rc -ENOENT: no such set, -ENOTSUP: a type that is not known here. */
static struct kept *header(struct nft *nft, uint32_t netns, const char *set)
{
	struct header_reply r = { .arena = nft_arena(nft) };
	struct ipset_memory *m = memory(nft);
	int version = protocol(nft);
	struct kept *k;
	char buf[256];

	for (k = m->header; k; k = k->next)
		if (k->netns == netns && !strcmp(k->key, set))
			return k;
	k = arena_alloc(nft_arena(nft), sizeof(*k));
	*k = (struct kept){ .next = m->header, .netns = netns, .key = arena_strdup(nft_arena(nft), set) };
	m->header = k;
	k->rc = version < 0 ? version :
		nl_ask(nft_io(nft), netns, NETLINK_NETFILTER, ipset_request(buf, IPSET_CMD_HEADER, 0, version, set),
		       header_cb, &r, NULL);
	if (k->rc)
		return k;
	k->family = r.family;
	k->rc = -ENOTSUP;
	for (size_t i = 0; i < ARRAY_SIZE(types) && r.type; i++)
		if (!strcmp(types[i].name, r.type)) {
			k->type = &types[i];
			k->rc = 0;
		}
	return k;
}

/* -- the packet as an element -- */

/* The name of the device that nf_hook_state has for the direction; "" if none, NULL if it cannot be read. */
static const char *device(struct eval *e, bool in)
{
	bool has = in ? e->run->hook != NF_INET_LOCAL_OUT : e->run->hook >= NF_INET_FORWARD;
	int ifindex = !has ? 0 : in ? e->p->iif : e->p->oif;
	const struct link *l;

	if (!ifindex)
		return "";
	l = e->ask->link(e->ask->ctx, e->netns, ifindex);
	return l ? l->name : NULL;
}

static enum answer want_port(const struct packet *p, bool src, enum ipset_part part, struct ipset_want *w)
{
	/* get_port() of ip_set_getport.c */
	switch (p->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
		w->port = src ? p->sport : p->dport;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		w->port = p->dport;	/* type and code */
		break;
	}
	w->proto = p->proto;
	return answer_of(part == PART_PORT || p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP);
}

/* One dimension of the element. NO: the type's kadt function refuses the packet. */
static enum answer want_part(struct eval *e, enum ipset_part part, bool src, struct ipset_want *w)
{
	const struct mac *mac = src ? &e->p->smac : &e->p->dmac;
	const char *name;

	switch (part) {
	case PART_IP:
	case PART_NET:
		w->ip[w->ip[0].family ? 1 : 0] = src ? e->p->src : e->p->dst;
		return YES;
	case PART_PORT:
	case PART_PORT_ONLY:
		if (src ? e->p->sport_unknown : e->p->dport_unknown)
			return eval_unknown(e, "the port that the kernel picks is not known");
		return want_port(e->p, src, part, w);
	case PART_MARK:
		w->mark = e->p->mark;
		return YES;
	case PART_MAC:
		if (!e->p->iif)		/* sent from here: no link-layer header yet */
			return NO;
		if (!mac->known)
			return eval_unknown(e, "the packet's MAC address is not known");
		memcpy(w->mac, mac->b, sizeof(w->mac));
		return YES;
	case PART_IFACE:
		name = device(e, src);
		if (!name)
			return eval_unknown(e, "the name of the packet's interface could not be read");
		snprintf(w->iface, sizeof(w->iface), "%s", name);
		return answer_of(*name);
	default:
		return NO;
	}
}

static void put_addr(struct nlmsghdr *nlh, uint16_t attr, const struct addr *a)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, attr);

	mnl_attr_put(nlh, (a->family == AF_INET ? IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6) |
		     NLA_F_NET_BYTEORDER, addr_len(a), a->b);
	mnl_attr_nest_end(nlh, nest);
}

/* IPSET_CMD_TEST with the element; addresses in a network's place go with a full prefix, so that every network is tried. */
static int ask_test(struct eval *e, uint8_t version, const char *set, const struct ipset_type *type,
		    const struct ipset_want *w)
{
	static const uint16_t ip[2] = { IPSET_ATTR_IP, IPSET_ATTR_IP2 }, cidr[2] = { IPSET_ATTR_CIDR, IPSET_ATTR_CIDR2 };
	char buf[1024];
	struct nlmsghdr *nlh = ipset_request(memset(buf, 0, sizeof(buf)), IPSET_CMD_TEST, NLM_F_ACK, version, set);
	struct nlattr *data = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
	unsigned n_ip = 0;

	for (unsigned i = 0; i < type->dim; i++)
		switch (type->part[i]) {
		case PART_NET:
			mnl_attr_put_u8(nlh, cidr[n_ip], 8 * addr_len(&w->ip[n_ip]));
			/* fall through */
		case PART_IP:
			put_addr(nlh, ip[n_ip], &w->ip[n_ip]);
			n_ip++;
			break;
		case PART_PORT:
			mnl_attr_put_u8(nlh, IPSET_ATTR_PROTO, w->proto);
			/* fall through */
		case PART_PORT_ONLY:
			mnl_attr_put_u16(nlh, IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER, htons(w->port));
			break;
		case PART_MAC:
			mnl_attr_put(nlh, IPSET_ATTR_ETHER, sizeof(w->mac), w->mac);
			break;
		case PART_IFACE:
			mnl_attr_put_strz(nlh, IPSET_ATTR_IFACE, w->iface);
			break;
		case PART_MARK:
			mnl_attr_put_u32(nlh, IPSET_ATTR_MARK | NLA_F_NET_BYTEORDER, htonl(w->mark));
			break;
		case PART_NONE:
			break;
		}
	mnl_attr_put_u32(nlh, IPSET_ATTR_LINENO | NLA_F_NET_BYTEORDER, 0);
	mnl_attr_nest_end(nlh, data);
	return nl_ask(e->io, e->netns, NETLINK_NETFILTER, nlh, NULL, NULL, NULL);
}

/* Asks the kernel, or the dump where this element was not recorded; each element once a run. */
static enum answer test_want(struct eval *e, const char *set, const struct ipset_type *type,
			     const struct ipset_want *w)
{
	struct ipset_memory *m = memory(e->nft);
	int version = protocol(e->nft), rc;
	struct tested *t;

	for (t = m->tested; t; t = t->next)
		if (t->netns == e->netns && !strcmp(t->set, set) && !memcmp(&t->want, w, sizeof(*w)))
			break;
	if (!t) {
		t = arena_alloc(nft_arena(e->nft), sizeof(*t));
		*t = (struct tested){ .next = m->tested, .netns = e->netns,
				      .set = arena_strdup(nft_arena(e->nft), set) };
		memcpy(&t->want, w, sizeof(*w));
		m->tested = t;
		rc = ask_test(e, version, set, type, w);
		t->in = rc == -IPSET_ERR_EXIST ? NO : YES;
		if (rc == -ENODATA)
			rc = ipset_dump_test(e->io, nft_arena(e->nft), e->netns, version, set, type, w, &t->in);
		if (rc && rc != -IPSET_ERR_EXIST) {
			t->in = UNKNOWN;
			t->unknown = arena_printf(nft_arena(e->nft), "ipset %s could not be asked: %s", set,
						  rc < -IPSET_ERR_PRIVATE ? "it refuses the question" : strerror(-rc));
		}
	}
	return t->in == UNKNOWN ? eval_unknown(e, "%s", t->unknown) : t->in;
}

static enum answer test_set(struct eval *e, const char *set, uint8_t dim, uint8_t flags, bool nested);

/*
 * list_set_ktest(): the first member that has it; members that do not fit the dimensions do not match. No list is in a list
 * (list_set_uadd()), but in what is read amid changes one may seem to be.
 */
static enum answer test_list(struct eval *e, struct kept *list, uint8_t dim, uint8_t flags, bool nested)
{
	int rc = nested ? -ELOOP : 0;
	enum answer r = NO;

	if (!rc && !list->member)
		rc = ipset_dump_members(e->io, nft_arena(e->nft), e->netns, protocol(e->nft), list->key, &list->member);
	if (rc)
		return eval_unknown(e, "the members of ipset %s could not be read", list->key);
	for (const char *const *member = list->member; *member && r != YES; member++) {
		enum answer one = test_set(e, *member, dim, flags, true);

		r = one == NO ? r : one;
	}
	return r;
}

static enum answer test_set(struct eval *e, const char *set, uint8_t dim, uint8_t flags, bool nested)
{
	struct kept *h = header(e->nft, e->netns, set);
	struct ipset_want w;
	enum answer r = YES;

	if (h->rc)
		return eval_unknown(e, h->rc == -ENOTSUP ? "the type of ipset %s is not known to ktrace"
							 : "ipset %s could not be read", set);
	/* ip_set_test() */
	if (dim < h->type->dim || (h->family && h->family != packet_family(e->p)))
		return NO;
	if (IPSET_IS_LIST(h->type))
		return test_list(e, h, dim, flags, nested);
	memset(&w, 0, sizeof(w));
	for (unsigned i = 0; i < h->type->dim && r == YES; i++)
		r = want_part(e, h->type->part[i], flags & 1 << (i + 1), &w);
	return r == YES ? test_want(e, set, h->type, &w) : r;
}

enum answer ipset_test(struct eval *e, const char *name, uint8_t dim, uint8_t flags)
{
	return test_set(e, name, dim, flags, false);
}

/* -- a snapshot -- */

struct all_sets {
	struct arena *arena;
	const char **v;
	size_t n, cap;
};

static int all_cb(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[IPSET_ATTR_CMD_MAX + 1];
	struct all_sets *all = ctx;

	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, IPSET_ATTR_CMD_MAX);
	if (tb[IPSET_ATTR_SETNAME])
		*VEC_PUSH(all->arena, all->v, all->n, all->cap) = nl_str(all->arena, tb[IPSET_ATTR_SETNAME]);
	return 0;
}

/* Every question that a walk may put about one set: its header, elements, and its name by its index. */
static void read_one(struct nft *nft, uint32_t netns, int version, const char *set)
{
	struct name_reply r = { .arena = nft_arena(nft), .index = -1 };
	const char *const *members;
	char buf[256];

	header(nft, netns, set);
	ipset_dump_members(nft_io(nft), nft_arena(nft), netns, version, set, &members);
	if (version >= IPSET_PROTOCOL &&
	    !nl_ask(nft_io(nft), netns, NETLINK_NETFILTER,
		    ipset_request(buf, IPSET_CMD_GET_BYNAME, 0, version, set), name_cb, &r, NULL) && r.index >= 0)
		ipset_name(nft, netns, r.index);
}

int ipset_read_all(struct nft *nft, uint32_t netns, struct err *err)
{
	struct all_sets all = { .arena = nft_arena(nft) };
	struct nlmsghdr *nlh;
	char buf[256];
	int version, rc;

	if (nft_module_present(nft, "ip_set ", "/ip_set.ko") == NO)
		return 0;
	version = protocol(nft);
	if (version < 0)		/* no ipset in this kernel */
		return version == -EPERM ? err_set(err, version, "ipsets: %s", strerror(-version)) : 0;
	nlh = ipset_request(buf, IPSET_CMD_LIST, NLM_F_DUMP, version, NULL);
	mnl_attr_put_u32(nlh, IPSET_ATTR_FLAGS | NLA_F_NET_BYTEORDER, htonl(IPSET_FLAG_LIST_SETNAME));
	rc = nl_ask(nft_io(nft), netns, NETLINK_NETFILTER, nlh, all_cb, &all, err);
	for (size_t i = 0; !rc && i < all.n; i++)
		read_one(nft, netns, version, all.v[i]);
	return rc == -ENOENT ? 0 : rc;
}
