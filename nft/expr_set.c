/* SPDX-License-Identifier: GPL-2.0-only */
/* Expressions over sets: lookup (membership, maps, verdict maps), dynset, and objects by name or by map. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/uapi.h"
#include "nft/writes.h"
#include "tracer/base/nl.h"

/* -- lookup -- */

static struct set *set_named(struct eval *e, const char *name)
{
	int rc;
	struct set *s = set_get(ruleset_get(e->nft, e->netns), e->base->family, e->base->table, name, &rc);

	if (!s)
		eval_unknown(e, "set %s could not be read: %s", name, strerror(-rc));
	return s;
}

static const char *place_of(struct eval *e, const char *set)
{
	return arena_printf(e->arena, "%u %s %s", e->base->family, e->base->table, set);
}

/* Did a rule write this key on the packet's way? Then *in is what the kernel would find now. */
static bool written(struct eval *e, const struct set *s, unsigned sreg, const struct set_elem **out, enum answer *in)
{
	static const struct set_elem plain, refusing = { .stateful = true };
	const struct nft_write *w;
	bool any, stateful = false;

	if (!*e->writes || !write_next(e, *e->writes, WRITE_SET, place_of(e, s->name)))
		return false;
	*in = write_last(e, WRITE_SET, place_of(e, s->name), e->regs.b + sreg, s->key_len, &any);
	if (!reg_known(e, sreg, s->key_len) || (any && *in == YES && s->flags & NFT_SET_MAP))
		*in = UNKNOWN, any = true;
	if (any && *in == UNKNOWN)
		e->unknown = "depends on what rules wrote into the set on the packet's way";
	for (w = *e->writes; (w = write_next(e, w, WRITE_SET, place_of(e, s->name))); w = w->next)
		stateful |= w->stateful;
	*out = *in != YES ? NULL : stateful ? &refusing : &plain;
	return any;
}

struct set *lookup_set(struct eval *e, const struct lookup_data *l)
{
	return set_named(e, l->set);
}

/*
 * Is the key there? In doubt the packet takes each way that a possible element would give it, and
 * the one of no element, as choices that nothing read decides.
 */
#define WAYS	64
static enum answer element(struct eval *e, struct set *s, unsigned sreg, const struct set_elem **out)
{
	const uint8_t *key = e->regs.b + sreg, *known = e->regs.known + sreg;
	const struct set_elem *way[WAYS];
	unsigned n = 0, taken;
	enum answer in;

	if (written(e, s, sreg, out, &in))
		return in;
	in = set_lookup(e, s, key, known, out);
	if (in != UNKNOWN || !(s->flags & NFT_SET_MAP) || set_dump(ruleset_get(e->nft, e->netns), s))
		return in;
	for (size_t i = 0; i < s->n_elem; i++) {
		if (!set_elem_possible(s, &s->elem[i], key, known))
			continue;
		if (n == WAYS)
			return UNKNOWN;
		way[n++] = &s->elem[i];
	}
	taken = choice_unknown(e->run->choices, n + 1, expr_gap(e, e->unknown));
	*out = taken < n ? way[taken] : s->catchall;
	return answer_of(*out);
}

/* A hit in a set that packets themselves fill, with a time to live: an affinity that picked the way before. */
static void note_existing(struct eval *e, const struct set *s)
{
	if ((s->flags & (NFT_SET_EVAL | NFT_SET_TIMEOUT)) == (NFT_SET_EVAL | NFT_SET_TIMEOUT))
		choice_existing(e->run->choices);
}

/* What a map would have given: no verdict is one that did not match, and no register keeps what it held. */
static enum step_kind lookup_unknown(struct eval *e, const struct lookup_data *d, const struct set *set)
{
	unsigned len = set && set->data_len ? set->data_len : NFT_DATA_VALUE_MAXLEN;

	if (!d->has_dreg)
		return STEP_UNKNOWN;
	if (d->dreg == REG_VERDICT)
		return STEP_UNTOLD;
	if (len > sizeof(e->regs.b) - d->dreg)
		len = sizeof(e->regs.b) - d->dreg;
	reg_store_unknown(e, d->dreg, len, e->unknown);
	return STEP_UNKNOWN;
}

/* nft_lookup_eval() */
static enum step_kind lookup_run(struct eval *e, const struct step *s)
{
	const struct lookup_data *d = s->data;
	struct set *set = set_named(e, d->set);
	const struct set_elem *el = NULL;
	enum answer in;

