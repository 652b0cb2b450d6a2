/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses: whose they are, of which type, and which one the kernel picks for a packet that leaves by a device. */
#include <errno.h>
#include <string.h>

#include "tracer/base/nl.h"
#include "tracer/state_priv.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

struct addrs {
	int rc;
	struct if_addr *v;		/* as the kernel keeps them: its own choice goes by this order */
	struct addr *net;		/* of each: the peer's address of a point-to-point link, else the same */
	size_t n, cap, n_net, cap_net;
	struct state *s;
};

static int take_addr(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFA_FLAGS + 1], *local;
	struct addrs *as = ctx;
	struct if_addr a = {};
	struct addr net;

	if (nlh->nlmsg_type != RTM_NEWADDR || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return 0;
	nl_attrs(nlh, sizeof(*m), tb, IFA_FLAGS);
	local = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (!local)
		return 0;
	a.addr = addr_from(mnl_attr_get_payload(local), mnl_attr_get_payload_len(local));
	if (!a.addr.family || a.addr.family != m->ifa_family)
		return 0;
	a.plen = m->ifa_prefixlen;
	a.scope = m->ifa_scope;
	a.ifindex = m->ifa_index;
	a.flags = nl_u32(tb[IFA_FLAGS], m->ifa_flags);
	net = a.addr;
	if (tb[IFA_ADDRESS])
		net = addr_from(mnl_attr_get_payload(tb[IFA_ADDRESS]),
				mnl_attr_get_payload_len(tb[IFA_ADDRESS]));
	*VEC_PUSH(as->s->arena, as->v, as->n, as->cap) = a;
	*VEC_PUSH(as->s->arena, as->net, as->n_net, as->cap_net) = net;
	return 0;
}

static struct addrs *get_addrs(struct state *s, uint32_t netns)
{
	struct ns *ns = state_ns(s, netns);
	char buf[256] = {};
	struct nlmsghdr *nlh;
	struct addrs *as;

	if (ns->addrs)
		return ns->addrs;
	as = ns->addrs = arena_alloc(s->arena, sizeof(*as));
	as->s = s;
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg));
	as->rc = nl_ask(s->io, netns, NETLINK_ROUTE, nlh, take_addr, as, NULL);
	if (as->rc)
		gap_add(s->gaps, "the addresses of %s could not be read: %s", io_netns_name(s->io, netns),
			strerror(-as->rc));
	return as;
}

int state_addrs(struct state *s, uint32_t netns, const struct if_addr **out, size_t *n)
{
	struct addrs *as = get_addrs(s, netns);

	if (as->rc)
		return as->rc;
	*out = as->v;
	*n = as->n;
	return 0;
}

bool addr_is_ours(struct state *s, uint32_t netns, const struct addr *a)
{
	struct addrs *as = get_addrs(s, netns);

	for (size_t i = 0; i < as->n; i++)
		if (addr_eq(&as->v[i].addr, a))
			return true;
	return false;
}

bool dev_has_addrs(struct state *s, uint32_t netns, int ifindex, uint8_t family)
{
	struct addrs *as = get_addrs(s, netns);

	for (size_t i = 0; i < as->n; i++)
		if (as->v[i].ifindex == ifindex && as->v[i].addr.family == family)
			return true;
	return false;
}

/* -- type -------------------------------------------------------------------------------------------- */

static bool v4_is(const struct addr *a, uint32_t net, unsigned plen)
{
	struct addr n = addr_v4(net);

	return addr_in(a, &n, plen);
}

/* __inet_dev_addr_type() of net/ipv4/fib_frontend.c. */
static int type_v4(struct state *s, uint32_t netns, const struct addr *a, int ifindex, uint8_t *rtn)
{
	uint32_t table = ifindex ? link_vrf_table(s, netns, link_l3_master(s, netns, ifindex)) : 0;

	/* ipv4_is_zeronet(): the whole of 0/8 until 5.3. */
	if (v4_is(a, 0, s->version >= KERNEL(5, 3) ? 32 : 8) || v4_is(a, 0xffffffff, 32)) {
		*rtn = RTN_BROADCAST;
		return 0;
	}
	if (addr_is_multicast(a)) {
		*rtn = RTN_MULTICAST;
		return 0;
	}
	return fib_table_type(s, netns, table ? table : RT_TABLE_LOCAL, a, ifindex, rtn);
}

static bool dev_has(struct addrs *as, int ifindex, const struct addr *a)
{
	for (size_t i = 0; i < as->n; i++)
		if (as->v[i].ifindex == ifindex && addr_eq(&as->v[i].addr, a) &&
		    !(as->v[i].flags & IFA_F_TENTATIVE && !(as->v[i].flags & IFA_F_OPTIMISTIC)))
			return true;
	return false;
}

