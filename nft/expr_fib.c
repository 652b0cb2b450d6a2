/* SPDX-License-Identifier: GPL-2.0-only */
/* Expressions that ask beyond the packet: fib, socket, rt, xfrm, tunnel, osf. */
#include <net/if.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

#include <linux/rtnetlink.h>

/* -- fib -- */

struct fib_data {
	uint8_t result, reg;
	uint32_t flags;
};

static void fib_store(struct eval *e, const struct fib_data *d, const struct link *dev)
{
	char name[16] = { 0 };

	if (d->result == NFT_FIB_RESULT_OIF && !(d->flags & NFTA_FIB_F_PRESENT)) {
		reg_store32(e, d->reg, dev ? dev->ifindex : 0);
	} else if (d->flags & NFTA_FIB_F_PRESENT) {
		reg_store8(e, d->reg, dev != NULL);
	} else {
		if (dev)
			memcpy(name, dev->name, strnlen(dev->name, sizeof(name) - 1));
		reg_store(e, d->reg, name, NULL, sizeof(name));
	}
}

static unsigned fib_len(const struct fib_data *d)
{
	if (d->result == NFT_FIB_RESULT_OIFNAME && !(d->flags & NFTA_FIB_F_PRESENT))
		return 16;
	return d->flags & NFTA_FIB_F_PRESENT ? 1 : 4;
}

static enum step_kind fib_unknown(struct eval *e, const struct fib_data *d)
{
	reg_store_unknown(e, d->reg, fib_len(d), "depends on a route that could not be asked");
	return STEP_NEXT;
}

static int fib_device(const struct eval *e, const struct fib_data *d)
{
	return d->flags & NFTA_FIB_F_IIF ? eval_in(e) : d->flags & NFTA_FIB_F_OIF ? eval_out(e) : 0;
}

/*
 * nft_fib4_eval_type(), __nft_fib6_eval_type(). Unlike xt_addrtype's the IPv6 lookup is bound to the device for link-local
 * addresses alone (nft_fib6_flowi_init()); the device only tells whether the address is its own.
 */
static int fib_type(struct eval *e, const struct addr *a, int dev, uint8_t *rtn)
{
	int rc;

	if (!e->ask || !e->ask->addr_type)
		return -ENOTSUP;
	rc = e->ask->addr_type(e->ask->ctx, e->netns, a, dev, rtn);
	if (rc || !dev || a->family != AF_INET6 || *rtn == RTN_LOCAL || addr_is_linklocal(a))
		return rc;
	rc = e->ask->addr_type(e->ask->ctx, e->netns, a, 0, rtn);
	if (!rc && *rtn == RTN_LOCAL)
		*rtn = RTN_UNICAST;
	return rc;
}

static enum step_kind fib_type_run(struct eval *e, const struct step *s)
{
	const struct fib_data *d = s->data;
	const struct addr *a = d->flags & NFTA_FIB_F_DADDR ? &e->p->dst : &e->p->src;
	uint8_t rtn;

	if (fib_type(e, a, fib_device(e, d), &rtn)) {
		reg_store_unknown(e, d->reg, 4, "depends on an address's type that could not be asked");
		return STEP_NEXT;
	}
	reg_store32(e, d->reg, rtn);
	return STEP_NEXT;
}

/* get_saddr() of nft_fib_ipv4.c, and an address that is not this node's: a lookup from one that is not would be refused. */
static struct addr fib_source(struct eval *e, const struct addr *a)
{
	struct addr none = { 0 };
	uint8_t rtn;

	if (addr_is_multicast(a) || addr_is_any(a) || !e->ask->addr_type ||
	    e->ask->addr_type(e->ask->ctx, e->netns, a, 0, &rtn) || rtn != RTN_LOCAL)
		return none;
	return *a;
}

