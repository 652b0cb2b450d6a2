/* SPDX-License-Identifier: GPL-2.0-only */
/* Expressions that count, record, hold back, answer or send elsewhere; and the bridge to xt matches and targets. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/queue.h"
#include "nft/uapi.h"
#include "nft/xt.h"
#include "tracer/base/nl.h"

#include <linux/netfilter/nf_tables_compat.h>

static enum step_kind next_run(struct eval *e UNUSED, const struct step *s UNUSED)
{
	return STEP_NEXT;
}

static void name_words(struct words *w, const struct step *s)
{
	words_flush(w);
	words_add(w, "%s", s->ops->name);
}

static void no_words(struct words *w UNUSED, const struct step *s UNUSED)
{
}

/* -- counter, last, log -- */

static void counter_words(struct words *w, const struct step *s UNUSED)
{
	words_flush(w);
	if (!w->iptables)
		words_add(w, "counter");
}

static const struct expr_ops counter_ops = EXPR_OPS("counter", next_run, counter_words, .pure = true);
static const struct expr_ops last_ops = EXPR_OPS("last", next_run, no_words, .pure = true);

static bool counter_decode(struct decode *d, const struct nlattr *data UNUSED, struct step *s)
{
	step_new(d, s, &counter_ops, 1);
	return true;
}

static bool last_decode(struct decode *d, const struct nlattr *data UNUSED, struct step *s)
{
	step_new(d, s, &last_ops, 1);
	return true;
}

struct log_data {
	const char *prefix;
	bool has_group;
	uint16_t group;
	uint32_t level;
};

static void log_words(struct words *w, const struct step *s)
{
	static const char *const level[] = {
		"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit",
	};
	const struct log_data *d = s->data;

	words_flush(w);
	if (w->iptables) {
		words_add(w, "-j %s", d->has_group ? "NFLOG" : "LOG");
		if (d->prefix && *d->prefix)
			words_add(w, "--%s-prefix \"%s\"", d->has_group ? "nflog" : "log", d->prefix);
		if (d->has_group && d->group)
			words_add(w, "--nflog-group %u", d->group);
		return;
	}
	words_add(w, "log");
	if (d->prefix && *d->prefix)
		words_add(w, "prefix \"%s\"", d->prefix);
	if (d->has_group)
		words_add(w, "group %u", d->group);
	if (d->level != NFT_LOGLEVEL_WARNING && d->level < ARRAY_SIZE(level))
		words_add(w, "level %s", level[d->level]);
}

static const struct expr_ops log_ops = EXPR_OPS("log", next_run, log_words, .pure = true);

static bool log_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_LOG_MAX + 1];
	struct log_data *l = step_new(d, s, &log_ops, sizeof(*l));

	if (!expr_attrs(data, tb, NFTA_LOG_MAX))
		return false;
	l->prefix = nl_str(d->arena, tb[NFTA_LOG_PREFIX]);
	l->has_group = tb[NFTA_LOG_GROUP];
	l->level = nl_be32(tb[NFTA_LOG_LEVEL], NFT_LOGLEVEL_WARNING);
	l->group = nl_be16(tb[NFTA_LOG_GROUP], 0);
	return true;
}

/* -- limit, quota, connlimit: they depend on the traffic so far -- */

struct limit_data {
	uint64_t rate, unit;
	uint32_t burst, type, flags;
};

static enum step_kind limit_run(struct eval *e, const struct step *s)
{
	const struct limit_data *d = s->data;

	eval_unknown(e, "depends on the traffic so far (%s)",
		     words_limit(e->arena, d->rate, d->unit, d->burst, d->type, d->flags));
	return STEP_UNKNOWN;
}

