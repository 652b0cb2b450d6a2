/* SPDX-License-Identifier: GPL-2.0-only */
/* Targets that change the packet's mark, its header fields or its connection. */
#include <arpa/inet.h>
#include <string.h>

#include "nft/xt_rows.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_CONNMARK.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_DSCP.h>
#include <linux/netfilter/xt_TCPMSS.h>
#include <linux/netfilter/xt_TCPOPTSTRIP.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter_ipv4/ipt_ECN.h>
#include <linux/netfilter_ipv4/ipt_TTL.h>
#include <linux/netfilter_ipv6/ip6t_HL.h>

/* -- MARK -- */

/* Revisions 0 and 1 of kernels before 2.6.3x, gone from UAPI. */
struct mark0 {
	unsigned long mark;
};
struct mark1 {
	unsigned long mark;
	uint8_t mode;
};

static enum step_kind set_mark(struct eval *e, uint32_t mark)
{
	e->says = arena_printf(e->arena, "marks the packet 0x%x", mark);
	e->no_change = e->p->mark == mark;
	e->p->mark = mark;
	eval_changed(e);
	return STEP_NEXT;
}

static enum step_kind mark0(struct eval *e, const struct xt *x)
{
	const struct mark0 *info = x->info;

	return set_mark(e, info->mark);
}

static enum step_kind mark1(struct eval *e, const struct xt *x)
{
	const struct mark1 *info = x->info;

	switch (info->mode) {
	case 0:
		return set_mark(e, info->mark);
	case 1:
		return set_mark(e, e->p->mark & info->mark);
	case 2:
		return set_mark(e, e->p->mark | info->mark);
	}
	eval_unknown(e, "MARK mode %u is not known to ktrace", info->mode);
	return STEP_UNKNOWN;
}

/* mark_tg() */
static enum step_kind mark2(struct eval *e, const struct xt *x)
{
	const struct xt_mark_tginfo2 *info = x->info;
	uint32_t was = e->p->mark;

	e->p->mark = (was & ~info->mask) ^ info->mark;
	if (info->mark && !info->mask && (was & info->mark) == info->mark)	/* as kube-proxy unmarks */
		e->says = arena_printf(e->arena, "clears mark bits 0x%x", info->mark);
	else if (info->mask == 0xffffffff)
		e->says = arena_printf(e->arena, "marks 0x%x", info->mark);
	else if (info->mark & ~info->mask)
		e->says = arena_printf(e->arena, "flips mark bits 0x%x: mark 0x%x", info->mark, e->p->mark);
	else if (!info->mark)
		e->says = arena_printf(e->arena, "clears mark bits 0x%x", info->mask);
	else
		e->says = arena_printf(e->arena, "marks 0x%x/0x%x", info->mark, info->mask);
	e->no_change = e->p->mark == was;
	eval_changed(e);
	return STEP_NEXT;
}

static void mark0_words(struct text *t, const struct xt *x)
{
	const struct mark0 *info = x->info;

	text_add(t, " --set-mark 0x%lx", info->mark);
}

static void mark1_words(struct text *t, const struct xt *x)
{
	static const char *const mode[] = { "set", "and", "or" };
	const struct mark1 *info = x->info;

	text_add(t, " --%s-mark 0x%lx", info->mode < ARRAY_SIZE(mode) ? mode[info->mode] : "unknown", info->mark);
}

static void mark2_words(struct text *t, const struct xt *x)
{
	const struct xt_mark_tginfo2 *info = x->info;

	text_add(t, " --set-xmark 0x%x/0x%x", info->mark, info->mask);
}

/* -- CONNMARK -- */

static uint32_t shifted(uint32_t v, const struct xt_connmark_tginfo2 *info)
{
	unsigned bits = info->shift_bits & 31;	/* the kernel shifts by less than a word */

	return info->shift_dir == D_SHIFT_RIGHT ? v >> bits : v << bits;
}

static struct xt_connmark_tginfo2 connmark_info(const struct xt *x)
{
	const struct xt_connmark_tginfo1 *v1 = x->info;

	if (x->rev == 2)
		return *(const struct xt_connmark_tginfo2 *)x->info;
	return (struct xt_connmark_tginfo2){ .ctmark = v1->ctmark, .ctmask = v1->ctmask, .nfmask = v1->nfmask,
					     .mode = v1->mode };
}

/* connmark_tg_shift() */
static enum step_kind connmark(struct eval *e, const struct xt *x)
{
	const struct xt_connmark_tginfo2 info = connmark_info(x);
	uint32_t was = e->p->mark, ct_was = e->p->ct.mark, v;
	uint32_t untold = e->p->ct.mark_untold;

