/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * numgen and hash: numbers that the packet does not determine, or that a secret of the kernel does. The walk
 * forks, one way for each outcome that the rest of the rule can tell apart, weighted by how many numbers lead to it.
 */
#include <netinet/in.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

#define MAX_WORK	(1u << 24)	/* numbers tried times elements looked at and steps run */
#define MAX_BY_VALUE	256

struct way {
	const void *outcome;
	uint32_t number;		/* any one of those that lead there */
};

/* What the rest of one rule makes of each number: found out once. */
struct ways {
	bool tried;
	struct way *way;
	double *weight;
	size_t n, cap_way, cap_weight;
};

struct choose_data {
	uint8_t reg, sreg, len, type;
	bool hash, seeded;
	uint32_t modulus, offset, seed;
	struct ways *ways;
};

static const char broke[1], passed[1];	/* outcomes beside set elements */

/* -- which numbers differ -- */

static bool is_register_step(const struct step *s)
{
	return s->ops == &expr_ops_cmp.ops || s->ops == &expr_ops_bitwise.ops ||
	       s->ops == &expr_ops_byteorder.ops || s->ops == &expr_ops_range.ops;
}

/* Registers that still hold something made from the number, one bit for each four bytes. */
static uint32_t words_of(unsigned off, unsigned len)
{
	return ((1u << ((len + 3) / 4)) - 1) << off / 4;
}

static uint32_t taint_after(const struct step *s, uint32_t taint)
{
	if (s->ops == &expr_ops_bitwise.ops) {
		const struct bitwise_data *d = s->data;
		bool from = taint & words_of(d->sreg, d->len) || (d->second && taint & words_of(d->sreg2, d->len));

		return from ? taint | words_of(d->dreg, d->len) : taint & ~words_of(d->dreg, d->len);
	}
	if (s->ops == &expr_ops_byteorder.ops) {
		const struct byteorder_data *d = s->data;

		return taint & words_of(d->sreg, d->len) ? taint | words_of(d->dreg, d->len) :
							   taint & ~words_of(d->dreg, d->len);
	}
	if (s->ops == &expr_ops_immediate.ops) {
		const struct immediate_data *d = s->data;

		return taint & ~words_of(d->reg, d->len);
	}
	if (s->ops == &expr_ops_payload.ops) {
		const struct payload_data *d = s->data;

		return taint & ~words_of(d->reg, d->len);
	}
	return taint;
}

/* Does a step from here on use the number otherwise than by comparing it? */
static bool used_later(const struct step *s, const struct step *end, uint32_t taint)
{
	for (; s < end && taint; s++) {
		taint = taint_after(s, taint);
		if (taint && !s->ops->pure && s->ops != &expr_ops_verdict.ops && !is_register_step(s) &&
		    s->ops != &expr_ops_immediate.ops && s->ops != &expr_ops_payload.ops && s->ops != &expr_ops_meta.ops)
			return true;
	}
	return false;
}

/* Where the number leads: through comparisons, to a set's element or past them. */
static const void *outcome(struct eval *e, const struct step *s, const struct step *end, const struct set *set)
{
	for (; s < end && is_register_step(s); s++)
		if (s->ops->run(e, s) == STEP_BREAK)
			return broke;
	if (s < end && set) {
		const struct lookup_data *l = s->data;
		const struct set_elem *el = set_find(set, e->regs.b + l->sreg);

		return el ? (const void *)el : set->catchall ? (const void *)set->catchall : broke;
	}
	return passed;
}

/* The set that the number is looked up in, all of it read; NULL: none. */
static struct set *consumer(struct eval *e, const struct step *s, const struct step *end, uint32_t taint)
{
	const struct lookup_data *l;
	struct set *set;

	while (s < end && is_register_step(s))
		taint = taint_after(s++, taint);
	if (s == end || s->ops != &expr_ops_lookup.ops)
		return NULL;
	l = s->data;
	if (!(taint & words_of(l->sreg, 4)))
		return NULL;
	set = lookup_set(e, l);
	if (!set || set->key_len != 4 || set_dump(ruleset_get(e->nft, e->netns), set))
		return NULL;
	return set;
}

