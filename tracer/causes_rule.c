/* SPDX-License-Identifier: GPL-2.0-only */
/* A rule by its place, and the commands that show its chain or let this packet pass before it. */
#include "tracer/causes.h"
#include "tracer/word.h"

#include <linux/netfilter.h>

static const char *family_name(uint8_t family)
{
	return word_family(family) ? word_family(family) : "?";
}

const char *rule_chain(const struct view *v, const struct evidence *e)
{
	if (!evidence_is_rule(e) || !e->table || !e->chain)
		return NULL;
	if (e->backend == BACKEND_LEGACY)
		return arena_printf(v->arena, "%s %s/%s",
				    e->family == NFPROTO_IPV6 ? "ip6tables-legacy" : "iptables-legacy", e->table, e->chain);
	if (evidence_is_iptables(e))
		return arena_printf(v->arena, "%s%s/%s", e->family == NFPROTO_IPV6 ? "ip6tables " : "", e->table, e->chain);
	return arena_printf(v->arena, "%s %s chain %s", family_name(e->family), e->table, e->chain);
}

const char *rule_place(const struct view *v, const struct evidence *e)
{
	const char *chain = rule_chain(v, e);

	if (!chain)
		return NULL;
	if (e->kind == EV_POLICY)
		return arena_printf(v->arena, "%s policy", chain);
	return e->index ? arena_printf(v->arena, "%s rule %u", chain, e->index) : chain;
}

const char *rule_iptables(const struct view *v)
{
	bool six = v->t->target.dst.family == AF_INET6;
	bool legacy = evidence_is_rule(v->ev) ? v->ev->backend == BACKEND_LEGACY : v->p->proxy.backend == BACKEND_LEGACY;

	return legacy ? six ? "ip6tables-legacy" : "iptables-legacy" : six ? "ip6tables" : "iptables";
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

static void allow_iptables(const struct view *v, struct text *t)
{
	const struct evidence *e = v->ev;
	const struct packet *p = v->hop ? &v->hop->in : NULL;
	bool reply = v->hop->reply;

	text_add(t, "%s -t %s -I %s %u -s %s -d %s -p %s", rule_iptables(v), e->table, e->chain,
		 e->index ? e->index : 1, endpoint_say(v->arena, &p->src, 0), endpoint_say(v->arena, &p->dst, 0),
		 proto_say(v->arena, p->proto));
	if (has_ports(p->proto))
		text_add(t, reply ? " --sport %u" : " --dport %u", reply ? p->sport : p->dport);
	text_add(t, " -j ACCEPT");
}

static void allow_nft(const struct view *v, struct text *t)
{
	const struct evidence *e = v->ev;
	const struct packet *p = v->hop ? &v->hop->in : NULL;
	const char *ip = p->dst.family == AF_INET6 ? "ip6" : "ip";
	bool reply = v->hop->reply;

	text_add(t, "nft %s rule %s %s %s", e->handle ? "insert" : "add", family_name(e->family), e->table, e->chain);
	if (e->handle)
		text_add(t, " handle %llu", (unsigned long long)e->handle);
	text_add(t, " %s saddr %s %s daddr %s", ip, endpoint_say(v->arena, &p->src, 0), ip, endpoint_say(v->arena, &p->dst, 0));
	if (has_ports(p->proto))
		text_add(t, " %s %s %u", proto_say(v->arena, p->proto), reply ? "sport" : "dport",
			 reply ? p->sport : p->dport);
	text_add(t, " accept");
}

/* The command that lets this packet pass just before the rule that stopped it. */
const char *rule_allow(const struct view *v, const char *in)
{
	const struct packet *p = v->hop ? &v->hop->in : NULL;
	struct text t = { .arena = v->arena };

	if (!evidence_is_rule(v->ev) || !v->ev->table || !v->ev->chain || !p || !p->src.family || !p->dst.family)
		return NULL;
	text_add(&t, "%s", in ? in : "");
	if (evidence_is_iptables(v->ev))
		allow_iptables(v, &t);
	else
		allow_nft(v, &t);
	return text_get(&t);
}

/* The command that shows the chain that decided. */
const char *rule_list(const struct view *v, const char *in)
{
	const struct evidence *e = v->ev;

	if (!evidence_is_rule(e) || !e->table || !e->chain)
		return NULL;
	if (evidence_is_iptables(e))
		return arena_printf(v->arena, "%s%s -t %s -vnL %s --line-numbers", in ? in : "", rule_iptables(v), e->table,
				    e->chain);
	return arena_printf(v->arena, "%snft -a list chain %s %s %s", in ? in : "", family_name(e->family), e->table, e->chain);
}
