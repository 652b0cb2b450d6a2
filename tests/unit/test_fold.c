/* SPDX-License-Identifier: GPL-2.0-only */
/* Ways of a walk put together: random trees against a plain recursion over the same trees, and trees cut short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "tracer/walk_fold.h"

#define ENDS	4
#define WIDE	3

/* A walk's forks as a tree: the program that all walks of one tape run. */
struct node {
	unsigned n;			/* 0: an end */
	bool unknown;
	double weight[WIDE];
	const struct node *way[WIDE];
	unsigned end;
};

static const char *const why[ENDS] = { "one", "two", "three", "four" };

static const struct node *grow(struct arena *a, unsigned depth)
{
	struct node *n = arena_alloc(a, sizeof(*n));

	n->end = rand() % ENDS;
	if (!depth || rand() % 5 == 0)
		return n;
	n->n = 2 + rand() % (WIDE - 1);
	n->unknown = rand() % 3 == 0;
	for (unsigned i = 0; i < n->n; i++) {
		n->weight[i] = 1 + rand() % 5;
		/* now and then all ways are the same: an unknown fork that decides nothing */
		n->way[i] = i && n->unknown && rand() % 2 ? n->way[0] : grow(a, depth - 1);
	}
	return n;
}

/* -- what folding must give -- */

struct shares {
	double sure[ENDS], unknown[ENDS];
};

static bool same(const struct shares *a, const struct shares *b)
{
	for (unsigned i = 0; i < ENDS; i++)
		if (fabs(a->sure[i] - b->sure[i]) > 1e-9 || fabs(a->unknown[i] - b->unknown[i]) > 1e-9)
			return false;
	return true;
}

static struct shares expect(const struct node *n)
{
	struct shares out = {}, way[WIDE];
	double sum = 0;
	bool differ = false;

	if (!n->n) {
		out.sure[n->end] = 1;
		return out;
	}
	for (unsigned i = 0; i < n->n; i++) {
		way[i] = expect(n->way[i]);
		sum += n->weight[i];
		differ |= i && !same(&way[0], &way[i]);
	}
	if (n->unknown && !differ)
		return way[0];
	for (unsigned i = 0; i < n->n; i++)
		for (unsigned k = 0; k < ENDS; k++) {
			double share = n->unknown ? 1.0 / n->n : n->weight[i] / sum;

			*(n->unknown ? &out.unknown[k] : &out.sure[k]) += way[i].sure[k] * share;
			out.unknown[k] += way[i].unknown[k] * share;
		}
	return out;
}

/* -- walking and folding -- */

static struct trace end_of(const struct choices *c, unsigned end)
{
	return (struct trace){ .share_kind = choices_kind(c),
			       .end = { END_DROP, CAUSE_NONE, why[end] } };
}

struct folded {
	const struct trace *t;
	size_t n, walks;
	const char *cut;
};

static struct folded walk_all(struct arena *a, const struct node *root, size_t max)
{
	struct choices *c = choices_new(a, max);
	struct folded out = {};
	struct way *way = NULL;
	size_t n = 0, cap = 0;

	do {
		const struct node *at = root;
		struct trace t;

		choices_rewind(c);
		while (at->n)
			at = at->way[at->unknown ? choice_unknown(c, at->n, "gap") : choice_random(c, at->n, at->weight)];
		t = end_of(c, at->end);
		way_keep(a, c, &t, VEC_PUSH(a, way, n, cap));
	} while (choices_next(c));
	assert_false(choices_torn(c));
	out.walks = n;
	out.cut = choices_cut(c);
	ways_fold(a, way, n, out.cut, &out.t, &out.n);
	return out;
}

static double sum(const struct folded *f)
{
	double s = 0;

	for (size_t i = 0; i < f->n; i++)
		s += f->t[i].share;
	return s;
}

static void random_trees(void **state)
{
	unsigned unknown = 0, vanished = 0;

	(void)state;
	srand(20);
	for (int i = 0; i < 3000; i++) {
		struct arena *a = arena_new();
		const struct node *root = grow(a, 6);
		struct folded f = walk_all(a, root, 100000);
		struct shares want = expect(root), got = {};

		for (size_t k = 0; k < f.n; k++) {
			unsigned e = 0;

			while (strcmp(why[e], f.t[k].end.why))
				e++;
			*(f.t[k].share_kind == SHARE_UNKNOWN ? &got.unknown[e] : &got.sure[e]) += f.t[k].share;
			assert_int_equal(f.t[k].share_kind == SHARE_UNKNOWN, f.t[k].n_gaps > 0);
			unknown += f.t[k].n_gaps > 0;
		}
		vanished += f.n == 1 && f.walks > 1;
		assert_true(same(&want, &got));
		assert_true(fabs(sum(&f) - 1) < 1e-9);
		arena_free(a);
	}
	assert_true(unknown > 1000);
	assert_true(vanished > 20);
}

