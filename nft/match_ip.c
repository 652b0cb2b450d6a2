/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches on the IP and link headers and on options that a walk's packet does not have. */
#include <string.h>

#include "nft/xt_rows.h"

#include <linux/if_arp.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_dscp.h>
#include <linux/netfilter/xt_ecn.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_l2tp.h>
#include <linux/netfilter/xt_length.h>
#include <linux/netfilter/xt_mac.h>
#include <linux/netfilter/xt_osf.h>
#include <linux/netfilter/xt_tcpmss.h>
#include <linux/netfilter_ipv4/ipt_ttl.h>
#include <linux/netfilter_ipv6/ip6t_frag.h>
#include <linux/netfilter_ipv6/ip6t_hl.h>
#include <linux/netfilter_ipv6/ip6t_ipv6header.h>
#include <linux/netfilter_ipv6/ip6t_mh.h>
#include <linux/netfilter_ipv6/ip6t_opts.h>
#include <linux/netfilter_ipv6/ip6t_rt.h>
#include <linux/netfilter_ipv6/ip6t_srh.h>

static enum answer length(struct eval *e, const struct xt *x)
{
	const struct xt_length_info *info = x->info;

	if (!e->p->len)
		return eval_unknown(e, "the packet's length is not known");
	return xt_range(e->p->len, info->min, info->max, info->invert);
}

static void length_words(struct text *t, const struct xt *x)
{
	const struct xt_length_info *info = x->info;

	xt_say_range(t, "--length", info->min, info->max, ~0u, info->invert);
}

/* ttl_mt(), hl_mt6(): the two structs and their modes are the same. */
static enum answer ttl(struct eval *e, const struct xt *x)
{
	const struct ipt_ttl_info *info = x->info;

	switch (info->mode) {
	case IPT_TTL_EQ:
		return answer_of(e->p->ttl == info->ttl);
	case IPT_TTL_NE:
		return answer_of(e->p->ttl != info->ttl);
	case IPT_TTL_LT:
		return answer_of(e->p->ttl < info->ttl);
	case IPT_TTL_GT:
		return answer_of(e->p->ttl > info->ttl);
	}
	return NO;
}

static void ttl_words(struct text *t, const struct xt *x)
{
	static const char *const op[] = { "eq", "eq", "lt", "gt" };
	const struct ipt_ttl_info *info = x->info;

	xt_say_not(t, info->mode == IPT_TTL_NE);
	text_add(t, " --%s-%s %u", x->name, info->mode < ARRAY_SIZE(op) ? op[info->mode] : "eq", info->ttl);
}

static enum answer dscp(struct eval *e, const struct xt *x)
{
	const struct xt_dscp_info *info = x->info;

	return answer_of((e->p->tos >> XT_DSCP_SHIFT == info->dscp) != !!info->invert);
}

static void dscp_words(struct text *t, const struct xt *x)
{
	const struct xt_dscp_info *info = x->info;

	xt_say_not(t, info->invert);
	text_add(t, " --dscp 0x%02x", info->dscp);
}

static enum answer tos(struct eval *e, const struct xt *x)
{
	const struct xt_tos_match_info *info = x->info;

	return answer_of(((e->p->tos & info->tos_mask) == info->tos_value) != !!info->invert);
}

static void tos_words(struct text *t, const struct xt *x)
{
	const struct xt_tos_match_info *info = x->info;

	xt_say_not(t, info->invert);
	text_add(t, " --tos 0x%02x/0x%02x", info->tos_value, info->tos_mask);
}

/* ecn_mt4(), ecn_mt6() */
static enum answer ecn(struct eval *e, const struct xt *x)
{
	const struct xt_ecn_info *info = x->info;
	const struct { uint8_t op, flag; } tcp[] = { { XT_ECN_OP_MATCH_ECE, 0x40 }, { XT_ECN_OP_MATCH_CWR, 0x80 } };

	if (info->operation & XT_ECN_OP_MATCH_IP &&
	    ((e->p->tos & 3) == info->ip_ect) == !!(info->invert & XT_ECN_OP_MATCH_IP))
		return NO;
	for (size_t i = 0; i < ARRAY_SIZE(tcp); i++) {
		if (!(info->operation & tcp[i].op))
			continue;
		if (e->p->proto != IPPROTO_TCP || !(e->p->tcp_flags & tcp[i].flag) == !(info->invert & tcp[i].op))
			return NO;
	}
	return YES;
}

