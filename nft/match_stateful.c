/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches that chance, time or the traffic so far decide. Chance forks with its share; the rest is
 * unknown, each with a clause that says what it depends on.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nft/xt_rows.h"

#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_hashlimit.h>
#include <linux/netfilter/xt_ipvs.h>
#include <linux/netfilter/xt_limit.h>
#include <linux/netfilter/xt_nfacct.h>
#include <linux/netfilter/xt_quota.h>
#include <linux/netfilter/xt_rateest.h>
#include <linux/netfilter/xt_statistic.h>
#include <linux/netfilter/xt_time.h>

/* statistic_mt(): a random number below the threshold, or every n-th packet by a counter that no one can read. */
static enum answer statistic(struct eval *e, const struct xt *x)
{
	const struct xt_statistic_info *info = x->info;
	bool invert = info->flags & XT_STATISTIC_INVERT, hit;
	double p;

	if (info->mode == XT_STATISTIC_MODE_RANDOM)
		p = info->u.random.probability / 2147483648.0;
	else if (info->mode == XT_STATISTIC_MODE_NTH)
		p = 1 / (info->u.nth.every + 1.0);
	else
		return eval_unknown(e, "statistic mode %u is not known to ktrace", info->mode);
	p = p > 1 ? 1 : p;
	hit = choice_random(e->run->choices, 2, (double[]){ 1 - p, p });
	return answer_of(hit != invert);
}

static void statistic_words(struct text *t, const struct xt *x)
{
	const struct xt_statistic_info *info = x->info;
	const char *no = info->flags & XT_STATISTIC_INVERT ? " !" : "";

	if (info->mode == XT_STATISTIC_MODE_RANDOM)
		text_add(t, " --mode random%s --probability %.11f", no, info->u.random.probability / 2147483648.0);
	else if (info->mode == XT_STATISTIC_MODE_NTH)
		text_add(t, " --mode nth%s --every %u --packet %u", no, info->u.nth.every + 1, info->u.nth.packet);
}

/* nfacct_mt() counts and matches; with a quota it matches once the quota is used up. */
static enum answer nfacct(struct eval *e UNUSED, const struct xt *x UNUSED)
{
	return YES;
}

static void nfacct_words(struct text *t, const struct xt *x)
{
	const struct xt_nfacct_match_info *info = x->info;

	text_add(t, " --nfacct-name ");
	xt_say_string(t, info->name, sizeof(info->name));
}

static enum answer rate(struct eval *e, const struct xt *x)
{
	return eval_unknown(e, "whether the %s match passes depends on the rate of traffic so far", x->name);
}

/* print_rate() of libxt_limit.c: the largest unit that gives a whole number. */
static void rate_words(struct text *t, uint64_t period, uint64_t scale)
{
	const struct { const char *name; uint64_t mult; } rates[] = {
		{ "day", scale * 24 * 60 * 60 }, { "hour", scale * 60 * 60 }, { "min", scale * 60 },
		{ "sec", scale },
	};
	size_t i = 1;

	if (!period) {
		text_add(t, " %f", INFINITY);
		return;
	}
	while (i < ARRAY_SIZE(rates) && period <= rates[i].mult && rates[i].mult / period >= rates[i].mult % period)
		i++;
	text_add(t, " %llu/%s", (unsigned long long)(rates[i - 1].mult / period), rates[i - 1].name);
}

static void limit_words(struct text *t, const struct xt *x)
{
	const struct xt_rateinfo *info = x->info;

	text_add(t, " --limit");
	rate_words(t, info->avg, XT_LIMIT_SCALE);
	if (info->burst != 5)		/* XT_LIMIT_BURST of libxt_limit.c */
		text_add(t, " --limit-burst %u", info->burst);
}

/* hashlimit_mt_common() reads the same table for its answer; /proc shows its credits, not what they are at this packet. */
struct hashlimit {
	const char *name;
	size_t name_max;
	struct hashlimit_cfg3 cfg;
	uint64_t scale;
};