static void limit_words(struct words *w, const struct step *s)
{
	static const struct { uint64_t unit; const char *name; } units[] = {
		{ 1, "sec" }, { 60, "min" }, { 3600, "hour" }, { 86400, "day" },
	};
	const struct limit_data *d = s->data;

	words_flush(w);
	if (!w->iptables) {
		words_add(w, "%s", words_limit(w->arena, d->rate, d->unit, d->burst, d->type, d->flags));
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (units[i].unit == d->unit)
			words_add(w, "-m limit --limit %llu/%s", (unsigned long long)d->rate, units[i].name);
	if (d->burst != 5)
		words_add(w, "--limit-burst %u", d->burst);
}

static const struct expr_ops limit_ops = EXPR_OPS("limit", limit_run, limit_words);

static bool limit_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_LIMIT_MAX + 1];
	struct limit_data *l = step_new(d, s, &limit_ops, sizeof(*l));

	if (!expr_attrs(data, tb, NFTA_LIMIT_MAX))
		return false;
	l->rate = nl_be64(tb[NFTA_LIMIT_RATE], 0);
	l->unit = nl_be64(tb[NFTA_LIMIT_UNIT], 0);
	l->burst = nl_be32(tb[NFTA_LIMIT_BURST], 0);
	l->type = nl_be32(tb[NFTA_LIMIT_TYPE], 0);
	l->flags = nl_be32(tb[NFTA_LIMIT_FLAGS], 0);
	return l->type <= NFT_LIMIT_PKT_BYTES && !(l->flags & ~NFT_LIMIT_F_INV);
}

struct quota_data {
	uint64_t bytes, used;
	bool inverted;
};

/* What may pass a rule between the reading of its counter and the packet: its own connection's, and others'. */
#define QUOTA_NEAR	65536

/* nft_overquota() */
enum step_kind eval_quota(struct eval *e, uint64_t used, uint64_t bytes, bool inverted)
{
	bool over = used >= bytes;

	if (!over && bytes - used <= QUOTA_NEAR)
		return unknown(e, "depends on the traffic so far (a quota is almost used up)");
	return over != inverted ? STEP_BREAK : STEP_NEXT;
}

static enum step_kind quota_run(struct eval *e, const struct step *s)
{
	const struct quota_data *d = s->data;

	return eval_quota(e, d->used, d->bytes, d->inverted);
}

static void quota_words(struct words *w, const struct step *s)
{
	const struct quota_data *d = s->data;

	words_flush(w);
	words_add(w, "quota %s%llu bytes", d->inverted ? "over " : "", (unsigned long long)d->bytes);
	if (d->used)
		words_add(w, "used %llu bytes", (unsigned long long)d->used);
}

static const struct expr_ops quota_ops = EXPR_OPS("quota", quota_run, quota_words);

static bool quota_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_QUOTA_MAX + 1];
	struct quota_data *q = step_new(d, s, &quota_ops, sizeof(*q));

	if (!expr_attrs(data, tb, NFTA_QUOTA_MAX) || !tb[NFTA_QUOTA_BYTES])
		return false;
	q->bytes = nl_be64(tb[NFTA_QUOTA_BYTES], 0);
	q->used = nl_be64(tb[NFTA_QUOTA_CONSUMED], 0);
	q->inverted = nl_be32(tb[NFTA_QUOTA_FLAGS], 0) & NFT_QUOTA_F_INV;
	return true;
}

struct connlimit_data {
	uint32_t count;
	bool inverted;
};

static enum step_kind connlimit_run(struct eval *e, const struct step *s)
{
	const struct connlimit_data *d = s->data;

	eval_unknown(e, "depends on how many connections there are (ct count %s%u)",
		     d->inverted ? "over " : "", d->count);
	return STEP_UNKNOWN;
}

static void connlimit_words(struct words *w, const struct step *s)
{
	const struct connlimit_data *d = s->data;

	words_flush(w);
	words_add(w, "ct count %s%u", d->inverted ? "over " : "", d->count);
}

static const struct expr_ops connlimit_ops = EXPR_OPS("connlimit", connlimit_run, connlimit_words);

static bool connlimit_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_CONNLIMIT_MAX + 1];
	struct connlimit_data *c = step_new(d, s, &connlimit_ops, sizeof(*c));

	if (!expr_attrs(data, tb, NFTA_CONNLIMIT_MAX))
		return false;
	c->count = nl_be32(tb[NFTA_CONNLIMIT_COUNT], 0);
	c->inverted = nl_be32(tb[NFTA_CONNLIMIT_FLAGS], 0) & NFT_CONNLIMIT_F_INV;
	return true;
}

/* -- reject -- */

struct reject_data {
	uint32_t type;
	uint8_t code;
};

