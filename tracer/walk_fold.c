/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Folding the ways of a walk. They form a tree: each way turns off its predecessor at one fork. Random forks only multiply
 * shares, so what stands between two unknown forks is gone through in one pass; an unknown fork vanishes if its
 * branches all end alike.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/walk_fold.h"

#define MAX_EITHER	16		/* forks that decide nothing of the end: how many are told of one way */

struct ways {
	struct way **v;
	size_t n;
};

struct fold {
	struct arena *arena;
	struct way *way;
	double *share;			/* share[d]: of the forks above d, from where the pass under way began */
};

/* -- keeping -------------------------------------------------------------------------------------- */

static uint64_t hash(uint64_t h, const void *p, size_t len)
{
	const uint8_t *b = p;

	while (len--)
		h = (h ^ *b++) * 0x100000001b3ull;
	return h;
}

static uint64_t end_hash(const struct trace *t)
{
	uint32_t head[4] = { t->end.kind, t->end.cause, t->has_endpoint, t->has_endpoint ? t->endpoint_port : 0 };
	uint64_t h = hash(0xcbf29ce484222325ull, head, sizeof(head));

	if (t->has_endpoint)
		h = hash(h, t->endpoint.b, addr_len(&t->endpoint));
	return hash(h, t->end.why, strlen(t->end.why));
}

static uint64_t text_hash(uint64_t h, const char *s)
{
	return s ? hash(h, s, strlen(s) + 1) : hash(h, "", 1);
}

static uint64_t packet_hash(const struct packet *p)
{
	uint32_t head[4] = { p->sport, p->dport, p->mark, p->proto };
	uint64_t h = hash(0xcbf29ce484222325ull, head, sizeof(head));

	h = hash(h, p->src.b, addr_len(&p->src));
	return hash(h, p->dst.b, addr_len(&p->dst));
}

/* Added up, so that the same rules in another order are the same. */
static uint64_t deed_hash(const struct trace *t)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < t->n_hops; i++) {
		const struct hop *h = &t->hops[i];

		for (size_t k = 0; k < h->n_evidence; k++) {
			const struct evidence *e = &h->evidence[k];
			uint64_t at[3] = { e->backend, e->handle, e->index };

			if (e->effect >= EFFECT_CHANGE)
				sum += text_hash(text_hash(hash(h->reply, at, sizeof(at)), e->table), e->chain);
		}
		/* what it is when it turns round, and at the end of the answer's way */
		if (i + 1 == t->n_hops || t->hops[i + 1].reply != h->reply)
			sum += packet_hash(&h->out);
	}
	return sum;
}

void way_keep(struct arena *a, const struct choices *c, const struct trace *t, struct way *out)
{
	size_t turned = choices_turned(c), depth = choices_depth(c);
	struct choice_step *step = arena_alloc(a, (depth - turned) * sizeof(*step));

	for (size_t i = turned; i < depth; i++)
		step[i - turned] = *choices_step(c, i);
	*out = (struct way){ .t = *t, .turned = turned, .depth = depth, .step = step,
			     .end_hash = end_hash(t), .deed_hash = deed_hash(t) };
}

/* -- alike ---------------------------------------------------------------------------------------- */

static bool same_end(const struct way *a, const struct way *b)
{
	return a->end_hash == b->end_hash && a->t.end.kind == b->t.end.kind && a->t.end.cause == b->t.end.cause &&
	       !strcmp(a->t.end.why, b->t.end.why) && a->t.has_endpoint == b->t.has_endpoint &&
	       (!a->t.has_endpoint || (addr_eq(&a->t.endpoint, &b->t.endpoint) &&
				       a->t.endpoint_port == b->t.endpoint_port));
}

