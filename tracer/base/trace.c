/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of stages, ends and evidence, and the small lists that traces are made of. */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tracer/base/trace.h"

struct evidence *evidence_add(struct evidences *l, enum evidence_kind kind)
{
	struct evidence *e = VEC_PUSH(l->arena, l->v, l->n, l->cap);

	/* the list may have been emptied and filled before */
	*e = (struct evidence){ .kind = kind };
	return e;
}

const char *evidence_kind_name(enum evidence_kind kind)
{
	static const char *const name[] = {
		[EV_RULE] = "rule", [EV_POLICY] = "policy", [EV_SET] = "set", [EV_ROUTE] = "route",
		[EV_CONNTRACK] = "conntrack", [EV_IPVS] = "ipvs", [EV_SOCKET] = "socket",
		[EV_NEIGHBOUR] = "neighbour", [EV_SYSCTL] = "sysctl", [EV_LINK] = "link", [EV_BPF] = "bpf",
		[EV_EVENT] = "event", [EV_OBJECT] = "object",
	};

	return name[kind];
}

const char *end_kind_name(enum end_kind kind)
{
	static const char *const name[] = {
		[END_NONE] = "none", [END_DELIVERED] = "delivered", [END_SENT] = "sent", [END_DROP] = "drop",
		[END_REJECT] = "reject", [END_NO_LISTENER] = "no-listener", [END_LOOP] = "loop",
		[END_UNKNOWN] = "unknown",
	};

	return name[kind];
}

const char *share_kind_name(enum share_kind kind)
{
	static const char *const name[] = {
		[SHARE_CERTAIN] = "certain", [SHARE_RANDOM] = "random", [SHARE_EXISTING] = "existing",
		[SHARE_UNKNOWN] = "unknown",
	};

	return name[kind];
}

/* Names for the priorities that the kernel and iptables give their tables (netfilter_ipv4.h). */
static const char *table_at(uint8_t hook, int priority, bool nat)
{
	if (nat)
		return "nat";
	switch (priority) {
	case -300: return hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT ? "raw" : NULL;
	case -150: return "mangle";
	case 0: return hook == NF_INET_LOCAL_IN || hook == NF_INET_FORWARD || hook == NF_INET_LOCAL_OUT ?
		       "filter" : NULL;
	case 50:
	case 150: return hook == NF_INET_LOCAL_IN || hook == NF_INET_FORWARD || hook == NF_INET_LOCAL_OUT ?
			 "security" : NULL;
	}
	return NULL;
}

static const char *const hook_name[] = {
	[NF_INET_PRE_ROUTING] = "prerouting", [NF_INET_LOCAL_IN] = "input", [NF_INET_FORWARD] = "forward",
	[NF_INET_LOCAL_OUT] = "output", [NF_INET_POST_ROUTING] = "postrouting",
};

const char *hop_stage_name(struct arena *a, const struct hop *h)
{
	static const char *const name[] = {
		[STAGE_INGRESS_XDP] = "ingress-xdp", [STAGE_INGRESS_TC] = "ingress-tc",
		[STAGE_INGRESS_NFT] = "ingress-nft", [STAGE_CONNTRACK] = "conntrack",
		[STAGE_ROUTE_INPUT] = "route-input", [STAGE_ROUTE_OUTPUT] = "route-output",
		[STAGE_REROUTE] = "reroute", [STAGE_IPVS_IN] = "ipvs-in",
		[STAGE_IPVS_OUT] = "ipvs-out", [STAGE_EGRESS_NFT] = "egress-nft",
		[STAGE_EGRESS_TC] = "egress-tc", [STAGE_NEIGHBOUR] = "neighbour", [STAGE_SOCKET] = "socket",
	};
	const char *table;

	if (h->stage == STAGE_BRIDGE)
		return arena_printf(a, "bridge-%s",
				    h->hook < ARRAY_SIZE(hook_name) ? hook_name[h->hook] : "brouting");
	if (h->stage != STAGE_HOOK)
		return name[h->stage];
	table = table_at(h->hook, h->priority, h->nat);
	if (table)
		return arena_printf(a, "%s-%s", table, hook_name[h->hook]);
	if (h->priority == HOOK_WHOLE)
		return hook_name[h->hook];
	return arena_printf(a, "%s@%d", hook_name[h->hook], h->priority);
}

static bool rewritten(const struct packet *a, const struct packet *b)
{
	struct tuple x = packet_tuple(a), y = packet_tuple(b);

	return !tuple_eq(&x, &y) || a->mark != b->mark || a->tos != b->tos || a->ct.mark != b->ct.mark;
}

bool hop_matters(const struct hop *h)
{
	if (h->verdict.kind != END_NONE || rewritten(&h->in, &h->out))
		return true;
	switch (h->stage) {
	case STAGE_HOOK:
	case STAGE_BRIDGE:
	case STAGE_INGRESS_NFT:
	case STAGE_EGRESS_NFT:
		for (size_t i = 0; i < h->n_evidence; i++)
			if ((h->evidence[i].kind == EV_RULE || h->evidence[i].kind == EV_LINK) &&
			    h->evidence[i].effect >= EFFECT_CHANGE)
				return true;
		return false;
	case STAGE_CONNTRACK:
		return h->out.ct.existing || h->out.ct.state == CT_UNTRACKED;
	default:
		return true;
	}
}

void gap_add(struct gaps *g, const char *fmt, ...)
{
	char text[512];			/* what is known already must cost no memory: a watch adds it again and again */
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < g->n && n >= 0; i++)
		if (!strncmp(g->v[i], text, sizeof(text) - 1)) {
			va_end(again);
			return;
		}
	*VEC_PUSH(g->arena, g->v, g->n, g->cap) = arena_vprintf(g->arena, fmt, again);
	va_end(again);
}