static void hashlimit_from(const struct xt *x, struct hashlimit *h)
{
	const struct xt_hashlimit_mtinfo1 *v1 = x->info;
	const struct xt_hashlimit_mtinfo2 *v2 = x->info;
	const struct xt_hashlimit_mtinfo3 *v3 = x->info;

	h->scale = x->rev == 1 ? XT_HASHLIMIT_SCALE : XT_HASHLIMIT_SCALE_v2;
	h->name = x->info;		/* first member of every revision */
	h->name_max = x->rev == 1 ? sizeof(v1->name) : sizeof(v2->name);
	if (x->rev == 1)
		h->cfg = (struct hashlimit_cfg3){ .avg = v1->cfg.avg, .burst = v1->cfg.burst, .mode = v1->cfg.mode,
			.size = v1->cfg.size, .max = v1->cfg.max, .gc_interval = v1->cfg.gc_interval,
			.expire = v1->cfg.expire, .srcmask = v1->cfg.srcmask, .dstmask = v1->cfg.dstmask };
	else if (x->rev == 2)
		h->cfg = (struct hashlimit_cfg3){ .avg = v2->cfg.avg, .burst = v2->cfg.burst, .mode = v2->cfg.mode,
			.size = v2->cfg.size, .max = v2->cfg.max, .gc_interval = v2->cfg.gc_interval,
			.expire = v2->cfg.expire, .srcmask = v2->cfg.srcmask, .dstmask = v2->cfg.dstmask };
	else
		h->cfg = v3->cfg;
}

/* Bytes are kept as the reciprocal of a cost; print_bytes() of libxt_hashlimit.c. */
static void bytes_words(struct text *t, uint64_t cost, uint64_t burst, uint8_t rev)
{
	static const struct { const char *name; uint64_t thresh; } units[] = {
		{ "m", 1024 * 1024 }, { "k", 1024 }, { "", 1 },
	};
	uint64_t rate = rev == 1 ? (cost ? UINT32_MAX / cost : UINT32_MAX) - 0 : cost;
	size_t i = 0;

	rate = rev == 1 ? rate << 4 : rate;	/* XT_HASHLIMIT_BYTE_SHIFT */
	while (i < ARRAY_SIZE(units) - 1 && (rate < units[i].thresh || rate % units[i].thresh))
		i++;
	text_add(t, " %llu%sb/s", (unsigned long long)(rate / units[i].thresh), units[i].name);
	if (burst)
		text_add(t, " --hashlimit-burst %llub", (unsigned long long)burst);
}

static void hashlimit_words(struct text *t, const struct xt *x)
{
	static const char *const key[] = { "dstip", "dstport", "srcip", "srcport" };
	static const unsigned order[] = { 2, 3, 0, 1 };		/* srcip,srcport,dstip,dstport */
	struct hashlimit h;
	const char *sep = " --hashlimit-mode ";
	uint8_t full = x->family == NFPROTO_IPV4 ? 32 : 128;

	hashlimit_from(x, &h);
	text_add(t, h.cfg.mode & XT_HASHLIMIT_INVERT ? " --hashlimit-above" : " --hashlimit-upto");
	if (h.cfg.mode & XT_HASHLIMIT_BYTES) {
		bytes_words(t, h.cfg.avg, h.cfg.burst, x->rev);
	} else {
		rate_words(t, h.cfg.avg, h.scale);
		text_add(t, " --hashlimit-burst %llu", (unsigned long long)h.cfg.burst);
	}
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (h.cfg.mode & 1u << order[i]) {
			text_add(t, "%s%s", sep, key[order[i]]);
			sep = ",";
		}
	text_add(t, " --hashlimit-name %.*s", (int)strnlen(h.name, h.name_max), h.name);
	if (h.cfg.size)
		text_add(t, " --hashlimit-htable-size %u", h.cfg.size);
	if (h.cfg.max)
		text_add(t, " --hashlimit-htable-max %u", h.cfg.max);
	if (h.cfg.gc_interval != 1000)
		text_add(t, " --hashlimit-htable-gcinterval %u", h.cfg.gc_interval);
	if (h.cfg.expire != 10000)
		text_add(t, " --hashlimit-htable-expire %u", h.cfg.expire);
	if (h.cfg.srcmask != full)
		text_add(t, " --hashlimit-srcmask %u", h.cfg.srcmask);
	if (h.cfg.dstmask != full)
		text_add(t, " --hashlimit-dstmask %u", h.cfg.dstmask);
	if (x->rev == 3 && h.cfg.mode & XT_HASHLIMIT_RATE_MATCH && h.cfg.interval != 1)
		text_add(t, " --hashlimit-rate-match --hashlimit-rate-interval %u", h.cfg.interval);
	else if (x->rev == 3 && h.cfg.mode & XT_HASHLIMIT_RATE_MATCH)
		text_add(t, " --hashlimit-rate-match");
}

