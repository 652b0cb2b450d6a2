/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tables of matches and targets share. A row is a name, a revision, a family and the size of its
 * UAPI struct, the evaluator that mirrors the kernel's xt_*.c, and the words that iptables-save prints.
 */
#ifndef KTRACE_NFT_XT_ROWS_H
#define KTRACE_NFT_XT_ROWS_H

#include <netinet/in.h>

#include "nft/eval.h"
#include "nft/xt.h"

#include <linux/netfilter.h>

struct xt_row {
	struct step_ops ops;		/* first: a step's ops lead back to its row */
	uint8_t rev;
	uint8_t family;			/* NFPROTO_IPV4, _IPV6 or _UNSPEC for either */
	uint32_t size;			/* sizeof the struct, before XT_ALIGN */
	/* One of the two; x->info is aligned and has at least size bytes. */
	enum answer (*match)(struct eval *e, const struct xt *x);
	enum step_kind (*target)(struct eval *e, const struct xt *x);
	/* The options, each with a space before it, as the extension's save function prints them; may be NULL. */
	void (*words)(struct text *t, const struct xt *x);
	/* The name that it is printed under, where that depends on the blob; may be NULL. */
	const char *(*alias)(const struct xt *x);
};

struct xt_rows {
	const struct xt_row *row;
	size_t n;
};
#define XT_ROWS(r)	{ (r), ARRAY_SIZE(r) }

/* One table a file. */
extern const struct xt_rows xt_match_meta, xt_match_proto, xt_match_ip, xt_match_ct, xt_match_stateful, xt_match_rate,
	xt_match_lookup, xt_match_recent, xt_match_filter;
extern const struct xt_rows xt_target_mark, xt_target_nat, xt_target_end, xt_target_other;

enum step_kind xt_match_run(struct eval *e, const struct step *s);
enum step_kind xt_target_run(struct eval *e, const struct step *s);
void xt_match_say(struct text *t, const struct step *s);
void xt_target_say(struct text *t, const struct step *s);

#define XT_MATCH(n, r, f, sz, fn, w) \
	{ .ops = { .name = (n), .run = xt_match_run, .say = xt_match_say }, .rev = (r), \
	  .family = (f), .size = (sz), .match = (fn), .words = (w) }
/* A match that writes down what it saw. */
#define XT_MATCH_WRITES(n, r, f, sz, fn, w) \
	{ .ops = { .name = (n), .run = xt_match_run, .say = xt_match_say, .writes = true }, .rev = (r), \
	  .family = (f), .size = (sz), .match = (fn), .words = (w) }
#define XT_TARGET(n, r, f, sz, fn, w) \
	{ .ops = { .name = (n), .run = xt_target_run, .say = xt_target_say }, .rev = (r), \
	  .family = (f), .size = (sz), .target = (fn), .words = (w) }
/* A target that rewrites the packet, its mark or its connection. */
#define XT_TARGET_CHANGES(n, r, f, sz, fn, w) \
	{ .ops = { .name = (n), .run = xt_target_run, .say = xt_target_say, .changes = true }, .rev = (r), \
	  .family = (f), .size = (sz), .target = (fn), .words = (w) }
/* A target that only records: log and its kin. */
#define XT_TARGET_PURE(n, r, f, sz, fn, w) \
	{ .ops = { .name = (n), .run = xt_target_run, .say = xt_target_say, .pure = true }, .rev = (r), \
	  .family = (f), .size = (sz), .target = (fn), .words = (w) }

/* As xt_match_step() and xt_target_step(), but name and info (8-byte aligned) are kept, not copied. */
void xt_match_step_at(struct arena *a, const char *name, uint8_t rev, uint8_t family, const void *info,
		      uint32_t size, struct step *s);
void xt_target_step_at(struct arena *a, const char *name, uint8_t rev, uint8_t family, const void *info,
		       uint32_t size, struct step *s);

/* A target that lets the packet go on unchanged. */
enum step_kind xt_continue(struct eval *e, const struct xt *x);

/* lo <= v <= hi, inverted if invert. */
static inline enum answer xt_range(uint32_t v, uint32_t lo, uint32_t hi, bool invert)
{
	return answer_of((v >= lo && v <= hi) != invert);
}

static inline struct addr xt_addr(uint8_t family, const void *bytes)
{
	return addr_from(bytes, family == NFPROTO_IPV4 ? 4 : 16);
}

/* Are a and b equal under mask (as many bytes as the family has)? */
bool xt_addr_masked_eq(const struct addr *a, const void *b, const void *mask);

/* Words. */
void xt_say_not(struct text *t, bool invert);			/* " !" */
void xt_say_mark(struct text *t, uint32_t mark, uint32_t mask);	/* " 0x1/0xf"; the mask only if partial */
void xt_say_string(struct text *t, const char *s, size_t max);	/* quoted where the shell needs it */
/* " ! --sport 80:90"; nothing if it is every port and not inverted. */
void xt_say_range(struct text *t, const char *option, uint32_t lo, uint32_t hi, uint32_t full, bool invert);
/* "10.0.0.0/8": cidr, a full mask left out, a mask with holes written out. */
void xt_say_net(struct text *t, uint8_t family, const void *addr, const void *mask);
/* Prefix length of a contiguous mask of len bytes, or -1. */
int xt_plen(const void *mask, unsigned len);
const char *xt_proto_name(uint8_t proto);			/* as iptables -p prints it, or NULL */

/* What the evaluation of matches keeps of what it read, so that every walk sees the same. Dropped by nft_forget(). */
struct xt_memory {
	struct xt_kept_file *file;
	struct ipset_memory *ipset;	/* ipset.c's */
};
struct xt_memory *xt_memory(struct nft *nft);
/* A file of netns, read once: NULL if it could not be read, *rc (may be NULL) has -errno then. */
const char *xt_file(struct eval *e, const char *path, int *rc);
const char *xt_file_of(struct nft *nft, uint32_t netns, const char *path, int *rc);
/* For a snapshot: reads the list that a recent match asks. */
void xt_recent_record(struct nft *nft, uint32_t netns, const struct xt *x);

#endif
