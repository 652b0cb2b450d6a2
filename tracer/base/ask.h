/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The questions that rule evaluation may ask beyond netfilter: routes, links, sockets, addresses. The rooms
 * nft/ and ipvs/ get them as this table of functions, so they depend on no file above the ground floor.
 */
#ifndef KTRACE_BASE_ASK_H
#define KTRACE_BASE_ASK_H

#include "packet.h"

/* A FIB question; a field that is 0 is not asked with. Ports in host order. */
struct route_key {
	struct addr src, dst;
	int iif, oif;
	uint32_t mark;
	uint8_t tos, proto;
	uint16_t sport, dport;
	bool has_uid;
	uint32_t uid;
};

/* The FIB's answer. */
struct route {
	int error;			/* 0 or -errno of the lookup: -ENETUNREACH, -EHOSTUNREACH, -EACCES, -EINVAL, -EXDEV */
	uint8_t type;			/* RTN_*; with an error the type of the route that refused, if one did */
	uint8_t protocol, scope;	/* RTPROT_*, RT_SCOPE_* */
	uint32_t table;
	struct addr prefix;		/* the matched prefix; family 0 if not known */
	uint8_t plen;
	int oif;
	struct addr gateway, prefsrc;	/* family 0: none (on-link) */
	uint32_t mtu;			/* of the route, 0: the link's */
	unsigned n_nexthops;		/* of a multipath route */
	const char *text;		/* as `ip route` prints it, in arena */
	const char *unknown;		/* in a snapshot: the kernel may have answered otherwise, one clause; else NULL */
};

#define LOOPBACK_IFINDEX	1	/* of every netns: loopback_net_init() */

struct link {
	int ifindex;
	char name[16];
	char kind[16];			/* "bridge", "veth", "dummy", "vxlan" … or "" */
	unsigned flags;			/* IFF_* */
	uint16_t type;			/* ARPHRD_* */
	uint32_t mtu;
	uint32_t group;
	int master;			/* ifindex of the bridge, bond or vrf, 0: none */
	char master_kind[16];		/* IFLA_INFO_SLAVE_KIND: "bridge", "vrf", … */
	int peer;			/* IFLA_LINK: a veth's other end in peer_nsid, 0: none */
	int peer_nsid;			/* IFLA_LINK_NETNSID, -1: this netns */
	bool carrier;			/* IFF_LOWER_UP */
	uint8_t operstate;		/* IF_OPER_* */
	struct mac mac;
	/* a bridge */
	enum answer vlan_filtering;
	enum answer nf_call_iptables, nf_call_ip6tables;	/* the bridge's own switches */
	/* a bridge port */
	uint8_t port_state;		/* BR_STATE_* */
	enum answer hairpin, isolated, promisc;
	/* programs on the way */
	uint32_t xdp_prog;		/* id, 0: none */
};

/* A socket that would take a packet. */
struct sock_info {
	uint8_t state;			/* TCP_LISTEN, TCP_ESTABLISHED, TCP_CLOSE (udp) … */
	bool transparent;
	bool wildcard;			/* bound to the any address */
	struct addr local;
	uint16_t port;
	int bound_if;
	uint32_t uid, inode, mark;
	uint32_t backlog, queued, drops;	/* listener: limit, length, sk drops */
};

struct ask {
	void *ctx;
	/* 0 with the answer in out (out->error may be a refusal), or -errno if it could not be asked. */
	int (*route)(void *ctx, uint32_t netns, const struct route_key *key, struct route *out);
	/* RTN_* of an address as inet_addr_type() and its IPv6 kin give it; ifindex 0: any device. */
	int (*addr_type)(void *ctx, uint32_t netns, const struct addr *a, int ifindex, uint8_t *rtn);
	/* NULL if there is none or it could not be read. Stable for the run. */
	const struct link *(*link)(void *ctx, uint32_t netns, int ifindex);
	/* The address that masquerade takes: dst guides the choice as inet_select_addr() and
	 * ipv6_dev_get_saddr() do, which fall back on other devices' addresses. -ENOENT: there is none. */
	int (*dev_addr)(void *ctx, uint32_t netns, int ifindex, const struct addr *dst, struct addr *out);
	/* The first address of ifindex itself that redirect can use for a packet to dst. -ENOENT: it has none. */
	int (*redirect_addr)(void *ctx, uint32_t netns, int ifindex, const struct addr *dst, struct addr *out);
	/* The socket that a packet with this tuple would find, as xt_socket and nft socket look it up. */
	enum answer (*socket)(void *ctx, uint32_t netns, const struct packet *p, struct sock_info *out);
};

#endif
