/* SPDX-License-Identifier: GPL-2.0-only */
/* Membership in ipsets. Live: a test put to the kernel; replay: the recorded dump. */
#ifndef KTRACE_NFT_IPSET_H
#define KTRACE_NFT_IPSET_H

#include "nft/eval.h"

/* The name of the set with this index, or NULL (e->unknown says why). */
const char *ipset_name(struct nft *nft, uint32_t netns, uint16_t index);
/*
 * Is the packet in the set? dims and flags as struct xt_set_info has them: bit k (1-based) of flags set =
 * dimension k is the source. UNKNOWN with e->unknown set where it cannot be asked.
 */
enum answer ipset_test(struct eval *e, const char *name, uint8_t dim, uint8_t flags);
/* Every set with its elements, for a snapshot. */
int ipset_read_all(struct nft *nft, uint32_t netns, struct err *err);

#endif
