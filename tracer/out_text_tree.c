/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways to one target as a tree: what they share stands once, above; ways that go alike are
 * folded into one branch, shown by the first of them.
 */
#include <string.h>

#include "tracer/out_text.h"
#include "tracer/word.h"

#define ENDPOINTS_SHOWN	8

/* -- what ways share ------------------------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_evidence(const struct evidence *a, const struct evidence *b)
{
	return a->kind == b->kind && a->effect == b->effect && a->backend == b->backend && a->family == b->family &&
	       a->handle == b->handle && a->index == b->index && same_text(a->table, b->table) &&
	       same_text(a->chain, b->chain) && same_text(a->text, b->text);
}

static bool same_packet(const struct packet *a, const struct packet *b)
{
	return addr_eq(&a->src, &b->src) && addr_eq(&a->dst, &b->dst) && a->sport == b->sport &&
	       a->dport == b->dport && a->mark == b->mark && a->netns == b->netns && a->ct.state == b->ct.state &&
	       a->iif == b->iif && a->oif == b->oif;
}

static bool same_stage(const struct hop *a, const struct hop *b)
{
	return a->stage == b->stage && a->hook == b->hook && a->priority == b->priority && a->nat == b->nat &&
	       a->reply == b->reply;
}

static size_t shared_evidence(const struct hop *a, const struct hop *b)
{
	size_t n = 0;

	while (n < a->n_evidence && n < b->n_evidence && same_evidence(&a->evidence[n], &b->evidence[n]))
		n++;
	return n;
}

static bool same_hop(const struct hop *a, const struct hop *b)
{
	return same_stage(a, b) && same_text(a->place, b->place) && same_packet(&a->in, &b->in) &&
	       same_packet(&a->out, &b->out) && a->verdict.kind == b->verdict.kind && a->n_evidence == b->n_evidence &&
	       shared_evidence(a, b) == a->n_evidence;
}

/* How many hops all of t[0..n-1] begin with, and how many evidences of the hop after those. */
static size_t shared_hops(const struct trace *t, size_t n, size_t *evidence)
{
	size_t hops = t[0].n_hops;

	*evidence = 0;
	for (size_t i = 1; i < n; i++) {
		size_t k = 0;

		while (k < hops && k < t[i].n_hops && same_hop(&t[0].hops[k], &t[i].hops[k]))
			k++;
		hops = k;
	}
	if (n < 2 || hops >= t[0].n_hops)
		return hops;
	*evidence = t[0].hops[hops].n_evidence;
	for (size_t i = 1; i < n; i++) {
		size_t k = 0;

		if (hops < t[i].n_hops && same_stage(&t[0].hops[hops], &t[i].hops[hops]))
			k = shared_evidence(&t[0].hops[hops], &t[i].hops[hops]);
		*evidence = k < *evidence ? k : *evidence;
	}
	return hops;
}

/* -- ways that go alike --------------------------------------------------------------------------- */

/* Chains that belong to one endpoint alone count as one. */
static const char *kind_of_chain(const char *chain)
{
	static const char *const own[] = { "KUBE-SEP-", "endpoint-" };

	for (size_t i = 0; chain && i < ARRAY_SIZE(own); i++)
		if (!strncmp(chain, own[i], strlen(own[i])))
			return own[i];
	return chain;
}

static bool alike_evidence(const struct evidence *a, const struct evidence *b)
{
	if (a->kind != b->kind || a->backend != b->backend || a->family != b->family || a->effect != b->effect)
		return false;
	if (a->kind != EV_RULE && a->kind != EV_POLICY)
		return true;
	return same_text(a->table, b->table) && same_text(kind_of_chain(a->chain), kind_of_chain(b->chain)) &&
	       (a->index == b->index || !same_text(a->chain, b->chain));
}

static const struct evidence *next_weighty(const struct hop *h, size_t *i)
{
	while (*i < h->n_evidence && h->evidence[*i].effect < EFFECT_CHANGE)
		++*i;
	return *i < h->n_evidence ? &h->evidence[(*i)++] : NULL;
}

static bool keeps_src(const struct hop *h)
{
	return addr_eq(&h->in.src, &h->out.src);
}

static bool keeps_dst(const struct hop *h)
{
	return addr_eq(&h->in.dst, &h->out.dst);
}

static bool alike_hop(const struct hop *a, const struct hop *b)
{
	size_t i = 0, k = 0;

	if (!same_stage(a, b) || !a->place != !b->place || a->in.mark != b->in.mark || a->out.mark != b->out.mark ||
	    keeps_src(a) != keeps_src(b) || keeps_dst(a) != keeps_dst(b) || a->verdict.kind != b->verdict.kind ||
	    a->verdict.cause != b->verdict.cause)
		return false;
	for (;;) {
		const struct evidence *x = next_weighty(a, &i), *y = next_weighty(b, &k);

		if (!x || !y)
			return x == y;
		if (!alike_evidence(x, y))
			return false;
	}
}

