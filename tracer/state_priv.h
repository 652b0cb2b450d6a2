/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files behind state.h share: the caches of each namespace, and the FIB as the kernel dumps it. */
#ifndef KTRACE_STATE_PRIV_H
#define KTRACE_STATE_PRIV_H

#include "tracer/base/map.h"
#include "tracer/state.h"

/* A table from bytes to a pointer: whatever was asked once gets the same answer until state_forget(). */
struct cache {
	struct map map;
};
static inline void *cache_find(const struct cache *c, const void *key, size_t len)
{
	return map_find(&c->map, key, len);
}
static inline void cache_add(struct arena *a, struct cache *c, const void *key, size_t len, void *value)
{
	c->map.arena = a;
	*map_slot(&c->map, key, len) = value;
}

struct links;
struct addrs;
struct fib;
struct socks;
struct neighs;
struct flows;
struct tc_devices;

enum { FAMILY_V4, FAMILY_V6, FAMILIES };

/* What was read of one namespace, each part when first asked for. */
struct ns {
	uint32_t netns;
	struct links *links;
	struct addrs *addrs;
	struct fib *fib[FAMILIES];
	struct fib_local *local;
	struct neighs *neighs[FAMILIES], *fdb;
	struct flows *flows;
	struct tc_devices *tc;
	struct cache route, addr_type, sysctl, neigh, fdb_port, ct, peer, socks, tc_steps;
};

struct netns_scan;

struct state {
	struct io *io;
	struct arena *arena;
	struct gaps *gaps;
	struct nft *nft;
	struct ipvs *ipvs;
	struct ask ask;
	const char *node, *kernel;
	unsigned version;		/* of the kernel that was read: KERNEL(6, 12) */
	struct ns **ns;
	size_t n_ns, cap_ns;
	struct netns_scan *scan;
	struct cache where;		/* address to namespace */
};

#define KERNEL(a, b)	((a) << 16 | (b))

struct ns *state_ns(struct state *s, uint32_t netns);
bool state_replays(const struct state *s);
static inline unsigned family_index(uint8_t family)
{
	return family == AF_INET6 ? FAMILY_V6 : FAMILY_V4;
}

/* -- link.c ---------------------------------------------------------------------------------------- */
/* In the order of for_each_netdev(). */
int links_as_made(struct state *s, uint32_t netns, const struct link *const **out, size_t *n);
/* The VRF (or other layer 3 master) that ifindex is, or is a port of: 0 if none. l3mdev_master_ifindex(). */
int link_l3_master(struct state *s, uint32_t netns, int ifindex);
bool link_is_l3_master(struct state *s, uint32_t netns, int ifindex);
/* A VRF's routing table, 0 if ifindex is none. */
uint32_t link_vrf_table(struct state *s, uint32_t netns, int ifindex);
/* The name, or "if7" when there is no such link. In arena. */
const char *link_name(struct state *s, uint32_t netns, int ifindex);

/* -- ifaddr.c -------------------------------------------------------------------------------------- */
bool addr_is_ours(struct state *s, uint32_t netns, const struct addr *a);
bool dev_has_addrs(struct state *s, uint32_t netns, int ifindex, uint8_t family);
/* inet_select_addr(): scope is RT_SCOPE_*; dst may be family 0. -ENOENT: none. */
int addr_select_v4(struct state *s, uint32_t netns, int ifindex, const struct addr *dst, uint8_t scope,
		   struct addr *out);

/* -- fib_route.c ----------------------------------------------------------------------------------- */
struct fib_nh {
	int oif;
	struct addr gw;
	unsigned weight;
	uint32_t flags;			/* RTNH_F_* */
};

/* One RTM_NEWROUTE, of a dump or of an answer. */
struct fib_route {
	uint8_t family, plen, src_plen, tos, type, protocol, scope, pref;
	uint32_t flags, table, priority, mtu, nh_id;
	struct addr dst, src, prefsrc;
	int error;			/* RTA_CACHEINFO, IPv6: the route's own error */
	int iif;
	const struct fib_nh *nh;
	unsigned n_nh;
};
/* False: not a route message of that family, or torn. */
bool fib_route_parse(struct arena *a, const struct nlmsghdr *nlh, struct fib_route *out);
/* As `ip route` prints it. */
const char *fib_route_say(struct state *s, uint32_t netns, const struct fib_route *r);
const char *fib_table_say(struct arena *a, uint32_t table);

