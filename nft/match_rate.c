/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches that the traffic so far decides: always unknown, with a clause that says what they depend on. */
#include <math.h>
#include <string.h>

#include "nft/xt_rows.h"

#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_hashlimit.h>
#include <linux/netfilter/xt_limit.h>
#include <linux/netfilter/xt_quota.h>
#include <linux/netfilter/xt_rateest.h>

static enum answer rate(struct eval *e, const struct xt *x)
{
	return eval_unknown(e, "whether the %s match passes depends on the rate of traffic so far", x->name);
}

/* print_rate() of libxt_limit.c and libxt_hashlimit.c: the largest unit that gives a whole number. Returns it in ms. */
static uint32_t rate_words(struct text *t, uint64_t period, uint64_t scale)
{
	const struct { const char *name; uint64_t mult; } rates[] = {
		{ "day", scale * 24 * 60 * 60 }, { "hour", scale * 60 * 60 }, { "min", scale * 60 },
		{ "sec", scale },
	};
	size_t i = 1;

	if (!period) {
		text_add(t, " %f", INFINITY);
		return 0;
	}
	while (i < ARRAY_SIZE(rates) && period <= rates[i].mult && rates[i].mult / period >= rates[i].mult % period)
		i++;
	text_add(t, " %llu/%s", (unsigned long long)(rates[i - 1].mult / period), rates[i - 1].name);
	return rates[i - 1].mult / scale * 1000;
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

static const struct { const char *name; uint32_t size; } units[] = { { "m", 1 << 20 }, { "k", 1 << 10 }, { "", 1 } };

/* Bytes are kept as what one costs, in steps of 16: cost_to_bytes() and print_bytes() of libxt_hashlimit.c. In ms. */
static uint32_t byte_words(struct text *t, uint64_t cost, uint64_t burst)
{
	uint64_t rate = ((cost ? UINT32_MAX / cost : UINT32_MAX) - 1) << 4;
	size_t i = 0;

	while (i < ARRAY_SIZE(units) - 1 && (rate < units[i].size ||
	       UINT32_MAX / ((rate & ~(units[i].size - 1ull)) / 16 + 1) != cost))
		i++;
	text_add(t, " %llu%sb/s", (unsigned long long)(rate / units[i].size), units[i].name);
	if (!burst)
		return 15 * 1000;
	rate *= burst;
	for (i = 0; i < ARRAY_SIZE(units) - 1 && rate < units[i].size; )
		i++;
	text_add(t, " --hashlimit-burst %llu%sb", (unsigned long long)(rate / units[i].size), units[i].name);
	return 60 * 1000;
}

static void hashlimit_words(struct text *t, const struct xt *x)
{
	static const char *const key[] = { "dstip", "dstport", "srcip", "srcport" };
	static const unsigned order[] = { 2, 3, 0, 1 };		/* srcip,srcport,dstip,dstport */
	struct hashlimit h;
	const char *sep = " --hashlimit-mode ";
	uint8_t full = x->family == NFPROTO_IPV4 ? 32 : 128;
	uint32_t expire;

	hashlimit_from(x, &h);
	text_add(t, h.cfg.mode & XT_HASHLIMIT_INVERT ? " --hashlimit-above" : " --hashlimit-upto");
	if (h.cfg.mode & XT_HASHLIMIT_BYTES) {
		expire = byte_words(t, h.cfg.avg, h.cfg.burst);
	} else {
		expire = rate_words(t, h.cfg.avg, h.scale);
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
	if (h.cfg.expire != expire)
		text_add(t, " --hashlimit-htable-expire %u", h.cfg.expire);
	if (h.cfg.srcmask != full)
		text_add(t, " --hashlimit-srcmask %u", h.cfg.srcmask);
	if (h.cfg.dstmask != full)
		text_add(t, " --hashlimit-dstmask %u", h.cfg.dstmask);
	if (x->rev != 3 || !(h.cfg.mode & XT_HASHLIMIT_RATE_MATCH))
		return;
	text_add(t, " --hashlimit-rate-match");
	if (h.cfg.interval != 1)
		text_add(t, " --hashlimit-rate-interval %u", h.cfg.interval);
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

static void rateest_value(struct text *t, uint32_t value, bool bits)
{
	double rate = value * 8.0;

	if (!bits)
		text_add(t, " %u", value);
	else if (rate >= 1e9)
		text_add(t, " %.0fMbit", rate / 1e6);
	else if (rate >= 1e6)
		text_add(t, " %.0fKbit", rate / 1e3);
	else
		text_add(t, " %.0fbit", rate);
}

static void rateest_rates(struct text *t, const struct xt_rateest_match_info *info, const char *name,
			  uint32_t first, uint32_t second, bool bits)
{
	static const char *const mode[] = { "none", "eq", "lt", "gt" };
	bool delta = info->flags & XT_RATEEST_MATCH_DELTA;

	if (delta) {
		text_add(t, " --rateest-%s1", name);
		rateest_value(t, first, bits);
	}
	xt_say_not(t, info->flags & XT_RATEEST_MATCH_INVERT);
	text_add(t, " --rateest-%s --rateest-%s%s", info->mode < ARRAY_SIZE(mode) ? mode[info->mode] : mode[0], name,
		 delta ? "2" : "");
	if (info->flags & (XT_RATEEST_MATCH_ABS | XT_RATEEST_MATCH_DELTA))
		rateest_value(t, second, bits);
}

static void rateest_words(struct text *t, const struct xt *x)
{
	const struct xt_rateest_match_info *info = x->info;
	bool two = info->flags & XT_RATEEST_MATCH_REL;

	if (info->flags & XT_RATEEST_MATCH_DELTA)
		text_add(t, " --rateest-delta");
	text_add(t, " --rateest%s %.*s", two ? "1" : "", (int)strnlen(info->name1, sizeof(info->name1)), info->name1);
	if (info->flags & XT_RATEEST_MATCH_BPS)
		rateest_rates(t, info, "bps", info->bps1, info->bps2, true);
	if (info->flags & XT_RATEEST_MATCH_PPS)
		rateest_rates(t, info, "pps", info->pps1, info->pps2, false);
	if (two)
		text_add(t, " --rateest2 %.*s", (int)strnlen(info->name2, sizeof(info->name2)), info->name2);
}

static const struct xt_row rows[] = {
	XT_MATCH("limit", 0, 0, sizeof(struct xt_rateinfo), rate, limit_words),
	XT_MATCH("hashlimit", 1, 0, sizeof(struct xt_hashlimit_mtinfo1), rate, hashlimit_words),
	XT_MATCH("hashlimit", 2, 0, sizeof(struct xt_hashlimit_mtinfo2), rate, hashlimit_words),
	XT_MATCH("hashlimit", 3, 0, sizeof(struct xt_hashlimit_mtinfo3), rate, hashlimit_words),
	XT_MATCH("connlimit", 1, 0, sizeof(struct xt_connlimit_info), connlimit, connlimit_words),
	XT_MATCH("quota", 0, 0, sizeof(struct xt_quota_info), quota, quota_words),
	XT_MATCH("rateest", 0, 0, sizeof(struct xt_rateest_match_info), rate, rateest_words),
};

const struct xt_rows xt_match_rate = XT_ROWS(rows);
