/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live probes: which packets the kernel handles, where, and what became of them. One BPF object; each probe is chosen by
 * what this kernel has (fentry or tracepoint, else kprobe) and is optional alone: a missing one is named with what it
 * costs the answer. Needs CAP_BPF and CAP_PERFMON (root). Changes nothing on the node; all of it goes with the process.
 */
#ifndef KTRACE_BPF_PROBES_H
#define KTRACE_BPF_PROBES_H

#include "tracer/base/arena.h"
#include "tracer/base/err.h"
#include "tracer/base/packet.h"

struct probes;

/* Where a packet was seen. */
enum place {
	PLACE_HOOK,			/* enters a netfilter hook: nf_hook_slow() */
	PLACE_CHAIN,			/* left a base chain or legacy table: nft_do_chain(), ipt_do_table(), ip6t_do_table() */
	PLACE_CONFIRM,			/* its connection enters conntrack's table: __nf_conntrack_confirm() */
	PLACE_DEV_IN,			/* received by a device: netif_receive_skb */
	PLACE_DEV_OUT,			/* handed to a device: net_dev_start_xmit */
	PLACE_IPVS_CONN,		/* ip_vs made a connection for it: ip_vs_schedule() */
	PLACE_IPVS_NONE,		/* a virtual service had no real server for it: ip_vs_scheduler_err(), ip_vs_leave() */
	PLACE_ICMP_SENT,		/* this node answers it with an ICMP error: __icmp_send(), icmp6_send() */
	PLACE_RST_SENT,			/* this node answers it with a TCP reset: tcp_v4_send_reset(), nf_send_reset() and their like */
	PLACE_LISTEN_FULL,		/* a listener whose accept queue is full: tcp_conn_request() */
	PLACE_DROP,			/* freed as dropped: kfree_skb */
	PLACES,
};
const char *place_name(enum place p);	/* "hook", "chain" …: stable, for JSON */

/* Bytes of a packet that are kept, from its IP header on. */
#define SIGHTING_BYTES	128
#define SIGHTING_STACK	8

/* One packet at one place. Everything is as the kernel had it at that moment. */
struct sighting {
	enum place place;
	uint64_t time;			/* CLOCK_MONOTONIC, ns */
	uint64_t id;			/* the packet's data (skb->head): clones share it, a later packet may have it again */
	uint64_t conn;			/* its nf_conn, 0: none; a later connection may have it again */
	uint32_t netns;			/* inode number of the namespace, 0: unknown */
	/*
	 * Headers, mark, iif and oif (of the hook, else skb->dev by direction), conntrack view (ct.state CT_NONE: no entry on the packet;
	 * existing: confirmed). p.netns is not set. p.dst.family 0: the bytes are no IP packet.
	 */
	struct packet p;
	uint8_t pf, hook;		/* PLACE_HOOK, PLACE_CHAIN: NFPROTO_*, NF_INET_* or NF_BR_* */
	int32_t verdict;		/* PLACE_CHAIN: NF_*; PLACE_CONFIRM: NF_ACCEPT or NF_DROP (clash); else 0 */
	uint8_t icmp_type, icmp_code;	/* PLACE_ICMP_SENT */
	uint32_t reason;		/* PLACE_DROP: enum skb_drop_reason of this kernel; 0: it gives none */
	uint64_t location;		/* PLACE_DROP: kernel address that freed it */
	uint64_t stack[SIGHTING_STACK];	/* PLACE_DROP: return addresses from location on, 0-terminated if shorter; some may be BPF's own */
	uint64_t folded;		/* a drop, full listener or missing server without a filter: like ones since the last that was told */
	struct tuple ipvs;		/* PLACE_IPVS_CONN: src client, dst the real server chosen; its proto */
	char text[64];			/* PLACE_CHAIN: "table chain" or legacy table; PLACE_IPVS_NONE: the scheduler's word; or "" */
	char ifname[16];		/* of the device it is at, or "" */
	uint32_t pid;			/* the task it happened in (soft interrupts: whoever was interrupted) */
	char comm[16];
	bool task;			/* pid and comm are the sender's: not in an interrupt, nor a received packet */
	uint16_t n_bytes;		/* of bytes[]; p.len is the whole length */
	uint8_t bytes[SIGHTING_BYTES];
};

/* What is followed. All connections whose original destination is one that is `addressed`, before and after translation. */
struct probe_filter {
	struct addr addr;
	uint16_t port;			/* host order; ICMP: 0 */
	uint8_t proto;			/* IPPROTO_* */
	bool addressed;			/* what a client addresses; false: an endpoint, where translation may have led it */
};

struct probes_options {
	const struct probe_filter *filter;
	size_t n_filter;		/* 0: no packet is followed, every drop is told (equal ones folded, one a second) */
	bool all;			/* also devices and chains: more hits on every packet of the node */
};

/* Loads and attaches. 0; -EPERM or -ENOTSUP with a sentence that names what this kernel or this process lacks. */
int probes_open(const struct probes_options *o, struct probes **out, struct err *err);
/* Detaches everything at once. NULL is fine. */
void probes_close(struct probes *p);
/* Follows one more. 0 or -errno (-E2BIG: too many). */
int probes_follow(struct probes *p, const struct probe_filter *f);

/* fn for each sighting, in the order of time as far as the kernel's buffer keeps it. s is valid only meanwhile; nonzero ends the poll. */
typedef int (*sighting_fn)(void *ctx, const struct sighting *s);
/*
 * Waits at most timeout_ms (0: not at all). Without a filter also tells of drops that were folded and had no like for two
 * seconds: such a sighting has the tuple, the reason and the place alone, and is one drop and `folded` more, like any other.
 * Returns the number of sightings handled, fn's nonzero result if negative, -EINTR at a signal.
 */
int probes_poll(struct probes *p, int timeout_ms, sighting_fn fn, void *ctx);
/* A descriptor that becomes readable, for poll(2). */
int probes_fd(const struct probes *p);

/* Sightings that found the buffer full, so far. */
uint64_t probes_lost(const struct probes *p);
/* Drops that were folded and not yet told of with a later one: fn for each, as a sighting with its count in folded. */
int probes_folded(struct probes *p, sighting_fn fn, void *ctx);

/* One row of the table of probes, as it stands on this kernel. */
struct probe_state {
	const char *name;		/* "netfilter hooks" */
	const char *function;		/* the kernel function or tracepoint attached to, or that was looked for */
	const char *how;		/* "fentry", "tracepoint", "kprobe"; NULL: missing */
	const char *cost;		/* what is not seen without it */
	bool idle;			/* missing because its module is not loaded: nothing to be seen until it is */
	uint64_t hits, ns;		/* runs and time, where kernel.bpf_stats_enabled is on */
};
/* Every row wanted by the options, in the table's order; hits are read anew. In arena. */
void probes_states(struct probes *p, struct arena *a, const struct probe_state **out, size_t *n);

/* "NETFILTER_DROP", from this kernel's BTF, subsystems' own reasons included; NULL: none or not told. Owned by p. */
const char *probes_reason(struct probes *p, uint32_t reason);
/* "nft_do_chain [nf_tables]" without offset, from /proc/kallsyms; NULL: not found or not readable. Owned by p. */
const char *probes_symbol(struct probes *p, uint64_t address);

#endif
