/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rules of every kind in one shape, inside the room: nf_tables rules and iptables-legacy entries both
 * become chains of rules of steps, so run.c is the only interpreter and say.c the only printer of rules.
 */
#ifndef KTRACE_NFT_CHAIN_H
#define KTRACE_NFT_CHAIN_H

#include "nft/nft.h"

struct eval;
struct step;

/* What one step of a rule did. */
enum step_kind {
	STEP_NEXT,			/* matched, or changed something: the next step */
	STEP_BREAK,			/* did not match: the next rule */
	STEP_UNKNOWN,			/* cannot tell whether it matches: eval->unknown says why */
	STEP_ACCEPT, STEP_DROP, STEP_REJECT, STEP_STOLEN, STEP_QUEUE, STEP_NAT,	/* as enum nft_verdict; run has the rest */
	STEP_RETURN,
	STEP_JUMP, STEP_GOTO,		/* to eval->target */
	STEP_UNTOLD,			/* a verdict, but which cannot be told: eval->unknown says why */
};

/* A row for each nft expression, xt match, xt target and the legacy IP header part. */
struct step_ops {
	const char *name;
	enum step_kind (*run)(struct eval *e, const struct step *s);
	/* Appends the step in the words of its own tool (nft, or iptables for xt); NULL: prints nothing. */
	void (*say)(struct text *t, const struct step *s);
	bool changes;			/* may rewrite the packet, mark or connection */
	bool writes;			/* may write to a set or list that other rules read */
	bool pure;			/* neither matches nor has an effect on the walk: counter, log, comment */
};

struct step {
	const struct step_ops *ops;
	const void *data;		/* decoded: the row's own struct, or an xt blob */
	size_t size;
};

struct rule {
	uint64_t handle;		/* nf_tables; 0 for legacy */
	uint32_t index;			/* from 1 */
	const char *comment;
	const struct step *step;
	size_t n_step;
	const char *text;		/* made by rule_say() when first asked for */
};

struct chain {
	const char *table, *name;
	uint8_t family;			/* NFPROTO_* of the table */
	enum backend backend;
	const struct nft_base *base;	/* NULL: a regular chain */
	struct rule *rule;
	size_t n_rule;
};

/* The chain's rules, read now if not before. NULL: there is no such chain; *rc has -errno (-ENOENT) then. */
const struct chain *chain_get(struct nft *nft, uint32_t netns, enum backend backend, uint8_t family,
			      const char *table, const char *name, int *rc);

/* The rule as `nft list` or `iptables-save` (without "-A CHAIN") would print it, comment included. */
const char *rule_say(struct arena *a, const struct chain *c, struct rule *r);

/* legacy.c: the same for iptables-legacy. Tables that exist only; names NULL-terminated. */
const char *const *legacy_tables(struct nft *nft, uint32_t netns, uint8_t family);
const struct chain *legacy_chain(struct nft *nft, uint32_t netns, uint8_t family, const char *table,
				 const char *name, int *rc);
/* The built-in chains of a table at a hook: 0 or -ENOENT. priority as the kernel's iptable_*.c registers it. */
int legacy_base(struct nft *nft, uint32_t netns, uint8_t family, const char *table, uint8_t hook, struct nft_base *out);
int legacy_chain_names(struct nft *nft, uint32_t netns, uint8_t family, const char *table,
		       const char *const **out, size_t *n);
/* For a snapshot: reads the table and all that its matches may ask besides. */
int legacy_record(struct nft *nft, uint32_t netns, uint8_t family, const char *table);
/* Did all tables read stand there together? 0 or -EAGAIN; another -errno where that could not be asked. */
int legacy_settled(struct nft *nft);

/* The pieces of struct nft that the room's files share (nft.c owns it). */
struct io *nft_io(struct nft *nft);
struct arena *nft_arena(struct nft *nft);	/* of what nft_forget() forgets: pointers die with it */
const struct ask *nft_ask_table(struct nft *nft);
struct gaps *nft_gaps(struct nft *nft);
/* legacy.c's and ipset.c's own state, hung here so that nft_forget() drops it: zero at first. */
void **nft_legacy_slot(struct nft *nft);
void **nft_ipset_slot(struct nft *nft);

#endif
