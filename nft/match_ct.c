/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches on the connection: state, status, tuples, labels, helper, accounting. */
#include <arpa/inet.h>
#include <string.h>

#include "nft/xt_rows.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_cluster.h>
#include <linux/netfilter/xt_connbytes.h>
#include <linux/netfilter/xt_connlabel.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_helper.h>
#include <linux/netfilter/xt_state.h>

/* XT_CONNTRACK_STATE_BIT() of the connection's state, and the virtual bits where there is none. */
static uint32_t state_bit(const struct eval *e, uint32_t untracked)
{
	switch (e->p->ct.state) {
	case CT_ESTABLISHED:
		return XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED);
	case CT_RELATED:
		return XT_CONNTRACK_STATE_BIT(IP_CT_RELATED);
	case CT_NEW:
		return XT_CONNTRACK_STATE_BIT(IP_CT_NEW);
	case CT_UNTRACKED:
		return untracked;
	default:
		return XT_CONNTRACK_STATE_INVALID;
	}
}

/* The three revisions as one: ports in host order, a range each. */
struct wanted {
	const struct xt_conntrack_mtinfo1 *addr;	/* the part that all revisions share */
	uint16_t l4proto, match, invert, state, status;
	uint16_t port[4][2];		/* original source and destination, reply source and destination */
};

static void wanted_from(const struct xt *x, struct wanted *w)
{
	const struct xt_conntrack_mtinfo1 *v1 = x->info;
	const struct xt_conntrack_mtinfo2 *v2 = x->info;
	const struct xt_conntrack_mtinfo3 *v3 = x->info;

	*w = (struct wanted){ .addr = v1, .l4proto = v1->l4proto, .match = v1->match_flags,
			      .invert = v1->invert_flags, .state = v1->state_mask, .status = v1->status_mask };
	if (x->rev == 2) {
		w->state = v2->state_mask;
		w->status = v2->status_mask;
	}
	if (x->rev < 3) {
		const uint16_t port[4] = { v1->origsrc_port, v1->origdst_port, v1->replsrc_port,
					   v1->repldst_port };

		for (int i = 0; i < 4; i++)
			w->port[i][0] = w->port[i][1] = ntohs(port[i]);
		return;
	}
	w->state = v3->state_mask;
	w->status = v3->status_mask;
	memcpy(w->port, (uint16_t[4][2]){ { v3->origsrc_port, v3->origsrc_port_high },
					  { v3->origdst_port, v3->origdst_port_high },
					  { v3->replsrc_port, v3->replsrc_port_high },
					  { v3->repldst_port, v3->repldst_port_high } }, sizeof(w->port));
}

/* One test of conntrack_mt(): asked for, and true, or false and inverted? */
static bool passes(const struct wanted *w, uint16_t flag, bool holds)
{
	return !(w->match & flag) || holds != !!(w->invert & flag);
}

static bool port_in(const struct wanted *w, int i, uint16_t port)
{
	return port >= w->port[i][0] && port <= w->port[i][1];
}

/* conntrack_mt_origsrc() and its kin, ct_proto_port_check_v3(). */
static bool tuples_pass(const struct wanted *w, const struct ct_view *ct)
{
	const struct xt_conntrack_mtinfo1 *a = w->addr;

	return passes(w, XT_CONNTRACK_ORIGSRC, xt_addr_masked_eq(&ct->orig.src, &a->origsrc_addr, &a->origsrc_mask)) &&
	       passes(w, XT_CONNTRACK_ORIGDST, xt_addr_masked_eq(&ct->orig.dst, &a->origdst_addr, &a->origdst_mask)) &&
	       passes(w, XT_CONNTRACK_REPLSRC, xt_addr_masked_eq(&ct->back.src, &a->replsrc_addr, &a->replsrc_mask)) &&
	       passes(w, XT_CONNTRACK_REPLDST, xt_addr_masked_eq(&ct->back.dst, &a->repldst_addr, &a->repldst_mask)) &&
	       passes(w, XT_CONNTRACK_PROTO, ct->orig.proto == w->l4proto) &&
	       passes(w, XT_CONNTRACK_ORIGSRC_PORT, port_in(w, 0, ct->orig.sport)) &&
	       passes(w, XT_CONNTRACK_ORIGDST_PORT, port_in(w, 1, ct->orig.dport)) &&
	       passes(w, XT_CONNTRACK_REPLSRC_PORT, port_in(w, 2, ct->back.sport)) &&
	       passes(w, XT_CONNTRACK_REPLDST_PORT, port_in(w, 3, ct->back.dport));
}