/* match_lookup_rt6() of net/netfilter/xt_addrtype.c, __nft_fib6_eval_type() of net/ipv6/netfilter/nft_fib_ipv6.c. */
static int type_v6(struct state *s, uint32_t netns, const struct addr *a, int ifindex, uint8_t *rtn)
{
	struct route_key key = { .dst = *a, .oif = ifindex };
	struct addrs *as = get_addrs(s, netns);
	struct route r;
	int rc;

	*rtn = RTN_UNSPEC;
	if (addr_is_any(a))
		return 0;
	*rtn = RTN_MULTICAST;
	if (addr_is_multicast(a))
		return 0;
	if (ifindex) {
		if (as->rc)
			return as->rc;
		*rtn = RTN_LOCAL;
		if (dev_has(as, ifindex, a))
			return 0;
	}
	rc = state_route(s, netns, &key, &r);
	if (rc)
		return rc;
	if (r.error)
		*rtn = r.type == RTN_BLACKHOLE || r.type == RTN_PROHIBIT ? r.type : RTN_UNREACHABLE;
	else
		*rtn = r.type == RTN_LOCAL && ifindex ? RTN_UNICAST : r.type;
	return 0;
}

int state_addr_type(struct state *s, uint32_t netns, const struct addr *a, int ifindex, uint8_t *rtn)
{
	if (a->family == AF_INET)
		return type_v4(s, netns, a, ifindex, rtn);
	if (a->family == AF_INET6)
		return type_v6(s, netns, a, ifindex, rtn);
	return -EAFNOSUPPORT;
}

/* -- the address that a device gives ------------------------------------------------------------------ */

/* in_dev_select_addr(). */
static bool select_any(struct addrs *as, int ifindex, uint8_t scope, struct addr *out)
{
	for (size_t i = 0; i < as->n; i++) {
		const struct if_addr *a = &as->v[i];

		if (a->ifindex != ifindex || a->addr.family != AF_INET || a->flags & IFA_F_SECONDARY)
			continue;
		if (a->scope != RT_SCOPE_LINK && a->scope <= scope) {
			*out = a->addr;
			return true;
		}
	}
	return false;
}

/* The other devices, when the one asked has none: its VRF first, then in the kernel's order. */
static int select_elsewhere(struct state *s, uint32_t netns, struct addrs *as, int ifindex, uint8_t scope,
			    struct addr *out)
{
	int master = link_l3_master(s, netns, ifindex);
	const struct link *const *link;
	size_t n;
	int rc;

	if (master && select_any(as, master, scope, out))
		return 0;
	rc = links_as_made(s, netns, &link, &n);
	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++)
		if (link_l3_master(s, netns, link[i]->ifindex) == master &&
		    select_any(as, link[i]->ifindex, scope, out))
			return 0;
	return -ENOENT;
}

/* inet_select_addr() of net/ipv4/devinet.c. */
int addr_select_v4(struct state *s, uint32_t netns, int ifindex, const struct addr *dst, uint8_t scope,
		   struct addr *out)
{
	struct addrs *as = get_addrs(s, netns);
	const struct addr *first = NULL;
	long localnet = 0, all = 0;
	uint8_t top;

	if (as->rc)
		return as->rc;
	state_sysctl(s, netns, "net/ipv4/conf/%s/route_localnet", link_name(s, netns, ifindex), &localnet);
	state_sysctl(s, netns, "net/ipv4/conf/%s/route_localnet", "all", &all);
	top = localnet || all ? RT_SCOPE_LINK : RT_SCOPE_HOST;
	for (size_t i = 0; i < as->n; i++) {
		const struct if_addr *a = &as->v[i];

		if (a->ifindex != ifindex || a->addr.family != AF_INET || a->flags & IFA_F_SECONDARY ||
		    (a->scope < top ? a->scope : top) > scope)
			continue;
		if (!dst || !dst->family || addr_is_any(dst) || addr_in(dst, &as->net[i], a->plen)) {
			*out = a->addr;
			return 0;
		}
		if (!first)
			first = &a->addr;
	}
	if (first) {
		*out = *first;
		return 0;
	}
	return select_elsewhere(s, netns, as, ifindex, scope, out);
}

/* -- IPv6: RFC 6724 as ipv6_get_saddr_eval() has it ----------------------------------------------------- */

struct candidate {
	const struct if_addr *a;
	struct state *s;
	uint32_t netns;
	const struct addr *dst;
	int oif;
};

/* __ipv6_addr_src_scope(): 1 node, 2 link, 5 site, 14 global, as multicast scopes are numbered. */
static int scope_v6(const struct addr *a)
{
	if (addr_is_multicast(a))
		return a->b[1] & 0xf;
	if (addr_is_loopback(a) || addr_is_linklocal(a))
		return 2;
	if (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0xc0)
		return 5;
	return 14;
}

/* The default of net/ipv6/addrlabel.c; labels that an administrator added are not read. */
static int label_v6(const struct addr *a)
{
	static const struct { const char *net; uint8_t plen, label; } table[] = {
		{ "::1", 128, 0 }, { "::ffff:0:0", 96, 4 }, { "::", 96, 3 }, { "2001:10::", 28, 7 },
		{ "2001::", 32, 6 }, { "2002::", 16, 2 }, { "3ffe::", 16, 12 }, { "fec0::", 10, 11 },
		{ "fc00::", 7, 5 },
	};
	struct addr net;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (addr_parse(table[i].net, &net) && addr_in(a, &net, table[i].plen))
			return table[i].label;
	return 1;
}

