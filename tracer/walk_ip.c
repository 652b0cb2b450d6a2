/* SPDX-License-Identifier: GPL-2.0-only */
/* The IP layer: output, input, forwarding, local delivery (ip_output.c, ip_input.c, ip_forward.c, route.c and IPv6 kin). */
#include <netinet/in.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "tracer/walk_priv.h"

struct route_key route_question(const struct walk *w, bool input)
{
	const struct packet *p = &w->p;
	struct route_key k = { .src = p->src, .dst = p->dst, .mark = p->mark, .tos = p->tos, .proto = p->proto };

	if (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP || p->proto == IPPROTO_SCTP) {
		k.sport = p->sport;
		k.dport = p->dport;
	}
	if (input) {
		k.iif = p->iif;
	} else if (p->local && p->sk_known) {
		k.has_uid = true;
		k.uid = p->uid;
	}
	return k;
}

void add_route(struct walk *w, const struct route *r)
{
	struct evidence *e;

	if (!r->text)
		return;
	e = evidence_add(&w->ev, EV_ROUTE);
	e->text = r->text;
	e->effect = EFFECT_VERDICT;
}

/* How a refused lookup looks to the sender, and in words. */
struct refusal {
	enum end_cause cause;
	enum end_kind input, output;	/* reject: the sender is told */
	const char *why;
	bool of_src;			/* the address in why: the sender's, not the destination */
};

static const struct refusal refusals[] = {
	{ CAUSE_NO_ROUTE, END_REJECT, END_REJECT, "no route to %s" },
	{ CAUSE_BLACKHOLE, END_DROP, END_REJECT, "a blackhole route covers %s" },
	{ CAUSE_UNREACHABLE_ROUTE, END_REJECT, END_REJECT, "an unreachable route covers %s" },
	{ CAUSE_PROHIBIT, END_REJECT, END_REJECT, "a prohibit route or rule covers %s" },
	{ CAUSE_FORWARDING_OFF, END_DROP, END_DROP, "%s would have to be forwarded" },
	{ CAUSE_RP_FILTER, END_DROP, END_DROP, "rp_filter refuses the sender %s", true },
	{ CAUSE_MARTIAN_SRC, END_DROP, END_DROP, "martian source %s", true },
	{ CAUSE_MARTIAN_DST, END_DROP, END_DROP, "martian destination %s" },
	{ CAUSE_ROUTE_LOCALNET, END_DROP, END_DROP, "route_localnet is off: no device takes or sends a loopback address" },
};

enum flow route_refused(struct walk *w, const struct route_key *key, const struct route *r, enum stage stage,
			bool silent)
{
	enum end_cause cause = state_route_refusal(w->state, w->p.netns, key, r, &w->ev);
	char addr[ADDR_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *f = &refusals[i];
		char why[160];

		if (f->cause != cause)
			continue;
		snprintf(why, sizeof(why), f->why, addr_say(f->of_src ? &w->p.src : &w->p.dst, addr));
		return end_simple(w, stage, silent ? END_DROP : key->iif ? f->input : f->output, cause,
				  arena_strdup(w->arena, why));
	}
	return end_simple(w, stage, END_DROP, CAUSE_NONE,
			  arena_printf(w->arena, "the kernel refuses to route to %s (%s)", addr_say(&w->p.dst, addr),
				       strerror(-r->error)));
}

static enum flow unasked(struct walk *w, enum stage stage, int rc)
{
	return end_simple(w, stage, END_UNKNOWN, CAUSE_UNREADABLE,
			  arena_printf(w->arena, "the routing table could not be asked: %s", strerror(-rc)));
}

/* The kernel's own choice is certain; our FIB (replay) may have to leave it open: a multipath hash, an odd rule. */
static bool way_is_open(struct walk *w, const struct route *r)
{
	return r->unknown && choice_unknown(w->choices, 2, r->unknown);
}

static enum flow open_way(struct walk *w, enum stage stage, const struct route *r)
{
	return end_simple(w, stage, END_UNKNOWN, CAUSE_UNREADABLE, r->unknown);
}