/* conntrack_mt() */
static enum answer conntrack(struct eval *e, const struct xt *x)
{
	const struct ct_view *ct = &e->p->ct;
	uint32_t bit = state_bit(e, XT_CONNTRACK_STATE_UNTRACKED);
	struct ct_view none = {};
	struct wanted w;

	wanted_from(x, &w);
	if (ct->template) {
		/* all its addresses are zeros: nf_ct_tmpl_alloc() */
		none.orig.src.family = none.orig.dst.family = packet_family(e->p);
		none.back = none.orig;
		none.status = ct->status;
		ct = &none;
	}
	if (eval_has_ct(e)) {
		bit |= ct->status & IPS_SRC_NAT ? XT_CONNTRACK_STATE_SNAT : 0;
		bit |= ct->status & IPS_DST_NAT ? XT_CONNTRACK_STATE_DNAT : 0;
	}
	if (!passes(&w, XT_CONNTRACK_STATE, w.state & bit))
		return NO;
	if (!eval_has_ct(e))
		return answer_of(w.match & XT_CONNTRACK_STATE);
	if (!passes(&w, XT_CONNTRACK_DIRECTION, !ct->reply) || !tuples_pass(&w, ct) ||
	    !passes(&w, XT_CONNTRACK_STATUS, w.status & ct->status))
		return NO;
	if (!(w.match & XT_CONNTRACK_EXPIRES))
		return YES;
	/* nf_ct_refresh_acct(): this packet sets it to what its state, or data without an answer, has */
	return eval_unknown(e, "how long the connection has left to live is not known");
}

struct bit_name {
	uint32_t bit;
	const char *name;
};
static const struct bit_name state_names[] = {
	{ XT_CONNTRACK_STATE_INVALID, "INVALID" }, { XT_CONNTRACK_STATE_BIT(IP_CT_NEW), "NEW" },
	{ XT_CONNTRACK_STATE_BIT(IP_CT_RELATED), "RELATED" },
	{ XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED), "ESTABLISHED" },
	{ XT_CONNTRACK_STATE_UNTRACKED, "UNTRACKED" }, { XT_CONNTRACK_STATE_SNAT, "SNAT" },
	{ XT_CONNTRACK_STATE_DNAT, "DNAT" },
};
static const struct bit_name status_names[] = {
	{ IPS_EXPECTED, "EXPECTED" }, { IPS_SEEN_REPLY, "SEEN_REPLY" }, { IPS_ASSURED, "ASSURED" },
	{ IPS_CONFIRMED, "CONFIRMED" },
};

static void bit_words(struct text *t, uint32_t bits, const struct bit_name *names, size_t n)
{
	const char *sep = " ";

	for (size_t i = 0; i < n; i++)
		if (bits & names[i].bit) {
			text_add(t, "%s%s", sep, names[i].name);
			sep = ",";
		}
}

static void addr_words(struct text *t, const struct xt *x, const struct wanted *w, uint16_t flag, const char *option,
		       const void *addr, const void *mask)
{
	if (!(w->match & flag))
		return;
	xt_say_not(t, w->invert & flag);
	text_add(t, " --%s ", option);
	xt_say_net(t, x->family, addr, mask);
}

static const char *conntrack_alias(const struct xt *x)
{
	struct wanted w;

	wanted_from(x, &w);
	return w.match & XT_CONNTRACK_STATE_ALIAS ? "state" : "conntrack";
}