static void ecn_words(struct text *t, const struct xt *x)
{
	const struct xt_ecn_info *info = x->info;

	if (info->operation & XT_ECN_OP_MATCH_ECE) {
		xt_say_not(t, info->invert & XT_ECN_OP_MATCH_ECE);
		text_add(t, " --ecn-tcp-ece");
	}
	if (info->operation & XT_ECN_OP_MATCH_CWR) {
		xt_say_not(t, info->invert & XT_ECN_OP_MATCH_CWR);
		text_add(t, " --ecn-tcp-cwr");
	}
	if (info->operation & XT_ECN_OP_MATCH_IP) {
		xt_say_not(t, info->invert & XT_ECN_OP_MATCH_IP);
		text_add(t, " --ecn-ip-ect %d", info->ip_ect);
	}
}

static bool in_range(const struct addr *a, const void *min, const void *max, bool invert)
{
	bool in = memcmp(a->b, min, addr_len(a)) >= 0 && memcmp(a->b, max, addr_len(a)) <= 0;

	return in != invert;
}

/* iprange_mt4(), iprange_mt6() */
static enum answer iprange(struct eval *e, const struct xt *x)
{
	const struct xt_iprange_mtinfo *info = x->info;

	if (info->flags & IPRANGE_SRC &&
	    !in_range(&e->p->src, &info->src_min, &info->src_max, info->flags & IPRANGE_SRC_INV))
		return NO;
	if (info->flags & IPRANGE_DST &&
	    !in_range(&e->p->dst, &info->dst_min, &info->dst_max, info->flags & IPRANGE_DST_INV))
		return NO;
	return YES;
}

static void one_range_words(struct text *t, const struct xt *x, const char *option, const void *min, const void *max,
			    bool invert)
{
	struct addr lo = xt_addr(x->family, min), hi = xt_addr(x->family, max);
	char a[ADDR_TEXT], b[ADDR_TEXT];

	xt_say_not(t, invert);
	text_add(t, " --%s %s-%s", option, addr_say(&lo, a), addr_say(&hi, b));
}

static void iprange_words(struct text *t, const struct xt *x)
{
	const struct xt_iprange_mtinfo *info = x->info;

	if (info->flags & IPRANGE_SRC)
		one_range_words(t, x, "src-range", &info->src_min, &info->src_max, info->flags & IPRANGE_SRC_INV);
	if (info->flags & IPRANGE_DST)
		one_range_words(t, x, "dst-range", &info->dst_min, &info->dst_max, info->flags & IPRANGE_DST_INV);
}

/* mac_mt(): false on a device without Ethernet headers, inverted or not. */
static enum answer mac(struct eval *e, const struct xt *x)
{
	const struct xt_mac_info *info = x->info;
	const struct link *l = e->p->iif ? e->ask->link(e->ask->ctx, e->netns, e->p->iif) : NULL;

	if (!e->p->iif || (l && l->type != ARPHRD_ETHER))
		return NO;
	if (!e->p->smac.known)
		return eval_unknown(e, "the packet's source MAC address is not known");
	return answer_of(!memcmp(e->p->smac.b, info->srcaddr, ETH_ALEN) != !!info->invert);
}

static void mac_words(struct text *t, const struct xt *x)
{
	const struct xt_mac_info *info = x->info;

	xt_say_not(t, info->invert);
	text_add(t, " --mac-source");
	for (int i = 0; i < ETH_ALEN; i++)
		text_add(t, "%c%02x", i ? ':' : ' ', info->srcaddr[i]);
}

/* eui64_mt6(): the interface identifier made of the source MAC address. */
static enum answer eui64(struct eval *e, const struct xt *x UNUSED)
{
	const uint8_t *m = e->p->smac.b, *id = e->p->src.b + 8;

	if (!e->p->smac.known)
		return eval_unknown(e, "the packet's source MAC address is not known");
	return answer_of(id[0] == (m[0] ^ 2) && id[1] == m[1] && id[2] == m[2] && id[3] == 0xff && id[4] == 0xfe &&
			 !memcmp(id + 5, m + 3, 3));
}