/* fl4.flowi4_oif = l3mdev_master_ifindex_rcu(): a VRF restricts the lookup to its table. */
static int fib_vrf(struct eval *e, const struct fib_data *d)
{
	const struct link *l = d->flags & NFTA_FIB_F_IIF ? eval_link(e, eval_in(e)) : NULL;

	return l && !strcmp(l->master_kind, "vrf") ? l->master : 0;
}

/* nft_fib4_eval(), nft_fib6_eval() */
static enum step_kind fib_oif_run(struct eval *e, const struct step *s)
{
	const struct fib_data *d = s->data;
	bool dst = d->flags & NFTA_FIB_F_DADDR;
	const struct link *in = eval_link(e, eval_in(e)), *found;
	int dev = fib_device(e, d);
	struct route_key key = { .tos = e->p->tos };
	struct route r = { 0 };

	if (e->run->hook == NF_INET_PRE_ROUTING && in && in->flags & IFF_LOOPBACK && !e->p->given.set) {
		fib_store(e, d, in);
		return STEP_NEXT;
	}
	/*
	 * nft_fib_can_skip() of 6.16 passes INPUT as well, and asks a socket that the packet has (a transparent proxy's, which
	 * never received from here) instead of the device. Earlier kernels look up at INPUT, and pass PREROUTING.
	 */
	if ((e->run->hook == NF_INET_LOCAL_IN || e->run->hook == NF_INET_PRE_ROUTING) && in && in->flags & IFF_LOOPBACK) {
		reg_store_unknown(e, d->reg, fib_len(d), e->run->hook == NF_INET_LOCAL_IN ?
				  "depends on the kernel's version (loopback at INPUT)" :
				  "depends on the kernel's version (loopback, and a transparent proxy's socket)");
		return STEP_NEXT;
	}
	if (!e->ask || !e->ask->route)
		return fib_unknown(e, d);
	key.dst = dst ? e->p->dst : e->p->src;
	key.src = fib_source(e, dst ? &e->p->src : &e->p->dst);
	key.mark = d->flags & NFTA_FIB_F_MARK ? e->p->mark : 0;
	key.oif = fib_vrf(e, d);
	if (addr_is_linklocal(&key.dst) && key.dst.family == AF_INET6)
		key.oif = dev ? dev : eval_in(e);
	if (e->ask->route(e->ask->ctx, e->netns, &key, &r))
		return fib_unknown(e, d);
	if (r.error || r.type != RTN_UNICAST || (dev && r.oif != dev && r.n_nexthops <= 1)) {
		fib_store(e, d, NULL);
		return STEP_NEXT;
	}
	if (dev && r.oif != dev)
		return fib_unknown(e, d);	/* one of several next hops: fib_info_nh_uses_dev() sees them all */
	found = eval_link(e, r.oif);
	if (!found)
		return fib_unknown(e, d);
	fib_store(e, d, found);
	return STEP_NEXT;
}

static void fib_words(struct words *w, const struct step *s)
{
	static const struct { uint32_t flag; const char *name; } flags[] = {
		{ NFTA_FIB_F_SADDR, "saddr" }, { NFTA_FIB_F_DADDR, "daddr" }, { NFTA_FIB_F_MARK, "mark" },
		{ NFTA_FIB_F_IIF, "iif" }, { NFTA_FIB_F_OIF, "oif" },
	};
	static const struct { const char *name; enum datatype type; } result[] = {
		{ "?", DT_NONE }, { "oif", DT_IFINDEX }, { "oifname", DT_IFNAME }, { "type", DT_FIB_TYPE },
	};
	const struct fib_data *d = s->data;
	struct text t = { .arena = w->arena };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (d->flags & flags[i].flag)
			text_add(&t, "%s%s", t.len ? " . " : "", flags[i].name);
	words_load(w, d->reg, d->flags & NFTA_FIB_F_PRESENT ? DT_BOOLEAN : result[d->result].type, fib_len(d),
		   "fib %s %s", text_get(&t), result[d->result].name);
}

static const struct expr_ops fib_type_ops = EXPR_OPS("fib", fib_type_run, fib_words);
static const struct expr_ops fib_oif_ops = EXPR_OPS("fib", fib_oif_run, fib_words);

