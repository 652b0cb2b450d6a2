/* SPDX-License-Identifier: GPL-2.0-only */
/* Membership by a set's dump, as the kernel's set types test it: for snapshots, where the kernel cannot be asked. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "nft/ipset_set.h"

#include <libipset/linux_ip_set.h>
#include <linux/netfilter/nfnetlink.h>

struct element {
	struct addr ip[2];
	uint8_t cidr[2];		/* 0: a full prefix */
	uint16_t port;
	uint8_t proto;
	bool has_mac;
	uint8_t mac[6];
	const char *iface, *name;
	uint32_t mark, flags;		/* IPSET_FLAG_* */
};

/* What the set was created with, that changes how elements compare. */
struct created {
	struct addr mask;		/* bitmask; family 0: none */
	uint8_t netmask;		/* 0: none */
	uint32_t markmask;
};

struct dump {
	struct arena *arena;
	struct created created;
	struct element *v;
	size_t n, cap;
};

static struct addr get_addr(const struct nlattr *nest)
{
	const struct nlattr *tb[IPSET_ATTR_IPADDR_MAX + 1], *a;

	if (!nest)
		return (struct addr){ 0 };
	nl_nested(nest, tb, IPSET_ATTR_IPADDR_MAX);
	a = tb[IPSET_ATTR_IPADDR_IPV4] ? tb[IPSET_ATTR_IPADDR_IPV4] : tb[IPSET_ATTR_IPADDR_IPV6];
	return a ? addr_from(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a)) : (struct addr){ 0 };
}

static void parse_created(const struct nlattr *data, struct created *c)
{
	const struct nlattr *tb[IPSET_ATTR_CREATE_MAX + 1];

	nl_nested(data, tb, IPSET_ATTR_CREATE_MAX);
	c->netmask = nl_u8(tb[IPSET_ATTR_NETMASK], 0);
	c->markmask = nl_be32(tb[IPSET_ATTR_MARKMASK], 0xffffffff);
	c->mask = get_addr(tb[IPSET_ATTR_BITMASK]);
}

static void parse_element(struct dump *d, const struct nlattr *data)
{
	const struct nlattr *tb[IPSET_ATTR_ADT_MAX + 1];
	struct element *el = VEC_PUSH(d->arena, d->v, d->n, d->cap);

	nl_nested(data, tb, IPSET_ATTR_ADT_MAX);
	el->ip[0] = get_addr(tb[IPSET_ATTR_IP]);
	el->ip[1] = get_addr(tb[IPSET_ATTR_IP2]);
	el->cidr[0] = nl_u8(tb[IPSET_ATTR_CIDR], 0);
	el->cidr[1] = nl_u8(tb[IPSET_ATTR_CIDR2], 0);
	el->port = nl_be16(tb[IPSET_ATTR_PORT], 0);
	el->proto = nl_u8(tb[IPSET_ATTR_PROTO], 0);
	el->mark = nl_be32(tb[IPSET_ATTR_MARK], 0);
	el->flags = nl_be32(tb[IPSET_ATTR_CADT_FLAGS], 0);
	el->iface = nl_str(d->arena, tb[IPSET_ATTR_IFACE]);
	el->name = nl_str(d->arena, tb[IPSET_ATTR_NAME]);
	if (tb[IPSET_ATTR_ETHER] && mnl_attr_get_payload_len(tb[IPSET_ATTR_ETHER]) >= sizeof(el->mac)) {
		memcpy(el->mac, mnl_attr_get_payload(tb[IPSET_ATTR_ETHER]), sizeof(el->mac));
		el->has_mac = true;
	}
}

static int dump_cb(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[IPSET_ATTR_CMD_MAX + 1], *el;
	struct dump *d = ctx;

	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, IPSET_ATTR_CMD_MAX);
	if (tb[IPSET_ATTR_DATA])
		parse_created(tb[IPSET_ATTR_DATA], &d->created);
	if (tb[IPSET_ATTR_ADT])
		mnl_attr_for_each_nested(el, tb[IPSET_ATTR_ADT])
			parse_element(d, el);
	return 0;
}

static int read_dump(struct io *io, uint32_t netns, uint8_t protocol, const char *set, struct dump *d)
{
	char buf[256];

	d->created.markmask = 0xffffffff;
	return nl_ask(io, netns, NETLINK_NETFILTER, ipset_request(buf, IPSET_CMD_LIST, NLM_F_DUMP, protocol, set),
		      dump_cb, d, NULL);
}

