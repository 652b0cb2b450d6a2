/* SPDX-License-Identifier: GPL-2.0-only */
/* Targets with effects beside the packet's way: logs, copies, sets, classes, security marks. */
#include <string.h>

#include "nft/ipset.h"
#include "nft/writes.h"
#include "nft/xt_rows.h"

#include <linux/if.h>
#include <linux/netfilter/xt_AUDIT.h>
#include <linux/netfilter/xt_CHECKSUM.h>
#include <linux/netfilter/xt_CLASSIFY.h>
#include <linux/netfilter/xt_CONNSECMARK.h>
#include <linux/netfilter/xt_HMARK.h>
#include <linux/netfilter/xt_IDLETIMER.h>
#include <linux/netfilter/xt_LED.h>
#include <linux/netfilter/xt_LOG.h>
#include <linux/netfilter/xt_NFLOG.h>
#include <linux/netfilter/xt_RATEEST.h>
#include <linux/netfilter/xt_SECMARK.h>
#include <linux/netfilter/xt_TEE.h>
#include <linux/netfilter/xt_set.h>

/* -- logs -- */

static void log_words(struct text *t, const struct xt *x)
{
	static const struct { uint8_t bit; const char *option; } flags[] = {
		{ XT_LOG_TCPSEQ, "log-tcp-sequence" }, { XT_LOG_TCPOPT, "log-tcp-options" },
		{ XT_LOG_IPOPT, "log-ip-options" }, { XT_LOG_UID, "log-uid" }, { XT_LOG_MACDECODE, "log-macdecode" },
	};
	const struct xt_log_info *info = x->info;

	if (*info->prefix) {
		text_add(t, " --log-prefix");
		xt_say_string(t, info->prefix, sizeof(info->prefix));
	}
	if (info->level != 4)		/* LOG_WARNING, the default */
		text_add(t, " --log-level %d", info->level);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (info->logflags & flags[i].bit)
			text_add(t, " --%s", flags[i].option);
}

static void nflog_words(struct text *t, const struct xt *x)
{
	const struct xt_nflog_info *info = x->info;

	if (*info->prefix) {
		text_add(t, " --nflog-prefix");
		xt_say_string(t, info->prefix, sizeof(info->prefix));
	}
	if (info->group)
		text_add(t, " --nflog-group %u", info->group);
	if (info->flags & XT_NFLOG_F_COPY_LEN)
		text_add(t, " --nflog-size %u", info->len);
	else if (info->len)
		text_add(t, " --nflog-range %u", info->len);
	if (info->threshold)
		text_add(t, " --nflog-threshold %u", info->threshold);
}

static void audit_words(struct text *t, const struct xt *x)
{
	static const char *const type[] = { "accept", "drop", "reject" };
	const struct xt_audit_info *info = x->info;

	if (info->type < ARRAY_SIZE(type))
		text_add(t, " --type %s", type[info->type]);
}

static void checksum_words(struct text *t, const struct xt *x)
{
	const struct xt_CHECKSUM_info *info = x->info;

	if (info->operation & XT_CHECKSUM_OP_FILL)
		text_add(t, " --checksum-fill");
}

/* -- CLASSIFY, HMARK -- */

static enum step_kind classify(struct eval *e, const struct xt *x)
{
	const struct xt_classify_target_info *info = x->info;

	e->p->priority = info->priority;
	e->says = arena_printf(e->arena, "sets the traffic class %x:%x", info->priority >> 16, info->priority & 0xffff);
	eval_changed(e);
	return STEP_NEXT;
}

static void classify_words(struct text *t, const struct xt *x)
{
	const struct xt_classify_target_info *info = x->info;

	text_add(t, " --set-class %.4x:%.4x", info->priority >> 16, info->priority & 0xffff);
}

static enum step_kind hmark(struct eval *e, const struct xt *x UNUSED)
{
	eval_unknown(e, "the mark that HMARK hashes from the packet is not computed");
	return STEP_UNKNOWN;
}

static void hmark_words(struct text *t, const struct xt *x)
{
	const struct xt_hmark_info *info = x->info;
	const unsigned len = x->family == NFPROTO_IPV4 ? 4 : 16;
	const struct { unsigned flag; const char *format; uint32_t value; } part[] = {
		{ XT_HMARK_SADDR_MASK, " --hmark-src-prefix %d", xt_plen(&info->src_mask, len) },
		{ XT_HMARK_DADDR_MASK, " --hmark-dst-prefix %d", xt_plen(&info->dst_mask, len) },
		{ XT_HMARK_SPORT_MASK, " --hmark-sport-mask 0x%04x", htons(info->port_mask.p16.src) },
		{ XT_HMARK_DPORT_MASK, " --hmark-dport-mask 0x%04x", htons(info->port_mask.p16.dst) },
		{ XT_HMARK_SPI_MASK, " --hmark-spi-mask 0x%08x", htonl(info->port_mask.v32) },
		{ XT_HMARK_SPORT, " --hmark-sport 0x%04x", htons(info->port_set.p16.src) },
		{ XT_HMARK_DPORT, " --hmark-dport 0x%04x", htons(info->port_set.p16.dst) },
		{ XT_HMARK_SPI, " --hmark-spi 0x%08x", htonl(info->port_set.v32) },
		{ XT_HMARK_PROTO_MASK, " --hmark-proto-mask 0x%02x", info->proto_mask },
		{ XT_HMARK_RND, " --hmark-rnd 0x%08x", info->hashrnd },
		{ XT_HMARK_MODULUS, " --hmark-mod %u", info->hmodulus },
		{ XT_HMARK_OFFSET, " --hmark-offset %u", info->hoffset },
	};

	for (size_t i = 0; i < ARRAY_SIZE(part); i++)
		if (info->flags & 1u << part[i].flag)
			text_add(t, part[i].format, part[i].value);
	if (info->flags & 1u << XT_HMARK_CT)
		text_add(t, " --hmark-tuple ct");
}

