/* SPDX-License-Identifier: GPL-2.0-only */
/* Expressions: the table of tables, what decoders and evaluators share. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/queue.h"
#include "nft/xt.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

static const struct exprs *const tables[] = {
	&expr_data, &expr_packet, &expr_meta, &expr_ct, &expr_set, &expr_nat, &expr_fib, &expr_choose, &expr_misc,
};

void expr_say(struct text *t, const struct step *s)
{
	text_add(t, "%s", s->ops->name);
}

/* -- a step that is not known here -- */

struct unknown_data {
	const char *name;
	bool form;			/* the expression is known, this form of it is not */
};

static enum step_kind unknown_run(struct eval *e, const struct step *s)
{
	const struct unknown_data *u = s->data;

	eval_unknown(e, u->form ? "this form of the expression \"%s\" is not known to ktrace" :
				  "the expression \"%s\" is not known to ktrace", u->name);
	return STEP_UNKNOWN;
}

static void unknown_words(struct words *w, const struct step *s)
{
	const struct unknown_data *u = s->data;

	words_flush(w);
	words_add(w, "[%s: not known to ktrace]", u->name);
}

/* changes: nothing is known of what it does, so it decides. */
static const struct expr_ops unknown_ops = EXPR_OPS("unknown", unknown_run, unknown_words, .changes = true);

static void unknown_step(struct decode *d, const char *name, bool form, struct step *s)
{
	struct unknown_data *u = step_new(d, s, &unknown_ops, sizeof(*u));

	u->name = name;
	u->form = form;
}

/* -- decoding -- */

static const struct expr *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (size_t j = 0; j < tables[i]->n; j++)
			if (tables[i]->row[j].name[0] == name[0] && !strcmp(tables[i]->row[j].name, name))
				return &tables[i]->row[j];
	return NULL;
}

void expr_decode(struct decode *d, const struct nlattr *expr, struct step *s)
{
	const struct nlattr *tb[NFTA_EXPR_MAX + 1];
	const struct expr *row;
	const char *name;

	if (!expr_attrs(expr, tb, NFTA_EXPR_MAX) || !tb[NFTA_EXPR_NAME] ||
	    mnl_attr_validate(tb[NFTA_EXPR_NAME], MNL_TYPE_NUL_STRING) < 0) {
		unknown_step(d, "?", false, s);
		return;
	}
	name = nl_data(tb[NFTA_EXPR_NAME]);
	row = find(name);
	if (!row)
		unknown_step(d, arena_strdup(d->arena, name), false, s);
	else if (!row->decode(d, tb[NFTA_EXPR_DATA], s))
		unknown_step(d, row->name, true, s);
}

void expr_decode_rule(struct decode *d, const struct nlattr *list, struct rule *rule)
{
	const struct nlattr *a;
	struct step *step;
	size_t n = 0;

	NL_EACH(a, list)
		n++;
	rule->step = step = arena_alloc(d->arena, n * sizeof(*step));
	NL_EACH(a, list) {
		expr_decode(d, a, &step[rule->n_step]);
		rule->n_step++;
		if (!rule->comment && d->xt)
			rule->comment = xt_comment(&step[rule->n_step - 1]);
	}
}

bool expr_attrs(const struct nlattr *nest, const struct nlattr **tb, unsigned max)
{
	const struct nlattr *a;
	bool known = true;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	if (!nest)
		return true;
	NL_EACH(a, nest) {
		if (nl_type(a) > max)
			known = false;
		else
			tb[nl_type(a)] = a;
	}
	return known;
}

/* As nft_parse_register(): 1 to 4 are 16 bytes wide, 8 and more 4 bytes; here both live in one array. */
bool expr_reg(const struct nlattr *a, unsigned len, uint8_t *off)
{
	uint32_t reg = nl_be32(a, UINT32_MAX), at;

	if (reg > NFT_REG_VERDICT && reg <= NFT_REG_4)
		at = reg * NFT_REG_SIZE;
	else if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15)
		at = NFT_REG_SIZE + (reg - NFT_REG32_00) * NFT_REG32_SIZE;
	else
		return false;
	if (!len || at + len > sizeof(((struct regs *)0)->b))
		return false;
	*off = at;
	return true;
}