	if (!set)
		return lookup_unknown(e, d, NULL);
	if (d->sreg + set->key_len > sizeof(e->regs.b)) {
		unknown(e, "a set key that does not fit the registers");
		return lookup_unknown(e, d, set);
	}
	in = element(e, set, d->sreg, &el);
	if (in == UNKNOWN)
		return lookup_unknown(e, d, set);
	if ((in == YES) == d->inverted)
		return STEP_BREAK;
	if (in == NO)
		return STEP_NEXT;
	note_existing(e, set);
	if (el->stateful) {
		unknown(e, "depends on the traffic so far (the element has a limit of its own)");
		return lookup_unknown(e, d, set);
	}
	if (!d->has_dreg)
		return STEP_NEXT;
	if (d->dreg == REG_VERDICT && el->has_verdict)
		return step_verdict(e, el->verdict, el->chain);
	if (d->dreg == REG_VERDICT || !el->data || !el->data_len || d->dreg + el->data_len > sizeof(e->regs.b)) {
		unknown(e, "a map element without a value");
		return lookup_unknown(e, d, set);
	}
	reg_store(e, d->dreg, el->data, NULL, el->data_len);
	return STEP_NEXT;
}

static void lookup_words(struct words *w, const struct step *s)
{
	const struct lookup_data *d = s->data;
	const struct set *set = NULL;
	const char *name = words_set(w, d->set, &set), *key = set ? words_key(w, set, d->sreg) :
								    words_value(w, d->sreg, DT_NONE, 4);

	if (d->has_dreg && d->dreg != REG_VERDICT) {
		words_load(w, d->dreg, set ? (enum datatype)set->data_type : DT_NONE, set ? set->data_len : 0,
			   "%s map %s", key, name)->constant = false;
		return;
	}
	words_flush(w);
	words_add(w, "%s %s%s%s", key, d->inverted ? "!= " : "", d->has_dreg ? "vmap " : "", name);
}

const struct expr_ops expr_ops_lookup = EXPR_OPS("lookup", lookup_run, lookup_words);

static bool lookup_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_LOOKUP_MAX + 1];
	struct lookup_data *l;
	uint32_t flags;

	if (!expr_attrs(data, tb, NFTA_LOOKUP_MAX) || !tb[NFTA_LOOKUP_SET])
		return false;
	flags = nl_be32(tb[NFTA_LOOKUP_FLAGS], 0);
	if (flags & ~NFT_LOOKUP_F_INV)
		return false;
	l = step_new(d, s, &expr_ops_lookup, sizeof(*l));
	l->set = nl_str(d->arena, tb[NFTA_LOOKUP_SET]);
	l->inverted = flags & NFT_LOOKUP_F_INV;
	l->has_dreg = tb[NFTA_LOOKUP_DREG];
	if (l->has_dreg && nl_be32(tb[NFTA_LOOKUP_DREG], 1) != NFT_REG_VERDICT &&
	    !expr_reg(tb[NFTA_LOOKUP_DREG], 4, &l->dreg))
		return false;
	return expr_reg(tb[NFTA_LOOKUP_SREG], 1, &l->sreg);
}

/* -- dynset -- */

struct dynset_data {
	const char *set;
	uint8_t op, key, data;
	bool has_data, inverted, stateful;
	uint64_t timeout;
	const struct step *step;
	size_t n_step;
};

/* An element that is there already keeps its own expressions, whichever rule made it. */
static bool may_refuse(struct eval *e, struct set *s, unsigned sreg)
{
	const struct set_elem *el = NULL;
	enum answer in;

	if (!written(e, s, sreg, &el, &in))
		in = set_lookup(e, s, e->regs.b + sreg, e->regs.known + sreg, &el);
	return in == UNKNOWN || (in == YES && el->stateful);
}

/* nft_dynset_eval(): only the expressions of the element can refuse; a full set is beyond what is read here. */
static enum step_kind dynset_run(struct eval *e, const struct step *s)
{
	const struct dynset_data *d = s->data;
	struct set *set = set_named(e, d->set);
	unsigned len = set && d->key + set->key_len <= sizeof(e->regs.b) ? set->key_len : 0;
	bool add = d->op != NFT_DYNSET_OP_DELETE, stateful = d->stateful || (add && len && may_refuse(e, set, d->key));