void take_way(struct walk *w, const struct route *r)
{
	w->p.oif = r->oif;
	w->onlink = !addr_len(&r->gateway);
	w->nexthop = w->onlink ? w->p.dst : r->gateway;
	/* ip6_rt_init_dst() goes by the type; for __mkroute_output() all that leaves by loopback is for this host */
	w->p.comes_back = r->type == RTN_LOCAL || (packet_family(&w->p) == AF_INET && !w->p.iif && r->oif == LOOPBACK_IFINDEX);
}

/* -- out ------------------------------------------------------------------------------------------ */

enum flow post_routing(struct walk *w)
{
	if (run_hook(w, NF_INET_POST_ROUTING) == END)
		return END;
	return transmit(w);
}

enum flow reroute(struct walk *w, int *oif)
{
	struct route_key key;
	struct route r = {};
	int before = w->p.oif;
	uint8_t type = 0;
	int rc;

	hop_begin(w);
	key = route_question(w, false);
	/* ip_route_me_harder(): a source that is not local (any more) is asked for without. */
	if (packet_family(&w->p) == AF_INET &&
	    (state_addr_type(w->state, w->p.netns, &w->p.src, 0, &type) || type != RTN_LOCAL))
		key.src.family = 0;
	rc = state_route(w->state, w->p.netns, &key, &r);
	if (rc)
		return unasked(w, STAGE_REROUTE, rc);
	if (way_is_open(w, &r))
		return open_way(w, STAGE_REROUTE, &r);
	if (r.error)
		return route_refused(w, &key, &r, STAGE_REROUTE, true);
	add_route(w, &r);
	take_way(w, &r);
	*oif = r.oif;
	hop_done(w, STAGE_REROUTE, 0, 0, false);
	/* The hook's later chains still see the device of the first route (state->out). */
	w->p.oif = before;
	return GO;
}

/* rt_tos2priority(): ip_tos2prio[] by the four TOS bits, whose lowest is ECN's. */
static uint32_t tos_priority(uint8_t tos)
{
	static const uint8_t prio[] = { 0, 0, 2, 2, 6, 6, 4, 4 };

	return prio[(tos & 0x1e) >> 2];
}

/* inet_csk_route_req(), ip_route_output_key_hash_rcu(): IPv4 has no route from an address of others (FLOWI_FLAG_ANYSRC). */
static bool not_ours_to_answer(struct walk *w)
{
	uint8_t type = 0;

	return w->reply && !w->transparent && w->p.proto == IPPROTO_TCP && packet_family(&w->p) == AF_INET &&
	       !state_addr_type(w->state, w->p.netns, &w->p.src, 0, &type) && type != RTN_LOCAL;
}

enum flow local_out(struct walk *w)
{
	struct route_key key;
	struct route r = {};
	int rc;

	hop_begin(w);
	w->p.local = true;
	w->p.iif = w->p.physin = w->p.physout = 0;
	/* __ip_sock_set_tos(); IPv6's traffic class has no such effect. */
	if (!w->reply && packet_family(&w->p) == AF_INET)
		w->p.priority = tos_priority(w->p.tos);
	if (not_ours_to_answer(w))
		return end_simple(w, STAGE_ROUTE_OUTPUT, END_DROP, CAUSE_NONE,
				  arena_printf(w->arena, "%s is no address here, and the socket is not a transparent one",
					       endpoint_say(w->arena, &w->p.src, 0)));
	key = route_question(w, false);
	rc = state_route(w->state, w->p.netns, &key, &r);
	if (rc)
		return unasked(w, STAGE_ROUTE_OUTPUT, rc);
	if (way_is_open(w, &r))
		return open_way(w, STAGE_ROUTE_OUTPUT, &r);
	if (r.error)
		return route_refused(w, &key, &r, STAGE_ROUTE_OUTPUT, false);
	add_route(w, &r);
	take_way(w, &r);
	if (r.type == RTN_LOCAL)
		w->p.oif = LOOPBACK_IFINDEX;
	if (!addr_len(&w->p.src) || addr_is_any(&w->p.src))
		w->p.src = r.prefsrc;
	if (!addr_len(&w->p.src))
		return end_simple(w, STAGE_ROUTE_OUTPUT, END_UNKNOWN, CAUSE_UNREADABLE,
				  "the kernel named no source address for this route");
	if (!w->reply)
		w->sent = packet_tuple(&w->p);
	hop_done(w, STAGE_ROUTE_OUTPUT, 0, 0, false);
	if (run_hook(w, NF_INET_LOCAL_OUT) == END)
		return END;
	return post_routing(w);
}