static int by_end(const void *a, const void *b)
{
	const struct way *x = *(struct way *const *)a, *y = *(struct way *const *)b;

	if (x->end_hash != y->end_hash)
		return x->end_hash < y->end_hash ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static int by_walk(const void *a, const void *b)
{
	const struct way *x = *(struct way *const *)a, *y = *(struct way *const *)b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* Ways to one end, their shares added up: what is known of them, and what rests on gaps. */
struct tally {
	const struct way *way;
	double sure, unknown;
};

static size_t tally(struct arena *a, const struct ways *l, struct tally **out)
{
	struct way **v = arena_dup(a, l->v, l->n * sizeof(*v));
	struct tally *t = arena_alloc(a, l->n * sizeof(*t));
	size_t n = 0;

	qsort(v, l->n, sizeof(*v), by_end);
	for (size_t i = 0; i < l->n; i++) {
		if (!n || !same_end(t[n - 1].way, v[i]))
			t[n++].way = v[i];
		*(v[i]->n_gap ? &t[n - 1].unknown : &t[n - 1].sure) += v[i]->t.share;
	}
	*out = t;
	return n;
}

static bool same_ways(struct arena *a, const struct ways *x, const struct ways *y)
{
	struct tally *tx, *ty;
	size_t n = tally(a, x, &tx);

	if (n != tally(a, y, &ty))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!same_end(tx[i].way, ty[i].way) || fabs(tx[i].sure - ty[i].sure) > 1e-9 ||
		    fabs(tx[i].unknown - ty[i].unknown) > 1e-9)
			return false;
	return true;
}

static int by_deed(const void *a, const void *b)
{
	const struct way *x = *(struct way *const *)a, *y = *(struct way *const *)b;

	return x->deed_hash < y->deed_hash ? -1 : x->deed_hash > y->deed_hash;
}

/* Of ways to the same ends: do the same rules lead there, with the same packet? */
static bool same_deeds(struct arena *a, const struct ways *x, const struct ways *y)
{
	struct way **vx = arena_dup(a, x->v, x->n * sizeof(*vx)), **vy = arena_dup(a, y->v, y->n * sizeof(*vy));

	if (x->n != y->n)
		return false;
	qsort(vx, x->n, sizeof(*vx), by_deed);
	qsort(vy, y->n, sizeof(*vy), by_deed);
	for (size_t i = 0; i < x->n; i++)
		if (vx[i]->deed_hash != vy[i]->deed_hash)
			return false;
	return true;
}

static int by_joined(const void *a, const void *b)
{
	const struct way *x = *(struct way *const *)a, *y = *(struct way *const *)b;

	if (x->end_hash == y->end_hash && !x->n_gap != !y->n_gap)
		return x->n_gap ? -1 : 1;
	if (x->end_hash == y->end_hash && x->t.share_kind != y->t.share_kind)
		return x->t.share_kind < y->t.share_kind ? -1 : 1;
	return by_end(a, b);
}

static bool joins(const struct way *a, const struct way *b)
{
	return !a->n_gap && !b->n_gap && a->t.share_kind == b->t.share_kind && same_end(a, b);
}

static void add_either(struct fold *f, struct way *w, const char *gap)
{
	for (size_t i = 0; i < w->n_either; i++)
		if (!strcmp(w->either[i], gap))
			return;
	if (w->n_either < MAX_EITHER)
		*VEC_PUSH(f->arena, w->either, w->n_either, w->cap_either) = gap;
}

/* One way stands for another as well: what is told of that is told of it. */
static void stand_for(struct fold *f, struct way *w, const struct way *other)
{
	for (size_t i = 0; i < other->n_either; i++)
		add_either(f, w, other->either[i]);
}

/* The same of ways to the same ends. */
static void stand_for_all(struct fold *f, const struct ways *l, const struct ways *others)
{
	struct way **v = arena_dup(f->arena, l->v, l->n * sizeof(*v));
	struct way **o = arena_dup(f->arena, others->v, others->n * sizeof(*o));

	qsort(v, l->n, sizeof(*v), by_end);
	qsort(o, others->n, sizeof(*o), by_end);
	for (size_t i = 0, k = 0; i < others->n; i++) {
		while (k + 1 < l->n && !same_end(v[k], o[i]))
			k++;
		stand_for(f, v[k], o[i]);
	}
}

/* Random ways to one end are one: the first of them stays. Sorted so that what can be joined stands together. */
static void join(struct fold *f, struct ways *l)
{
	size_t n = 0;

	qsort(l->v, l->n, sizeof(*l->v), by_joined);
	for (size_t i = 0; i < l->n; i++) {
		struct way *w = l->v[i];
		size_t k = n;

		while (k > 0 && !w->n_gap && l->v[k - 1]->end_hash == w->end_hash && !joins(l->v[k - 1], w) &&
		       !l->v[k - 1]->n_gap)
			k--;
		if (k > 0 && joins(l->v[k - 1], w)) {
			l->v[k - 1]->t.share += w->t.share;
			stand_for(f, l->v[k - 1], w);
		} else {
			l->v[n++] = w;
		}
	}
	l->n = n;
	qsort(l->v, l->n, sizeof(*l->v), by_walk);
}

/* -- the tree ------------------------------------------------------------------------------------- */

static struct ways fold(struct fold *f, size_t lo, size_t hi, size_t depth);

static void add_gap(struct fold *f, struct ways *l, const char *gap)
{
	for (size_t i = 0; i < l->n; i++) {
		l->v[i]->t.share_kind = SHARE_UNKNOWN;
		*VEC_PUSH(f->arena, l->v[i]->gap, l->v[i]->n_gap, l->v[i]->cap_gap) = gap;
	}
}

/* The unknown fork at depth, which the ways lo..hi-1 share: its branches begin where a way turns off there. */
static struct ways fold_unknown(struct fold *f, size_t lo, size_t hi, size_t depth)
{
	const struct choice_step *step = &f->way[lo].step[depth - f->way[lo].turned];
	struct ways out = { .v = arena_alloc(f->arena, (hi - lo) * sizeof(*out.v)) }, first = {};
	bool differ = false, either = false;
	unsigned branches = 0;

	for (size_t i = lo, j; i < hi; i = j, branches++) {
		struct ways l;

		for (j = i + 1; j < hi && f->way[j].turned != depth; j++)
			;
		l = fold(f, i, j, depth + 1);
		if (!branches)
			first = l;
		else if (!differ && !same_ways(f->arena, &first, &l))
			differ = true;
		else if (!differ && !either && !same_deeds(f->arena, &first, &l))
			either = true;
		memcpy(out.v + out.n, l.v, l.n * sizeof(*l.v));
		out.n += l.n;
	}
	/* a branch that was not walked may end anywhere */
	if (!differ && branches == step->n) {
		stand_for_all(f, &first, &(struct ways){ out.v + first.n, out.n - first.n });
		for (size_t i = 0; either && i < first.n; i++)
			add_either(f, first.v[i], step->gap);
		return first;
	}
	add_gap(f, &out, step->gap);
	for (size_t k = 0; k < out.n; k++)
		out.v[k]->t.share /= step->n;
	return out;
}

static void scale(struct ways *l, double share, bool random)
{
	for (size_t i = 0; i < l->n; i++) {
		l->v[i]->t.share *= share;
		if (random && l->v[i]->t.share_kind == SHARE_CERTAIN)
			l->v[i]->t.share_kind = SHARE_RANDOM;
	}
}

/* The way's random forks from d on, their shares multiplied; where that stops: at an unknown fork or its end. */
static size_t pass_random(struct fold *f, const struct way *w, size_t d)
{
	for (; d < w->depth && !w->step[d - w->turned].unknown; d++)
		f->share[d + 1] = f->share[d] * w->step[d - w->turned].share;
	return d;
}

/* The ways lo..hi-1, which share the forks before depth, with their shares below it. */
static struct ways fold(struct fold *f, size_t lo, size_t hi, size_t depth)
{
	struct ways out = { .v = arena_alloc(f->arena, (hi - lo) * sizeof(*out.v)) };

	f->share[depth] = 1;
	for (size_t i = lo, j; i < hi; i = j) {
		struct way *w = &f->way[i];
		size_t d = pass_random(f, w, i == lo ? depth : w->turned);
		struct ways l = { .v = &w, .n = 1 };

		for (j = i + 1; d < w->depth && j < hi && f->way[j].turned >= d; j++)
			;
		if (d < w->depth) {
			l = fold_unknown(f, i, j, d);
		} else {
			w->t.share = 1;
			if (w->t.share_kind != SHARE_EXISTING)
				w->t.share_kind = SHARE_CERTAIN;
		}
		scale(&l, f->share[d], d > depth);
		memcpy(out.v + out.n, l.v, l.n * sizeof(*l.v));
		out.n += l.n;
	}
	if (out.n > 1)
		join(f, &out);
	return out;
}

/* -- all of it ------------------------------------------------------------------------------------ */

static struct way *not_walked(struct fold *f, const struct ways *l, const char *cut)
{
	struct way *rest = arena_alloc(f->arena, sizeof(*rest));
	double left = 1;

	for (size_t i = 0; i < l->n; i++)
		left -= l->v[i]->t.share;
	rest->t = (struct trace){ .target = f->way->t.target, .share = left > 0 ? left : 0,
				  .end = { END_UNKNOWN, CAUSE_UNREADABLE, cut } };
	return rest;
}

void ways_fold(struct arena *a, struct way *way, size_t n, const char *cut, const struct trace **out, size_t *n_out)
{
	struct fold f = { .arena = a, .way = way };
	struct trace *traces;
	size_t depth = 0;
	struct ways l;

	for (size_t i = 0; i < n; i++) {
		way[i].at = i;
		depth = way[i].depth > depth ? way[i].depth : depth;
	}
	f.share = arena_alloc(a, (depth + 1) * sizeof(*f.share));
	l = fold(&f, 0, n, 0);
	qsort(l.v, l.n, sizeof(*l.v), by_walk);
	if (cut) {
		l.v = arena_grow(a, l.v, l.n, &(size_t){ l.n }, sizeof(*l.v));
		l.v[l.n] = not_walked(&f, &l, cut);
		l.n++;
		/* what was not walked may end where a way walked does: no share is the whole one */
		add_gap(&f, &l, cut);
	}
	traces = arena_alloc(a, l.n * sizeof(*traces));
	for (size_t i = 0; i < l.n; i++) {
		traces[i] = l.v[i]->t;
		traces[i].gaps = l.v[i]->gap;
		traces[i].n_gaps = l.v[i]->n_gap;
		traces[i].either = l.v[i]->either;
		traces[i].n_either = l.v[i]->n_either;
	}
	*out = traces;
	*n_out = l.n;
}
