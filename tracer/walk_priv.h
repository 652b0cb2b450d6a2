/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk's own state and its stages, shared by walk*.c: walk.c the spine and its branches, walk_ip.c routing, forwarding and
 * local delivery, walk_hook.c netfilter hooks, walk_nat.c connections and translations, walk_ipvs.c virtual services,
 * walk_link.c devices and bridges, walk_edge.c what runs where a frame enters or leaves a device.
 */
#ifndef KTRACE_WALK_PRIV_H
#define KTRACE_WALK_PRIV_H

#include "tracer/walk.h"

/* GO: the packet goes on; END: the path has ended, w->end says how. */
enum flow { GO, END };

/* A connection of this walk as one namespace's conntrack holds it, for the answer's way back. */
struct conn {
	uint32_t netns;
	struct ct_view ct;
};

/* The same as ip_vs holds it: for -m, whose answers it translates back. */
struct balanced {
	uint32_t netns;
	struct ipvs_conn conn;
};

struct walk {
	struct state *state;
	struct arena *arena;
	const struct walk_options *options;
	struct choices *choices;

	struct packet p;
	bool reply;			/* the answer's way back */
	bool outside;			/* the sender is not on this node */
	struct tuple sent;		/* the first packet as its sender made it: the answer must be its inverse */
	struct packet arrived;		/* the request as it stood where it ended */

	const struct nft_write *writes;	/* into sets, by rules so far */
	struct addr nexthop;		/* whom the frame under way is for: gateway or destination; family 0: the receiving host */
	bool onlink;			/* nexthop is the destination itself */
	bool diverted;			/* a rule forwards the frame under way (nft fwd) */
	bool prerouted;			/* br_netfilter ran PREROUTING: ip_sabotage_in() skips it */
	bool brnf_first;		/* br_netfilter before the bridge chains of its own priority */
	struct { bool set; struct addr addr; uint16_t port; } tproxy;
	bool transparent;		/* the socket that takes it may answer from any address */
	int forwards;			/* hops through devices and namespaces so far */

	struct conn *conn;
	size_t n_conn, cap_conn;
	struct balanced *balanced;
	size_t n_balanced, cap_balanced;
	bool tunnelled;			/* it travels inside another packet, which is what is followed */
	struct addr server;		/* the real server that gets it with the virtual address (-g, -i); family 0: none */
	uint16_t server_port;
	struct hop *hop;
	size_t n_hop, cap_hop;
	struct evidences ev;		/* of the hop under way */
	struct packet in;
	struct verdict end;

	const struct walk_at *at;	/* taken up at a hook; NULL: followed from its sender on */
	size_t matched;			/* of at->seen[] */
	bool strayed;
};

#define MAX_FORWARDS	24
#define MAX_PATHS	4096

/* -- walk.c: hops and ends ------------------------------------------------------------------------ */
/* A hop begins with the packet as it is; what is found goes to w->ev. */
void hop_begin(struct walk *w);
/* It ended without ending the path. hook and priority only for STAGE_HOOK and STAGE_BRIDGE. */
void hop_done(struct walk *w, enum stage stage, uint8_t hook, int priority, bool nat);
/*
 * The path ends in the hop under way. why is one clause; there is no other way to end a path. A refusal of the
 * answer becomes the request's end, CAUSE_REPLY_DROPPED.
 */
enum flow end_path(struct walk *w, enum stage stage, uint8_t hook, int priority, bool nat,
		   enum end_kind kind, enum end_cause cause, const char *why);
enum flow end_simple(struct walk *w, enum stage stage, enum end_kind kind, enum end_cause cause, const char *why);

/* One way starts with p as it is; all that the last one left is forgotten. */
void walk_begin(struct walk *w, const struct packet *p);
/* What the way just walked amounts to. */
struct trace walk_trace(struct walk *w, const struct tuple *target);

/* -- walk_resume.c: what the kernel showed of the packet, where one is followed that was seen ------- */
/* The packet enters an IP hook. END: the kernel showed another packet there, this way is not the one. */
enum flow resume_sees(struct walk *w, uint8_t hook);
/* What conntrack of this namespace had for it, or NULL. */
const struct ct_view *resume_ct(const struct walk *w);
/* Takes the mapping that the kernel made, where only it could choose; false: it is not known. */
bool resume_mapping(struct walk *w, bool dst);
/* Does the packet belong to a connection that is open already, or tell an error? Then no listener is asked for it. */
bool resume_midway(const struct walk *w);