static enum answer connlimit(struct eval *e, const struct xt *x UNUSED)
{
	return eval_unknown(e, "whether the connlimit match passes depends on how many connections there are");
}

static void connlimit_words(struct text *t, const struct xt *x)
{
	const struct xt_connlimit_info *info = x->info;
	unsigned bits = 0;

	for (unsigned i = 0; i < (x->family == NFPROTO_IPV4 ? 1 : 4); i++)
		bits += __builtin_popcount(info->v6_mask[i]);
	text_add(t, " --connlimit-%s %u --connlimit-mask %u --connlimit-%s",
		 info->flags & XT_CONNLIMIT_INVERT ? "upto" : "above", info->limit, bits,
		 info->flags & XT_CONNLIMIT_DADDR ? "daddr" : "saddr");
}

static enum answer quota(struct eval *e, const struct xt *x UNUSED)
{
	return eval_unknown(e, "how much of the quota is left is not known");
}

static void quota_words(struct text *t, const struct xt *x)
{
	const struct xt_quota_info *info = x->info;

	xt_say_not(t, info->flags & XT_QUOTA_INVERT);
	text_add(t, " --quota %llu", (unsigned long long)info->quota);
}

static void rateest_words(struct text *t, const struct xt *x)
{
	const struct xt_rateest_match_info *info = x->info;

	text_add(t, " --rateest %.*s", (int)strnlen(info->name1, sizeof(info->name1)), info->name1);
}

static enum answer time_mt(struct eval *e, const struct xt *x)
{
	const struct xt_time_info *info = x->info;

	if (info->date_start == 0 && info->date_stop >= 0x7fffffff && info->daytime_start == XT_TIME_MIN_DAYTIME &&
	    info->daytime_stop == XT_TIME_MAX_DAYTIME && info->weekdays_match == XT_TIME_ALL_WEEKDAYS &&
	    info->monthdays_match == XT_TIME_ALL_MONTHDAYS)
		return YES;
	return eval_unknown(e, "whether the time match passes depends on the time of day");
}

static void day_words(struct text *t, uint32_t from, uint32_t to, const char *option, uint32_t limit)
{
	if (from == limit)
		return;
	(void)to;
	text_add(t, " --%s %02u:%02u:%02u", option, from / 3600, from / 60 % 60, from % 60);
}

