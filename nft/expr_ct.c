/* SPDX-License-Identifier: GPL-2.0-only */
/* ct and notrack: the connection that the packet belongs to. Mirrors nft_ct.c. */
#include <netinet/in.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

#include <linux/netfilter/nf_conntrack_common.h>

#define DIR_ANY		2		/* IP_CT_DIR_MAX: no direction was given */

struct ct_data {
	uint8_t key, dir, reg;
};

struct ct_key {
	const char *name;
	enum datatype type;
	uint8_t len;
	enum step_kind (*get)(struct eval *e, const struct ct_data *d);
};
static const struct ct_key keys[NFT_CT_ID + 1];

/* NF_CT_STATE_BIT() and kin of nf_conntrack_common.h. A packet that conntrack has not seen is "invalid" to nft_ct_get_eval(). */
static uint32_t state_bit(enum ct_state s)
{
	switch (s) {
	case CT_ESTABLISHED:
		return 1 << 1;
	case CT_RELATED:
		return 1 << 2;
	case CT_NEW:
		return 1 << 3;
	case CT_UNTRACKED:
		return 1 << 6;
	default:
		return 1 << 0;
	}
}

static enum step_kind get_state(struct eval *e, const struct ct_data *d)
{
	reg_store32(e, d->reg, state_bit(e->p->ct.state));
	return STEP_NEXT;
}

static enum step_kind value_unknown(struct eval *e, const struct ct_data *d, const char *why)
{
	reg_store_unknown(e, d->reg, keys[d->key].len, why);
	return STEP_NEXT;
}

static enum step_kind get_direction(struct eval *e, const struct ct_data *d)
{
	reg_store8(e, d->reg, e->p->ct.reply);
	return STEP_NEXT;
}

static enum step_kind get_status(struct eval *e, const struct ct_data *d)
{
	reg_store32(e, d->reg, e->p->ct.status);
	return STEP_NEXT;
}

static enum step_kind get_mark(struct eval *e, const struct ct_data *d)
{
	reg_store32(e, d->reg, e->p->ct.mark);
	return STEP_NEXT;
}

static enum step_kind get_secmark(struct eval *e, const struct ct_data *d)
{
	return value_unknown(e, d, "depends on a security mark");
}

static enum step_kind get_expiration(struct eval *e, const struct ct_data *d)
{
	return value_unknown(e, d, "depends on the age of the connection");
}

/* The helper of the connection that this one was expected by: a connection of its own has none. */
static enum step_kind get_helper(struct eval *e, const struct ct_data *d UNUSED)
{
	if (e->p->ct.state == CT_NEW && !e->p->ct.existing)
		return STEP_BREAK;
	return unknown(e, "depends on the helper of the connection's master");
}

static enum step_kind get_l3protocol(struct eval *e, const struct ct_data *d)
{
	reg_store8(e, d->reg, packet_family(e->p) == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
	return STEP_NEXT;
}

static enum step_kind get_protocol(struct eval *e, const struct ct_data *d)
{
	reg_store8(e, d->reg, e->p->proto);
	return STEP_NEXT;
}

static enum step_kind get_labels(struct eval *e, const struct ct_data *d)
{
	reg_store(e, d->reg, e->p->ct.labels, NULL, sizeof(e->p->ct.labels));
	return STEP_NEXT;
}

static enum step_kind get_counter(struct eval *e, const struct ct_data *d)
{
	const struct ct_view *ct = &e->p->ct;
	uint64_t v;

	if (!ct->existing || !ct->has_acct || d->dir != DIR_ANY)
		return value_unknown(e, d, "depends on how much the connection has carried so far");
	v = d->key == NFT_CT_PKTS ? ct->packets : d->key == NFT_CT_BYTES ? ct->bytes :
	    ct->packets ? ct->bytes / ct->packets : 0;
	reg_store(e, d->reg, &v, NULL, sizeof(v));
	return STEP_NEXT;
}

static enum step_kind get_zone(struct eval *e, const struct ct_data *d)
{
	reg_store16(e, d->reg, e->p->ct.zone);
	return STEP_NEXT;
}

static enum step_kind get_id(struct eval *e, const struct ct_data *d)
{
	return value_unknown(e, d, "depends on the id of the connection");
}

/* A tuple that the walk has not filled in is the packet's own. */
static struct tuple tuple_of(const struct eval *e, uint8_t dir)
{
	const struct ct_view *ct = &e->p->ct;
	struct tuple own = packet_tuple(e->p), back = tuple_invert(&own);

	if (dir == 0)
		return ct->orig.src.family ? ct->orig : ct->reply ? back : own;
	return ct->back.src.family ? ct->back : ct->reply ? own : back;
}

static enum step_kind get_tuple(struct eval *e, const struct ct_data *d)
{
	struct tuple t = tuple_of(e, d->dir);
	const struct addr *a = d->key == NFT_CT_SRC || d->key == NFT_CT_SRC_IP || d->key == NFT_CT_SRC_IP6 ?
			       &t.src : &t.dst;