bool expr_value(const struct nlattr *nest, void *buf, unsigned max, unsigned *len)
{
	const struct nlattr *tb[NFTA_DATA_MAX + 1];

	if (!nest || !expr_attrs(nest, tb, NFTA_DATA_MAX) || !tb[NFTA_DATA_VALUE])
		return false;
	*len = nl_len(tb[NFTA_DATA_VALUE]);
	if (*len > max)
		return false;
	memcpy(buf, nl_data(tb[NFTA_DATA_VALUE]), *len);
	return true;
}

bool expr_verdict(struct arena *a, const struct nlattr *nest, struct nft_verdict_data *v)
{
	const struct nlattr *tb[NFTA_DATA_MAX + 1], *vt[NFTA_VERDICT_MAX + 1];

	if (!nest || !expr_attrs(nest, tb, NFTA_DATA_MAX) || !tb[NFTA_DATA_VERDICT] ||
	    !expr_attrs(tb[NFTA_DATA_VERDICT], vt, NFTA_VERDICT_MAX) || !vt[NFTA_VERDICT_CODE])
		return false;
	v->code = (int)nl_be32(vt[NFTA_VERDICT_CODE], 0);
	v->chain = nl_str(a, vt[NFTA_VERDICT_CHAIN]);
	return v->chain || (v->code != NFT_JUMP && v->code != NFT_GOTO);
}

/* -- registers -- */

void reg_store(struct eval *e, unsigned off, const void *v, const void *known, unsigned len)
{
	unsigned padded = (len + 3) & ~3u;

	memset(e->regs.b + off + (padded - 4), 0, 4);
	memset(e->regs.known + off, 0xff, padded);
	memcpy(e->regs.b + off, v, len);
	if (known)
		memcpy(e->regs.known + off, known, len);
}

void reg_store8(struct eval *e, unsigned off, uint8_t v)
{
	reg_store(e, off, &v, NULL, 1);
}

void reg_store16(struct eval *e, unsigned off, uint16_t v)
{
	reg_store(e, off, &v, NULL, 2);
}

void reg_store32(struct eval *e, unsigned off, uint32_t v)
{
	reg_store(e, off, &v, NULL, 4);
}

void reg_store_unknown(struct eval *e, unsigned off, unsigned len, const char *why)
{
	static const uint8_t zero[64];

	reg_store(e, off, zero, zero, len);
	e->unknown = why;
}

bool reg_known(const struct eval *e, unsigned off, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		if (e->regs.known[off + i] != 0xff)
			return false;
	return true;
}

/* -- answers -- */

/*
 * Of the sockets of one hash __udp4_lib_demux_lookup() and its IPv6 kin look at the first alone: one that is connected to the sender may be
 * passed over, but without such a one there is none.
 */
static enum answer demultiplexed(const struct eval *e)
{
	struct sock_info sk = {};
	bool asked = e->ask && e->ask->socket && !e->p->sport_unknown;
	enum answer found = asked ? e->ask->socket(e->ask->ctx, e->netns, e->p, &sk) : UNKNOWN;

	return found == NO || (found == YES && sk.state != TCP_ESTABLISHED) ? NO : UNKNOWN;
}

enum answer eval_has_socket(const struct eval *e)
{
	const struct packet *p = e->p;

