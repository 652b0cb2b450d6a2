/* SPDX-License-Identifier: GPL-2.0-only */
/* Targets that decide: REJECT, TPROXY, SYNPROXY, NFQUEUE, CLUSTERIP. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>

#include "nft/queue.h"
#include "nft/xt_rows.h"

#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netfilter/xt_SYNPROXY.h>
#include <linux/netfilter/xt_TPROXY.h>
#include <linux/netfilter_ipv4/ipt_CLUSTERIP.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>

/* -- REJECT -- */

static const char *const reject4[] = {
	[IPT_ICMP_NET_UNREACHABLE] = "icmp-net-unreachable", [IPT_ICMP_HOST_UNREACHABLE] = "icmp-host-unreachable",
	[IPT_ICMP_PROT_UNREACHABLE] = "icmp-proto-unreachable",
	[IPT_ICMP_PORT_UNREACHABLE] = "icmp-port-unreachable", [IPT_ICMP_NET_PROHIBITED] = "icmp-net-prohibited",
	[IPT_ICMP_HOST_PROHIBITED] = "icmp-host-prohibited", [IPT_TCP_RESET] = "tcp-reset",
	[IPT_ICMP_ADMIN_PROHIBITED] = "icmp-admin-prohibited",
};
static const char *const reject6[] = {
	[IP6T_ICMP6_NO_ROUTE] = "icmp6-no-route", [IP6T_ICMP6_ADM_PROHIBITED] = "icmp6-adm-prohibited",
	[IP6T_ICMP6_ADDR_UNREACH] = "icmp6-addr-unreachable",
	[IP6T_ICMP6_PORT_UNREACH] = "icmp6-port-unreachable", [IP6T_TCP_RESET] = "tcp-reset",
	[IP6T_ICMP6_POLICY_FAIL] = "icmp6-policy-fail", [IP6T_ICMP6_REJECT_ROUTE] = "icmp6-reject-route",
};

static const char *reject_name(const struct xt *x)
{
	uint32_t with = *(const uint32_t *)x->info;	/* both structs hold it alone */

	if (x->family == NFPROTO_IPV4)
		return with < ARRAY_SIZE(reject4) ? reject4[with] : NULL;
	return with < ARRAY_SIZE(reject6) ? reject6[with] : NULL;
}

static enum step_kind reject(struct eval *e, const struct xt *x)
{
	const char *name = reject_name(x);

	if (!name) {
		eval_unknown(e, "REJECT's answer %u is not known to ktrace", *(const uint32_t *)x->info);
		return STEP_UNKNOWN;
	}
	e->run->reject_with = name;
	e->says = arena_printf(e->arena, "rejects with %s", name);
	return STEP_REJECT;
}

static void reject_words(struct text *t, const struct xt *x)
{
	const char *name = reject_name(x);

	if (name)
		text_add(t, " --reject-with %s", name);
}

/* -- TPROXY -- */

static struct xt_tproxy_target_info_v1 tproxy_info(const struct xt *x)
{
	const struct xt_tproxy_target_info *v0 = x->info;

	if (x->rev)
		return *(const struct xt_tproxy_target_info_v1 *)x->info;
	return (struct xt_tproxy_target_info_v1){ .mark_mask = v0->mark_mask, .mark_value = v0->mark_value,
						  .laddr.ip = v0->laddr, .lport = v0->lport };
}

/* nf_tproxy_get_sock_v4() and its IPv6 kin for a connected socket, or for one that is not. */
static enum answer tproxy_socket(struct eval *e, const struct packet *p, bool connected, struct sock_info *sk)
{
	enum answer r = e->ask->socket(e->ask->ctx, e->netns, p, sk);

	if (r == UNKNOWN)
		return eval_unknown(e, "the sockets of this namespace could not be read");
	return r == YES && (sk->state == TCP_ESTABLISHED) == connected && (!connected || !sk->wildcard) ? YES : NO;
}

/* nf_tproxy_laddr4(), nf_tproxy_laddr6(): the rule's address, else the input device's, else the packet's own. */
static struct addr tproxy_addr(struct eval *e, const struct xt *x, const struct xt_tproxy_target_info_v1 *info)
{
	struct addr a = xt_addr(x->family, &info->laddr);

	if (addr_is_any(&a) && (!e->p->iif ||
	    e->ask->dev_addr(e->ask->ctx, e->netns, e->p->iif, &e->p->dst, &a) || !a.family))
		a = e->p->dst;
	return a;
}

/* tproxy_tg4(), tproxy_tg6_v1() */
static enum step_kind tproxy(struct eval *e, const struct xt *x)
{
	const struct xt_tproxy_target_info_v1 info = tproxy_info(x);
	struct packet p = *e->p;
	struct sock_info sk = { 0 };
	enum answer r = NO;

	if (p.proto == IPPROTO_TCP || p.proto == IPPROTO_UDP) {
		r = tproxy_socket(e, &p, true, &sk);
		p.dst = tproxy_addr(e, x, &info);
		p.dport = info.lport ? ntohs(info.lport) : p.dport;
		if (r == NO)
			r = tproxy_socket(e, &p, false, &sk);
	}
	if (r == UNKNOWN)
		return STEP_UNKNOWN;
	if (r == NO || !sk.transparent) {
		e->says = arena_printf(e->arena, "drops it: no transparent socket at %s",
				       endpoint_say(e->arena, &p.dst, p.dport));
		return STEP_DROP;
	}
	e->p->given.set = true;
	e->p->given.sk = arena_dup(e->arena, &sk, sizeof(sk));
	e->run->tproxy.set = true;
	e->run->tproxy.addr = p.dst;
	e->run->tproxy.port = p.dport;
	e->p->mark = (e->p->mark & ~info.mark_mask) ^ info.mark_value;
	eval_changed(e);
	e->says = arena_printf(e->arena, "hands it to the local proxy at %s", endpoint_say(e->arena, &p.dst, p.dport));
	return STEP_ACCEPT;
}

