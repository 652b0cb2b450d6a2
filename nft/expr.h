/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nf_tables expressions: a row has its name, how its netlink attributes become a step, how it runs over registers,
 * and its words. One table a file, by what the expressions look at.
 */
#ifndef KTRACE_NFT_EXPR_H
#define KTRACE_NFT_EXPR_H

#include "nft/ruleset.h"
#include "nft/words.h"

#include <libmnl/libmnl.h>

struct decode {
	struct arena *arena;
	struct ruleset *ruleset;
	uint8_t family;			/* of the table */
	const char *table;
	bool xt;			/* out: a match or target was met */
};

/* A step of nf_tables. step.ops points to ops; words is reached from there where ops.say is expr_say. */
struct expr_ops {
	struct step_ops ops;
	void (*words)(struct words *w, const struct step *s);
};
void expr_say(struct text *t, const struct step *s);
#define EXPR_OPS(n, r, w, ...) { .ops = { .name = (n), .run = (r), .say = expr_say, __VA_ARGS__ }, .words = (w) }

/* name as the kernel registers it. decode fills s, or returns false: a form that is not known here. */
struct expr {
	const char *name;
	bool (*decode)(struct decode *d, const struct nlattr *data, struct step *s);
};
struct exprs {
	const struct expr *row;
	size_t n;
};
#define EXPRS(r)	{ (r), ARRAY_SIZE(r) }
extern const struct exprs expr_data, expr_packet, expr_meta, expr_ct, expr_set, expr_nat, expr_fib,
	expr_choose, expr_misc;

/* NFTA_RULE_EXPRESSIONS to rule->step. */
void expr_decode_rule(struct decode *d, const struct nlattr *list, struct rule *rule);
/* One NFTA_EXPR_NAME, NFTA_EXPR_DATA pair. */
void expr_decode(struct decode *d, const struct nlattr *expr, struct step *s);

/* -- for decoders: false means another form than known, and the step becomes unknown -- */

/* Like nl_nested(), but false if an attribute above max is there: it may change the meaning. NULL nest: all absent. */
bool expr_attrs(const struct nlattr *nest, const struct nlattr **tb, unsigned max);
/* A register attribute to its byte offset in struct regs, len bytes being used. */
bool expr_reg(const struct nlattr *a, unsigned len, uint8_t *off);
#define REG_VERDICT	0
/* NFTA_DATA_VALUE within a nest: at most max bytes into buf, *len how many. */
bool expr_value(const struct nlattr *nest, void *buf, unsigned max, unsigned *len);
struct nft_verdict_data {
	int code;
	const char *chain;
};
bool expr_verdict(struct arena *a, const struct nlattr *nest, struct nft_verdict_data *v);
static inline void *step_new(struct decode *d, struct step *s, const struct expr_ops *ops, size_t size)
{
	s->ops = &ops->ops;
	s->size = size;
	s->data = arena_alloc(d->arena, size);
	return (void *)s->data;
}

/*
 * nft_overquota(), used and bytes in bytes, as the dump told them: STEP_NEXT as long as the quota is not over (inverted: once it is), else
 * STEP_BREAK. STEP_UNKNOWN, e->unknown says why, where so little is left that the packets until then may use it up.
 */
enum step_kind eval_quota(struct eval *e, uint64_t used, uint64_t bytes, bool inverted);

/* -- for evaluators: registers -- */

/* Stores len bytes, padded with zeros to whole registers; mask NULL: all known. */
void reg_store(struct eval *e, unsigned off, const void *v, const void *known, unsigned len);
void reg_store8(struct eval *e, unsigned off, uint8_t v);
void reg_store16(struct eval *e, unsigned off, uint16_t v);	/* host order */
void reg_store32(struct eval *e, unsigned off, uint32_t v);	/* host order */
/* len unknown bytes, e->unknown says why. */
void reg_store_unknown(struct eval *e, unsigned off, unsigned len, const char *why);
bool reg_known(const struct eval *e, unsigned off, unsigned len);
static inline uint32_t reg_load32(const struct eval *e, unsigned off)
{
	uint32_t v;

	__builtin_memcpy(&v, e->regs.b + off, 4);
	return v;
}
static inline uint16_t reg_load16be(const struct eval *e, unsigned off)
{
	return e->regs.b[off] << 8 | e->regs.b[off + 1];
}
/* STEP_UNKNOWN; no register is known any more. */
enum step_kind unknown(struct eval *e, const char *why);
/* answer to NEXT, BREAK, UNKNOWN. */
enum step_kind step_if(enum answer a);
/* What a verdict's code does; STEP_UNTOLD with e->unknown for one that is not known. */
enum step_kind step_verdict(struct eval *e, int code, const char *chain);

/* Devices as nft_in() and nft_out() give them at this hook; 0: none. */
int eval_in(const struct eval *e);
int eval_out(const struct eval *e);
const struct link *eval_link(struct eval *e, int ifindex);

/* "filter/FORWARD rule 3: " and what is not known: the gap of a fork made while that rule runs. */
const char *expr_gap(struct eval *e, const char *why);
/* TCP is answered by the node itself; anything else does not match. */
enum step_kind expr_synproxy_run(struct eval *e, const struct step *s);

/* -- the steps that others must recognise -- */
extern const struct expr_ops expr_ops_cmp, expr_ops_bitwise, expr_ops_byteorder, expr_ops_range,
	expr_ops_immediate, expr_ops_verdict, expr_ops_payload, expr_ops_meta, expr_ops_lookup, expr_ops_nat;
struct cmp_data {
	uint8_t reg, op, len;
	uint8_t value[];
};
struct bitwise_data {
	uint8_t sreg, sreg2, dreg, op, len;
	bool second;			/* and, or, xor with another register */
	uint32_t shift;
	uint8_t value[];		/* mask, then xor; or the data of and, or, xor */
};
struct byteorder_data {
	uint8_t sreg, dreg, op, len, size;
};
struct range_data {
	uint8_t reg, len;
	bool inverted;
	uint8_t value[];		/* from, then to */
};
struct immediate_data {
	uint8_t reg, len;
	uint8_t value[];
};
struct payload_data {
	uint8_t base, reg, len;
	uint16_t offset;
};
struct meta_data {
	uint8_t key, reg;
};
struct lookup_data {
	const char *set;
	uint8_t sreg, dreg;
	bool has_dreg, inverted;
};
struct nat_data {
	uint8_t type, family;
	uint8_t addr_min, addr_max, port_min, port_max;	/* registers, 0: none */
	uint32_t flags;
};
/* The answer of a comparison over a partly known value; lexicographic, as memcmp() in the kernel. */
enum answer cmp_answer(const uint8_t *v, const uint8_t *known, const uint8_t *with, unsigned len, uint8_t op);
/* The set of a lookup, its header read; NULL: e->unknown says why. */
struct set *lookup_set(struct eval *e, const struct lookup_data *l);

#endif
