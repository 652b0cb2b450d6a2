/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xt matches and targets: blobs of the UAPI headers, the same behind nf_tables' compat expressions
 * and in iptables-legacy tables. match.c and target.c hold a table of rows: name, revision, size.
 */
#ifndef KTRACE_NFT_XT_H
#define KTRACE_NFT_XT_H

#include "nft/eval.h"

/* What a step of kind xt carries in step.data. */
struct xt {
	const char *name;
	uint8_t rev;
	uint8_t family;			/* NFPROTO_* of the table: decides between ipt_ and ip6t_ structs */
	const void *info;
	uint32_t size;
	const char **set;		/* names of the ipsets it refers to, in order; NULL: none or not yet asked */
};

/*
 * Fills s for a match or target. An unknown name, revision or size becomes a row that answers STEP_UNKNOWN and
 * prints "match NAME rev N (not known to ktrace)". info is copied into a.
 */
void xt_match_step(struct arena *a, const char *name, uint8_t rev, uint8_t family, const void *info,
		   uint32_t size, struct step *s);
void xt_target_step(struct arena *a, const char *name, uint8_t rev, uint8_t family, const void *info,
		    uint32_t size, struct step *s);
/*
 * Looks up what words need beyond the blob: the names of ipsets by their index. Asks nothing for other steps;
 * without it the evaluation of the step does the same.
 */
void xt_step_bind(struct nft *nft, uint32_t netns, struct step *s);
/* For a snapshot: reads all that the evaluation of the step may ask (recent lists, ipset names). */
void xt_step_record(struct nft *nft, uint32_t netns, struct step *s);
/* The text of a comment match, else NULL. */
const char *xt_comment(const struct step *s);
/* The single address and port of a DNAT target; false if s is none or its range is wider. */
bool xt_dnat(const struct step *s, struct addr *addr, uint16_t *port);

#endif