	e->no_change = true;
	if (!eval_has_ct(e))
		return STEP_NEXT;
	if (info.mode == XT_CONNMARK_RESTORE ? untold & info.ctmask : untold && info.shift_bits) {
		eval_unknown(e, "the mark of a zone's template is what the packets before left there");
		return STEP_UNKNOWN;
	}
	switch (info.mode) {
	case XT_CONNMARK_SET:
		e->p->ct.mark = shifted((e->p->ct.mark & ~info.ctmask) ^ info.ctmark, &info);
		e->says = arena_printf(e->arena, "marks the connection 0x%x", e->p->ct.mark);
		break;
	case XT_CONNMARK_SAVE:
		v = shifted(e->p->mark & info.nfmask, &info);
		e->p->ct.mark = (e->p->ct.mark & ~info.ctmask) ^ v;
		e->says = arena_printf(e->arena, "saves the mark to the connection: 0x%x", e->p->ct.mark);
		break;
	case XT_CONNMARK_RESTORE:
		v = shifted(e->p->ct.mark & info.ctmask, &info);
		e->p->mark = (e->p->mark & ~info.nfmask) ^ v;
		e->says = arena_printf(e->arena, "restores the mark from the connection: 0x%x", e->p->mark);
		break;
	}
	if (info.mode != XT_CONNMARK_RESTORE)
		e->p->ct.mark_untold &= ~info.ctmask;
	e->no_change = e->p->mark == was && e->p->ct.mark == ct_was;
	eval_changed(e);
	return STEP_NEXT;
}

static void connmark_words(struct text *t, const struct xt *x)
{
	const struct xt_connmark_tginfo2 info = connmark_info(x);

	if (info.mode == XT_CONNMARK_SET)
		text_add(t, " --set-xmark 0x%x/0x%x", info.ctmark, info.ctmask);
	else if (info.mode == XT_CONNMARK_SAVE || info.mode == XT_CONNMARK_RESTORE)
		text_add(t, " --%s-mark --nfmask 0x%x --ctmask 0x%x",
			 info.mode == XT_CONNMARK_SAVE ? "save" : "restore", info.nfmask, info.ctmask);
	if (x->rev == 2 && info.shift_bits)
		text_add(t, " --%s-shift-mark %u", info.shift_dir == D_SHIFT_RIGHT ? "right" : "left", info.shift_bits);
}

/* -- CT, NOTRACK -- */

static const struct xt_ct_target_info *ct_info(const struct xt *x)
{
	return x->info;			/* revision 1 and 2 add a timeout policy at the end */
}

static void untrack(struct eval *e)
{
	/* xt_ct_target(), notrack_tg(): only where no connection is attached yet */
	if (e->p->ct.state != CT_NONE)
		return;
	e->p->ct.state = CT_UNTRACKED;
	e->says = "is not tracked by conntrack";
	eval_changed(e);
}

static enum step_kind ct(struct eval *e, const struct xt *x)
{
	const struct xt_ct_target_info *info = ct_info(x);

	if (e->p->ct.state != CT_NONE)
		return STEP_NEXT;
	if (info->flags & (XT_CT_NOTRACK | XT_CT_NOTRACK_ALIAS)) {
		untrack(e);
		return STEP_NEXT;
	}
	if (info->flags & XT_CT_ZONE_MARK) {
		e->p->ct.zone = e->p->mark;
		e->p->ct.zone_is_mark = true;
	} else if (info->flags & (XT_CT_ZONE_DIR_ORIG | XT_CT_ZONE_DIR_REPL)) {
		eval_unknown(e, "a conntrack zone of one direction only is not followed");
		return STEP_UNKNOWN;
	} else {
		e->p->ct.zone = info->zone;
	}
	/* nf_ct_tmpl_alloc(): one for all packets of this rule, and CONNMARK writes to it */
	e->p->ct.template = true;
	e->p->ct.mark_untold = UINT32_MAX;
	e->p->ct.status = IPS_CONFIRMED;		/* xt_ct_tg_check() */
	e->p->ct.state = CT_NEW;
	if (*info->helper)
		memcpy(e->p->ct.helper, info->helper, sizeof(e->p->ct.helper) - 1);
	if (e->p->ct.zone)
		e->says = arena_printf(e->arena, "puts the connection into conntrack zone %u", e->p->ct.zone);
	return STEP_NEXT;
}

static enum step_kind notrack(struct eval *e, const struct xt *x UNUSED)
{
	untrack(e);
	return STEP_NEXT;
}

