/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches that chance, the clock or another subsystem's state decide. Chance forks with its share; the rest is
 * unknown, each with a clause that says what it depends on.
 */
#include <string.h>
#include <time.h>

#include "nft/xt_rows.h"

#include <linux/netfilter/xt_ipvs.h>
#include <linux/netfilter/xt_nfacct.h>
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

static enum answer time_mt(struct eval *e, const struct xt *x)
{
	const struct xt_time_info *info = x->info;

	if (info->date_start == 0 && info->date_stop >= 0x7fffffff && info->daytime_start == XT_TIME_MIN_DAYTIME &&
	    info->daytime_stop == XT_TIME_MAX_DAYTIME && info->weekdays_match == XT_TIME_ALL_WEEKDAYS &&
	    info->monthdays_match == XT_TIME_ALL_MONTHDAYS)
		return YES;
	return eval_unknown(e, "whether the time match passes depends on the time of day");
}

static void day_words(struct text *t, const char *option, uint32_t at)
{
	text_add(t, " --%s %02u:%02u:%02u", option, at / 3600, at / 60 % 60, at % 60);
}

static void date_words(struct text *t, const char *option, uint32_t at)
{
	time_t when = at;
	struct tm tm;
	char buf[32];

	if (!at || at == UINT32_MAX || !gmtime_r(&when, &tm) ||
	    !strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	text_add(t, " --%s %s", option, buf);
}

static void time_words(struct text *t, const struct xt *x)
{
	static const char *const weekday[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
	const struct xt_time_info *info = x->info;
	const char *sep;

	if (info->daytime_start != XT_TIME_MIN_DAYTIME || info->daytime_stop != XT_TIME_MAX_DAYTIME) {
		day_words(t, "timestart", info->daytime_start);
		day_words(t, "timestop", info->daytime_stop);
	}
	sep = " --monthdays ";
	for (unsigned i = 1; i < 32 && info->monthdays_match != XT_TIME_ALL_MONTHDAYS; i++)
		if (info->monthdays_match & 1u << i) {
			text_add(t, "%s%u", sep, i);
			sep = ",";
		}
	sep = " --weekdays ";
	for (unsigned i = 1; i < 8 && info->weekdays_match != XT_TIME_ALL_WEEKDAYS; i++)
		if (info->weekdays_match & 1u << i) {
			text_add(t, "%s%s", sep, weekday[i - 1]);
			sep = ",";
		}
	date_words(t, "datestart", info->date_start);
	date_words(t, "datestop", info->date_stop);
	if (info->flags & XT_TIME_LOCAL_TZ)
		text_add(t, " --kerneltz");
	if (info->flags & XT_TIME_CONTIGUOUS)
		text_add(t, " --contiguous");
}

/*
 * ipvs_mt(): skb->ipvs_property is set on what IPVS has handled. The rest asks its connection, found by the real server as the
 * packet's destination: so not for answers.
 */
static enum answer ipvs(struct eval *e, const struct xt *x)
{
	const struct xt_ipvs_mtinfo *info = x->info;
	const struct packet *p = e->p;
	bool set = p->ipvs.set;

#define WANTED(bit, equal)	(!(info->bitmask & (bit)) || (equal) != !!(info->invert & (bit)))
	if (info->bitmask == XT_IPVS_IPVS_PROPERTY)
		return answer_of(set != !!(info->invert & XT_IPVS_IPVS_PROPERTY));
	if (!set || !WANTED(XT_IPVS_PROTO, p->proto == info->l4proto) || p->ipvs.reply)
		return NO;
	if (!WANTED(XT_IPVS_VPORT, p->ipvs.port == ntohs(info->vport)) ||
	    !WANTED(XT_IPVS_METHOD, p->ipvs.method == info->fwd_method) ||
	    !WANTED(XT_IPVS_VADDR, xt_addr_masked_eq(&p->ipvs.vip, &info->vaddr, &info->vmask)))
		return NO;
	/* the direction is inverted for replies, and needs a connection */
	if (info->bitmask & XT_IPVS_DIR && (!eval_has_ct(e) || p->ct.reply != !!(info->invert & XT_IPVS_DIR)))
		return NO;
	if (info->bitmask & XT_IPVS_VPORTCTL)
		return eval_unknown(e, "which connection controls the IPVS one is not visible from outside");
	return YES;
#undef WANTED
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
	XT_MATCH("time", 0, 0, sizeof(struct xt_time_info), time_mt, time_words),
	XT_MATCH("ipvs", 0, 0, sizeof(struct xt_ipvs_mtinfo), ipvs, ipvs_words),
};

const struct xt_rows xt_match_stateful = XT_ROWS(rows);