static void way_add(struct eval *e, struct ways *w, const void *outcome, uint32_t number)
{
	struct way *way;

	for (size_t i = w->n; i-- > 0 && outcome;) {
		if (w->way[i].outcome == outcome) {
			w->weight[i]++;
			return;
		}
	}
	*VEC_PUSH(e->arena, w->weight, w->n, w->cap_weight) = 1;
	w->n--;
	way = VEC_PUSH(e->arena, w->way, w->n, w->cap_way);
	way->outcome = outcome;
	way->number = number;
}

static void find_ways(struct eval *e, const struct step *s, const struct choose_data *d)
{
	const struct step *end = e->rule->step + e->rule->n_step, *rest = s + 1, *after = rest;
	uint32_t taint = words_of(d->reg, 4);
	struct set *set = consumer(e, rest, end, taint);
	struct eval try = *e;
	bool by_value;

	d->ways->tried = true;
	while (after < end && is_register_step(after))
		taint = taint_after(after++, taint);
	by_value = !set && used_later(after, end, taint);
	if (by_value ? d->modulus > MAX_BY_VALUE :
		       (uint64_t)d->modulus * ((set ? set->n_elem : 0) + e->rule->n_step) > MAX_WORK)
		return;
	for (uint32_t i = 0; i < d->modulus; i++) {
		try.regs = e->regs;
		reg_store32(&try, d->reg, d->offset + i);
		way_add(e, d->ways, by_value ? NULL : outcome(&try, rest, end, set), d->offset + i);
	}
}

static enum step_kind choose(struct eval *e, const struct step *s)
{
	const struct choose_data *d = s->data;
	unsigned taken;

	if (!d->ways->tried)
		find_ways(e, s, d);
	if (!d->ways->n) {
		reg_store_unknown(e, d->reg, 4, "depends on a number that the kernel draws");
		return STEP_NEXT;
	}
	taken = choice_random(e->run->choices, d->ways->n, d->ways->weight);
	reg_store32(e, d->reg, d->ways->way[taken].number);
	return STEP_NEXT;
}

/* -- jhash -- */