static unsigned common_bits(const struct addr *a, const struct addr *b, unsigned max)
{
	unsigned n = 0;

	while (n < max && !((a->b[n / 8] ^ b->b[n / 8]) & (0x80 >> n % 8)))
		n++;
	return n;
}

static int score_same(const struct candidate *c)
{
	return addr_eq(&c->a->addr, c->dst);
}

static int score_scope(const struct candidate *c)
{
	int mine = scope_v6(&c->a->addr), want = scope_v6(c->dst);

	return mine >= want ? -mine : mine - 128;
}

static int score_preferred(const struct candidate *c)
{
	return addr_is_loopback(&c->a->addr) || !(c->a->flags & (IFA_F_DEPRECATED | IFA_F_OPTIMISTIC));
}

static int score_oif(const struct candidate *c)
{
	return !c->oif || c->oif == c->a->ifindex;
}

static int score_label(const struct candidate *c)
{
	return label_v6(&c->a->addr) == label_v6(c->dst);
}

static int score_privacy(const struct candidate *c)
{
	long v = 0;

	state_sysctl(c->s, c->netns, "net/ipv6/conf/%s/use_tempaddr", link_name(c->s, c->netns, c->a->ifindex), &v);
	return !(c->a->flags & IFA_F_TEMPORARY) != (v >= 2);
}

static int score_orchid(const struct candidate *c)
{
	static const uint8_t net[4] = { 0x20, 0x01, 0x00, 0x10 };
	bool mine = !memcmp(c->a->addr.b, net, 3) && (c->a->addr.b[3] & 0xf0) == net[3];
	bool theirs = !memcmp(c->dst->b, net, 3) && (c->dst->b[3] & 0xf0) == net[3];

	return mine == theirs;
}

static int score_prefix(const struct candidate *c)
{
	return common_bits(&c->a->addr, c->dst, c->a->plen < 128 ? c->a->plen : 128);
}

static int (*const rules_v6[])(const struct candidate *c) = {
	score_same, score_scope, score_preferred, score_oif, score_label, score_privacy, score_orchid, score_prefix,
};

static bool better(const struct candidate *new, const struct candidate *best)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules_v6); i++) {
		int a = rules_v6[i](new), b = rules_v6[i](best);

		if (a != b)
			return a > b;
	}
	return false;
}

static bool usable(const struct if_addr *a)
{
	return a->addr.family == AF_INET6 && !addr_is_any(&a->addr) && !addr_is_multicast(&a->addr) &&
	       !(a->flags & IFA_F_TENTATIVE && !(a->flags & IFA_F_OPTIMISTIC)) && !(a->flags & IFA_F_DADFAILED);
}

/* ipv6_dev_get_saddr() of net/ipv6/addrconf.c; of equals the first in the kernel's own order stays. */
static int select_v6(struct state *s, uint32_t netns, int ifindex, const struct addr *dst, struct addr *out)
{
	struct addrs *as = get_addrs(s, netns);
	struct candidate best = {};
	long only = 0;
	bool same_link;

	if (as->rc)
		return as->rc;
	state_sysctl(s, netns, "net/ipv6/conf/%s/use_oif_addrs_only", link_name(s, netns, ifindex), &only);
	same_link = only || addr_is_multicast(dst) || scope_v6(dst) <= 2;
	for (size_t i = 0; i < as->n; i++) {
		struct candidate c = { &as->v[i], s, netns, dst, ifindex };

		if (!usable(c.a) || (same_link && c.a->ifindex != ifindex) ||
		    link_l3_master(s, netns, c.a->ifindex) != link_l3_master(s, netns, ifindex))
			continue;
		if (!best.a || better(&c, &best))
			best = c;
	}
	if (!best.a)
		return -ENOENT;
	*out = best.a->addr;
	return 0;
}

int state_dev_addr(struct state *s, uint32_t netns, int ifindex, const struct addr *dst, struct addr *out)
{
	if (dst->family == AF_INET)
		return addr_select_v4(s, netns, ifindex, dst, RT_SCOPE_UNIVERSE, out);
	if (dst->family == AF_INET6)
		return select_v6(s, netns, ifindex, dst, out);
	return -EAFNOSUPPORT;
}

/* nf_nat_redirect_ipv4() takes the first address; nf_nat_redirect_ipv6_usable(), for a scoped destination one of that scope. */
int state_redirect_addr(struct state *s, uint32_t netns, int ifindex, const struct addr *dst, struct addr *out)
{
	struct addrs *as = get_addrs(s, netns);
	int scope = dst->family == AF_INET6 ? scope_v6(dst) : 14;

	if (as->rc)
		return as->rc;
	for (size_t i = 0; i < as->n; i++) {
		const struct if_addr *a = &as->v[i];

		if (a->ifindex != ifindex || a->addr.family != dst->family)
			continue;
		if (dst->family == AF_INET6 && ((a->flags & IFA_F_TENTATIVE && !(a->flags & IFA_F_OPTIMISTIC)) ||
						(scope != 14 && scope_v6(&a->addr) != scope)))
			continue;
		*out = a->addr;
		return 0;
	}
	return -ENOENT;
}