static bool fib_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_FIB_MAX + 1];
	struct fib_data *f;
	uint32_t result;

	if (!expr_attrs(data, tb, NFTA_FIB_MAX))
		return false;
	result = nl_be32(tb[NFTA_FIB_RESULT], 0);
	if (result == NFT_FIB_RESULT_UNSPEC || result > NFT_FIB_RESULT_ADDRTYPE)
		return false;
	f = step_new(d, s, result == NFT_FIB_RESULT_ADDRTYPE ? &fib_type_ops : &fib_oif_ops, sizeof(*f));
	f->result = result;
	f->flags = nl_be32(tb[NFTA_FIB_FLAGS], 0);
	if (f->flags >> 6 || !(f->flags & (NFTA_FIB_F_SADDR | NFTA_FIB_F_DADDR)))
		return false;
	return expr_reg(tb[NFTA_FIB_DREG], (fib_len(f) + 3) & ~3u, &f->reg);
}

/* -- socket -- */

struct socket_data {
	uint8_t key, reg;
	uint32_t level;
};

/* nft_socket_eval(): a packet that a socket here sends has that socket; what comes in is looked up. */
static enum step_kind socket_run(struct eval *e, const struct step *s)
{
	const struct socket_data *d = s->data;
	struct sock_info sk = { 0 };
	enum answer found;

	if (!eval_in(e))
		return e->p->local ? unknown(e, "depends on the options of the sending socket") : STEP_BREAK;
	found = e->p->given.set || !e->ask || !e->ask->socket ? UNKNOWN : e->ask->socket(e->ask->ctx, e->netns, e->p, &sk);
	if (e->p->given.set) {
		sk = *e->p->given.sk;
		found = YES;
	}
	if (found != YES)
		return found == NO ? STEP_BREAK : unknown(e, "depends on a socket that could not be looked up");
	switch (d->key) {
	case NFT_SOCKET_TRANSPARENT:
		reg_store8(e, d->reg, sk.transparent);
		return STEP_NEXT;
	case NFT_SOCKET_MARK:
		reg_store32(e, d->reg, sk.mark);
		return STEP_NEXT;
	case NFT_SOCKET_WILDCARD:
		reg_store8(e, d->reg, sk.wildcard);
		return STEP_NEXT;
	}
	return unknown(e, "depends on the cgroup of the receiving process");
}

static void socket_words(struct words *w, const struct step *s)
{
	static const char *const key[] = { "transparent", "mark", "wildcard", "cgroupv2 level" };
	const struct socket_data *d = s->data;

	if (d->key == NFT_SOCKET_CGROUPV2)
		words_load(w, d->reg, DT_CGROUP, 8, "socket %s %u", key[d->key], d->level);
	else
		words_load(w, d->reg, d->key == NFT_SOCKET_MARK ? DT_MARK : DT_HOST_INTEGER,
			   d->key == NFT_SOCKET_MARK ? 4 : 1, "socket %s", key[d->key]);
}

static const struct expr_ops socket_ops = EXPR_OPS("socket", socket_run, socket_words);

static bool socket_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_SOCKET_MAX + 1];
	struct socket_data *x;
	uint32_t key;

	if (!expr_attrs(data, tb, NFTA_SOCKET_MAX))
		return false;
	key = nl_be32(tb[NFTA_SOCKET_KEY], 99);
	if (key > NFT_SOCKET_CGROUPV2)
		return false;
	x = step_new(d, s, &socket_ops, sizeof(*x));
	x->key = key;
	x->level = nl_be32(tb[NFTA_SOCKET_LEVEL], 0);
	return expr_reg(tb[NFTA_SOCKET_DREG], key == NFT_SOCKET_CGROUPV2 ? 8 : 4, &x->reg);
}

/* -- rt: the route that the packet took -- */

struct rt_data {
	uint8_t key, reg;
};