	write_note(e, &(struct nft_write){ .kind = WRITE_SET, .where = place_of(e, d->set), .key = e->regs.b + d->key,
					   .len = reg_known(e, d->key, len) ? len : 0, .removed = !add, .stateful = d->stateful });
	if (stateful) {
		eval_unknown(e, "depends on the traffic so far (the limit in set %s)", d->set);
		return STEP_UNKNOWN;
	}
	return d->inverted ? STEP_BREAK : STEP_NEXT;
}

static void dynset_words(struct words *w, const struct step *s)
{
	static const char *const op[] = { "add", "update", "delete" };
	const struct dynset_data *d = s->data;
	const struct set *set = NULL;
	const char *name = words_set(w, d->set, &set), *key = set ? words_key(w, set, d->key) :
								    words_value(w, d->key, DT_NONE, 4);
	struct words inner = { .arena = w->arena, .t = { .arena = w->arena }, .chain = w->chain };

	for (size_t i = 0; i < d->n_step; i++)
		if (d->step[i].ops->say == expr_say)
			((const struct expr_ops *)(const void *)d->step[i].ops)->words(&inner, &d->step[i]);
	words_flush(w);
	words_add(w, "%s %s { %s%s%s", op[d->op], name, key, inner.t.len ? " " : "", text_get(&inner.t));
	if (d->timeout)
		words_add(w, "timeout %llus", (unsigned long long)d->timeout / 1000);
	if (d->has_data)
		words_add(w, ": %s", words_value(w, d->data, set ? (enum datatype)set->data_type : DT_NONE, 4));
	words_add(w, "}");
}

static const struct expr_ops dynset_ops = EXPR_OPS("dynset", dynset_run, dynset_words, .writes = true);

/* Does one of the element's expressions judge the packet? */
static void dynset_exprs(struct decode *d, struct dynset_data *x, const struct nlattr *one, const struct nlattr *many)
{
	struct step *step = NULL;
	const struct nlattr *a;
	size_t cap = 0;

	if (many)
		NL_EACH(a, many)
			expr_decode(d, a, VEC_PUSH(d->arena, step, x->n_step, cap));
	else if (one)
		expr_decode(d, one, VEC_PUSH(d->arena, step, x->n_step, cap));
	for (size_t i = 0; i < x->n_step; i++)
		x->stateful |= !step[i].ops->pure;
	x->step = step;
}

static bool dynset_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_DYNSET_MAX + 1];
	struct dynset_data *x;
	uint32_t flags;

	if (!expr_attrs(data, tb, NFTA_DYNSET_MAX) || !tb[NFTA_DYNSET_SET_NAME])
		return false;
	flags = nl_be32(tb[NFTA_DYNSET_FLAGS], 0);
	if (flags & ~(NFT_DYNSET_F_INV | NFT_DYNSET_F_EXPR) || nl_be32(tb[NFTA_DYNSET_OP], 99) > NFT_DYNSET_OP_DELETE)
		return false;
	x = step_new(d, s, &dynset_ops, sizeof(*x));
	x->set = nl_str(d->arena, tb[NFTA_DYNSET_SET_NAME]);
	x->op = nl_be32(tb[NFTA_DYNSET_OP], 0);
	x->inverted = flags & NFT_DYNSET_F_INV;
	x->timeout = nl_be64(tb[NFTA_DYNSET_TIMEOUT], 0);
	x->has_data = tb[NFTA_DYNSET_SREG_DATA];
	dynset_exprs(d, x, tb[NFTA_DYNSET_EXPR], tb[NFTA_DYNSET_EXPRESSIONS]);
	return expr_reg(tb[NFTA_DYNSET_SREG_KEY], 1, &x->key) &&
	       (!x->has_data || expr_reg(tb[NFTA_DYNSET_SREG_DATA], 1, &x->data));
}

/* -- objref -- */

struct objref_data {
	uint32_t type;
	const char *name;		/* or, of a map: */
	const char *set;
	uint8_t sreg;
};

/* nft_quota_obj_eval(): what was consumed stands in the dump, what passes until the packet comes does not. */
static enum step_kind quota_run(struct eval *e, const struct object *o)
{
	const struct nlattr *tb[NFTA_QUOTA_MAX + 1];

	if (!expr_attrs(o->data, tb, NFTA_QUOTA_MAX) || !tb[NFTA_QUOTA_BYTES])
		return unknown(e, "a quota of a form that is not known to ktrace");
	return eval_quota(e, nl_be64(tb[NFTA_QUOTA_CONSUMED], 0), nl_be64(tb[NFTA_QUOTA_BYTES], 0),
			  nl_be32(tb[NFTA_QUOTA_FLAGS], 0) & NFT_QUOTA_F_INV);
}

