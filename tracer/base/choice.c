/* SPDX-License-Identifier: GPL-2.0-only */
/* The tape of choices: replayed up to its last fork, then extended. */
#include <assert.h>

#include "tracer/base/choice.h"

struct fork {
	struct choice_step step;
	const double *weight;		/* NULL: equal */
	size_t log;			/* entries of the log that stood before this fork */
};

struct choices {
	struct arena *arena;
	struct fork *fork;
	size_t n, cap;			/* forks on the tape */
	size_t pos;			/* forks met by the walk under way */
	size_t n_unknown;		/* among them */
	size_t turned;
	size_t paths, max_paths;
	size_t work, first_bytes;
	const char *cut;
	bool existing, lost, torn;
	size_t *log;			/* indices at which something happened, in the order of the walk */
	size_t n_log, cap_log, log_pos;
	size_t log_valid;		/* the part of the log that the walk under way will repeat */
};

struct choices *choices_new(struct arena *a, size_t max_paths)
{
	struct choices *c = arena_alloc(a, sizeof(*c));

	c->arena = a;
	c->max_paths = max_paths;
	return c;
}

static double share_of(const struct fork *f, unsigned way)
{
	double sum = 0;

	if (!f->weight)
		return 1.0 / f->step.n;
	for (unsigned i = 0; i < f->step.n; i++)
		sum += f->weight[i];
	return sum > 0 ? f->weight[way] / sum : 0;
}

/* The first way at or after `way` that can be taken; n if none. */
static unsigned possible(const struct fork *f, unsigned way)
{
	while (way < f->step.n && f->weight && f->weight[way] <= 0)
		way++;
	return way;
}

static unsigned choose(struct choices *c, struct fork *fresh)
{
	struct fork *f;
	unsigned first = possible(fresh, 0);

	if (first == fresh->step.n)
		return 0;
	if (possible(fresh, first + 1) == fresh->step.n)
		return first;
	if (c->pos < c->n) {
		f = &c->fork[c->pos++];
		if (f->step.n != fresh->step.n || f->step.unknown != fresh->step.unknown)
			c->torn = true;
		return f->step.taken < fresh->step.n ? f->step.taken : first;
	}
	if (c->n == CHOICES_FORKS || (fresh->step.unknown && c->n_unknown == CHOICES_UNKNOWN)) {
		c->lost = true;
		return first;
	}
	if (fresh->weight)
		fresh->weight = arena_dup(c->arena, fresh->weight, fresh->step.n * sizeof(double));
	fresh->log = c->n_log;
	fresh->step.taken = first;
	fresh->step.share = share_of(fresh, first);
	*VEC_PUSH(c->arena, c->fork, c->n, c->cap) = *fresh;
	c->pos++;
	c->n_unknown += fresh->step.unknown;
	return first;
}

unsigned choice_random(struct choices *c, unsigned n, const double *weight)
{
	struct fork f = { .step = { .n = n }, .weight = weight };

	assert(n >= 1);
	return choose(c, &f);
}

unsigned choice_unknown(struct choices *c, unsigned n, const char *gap)
{
	struct fork f = { .step = { .n = n, .unknown = true, .gap = gap } };

	assert(n >= 1);
	return choose(c, &f);
}

void choice_existing(struct choices *c)
{
	c->existing = true;
}

size_t choices_met(const struct choices *c)
{
	return c->pos;
}

void choices_rewind(struct choices *c)
{
	c->pos = 0;
	c->log_pos = 0;
	c->existing = c->lost = false;
	c->log_valid = c->n ? c->fork[c->n - 1].log : 0;
	c->n_log = c->log_valid;
}

/* What all walks but the first may take of the arena: less where much is taken already. */
static size_t bytes_left(const struct choices *c)
{
	size_t room = 4 * CHOICES_BYTES, least = CHOICES_BYTES / 32;

	room = c->first_bytes < room ? room - c->first_bytes : 0;
	return room > CHOICES_BYTES ? CHOICES_BYTES : room > least ? room : least;
}

static const char *too_much(struct choices *c)
{
	if (++c->paths == 1)
		c->first_bytes = arena_used(c->arena);
	if (c->lost)
		return arena_printf(c->arena, "more than %d choices on one way, or %d that nothing read decides: it was not "
				    "followed further", CHOICES_FORKS, CHOICES_UNKNOWN);
	if (!c->n)
		return NULL;
	if (c->paths >= c->max_paths)
		return arena_printf(c->arena, "more than %zu ways: only the first were walked", c->max_paths);
	if (c->work > CHOICES_WORK || arena_used(c->arena) - c->first_bytes > bytes_left(c))
		return arena_printf(c->arena, "too many rules on too many ways: only the first %zu were walked", c->paths);
	return NULL;
}

bool choices_next(struct choices *c)
{
	if (c->pos != c->n)
		c->torn = true;
	if (c->torn)
		return false;
	c->cut = too_much(c);
	if (c->cut)
		return false;
	while (c->n) {
		struct fork *f = &c->fork[c->n - 1];
		unsigned way = possible(f, f->step.taken + 1);

		if (way < f->step.n) {
			f->step.taken = way;
			f->step.share = share_of(f, way);
			c->turned = c->n - 1;
			return true;
		}
		c->n--;
		c->n_unknown -= f->step.unknown;
	}
	return false;
}

const char *choices_cut(const struct choices *c)
{
	return c->cut;
}

bool choices_lost(const struct choices *c)
{
	return c->lost;
}

bool choices_torn(const struct choices *c)
{
	return c->torn;
}

double choices_share(const struct choices *c)
{
	double share = 1;

	for (size_t i = 0; i < c->n; i++)
		share *= c->fork[i].step.share;
	return share;
}

enum share_kind choices_kind(const struct choices *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->fork[i].step.unknown)
			return SHARE_UNKNOWN;
	return c->existing ? SHARE_EXISTING : c->n ? SHARE_RANDOM : SHARE_CERTAIN;
}

size_t choices_depth(const struct choices *c)
{
	return c->n;
}

size_t choices_turned(const struct choices *c)
{
	return c->turned;
}

const struct choice_step *choices_step(const struct choices *c, size_t i)
{
	return i < c->n ? &c->fork[i].step : NULL;
}

size_t choice_skip(struct choices *c, size_t i)
{
	c->work++;
	if (c->log_pos < c->log_valid && c->log[c->log_pos] >= i)
		return c->log[c->log_pos];
	return i;
}

void choice_log(struct choices *c, size_t i)
{
	if (c->log_pos < c->log_valid) {
		/* Repeating: the entries come in the same order. */
		if (c->log[c->log_pos] == i)
			c->log_pos++;
		return;
	}
	*VEC_PUSH(c->arena, c->log, c->n_log, c->cap_log) = i;
	c->log_pos = c->n_log;
	c->log_valid = c->n_log;
}