/* -- TEE -- */

static enum step_kind tee(struct eval *e, const struct xt *x)
{
	const struct xt_tee_tginfo *info = x->info;
	struct addr gw = xt_addr(x->family, &info->gw);
	char buf[ADDR_TEXT];

	e->says = arena_printf(e->arena, "sends a copy to %s", addr_say(&gw, buf));
	return STEP_NEXT;
}

static void tee_words(struct text *t, const struct xt *x)
{
	const struct xt_tee_tginfo *info = x->info;
	struct addr gw = xt_addr(x->family, &info->gw);
	char buf[ADDR_TEXT];

	text_add(t, " --gateway %s", addr_say(&gw, buf));
	if (*info->oif)
		text_add(t, " --oif %.*s", (int)strnlen(info->oif, sizeof(info->oif)), info->oif);
}

/* -- SET -- */

#define NO_SET	0xffff			/* IPSET_INVALID_ID */

/* set_target_v3() may take a mark, a class or a queue from the element: that is not read. */
/* That a set was written to, not with what. i: 0 add, 1 del, as in struct xt_set_info_target_v1. */
static void note_set(struct eval *e, const struct xt *x, unsigned i)
{
	const struct xt_set_info *info = (const struct xt_set_info *)x->info + i;
	const char *name;

	if (info->index == NO_SET)
		return;
	name = x->set && x->set[i] ? x->set[i] : ipset_name(e->nft, e->netns, info->index);
	if (name)
		write_note(e, &(struct nft_write){ .kind = WRITE_IPSET, .where = name, .removed = i == 1 });
}

static enum step_kind set_target(struct eval *e, const struct xt *x)
{
	const struct xt_set_info_target_v3 *v3 = x->info;

	if (x->rev == 3 && v3->map_set.index != NO_SET) {
		eval_unknown(e, "what the ipset's element maps the packet to is not read");
		return STEP_UNKNOWN;
	}
	note_set(e, x, 0);
	note_set(e, x, 1);
	if (v3->add_set.index != NO_SET)
		e->says = "adds it to an ipset";
	else if (v3->del_set.index != NO_SET)
		e->says = "removes it from an ipset";
	return STEP_NEXT;
}

static void one_set_words(struct text *t, const struct xt *x, const char *option, unsigned i)
{
	const struct xt_set_info *info = (const struct xt_set_info *)x->info + i;

	if (info->index == NO_SET)
		return;
	if (x->set && x->set[i])
		text_add(t, " --%s %s", option, x->set[i]);
	else
		text_add(t, " --%s [set %u]", option, info->index);
	for (int d = 1; d <= info->dim && d <= IPSET_DIM_MAX; d++)
		text_add(t, "%c%s", d == 1 ? ' ' : ',', info->flags & 1 << d ? "src" : "dst");
}

static void set_target_words(struct text *t, const struct xt *x)
{
	const struct xt_set_info_target_v2 *v2 = x->info;
	const struct xt_set_info_target_v3 *v3 = x->info;
	uint32_t flags = x->rev == 1 ? 0 : x->rev == 2 ? v2->flags : v3->flags;
	uint32_t timeout = x->rev == 1 ? UINT32_MAX : x->rev == 2 ? v2->timeout : v3->timeout;

	one_set_words(t, x, "add-set", 0);
	if (flags & IPSET_FLAG_EXIST)
		text_add(t, " --exist");
	if (timeout != UINT32_MAX)
		text_add(t, " --timeout %u", timeout);
	one_set_words(t, x, "del-set", 1);
	if (x->rev < 3)
		return;
	one_set_words(t, x, "map-set", 2);
	if (flags & IPSET_FLAG_MAP_SKBMARK)
		text_add(t, " --map-mark");
	if (flags & IPSET_FLAG_MAP_SKBPRIO)
		text_add(t, " --map-prio");
	if (flags & IPSET_FLAG_MAP_SKBQUEUE)
		text_add(t, " --map-queue");
}

/* -- the rest -- */