/* -- fib.c ----------------------------------------------------------------------------------------- */
struct fib_rule {
	uint32_t priority, table, flags, mark, mask, target;
	uint8_t action, tos, proto, src_plen, dst_plen;
	bool has_dscp, l3mdev, has_uid, unknown;
	uint8_t dscp;
	struct addr src, dst;
	const char *iif, *oif;
	int suppress_plen, suppress_group;
	uint16_t sport_min, sport_max, dport_min, dport_max;
	uint32_t uid_min, uid_max;
};

/* struct flowi as the rules and tables see it. */
struct fib_flow {
	struct addr dst, src;
	int iif, oif, l3mdev;
	uint32_t mark, uid;
	uint8_t tos, proto;
	uint16_t sport, dport;
	bool has_src;
	int prefer;			/* IPv6: the device that scores best, ip6_pol_route()'s oif */
	bool strict_oif, reachable;	/* IPv6: RT6_LOOKUP_F_IFACE, _REACHABLE */
	bool ignore_linkstate;
};

struct fib_hit {
	int error;			/* 0 or -errno as fib_lookup() returns it */
	const struct fib_route *route;	/* that matched, also one that refuses; NULL: none */
	const struct fib_nh *nh;	/* NULL with an error */
	const struct fib_rule *rule;	/* that led there or refused */
	const char *unknown;		/* the answer may be another: why, else NULL */
};

/* fib_lookup() over the dumps of rules and routes: 0, or -errno if they could not be read. */
int fib_lookup(struct state *s, uint32_t netns, const struct fib_flow *f, struct fib_hit *out);
/* The type that one table gives an address, as inet_addr_type() asks the local one: RTN_UNICAST if it has none. */
int fib_table_type(struct state *s, uint32_t netns, uint32_t table, const struct addr *a, int ifindex, uint8_t *rtn);
int fib_read_all(struct state *s, uint32_t netns);
bool fib_has_rules(struct state *s, uint32_t netns, uint8_t family);
/* net->ipv4.fib_has_custom_local_routes, as far as routes that are still there tell. */
bool fib_has_local_routes(struct state *s, uint32_t netns);

/* -- fib_rule.c ------------------------------------------------------------------------------------ */
/* In the kernel's order. plain: the rules that a new namespace has, no others. */
int fib_rules_read(struct state *s, uint32_t netns, uint8_t family, const struct fib_rule **out, size_t *n,
		   bool *plain);
enum answer fib_rule_matches(struct state *s, uint32_t netns, const struct fib_rule *r, const struct fib_flow *fl);
const char *fib_rule_say(struct arena *a, const struct fib_rule *r);

/* -- refusal.c ------------------------------------------------------------------------------------- */
/*
 * ip_route_input_slow(), ip_route_output_key_hash_rcu() and their IPv6 kin over fib_lookup(): the answer in out, and
 * why it refuses, with its evidence (ev may be NULL), in cause.
 */
int route_model(struct state *s, uint32_t netns, const struct route_key *key, struct route *out,
		enum end_cause *cause, struct evidences *ev);
/* What the kernel checks for IPv6 outside of its routing: addresses never accepted, and ip6_forward()'s own switch. */
int route_check_v6(struct state *s, uint32_t netns, const struct route_key *key, uint8_t type,
		   enum end_cause *cause, struct evidences *ev);

/* -- netns.c --------------------------------------------------------------------------------------- */
/* state_peer() without a gap: for those who only look around. */
int peer_find(struct state *s, uint32_t netns, const struct link *l, uint32_t *peer_netns, int *peer_ifindex);

/* -- the rest, for state_read_all() ---------------------------------------------------------------- */
int neigh_read_all(struct state *s, uint32_t netns);
int conntrack_read_all(struct state *s, uint32_t netns);
int socket_read_all(struct state *s, uint32_t netns);
void tc_read_all(struct state *s, uint32_t netns);

#endif