static void event_words(struct text *t, const char *option, uint32_t events, const char *const *names, unsigned n)
{
	const char *sep = " ";

	if (!events)
		return;
	text_add(t, " --%s", option);
	for (unsigned i = 0; i < n; i++)
		if (events & 1u << i && names[i]) {
			text_add(t, "%s%s", sep, names[i]);
			sep = ",";
		}
}

static const char *ct_alias(const struct xt *x)
{
	return ct_info(x)->flags & XT_CT_NOTRACK_ALIAS ? "NOTRACK" : "CT";
}

static void ct_words(struct text *t, const struct xt *x)
{
	/* enum ip_conntrack_events */
	static const char *const event[] = { "new", "related", "destroy", "reply", "assured", "protoinfo", "helper",
					     "mark", "natseqinfo", "secmark" };
	static const char *const expect[] = { "new" };
	const struct xt_ct_target_info *info = ct_info(x);
	const struct xt_ct_target_info_v1 *v1 = x->info;
	const char *dir = info->flags & XT_CT_ZONE_DIR_ORIG ? "-orig" : info->flags & XT_CT_ZONE_DIR_REPL ? "-reply" : "";

	if (info->flags & XT_CT_NOTRACK_ALIAS)
		return;
	if (info->flags & XT_CT_NOTRACK)
		text_add(t, " --notrack");
	if (*info->helper)
		text_add(t, " --helper %.*s", (int)strnlen(info->helper, sizeof(info->helper)), info->helper);
	if (x->rev && *v1->timeout)
		text_add(t, " --timeout %.*s", (int)strnlen(v1->timeout, sizeof(v1->timeout)), v1->timeout);
	event_words(t, "ctevents", info->ct_events, event, ARRAY_SIZE(event));
	event_words(t, "expevents", info->exp_events, expect, ARRAY_SIZE(expect));
	if (info->flags & XT_CT_ZONE_MARK)
		text_add(t, " --zone%s mark", dir);
	else if (info->zone)
		text_add(t, " --zone%s %u", dir, info->zone);
}

/* -- header fields -- */

static enum step_kind dscp(struct eval *e, const struct xt *x)
{
	const struct xt_DSCP_info *info = x->info;

	e->p->tos = (e->p->tos & ~0xfc) | (info->dscp << 2 & 0xfc);
	e->says = arena_printf(e->arena, "sets DSCP 0x%02x", info->dscp);
	eval_changed(e);
	return STEP_NEXT;
}

static void dscp_words(struct text *t, const struct xt *x)
{
	const struct xt_DSCP_info *info = x->info;

	text_add(t, " --set-dscp 0x%02x", info->dscp);
}

/* tos_tg() */
static enum step_kind tos(struct eval *e, const struct xt *x)
{
	const struct xt_tos_target_info *info = x->info;

	e->p->tos = (e->p->tos & ~info->tos_mask) ^ info->tos_value;
	e->says = arena_printf(e->arena, "sets TOS 0x%02x", e->p->tos);
	eval_changed(e);
	return STEP_NEXT;
}

static void tos_words(struct text *t, const struct xt *x)
{
	const struct xt_tos_target_info *info = x->info;

	text_add(t, " --set-tos 0x%02x/0x%02x", info->tos_value, info->tos_mask);
}

/* ttl_tg(), hl_tg6(): the two structs and their modes are the same. */
static enum step_kind ttl(struct eval *e, const struct xt *x)
{
	const struct ipt_TTL_info *info = x->info;
	int v = info->mode == IPT_TTL_INC ? e->p->ttl + info->ttl :
		info->mode == IPT_TTL_DEC ? e->p->ttl - info->ttl : info->ttl;

	if (info->mode > IPT_TTL_MAXMODE)
		return STEP_NEXT;
	e->p->ttl = v < 0 ? 0 : v > 255 ? 255 : v;
	e->says = arena_printf(e->arena, "sets the time to live to %u", e->p->ttl);
	eval_changed(e);
	return STEP_NEXT;
}

static void ttl_words(struct text *t, const struct xt *x)
{
	static const char *const mode[] = { "set", "inc", "dec" };
	const struct ipt_TTL_info *info = x->info;

	text_add(t, " --%s-%s %u", *x->name == 'T' ? "ttl" : "hl",
		 info->mode == IPT_TTL_DEC ? mode[2] : info->mode == IPT_TTL_INC ? mode[1] : mode[0], info->ttl);
}

/* ecn_tg() */
static enum step_kind ecn(struct eval *e, const struct xt *x)
{
	const struct ipt_ECN_info *info = x->info;