/* -- in ------------------------------------------------------------------------------------------- */

static const char *listeners_say(struct walk *w)
{
	const uint16_t *ports = NULL;
	size_t n = 0;
	struct text t = { .arena = w->arena };

	if (state_listening(w->state, w->p.netns, packet_family(&w->p), w->p.proto, &ports, &n))
		return NULL;
	if (!n)
		return arena_printf(w->arena, "nothing listens on any %s port there", proto_say(w->arena, w->p.proto));
	text_add(&t, "listeners there: ");
	for (size_t i = 0; i < n && i < 12; i++)
		text_add(&t, "%s%u", i ? ", " : "", ports[i]);
	if (n > 12)
		text_add(&t, " and %zu more", n - 12);
	return text_get(&t);
}

static enum flow no_listener(struct walk *w, const struct sock_info *near, const char *text)
{
	enum end_cause cause = CAUSE_NO_LISTENER;
	struct evidence *e = evidence_add(&w->ev, EV_SOCKET);
	const char *at = endpoint_say(w->arena, &w->p.dst, w->p.dport), *why;

	e->effect = EFFECT_VERDICT;
	e->text = text ? text : arena_printf(w->arena, "no socket for %s/%s", at, proto_say(w->arena, w->p.proto));
	e->says = listeners_say(w);
	if (addr_len(&near->local) && addr_is_loopback(&near->local)) {
		cause = CAUSE_LISTENER_LOOPBACK;
		why = arena_printf(w->arena, "port %u is bound to %s only, not to %s", w->p.dport,
				   endpoint_say(w->arena, &near->local, 0), at);
	} else if (addr_len(&near->local)) {
		cause = CAUSE_LISTENER_OTHER;
		why = arena_printf(w->arena, "port %u is bound to another address or device than %s", w->p.dport, at);
	} else {
		why = arena_printf(w->arena, "nothing listens on %s/%s", at, proto_say(w->arena, w->p.proto));
	}
	return end_simple(w, STAGE_SOCKET, END_NO_LISTENER, cause, why);
}

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/* Not what the sender waits for: in what it differs. */
static const char *answer_differs(struct walk *w, const struct tuple *want, struct tuple got)
{
	bool icmp = is_icmp(got.proto);

	if (w->p.sport_unknown)
		return arena_printf(w->arena, "the answer comes from %s and another port than %u, which the sender waits for",
				    endpoint_say(w->arena, &got.src, 0), want->sport);
	if (!addr_eq(&want->dst, &got.dst) || want->dport != got.dport) {
		if (w->p.dport_unknown && !icmp)
			got.dport = 0;
		return arena_printf(w->arena, "the answer is %s, the sender waits for %s", tuple_say(w->arena, &got),
				    tuple_say(w->arena, want));
	}
	if (!addr_eq(&want->src, &got.src) || want->sport != got.sport)
		return arena_printf(w->arena, "the answer comes from %s, the sender waits for one from %s",
				    endpoint_say(w->arena, &got.src, icmp ? 0 : got.sport),
				    endpoint_say(w->arena, &want->src, icmp ? 0 : want->sport));
	return arena_printf(w->arena, icmp ? "the answer has another identifier than %u, which the sender waits for" :
			    "the answer goes to another port than %u, at which the sender waits",
			    icmp ? want->sport : want->dport);
}

enum flow answer_ends(struct walk *w, enum stage stage, enum end_kind good, const char *why)
{
	struct tuple want = tuple_invert(&w->sent), got = packet_tuple(&w->p);

