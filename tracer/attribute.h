/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which rule, route, sysctl, socket or virtual service it was: what the probes saw is held against what the engine predicts from the same
 * place on, over the node's state as it stands, and the way that agrees with all that the kernel showed names it. Where none agrees, what was
 * seen stands alone and differs_at says where.
 */
#ifndef KTRACE_ATTRIBUTE_H
#define KTRACE_ATTRIBUTE_H

#include "tracer/prediction.h"
#include "tracer/stitch.h"

struct attribute;

struct attribution {
	/*
	 * The base given, with one trace: the first packet outward that tells most (dropped before refused before any), and behind it the
	 * answer's hops where the answer was lost. findings by explain().
	 */
	struct prediction p;
	bool agrees;			/* the engine foresees all that was seen */
	const char *differs_at;		/* if not: "filter-forward: the kernel dropped it there, the prediction goes on"; else NULL */
	bool dropped;			/* the kernel dropped it: */
	struct meaning drop;
	const struct sighting *at;	/* the sighting that decided (drop, refusal), or NULL */
	const char *caused_by;		/* as `ktrace drops` shows it: "KUBE-FORWARD rule 1: -m conntrack …", "rp_filter on eth0", the kernel's own words; NULL: arrived */
	bool rules_changed;		/* rules were changed between the packet and their reading, or about then: it may have met others */
	const char *const *note;	/* sentences on what limits the answer */
	size_t n_note;
};

/*
 * The node, kept as it was read while its ruleset does not change, at most two seconds. in: a snapshot instead of this node, or NULL.
 * gaps (may be NULL) collects what could not be read. words outlive it.
 */
int attribute_open(const char *in, const struct kernel_words *words, struct gaps *gaps, struct attribute **out, struct err *err);
void attribute_close(struct attribute *at);	/* NULL is fine */
/* Over a state that somebody else keeps: for tests, and for `--send`, which has just predicted from it. */
struct attribute *attribute_over(struct arena *a, struct state *s, const struct kernel_words *words);

/*
 * A connection, or a single sighting (`ktrace drops`). base gives node, proxy, target, source and facts (NULL: empty). out is in a; its evidence
 * points into the state, so all is valid until the next call for the same `at`. 0, or -errno if the node could not be read at all.
 */
int attribute_connection(struct attribute *at, struct arena *a, const struct connection *c, const struct prediction *base,
			 struct attribution *out, struct err *err);
int attribute_sighting(struct attribute *at, struct arena *a, const struct sighting *s, const struct prediction *base,
		       struct attribution *out, struct err *err);
/* Of the last attribution (NULL before the first): for names_enrich(). */
struct state *attribute_state(struct attribute *at);

/*
 * Where two traces of one packet part, predicted first: "nat-output: predicted 10.244.1.5:8080, seen 10.244.2.7:8080". NULL: they agree. Random
 * choices are no difference as long as the observed one was possible: compare with the predicted trace of the same endpoint. In a.
 */
const char *trace_differs(struct arena *a, const struct trace *predicted, const struct trace *observed);

#endif