/* a and b under the set's netmask or bitmask, if it was created with one. */
static bool masked_eq(const struct created *c, const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return false;
	if (c->netmask)
		return addr_in(a, b, c->netmask);
	for (unsigned i = 0; i < addr_len(a); i++)
		if ((a->b[i] ^ b->b[i]) & (c->mask.family == a->family ? c->mask.b[i] : 0xff))
			return false;
	return true;
}

static unsigned plen(const struct element *el, unsigned i)
{
	return el->cidr[i] ? el->cidr[i] : 8 * addr_len(&el->ip[i]);
}

/* The address under the set's mask, that a network set applies before it looks for networks. */
static struct addr masked(const struct created *c, const struct addr *a)
{
	struct addr m = *a;

	for (unsigned i = 0; i < addr_len(a) && c->mask.family == a->family; i++)
		m.b[i] &= c->mask.b[i];
	return m;
}

static bool iface_eq(const struct element *el, const char *iface)
{
	size_t len = el->iface ? strlen(el->iface) : 0;

	if (!len || el->flags & IPSET_FLAG_PHYSDEV)
		return false;
	return el->flags & IPSET_FLAG_IFACE_WILDCARD ? !strncmp(el->iface, iface, len) : !strcmp(el->iface, iface);
}

static bool element_eq(const struct ipset_type *type, const struct created *c, const struct element *el,
		       const struct ipset_want *w)
{
	unsigned n_ip = 0;
	struct addr a;

	for (unsigned i = 0; i < type->dim; i++)
		switch (type->part[i]) {
		case PART_IP:
			if (!masked_eq(c, &w->ip[n_ip], &el->ip[n_ip]))
				return false;
			n_ip++;
			break;
		case PART_NET:
			a = masked(c, &w->ip[n_ip]);
			if (!addr_in(&a, &el->ip[n_ip], plen(el, n_ip)))
				return false;
			n_ip++;
			break;
		case PART_PORT:
			if (w->port != el->port || w->proto != el->proto)
				return false;
			break;
		case PART_PORT_ONLY:
			if (w->port != el->port)
				return false;
			break;
		case PART_MAC:		/* bitmap:ip,mac takes the first address that comes where it has none */
			if (el->has_mac && memcmp(w->mac, el->mac, sizeof(w->mac)))
				return false;
			break;
		case PART_IFACE:
			if (!iface_eq(el, w->iface))
				return false;
			break;
		case PART_MARK:
			if ((w->mark & c->markmask) != el->mark)
				return false;
			break;
		case PART_NONE:
			return false;
		}
	return true;
}

/* mtype_test_cidrs(): the longest prefix decides, the first dimension's before the second's. */
static bool closer(const struct element *a, const struct element *b)
{
	return !b || plen(a, 0) > plen(b, 0) || (plen(a, 0) == plen(b, 0) && plen(a, 1) > plen(b, 1));
}

int ipset_dump_test(struct io *io, struct arena *a, uint32_t netns, uint8_t protocol, const char *set,
		    const struct ipset_type *type, const struct ipset_want *want, enum answer *in)
{
	struct dump d = { .arena = a };
	const struct element *best = NULL;
	int rc = read_dump(io, netns, protocol, set, &d);

	if (rc)
		return rc;
	for (size_t i = 0; i < d.n; i++)
		if (element_eq(type, &d.created, &d.v[i], want) && closer(&d.v[i], best))
			best = &d.v[i];
	*in = answer_of(best && !(best->flags & IPSET_FLAG_NOMATCH));
	return 0;
}

int ipset_dump_members(struct io *io, struct arena *a, uint32_t netns, uint8_t protocol, const char *set,
		       const char *const **out)
{
	struct dump d = { .arena = a };
	int rc = read_dump(io, netns, protocol, set, &d);
	const char **names;
	size_t n = 0;

	if (rc)
		return rc;
	names = arena_alloc(a, (d.n + 1) * sizeof(*names));
	for (size_t i = 0; i < d.n; i++)
		if (d.v[i].name)
			names[n++] = d.v[i].name;
	*out = names;
	return 0;
}
