/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a walk or a live observation makes, and what explainers and printers read:
 * traces of hops, each with its verdict and the evidence that it rests on.
 * All memory is the run's arena; all arrays are const once built.
 */
#ifndef KTRACE_BASE_TRACE_H
#define KTRACE_BASE_TRACE_H

#include <limits.h>

#include "arena.h"
#include "packet.h"

enum evidence_kind {
	EV_RULE, EV_POLICY, EV_SET, EV_ROUTE, EV_CONNTRACK, EV_IPVS, EV_SOCKET, EV_NEIGHBOUR,
	EV_SYSCTL, EV_LINK, EV_BPF, EV_EVENT, EV_OBJECT,
};

enum backend { BACKEND_NONE, BACKEND_NF_TABLES, BACKEND_LEGACY };

/* What a rule did with the packet; the first that applies, in this order of importance. */
enum effect {
	EFFECT_NONE,			/* did not match (only kept with --all) */
	EFFECT_PASS,			/* matched, nothing came of it (counter, log) */
	EFFECT_JUMP,			/* jumped, went to or returned to another chain */
	EFFECT_CHANGE,			/* changed the packet, its mark or its connection */
	EFFECT_VERDICT,			/* accepted, dropped, rejected, queued, translated: it decided */
};

/* What the kernel said, in its own words. */
struct evidence {
	enum evidence_kind kind;
	enum effect effect;
	const char *text;		/* the rule, route, entry, sysctl as its own tools would print it */
	const char *says;		/* the same in plain words, or NULL */
	/* EV_RULE, EV_POLICY */
	enum backend backend;
	uint8_t family;			/* NFPROTO_* of the table */
	const char *table, *chain;
	const char *jump;		/* EFFECT_JUMP: the chain that follows, or NULL for return */
	const char *comment;		/* the rule's comment, or NULL */
	uint64_t handle;		/* nf_tables; 0: none */
	uint32_t index;			/* from 1 within its chain; 0 for a policy */
	/* EV_SYSCTL */
	const char *name;		/* "net.ipv4.ip_forward" */
	long value;
};

struct evidences {
	struct arena *arena;
	struct evidence *v;
	size_t n, cap;
};
/* A new zeroed element of the kind given; fill it in. */
struct evidence *evidence_add(struct evidences *l, enum evidence_kind kind);
const char *evidence_kind_name(enum evidence_kind kind);

enum end_kind {
	END_NONE,			/* the hop let it go on */
	END_DELIVERED, END_SENT, END_DROP, END_REJECT, END_NO_LISTENER, END_LOOP, END_UNKNOWN,
};
const char *end_kind_name(enum end_kind kind);	/* "delivered", …, as interface.md spells them */
static inline bool end_reaches(enum end_kind kind)
{
	return kind == END_DELIVERED || kind == END_SENT;
}

/*
 * Why a path ended, for the table of causes: set where the walk builds the end, so that no
 * cause must guess from words. CAUSE_NONE: nothing beyond the deciding evidence.
 */
enum end_cause {
	CAUSE_NONE,
	CAUSE_RULE,			/* a rule dropped or rejected */
	CAUSE_POLICY,			/* a base chain's policy did */
	CAUSE_NO_ROUTE,			/* FIB: network unreachable */
	CAUSE_BLACKHOLE, CAUSE_UNREACHABLE_ROUTE, CAUSE_PROHIBIT,
	CAUSE_FORWARDING_OFF,
	CAUSE_RP_FILTER,
	CAUSE_MARTIAN_SRC, CAUSE_MARTIAN_DST,
	CAUSE_ROUTE_LOCALNET,
	CAUSE_REROUTE_FAILED,		/* no route after OUTPUT rewrote it: a silent drop */
	CAUSE_TTL,
	CAUSE_MTU,
	CAUSE_LINK_DOWN,
	CAUSE_NEIGHBOUR_FAILED,
	CAUSE_HAIRPIN,			/* the bridge does not send a frame out of its own port */
	CAUSE_BRIDGE,			/* any other refusal of a bridge: state, isolation, VLAN */
	CAUSE_CONNTRACK_FULL, CAUSE_CONNTRACK_INVALID,
	CAUSE_NAT_FAILED,		/* no free port or address */
	CAUSE_NO_LISTENER, CAUSE_LISTENER_LOOPBACK,	/* CAUSE_LISTENER_LOOPBACK: bound to loopback only */
	CAUSE_LISTENER_OTHER,		/* bound to another address or device only */
	CAUSE_REPLY_BYPASS,		/* the answer does not come back through the NAT that must undo it */
	CAUSE_IPVS_NO_SERVER,		/* a virtual service without a real server that may take it */
	CAUSE_IPVS_WEIGHT_ZERO,		/* all its real servers have weight 0 */
	CAUSE_IPVS_STALE,		/* a live IPVS connection leads to a real server that is gone */
	CAUSE_REPLY_DROPPED,		/* the answer is dropped on its way back: the reply hops say where */
	CAUSE_LOOP,
	CAUSE_LISTEN_BACKLOG, CAUSE_SOCKET_BUFFER,	/* only seen, never predicted: a listener's queue, a socket's buffer is full */
	CAUSE_KERNEL,			/* seen to be dropped where no rule or route tells why */
	CAUSE_UNREADABLE,		/* END_UNKNOWN: what decides could not be read or evaluated */
};