	switch (d->key) {
	case NFT_CT_PROTO_SRC:
		reg_store16(e, d->reg, htons(t.sport));
		return STEP_NEXT;
	case NFT_CT_PROTO_DST:
		reg_store16(e, d->reg, htons(t.dport));
		return STEP_NEXT;
	case NFT_CT_SRC_IP:
	case NFT_CT_DST_IP:
		if (a->family != AF_INET)
			return STEP_BREAK;
		break;
	case NFT_CT_SRC_IP6:
	case NFT_CT_DST_IP6:
		if (a->family != AF_INET6)
			return STEP_BREAK;
		break;
	}
	reg_store(e, d->reg, a->b, NULL, addr_len(a));
	return STEP_NEXT;
}

static const struct ct_key keys[NFT_CT_ID + 1] = {
	[NFT_CT_STATE] = { "state", DT_CT_STATE, 4, get_state },
	[NFT_CT_DIRECTION] = { "direction", DT_CT_DIR, 1, get_direction },
	[NFT_CT_STATUS] = { "status", DT_CT_STATUS, 4, get_status },
	[NFT_CT_MARK] = { "mark", DT_MARK, 4, get_mark },
	[NFT_CT_SECMARK] = { "secmark", DT_HOST_INTEGER, 4, get_secmark },
	[NFT_CT_EXPIRATION] = { "expiration", DT_TIME, 4, get_expiration },
	[NFT_CT_HELPER] = { "helper", DT_STRING, 16, get_helper },
	[NFT_CT_L3PROTOCOL] = { "l3proto", DT_NFPROTO, 1, get_l3protocol },
	[NFT_CT_SRC] = { "saddr", DT_NONE, 16, get_tuple },
	[NFT_CT_DST] = { "daddr", DT_NONE, 16, get_tuple },
	[NFT_CT_PROTOCOL] = { "protocol", DT_PROTO, 1, get_protocol },
	[NFT_CT_PROTO_SRC] = { "proto-src", DT_PORT, 2, get_tuple },
	[NFT_CT_PROTO_DST] = { "proto-dst", DT_PORT, 2, get_tuple },
	[NFT_CT_LABELS] = { "label", DT_CT_LABEL, 16, get_labels },
	[NFT_CT_PKTS] = { "packets", DT_HOST_INTEGER, 8, get_counter },
	[NFT_CT_BYTES] = { "bytes", DT_HOST_INTEGER, 8, get_counter },
	[NFT_CT_AVGPKT] = { "avgpkt", DT_HOST_INTEGER, 8, get_counter },
	[NFT_CT_ZONE] = { "zone", DT_HOST_INTEGER, 2, get_zone },
	[NFT_CT_EVENTMASK] = { "event", DT_CT_EVENT, 4, NULL },
	[NFT_CT_SRC_IP] = { "ip saddr", DT_IPV4, 4, get_tuple },
	[NFT_CT_DST_IP] = { "ip daddr", DT_IPV4, 4, get_tuple },
	[NFT_CT_SRC_IP6] = { "ip6 saddr", DT_IPV6, 16, get_tuple },
	[NFT_CT_DST_IP6] = { "ip6 daddr", DT_IPV6, 16, get_tuple },
	[NFT_CT_ID] = { "id", DT_HOST_INTEGER, 4, get_id },
};

/* nft_ct_get_eval(): a template shows nothing but its state (6.18, and stable kernels since June 2026; before, zeros). */
static enum step_kind ct_run(struct eval *e, const struct step *s)
{
	const struct ct_data *d = s->data;

	if (d->key != NFT_CT_STATE && (!eval_has_ct(e) || e->p->ct.template))
		return STEP_BREAK;
	return keys[d->key].get(e, d);
}

static enum datatype type_of(const struct words *w, const struct ct_data *d)
{
	if (d->key != NFT_CT_SRC && d->key != NFT_CT_DST)
		return keys[d->key].type;
	return w->chain && w->chain->family == NFPROTO_IPV6 ? DT_IPV6 : DT_IPV4;
}

static const char *name_of(struct words *w, const struct ct_data *d)
{
	static const char *const dir[] = { "original ", "reply ", "" };

	return arena_printf(w->arena, "ct %s%s", dir[d->dir], keys[d->key].name);
}

static void ct_words(struct words *w, const struct step *s)
{
	const struct ct_data *d = s->data;

	words_load(w, d->reg, type_of(w, d), type_of(w, d) == DT_IPV4 ? 4 : keys[d->key].len, "%s", name_of(w, d));
}

static const struct expr_ops ct_ops = EXPR_OPS("ct", ct_run, ct_words);

/* -- ct set -- */

/* nft_ct_set_eval() */
static enum step_kind set_run(struct eval *e, const struct step *s)
{
	const struct ct_data *d = s->data;
	struct ct_view *ct = &e->p->ct;