static size_t next_shown(const struct trace *t, size_t i, bool all)
{
	while (i < t->n_hops && !hop_shown(t, &t->hops[i], all))
		i++;
	return i;
}

static bool alike(const struct trace *a, const struct trace *b, size_t first, bool all)
{
	size_t i = next_shown(a, first, all), k = next_shown(b, first, all);

	if (a->end.kind != b->end.kind || a->end.cause != b->end.cause || a->share_kind != b->share_kind ||
	    a->has_endpoint != b->has_endpoint)
		return false;
	while (i < a->n_hops && k < b->n_hops) {
		if (!alike_hop(&a->hops[i], &b->hops[k]))
			return false;
		i = next_shown(a, i + 1, all);
		k = next_shown(b, k + 1, all);
	}
	return i == a->n_hops && k == b->n_hops;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x100000001b3ull;
}

static uint64_t mix_text(uint64_t h, const char *s)
{
	for (; s && *s; s++)
		h = mix(h, *s);
	return mix(h, 0);
}

static uint64_t mix_evidence(uint64_t h, const struct evidence *e)
{
	h = mix(mix(mix(mix(h, e->kind), e->backend), e->family), e->effect);
	if (e->kind != EV_RULE && e->kind != EV_POLICY)
		return h;
	h = mix_text(mix_text(h, e->table), kind_of_chain(e->chain));
	return kind_of_chain(e->chain) == e->chain ? mix(h, e->index) : h;
}

static uint64_t mix_hop(uint64_t h, const struct hop *hop)
{
	const struct evidence *e;
	size_t i = 0;

	h = mix(mix(mix(mix(h, hop->stage), hop->hook), hop->priority), hop->nat | hop->reply << 1 | !hop->place << 2);
	h = mix(mix(mix(h, hop->in.mark), hop->out.mark), keeps_src(hop) | keeps_dst(hop) << 1);
	h = mix(mix(h, hop->verdict.kind), hop->verdict.cause);
	while ((e = next_weighty(hop, &i)))
		h = mix_evidence(h, e);
	return h;
}

/* Equal for all that is alike, so that thousands of ways need not be held against each other. */
static uint64_t likeness(const struct trace *t, size_t first, bool all)
{
	uint64_t hash = mix(mix(mix(mix(0xcbf29ce484222325ull, t->end.kind), t->end.cause), t->share_kind), t->has_endpoint);

	for (size_t i = next_shown(t, first, all); i < t->n_hops; i = next_shown(t, i + 1, all))
		hash = mix_hop(hash, &t->hops[i]);
	return hash;
}

/* -- branches ------------------------------------------------------------------------------------- */

struct branch {
	const struct trace **trace;
	size_t n;
	double share;
	bool even;			/* all of one share */
	uint64_t likeness;
};

static void add_trace(struct arena *a, struct branch *b, const struct trace *t, size_t most)
{
	if (!b->n) {
		b->trace = arena_alloc(a, most * sizeof(*b->trace));
		b->even = true;
	}
	if (b->n && (b->trace[0]->share - t->share > 1e-6 || t->share - b->trace[0]->share > 1e-6))
		b->even = false;
	b->trace[b->n++] = t;
	b->share += t->share;
}

/* In order of their first ways. */
static struct branch *fold(struct pen *p, const struct trace *t, size_t n, size_t first, bool all, size_t *n_branch)
{
	struct branch *v = arena_alloc(p->a, n * sizeof(*v));
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t hash = likeness(&t[i], first, all);
		size_t k = 0;

		while (k < count && (v[k].likeness != hash || !alike(v[k].trace[0], &t[i], first, all)))
			k++;
		v[k].likeness = hash;
		add_trace(p->a, &v[k], &t[i], n - i);
		count += k == count;
	}
	*n_branch = count;
	return v;
}

static const char *endpoint_of(struct pen *p, const struct trace *t)
{
	if (!t->has_endpoint)
		return "";
	return arena_printf(p->a, "%s%s%s%s", endpoint_say(p->a, &t->endpoint, t->endpoint_port), t->endpoint_place ? " in " : "",
			    t->endpoint_place ? t->endpoint_place : "", owner_words(p->a, t));
}

static const char *branch_share(struct pen *p, const struct branch *b)
{
	switch (b->trace[0]->share_kind) {
	case SHARE_UNKNOWN:
		return "perhaps";
	case SHARE_EXISTING:
		return "existing";
	default:
		return share_say(p->a, b->share);
	}
}