/* Cut at any place: no share is certain, none is above the true one, and the rest is said to be unknown. */
static void cut_short(void **state)
{
	(void)state;
	srand(21);
	for (int i = 0; i < 1000; i++) {
		struct arena *a = arena_new();
		const struct node *root = grow(a, 6);
		struct folded whole = walk_all(a, root, 100000), f;

		if (whole.walks > 2) {
			f = walk_all(a, root, 1 + rand() % (whole.walks - 1));
			assert_non_null(f.cut);
			for (size_t k = 0; k < f.n; k++)
				assert_int_equal(f.t[k].share_kind, SHARE_UNKNOWN);
			assert_int_equal(f.t[f.n - 1].end.kind, END_UNKNOWN);
			assert_string_equal(f.t[f.n - 1].end.why, f.cut);
			assert_true(fabs(sum(&f) - 1) < 1e-9);
		}
		arena_free(a);
	}
}

/* An unknown fork with 4096 random ways below each branch: only the first branch is walked, and may differ. */
static void cut_at_an_unknown_fork(void **state)
{
	struct arena *a = arena_new();
	const double even[] = { 1, 1 };
	struct choices *c = choices_new(a, 4);
	const struct trace *out;
	struct way way[8];
	size_t n = 0, n_out;

	(void)state;
	do {
		struct trace t;

		choices_rewind(c);
		choice_unknown(c, 2, "gap");
		choice_random(c, 2, even);
		choice_random(c, 2, even);
		t = end_of(c, 0);
		way_keep(a, c, &t, &way[n++]);
	} while (choices_next(c));
	assert_int_equal(n, 4);
	ways_fold(a, way, n, choices_cut(c), &out, &n_out);
	assert_int_equal(n_out, 2);
	assert_true(fabs(out[0].share - 0.5) < 1e-9);
	assert_int_equal(out[0].share_kind, SHARE_UNKNOWN);
	assert_true(fabs(out[1].share - 0.5) < 1e-9);
	arena_free(a);
}

/* What a hostile ruleset makes: chains of forks without end. Bounded, and said. */
static void endless(void **state)
{
	(void)state;
	for (int unknown = 0; unknown < 2; unknown++) {
		struct arena *a = arena_new();
		struct choices *c = choices_new(a, 4096);
		const struct trace *out;
		struct way *way = NULL;
		size_t n = 0, cap = 0, n_out;

		do {
			struct trace t;

			choices_rewind(c);
			for (int i = 0; i < 100000; i++)
				if (unknown)
					choice_unknown(c, 2, "gap");
				else
					choice_random(c, 2, NULL);
			t = end_of(c, 0);
			assert_true(choices_lost(c));
			assert_true(choices_depth(c) <= CHOICES_FORKS);
			way_keep(a, c, &t, VEC_PUSH(a, way, n, cap));
		} while (choices_next(c));
		assert_int_equal(n, 1);
		ways_fold(a, way, n, choices_cut(c), &out, &n_out);
		assert_int_equal(n_out, 2);
		assert_non_null(strstr(out[1].end.why, "choices on one way"));
		assert_true(arena_used(a) < 16 << 20);
		arena_free(a);
	}
}

/* 4,000 ways off one chain of forks, as a service of iptables has: each its share. */
static void wide_service(void **state)
{
	struct arena *a = arena_new();
	struct choices *c = choices_new(a, 5000);
	struct way *way = NULL;
	const struct trace *out;
	size_t n = 0, cap = 0, n_out;

	(void)state;
	do {
		unsigned i = 0;
		struct trace t;

		choices_rewind(c);
		for (; i < 3999; i++)
			if (choice_random(c, 2, (const double[]){ 3999 - i, 1 }))
				break;
		t = end_of(c, 0);
		t.has_endpoint = true;
		t.endpoint = addr_v4(0x0a000000 + i);
		way_keep(a, c, &t, VEC_PUSH(a, way, n, cap));
	} while (choices_next(c));
	assert_int_equal(n, 4000);
	ways_fold(a, way, n, NULL, &out, &n_out);
	assert_int_equal(n_out, 4000);
	for (size_t i = 0; i < n_out; i++)
		assert_true(fabs(out[i].share * 4000 - 1) < 1e-6);
	assert_true(arena_used(a) < 16 << 20);
	arena_free(a);
}