static enum step_kind object_run(struct eval *e, uint32_t type, const char *name)
{
	const struct object *o;
	int rc;

	switch (type) {
	case NFT_OBJECT_COUNTER:
	case NFT_OBJECT_CT_HELPER:
	case NFT_OBJECT_CT_TIMEOUT:
	case NFT_OBJECT_CT_EXPECT:
	case NFT_OBJECT_SECMARK:
	case NFT_OBJECT_TUNNEL:
		return STEP_NEXT;
	case NFT_OBJECT_LIMIT:
	case NFT_OBJECT_CONNLIMIT:
		eval_unknown(e, "depends on the traffic so far (%s %s)",
			     type == NFT_OBJECT_LIMIT ? "limit" : "connection limit", name);
		return STEP_UNKNOWN;
	case NFT_OBJECT_SYNPROXY:
		return expr_synproxy_run(e, NULL);
	case NFT_OBJECT_QUOTA:
		o = read_object(ruleset_get(e->nft, e->netns), e->base->family, e->base->table, name, type, &rc);
		if (o)
			return quota_run(e, o);
		eval_unknown(e, "quota %s could not be read: %s", name, strerror(-rc));
		return STEP_UNKNOWN;
	}
	eval_unknown(e, "an object of type %u (%s) is not known to ktrace", type, name);
	return STEP_UNKNOWN;
}

/* nft_objref_eval() and nft_objref_map_eval() */
static enum step_kind objref_run(struct eval *e, const struct step *s)
{
	const struct objref_data *d = s->data;
	const struct set_elem *el = NULL;
	struct set *set;
	enum answer in;

	if (d->name)
		return object_run(e, d->type, d->name);
	set = set_named(e, d->set);
	if (!set)
		return STEP_UNKNOWN;
	if (d->sreg + set->key_len > sizeof(e->regs.b))
		return unknown(e, "a set key that does not fit the registers");
	in = element(e, set, d->sreg, &el);
	if (in != YES)
		return step_if(in);
	return el->object ? object_run(e, set->object_type, el->object) : STEP_BREAK;
}

static const char *object_name(uint32_t type)
{
	static const char *const name[] = {
		[NFT_OBJECT_COUNTER] = "counter name", [NFT_OBJECT_QUOTA] = "quota name",
		[NFT_OBJECT_CT_HELPER] = "ct helper set", [NFT_OBJECT_LIMIT] = "limit name",
		[NFT_OBJECT_CONNLIMIT] = "ct count name", [NFT_OBJECT_TUNNEL] = "tunnel name",
		[NFT_OBJECT_CT_TIMEOUT] = "ct timeout set", [NFT_OBJECT_SECMARK] = "meta secmark set",
		[NFT_OBJECT_CT_EXPECT] = "ct expectation set", [NFT_OBJECT_SYNPROXY] = "synproxy name",
	};

	return type < ARRAY_SIZE(name) && name[type] ? name[type] : "object";
}

static void objref_words(struct words *w, const struct step *s)
{
	const struct objref_data *d = s->data;
	const struct set *set = NULL;
	const char *name;

	words_flush(w);
	if (d->name) {
		words_add(w, "%s \"%s\"", object_name(d->type), d->name);
		return;
	}
	name = words_set(w, d->set, &set);
	words_add(w, "%s %s map %s", object_name(set ? set->object_type : 0),
		  set ? words_key(w, set, d->sreg) : "?", name);
}

static const struct expr_ops objref_ops = EXPR_OPS("objref", objref_run, objref_words);

static bool objref_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_OBJREF_MAX + 1];
	struct objref_data *o;

	if (!expr_attrs(data, tb, NFTA_OBJREF_MAX))
		return false;
	o = step_new(d, s, &objref_ops, sizeof(*o));
	o->type = nl_be32(tb[NFTA_OBJREF_IMM_TYPE], 0);
	o->name = nl_str(d->arena, tb[NFTA_OBJREF_IMM_NAME]);
	o->set = nl_str(d->arena, tb[NFTA_OBJREF_SET_NAME]);
	return o->name || (o->set && expr_reg(tb[NFTA_OBJREF_SET_SREG], 1, &o->sreg));
}

static const struct expr rows[] = {
	{ "lookup", lookup_decode }, { "dynset", dynset_decode }, { "objref", objref_decode },
};
const struct exprs expr_set = EXPRS(rows);