static enum step_kind rt_nexthop(struct eval *e, const struct rt_data *d)
{
	uint8_t family = d->key == NFT_RT_NEXTHOP4 ? AF_INET : AF_INET6;
	struct route_key key = {
		.dst = e->p->dst, .oif = e->p->oif, .mark = e->p->mark, .tos = e->p->tos, .proto = e->p->proto,
		.sport = e->p->sport, .dport = e->p->dport,
	};
	struct route r = { 0 };
	const struct addr *next;

	if (packet_family(e->p) != family)
		return STEP_BREAK;
	if (!e->ask || !e->ask->route || e->ask->route(e->ask->ctx, e->netns, &key, &r) || r.error)
		return unknown(e, "depends on a route that could not be asked");
	next = r.gateway.family == family ? &r.gateway : &e->p->dst;
	reg_store(e, d->reg, next->b, NULL, addr_len(next));
	return STEP_NEXT;
}

/* nft_rt_get_eval() */
static enum step_kind rt_run(struct eval *e, const struct step *s)
{
	const struct rt_data *d = s->data;

	if (e->run->hook == NF_INET_PRE_ROUTING)
		return STEP_BREAK;	/* no route yet */
	switch (d->key) {
	case NFT_RT_NEXTHOP4:
	case NFT_RT_NEXTHOP6:
		return rt_nexthop(e, d);
	case NFT_RT_TCPMSS:
		reg_store_unknown(e, d->reg, 2, "depends on the route's MTU");
		return STEP_NEXT;
	case NFT_RT_XFRM:
		reg_store_unknown(e, d->reg, 1, "depends on IPsec policies");
		return STEP_NEXT;
	}
	reg_store_unknown(e, d->reg, 4, "depends on the realm of the route");
	return STEP_NEXT;
}

static void rt_words(struct words *w, const struct step *s)
{
	static const struct { const char *name; enum datatype type; uint8_t len; } key[] = {
		{ "classid", DT_REALM, 4 }, { "ip nexthop", DT_IPV4, 4 }, { "ip6 nexthop", DT_IPV6, 16 },
		{ "mtu", DT_HOST_INTEGER, 2 }, { "ipsec", DT_BOOLEAN, 1 },
	};
	const struct rt_data *d = s->data;

	words_load(w, d->reg, key[d->key].type, key[d->key].len, "rt %s", key[d->key].name);
}

static const struct expr_ops rt_ops = EXPR_OPS("rt", rt_run, rt_words);

static bool rt_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_RT_MAX + 1];
	struct rt_data *r;
	uint32_t key;

	if (!expr_attrs(data, tb, NFTA_RT_MAX))
		return false;
	key = nl_be32(tb[NFTA_RT_KEY], 99);
	if (key > NFT_RT_XFRM)
		return false;
	r = step_new(d, s, &rt_ops, sizeof(*r));
	r->key = key;
	return expr_reg(tb[NFTA_RT_DREG], key == NFT_RT_NEXTHOP6 ? 16 : 4, &r->reg);
}

/* -- xfrm, tunnel, osf: what only the sender, or another subsystem, determines -- */

struct other_data {
	uint8_t key, reg, len, dir;
	uint32_t number;
};

/* nft_xfrm_get_eval(): without a transformation the rule does not match. */
static enum step_kind xfrm_run(struct eval *e, const struct step *s UNUSED)
{
	return unknown(e, "depends on IPsec, which is not followed here");
}

static void xfrm_words(struct words *w, const struct step *s)
{
	static const char *const key[] = { "?", "ip daddr", "ip6 daddr", "ip saddr", "ip6 saddr", "reqid", "spi" };
	static const enum datatype type[] = {
		DT_NONE, DT_IPV4, DT_IPV6, DT_IPV4, DT_IPV6, DT_HOST_INTEGER, DT_INTEGER,
	};
	const struct other_data *d = s->data;

	words_load(w, d->reg, type[d->key], d->len, "ipsec %s %s", d->dir ? "out" : "in", key[d->key]);
}

static const struct expr_ops xfrm_ops = EXPR_OPS("xfrm", xfrm_run, xfrm_words);