static void time_words(struct text *t, const struct xt *x)
{
	static const char *const weekday[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
	const struct xt_time_info *info = x->info;
	const char *sep = " --weekdays ";

	day_words(t, info->daytime_start, 0, "timestart", XT_TIME_MIN_DAYTIME);
	day_words(t, info->daytime_stop, 0, "timestop", XT_TIME_MAX_DAYTIME);
	if (info->monthdays_match != XT_TIME_ALL_MONTHDAYS) {
		sep = " --monthdays ";
		for (unsigned i = 1; i < 32; i++)
			if (info->monthdays_match & 1u << i) {
				text_add(t, "%s%u", sep, i);
				sep = ",";
			}
		sep = " --weekdays ";
	}
	if (info->weekdays_match != XT_TIME_ALL_WEEKDAYS)
		for (unsigned i = 1; i < 8; i++)
			if (info->weekdays_match & 1u << i) {
				text_add(t, "%s%s", sep, weekday[i - 1]);
				sep = ",";
			}
	if (info->flags & XT_TIME_LOCAL_TZ)
		text_add(t, " --kerneltz");
	if (info->flags & XT_TIME_CONTIGUOUS)
		text_add(t, " --contiguous");
}

/* ipvs_mt(): skb->ipvs_property is set on what IPVS sends; before it has the packet, it is not. */
static enum answer ipvs(struct eval *e, const struct xt *x UNUSED)
{
	return eval_unknown(e, "whether IPVS handles this packet is not visible to the rules' evaluation");
}

static void ipvs_words(struct text *t, const struct xt *x)
{
	static const char *const method[] = { "MASQ", "LOCALNODE", "IPIP", "GATE", "BYPASS" };
	const struct xt_ipvs_mtinfo *info = x->info;

	if (info->bitmask == XT_IPVS_IPVS_PROPERTY) {
		xt_say_not(t, info->invert & XT_IPVS_IPVS_PROPERTY);
		text_add(t, " --ipvs");
	}
	if (info->bitmask & XT_IPVS_PROTO) {
		xt_say_not(t, info->invert & XT_IPVS_PROTO);
		text_add(t, " --vproto %u", info->l4proto);
	}
	if (info->bitmask & XT_IPVS_VADDR) {
		xt_say_not(t, info->invert & XT_IPVS_VADDR);
		text_add(t, " --vaddr ");
		xt_say_net(t, x->family, &info->vaddr, &info->vmask);
	}
	if (info->bitmask & XT_IPVS_VPORT) {
		xt_say_not(t, info->invert & XT_IPVS_VPORT);
		text_add(t, " --vport %u", ntohs(info->vport));
	}
	if (info->bitmask & XT_IPVS_DIR) {
		/* inverted: the reply direction */
		text_add(t, " --vdir %s", info->invert & XT_IPVS_DIR ? "REPLY" : "ORIGINAL");
	}
	if (info->bitmask & XT_IPVS_METHOD) {
		xt_say_not(t, info->invert & XT_IPVS_METHOD);
		text_add(t, " --vmethod %s", info->fwd_method < ARRAY_SIZE(method) ? method[info->fwd_method] : "UNKNOWN");
	}
	if (info->bitmask & XT_IPVS_VPORTCTL) {
		xt_say_not(t, info->invert & XT_IPVS_VPORTCTL);
		text_add(t, " --vportctl %u", ntohs(info->vportctl));
	}
}

static const struct xt_row rows[] = {
	XT_MATCH("statistic", 0, 0, sizeof(struct xt_statistic_info), statistic, statistic_words),
	XT_MATCH("nfacct", 0, 0, sizeof(struct xt_nfacct_match_info), nfacct, nfacct_words),
	XT_MATCH("nfacct", 1, 0, sizeof(struct xt_nfacct_match_info_v1), nfacct, nfacct_words),
	XT_MATCH("limit", 0, 0, sizeof(struct xt_rateinfo), rate, limit_words),
	XT_MATCH("hashlimit", 1, 0, sizeof(struct xt_hashlimit_mtinfo1), rate, hashlimit_words),
	XT_MATCH("hashlimit", 2, 0, sizeof(struct xt_hashlimit_mtinfo2), rate, hashlimit_words),
	XT_MATCH("hashlimit", 3, 0, sizeof(struct xt_hashlimit_mtinfo3), rate, hashlimit_words),
	XT_MATCH("connlimit", 1, 0, sizeof(struct xt_connlimit_info), connlimit, connlimit_words),
	XT_MATCH("quota", 0, 0, sizeof(struct xt_quota_info), quota, quota_words),
	XT_MATCH("rateest", 0, 0, sizeof(struct xt_rateest_match_info), rate, rateest_words),
	XT_MATCH("time", 0, 0, sizeof(struct xt_time_info), time_mt, time_words),
	XT_MATCH("ipvs", 0, 0, sizeof(struct xt_ipvs_mtinfo), ipvs, ipvs_words),
};

const struct xt_rows xt_match_stateful = XT_ROWS(rows);
