/* SPDX-License-Identifier: GPL-2.0-only */
/* The ways that a walk took, put together: those that differ in nothing are one, unread forks that decide nothing vanish. Pure. */
#ifndef KTRACE_WALK_FOLD_H
#define KTRACE_WALK_FOLD_H

#include "tracer/base/choice.h"

/* A way just walked. Of its forks only those are kept that the way before it did not take the same. */
struct way {
	struct trace t;			/* hops, end and endpoint as walked; the share is folding's to find */
	size_t turned, depth;		/* forks[turned..depth-1] of its tape are its own; the others, an earlier way's */
	const struct choice_step *step;
	const char **gap, **either;
	size_t n_gap, cap_gap, n_either, cap_either;
	uint64_t end_hash;
	uint64_t deed_hash;		/* of the rules that changed or decided something, in any order, and what became of the packet */
	size_t at;			/* in the order of the walk */
};

/* To be called after each walk, before choices_next(). t's share and share_kind are overwritten. */
void way_keep(struct arena *a, const struct choices *c, const struct trace *t, struct way *out);

/*
 * All ways of one tape, in the order walked, as traces whose shares add up to 1; of a tape that was cut, one trace more
 * holds what was not walked, cut saying why, and no share is certain. n must be above 0.
 */
void ways_fold(struct arena *a, struct way *way, size_t n, const char *cut, const struct trace **out, size_t *n_out);

#endif
