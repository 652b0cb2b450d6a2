/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The door of the netfilter room: nf_tables (native and iptables on nf_tables) and iptables-legacy.
 * It knows what is registered at each hook and runs one base chain over one packet. State
 * is read lazily: a chain when a packet first enters it, a set element when a rule asks for it.
 */
#ifndef KTRACE_NFT_H
#define KTRACE_NFT_H

#include "tracer/base/ask.h"
#include "tracer/base/choice.h"
#include "tracer/base/io.h"
#include "tracer/base/trace.h"

struct nft;

struct nft *nft_open(struct io *io, struct arena *a, const struct ask *ask, struct gaps *gaps);

/*
 * The ruleset generation of netns (NFT_MSG_GETGEN), read anew at each call. 0 with *gen = 0 where
 * nf_tables does not exist.
 */
int nft_generation(struct nft *nft, uint32_t netns, uint32_t *gen);
/*
 * Did all rules read since nft_forget(), of every namespace, stand there together? 0, or -EAGAIN: they changed meanwhile and must
 * be read again; another -errno where that could not be asked. A snapshot is always settled.
 */
int nft_settled(struct nft *nft);
/* Forgets all that was read of every namespace. */
void nft_forget(struct nft *nft);

enum nft_base_type { NFT_BASE_FILTER, NFT_BASE_NAT, NFT_BASE_ROUTE };

/* A base chain, or a table of iptables-legacy at one hook. */
struct nft_base {
	enum backend backend;
	enum nft_base_type type;
	uint8_t family;			/* NFPROTO_* of the table: NFPROTO_INET chains run for ip and ip6 */
	const char *table, *chain;	/* legacy: chain is the built-in chain's name, "PREROUTING" */
	int priority;
	uint8_t hook;			/* NF_INET_*, NF_BR_*, NF_NETDEV_* */
	const char *dev;		/* netdev and inet ingress: the device, or NULL */
	uint8_t policy;			/* NF_ACCEPT or NF_DROP */
	bool order_known;		/* false: another base chain of this priority stands before or after, unknown which */
};

/* One function at a hook, as the kernel's own list has it. */
struct nft_hook_row {
	int priority;
	const char *function, *module;	/* "ip_vs_in_hook", "ip_vs"; NULL: not told */
	enum backend backend;		/* of the rules that it runs; BACKEND_NONE: of none, or not told */
	uint8_t family;			/* NFPROTO_* of their table; 0: not told */
	const char *table, *chain;	/* legacy: the table alone */
	bool in_nat;			/* the NAT function before it calls it */
	uint32_t bpf_prog;		/* a BPF netfilter program's id, else 0 */
};
/* A whole hook in running order, and who told: "nfnetlink_hook" or "BPF". */
struct nft_hook_list {
	const struct nft_hook_row *row;
	size_t n;
	const char *source;
};

struct nft_hook {
	const struct nft_base *const *base;	/* in running order; nat chains stand in their order inside the NAT hook */
	size_t n_base;
	const struct nft_hook_list *list;	/* NULL: the kernel was not asked */
};

/*
 * What runs at hook of pf (NFPROTO_IPV4, IPV6, BRIDGE, or NETDEV with ifindex for ingress and egress; inet ingress is among
 * the latter). The order of two base chains of one priority is asked from the kernel only then.
 * 0 or -errno; -EPERM without CAP_NET_ADMIN.
 */
int nft_hook(struct nft *nft, uint32_t netns, uint8_t pf, uint8_t hook, int ifindex,
	     const struct nft_hook **out, struct err *err);
/*
 * The kernel's own list of what runs there, ip_vs and conntrack among it. -ENOTSUP with a sentence where neither nfnetlink_hook
 * nor BPF tells it.
 */
int nft_hook_list(struct nft *nft, uint32_t netns, uint8_t pf, uint8_t hook, int ifindex,
		  const struct nft_hook_list **out, struct err *err);

/*
 * Order among equals from the kernel's own hook list, given by whoever can load BPF (bpf/hooks.h); set before the first
 * nft_hook(). fn fills rows in true order for one namespace; -errno where it cannot.
 */
struct nft_order {
	uint8_t pf, hook;
	int ifindex, priority;
	bool in_nat;			/* inside nf_nat's own list */
	bool legacy;
	uint8_t family;			/* NFPROTO_* of an nf_tables table: "ip nat" and "inet nat" share hooks; 0: not told */
	const char *table, *chain;	/* legacy: chain NULL; both NULL: no rules */
	const char *function;		/* "ip_vs_in_hook [ip_vs]" */
};
typedef int (*nft_order_fn)(void *ctx, uint32_t netns, const struct nft_order **rows, size_t *n);
void nft_set_order(struct nft *nft, nft_order_fn fn, void *ctx);

