/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one interpreter of rules, of nf_tables and iptables-legacy alike. Mirrors nft_do_chain() and
 * ipt_do_table(): rules in order, a stack of jumps, the policy where it runs empty.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/uapi.h"
#include "nft/xt_rows.h"

#define NFT_STACK	16		/* NFT_JUMP_STACK_SIZE */
#define LEGACY_STACK	1024		/* xt_jumpstack_alloc() sizes it by the table's chains */
#define MAX_MOVES	65536		/* the kernel refuses rules that loop; what is read amid changes may */
#define MAX_TOLD	(1u << 19)	/* rules told of in one run, a hundred bytes each */

struct frame {
	const struct chain *chain;
	size_t next;			/* rule to go on with */
};

struct walk {
	struct eval e;
	const struct nft_base *base;
	struct nft_run *run;
	struct frame at;
	struct frame stack[LEGACY_STACK];
	unsigned depth, moves, told;
	/* of the rule under evaluation */
	const char *says;
	bool changed;
};

static bool is_iptables(const struct nft_base *b)
{
	return b->backend == BACKEND_LEGACY || b->chain[0] < 'a';
}

/* -- evidence -- */

static enum effect effect_of(const struct walk *w, enum step_kind k)
{
	switch (k) {
	case STEP_NEXT:
	case STEP_BREAK:
		return w->changed ? EFFECT_CHANGE : k == STEP_NEXT ? EFFECT_PASS : EFFECT_NONE;
	case STEP_JUMP:
	case STEP_GOTO:
	case STEP_RETURN:
		return EFFECT_JUMP;
	default:
		return EFFECT_VERDICT;
	}
}

static void leave_evidence(struct walk *w, struct rule *r, enum step_kind k)
{
	struct evidence *ev;

	if (!w->run->evidence)
		return;
	ev = evidence_add(w->run->evidence, EV_RULE);
	ev->effect = effect_of(w, k);
	ev->backend = w->at.chain->backend;
	ev->family = w->at.chain->family;
	ev->table = w->at.chain->table;
	ev->chain = w->at.chain->name;
	ev->handle = r->handle;
	ev->index = r->index;
	ev->comment = r->comment;
	ev->text = rule_say(w->e.arena, w->at.chain, r);
	ev->says = w->says;
	if (k == STEP_JUMP || k == STEP_GOTO)
		ev->jump = w->e.target;
}

static void leave_policy(struct walk *w)
{
	const struct nft_base *b = w->base;
	struct evidence *ev;
	bool drop = b->policy == NF_DROP;

	if (!w->run->evidence)
		return;
	ev = evidence_add(w->run->evidence, EV_POLICY);
	ev->effect = drop ? EFFECT_VERDICT : EFFECT_PASS;
	ev->backend = b->backend;
	ev->family = b->family;
	ev->table = b->table;
	ev->chain = b->chain;
	ev->text = is_iptables(b) ? arena_printf(w->e.arena, "-P %s %s", b->chain, drop ? "DROP" : "ACCEPT") :
		   arena_printf(w->e.arena, "policy %s", drop ? "drop" : "accept");
}

static const char *place(struct walk *w, const struct rule *r)
{
	return arena_printf(w->e.arena, "%s/%s rule %u", w->at.chain->table, w->at.chain->name, r->index);
}

/* -- one rule -- */

/* In doubt about a match: fork, 1 matches. */
static bool doubt(struct walk *w, const char **pending)
{
	const char *why = *pending;

	*pending = NULL;
	if (!why || choice_unknown(w->run->choices, 2, expr_gap(&w->e, why)) == 1)
		return true;
	w->says = w->says ?: "may match";
	return false;
}

/* Does the step act, rather than match? What it does when it cannot be told decides the packet's way. */
static bool is_effect(const struct step_ops *ops)
{
	return ops->changes || ops->run == xt_target_run;
}

static void note(struct walk *w)
{
	if (w->e.says)
		w->says = w->says ? arena_printf(w->e.arena, "%s, %s", w->says, w->e.says) : w->e.says;
	w->e.says = NULL;
}

/*
 * STEP_NEXT: it matched to its end; STEP_BREAK: it did not. A match in doubt forks only when something hangs on it: when all that
 * follows matches, and acts.
 */
static enum step_kind run_rule(struct walk *w, const struct rule *r)
{
	struct eval *e = &w->e;
	const char *pending = NULL;
	enum step_kind k;

	e->rule = r;
	e->chain = w->at.chain;
	e->unknown = NULL;
	w->says = NULL;
	w->changed = false;
	for (size_t i = 0; i < r->n_step; i++) {
		const struct step *s = &r->step[i];

		if (pending && (is_effect(s->ops) || s->ops->writes) && !doubt(w, &pending))
			return STEP_BREAK;
		e->no_change = false;
		k = s->ops->run(e, s);
		switch (k) {
		case STEP_NEXT:
			w->changed |= s->ops->changes && !e->no_change;
			note(w);
			break;
		case STEP_BREAK:
			return k;
		case STEP_UNKNOWN:
			if (is_effect(s->ops))
				return k;
			if (!pending)
				pending = e->unknown ?: "cannot be told from here";
			break;
		default:
			note(w);
			return doubt(w, &pending) ? k : STEP_BREAK;
		}
	}
	if (!pending)
		return STEP_NEXT;
	w->says = "may match, no effect";
	return STEP_BREAK;
}

/* -- the walk from rule to rule -- */

