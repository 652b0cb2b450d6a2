/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet as one run of bytes with what is known of them, for the matches that load from it by offset. */
#ifndef KTRACE_NFT_MATCH_FILTER_H
#define KTRACE_NFT_MATCH_FILTER_H

#include "nft/xt_rows.h"

#include <linux/filter.h>

/* A number of which only the bits set in known are determined. */
struct bits {
	uint32_t v, known;
};

/* Loads n bytes (1, 2 or 4) at offset from the network header in network order. False: beyond the packet's end. */
bool packet_load(struct eval *e, uint32_t offset, unsigned n, struct bits *out);
/* Runs a classic BPF filter from the network header on, as xt_bpf does: YES if it returns anything but 0. */
enum answer cbpf_run(struct eval *e, const struct sock_filter *prog, unsigned n);

#endif
