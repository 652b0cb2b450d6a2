/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own word on nf_tables: its trace of chosen packets (nf_tables_trace.c), rule by rule. The only place in ktrace that
 * adds anything to a node: a table "ktrace-PID" whose rules set nftrace on those packets and do nothing else. It has the owner
 * flag (5.12), so the kernel removes it when this process ends, however it ends.
 */
#ifndef KTRACE_NFT_TRACING_H
#define KTRACE_NFT_TRACING_H

#include "tracer/base/arena.h"
#include "tracer/base/err.h"
#include "tracer/base/io.h"
#include "tracer/base/packet.h"

struct nft_tracing;

/* Packets to trace, where they enter or are made. Ports in host order; 0: any. ICMP: the ports are not looked at. */
struct nft_traced_tuple {
	uint8_t proto;			/* IPPROTO_* */
	uint8_t family;			/* AF_INET or AF_INET6 */
	struct addr src, dst;		/* family 0: any */
	uint16_t sport, dport;
};

/*
 * Starts in a live netns. 0; -EOPNOTSUPP: this kernel's nf_tables has no owner flag, or has none at all; -EBUSY: iptables-legacy
 * would write each packet to the kernel's log too (net.netfilter.nf_log); -EPERM; each with a sentence.
 */
int nft_tracing_open(struct io *io, uint32_t netns, const struct nft_traced_tuple *t, size_t n, struct nft_tracing **out,
		     struct err *err);
/* Removes the table. NULL is fine. */
void nft_tracing_close(struct nft_tracing *t);

enum nft_traced_kind { NFT_TRACED_RULE, NFT_TRACED_RETURN, NFT_TRACED_POLICY };

/* One event: a rule that matched, the return from a chain by its end, or a base chain's policy. */
struct nft_traced {
	uint32_t id;			/* of the packet on one device: another one behind a bridge (nft_trace_fill_id()) */
	enum nft_traced_kind kind;
	uint8_t family;			/* NFPROTO_* of the table */
	const char *table, *chain;
	uint64_t handle;		/* of the rule, else 0 */
	int verdict;			/* NF_* or NFT_*; a policy's is the policy */
	const char *jump;		/* NFT_JUMP, NFT_GOTO: where to, else NULL */
	uint32_t mark;
	int iif, oif;			/* 0: none */
	bool has_packet;		/* the first event of each base chain carries headers */
	struct tuple packet;
	uint8_t tcp_flags;		/* TH_*, of a TCP packet */
};

/* Waits at most timeout_ms for events and calls fn for each; strings are in a. Number of events, or -errno; -ENOBUFS: some were lost. */
typedef void (*nft_traced_fn)(void *ctx, const struct nft_traced *t);
int nft_tracing_poll(struct nft_tracing *t, struct arena *a, int timeout_ms, nft_traced_fn fn, void *ctx);
int nft_tracing_fd(const struct nft_tracing *t);
/* Is this the name of a table of some ktrace's own tracing? Rulesets are shown without it. */
bool nft_tracing_table(const char *name);

#endif