	if (p->local && (e->run->hook == NF_INET_LOCAL_OUT || e->run->hook == NF_INET_POST_ROUTING))
		return YES;
	if (p->given.set)
		return UNKNOWN;
	/* ip_rcv_finish_core() does not look for one where it has a route already */
	if (e->run->hook != NF_INET_LOCAL_IN || p->comes_back)
		return NO;
	if (p->proto == IPPROTO_TCP)
		return (p->tcp_flags & 0x12) == 0x02 ? NO : UNKNOWN;	/* a SYN */
	if (p->proto != IPPROTO_UDP)
		return NO;
	/* The answer to a request that was not tracked, or was in another zone, is new to conntrack, but not to the socket. */
	return p->answer || p->ct.state != CT_NEW ? UNKNOWN : demultiplexed(e);
}

enum answer eval_unknown(struct eval *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	e->unknown = arena_vprintf(e->arena, fmt, ap);
	va_end(ap);
	return UNKNOWN;
}

enum step_kind unknown(struct eval *e, const char *why)
{
	/* what it would have loaded is not what a register held before */
	memset(e->regs.known, 0, sizeof(e->regs.known));
	e->unknown = why;
	return STEP_UNKNOWN;
}

const char *expr_gap(struct eval *e, const char *why)
{
	return arena_printf(e->arena, "%s/%s rule %u: %s", e->base->table, e->chain ? e->chain->name : "?",
			    e->rule ? e->rule->index : 0, why ?: "cannot be told from here");
}

enum step_kind step_if(enum answer a)
{
	return a == YES ? STEP_NEXT : a == NO ? STEP_BREAK : STEP_UNKNOWN;
}

enum step_kind step_verdict(struct eval *e, int code, const char *chain)
{
	e->target = chain;
	switch (code) {
	case NFT_CONTINUE:
		return STEP_NEXT;
	case NFT_BREAK:
		return STEP_BREAK;
	case NFT_JUMP:
		return STEP_JUMP;
	case NFT_GOTO:
		return STEP_GOTO;
	case NFT_RETURN:
		return STEP_RETURN;
	}
	switch (code & NF_VERDICT_MASK) {
	case NF_ACCEPT:
		return STEP_ACCEPT;
	case NF_DROP:
		return STEP_DROP;
	case NF_QUEUE:
		return queue_verdict(e, (uint32_t)code >> NF_VERDICT_QBITS, 1, code & NF_VERDICT_FLAG_QUEUE_BYPASS);
	case NF_STOLEN:
		return STEP_STOLEN;
	}
	eval_unknown(e, "verdict %d is not known to ktrace", code);
	return STEP_UNTOLD;
}

/* -- the packet and its devices -- */

const struct image *eval_image(struct eval *e)
{
	if (!e->image_valid) {
		packet_image(e->p, &e->image);
		e->image_valid = true;
	}
	return &e->image;
}

void eval_changed(struct eval *e)
{
	e->image_valid = false;
}

/* state->in as each hook's caller sets it; POSTROUTING has it since 5.7 (28f8bfd1ac94). */
int eval_in(const struct eval *e)
{
	const struct packet *p = e->p;

	switch (e->run->pf) {
	case NFPROTO_BRIDGE:
		/* __br_forward(), br_forward_finish() */
		if (e->run->hook == NF_INET_LOCAL_OUT || e->run->hook == NF_INET_POST_ROUTING)
			return 0;
		return p->physin ? p->physin : p->iif;
	case NFPROTO_NETDEV:
		return e->run->hook == NF_NETDEV_INGRESS ? p->iif : 0;
	default:
		return e->run->hook == NF_INET_LOCAL_OUT ? 0 : p->iif;
	}
}

int eval_out(const struct eval *e)
{
	const struct packet *p = e->p;
	uint8_t hook = e->run->hook;

	if (e->run->pf == NFPROTO_NETDEV)
		return hook == NF_NETDEV_EGRESS ? p->oif : 0;
	if (hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_IN)
		return 0;
	if (e->run->pf == NFPROTO_BRIDGE)
		return p->physout ? p->physout : p->oif;
	return p->oif;
}

const struct link *eval_link(struct eval *e, int ifindex)
{
	return ifindex && e->ask && e->ask->link ? e->ask->link(e->ask->ctx, e->netns, ifindex) : NULL;
}