/* nf_reject codes by family, and nft_reject_icmp_code(), nft_reject_icmpv6_code() for icmpx. */
static const char *reject_name(const struct reject_data *d, uint8_t family)
{
	static const char *const icmp[] = {
		[0] = "icmp-net-unreachable", [1] = "icmp-host-unreachable", [2] = "icmp-proto-unreachable",
		[3] = "icmp-port-unreachable", [9] = "icmp-net-prohibited", [10] = "icmp-host-prohibited",
		[13] = "icmp-admin-prohibited",
	};
	static const char *const icmp6[] = {
		[0] = "icmp6-no-route", [1] = "icmp6-adm-prohibited", [3] = "icmp6-addr-unreachable",
		[4] = "icmp6-port-unreachable", [5] = "icmp6-policy-fail", [6] = "icmp6-reject-route",
	};
	static const uint8_t icmpx[] = { 0, 3, 1, 13 }, icmpx6[] = { 0, 4, 3, 1 };
	uint8_t code = d->code;

	if (d->type == NFT_REJECT_TCP_RST)
		return "tcp-reset";
	if (d->type == NFT_REJECT_ICMPX_UNREACH)
		code = family == AF_INET ? icmpx[code & 3] : icmpx6[code & 3];
	if (family == AF_INET)
		return code < ARRAY_SIZE(icmp) && icmp[code] ? icmp[code] : "icmp";
	return code < ARRAY_SIZE(icmp6) && icmp6[code] ? icmp6[code] : "icmp6";
}

/* nft_reject_ipv4_eval() and kin: dropped in any case, also where no answer is sent. */
static enum step_kind reject_run(struct eval *e, const struct step *s)
{
	e->run->reject_with = reject_name(s->data, packet_family(e->p));
	return STEP_REJECT;
}

static void reject_words(struct words *w, const struct step *s)
{
	static const char *const icmpx[] = { "no-route", "port-unreachable", "host-unreachable", "admin-prohibited" };
	const struct reject_data *d = s->data;
	bool six = w->l3proto == NFPROTO_IPV6;
	const char *name = reject_name(d, six ? AF_INET6 : AF_INET);

	if (d->type == NFT_REJECT_ICMP_UNREACH)
		w->pending3 = NULL;
	words_flush(w);
	words_add(w, "%s", w->iptables ? "-j REJECT" : "reject");
	if (w->iptables)
		words_add(w, "--reject-with %s", name);
	else if (d->type == NFT_REJECT_TCP_RST)
		words_add(w, "with tcp reset");
	else if (d->type == NFT_REJECT_ICMPX_UNREACH && d->code != NFT_REJECT_ICMPX_PORT_UNREACH)
		words_add(w, "with icmpx %s", icmpx[d->code & 3]);
	else if (d->type == NFT_REJECT_ICMP_UNREACH && strcmp(name, six ? "icmp6-port-unreachable" : "icmp-port-unreachable"))
		words_add(w, "with %s %s", six ? "icmpv6" : "icmp", strchr(name, '-') ? strchr(name, '-') + 1 : name);
}

static const struct expr_ops reject_ops = EXPR_OPS("reject", reject_run, reject_words);

static bool reject_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_REJECT_MAX + 1];
	struct reject_data *r = step_new(d, s, &reject_ops, sizeof(*r));

	if (!expr_attrs(data, tb, NFTA_REJECT_MAX))
		return false;
	r->type = nl_be32(tb[NFTA_REJECT_TYPE], 99);
	r->code = nl_u8(tb[NFTA_REJECT_ICMP_CODE], 0);
	return r->type <= NFT_REJECT_ICMPX_UNREACH;
}

/* -- queue -- */

struct queue_data {
	uint16_t num, total, flags;
	bool by_reg;
	uint8_t reg;
};

static enum step_kind queue_run(struct eval *e, const struct step *s)
{
	const struct queue_data *d = s->data;
	bool bypass = d->flags & NFT_QUEUE_FLAG_BYPASS;

	if (!d->by_reg)
		return queue_verdict(e, d->num, d->total, bypass);
	if (!reg_known(e, d->reg, 2))
		return queue_verdict(e, 0, QUEUES, bypass);
	return queue_verdict(e, reg_load32(e, d->reg) & 0xffff, 1, bypass);
}