	if (tuple_eq(&want, &got) && !w->p.sport_unknown && !w->p.dport_unknown)
		return end_simple(w, stage, good, CAUSE_NONE, why);
	return end_simple(w, stage, END_DROP, CAUSE_REPLY_BYPASS, answer_differs(w, &want, got));
}

static enum flow echo(struct walk *w)
{
	long off = 0;
	const char *path = w->p.proto == IPPROTO_ICMP ? "net/ipv4/icmp_echo_ignore_all" : "net/ipv6/icmp/echo_ignore_all";

	if (!state_sysctl(w->state, w->p.netns, path, NULL, &off) && off) {
		state_sysctl_evidence(w->state, w->p.netns, path, NULL, &w->ev);
		return end_simple(w, STAGE_SOCKET, END_DROP, CAUSE_NONE, "the host ignores echo requests");
	}
	return end_simple(w, STAGE_SOCKET, END_DELIVERED, CAUSE_NONE, "the kernel answers the echo request");
}

/* Of a packet that was seen, of an open connection: its socket may be gone by now, so only its presence tells anything. */
static enum flow to_connection(struct walk *w)
{
	struct sock_info sk = {};
	struct evidence *e;

	if (is_icmp(w->p.proto))
		return end_simple(w, STAGE_SOCKET, END_DELIVERED, CAUSE_NONE, "the kernel takes the ICMP message");
	if (state_socket(w->state, w->p.netns, &w->p, &sk) != YES)
		return end_simple(w, STAGE_SOCKET, END_UNKNOWN, CAUSE_UNREADABLE,
				  "which socket waits for it could not be seen any more");
	e = evidence_add(&w->ev, EV_SOCKET);
	e->text = arena_printf(w->arena, "a socket on %s", endpoint_say(w->arena, &sk.local, sk.port));
	e->effect = EFFECT_VERDICT;
	return end_simple(w, STAGE_SOCKET, END_DELIVERED, CAUSE_NONE, "the socket of its connection takes it");
}

static enum flow deliver(struct walk *w)
{
	struct sock_info sk = {}, near = {};
	struct packet lookup = w->p;
	const char *text = NULL;
	struct evidence *e;

	hop_begin(w);
	if (w->reply)
		return answer_ends(w, STAGE_SOCKET, END_DELIVERED, "the answer arrives");
	if (resume_midway(w))
		return to_connection(w);
	if (is_icmp(w->p.proto))
		return echo(w);
	if (w->tunnelled)
		return end_simple(w, STAGE_SOCKET, END_UNKNOWN, CAUSE_UNREADABLE,
				  "the end of the IPVS tunnel is here; what it carries is not followed");
	if (w->tproxy.set) {
		/* xt_TPROXY and nft tproxy assign the socket before routing. */
		lookup.dst = addr_len(&w->tproxy.addr) ? w->tproxy.addr : lookup.dst;
		lookup.dport = w->tproxy.port ? w->tproxy.port : lookup.dport;
	}
	switch (state_listener(w->state, w->p.netns, &lookup, &sk, &near, &text)) {
	case NO:
		return no_listener(w, &near, text);
	case UNKNOWN:
		return end_simple(w, STAGE_SOCKET, END_UNKNOWN, CAUSE_UNREADABLE,
				  arena_printf(w->arena, "whether anything takes %s/%s could not be asked",
					       endpoint_say(w->arena, &w->p.dst, w->p.dport),
					       proto_say(w->arena, w->p.proto)));
	case YES:
		break;
	}
	w->transparent = sk.transparent;
	e = evidence_add(&w->ev, EV_SOCKET);
	e->text = text;
	e->effect = EFFECT_VERDICT;
	return end_simple(w, STAGE_SOCKET, END_DELIVERED, CAUSE_NONE,
			  arena_printf(w->arena, "a socket listens on %s", endpoint_say(w->arena, &sk.local, sk.port)));
}

enum flow local_in(struct walk *w)
{
	w->p.oif = 0;
	if (run_hook(w, NF_INET_LOCAL_IN) == END)
		return END;
	return deliver(w);
}

/* ip6_forward(): "This check is security critical." */
static bool never_forwarded(const struct addr *src)
{
	return addr_is_any(src) || addr_is_loopback(src) || addr_is_multicast(src);
}