static uint32_t rol(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static uint32_t word_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/* jhash() of include/linux/jhash.h: Bob Jenkins' lookup3 over host-order words. */
static uint32_t jhash(const uint8_t *k, uint32_t len, uint32_t seed)
{
	uint32_t a, b, c, left = len;

	a = b = c = 0xdeadbeef + len + seed;
	for (; left > 12; left -= 12, k += 12) {
		a += word_at(k);
		b += word_at(k + 4);
		c += word_at(k + 8);
		a = (a - c) ^ rol(c, 4), c += b;
		b = (b - a) ^ rol(a, 6), a += c;
		c = (c - b) ^ rol(b, 8), b += a;
		a = (a - c) ^ rol(c, 16), c += b;
		b = (b - a) ^ rol(a, 19), a += c;
		c = (c - b) ^ rol(b, 4), b += a;
	}
	if (!left)
		return c;
	for (uint32_t i = 0; i < left; i++)
		*(i < 4 ? &a : i < 8 ? &b : &c) += (uint32_t)k[i] << 8 * (i % 4);
	c = (c ^ b) - rol(b, 14);
	a = (a ^ c) - rol(c, 11);
	b = (b ^ a) - rol(a, 25);
	c = (c ^ b) - rol(b, 16);
	a = (a ^ c) - rol(c, 4);
	b = (b ^ a) - rol(a, 14);
	c = (c ^ b) - rol(b, 24);
	return c;
}

/* nft_jhash_eval(): exact where the user gave the seed; the kernel keeps its own to itself. */
static enum step_kind hash_run(struct eval *e, const struct step *s)
{
	const struct choose_data *d = s->data;
	uint32_t h;

	if (d->type != NFT_HASH_JENKINS || !d->seeded || !reg_known(e, d->sreg, d->len))
		return choose(e, s);
	h = jhash(e->regs.b + d->sreg, d->len, d->seed);
	reg_store32(e, d->reg, d->offset + (uint32_t)((uint64_t)h * d->modulus >> 32));
	return STEP_NEXT;
}

/* What the registers hashed hold. */
static const char *hashed(struct words *w, const struct choose_data *d)
{
	struct text t = { .arena = w->arena };

	for (unsigned at = 0; at < d->len; at += 4) {
		const struct word *r = words_reg(w, d->sreg + at);

		if (!r->text)
			continue;
		text_add(&t, "%s%s", t.len ? " . " : "", words_value(w, d->sreg + at, DT_NONE, 4));
		at += r->len > 4 ? (r->len - 1) & ~3u : 0;
	}
	return text_get(&t);
}

static void hash_words(struct words *w, const struct step *s)
{
	const struct choose_data *d = s->data;
	struct text t = { .arena = w->arena };

	if (d->type == NFT_HASH_SYM)
		text_add(&t, "symhash mod %u", d->modulus);
	else
		text_add(&t, "jhash %s mod %u", hashed(w, d), d->modulus);
	if (d->seeded)
		text_add(&t, " seed %#x", d->seed);
	if (d->offset)
		text_add(&t, " offset %u", d->offset);
	words_load(w, d->reg, DT_HOST_INTEGER, 4, "%s", text_get(&t));
}

static const struct expr_ops hash_ops = EXPR_OPS("hash", hash_run, hash_words);

static bool hash_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_HASH_MAX + 1];
	struct choose_data *h = step_new(d, s, &hash_ops, sizeof(*h));

	if (!expr_attrs(data, tb, NFTA_HASH_MAX))
		return false;
	h->hash = true;
	h->ways = arena_alloc(d->arena, sizeof(*h->ways));
	h->type = nl_be32(tb[NFTA_HASH_TYPE], NFT_HASH_JENKINS);
	h->modulus = nl_be32(tb[NFTA_HASH_MODULUS], 0);
	h->offset = nl_be32(tb[NFTA_HASH_OFFSET], 0);
	h->seeded = tb[NFTA_HASH_SEED];
	h->seed = nl_be32(tb[NFTA_HASH_SEED], 0);
	h->len = nl_be32(tb[NFTA_HASH_LEN], 0);
	return h->modulus && h->type <= NFT_HASH_SYM && !tb[NFTA_HASH_SET_NAME] &&
	       expr_reg(tb[NFTA_HASH_DREG], 4, &h->reg) &&
	       (h->type == NFT_HASH_SYM || expr_reg(tb[NFTA_HASH_SREG], h->len, &h->sreg));
}

/* -- numgen: random, or a counter whose place is not shown -- */

static void numgen_words(struct words *w, const struct step *s)
{
	const struct choose_data *d = s->data;
	struct text t = { .arena = w->arena };

	text_add(&t, "numgen %s mod %u", d->type == NFT_NG_RANDOM ? "random" : "inc", d->modulus);
	if (d->offset)
		text_add(&t, " offset %u", d->offset);
	words_load(w, d->reg, DT_HOST_INTEGER, 4, "%s", text_get(&t));
}

static const struct expr_ops numgen_ops = EXPR_OPS("numgen", choose, numgen_words);

static bool numgen_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_NG_MAX + 1];
	struct choose_data *n = step_new(d, s, &numgen_ops, sizeof(*n));

	if (!expr_attrs(data, tb, NFTA_NG_MAX))
		return false;
	n->ways = arena_alloc(d->arena, sizeof(*n->ways));
	n->type = nl_be32(tb[NFTA_NG_TYPE], 99);
	n->modulus = nl_be32(tb[NFTA_NG_MODULUS], 0);
	n->offset = nl_be32(tb[NFTA_NG_OFFSET], 0);
	return n->modulus && n->type <= NFT_NG_RANDOM && !tb[NFTA_NG_SET_NAME] &&
	       expr_reg(tb[NFTA_NG_DREG], 4, &n->reg);
}

static const struct expr rows[] = { { "numgen", numgen_decode }, { "hash", hash_decode } };
const struct exprs expr_choose = EXPRS(rows);