static void queue_words(struct words *w, const struct step *s)
{
	const struct queue_data *d = s->data;

	words_flush(w);
	words_add(w, "queue%s%s to ", d->flags & NFT_QUEUE_FLAG_BYPASS ? " flags bypass" : "",
		  d->flags & NFT_QUEUE_FLAG_CPU_FANOUT ? d->flags & NFT_QUEUE_FLAG_BYPASS ? ",fanout" : " flags fanout" : "");
	if (d->by_reg)
		text_add(&w->t, "%s", words_value(w, d->reg, DT_HOST_INTEGER, 2));
	else if (d->total > 1)
		text_add(&w->t, "%u-%u", d->num, d->num + d->total - 1);
	else
		text_add(&w->t, "%u", d->num);
}

static const struct expr_ops queue_ops = EXPR_OPS("queue", queue_run, queue_words);

static bool queue_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_QUEUE_MAX + 1];
	struct queue_data *q = step_new(d, s, &queue_ops, sizeof(*q));

	if (!expr_attrs(data, tb, NFTA_QUEUE_MAX))
		return false;
	q->num = nl_be16(tb[NFTA_QUEUE_NUM], 0);
	q->total = nl_be16(tb[NFTA_QUEUE_TOTAL], 1);
	q->flags = nl_be16(tb[NFTA_QUEUE_FLAGS], 0);
	q->by_reg = tb[NFTA_QUEUE_SREG_QNUM];
	return !q->by_reg || expr_reg(tb[NFTA_QUEUE_SREG_QNUM], 2, &q->reg);
}

/* -- fwd, dup, flow_offload, synproxy -- */

struct fwd_data {
	uint8_t dev, addr, family;
	bool has_dev, has_addr;
	const char *flowtable;
};

/* nft_fwd_netdev_eval(), nft_fwd_neigh_eval() */
static enum step_kind fwd_run(struct eval *e, const struct step *s)
{
	const struct fwd_data *d = s->data;
	unsigned len = d->family == AF_INET ? 4 : 16;
	const struct link *l;

	if (d->has_addr) {
		if (packet_family(e->p) != d->family)
			return STEP_BREAK;
		if (!reg_known(e, d->addr, len))
			return unknown(e, "forwards to an address that is not known");
		if (e->p->ttl <= 1)
			return STEP_DROP;
		e->p->ttl--;
		e->run->fwd_addr = addr_from(e->regs.b + d->addr, len);
	}
	if (!reg_known(e, d->dev, 4))
		return unknown(e, "forwards to a device that is not known");
	e->run->fwd_ifindex = reg_load32(e, d->dev);
	l = eval_link(e, e->run->fwd_ifindex);
	e->says = arena_printf(e->arena, "forwards it out of %s", l ? l->name : "another device");
	return STEP_STOLEN;
}

static void fwd_words(struct words *w, const struct step *s)
{
	const struct fwd_data *d = s->data;
	uint8_t chain = w->chain ? w->chain->family : NFPROTO_IPV4;
	enum datatype t = d->family == AF_INET6 || (!d->family && chain == NFPROTO_IPV6) ? DT_IPV6 : DT_IPV4;

	words_flush(w);
	words_add(w, d->family && d->has_addr ? t == DT_IPV6 ? "%s ip6 to" : "%s ip to" : "%s to", s->ops->name);
	if (d->has_addr)
		words_add(w, "%s", words_value(w, d->addr, t, t == DT_IPV4 ? 4 : 16));
	if (d->has_dev)
		words_add(w, "%s%s", d->has_addr ? "device " : "", words_value(w, d->dev, DT_IFINDEX, 4));
}

static const struct expr_ops fwd_ops = EXPR_OPS("fwd", fwd_run, fwd_words, .changes = true);
static const struct expr_ops dup_ops = EXPR_OPS("dup", next_run, fwd_words, .pure = true);

static bool fwd_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_FWD_MAX + 1];
	struct fwd_data *f = step_new(d, s, &fwd_ops, sizeof(*f));

	if (!expr_attrs(data, tb, NFTA_FWD_MAX))
		return false;
	f->has_dev = true;
	f->has_addr = tb[NFTA_FWD_SREG_ADDR];
	f->family = nl_be32(tb[NFTA_FWD_NFPROTO], NFPROTO_IPV4) == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	return expr_reg(tb[NFTA_FWD_SREG_DEV], 4, &f->dev) &&
	       (!f->has_addr || expr_reg(tb[NFTA_FWD_SREG_ADDR], f->family == AF_INET ? 4 : 16, &f->addr));
}