static enum answer tcpmss(struct eval *e, const struct xt *x)
{
	const struct xt_tcpmss_match_info *info = x->info;

	if (e->p->proto != IPPROTO_TCP)
		return NO;
	if (!(e->p->tcp_flags & 2))	/* only a SYN announces a segment size: tcpmss_mt() finds no option */
		return answer_of(info->invert);
	return eval_unknown(e, "the TCP segment size that the sender announces is not known");
}

static void tcpmss_words(struct text *t, const struct xt *x)
{
	const struct xt_tcpmss_match_info *info = x->info;

	xt_say_range(t, "--mss", info->mss_min, info->mss_max, ~0u, info->invert);
}

/* l2tp_mt4(), l2tp_mt6() */
static enum answer l2tp(struct eval *e, const struct xt *x UNUSED)
{
	if (e->p->proto != IPPROTO_UDP && e->p->proto != 115)
		return NO;
	return eval_unknown(e, "the packet's L2TP header is not known");
}

static void l2tp_words(struct text *t, const struct xt *x)
{
	const struct xt_l2tp_info *info = x->info;

	if (info->flags & XT_L2TP_TID)
		text_add(t, " --tid %u", info->tid);
	if (info->flags & XT_L2TP_SID)
		text_add(t, " --sid %u", info->sid);
	if (info->flags & XT_L2TP_VERSION)
		text_add(t, " --pversion %u", info->version);
	if (info->flags & XT_L2TP_TYPE)
		text_add(t, " --type %s", info->type ? "data" : "control");
}

/* nf_osf_match() looks at SYN packets alone. */
static enum answer osf(struct eval *e, const struct xt *x UNUSED)
{
	if (e->p->proto != IPPROTO_TCP || !(e->p->tcp_flags & 2))
		return NO;
	return eval_unknown(e, "the sender's operating system is not known");
}

static void osf_words(struct text *t, const struct xt *x)
{
	const struct nf_osf_info *info = x->info;

	xt_say_not(t, info->flags & NF_OSF_INVERT);
	text_add(t, " --genre %.*s", (int)strnlen(info->genre, sizeof(info->genre)), info->genre);
	if (info->flags & NF_OSF_TTL)
		text_add(t, " --ttl %u", info->ttl);
	if (info->flags & NF_OSF_LOG)
		text_add(t, " --log %u", info->loglevel);
}

/* -- IPv6 extension headers: a walk's packet has none, and without its header none of these matches -- */

static enum answer no_header(struct eval *e UNUSED, const struct xt *x UNUSED)
{
	return NO;
}

static void frag_words(struct text *t, const struct xt *x)
{
	static const struct { uint8_t flag; const char *option; } flags[] = {
		{ IP6T_FRAG_RES, "fragres" }, { IP6T_FRAG_FST, "fragfirst" }, { IP6T_FRAG_MF, "fragmore" },
		{ IP6T_FRAG_NMF, "fraglast" },
	};
	const struct ip6t_frag *info = x->info;

	xt_say_range(t, "--fragid", info->ids[0], info->ids[1], ~0u, info->invflags & IP6T_FRAG_INV_IDS);
	if (info->flags & IP6T_FRAG_LEN) {
		xt_say_not(t, info->invflags & IP6T_FRAG_INV_LEN);
		text_add(t, " --fraglen %u", info->hdrlen);
	}
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (info->flags & flags[i].flag)
			text_add(t, " --%s", flags[i].option);
}

static void rt_words(struct text *t, const struct xt *x)
{
	const struct ip6t_rt *info = x->info;
	struct addr hop;
	char buf[ADDR_TEXT];

	if (info->flags & IP6T_RT_TYP) {
		xt_say_not(t, info->invflags & IP6T_RT_INV_TYP);
		text_add(t, " --rt-type %u", info->rt_type);
	}
	xt_say_range(t, "--rt-segsleft", info->segsleft[0], info->segsleft[1], ~0u,
		     info->invflags & IP6T_RT_INV_SGS);
	if (info->flags & IP6T_RT_LEN) {
		xt_say_not(t, info->invflags & IP6T_RT_INV_LEN);
		text_add(t, " --rt-len %u", info->hdrlen);
	}
	if (info->flags & IP6T_RT_RES)
		text_add(t, " --rt-0-res");
	if (info->flags & IP6T_RT_FST)
		text_add(t, " --rt-0-addrs");
	for (unsigned i = 0; i < info->addrnr && i < IP6T_RT_HOPS; i++) {
		hop = addr_from(&info->addrs[i], 16);
		text_add(t, "%c%s", i ? ',' : ' ', addr_say(&hop, buf));
	}
	if (info->flags & IP6T_RT_FST_NSTRICT)
		text_add(t, " --rt-0-not-strict");
}

