/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of known causes, in parts: each row has an id of the catalogue, when it applies and its words. A row
 * rests on what the walk left (the end's cause, the hops' evidence) and on the prediction's facts, never on the node.
 */
#ifndef KTRACE_CAUSES_H
#define KTRACE_CAUSES_H

#include "tracer/prediction.h"
#include "tracer/programmed.h"

/* A path as a row sees it. */
struct view {
	struct arena *arena;
	const struct prediction *p;
	const struct trace *t;
	const struct hop *hop;		/* the last hop, NULL if the path has none */
	const struct evidence *ev;	/* what decided there: a rule or policy before anything else; NULL: none */
	enum end_cause cause;		/* of the end; also of one that is sent away */
	bool fails;			/* it ends, and does not arrive; neither for an unknown end */
	/* applies() may set: */
	enum severity severity;		/* the row's own at first */
	const char *text, *fix;		/* variants of the row's words */
	struct evidences rests;		/* what the finding rests on besides ev */
	/* for the words alone */
	const size_t *paths;
	size_t n_paths;
};

/* When a row is asked. The first row that applies explains a path; ALSO rows apply besides it. */
enum { FAILS = 1, REACHES = 2, ALSO = 4 };

struct cause {
	const char *id;
	enum severity severity;
	unsigned when;
	const char *title;
	/* All of those set must hold: */
	uint64_t ends;			/* ENDS() of end causes */
	const char *owner, *chains;	/* of the deciding rule or policy: owners.h; shell patterns with | */
	uint8_t hooks;			/* HOOK() of the deciding hop: forward, input … */
	bool (*applies)(struct view *v);
	/* Words, with {names} of causes_words.c: "{service} has no endpoints"; {name|otherwise} where it may be missing. */
	const char *text, *fix;
	const char *key;		/* paths with one key share a finding; NULL: those that the same evidence decided */
};

#define ENDS(c)		(1ULL << (c))
#define HOOK(h)		(1U << (h))

struct causes {
	const struct cause *row;
	size_t n;
};
extern const struct causes causes_intended, causes_flow, causes_service, causes_ipvs, causes_firewall, causes_path, causes_live, causes_other,
			   causes_modes;
/* All parts in the order in which they are asked, NULL at the end. */
extern const struct causes *const causes_all[];

/* -- causes_words.c -- */
/*
 * template with its {names} put in; *missing (may be NULL) counts those without a value. In a command, a value that a shell
 * would take apart counts as missing.
 */
const char *view_say(const struct view *v, const char *template, bool command, unsigned *missing);

/* -- causes_rule.c -- */
/* "filter/FORWARD", "inet firewalld chain filter_FORWARD"; with its number, "filter/FORWARD rule 3". NULL: e is no rule. */
const char *rule_chain(const struct view *v, const struct evidence *e);
const char *rule_place(const struct view *v, const struct evidence *e);
/* "iptables", "ip6tables-legacy" … whichever holds the deciding rule. */
const char *rule_iptables(const struct view *v);
/* Commands about the deciding rule; in (may be NULL) is what they begin with. */
const char *rule_allow(const struct view *v, const char *in);
const char *rule_list(const struct view *v, const char *in);

/* -- causes_name.c -- */
/* "default", "web" and "http" of the service traced, or NULLs; fit for a command line. */
struct service_name view_service(const struct view *v);

/* -- causes_view.c: questions to a path -- */
struct view view_of(struct arena *a, const struct prediction *p, size_t trace);
/* The last evidence of a kind in the hop, or NULL. */
const struct evidence *hop_evidence(const struct hop *h, enum evidence_kind kind);
/* The same over the whole path, from its end; reply and outward hops alike. */
const struct evidence *view_evidence(const struct view *v, enum evidence_kind kind);
/* The hop that rewrote the destination (source) on the way out, or NULL. */
const struct hop *view_dnat(const struct view *v);
const struct hop *view_snat(const struct view *v);
/* Who sent it, as it left; NULL if the walk never knew. */
const struct addr *view_client(const struct view *v);
/* The conntrack entry that existed already and decided, or NULL. */
const struct ct_view *view_entry(const struct view *v);
/* Does a rule of the path (any hop, or hop alone) stand in a chain of these patterns, or jump to one? */
bool view_meets(const struct view *v, const char *chains);
bool hop_meets(const struct hop *h, const char *chains);
/* The owner of the rule's chain, or NULL. */
const char *evidence_owner(const struct evidence *e);
bool evidence_is_rule(const struct evidence *e);
/* An accept, whichever tool's words say so. */
bool evidence_accepts(const struct evidence *e);
/* A rule or policy made by an iptables tool, of either backend. */
bool evidence_is_iptables(const struct evidence *e);
bool evidence_says(const struct evidence *e, const char *word);
/* The sysctl left as evidence whose name holds `part`, or NULL. */
const struct evidence *view_sysctl(const struct view *v, const char *part);
/* Was it refused because kube-proxy has no endpoints for it? */
bool view_no_endpoints(const struct view *v);
/* What the objects promise for this path, or NULL; causes_intended.c. */
const struct intended *view_intended(const struct view *v);
/* By these: it has endpoints by now; kube-proxy leads to an endpoint that the Service has no more. */
bool view_refused_too_late(const struct view *v);
bool view_endpoint_gone(const struct view *v);
/* Was the target named as a service or NodePort, or found to be one? */
bool view_is_service(const struct view *v);
/* Did rules of both backends of iptables decide about a packet that fails? Leaves the other one's in v->rests. */
bool view_two_backends(struct view *v);
/* causes_modes.c: does kube-proxy have several sets of rules here, and if so, both of iptables? Says who wins, and why. */
bool view_side_by_side(struct view *v);
bool proxy_both_backends(const struct proxy *p);
/* One of the ranges that installers give to Services unless told otherwise. */
bool in_service_range(const struct addr *a);
/* Adds evidence to the finding. NULL adds nothing. */
void view_rest(struct view *v, const struct evidence *e);

#endif
