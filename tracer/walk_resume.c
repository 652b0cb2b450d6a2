/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk taken up in the middle: a packet that the kernel showed at a netfilter hook goes on from there. What else the kernel
 * showed of it guides the walk: ways that lead elsewhere are broken off at once, and what only the kernel can choose is taken from it.
 */
#include <netinet/in.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter_bridge.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "tracer/walk_priv.h"

/* -- what the kernel showed ------------------------------------------------------------------------- */

enum flow resume_sees(struct walk *w, uint8_t hook)
{
	const struct walk_seen *seen;
	struct tuple there, here;

	if (!w->at || w->matched >= w->at->n_seen)
		return GO;
	seen = &w->at->seen[w->matched];
	/* The kernel passes over a hook where nothing is registered, and a sighting may be lost. */
	if (seen->hook != hook || seen->p.netns != w->p.netns)
		return GO;
	there = packet_tuple(&seen->p);
	here = packet_tuple(&w->p);
	if (w->p.sport_unknown && addr_eq(&there.src, &here.src)) {
		w->p.sport = here.sport = there.sport;
		w->p.sport_unknown = false;
	}
	if (!tuple_eq(&there, &here)) {
		w->strayed = true;
		return END;
	}
	w->matched++;
	return GO;
}

const struct ct_view *resume_ct(const struct walk *w)
{
	return w->at && w->p.netns == w->at->p.netns ? w->at->ct : NULL;
}

bool resume_mapping(struct walk *w, bool dst)
{
	const struct ct_view *told = resume_ct(w);
	struct ct_view *ct = &w->p.ct;

	if (!told || !(told->status & (dst ? IPS_DST_NAT_DONE : IPS_SRC_NAT_DONE)))
		return false;
	if (dst) {
		ct->back.src = told->back.src;
		ct->back.sport = told->back.sport;
		return true;
	}
	ct->back.dst = told->back.dst;
	ct->back.dport = told->back.dport;
	w->p.sport_unknown = false;
	return true;
}

/* ICMP that no echo request is: an answer or an error (RFC 792, RFC 4443). */
static bool icmp_tells(const struct packet *p)
{
	return (p->proto == IPPROTO_ICMP && p->dport >> 8 != 8) || (p->proto == IPPROTO_ICMPV6 && p->dport >> 8 != 128);
}

bool resume_midway(const struct walk *w)
{
	const struct packet *p = &w->p;

	if (!w->at)
		return false;
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6)
		return icmp_tells(p);
	return p->ct.reply || (p->proto == IPPROTO_TCP && (p->tcp_flags & 0x12) != 0x02);
}

/* -- where it begins -------------------------------------------------------------------------------- */

/*
 * Whom the frame goes to: the FIB as it stands names the gateway. The device is the one that the kernel showed, whatever a
 * socket bound to it.
 */
static void find_way(struct walk *w, bool input, struct route *r)
{
	struct route_key key = route_question(w, input);
	int oif = w->p.oif;

	if (!state_route(w->state, w->p.netns, &key, r) && !r->error && (!oif || r->oif == oif || r->type == RTN_LOCAL)) {
		take_way(w, r);
		w->p.oif = oif ? oif : r->oif;
		return;
	}
	key = route_question(w, false);
	key.oif = oif;
	*r = (struct route){};
	if (!state_route(w->state, w->p.netns, &key, r) && !r->error) {
		take_way(w, r);
	} else {
		w->onlink = true;
		w->nexthop = w->p.dst;
	}
	w->p.oif = oif;
}

static void from_forward(struct walk *w)
{
	struct route r = {};

	find_way(w, true, &r);
	if (run_hook(w, NF_INET_FORWARD) == GO)
		post_routing(w);
}

/* A packet that was only seen dropped, as OUTPUT had rewritten it: if it has no route so, that is why (ip_route_me_harder()). */
static bool rewritten_and_lost(struct walk *w)
{
	struct route_key key = route_question(w, false);
	struct route r = {};

	if (w->at->n_seen || state_route(w->state, w->p.netns, &key, &r) || !r.error)
		return false;
	route_refused(w, &key, &r, STAGE_REROUTE, true);
	return true;
}

static void from_output(struct walk *w)
{
	struct route r = {};

	hop_begin(w);
	w->p.local = true;
	if (rewritten_and_lost(w))
		return;
	find_way(w, false, &r);
	add_route(w, &r);
	hop_done(w, STAGE_ROUTE_OUTPUT, 0, 0, false);
	if (run_hook(w, NF_INET_LOCAL_OUT) == GO)
		post_routing(w);
}

static void from_postrouting(struct walk *w)
{
	struct route r = {};

	find_way(w, w->p.iif != 0, &r);
	post_routing(w);
}

/*
 * A frame between two ports of a bridge is for whoever holds its destination; one with the bridge's own MAC, and any other, is for
 * this host.
 */
static void from_port(struct walk *w, int port)
{
	const struct link *l = state_link(w->state, w->p.netns, port);
	const struct link *br = l && l->master ? state_link(w->state, w->p.netns, l->master) : NULL;
	struct route_key key = { .dst = w->p.dst };
	struct route r = {};
	bool ours = br && w->p.dmac.known && br->mac.known && !memcmp(w->p.dmac.b, br->mac.b, sizeof(br->mac.b));

	w->nexthop = (struct addr){};
	if (br && !ours && !state_route(w->state, w->p.netns, &key, &r) && !r.error && r.type == RTN_UNICAST &&
	    r.oif == l->master && !addr_len(&r.gateway)) {
		w->nexthop = w->p.dst;
		w->onlink = true;
	}
	receive(w, port);
}