static bool xfrm_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_XFRM_MAX + 1];
	struct other_data *x;
	uint32_t key;

	if (!expr_attrs(data, tb, NFTA_XFRM_MAX))
		return false;
	key = nl_be32(tb[NFTA_XFRM_KEY], 0);
	if (key == NFT_XFRM_KEY_UNSPEC || key > NFT_XFRM_KEY_SPI)
		return false;
	x = step_new(d, s, &xfrm_ops, sizeof(*x));
	x->key = key;
	x->dir = nl_u8(tb[NFTA_XFRM_DIR], 0);
	x->len = key == NFT_XFRM_KEY_DADDR_IP6 || key == NFT_XFRM_KEY_SADDR_IP6 ? 16 : 4;
	return expr_reg(tb[NFTA_XFRM_DREG], x->len, &x->reg);
}

/* nft_tunnel_get_eval(): metadata that only a tunnel device leaves on a packet. */
static enum step_kind tunnel_run(struct eval *e, const struct step *s)
{
	static const char *const kinds[] = { "vxlan", "geneve", "gre", "gretap", "ip6gre", "erspan", "ipip", "sit", "ip6tnl" };
	const struct other_data *d = s->data;
	const struct link *in = eval_link(e, e->p->iif);

	for (size_t i = 0; in && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(in->kind, kinds[i]))
			return unknown(e, "depends on the tunnel that the packet came through");
	if (e->p->iif && !in)
		return unknown(e, "depends on an interface that could not be read");
	if (d->key == NFT_TUNNEL_ID)
		return STEP_BREAK;
	reg_store8(e, d->reg, 0);
	return STEP_NEXT;
}

static void tunnel_words(struct words *w, const struct step *s)
{
	const struct other_data *d = s->data;

	words_load(w, d->reg, DT_HOST_INTEGER, d->key == NFT_TUNNEL_ID ? 4 : 1, "tunnel %s",
		   d->key == NFT_TUNNEL_ID ? "id" : "path");
}

static const struct expr_ops tunnel_ops = EXPR_OPS("tunnel", tunnel_run, tunnel_words);

static bool tunnel_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_TUNNEL_MAX + 1];
	struct other_data *x = step_new(d, s, &tunnel_ops, sizeof(*x));

	if (!expr_attrs(data, tb, NFTA_TUNNEL_MAX) || nl_be32(tb[NFTA_TUNNEL_KEY], 99) > NFT_TUNNEL_ID)
		return false;
	x->key = nl_be32(tb[NFTA_TUNNEL_KEY], 0);
	return expr_reg(tb[NFTA_TUNNEL_DREG], 4, &x->reg);
}

/* nft_osf_eval(): the fingerprint of a SYN. */
static enum step_kind osf_run(struct eval *e, const struct step *s)
{
	const struct other_data *d = s->data;

	if (e->p->proto != IPPROTO_TCP || !(e->p->tcp_flags & TH_SYN))
		return STEP_BREAK;
	reg_store_unknown(e, d->reg, 16, "depends on the sender's operating system");
	return STEP_NEXT;
}

static void osf_words(struct words *w, const struct step *s)
{
	const struct other_data *d = s->data;

	words_load(w, d->reg, DT_STRING, 16, "osf name");
}

static const struct expr_ops osf_ops = EXPR_OPS("osf", osf_run, osf_words);

static bool osf_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_OSF_MAX + 1];
	struct other_data *x = step_new(d, s, &osf_ops, sizeof(*x));

	return expr_attrs(data, tb, NFTA_OSF_MAX) && expr_reg(tb[NFTA_OSF_DREG], 16, &x->reg);
}

static const struct expr rows[] = {
	{ "fib", fib_decode }, { "socket", socket_decode }, { "rt", rt_decode }, { "xfrm", xfrm_decode },
	{ "tunnel", tunnel_decode }, { "osf", osf_decode },
};
const struct exprs expr_fib = EXPRS(rows);
