/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own list of hook functions in true order, through a BPF task iterator: it shows what no dump
 * does, the order among equal priorities and the chains inside nf_nat's lists. Costs tens of milliseconds.
 */
#ifndef KTRACE_BPF_HOOKS_H
#define KTRACE_BPF_HOOKS_H

#include "tracer/base/arena.h"
#include "tracer/base/err.h"
#include "tracer/base/io.h"

enum hook_row_kind { HOOK_ROW_NFT, HOOK_ROW_LEGACY, HOOK_ROW_OTHER };

struct hook_row {
	enum hook_row_kind kind;
	uint8_t pf, hook;		/* NFPROTO_*, NF_INET_* or NF_NETDEV_* */
	int ifindex;			/* netdev hooks */
	int priority;
	bool in_nat;			/* inside the list of nf_nat's hook function */
	uint8_t family;			/* NFPROTO_* of an nft table, else 0 */
	const char *table, *chain;	/* nft; legacy has the table alone */
	const char *function;		/* "nft_do_chain_ipv4 [nf_tables]", as the kernel prints its symbol */
};

/* The rows of netns in running order, recorded through io (IO_HOOKS). -EPERM, -ENOTSUP with a sentence where BPF cannot. */
int bpf_hooks_read(struct io *io, struct arena *a, uint32_t netns, const struct hook_row **out, size_t *n,
		   struct err *err);

#endif
