/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What rules write into sets, ipsets and recent lists on a packet's way: the kernel's own answers are those of before the packet,
 * and later rules, in other chains and on the answer's way too, see what was written.
 */
#ifndef KTRACE_NFT_WRITES_H
#define KTRACE_NFT_WRITES_H

#include "nft/eval.h"

enum write_kind { WRITE_SET, WRITE_IPSET, WRITE_RECENT };

struct nft_write {
	const struct nft_write *next;	/* older */
	uint32_t netns;
	enum write_kind kind;
	const char *where;		/* the set's or list's name; of a set with family and table */
	const void *key;
	size_t len;			/* 0: the key is not known */
	bool removed;
	bool stateful;			/* WRITE_SET: with an expression that may refuse packets (a limit) */
};

/* What w holds, key and struct copied; netns and next are set here. */
void write_note(struct eval *e, const struct nft_write *w);
/* The next one into the same place, from w on (w itself included); NULL: no more. Begin with *e->writes. */
const struct nft_write *write_next(const struct eval *e, const struct nft_write *w, enum write_kind kind, const char *where);
/* Was the last write of this key an addition (YES) or a removal (NO)? UNKNOWN: a key was written that is not known. *any: was it written? */
enum answer write_last(const struct eval *e, enum write_kind kind, const char *where, const void *key, size_t len, bool *any);

#endif