enum nft_verdict {
	NFT_ACCEPT,			/* by rule or policy: on to the next base chain */
	NFT_DROP,
	NFT_REJECT,			/* dropped, with an answer: reject_* below */
	NFT_STOLEN,			/* taken over: SYNPROXY, fwd, flow offload … (why says by what) */
	NFT_QUEUE,			/* user space decides */
	NFT_NAT,			/* a translation was set up: nat below; the chain's walk ends */
	NFT_UNKNOWN,			/* cannot be evaluated: why */
};

enum nft_nat_kind { NFT_NAT_NONE, NFT_NAT_DNAT, NFT_NAT_SNAT, NFT_NAT_MASQUERADE, NFT_NAT_REDIRECT, NFT_NAT_NETMAP };

/* The range that a translation asked for, as struct nf_nat_range2 has it; ports in host order. */
struct nft_nat {
	enum nft_nat_kind kind;
	bool dst;			/* manipulates the destination (dnat, redirect, netmap in pre/out) */
	uint32_t flags;			/* NF_NAT_RANGE_* */
	struct addr min, max;		/* with NF_NAT_RANGE_MAP_IPS; redirect and masquerade: the address already chosen */
	uint16_t port_min, port_max, port_base;	/* with NF_NAT_RANGE_PROTO_SPECIFIED / _OFFSET */
};

struct nft_write;

/* One run: the first part is asked, the second answered. */
struct nft_run {
	struct packet *p;		/* rules may change mark, tos, ttl, ct.mark, ct.state (notrack), headers */
	uint8_t pf, hook;
	struct choices *choices;
	struct evidences *evidence;	/* every rule that matched, in order, the deciding last */
	bool all;			/* also the rules that did not match */
	const struct nft_write **writes; /* what rules wrote into sets on this packet's way so far, to begin with NULL; NULL: only this run's */

	const char *why;		/* one clause for verdicts other than plain accept; NULL otherwise */
	struct nft_nat nat;		/* NFT_NAT */
	const char *reject_with;	/* NFT_REJECT: "icmp-port-unreachable", "tcp-reset" … */
	struct { bool set; struct addr addr; uint16_t port; } tproxy;	/* accepted towards this local socket */
	int fwd_ifindex;		/* NFT_STOLEN by fwd: the device, else 0 */
	struct addr fwd_addr;		/* and the neighbour there that gets it; family 0: the frame goes as it is */
};
enum nft_verdict nft_run(struct nft *nft, uint32_t netns, const struct nft_base *base, struct nft_run *run);

/*
 * Looking around, for names, modes and snapshots. A table list is small; chains of one table come in one
 * dump without rules.
 */
struct nft_table { enum backend backend; uint8_t family; const char *name; uint32_t flags; const char *owner; };
int nft_tables(struct nft *nft, uint32_t netns, const struct nft_table **out, size_t *n, struct err *err);

/* The chains of one table by name, sorted; base chains too. */
int nft_chains(struct nft *nft, uint32_t netns, const struct nft_table *t, const char *const **out, size_t *n);
/* Does this one chain exist? One question, no dump. */
enum answer nft_chain_exists(struct nft *nft, uint32_t netns, const struct nft_table *t, const char *chain);

/* A rule as names are read from it: what it matches on in its plain parts, its comment and where it leads. */
struct nft_rule_view {
	const char *comment;		/* xt comment match or nft userdata comment, or NULL */
	const char *jump;		/* chain it jumps or goes to, or NULL */
	struct addr daddr;		/* of an exact destination match; family 0: none or a prefix/negation */
	uint8_t proto;			/* of an exact protocol match, 0: none */
	uint16_t dport;			/* of an exact destination port match, 0: none */
	struct addr dnat;		/* family 0: no dnat target with one address */
	uint16_t dnat_port;
	uint64_t handle;
	uint32_t index;
};
/* The rules of one chain; -ENOENT if the chain is not there. */
int nft_rules(struct nft *nft, uint32_t netns, const struct nft_table *t, const char *chain,
	      const struct nft_rule_view **out, size_t *n, struct err *err);

/* The elements of one set, map or verdict map (a dump: only where all are needed). */
struct nft_elem_view {
	const uint8_t *key;		/* registers as they stand: concatenated fields padded to 4 bytes, network order */
	size_t key_len;
	const char *chain;		/* verdict map: chain jumped or gone to, or NULL */
	int verdict;			/* verdict map: NF_* or NFT_JUMP, NFT_GOTO; else 0 */
	const char *comment;
};
int nft_elements(struct nft *nft, uint32_t netns, const struct nft_table *t, const char *set,
		 const struct nft_elem_view **out, size_t *n, struct err *err);

/* Reads everything of a namespace (all chains, sets, objects, flowtables, legacy tables, ipsets), for a snapshot. */
int nft_read_all(struct nft *nft, uint32_t netns, struct err *err);

#endif