static void tproxy_words(struct text *t, const struct xt *x)
{
	const struct xt_tproxy_target_info_v1 info = tproxy_info(x);
	struct addr a = xt_addr(x->family, &info.laddr);
	char buf[ADDR_TEXT];

	text_add(t, " --on-port %u --on-ip %s --tproxy-mark 0x%x/0x%x", ntohs(info.lport), addr_say(&a, buf),
		 info.mark_value, info.mark_mask);
}

/* -- SYNPROXY -- */

/* synproxy_tg4(): the node answers a SYN itself; an ACK is let through if its cookie is right. */
static enum step_kind synproxy(struct eval *e, const struct xt *x UNUSED)
{
	uint8_t flags = e->p->tcp_flags & (TH_SYN | TH_ACK | TH_FIN | TH_RST);

	if (flags == TH_SYN) {
		e->says = "the node answers the SYN itself (SYNPROXY)";
		return STEP_STOLEN;
	}
	if (flags == TH_ACK) {
		eval_unknown(e, "whether SYNPROXY accepts the ACK's cookie is not known");
		return STEP_UNKNOWN;
	}
	return STEP_NEXT;
}

static void synproxy_words(struct text *t, const struct xt *x)
{
	const struct xt_synproxy_info *info = x->info;

	if (info->options & XT_SYNPROXY_OPT_SACK_PERM)
		text_add(t, " --sack-perm");
	if (info->options & XT_SYNPROXY_OPT_TIMESTAMP)
		text_add(t, " --timestamp");
	if (info->options & XT_SYNPROXY_OPT_WSCALE)
		text_add(t, " --wscale %u", info->wscale);
	if (info->options & XT_SYNPROXY_OPT_MSS)
		text_add(t, " --mss %u", info->mss);
	if (info->options & XT_SYNPROXY_OPT_ECN)
		text_add(t, " --ecn");
}

/* -- NFQUEUE -- */

static struct xt_NFQ_info_v3 queue_info(const struct xt *x)
{
	const struct xt_NFQ_info_v3 *v3 = x->info;
	struct xt_NFQ_info_v3 info = { .queuenum = v3->queuenum, .queues_total = 1 };

	if (x->rev >= 1)
		info.queues_total = v3->queues_total;
	if (x->rev >= 2)		/* revision 2 calls the same 16 bits "bypass" */
		info.flags = v3->flags;
	return info;
}

static enum step_kind nfqueue(struct eval *e, const struct xt *x)
{
	const struct xt_NFQ_info_v3 info = queue_info(x);

	return queue_verdict(e, info.queuenum, info.queues_total, info.flags & NFQ_FLAG_BYPASS);
}

static void nfqueue_words(struct text *t, const struct xt *x)
{
	const struct xt_NFQ_info_v3 info = queue_info(x);

	if (info.queues_total > 1)
		text_add(t, " --queue-balance %u:%u", info.queuenum, info.queuenum + info.queues_total - 1);
	else
		text_add(t, " --queue-num %u", info.queuenum);
	if (info.flags & NFQ_FLAG_BYPASS)
		text_add(t, " --queue-bypass");
	if (x->rev == 3 && info.flags & NFQ_FLAG_CPU_FANOUT)
		text_add(t, " --queue-cpu-fanout");
}

/* -- CLUSTERIP -- */

static enum step_kind clusterip(struct eval *e, const struct xt *x UNUSED)
{
	eval_unknown(e, "which node of the cluster takes the connection (CLUSTERIP) is not computed");
	return STEP_UNKNOWN;
}

static const struct xt_row rows[] = {
	XT_TARGET("REJECT", 0, NFPROTO_IPV4, sizeof(struct ipt_reject_info), reject, reject_words),
	XT_TARGET("REJECT", 0, NFPROTO_IPV6, sizeof(struct ip6t_reject_info), reject, reject_words),
	XT_TARGET_CHANGES("TPROXY", 0, NFPROTO_IPV4, sizeof(struct xt_tproxy_target_info), tproxy, tproxy_words),
	XT_TARGET_CHANGES("TPROXY", 1, 0, sizeof(struct xt_tproxy_target_info_v1), tproxy, tproxy_words),
	XT_TARGET("SYNPROXY", 0, 0, sizeof(struct xt_synproxy_info), synproxy, synproxy_words),
	XT_TARGET("NFQUEUE", 0, 0, sizeof(struct xt_NFQ_info), nfqueue, nfqueue_words),
	XT_TARGET("NFQUEUE", 1, 0, sizeof(struct xt_NFQ_info_v1), nfqueue, nfqueue_words),
	XT_TARGET("NFQUEUE", 2, 0, sizeof(struct xt_NFQ_info_v2), nfqueue, nfqueue_words),
	XT_TARGET("NFQUEUE", 3, 0, sizeof(struct xt_NFQ_info_v3), nfqueue, nfqueue_words),
	XT_TARGET("CLUSTERIP", 0, NFPROTO_IPV4, sizeof(struct ipt_clusterip_tgt_info), clusterip, NULL),
};

const struct xt_rows xt_target_end = XT_ROWS(rows);