static enum flow forward(struct walk *w)
{
	const struct link *out = state_link(w->state, w->p.netns, w->p.oif);
	long update = 1;

	hop_begin(w);
	/* ip_forward(), ip6_forward() drop what has a socket */
	if (w->tproxy.set)
		return end_simple(w, STAGE_ROUTE_INPUT, END_DROP, CAUSE_NONE,
				  "a transparent proxy's socket has it, but its mark does not route it to this node");
	if (++w->forwards > MAX_FORWARDS)
		return end_simple(w, STAGE_ROUTE_INPUT, END_LOOP, CAUSE_LOOP, "it goes round in a circle");
	if (w->p.ttl <= 1)
		return end_simple(w, STAGE_ROUTE_INPUT, END_REJECT, CAUSE_TTL, "its time to live is over");
	if (packet_family(&w->p) == AF_INET6 && never_forwarded(&w->p.src))
		return end_simple(w, STAGE_ROUTE_INPUT, END_DROP, CAUSE_MARTIAN_SRC,
				  arena_printf(w->arena, "martian source %s", endpoint_say(w->arena, &w->p.src, 0)));
	if (out && out->mtu && w->p.len > out->mtu)
		return end_simple(w, STAGE_ROUTE_INPUT, END_REJECT, CAUSE_MTU,
				  arena_printf(w->arena, "%u bytes do not fit into %s's MTU of %u", w->p.len, out->name,
					       out->mtu));
	w->p.ttl--;
	w->p.local = false;
	/* ip_forward() */
	if (packet_family(&w->p) == AF_INET &&
	    (state_sysctl(w->state, w->p.netns, "net/ipv4/ip_forward_update_priority", NULL, &update) || update))
		w->p.priority = tos_priority(w->p.tos);
	if (run_hook(w, NF_INET_FORWARD) == END)
		return END;
	return post_routing(w);
}

static enum flow route_input(struct walk *w)
{
	struct route_key key;
	struct route r = {};
	int rc;

	hop_begin(w);
	key = route_question(w, true);
	rc = state_route(w->state, w->p.netns, &key, &r);
	if (rc)
		return unasked(w, STAGE_ROUTE_INPUT, rc);
	if (way_is_open(w, &r))
		return open_way(w, STAGE_ROUTE_INPUT, &r);
	if (r.error)
		return route_refused(w, &key, &r, STAGE_ROUTE_INPUT, false);
	add_route(w, &r);
	switch (r.type) {
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
		hop_done(w, STAGE_ROUTE_INPUT, 0, 0, false);
		return local_in(w);
	case RTN_UNICAST:
		take_way(w, &r);
		hop_done(w, STAGE_ROUTE_INPUT, 0, 0, false);
		return forward(w);
	}
	return end_simple(w, STAGE_ROUTE_INPUT, END_UNKNOWN, CAUSE_UNREADABLE,
			  arena_printf(w->arena, "routes of type %u are not followed", r.type));
}

enum flow ip_receive(struct walk *w)
{
	bool lo = w->p.iif == LOOPBACK_IFINDEX;

	w->p.oif = 0;
	w->p.given.set = false;
	/* nf_conntrack_in() left it without a connection at OUTPUT, and looks again */
	if (lo && w->p.ct.state == CT_INVALID)
		w->p.ct = (struct ct_view){};
	if (!lo) {
		w->p.local = false;
		w->p.sk_known = false;
		w->p.comes_back = false;
	}
	if (!w->prerouted && run_hook(w, NF_INET_PRE_ROUTING) == END)
		return END;
	/* ip_rcv_core() takes the socket from the frame that br_netfilter's PREROUTING gave it to */
	if (w->prerouted)
		w->tproxy.set = false;
	w->prerouted = false;
	/*
	 * Over loopback the route of the way out stays attached to the packet, whatever a rule wrote into it; without it,
	 * ip_rcv_finish_core() asks anew, and for fib_validate_source() an address of this host is a martian source there too.
	 */
	return w->p.comes_back ? local_in(w) : route_input(w);
}