	if (info->operation & IPT_ECN_OP_SET_IP)
		e->p->tos = (e->p->tos & ~3) | (info->ip_ect & 3);
	if (e->p->proto == IPPROTO_TCP && info->operation & IPT_ECN_OP_SET_ECE)
		e->p->tcp_flags = (e->p->tcp_flags & ~0x40) | (info->proto.tcp.ece ? 0x40 : 0);
	if (e->p->proto == IPPROTO_TCP && info->operation & IPT_ECN_OP_SET_CWR)
		e->p->tcp_flags = (e->p->tcp_flags & ~0x80) | (info->proto.tcp.cwr ? 0x80 : 0);
	eval_changed(e);
	return STEP_NEXT;
}

static void ecn_words(struct text *t, const struct xt *x)
{
	const struct ipt_ECN_info *info = x->info;

	if (info->operation == (IPT_ECN_OP_SET_ECE | IPT_ECN_OP_SET_CWR) && !info->proto.tcp.ece &&
	    !info->proto.tcp.cwr) {
		text_add(t, " --ecn-tcp-remove");
		return;
	}
	if (info->operation & IPT_ECN_OP_SET_ECE)
		text_add(t, " --ecn-tcp-ece %d", info->proto.tcp.ece);
	if (info->operation & IPT_ECN_OP_SET_CWR)
		text_add(t, " --ecn-tcp-cwr %d", info->proto.tcp.cwr);
	if (info->operation & IPT_ECN_OP_SET_IP)
		text_add(t, " --ecn-ip-ect %d", info->ip_ect);
}

/* The segment size is in the options, that no rule after this one can decide on but tcpmss. */
static enum step_kind tcpmss(struct eval *e, const struct xt *x UNUSED)
{
	e->says = "limits the TCP segment size";
	return STEP_NEXT;
}

static void tcpmss_words(struct text *t, const struct xt *x)
{
	const struct xt_tcpmss_info *info = x->info;

	if (info->mss == XT_TCPMSS_CLAMP_PMTU)
		text_add(t, " --clamp-mss-to-pmtu");
	else
		text_add(t, " --set-mss %u", info->mss);
}

static void strip_words(struct text *t, const struct xt *x)
{
	const struct xt_tcpoptstrip_target_info *info = x->info;
	const char *sep = " --strip-options ";

	for (unsigned i = 0; i < 256; i++)
		if (info->strip_bmap[i / 32] & 1u << i % 32) {
			text_add(t, "%s%u", sep, i);
			sep = ",";
		}
}

static const struct xt_row rows[] = {
	XT_TARGET_CHANGES("MARK", 0, 0, sizeof(struct mark0), mark0, mark0_words),
	XT_TARGET_CHANGES("MARK", 1, 0, sizeof(struct mark1), mark1, mark1_words),
	XT_TARGET_CHANGES("MARK", 2, 0, sizeof(struct xt_mark_tginfo2), mark2, mark2_words),
	XT_TARGET_CHANGES("CONNMARK", 1, 0, sizeof(struct xt_connmark_tginfo1), connmark, connmark_words),
	XT_TARGET_CHANGES("CONNMARK", 2, 0, sizeof(struct xt_connmark_tginfo2), connmark, connmark_words),
	XT_TARGET_CHANGES("CT", 0, 0, sizeof(struct xt_ct_target_info), ct, ct_words),
	XT_TARGET_CHANGES("CT", 1, 0, sizeof(struct xt_ct_target_info_v1), ct, ct_words),
	{ .ops = { .name = "CT", .run = xt_target_run, .say = xt_target_say, .changes = true }, .rev = 2,
	  .size = sizeof(struct xt_ct_target_info_v1), .target = ct, .words = ct_words, .alias = ct_alias },
	XT_TARGET_CHANGES("NOTRACK", 0, 0, 0, notrack, NULL),
	XT_TARGET_CHANGES("DSCP", 0, 0, sizeof(struct xt_DSCP_info), dscp, dscp_words),
	XT_TARGET_CHANGES("TOS", 1, 0, sizeof(struct xt_tos_target_info), tos, tos_words),
	XT_TARGET_CHANGES("TTL", 0, NFPROTO_IPV4, sizeof(struct ipt_TTL_info), ttl, ttl_words),
	XT_TARGET_CHANGES("HL", 0, NFPROTO_IPV6, sizeof(struct ip6t_HL_info), ttl, ttl_words),
	XT_TARGET_CHANGES("ECN", 0, NFPROTO_IPV4, sizeof(struct ipt_ECN_info), ecn, ecn_words),
	XT_TARGET_PURE("TCPMSS", 0, 0, sizeof(struct xt_tcpmss_info), tcpmss, tcpmss_words),
	XT_TARGET_PURE("TCPOPTSTRIP", 0, 0, sizeof(struct xt_tcpoptstrip_target_info), xt_continue, strip_words),
};

const struct xt_rows xt_target_mark = XT_ROWS(rows);