static void conntrack_words(struct text *t, const struct xt *x)
{
	static const char *const port[] = { "--ctorigsrcport", "--ctorigdstport", "--ctreplsrcport",
					    "--ctrepldstport" };
	const struct xt_conntrack_mtinfo1 *a = x->info;
	struct wanted w;

	wanted_from(x, &w);
	if (w.match & XT_CONNTRACK_STATE) {
		xt_say_not(t, w.invert & XT_CONNTRACK_STATE);
		text_add(t, w.match & XT_CONNTRACK_STATE_ALIAS ? " --state" : " --ctstate");
		bit_words(t, w.state, state_names, ARRAY_SIZE(state_names));
	}
	if (w.match & XT_CONNTRACK_PROTO) {
		xt_say_not(t, w.invert & XT_CONNTRACK_PROTO);
		text_add(t, " --ctproto %u", w.l4proto);
	}
	addr_words(t, x, &w, XT_CONNTRACK_ORIGSRC, "ctorigsrc", &a->origsrc_addr, &a->origsrc_mask);
	addr_words(t, x, &w, XT_CONNTRACK_ORIGDST, "ctorigdst", &a->origdst_addr, &a->origdst_mask);
	addr_words(t, x, &w, XT_CONNTRACK_REPLSRC, "ctreplsrc", &a->replsrc_addr, &a->replsrc_mask);
	addr_words(t, x, &w, XT_CONNTRACK_REPLDST, "ctrepldst", &a->repldst_addr, &a->repldst_mask);
	for (int i = 0; i < 4; i++)
		if (w.match & XT_CONNTRACK_ORIGSRC_PORT << i)
			xt_say_range(t, port[i], w.port[i][0], w.port[i][1], ~0u,
				     w.invert & XT_CONNTRACK_ORIGSRC_PORT << i);
	if (w.match & XT_CONNTRACK_STATUS) {
		xt_say_not(t, w.invert & XT_CONNTRACK_STATUS);
		text_add(t, " --ctstatus");
		bit_words(t, w.status, status_names, ARRAY_SIZE(status_names));
		if (!w.status)
			text_add(t, " NONE");
	}
	if (w.match & XT_CONNTRACK_EXPIRES) {
		xt_say_not(t, w.invert & XT_CONNTRACK_EXPIRES);
		text_add(t, " --ctexpire %u", a->expires_min);
		if (a->expires_max != a->expires_min)
			text_add(t, ":%u", a->expires_max);
	}
	if (w.match & XT_CONNTRACK_DIRECTION)
		text_add(t, w.invert & XT_CONNTRACK_DIRECTION ? " --ctdir REPLY" : " --ctdir ORIGINAL");
}

/* state_mt() of the match that conntrack replaced. */
static enum answer state(struct eval *e, const struct xt *x)
{
	const struct xt_state_info *info = x->info;

	return answer_of(info->statemask & state_bit(e, XT_STATE_UNTRACKED));
}

static void state_words(struct text *t, const struct xt *x)
{
	const struct xt_state_info *info = x->info;

	text_add(t, " --state");
	bit_words(t, info->statemask & 0xf, state_names, 4);
	if (info->statemask & XT_STATE_UNTRACKED)
		text_add(t, info->statemask & 0xf ? ",UNTRACKED" : " UNTRACKED");
}

/* connlabel_mt(); a rule that sets the bit matches from then on. */
static enum answer connlabel(struct eval *e, const struct xt *x)
{
	const struct xt_connlabel_mtinfo *info = x->info;
	bool invert = info->options & XT_CONNLABEL_OP_INVERT;
	uint8_t *byte;

	if (!eval_has_ct(e) || info->bit > XT_CONNLABEL_MAXBIT)
		return answer_of(invert);
	byte = &e->p->ct.labels[info->bit / 8];
	if (!(*byte & 1 << info->bit % 8) && info->options & XT_CONNLABEL_OP_SET)
		*byte |= 1 << info->bit % 8;
	return answer_of(!!(*byte & 1 << info->bit % 8) != invert);
}

static void connlabel_words(struct text *t, const struct xt *x)
{
	const struct xt_connlabel_mtinfo *info = x->info;

	xt_say_not(t, info->options & XT_CONNLABEL_OP_INVERT);
	text_add(t, " --label \"%u\"", info->bit);
	if (info->options & XT_CONNLABEL_OP_SET)
		text_add(t, " --set");
}

/* helper_mt(): the helper of the connection that expected this one. */
static enum answer helper(struct eval *e, const struct xt *x)
{
	const struct xt_helper_info *info = x->info;

