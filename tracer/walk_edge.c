/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The edges of a device: what runs where a frame comes in, __netif_receive_skb_core(), and where it goes out, __dev_queue_xmit().
 * The chains of the netdev family are followed; programs and tc filters are nobody's to read, so what they do is not known.
 */
#include <netinet/in.h>

#include <linux/if_ether.h>
#include <linux/netfilter.h>

#include "tracer/walk_priv.h"

#ifndef NF_NETDEV_EGRESS
#define NF_NETDEV_EGRESS 1
#endif

#define NAMED	4			/* of the filters at one edge, how many are shown */

/* Both ways on: it lets the packet go as it is; or whatever else, which ends what is known. */
static enum flow may_take(struct walk *w, enum stage stage, const char *what)
{
	if (choice_unknown(w->choices, 2, arena_printf(w->arena, "what the %s does with it", what)))
		return end_simple(w, stage, END_UNKNOWN, CAUSE_UNREADABLE,
				  arena_printf(w->arena, "the %s may drop, redirect or change it (ktrace --send or ktrace drops shows)", what));
	hop_done(w, stage, 0, 0, false);
	return GO;
}

static void add_step(struct walk *w, const char *text)
{
	struct evidence *e = evidence_add(&w->ev, EV_BPF);

	e->text = text;
	e->effect = EFFECT_VERDICT;
}

static enum flow xdp(struct walk *w, const struct link *l)
{
	const char *what;

	if (!l->xdp_prog)
		return GO;
	hop_begin(w);
	what = arena_printf(w->arena, "XDP program id %u on %s", l->xdp_prog, l->name);
	add_step(w, what);
	return may_take(w, STAGE_INGRESS_XDP, what);
}

/* A filter of another protocol is passed over: __tcf_classify(). */
static enum flow tc(struct walk *w, const struct link *l, bool egress)
{
	uint16_t protocol = packet_family(&w->p) == AF_INET ? ETH_P_IP : ETH_P_IPV6;
	const char *at, *first = NULL;
	const struct tc_step *v;
	size_t n = state_tc(w->state, w->p.netns, l, egress, &v), met = 0;

	if (!n)
		return GO;
	hop_begin(w);
	at = arena_printf(w->arena, "at %s of %s", egress ? "egress" : "ingress", l->name);
	for (size_t i = 0; i < n; i++) {
		if (v[i].protocol != ETH_P_ALL && v[i].protocol != protocol)
			continue;
		if (!met++)
			first = v[i].text;
		if (met <= NAMED)
			add_step(w, arena_printf(w->arena, "%s %s", v[i].text, at));
	}
	if (!met)
		return GO;
	return may_take(w, egress ? STAGE_EGRESS_TC : STAGE_INGRESS_TC,
			met == 1 ? arena_printf(w->arena, "%s %s", first, at) :
			arena_printf(w->arena, "%s, with %zu more, %s", first, met - 1, at));
}

enum flow enter_device(struct walk *w, const struct link *l)
{
	if (xdp(w, l) == END || tc(w, l, false) == END)
		return END;
	return run_plain_hook(w, NFPROTO_NETDEV, NF_NETDEV_INGRESS, l->ifindex, STAGE_INGRESS_NFT);
}

enum flow leave_device(struct walk *w, const struct link *l)
{
	if (run_plain_hook(w, NFPROTO_NETDEV, NF_NETDEV_EGRESS, l->ifindex, STAGE_EGRESS_NFT) == END)
		return END;
	return tc(w, l, true);
}
