/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet's own way through the kernel, predicted: from the first packet of a connection to the answer that
 * must come back, every branch of it.
 */
#ifndef KTRACE_WALK_H
#define KTRACE_WALK_H

#include "tracer/state.h"
#include "tracer/target.h"

struct walk_options {
	const struct source *source;
	uint16_t sport;			/* 0: an ephemeral one, 40000 */
	uint32_t mark, uid;
	uint8_t tos;
	bool all;			/* keep every rule evaluated */
};

/*
 * All paths from the source to one address and port, shares adding up to 1, unknown forks that
 * make no difference folded. 0, or -errno with a sentence when it could not start (no such
 * interface, no IPv6 here).
 */
int walk(struct state *s, struct arena *a, const struct walk_options *o, const struct tuple *target,
	 const struct trace **out, size_t *n, struct err *err);
/* The source's packet before its first hop: address and interface that it leaves or arrives by, for the header. */
int walk_source_addr(struct state *s, const struct walk_options *o, const struct tuple *target,
		     struct addr *src, int *ifindex, struct err *err);

/* -- walk_resume.c: a packet taken up where the kernel showed it ---------------------------------- */

/* A packet as it entered a netfilter hook of IPv4 or IPv6; p.netns is io.h's number. */
struct walk_seen {
	uint8_t hook;			/* NF_INET_* */
	struct packet p;
};

struct walk_at {
	/* NFPROTO_IPV4 or IPV6 with NF_INET_*; NFPROTO_BRIDGE with NF_BR_PRE_ROUTING or NFPROTO_NETDEV with ingress: on device p.iif */
	uint8_t pf, hook;
	struct packet p;		/* as it entered there: mark, iif, oif, p.ct as it was on the packet at that moment */
	bool met;			/* p.iif and p.oif are the devices that it last met, ports of a bridge too, not the hook's own */
	/*
	 * What conntrack of p.netns had for it once it had looked: CT_NEW with its mapping in back, which the rules are still to make, or an
	 * entry that existed. NULL: nobody saw; then the table as it stands is asked, as for any first packet.
	 */
	const struct ct_view *ct;
	const struct ipvs_conn *balanced;	/* the IPVS connection that an answer belongs to, or NULL */
	const struct walk_seen *seen;	/* the hooks that it is known to have entered afterwards (and this one first), in order */
	size_t n_seen;
	bool alone;			/* ends where it leaves the namespace */
	bool all;			/* keep every rule evaluated */
};

/* One way on from there. */
struct walk_way {
	struct trace t;			/* its share among all ways; what an unknown fork rests on in gaps */
	size_t matched;			/* how many of seen[] it agrees with, from the first on */
	bool strayed;			/* broken off where it met a hook of seen[] with another packet */
	struct addr server;		/* as in struct walk: IPVS hands it over with the virtual address */
	uint16_t server_port;
};

/*
 * The walk from a hook on, without the answer: every way, unfolded, in the order of the rules; *cut says why there are more that
 * were not walked, or is NULL. 0 or -errno as walk(); -EINVAL for a hook that it cannot begin at.
 */
int walk_resume(struct state *s, struct arena *a, const struct walk_at *at, const struct walk_way **out, size_t *n,
		const char **cut, struct err *err);

#endif
