/* SPDX-License-Identifier: GPL-2.0-only */
/* One run of a base chain over a packet, as every expression, match and target sees it. */
#ifndef KTRACE_NFT_EVAL_H
#define KTRACE_NFT_EVAL_H

#include "nft/chain.h"

/* 16 4-byte registers; known has a 1 for each bit that is determined. Numbers as in the dumps: NFT_REG_1 = bytes 16.. */
struct regs {
	uint8_t b[80], known[80];
};

struct eval {
	struct nft *nft;
	uint32_t netns;
	struct io *io;
	struct arena *arena;
	const struct ask *ask;
	const struct nft_base *base;
	const struct chain *chain;	/* the rule under evaluation, for gaps */
	const struct rule *rule;
	struct nft_run *run;		/* run->p is the packet */
	struct packet *p;		/* = run->p */
	struct regs regs;
	const char *unknown;		/* STEP_UNKNOWN or UNKNOWN: what could not be told, one clause */
	const char *target;		/* STEP_JUMP, STEP_GOTO */
	bool no_change;			/* a step that changes set what was there already */
	const char *says;		/* plain words for what the step just did ("marks 0x4000 for masquerade"), or NULL */
	struct image image;
	bool image_valid;
	const struct nft_write **writes; /* never NULL: nft/writes.h */
};

/* The packet's bytes, built when first asked for after a change. */
const struct image *eval_image(struct eval *e);
/* To be called after e->p changed. */
void eval_changed(struct eval *e);
/* Sets e->unknown and returns UNKNOWN. */
enum answer eval_unknown(struct eval *e, const char *fmt, ...) PRINTF(2, 3);

/*
 * Does this packet, as a tuple, have conntrack information in the state asked? Helpers shared by ct expressions and xt conntrack.
 */
static inline bool eval_has_ct(const struct eval *e)
{
	return e->p->ct.state != CT_NONE && e->p->ct.state != CT_UNTRACKED && e->p->ct.state != CT_INVALID;
}

/*
 * Does the packet carry a full socket (skb->sk)? Only what a socket of this namespace sends, a rule gave one to, or early demultiplexing
 * found one for at INPUT: tcp_v4_early_demux(), udp_v4_early_demux() and IPv6's, which know connections alone, not listeners, and never
 * ask conntrack.
 */
enum answer eval_has_socket(const struct eval *e);

#endif