/* An unread fork whose branches end alike vanishes; what they do differently on the way there is said. */
static void either_way(void **state)
{
	static const struct { enum effect effect; uint64_t handle[2]; uint32_t mark[2]; size_t either; } rows[] = {
		{ EFFECT_VERDICT, { 5, 5 }, {}, 0 }, { EFFECT_VERDICT, { 5, 6 }, {}, 1 },
		{ EFFECT_PASS, { 5, 6 }, {}, 0 }, { EFFECT_CHANGE, { 5, 5 }, { 1, 2 }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned random = 0; random < 2; random++) {
			struct arena *a = arena_new();
			struct choices *c = choices_new(a, 64);
			struct way *way = NULL;
			const struct trace *out;
			size_t n = 0, cap = 0, n_out;

			do {
				struct evidence *e = arena_alloc(a, 2 * sizeof(*e));
				struct hop *h = arena_alloc(a, 2 * sizeof(*h));
				unsigned taken, end;
				struct trace t;

				choices_rewind(c);
				taken = choice_unknown(c, 2, "gap");
				end = random ? choice_random(c, 2, NULL) : 0;
				e[0] = (struct evidence){ .effect = rows[i].effect, .table = "t", .chain = "c", .handle = rows[i].handle[taken] };
				e[1] = (struct evidence){ .effect = EFFECT_CHANGE, .table = "t", .chain = "other", .handle = 9 };
				/* two hops in either order */
				for (unsigned k = 0; k < 2; k++)
					h[k] = (struct hop){ .evidence = &e[k ^ taken], .n_evidence = 1 };
				h[1].out.mark = rows[i].mark[taken];
				t = end_of(c, end);
				t.hops = h;
				t.n_hops = 2;
				way_keep(a, c, &t, VEC_PUSH(a, way, n, cap));
			} while (choices_next(c));
			ways_fold(a, way, n, NULL, &out, &n_out);
			assert_int_equal(n_out, 1 + random);
			for (size_t k = 0; k < n_out; k++) {
				assert_int_equal(out[k].share_kind, random ? SHARE_RANDOM : SHARE_CERTAIN);
				assert_int_equal(out[k].n_gaps, 0);
				assert_int_equal(out[k].n_either, rows[i].either);
				if (out[k].n_either)
					assert_string_equal(out[k].either[0], "gap");
			}
			arena_free(a);
		}
}

/* A way with the marks of its unread forks, all of one end. */
static void marked_way(struct arena *a, const struct choices *c, uint32_t mark, struct way *out)
{
	struct hop *h = arena_alloc(a, sizeof(*h));
	struct trace t = end_of(c, 0);

	h->out.mark = mark;
	t.hops = h;
	t.n_hops = 1;
	way_keep(a, c, &t, out);
}

/* A random or unread fork of so many branches, in each of which another fork is unread: one way stands for all, and tells of each. */
static void either_of_all(void **state)
{
	static const struct { bool unknown; unsigned branches, texts; size_t either; } rows[] = {
		{ false, 2, 2, 2 }, { false, 3, 1, 1 }, { false, 40, 40, 16 }, { true, 3, 3, 3 }, { true, 3, 2, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *a = arena_new();
		struct choices *c = choices_new(a, 256);
		struct way *way = NULL;
		const struct trace *out;
		size_t n = 0, cap = 0, n_out;

		do {
			unsigned branch;

			choices_rewind(c);
			branch = rows[i].unknown ? choice_unknown(c, rows[i].branches, "outer") : choice_random(c, rows[i].branches, NULL);
			/* another address each time, as two walks make the same words */
			marked_way(a, c, choice_unknown(c, 2, arena_printf(a, "fork %u", branch % rows[i].texts)), VEC_PUSH(a, way, n, cap));
		} while (choices_next(c));
		ways_fold(a, way, n, NULL, &out, &n_out);
		assert_int_equal(n_out, 1);
		assert_int_equal(out[0].n_gaps, 0);
		assert_int_equal(out[0].n_either, rows[i].either);
		for (size_t k = 0; k < out[0].n_either; k++)
			assert_string_equal(out[0].either[k], arena_printf(a, "fork %zu", k));
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_trees), cmocka_unit_test(cut_short), cmocka_unit_test(cut_at_an_unknown_fork),
		cmocka_unit_test(endless), cmocka_unit_test(wide_service), cmocka_unit_test(either_way),
		cmocka_unit_test(either_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