static void secmark_words(struct text *t, const struct xt *x)
{
	const struct xt_secmark_target_info *v0 = x->info;
	const struct xt_secmark_target_info_v1 *v1 = x->info;
	const char *ctx = x->rev ? v1->secctx : v0->secctx;

	text_add(t, " --selctx %.*s", (int)strnlen(ctx, SECMARK_SECCTX_MAX), ctx);
}

static void connsecmark_words(struct text *t, const struct xt *x)
{
	const struct xt_connsecmark_target_info *info = x->info;

	text_add(t, info->mode == CONNSECMARK_SAVE ? " --save" : " --restore");
}

static void idletimer_words(struct text *t, const struct xt *x)
{
	const struct idletimer_tg_info *info = x->info;
	const struct idletimer_tg_info_v1 *v1 = x->info;

	text_add(t, " --timeout %u --label %.*s", info->timeout, (int)strnlen(info->label, sizeof(info->label)),
		 info->label);
	if (x->rev && v1->timer_type == XT_IDLETIMER_ALARM)
		text_add(t, " --alarm");
	if (x->rev && v1->send_nl_msg)
		text_add(t, " --send_nl_msg");
}

static void led_words(struct text *t, const struct xt *x)
{
	const struct xt_led_info *info = x->info;
	const char *id = info->id + strlen("netfilter-");

	text_add(t, " --led-trigger-id \"");
	for (; id < info->id + sizeof(info->id) && *id; id++)
		text_add(t, *id == '"' || *id == '\\' ? "\\%c" : "%c", *id);
	text_add(t, "\"");
	if (info->delay == UINT32_MAX)
		text_add(t, " --led-delay inf");
	else if (info->delay)
		text_add(t, " --led-delay %u", info->delay);
	if (info->always_blink)
		text_add(t, " --led-always-blink");
}

/* RATEEST_print_time() of libxt_RATEEST.c; microseconds */
static void time_words(struct text *t, const char *option, uint32_t us)
{
	if (us >= 1000000)
		text_add(t, " --%s %.1fs", option, us / 1e6);
	else if (us >= 1000)
		text_add(t, " --%s %.1fms", option, us / 1e3);
	else
		text_add(t, " --%s %uus", option, us);
}

static void rateest_words(struct text *t, const struct xt *x)
{
	const struct xt_rateest_target_info *info = x->info;

	uint32_t interval = (1000000u << ((info->interval + 2) & 15)) / 4;

	text_add(t, " --rateest-name %.*s", (int)strnlen(info->name, sizeof(info->name)), info->name);
	time_words(t, "rateest-interval", interval);
	time_words(t, "rateest-ewmalog", interval * (1u << (info->ewma_log & 15)));
}

static const struct xt_row rows[] = {
	XT_TARGET_PURE("LOG", 0, 0, sizeof(struct xt_log_info), xt_continue, log_words),
	XT_TARGET_PURE("NFLOG", 0, 0, sizeof(struct xt_nflog_info), xt_continue, nflog_words),
	XT_TARGET_PURE("AUDIT", 0, 0, sizeof(struct xt_audit_info), xt_continue, audit_words),
	XT_TARGET_PURE("TRACE", 0, 0, 0, xt_continue, NULL),
	XT_TARGET_PURE("CHECKSUM", 0, 0, sizeof(struct xt_CHECKSUM_info), xt_continue, checksum_words),
	XT_TARGET_CHANGES("CLASSIFY", 0, 0, sizeof(struct xt_classify_target_info), classify, classify_words),
	XT_TARGET_CHANGES("HMARK", 0, 0, sizeof(struct xt_hmark_info), hmark, hmark_words),
	XT_TARGET("TEE", 1, 0, sizeof(struct xt_tee_tginfo), tee, tee_words),
	XT_TARGET("SET", 1, 0, sizeof(struct xt_set_info_target_v1), set_target, set_target_words),
	XT_TARGET("SET", 2, 0, sizeof(struct xt_set_info_target_v2), set_target, set_target_words),
	XT_TARGET_CHANGES("SET", 3, 0, sizeof(struct xt_set_info_target_v3), set_target, set_target_words),
	XT_TARGET_PURE("SECMARK", 0, 0, sizeof(struct xt_secmark_target_info), xt_continue, secmark_words),
	XT_TARGET_PURE("SECMARK", 1, 0, sizeof(struct xt_secmark_target_info_v1), xt_continue, secmark_words),
	XT_TARGET_PURE("CONNSECMARK", 0, 0, sizeof(struct xt_connsecmark_target_info), xt_continue,
		       connsecmark_words),
	XT_TARGET_PURE("IDLETIMER", 0, 0, sizeof(struct idletimer_tg_info), xt_continue, idletimer_words),
	XT_TARGET_PURE("IDLETIMER", 1, 0, sizeof(struct idletimer_tg_info_v1), xt_continue, idletimer_words),
	XT_TARGET_PURE("LED", 0, 0, sizeof(struct xt_led_info), xt_continue, led_words),
	XT_TARGET_PURE("RATEEST", 0, 0, sizeof(struct xt_rateest_target_info), xt_continue, rateest_words),
};

const struct xt_rows xt_target_other = XT_ROWS(rows);
