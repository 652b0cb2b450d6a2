/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Forks without continuations: a walk is a plain function of its input and of a tape of choices.
 * Where the packet can go several ways it asks the tape. The first walk takes the first way at
 * each fork; choices_next() turns the last fork to its next way and the walk is run again, until
 * all ways are walked (depth first). Whatever a walk reads must therefore be cached and stable.
 */
#ifndef KTRACE_BASE_CHOICE_H
#define KTRACE_BASE_CHOICE_H

#include "arena.h"
#include "trace.h"

struct choices;

/*
 * What a hostile ruleset may cost: forks on one way, unknown ones among them, rules looked at by all walks together, and bytes
 * of the arena that all walks but the first take. Services with 4,000 endpoints stay far below.
 */
#define CHOICES_FORKS	16384
#define CHOICES_UNKNOWN	256
#define CHOICES_WORK	(1ul << 27)
#define CHOICES_BYTES	(512ul << 20)

/* At most max_paths walks, and none beyond those limits: then choices_next() stops and choices_cut() says why. */
struct choices *choices_new(struct arena *a, size_t max_paths);

/*
 * One of n ways, 0 to n-1, taken with weight[i] / sum(weight); weight NULL: equal shares. Ways of
 * weight 0 are never taken. n must be at least 1; with one way of weight above 0 no fork is made.
 */
unsigned choice_random(struct choices *c, unsigned n, const double *weight);
/* One of n ways that only something unread decides; gap says what, in arena or static memory. */
unsigned choice_unknown(struct choices *c, unsigned n, const char *gap);
/* Says that a live entry (conntrack, affinity, IPVS) picks the way from here: share kind existing. */
void choice_existing(struct choices *c);

/* How many forks this walk has met so far: tells whether something between two calls asked the tape. */
size_t choices_met(const struct choices *c);

/* Starts a walk from the beginning of the tape. */
void choices_rewind(struct choices *c);
/* Turns to the next way; false if all were walked or the limit is reached. Call after a walk has ended. */
bool choices_next(struct choices *c);
/* Why ways are left that were not walked, one clause; NULL: none are. */
const char *choices_cut(const struct choices *c);
/* The walk just made met more forks than are kept: it took any way from there, and its end means nothing. */
bool choices_lost(const struct choices *c);
/* A walk met other forks than the one that it repeated: the state changed below it, its paths are worth nothing. */
bool choices_torn(const struct choices *c);

/* Of the walk just made: */
double choices_share(const struct choices *c);
enum share_kind choices_kind(const struct choices *c);
size_t choices_depth(const struct choices *c);
/* The first fork that differs from the walk before: 0 for the first walk. */
size_t choices_turned(const struct choices *c);
struct choice_step {
	unsigned taken, n;
	bool unknown;
	const char *gap;
	double share;			/* of this way at this fork */
};
const struct choice_step *choices_step(const struct choices *c, size_t i);

/*
 * Fast forward: while a walk is still on the part of the tape that it shares with the one before,
 * it meets the same chains with the same packet. choice_skip() returns the first index at or
 * after i at which anything happened there then (so the caller need not evaluate those before);
 * choice_log() records that something happens at index i. Both count in the order of the walk; whoever
 * runs through a list of n to its end logs n, so that the end too is found again. Each call of choice_skip()
 * counts as one rule looked at.
 */
size_t choice_skip(struct choices *c, size_t i);
void choice_log(struct choices *c, size_t i);

#endif
