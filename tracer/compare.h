/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Predicted paths held against what is known of one real packet without following it: what its sender got back, the rules
 * that nf_tables traced, the conntrack entry. Pure.
 */
#ifndef KTRACE_COMPARE_H
#define KTRACE_COMPARE_H

#include "nft/tracing.h"
#include "tracer/base/trace.h"
#include "tracer/send.h"

struct learnt {
	struct tuple tuple;		/* of the probe as it was sent */
	uint32_t netns;			/* where the rules were traced and the entry was looked up */
	struct sent sent;
	const struct nft_traced *event;	/* in order, of all packets that were traced */
	size_t n_event;
	bool traced;			/* nf_tables' trace was on, and lost nothing */
	bool alone;			/* nothing but this probe and its answer was traced */
	bool has_entry;			/* the connection is in conntrack: */
	struct ct_view entry;
};

struct comparison {
	enum answer agrees;		/* with one of the predicted paths; UNKNOWN: nothing seen tells */
	size_t trace;			/* which (the likeliest one if several may be); also the nearest if none agrees */
	const char *differs_at;		/* stage name, where agrees is NO */
	const char *differs;		/* a sentence: what was predicted, what was seen */
	const char *basis;		/* a clause: what was held against each other; NULL: nothing */
};

/* t: the n predicted paths of that tuple, at least one. Strings in a. */
void compare(struct arena *a, const struct trace *t, size_t n, const struct learnt *l, struct comparison *out);

/*
 * The rules alone, of the request: is what the path foresees what nf_tables traced? UNKNOWN: nothing of it was traced. *n: how many were the
 * same; *differs: a sentence where NO.
 */
enum answer compare_rules(struct arena *a, const struct trace *t, const struct learnt *l, size_t *n, const char **differs);

#endif