/* Ways that go alike may still word their ends each for itself, as with a pod's name. */
static bool one_why(const struct branch *b)
{
	for (size_t i = 1; i < b->n; i++)
		if (!same_text(b->trace[0]->end.why, b->trace[i]->end.why))
			return false;
	return b->trace[0]->end.why && *b->trace[0]->end.why;
}

static void write_end(struct pen *p, const struct branch *b)
{
	const struct verdict *end = &b->trace[0]->end;
	enum style style = end_style(end->kind);

	pen_put(p, style, pen_symbol(p, end_symbol(end->kind)));
	pen_put(p, STYLE_PLAIN, " ");
	if (!one_why(b)) {
		pen_put(p, style, end_words(end->kind));
	} else if (!strncmp(end->why, end_words(end->kind), strlen(end_words(end->kind)))) {
		pen_wrap(p, style, 8, end->why);
	} else {
		pen_printf(p, style, "%s: ", end_words(end->kind));
		pen_wrap(p, style, 8, end->why);
	}
}

static void write_gaps(struct pen *p, const struct trace *t)
{
	for (size_t i = 0; i < t->n_gaps; i++) {
		pen_to(p, 2);
		pen_put(p, STYLE_DOUBT, "unknown: ");
		pen_wrap(p, STYLE_DOUBT, 11, t->gaps[i]);
		pen_end(p);
	}
}

/* The endpoints of ways that go alike, and the share of each where these differ. */
static void write_endpoints(struct pen *p, const struct branch *b)
{
	const struct trace *t = b->trace[0];

	for (size_t i = 0; t->has_endpoint && i < b->n && i < ENDPOINTS_SHOWN; i++) {
		pen_to(p, 2);
		pen_put(p, STYLE_BOLD, endpoint_of(p, b->trace[i]));
		if (!b->even && b->trace[i]->share_kind == SHARE_RANDOM)
			pen_printf(p, STYLE_PLAIN, "  %s", share_say(p->a, b->trace[i]->share));
		pen_end(p);
	}
	if (t->has_endpoint && b->n > ENDPOINTS_SHOWN) {
		pen_to(p, 2);
		pen_printf(p, STYLE_DIM, "%s and %zu more like this", pen_symbol(p, SYM_MORE), b->n - ENDPOINTS_SHOWN);
		pen_end(p);
	}
	pen_to(p, 2);
	pen_printf(p, STYLE_DIM, "the first of them:");
	pen_end(p);
}

/* "33.3%  10.244.1.10:8080  ✔ delivered: ...", or "66.7%  2 ways, 33.3% each  ✔ delivered". */
static void write_branch_line(struct pen *p, const struct branch *b)
{
	const struct trace *t = b->trace[0];

	pen_printf(p, STYLE_BOLD, "%-6s ", branch_share(p, b));
	if (b->n == 1 && t->has_endpoint)
		pen_printf(p, STYLE_BOLD, "%s  ", endpoint_of(p, t));
	else if (b->n > 1 && b->even && t->share_kind == SHARE_RANDOM)
		pen_printf(p, STYLE_PLAIN, "%zu ways, %s each  ", b->n, share_say(p->a, t->share));
	else if (b->n > 1)
		pen_printf(p, STYLE_PLAIN, "%zu ways  ", b->n);
	write_end(p, b);
	pen_end(p);
}

static void write_branch(struct pen *p, const struct branch *b, bool last, size_t first, size_t skip,
			 const struct out_options *o)
{
	const struct trace *t = b->trace[0];
	const char *place = p->place;

	p->rail = "  ";
	pen_put(p, STYLE_DIM, pen_symbol(p, last ? SYM_LAST : SYM_FORK));
	p->rail = arena_printf(p->a, "  %s", last ? "   " : pen_symbol(p, SYM_RAIL));
	write_branch_line(p, b);
	if (b->n > 1)
		write_endpoints(p, b);
	write_gaps(p, t);
	write_hops(p, t, first, skip, t->n_hops, o);
	p->rail = "";
	p->place = place;
}

void write_tree(struct pen *p, const struct prediction *pr, size_t first, size_t end, const struct out_options *o)
{
	const struct trace *t = &pr->trace[first];
	size_t n = end - first, evidence, n_branch;
	size_t shared = shared_hops(t, n, &evidence);
	struct branch *b;

	p->place = NULL;
	write_hops(p, t, 0, 0, shared, o);
	if (n == 1) {
		write_gaps(p, t);
		return;
	}
	if (evidence)
		write_fork(p, &t->hops[shared], evidence, n, o);
	b = fold(p, t, n, shared, o->all, &n_branch);
	for (size_t i = 0; i < n_branch; i++)
		write_branch(p, &b[i], i + 1 == n_branch, shared, evidence, o);
}