	e->no_change = !eval_has_ct(e) || ct->template;
	if (e->no_change)
		return STEP_NEXT;
	if (!reg_known(e, d->reg, keys[d->key].len))
		return unknown(e, e->unknown ?: "sets a value that is not known");
	if (d->key == NFT_CT_MARK) {
		uint32_t v = reg_load32(e, d->reg);

		e->no_change = ct->mark == v;
		if (!e->no_change)
			e->says = arena_printf(e->arena, "marks the connection %#x", v);
		ct->mark = v;
	} else if (d->key == NFT_CT_LABELS) {
		/* nf_connlabels_replace() with the value as its own mask: bits are only ever set */
		for (size_t i = 0; i < sizeof(ct->labels); i++)
			ct->labels[i] |= e->regs.b[d->reg + i];
	}
	return STEP_NEXT;
}

/* nft_ct_set_zone_eval(): only before the packet has a connection, which one that is not tracked has not. */
static enum step_kind set_zone_run(struct eval *e, const struct step *s)
{
	const struct ct_data *d = s->data;
	uint16_t zone;

	if (e->p->ct.state != CT_NONE && e->p->ct.state != CT_UNTRACKED)
		return STEP_NEXT;
	if (!reg_known(e, d->reg, 2))
		return unknown(e, "sets a conntrack zone that is not known");
	if (d->dir != DIR_ANY)
		return unknown(e, "a conntrack zone of one direction only is not followed");
	memcpy(&zone, e->regs.b + d->reg, sizeof(zone));
	e->p->ct.zone = zone;
	e->p->ct.template = true;
	e->p->ct.mark_untold = UINT32_MAX;		/* one for all rules, and CONNMARK of iptables writes to it */
	e->p->ct.status = IPS_CONFIRMED;		/* nft_ct_tmpl_alloc_pcpu() */
	e->p->ct.state = CT_NEW;
	e->says = arena_printf(e->arena, "tracks it in zone %u", zone);
	return STEP_NEXT;
}

static enum step_kind set_nothing_run(struct eval *e UNUSED, const struct step *s UNUSED)
{
	return STEP_NEXT;
}

static void set_words(struct words *w, const struct step *s)
{
	const struct ct_data *d = s->data;

	words_flush(w);
	words_add(w, "%s set %s", name_of(w, d), words_value(w, d->reg, type_of(w, d), keys[d->key].len));
}

static const struct expr_ops set_ops = EXPR_OPS("ct", set_run, set_words, .changes = true);
static const struct expr_ops set_zone_ops = EXPR_OPS("ct", set_zone_run, set_words, .changes = true);
static const struct expr_ops set_nothing_ops = EXPR_OPS("ct", set_nothing_run, set_words, .pure = true);

static const struct expr_ops *set_ops_of(uint32_t key)
{
	switch (key) {
	case NFT_CT_MARK:
	case NFT_CT_LABELS:
		return &set_ops;
	case NFT_CT_ZONE:
		return &set_zone_ops;
	case NFT_CT_EVENTMASK:
	case NFT_CT_SECMARK:
		return &set_nothing_ops;
	}
	return NULL;
}

static bool needs_dir(uint32_t key)
{
	return key == NFT_CT_SRC || key == NFT_CT_DST || key == NFT_CT_PROTO_SRC || key == NFT_CT_PROTO_DST ||
	       (key >= NFT_CT_SRC_IP && key <= NFT_CT_DST_IP6);
}

static bool ct_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_CT_MAX + 1];
	const struct expr_ops *ops;
	struct ct_data *c;
	uint32_t key, len;
	uint8_t dir;
	bool set;

	if (!expr_attrs(data, tb, NFTA_CT_MAX))
		return false;
	key = nl_be32(tb[NFTA_CT_KEY], UINT32_MAX);
	dir = nl_u8(tb[NFTA_CT_DIRECTION], DIR_ANY);
	set = tb[NFTA_CT_SREG];
	if (key > NFT_CT_ID || dir > DIR_ANY || (dir == DIR_ANY && needs_dir(key)))
		return false;
	ops = set ? set_ops_of(key) : keys[key].get ? &ct_ops : NULL;
	if (!ops)
		return false;
	c = step_new(d, s, ops, sizeof(*c));
	c->key = key;
	c->dir = dir;
	len = (key == NFT_CT_SRC || key == NFT_CT_DST) && d->family == NFPROTO_IPV4 ? 4 : keys[key].len;
	return expr_reg(tb[set ? NFTA_CT_SREG : NFTA_CT_DREG], (len + 3) & ~3u, &c->reg);
}

/* -- notrack -- */

/* nft_notrack_eval(): a packet with a template is left alone. */
static enum step_kind notrack_run(struct eval *e, const struct step *s UNUSED)
{
	if (e->p->ct.state == CT_NONE) {
		e->p->ct.state = CT_UNTRACKED;
		e->says = "is not tracked";
	}
	return STEP_NEXT;
}

static void notrack_words(struct words *w, const struct step *s UNUSED)
{
	words_flush(w);
	words_add(w, "notrack");
}

static const struct expr_ops notrack_ops = EXPR_OPS("notrack", notrack_run, notrack_words, .changes = true);

static bool notrack_decode(struct decode *d, const struct nlattr *data UNUSED, struct step *s)
{
	step_new(d, s, &notrack_ops, 1);
	return true;
}

static const struct expr rows[] = { { "ct", ct_decode }, { "notrack", notrack_decode } };
const struct exprs expr_ct = EXPRS(rows);