static bool enter(struct walk *w, const char *name, bool come_back, int *rc)
{
	unsigned room = w->base->backend == BACKEND_LEGACY ? LEGACY_STACK : NFT_STACK;
	const struct chain *c;

	*rc = -ELOOP;
	if (++w->moves > MAX_MOVES || (come_back && w->depth >= room))
		return false;
	c = chain_get(w->e.nft, w->e.netns, w->base->backend, w->base->family, w->base->table, name, rc);
	if (!c)
		return false;
	if (come_back)
		w->stack[w->depth++] = w->at;
	w->at = (struct frame){ .chain = c };
	return true;
}

static const char *cannot_enter(struct walk *w, const char *name, int rc)
{
	if (rc == -ENOENT)
		return arena_printf(w->e.arena, "%s leads to chain %s, which does not exist", w->base->table, name);
	if (rc == -ELOOP)
		return arena_printf(w->e.arena, "the chains of %s nest too deep or loop at %s", w->base->table, name);
	return arena_printf(w->e.arena, "chain %s/%s could not be read: %s", w->base->table, name, strerror(-rc));
}

static enum nft_verdict policy(struct walk *w)
{
	leave_policy(w);
	if (w->base->policy != NF_DROP)
		return NFT_ACCEPT;
	w->run->why = arena_printf(w->e.arena, "%s policy drop", w->base->chain);
	return NFT_DROP;
}

/* A verdict that ends this base chain's run. */
static enum nft_verdict end(struct walk *w, const struct rule *r, enum step_kind k)
{
	struct arena *a = w->e.arena;
	const char *where = place(w, r), *reason = w->says ? strstr(w->says, "drops it: ") : NULL;

	switch (k) {
	case STEP_ACCEPT:
		return NFT_ACCEPT;
	case STEP_DROP:
		w->run->why = arena_printf(a, "%s %s", where, reason ?: "drops");
		return NFT_DROP;
	case STEP_REJECT:
		w->run->why = arena_printf(a, "%s rejects", where);
		return NFT_REJECT;
	case STEP_STOLEN:
		w->run->why = arena_printf(a, "%s %s", where, w->says ?: "takes it over");
		return NFT_STOLEN;
	case STEP_QUEUE:
		w->run->why = arena_printf(a, "%s %s", where, w->says ?: "queues it to user space");
		return NFT_QUEUE;
	case STEP_NAT:
		w->run->why = arena_printf(a, "rule in %s/%s", w->at.chain->table, w->at.chain->name);
		return NFT_NAT;
	default:
		w->run->why = arena_printf(a, "%s: %s", where, w->e.unknown ?: "cannot be evaluated");
		return NFT_UNKNOWN;
	}
}

/* The chain's end or a return: back to the last jump. False: there is none. */
static bool leave(struct walk *w)
{
	if (!w->depth)
		return false;
	w->at = w->stack[--w->depth];
	return true;
}

/* One rule that did something. True: the run is over, with *v. */
static bool follow(struct walk *w, struct rule *r, enum step_kind k, enum nft_verdict *v)
{
	int rc;

	switch (k) {
	case STEP_NEXT:
	case STEP_BREAK:
		return false;
	case STEP_JUMP:
	case STEP_GOTO:
		if (enter(w, w->e.target, k == STEP_JUMP, &rc))
			return false;
		w->run->why = cannot_enter(w, w->e.target, rc);
		*v = NFT_UNKNOWN;
		return true;
	case STEP_RETURN:
		if (leave(w))
			return false;
		*v = policy(w);
		return true;
	default:
		*v = end(w, r, k);
		return true;
	}
}

static enum nft_verdict run_chain(struct walk *w)
{
	struct choices *choices = w->run->choices;
	enum nft_verdict v;

	for (;;) {
		size_t forks = choices_met(choices), i = w->at.next, skip = choice_skip(choices, i);
		const struct nft_write *written = *w->e.writes;
		struct rule *r;
		enum step_kind k;

		if (!w->run->all)
			i = skip;
		if (i >= w->at.chain->n_rule) {
			if (!leave(w))
				return policy(w);
			continue;
		}
		w->at.next = i + 1;
		r = &w->at.chain->rule[i];
		k = run_rule(w, r);
		if (k != STEP_BREAK || w->changed || choices_met(choices) != forks || *w->e.writes != written)
			choice_log(choices, i);
		if (k != STEP_BREAK || w->changed || w->run->all) {
			if (++w->told > MAX_TOLD) {
				w->run->why = arena_printf(w->e.arena, "%s leads through more than %u rules", w->base->chain, MAX_TOLD);
				return NFT_UNKNOWN;
			}
			leave_evidence(w, r, k);
		}
		if (follow(w, r, k, &v))
			return v;
	}
}

enum nft_verdict nft_run(struct nft *nft, uint32_t netns, const struct nft_base *base, struct nft_run *run)
{
	struct walk walk = { .base = base, .run = run }, *w = &walk;
	const struct nft_write *none = NULL;
	int rc;

	w->e.nft = nft;
	w->e.netns = netns;
	w->e.io = nft_io(nft);
	w->e.arena = nft_arena(nft);
	w->e.ask = nft_ask_table(nft);
	w->e.base = base;
	w->e.run = run;
	w->e.writes = run->writes ?: &none;
	w->e.p = run->p;
	run->why = NULL;
	if (!enter(w, base->chain, false, &rc)) {
		run->why = cannot_enter(w, base->chain, rc);
		return NFT_UNKNOWN;
	}
	return run_chain(w);
}