/* hbh and dst have one struct; their options begin with their names. */
static void opts_words(struct text *t, const struct xt *x)
{
	const struct ip6t_opts *info = x->info;

	if (info->flags & IP6T_OPTS_LEN) {
		xt_say_not(t, info->invflags & IP6T_OPTS_INV_LEN);
		text_add(t, " --%s-len %u", x->name, info->hdrlen);
	}
	if (info->flags & IP6T_OPTS_OPTS)
		text_add(t, " --%s-opts", x->name);
	for (unsigned i = 0; i < info->optsnr && i < IP6T_OPTS_OPTSNR; i++) {
		text_add(t, "%c%d", i ? ',' : ' ', info->opts[i] >> 8);
		if ((info->opts[i] & 0xff) != 0xff)
			text_add(t, ":%d", info->opts[i] & 0xff);
	}
}

/* ipv6header_mt6(): the set of headers that the packet has. */
static enum answer ipv6header(struct eval *e, const struct xt *x)
{
	const struct ip6t_ipv6header_info *info = x->info;
	uint8_t has = e->p->proto == IPPROTO_NONE ? MASK_NONE : e->p->proto == IPPROTO_ESP ? MASK_ESP : MASK_PROTO;

	if (e->p->proto == IPPROTO_AH)
		return eval_unknown(e, "what follows the packet's authentication header is not known");
	if (info->modeflag)
		return answer_of(!((has ^ info->matchflags ^ info->invflags) & info->matchflags));
	return answer_of((has == info->matchflags) != !!info->invflags);
}

static void ipv6header_words(struct text *t, const struct xt *x)
{
	static const struct { uint8_t mask; const char *name; } headers[] = {
		{ MASK_HOPOPTS, "hop-by-hop" }, { MASK_DSTOPTS, "ipv6-opts" }, { MASK_ROUTING, "ipv6-route" },
		{ MASK_FRAGMENT, "ipv6-frag" }, { MASK_AH, "ah" }, { MASK_ESP, "esp" }, { MASK_NONE, "ipv6-nonxt" },
		{ MASK_PROTO, "protocol" },
	};
	const struct ip6t_ipv6header_info *info = x->info;
	const char *sep = " --header ";

	xt_say_not(t, info->invflags);
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		if (info->matchflags & headers[i].mask) {
			text_add(t, "%s%s", sep, headers[i].name);
			sep = ",";
		}
	if (info->modeflag)
		text_add(t, " --soft");
}

static enum answer mh(struct eval *e, const struct xt *x UNUSED)
{
	if (e->p->proto != IPPROTO_MH)
		return NO;
	return eval_unknown(e, "the packet's mobility header is not known");
}

static void mh_words(struct text *t, const struct xt *x)
{
	const struct ip6t_mh *info = x->info;

	xt_say_range(t, "--mh-type", info->types[0], info->types[1], 0xff, info->invflags & IP6T_MH_INV_TYPE);
}

/* Both revisions begin alike and end with the flags. */
static void srh_numbers(struct text *t, const struct ip6t_srh *info, uint16_t flags, uint16_t inv)
{
	const struct { const char *option; unsigned value; } part[] = {
		{ "next-hdr", info->next_hdr }, { "hdr-len-eq", info->hdr_len }, { "hdr-len-gt", info->hdr_len },
		{ "hdr-len-lt", info->hdr_len }, { "segs-left-eq", info->segs_left },
		{ "segs-left-gt", info->segs_left }, { "segs-left-lt", info->segs_left },
		{ "last-entry-eq", info->last_entry }, { "last-entry-gt", info->last_entry },
		{ "last-entry-lt", info->last_entry }, { "tag", info->tag },
	};

	for (size_t i = 0; i < ARRAY_SIZE(part); i++) {
		if (!(flags & 1u << i))
			continue;
		xt_say_not(t, inv & 1u << i);
		text_add(t, " --srh-%s %u", part[i].option, part[i].value);
	}
}