/* Built only by the walk's drop() and its kin: every end has a why. */
struct verdict {
	enum end_kind kind;		/* END_NONE: continue */
	enum end_cause cause;
	const char *why;		/* one clause: "FORWARD policy drop" */
};

enum stage {
	STAGE_INGRESS_XDP, STAGE_INGRESS_TC, STAGE_INGRESS_NFT,
	STAGE_BRIDGE,			/* a bridge hook; the name follows from hook and priority */
	STAGE_HOOK,			/* an ip, ip6 or inet hook: name from hook and priority */
	STAGE_CONNTRACK, STAGE_ROUTE_INPUT, STAGE_ROUTE_OUTPUT, STAGE_REROUTE, STAGE_IPVS_IN, STAGE_IPVS_OUT,
	STAGE_EGRESS_NFT, STAGE_EGRESS_TC, STAGE_NEIGHBOUR, STAGE_SOCKET,
};

#define HOOK_WHOLE	INT_MIN

struct hop {
	enum stage stage;
	uint8_t hook;			/* STAGE_HOOK, STAGE_BRIDGE: NF_INET_* or NF_BR_* */
	int priority;			/* STAGE_HOOK, STAGE_BRIDGE: of its base chain; HOOK_WHOLE: the hook was seen, not its chains */
	bool nat;			/* STAGE_HOOK: a nat chain inside the NAT hook */
	bool reply;			/* on the answer's way back */
	const char *place;		/* name of the netns it happened in, NULL: the node's own */
	const char *iif, *oif;		/* interface names as they stood at the end of the hop, or NULL */
	struct packet in, out;
	struct verdict verdict;
	const struct evidence *evidence;
	size_t n_evidence;
};
/* "nat-prerouting", "prerouting@-110", "bridge-forward", "route-input" … as interface.md lists them. In arena. */
const char *hop_stage_name(struct arena *a, const struct hop *h);
/* Did the hop rewrite, mark, decide or end anything? Printers leave out the others without --all. */
bool hop_matters(const struct hop *h);

enum share_kind { SHARE_CERTAIN, SHARE_RANDOM, SHARE_EXISTING, SHARE_UNKNOWN };
const char *share_kind_name(enum share_kind kind);

/* What the cluster's objects say of an endpoint. */
struct endpoint_owner {
	const char *pod;		/* "default/web-1", or NULL */
	const char *node;		/* or NULL */
	enum answer ready, serving, terminating;
};

/* One way the packet can go. */
struct trace {
	struct tuple target;		/* what the sender addressed */
	double share;			/* of this target and port: they add up to 1 */
	enum share_kind share_kind;
	bool has_endpoint;		/* the destination was rewritten, or it ended at a pod or host socket */
	struct addr endpoint;
	uint16_t endpoint_port;
	const char *endpoint_place;	/* netns name or interface of the pod on this node, or NULL */
	const struct endpoint_owner *endpoint_owner;	/* NULL: no object tells */
	struct verdict end;
	const struct hop *hops;
	size_t n_hops;
	const char *const *gaps;	/* what an unknown share or end rests on */
	size_t n_gaps;
	const char *const *either;	/* gaps that decide nothing of the end, but which rules and what of the packet lead there */
	size_t n_either;
};

/* A deduplicated list of sentences about what could not be read or evaluated. */
struct gaps {
	struct arena *arena;
	const char **v;
	size_t n, cap;
};
void gap_add(struct gaps *g, const char *fmt, ...) PRINTF(2, 3);

#endif