/* -- walk_hook.c ---------------------------------------------------------------------------------- */
/* All that is registered at an IP hook, conntrack and NAT in their places. w->p.iif and oif are set. */
enum flow run_hook(struct walk *w, uint8_t hook);
/* The same for netdev hooks, which know no conntrack. */
enum flow run_plain_hook(struct walk *w, uint8_t pf, uint8_t hook, int ifindex, enum stage stage);
/* And for bridges: all chains, or those before and after br_netfilter's function, which runs the IP hook. */
enum brnf { BRNF_ALL, BRNF_BEFORE, BRNF_AFTER };
enum flow run_bridge_hook(struct walk *w, uint8_t hook, enum brnf side);

/* -- walk_nat.c ----------------------------------------------------------------------------------- */
/* nf_conntrack_in(): finds or makes the connection. */
enum flow track(struct walk *w);
/* nf_nat_inet_fn(): does this packet still need a mapping of the kind that this hook makes? */
bool nat_wanted(const struct walk *w, uint8_t hook);
/* nf_nat_setup_info() for what a rule asked; GO or an end. */
enum flow nat_setup(struct walk *w, uint8_t hook, const struct nft_nat *nat);
/* No rule wanted one: the null binding. */
void nat_none(struct walk *w, uint8_t hook);
/* nf_nat_packet(): rewrites the packet as its connection says. Did that change it? */
bool nat_apply(struct walk *w, uint8_t hook);
/* nf_confirm(): remembers the connection for the answer. */
void confirm(struct walk *w);

/* -- walk_ipvs.c ---------------------------------------------------------------------------------- */
/* The i-th function of ip_vs at the hook and its priority; NULL: it has no more. */
const char *ipvs_function(uint8_t hook, unsigned i, int *priority);
/* Runs it: END if it took the packet over, and walked it to its end. *oif as reroute()'s. */
enum flow ipvs_hook(struct walk *w, uint8_t hook, const char *function, int *oif);

/* -- walk_ip.c ------------------------------------------------------------------------------------ */
/* INPUT, and the socket behind it. */
enum flow local_in(struct walk *w);
/* A process in w->p.netns sends w->p. */
enum flow local_out(struct walk *w);
/* The packet came in on w->p.iif of w->p.netns, past its link layer. */
enum flow ip_receive(struct walk *w);
/* After a rewrite in OUTPUT: ip_route_me_harder(). The new way leaves by *oif. */
enum flow reroute(struct walk *w, int *oif);
/* The FIB refused (r->error): the end that this makes. silent: nobody is told, whatever the reason. */
enum flow route_refused(struct walk *w, const struct route_key *key, const struct route *r, enum stage stage,
			bool silent);
/* The answer came to a socket, or leaves: good and why, if it looks like an answer to the socket that waits for it. */
enum flow answer_ends(struct walk *w, enum stage stage, enum end_kind good, const char *why);
/* Takes the FIB's way: device and next hop, and whether it leads back to this host. */
void take_way(struct walk *w, const struct route *r);
/* POSTROUTING, and out of w->p.oif. */
enum flow post_routing(struct walk *w);
void add_route(struct walk *w, const struct route *r);
/* The FIB's answer for the packet as it is; input lookups if w->p.iif is set. */
struct route_key route_question(const struct walk *w, bool input);

/* -- walk_link.c ---------------------------------------------------------------------------------- */
/* Is it an address of this namespace: local by the FIB? */
bool is_local(struct walk *w, uint32_t netns, const struct addr *a);
/* The frame goes out of w->p.oif towards w->nexthop: neighbour, device, and what is behind it. */
enum flow transmit(struct walk *w);
/* The same with the frame as it is: nf_fwd_netdev_egress(). */
enum flow transmit_frame(struct walk *w);
/* A frame arrives on device ifindex of w->p.netns. */
enum flow receive(struct walk *w, int ifindex);
/* Does br_netfilter take the packet's frames on this bridge to the hooks of IP? */
bool calls_iptables(struct walk *w, const struct link *br);

const char *device_name(struct walk *w, int ifindex);

/* -- walk_edge.c ---------------------------------------------------------------------------------- */
/* A frame comes in by l: XDP, tc, then the chains of netdev ingress. */
enum flow enter_device(struct walk *w, const struct link *l);
/* It goes out by l: the chains of netdev egress, then tc. */
enum flow leave_device(struct walk *w, const struct link *l);

#endif