static void srh_words(struct text *t, const struct xt *x)
{
	const struct ip6t_srh *info = x->info;

	srh_numbers(t, info, info->mt_flags, info->mt_invflags);
}

static void srh1_words(struct text *t, const struct xt *x)
{
	static const char *const option[] = { "psid", "nsid", "lsid" };
	const struct ip6t_srh1 *info = x->info;
	const struct in6_addr *addr[] = { &info->psid_addr, &info->nsid_addr, &info->lsid_addr };
	const struct in6_addr *mask[] = { &info->psid_msk, &info->nsid_msk, &info->lsid_msk };
	char buf[ADDR_TEXT];

	srh_numbers(t, x->info, info->mt_flags, info->mt_invflags);
	for (size_t i = 0; i < ARRAY_SIZE(option); i++) {
		struct addr a = addr_from(addr[i], 16);

		if (!(info->mt_flags & IP6T_SRH_PSID << i))
			continue;
		xt_say_not(t, info->mt_invflags & IP6T_SRH_PSID << i);
		text_add(t, " --srh-%s %s/%d", option[i], addr_say(&a, buf), xt_plen(mask[i], 16));
	}
}

static const struct xt_row rows[] = {
	XT_MATCH("length", 0, 0, sizeof(struct xt_length_info), length, length_words),
	XT_MATCH("ttl", 0, NFPROTO_IPV4, sizeof(struct ipt_ttl_info), ttl, ttl_words),
	XT_MATCH("hl", 0, NFPROTO_IPV6, sizeof(struct ip6t_hl_info), ttl, ttl_words),
	XT_MATCH("dscp", 0, 0, sizeof(struct xt_dscp_info), dscp, dscp_words),
	XT_MATCH("tos", 1, 0, sizeof(struct xt_tos_match_info), tos, tos_words),
	XT_MATCH("ecn", 0, 0, sizeof(struct xt_ecn_info), ecn, ecn_words),
	XT_MATCH("iprange", 1, 0, sizeof(struct xt_iprange_mtinfo), iprange, iprange_words),
	XT_MATCH("mac", 0, 0, sizeof(struct xt_mac_info), mac, mac_words),
	XT_MATCH("eui64", 0, NFPROTO_IPV6, sizeof(int), eui64, NULL),
	XT_MATCH("tcpmss", 0, 0, sizeof(struct xt_tcpmss_match_info), tcpmss, tcpmss_words),
	XT_MATCH("l2tp", 0, 0, sizeof(struct xt_l2tp_info), l2tp, l2tp_words),
	XT_MATCH("osf", 0, NFPROTO_IPV4, sizeof(struct nf_osf_info), osf, osf_words),
	XT_MATCH("frag", 0, NFPROTO_IPV6, sizeof(struct ip6t_frag), no_header, frag_words),
	XT_MATCH("rt", 0, NFPROTO_IPV6, sizeof(struct ip6t_rt), no_header, rt_words),
	XT_MATCH("hbh", 0, NFPROTO_IPV6, sizeof(struct ip6t_opts), no_header, opts_words),
	XT_MATCH("dst", 0, NFPROTO_IPV6, sizeof(struct ip6t_opts), no_header, opts_words),
	XT_MATCH("srh", 0, NFPROTO_IPV6, sizeof(struct ip6t_srh), no_header, srh_words),
	XT_MATCH("srh", 1, NFPROTO_IPV6, sizeof(struct ip6t_srh1), no_header, srh1_words),
	XT_MATCH("ipv6header", 0, NFPROTO_IPV6, sizeof(struct ip6t_ipv6header_info), ipv6header, ipv6header_words),
	XT_MATCH("mh", 0, NFPROTO_IPV6, sizeof(struct ip6t_mh), mh, mh_words),
};

const struct xt_rows xt_match_ip = XT_ROWS(rows);