static bool dup_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_DUP_MAX + 1];
	struct fwd_data *f = step_new(d, s, &dup_ops, sizeof(*f));

	if (!expr_attrs(data, tb, NFTA_DUP_MAX))
		return false;
	f->has_dev = tb[NFTA_DUP_SREG_DEV];
	f->has_addr = tb[NFTA_DUP_SREG_ADDR];
	return (!f->has_dev || expr_reg(tb[NFTA_DUP_SREG_DEV], 4, &f->dev)) &&
	       (!f->has_addr || expr_reg(tb[NFTA_DUP_SREG_ADDR], 4, &f->addr));
}

static void offload_words(struct words *w, const struct step *s)
{
	const struct fwd_data *d = s->data;

	words_flush(w);
	words_add(w, "flow add @%s", d->flowtable ? d->flowtable : "?");
}

/* nft_flow_offload_eval(): the first packets of a connection go on; later ones may take the short way. */
static const struct expr_ops offload_ops = EXPR_OPS("flow_offload", next_run, offload_words, .pure = true);

static bool offload_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_FLOW_MAX + 1];
	struct fwd_data *f = step_new(d, s, &offload_ops, sizeof(*f));

	if (!expr_attrs(data, tb, NFTA_FLOW_MAX))
		return false;
	f->flowtable = nl_str(d->arena, tb[NFTA_FLOW_TABLE_NAME]);
	return true;
}

/* nft_synproxy_do_eval() */
enum step_kind expr_synproxy_run(struct eval *e, const struct step *s UNUSED)
{
	if (e->p->proto != IPPROTO_TCP)
		return STEP_BREAK;
	if (!(e->p->tcp_flags & (TH_SYN | TH_ACK)))
		return STEP_NEXT;
	e->says = e->p->tcp_flags & TH_SYN ? "answers the handshake itself (synproxy)" :
					     "takes the ACK: whether synproxy knows its cookie is not known";
	return STEP_STOLEN;
}

static const struct expr_ops synproxy_ops = EXPR_OPS("synproxy", expr_synproxy_run, name_words, .changes = true);

static bool synproxy_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_SYNPROXY_MAX + 1];

	step_new(d, s, &synproxy_ops, 1);
	return expr_attrs(data, tb, NFTA_SYNPROXY_MAX);
}

/* -- match and target of nft_compat -- */

static bool xt_decode(struct decode *d, const struct nlattr *name, const struct nlattr *rev,
		      const struct nlattr *info, struct step *s, bool target)
{
	uint8_t family = d->family;
	const void *blob;
	uint32_t size;

	if (!name || !info || mnl_attr_validate(name, MNL_TYPE_NUL_STRING) < 0)
		return false;
	blob = nl_data(info);
	size = nl_len(info);
	(target ? xt_target_step : xt_match_step)(d->arena, nl_data(name), nl_be32(rev, 0), family,
						  blob, size, s);
	d->xt = true;
	return true;
}

static bool match_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_MATCH_MAX + 1];

	return expr_attrs(data, tb, NFTA_MATCH_MAX) &&
	       xt_decode(d, tb[NFTA_MATCH_NAME], tb[NFTA_MATCH_REV], tb[NFTA_MATCH_INFO], s, false);
}

static bool target_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_TARGET_MAX + 1];

	return expr_attrs(data, tb, NFTA_TARGET_MAX) &&
	       xt_decode(d, tb[NFTA_TARGET_NAME], tb[NFTA_TARGET_REV], tb[NFTA_TARGET_INFO], s, true);
}

static const struct expr rows[] = {
	{ "counter", counter_decode }, { "match", match_decode }, { "target", target_decode },
	{ "log", log_decode }, { "limit", limit_decode }, { "reject", reject_decode }, { "last", last_decode },
	{ "quota", quota_decode }, { "connlimit", connlimit_decode }, { "queue", queue_decode },
	{ "fwd", fwd_decode }, { "dup", dup_decode }, { "flow_offload", offload_decode },
	{ "synproxy", synproxy_decode },
};
const struct exprs expr_misc = EXPRS(rows);