	if (!eval_has_ct(e) || e->p->ct.state != CT_RELATED)
		return answer_of(info->invert);
	return eval_unknown(e, "the helper of the connection's master is not known");
}

static void helper_words(struct text *t, const struct xt *x)
{
	const struct xt_helper_info *info = x->info;

	xt_say_not(t, info->invert);
	text_add(t, " --helper");
	xt_say_string(t, info->name, sizeof(info->name));
}

/* connbytes_mt() reads both directions' counters; ct_view has their sum. */
static enum answer connbytes(struct eval *e, const struct xt *x)
{
	const struct xt_connbytes_info *info = x->info;
	uint64_t from = info->count.from, to = info->count.to, what;

	if (!eval_has_ct(e))
		return NO;
	if (!e->p->ct.existing) {
		what = 0;		/* the first packet is counted when nf_conntrack_in() has seen it */
		if (info->direction != XT_CONNBYTES_DIR_REPLY)
			return eval_unknown(e, "the connection's counters are not known");
	} else if (!e->p->ct.has_acct || info->direction != XT_CONNBYTES_DIR_BOTH) {
		return eval_unknown(e, "the connection's counters are not known");
	} else {
		what = info->what == XT_CONNBYTES_PKTS ? e->p->ct.packets : e->p->ct.bytes;
		if (info->what == XT_CONNBYTES_AVGPKT)
			what = e->p->ct.packets ? what / e->p->ct.packets : 0;
	}
	if (to >= from)
		return answer_of(what <= to && what >= from);
	return answer_of(what < to || what > from);	/* inverted */
}

static void connbytes_words(struct text *t, const struct xt *x)
{
	static const char *const mode[] = { "packets", "bytes", "avgpkt" };
	static const char *const dir[] = { "original", "reply", "both" };
	const struct xt_connbytes_info *info = x->info;
	uint64_t from = info->count.from, to = info->count.to;

	if (from > to) {
		from = info->count.to;
		to = info->count.from;
		text_add(t, " !");
	}
	text_add(t, " --connbytes %llu", (unsigned long long)from);
	if (to && to < UINT64_MAX)
		text_add(t, ":%llu", (unsigned long long)to);
	text_add(t, " --connbytes-mode %s --connbytes-dir %s",
		 info->what < ARRAY_SIZE(mode) ? mode[info->what] : "unknown",
		 info->direction < ARRAY_SIZE(dir) ? dir[info->direction] : "unknown");
}

static enum answer cluster(struct eval *e, const struct xt *x UNUSED)
{
	if (!eval_has_ct(e))
		return NO;
	return eval_unknown(e, "which node of the cluster takes the connection is not computed");
}

static void cluster_words(struct text *t, const struct xt *x)
{
	const struct xt_cluster_match_info *info = x->info;

	xt_say_not(t, info->flags & XT_CLUSTER_F_INV);
	text_add(t, " --cluster-local-nodemask 0x%08x --cluster-total-nodes %u --cluster-hash-seed 0x%08x",
		 info->node_mask, info->total_nodes, info->hash_seed);
}

static const struct xt_row rows[] = {
	XT_MATCH("conntrack", 1, 0, sizeof(struct xt_conntrack_mtinfo1), conntrack, conntrack_words),
	XT_MATCH("conntrack", 2, 0, sizeof(struct xt_conntrack_mtinfo2), conntrack, conntrack_words),
	{ .ops = { .name = "conntrack", .run = xt_match_run, .say = xt_match_say }, .rev = 3,
	  .size = sizeof(struct xt_conntrack_mtinfo3), .match = conntrack, .words = conntrack_words,
	  .alias = conntrack_alias },
	XT_MATCH("state", 0, 0, sizeof(struct xt_state_info), state, state_words),
	XT_MATCH("connlabel", 0, 0, sizeof(struct xt_connlabel_mtinfo), connlabel, connlabel_words),
	XT_MATCH("helper", 0, 0, sizeof(struct xt_helper_info), helper, helper_words),
	XT_MATCH("connbytes", 0, 0, sizeof(struct xt_connbytes_info), connbytes, connbytes_words),
	XT_MATCH("cluster", 0, 0, sizeof(struct xt_cluster_match_info), cluster, cluster_words),
};

const struct xt_rows xt_match_ct = XT_ROWS(rows);
