/* SPDX-License-Identifier: GPL-2.0-only */
/* Everything that one `ktrace --to` found out: what explainers read and printers print. Pure data. */
#ifndef KTRACE_PREDICTION_H
#define KTRACE_PREDICTION_H

#include "tracer/target.h"

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE };

struct finding {
	const char *id;			/* stable, of the catalogue */
	enum severity severity;		/* error: it makes a path fail; warning: it will bite; note */
	const char *title, *text, *fix;	/* fix: what would help, with this node's names; may be several lines */
	const struct evidence *evidence;
	size_t n_evidence;
	const size_t *paths;		/* indices of the traces that it explains */
	size_t n_paths;
	bool perhaps;			/* of none of these it is known whether they are taken */
};

enum outcome { OUTCOME_REACHES, OUTCOME_PARTLY, OUTCOME_FAILS, OUTCOME_UNKNOWN };
const char *outcome_name(enum outcome o);

/* Facts about the node that a finding may rest on though no packet met them; read by the command, pure from then on. */
struct node_facts {
	long ct_count, ct_max;		/* -1: unknown */
	const struct evidence *listener;	/* a local socket that listens on the NodePort traced, or NULL */
	enum served served;		/* of an address target that nothing translated */
	const struct addr *node_addr;	/* the node's own addresses, first those that stand for it */
	size_t n_node_addr;
};

/* What became of one real probe, held against the prediction. */
struct observed_probe {
	struct tuple tuple;		/* as it was sent; src family 0: not known */
	const char *result;		/* "SYN-ACK after 0.42 ms", "no answer within 1 s" */
	enum answer agrees;		/* with the prediction; UNKNOWN: too little was seen to tell */
	const char *differs_at;		/* stage name, where agrees is NO */
	const char *differs;		/* sentence, where agrees is NO */
	const char *basis;		/* clause: what was held against each other; NULL: nothing */
	const struct trace *trace;	/* its path; NULL: not told apart */
	bool followed;			/* the path is what the kernel showed; false: the only predicted one that fits */
};

struct observed {
	const struct observed_probe *probe;
	size_t n_probe;
	const char *const *unseen;	/* sentences: what could not be seen, and why */
	size_t n_unseen;
};

struct intended;			/* intended.h */

/* What runs at one hook of the node itself. */
struct node_hook {
	uint8_t pf;			/* NFPROTO_IPV4 or NFPROTO_IPV6 */
	const char *name;		/* "prerouting" */
	const struct nft_hook_list *list;
};

struct prediction {
	const char *node, *kernel;
	struct proxy proxy;
	struct resolved target;
	struct source source;
	struct addr source_addr;	/* of the first target address; */
	const char *source_iface;	/* NULL for a local process */
	uint16_t sport;
	struct node_facts facts;
	const struct trace *trace;	/* ordered by target address and port, then by share */
	size_t n_trace;
	const struct intended *const *intended;	/* of each trace, what the objects promise; NULL: no objects */
	enum outcome outcome;
	const struct finding *finding;	/* most severe first */
	size_t n_finding;
	const char *const *gap;		/* those that could change the outcome */
	size_t n_gap;
	const struct node_hook *hook;	/* with --all, by family */
	size_t n_hook;
	const struct observed *observed;	/* NULL: nothing was sent */
};

/* From traces alone: reaches, fails, partly, unknown (unknown only if what is unknown could change it). */
enum outcome prediction_outcome(const struct trace *t, size_t n);

/* explain.c: findings by the table of causes. Pure: reads p, writes p->finding. */
void explain(struct arena *a, struct prediction *p);
/* The finding id that explains this trace's end, or NULL. */
const char *prediction_finding_of(const struct prediction *p, size_t trace);

#endif