static const struct link *bridge_port(struct walk *w, int ifindex)
{
	const struct link *l = ifindex ? state_link(w->state, w->p.netns, ifindex) : NULL;

	return l && l->master && !strcmp(l->master_kind, "bridge") ? l : NULL;
}

/*
 * From the devices that the packet last met (skb_iif, skb->dev) to those of a hook of IP: the bridge in the place of its ports, which
 * br_netfilter alone remembers (br_nf_forward_ip(), br_pass_frame_up()).
 */
static void above_bridge(struct walk *w)
{
	const struct link *in = bridge_port(w, w->p.iif), *out = bridge_port(w, w->p.oif);
	const struct link *br = in ? state_link(w->state, w->p.netns, in->master) : NULL;
	bool remembered = br && calls_iptables(w, br);

	if (!br)
		return;
	if (w->p.oif == br->ifindex)
		w->p.oif = 0;		/* where it came up from, not where it goes */
	w->p.iif = br->ifindex;
	w->p.physin = remembered ? in->ifindex : 0;
	if (!out || out->master != br->ifindex)
		return;
	w->p.oif = br->ifindex;
	w->p.physout = remembered ? out->ifindex : 0;
}

static bool can_begin(const struct walk_at *at)
{
	if (at->pf == NFPROTO_BRIDGE || at->pf == NFPROTO_NETDEV)
		return at->hook == (at->pf == NFPROTO_BRIDGE ? NF_BR_PRE_ROUTING : NF_NETDEV_INGRESS) && at->p.iif;
	return (at->pf == NFPROTO_IPV4 || at->pf == NFPROTO_IPV6) && at->hook <= NF_INET_POST_ROUTING;
}

/* The route that it brings along over loopback cannot be seen: it is taken to be the one to its address. */
static bool meant_for_us(struct walk *w)
{
	uint8_t type = 0;

	return !state_addr_type(w->state, w->p.netns, &w->p.dst, 0, &type) && type == RTN_LOCAL;
}

static void go_on(struct walk *w)
{
	const struct walk_at *at = w->at;

	w->p.comes_back = at->hook != NF_INET_LOCAL_IN && meant_for_us(w);
	if (at->pf == NFPROTO_BRIDGE || at->pf == NFPROTO_NETDEV) {
		from_port(w, at->p.iif);
		return;
	}
	switch (at->hook) {
	case NF_INET_PRE_ROUTING:
		if (w->p.physin)
			from_port(w, w->p.physin);
		else
			ip_receive(w);
		break;
	case NF_INET_LOCAL_IN:
		local_in(w);
		break;
	case NF_INET_FORWARD:
		from_forward(w);
		break;
	case NF_INET_LOCAL_OUT:
		from_output(w);
		break;
	case NF_INET_POST_ROUTING:
		from_postrouting(w);
		break;
	}
}

/* -- all ways --------------------------------------------------------------------------------------- */

/* What unknown forks it took, as sentences. */
static void add_gaps(struct walk *w, struct trace *t)
{
	struct gaps g = { .arena = w->arena };

	for (size_t i = 0; i < choices_depth(w->choices); i++) {
		const struct choice_step *step = choices_step(w->choices, i);

		if (step->unknown && step->n > 1)
			gap_add(&g, "%s", step->gap);
	}
	t->gaps = g.v;
	t->n_gaps = g.n;
}

int walk_resume(struct state *s, struct arena *a, const struct walk_at *at, const struct walk_way **out, size_t *n,
		const char **cut, struct err *err)
{
	static const struct source source = { .input = "node", .kind = SOURCE_NODE };
	const struct walk_options options = { .source = &source, .all = at->all };
	struct walk w = {
		.state = s, .arena = a, .options = &options, .choices = choices_new(a, MAX_PATHS), .at = at,
	};
	struct walk_way *way = NULL;
	size_t n_way = 0, cap = 0;
	struct tuple target = packet_tuple(&at->p);

	if (!can_begin(at))
		return err_set(err, -EINVAL, "a packet cannot be taken up at hook %u of family %u", at->hook, at->pf);
	do {
		struct walk_way *this = VEC_PUSH(a, way, n_way, cap);

		walk_begin(&w, &at->p);
		if (at->met)
			above_bridge(&w);
		if (at->balanced)
			*VEC_PUSH(a, w.balanced, w.n_balanced, w.cap_balanced) =
				(struct balanced){ .netns = at->p.netns, .conn = *at->balanced };
		go_on(&w);
		this->t = walk_trace(&w, &target);
		this->matched = w.matched;
		this->strayed = w.strayed;
		this->server = w.server;
		this->server_port = w.server_port;
		add_gaps(&w, &this->t);
	} while (choices_next(w.choices));
	if (choices_torn(w.choices))
		return err_set(err, -EINTR, "the node's state changed while it was read");
	*out = way;
	*n = n_way;
	*cut = choices_cut(w.choices);
	return 0;
}
