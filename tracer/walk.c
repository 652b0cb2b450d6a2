/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The spine: where the first packet starts, the answer's way back, and every branch of both. A walk is run once for
 * each way along the tape of choices; ways that differ only in something unread and end alike are one.
 */
#include <netinet/in.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "tracer/walk_fold.h"
#include "tracer/walk_priv.h"

#define EPHEMERAL	40000

/* -- hops and ends -------------------------------------------------------------------------------- */

void hop_begin(struct walk *w)
{
	w->in = w->p;
	w->ev.arena = w->arena;
	w->ev.n = 0;
}

static struct hop *hop_add(struct walk *w, enum stage stage, uint8_t hook, int priority, bool nat)
{
	struct hop *h = VEC_PUSH(w->arena, w->hop, w->n_hop, w->cap_hop);

	*h = (struct hop){
		.stage = stage, .hook = hook, .priority = priority, .nat = nat, .reply = w->reply,
		.place = w->p.netns ? io_netns_name(state_io(w->state), w->p.netns) : NULL,
		.iif = device_name(w, w->p.iif), .oif = device_name(w, w->p.oif),
		.in = w->in, .out = w->p,
		.evidence = arena_dup(w->arena, w->ev.v, w->ev.n * sizeof(*w->ev.v)), .n_evidence = w->ev.n,
	};
	return h;
}

void hop_done(struct walk *w, enum stage stage, uint8_t hook, int priority, bool nat)
{
	hop_add(w, stage, hook, priority, nat);
	hop_begin(w);
}

enum flow end_path(struct walk *w, enum stage stage, uint8_t hook, int priority, bool nat,
		   enum end_kind kind, enum end_cause cause, const char *why)
{
	struct hop *h = hop_add(w, stage, hook, priority, nat);

	h->verdict = (struct verdict){ kind, cause, why ? why : "" };
	w->end = h->verdict;
	if (!w->reply)
		w->arrived = w->p;
	return END;
}

enum flow end_simple(struct walk *w, enum stage stage, enum end_kind kind, enum end_cause cause, const char *why)
{
	return end_path(w, stage, 0, 0, false, kind, cause, why);
}

/* -- the answer ----------------------------------------------------------------------------------- */

/* tcp_v4_send_synack(), tcp_v6_send_synack(): tcp_reflect_tos. That of a host elsewhere is not known: off, the default. */
static uint8_t answer_tos(struct walk *w)
{
	long reflect = 0;

	if (w->end.kind == END_DELIVERED && w->p.proto == IPPROTO_TCP)
		state_sysctl(w->state, w->p.netns, "net/ipv4/tcp_reflect_tos", NULL, &reflect);
	return reflect ? w->p.tos & ~3 : 0;
}

static void answer_packet(struct walk *w)
{
	struct packet *p = &w->p;
	struct tuple t = packet_tuple(p), back = tuple_invert(&t);

	p->src = back.src;
	p->dst = back.dst;
	p->sport = back.sport;
	p->dport = back.dport;
	p->dport_unknown = p->sport_unknown;
	p->sport_unknown = false;
	p->tcp_flags = p->proto == IPPROTO_TCP ? 0x12 : 0;
	p->ttl = 64;
	/* A socket answers with its own TOS, icmp_reply() and icmpv6_echo_reply() with the request's. */
	if (p->proto != IPPROTO_ICMP && p->proto != IPPROTO_ICMPV6)
		p->tos = answer_tos(w);
	p->mark = p->priority = 0;
	p->iif = p->oif = p->physin = p->physout = 0;
	p->ct = (struct ct_view){};
	p->ipvs.set = false;
	p->sk_known = false;
	p->answer = true;
	w->reply = true;
	w->prerouted = w->diverted = false;
	w->tproxy.set = false;
	w->forwards = 0;
}

/* The answer from elsewhere comes in the frame of whom the request was handed to. */
static void answer_frame(struct walk *w, int iif, const struct addr *nexthop)
{
	const struct link *l = state_link(w->state, w->p.netns, iif);
	struct mac mac = {};
	const char *text;

	if (state_neigh(w->state, w->p.netns, iif, nexthop, &mac, &text) != YES)
		mac.known = false;
	w->p.smac = mac;
	w->p.dmac = l ? l->mac : (struct mac){};
}

/*
 * Does the answer find its way back? From a socket here it is followed from there; from elsewhere it is taken
 * to come in where the request went out, if this node has anything to undo or to receive. What left although it is
 * addressed to this node comes back as itself, or never.
 */
static void walk_answer(struct walk *w)
{
	struct verdict request = w->end;
	struct addr nexthop = w->nexthop;
	size_t n_hop = w->n_hop;
	int back_iif = w->p.oif;
	bool ours = w->p.ct.status & (IPS_SRC_NAT | IPS_DST_NAT) || w->n_balanced || !w->outside;

	if (request.cause == CAUSE_REPLY_BYPASS)
		return;
	if (request.kind == END_SENT && (!ours || is_local(w, w->p.netns, &w->p.dst)))
		return;
	answer_packet(w);
	if (request.kind != END_DELIVERED)
		answer_frame(w, back_iif, &nexthop);
	w->end = (struct verdict){};
	if (request.kind == END_DELIVERED) {
		local_out(w);
	} else {
		w->nexthop = (struct addr){};
		receive(w, back_iif);
	}
	if (end_reaches(w->end.kind)) {
		w->end = request;
		w->n_hop = w->options->all ? w->n_hop : n_hop;
		return;
	}
	if (w->end.kind == END_UNKNOWN)
		return;
	if (w->end.cause != CAUSE_REPLY_BYPASS) {
		w->end.why = arena_printf(w->arena, "the answer does not come back: %s", w->end.why);
		w->end.cause = CAUSE_REPLY_DROPPED;
	}
	w->end.kind = END_DROP;
}

/* -- one way -------------------------------------------------------------------------------------- */

/* What does not change between the ways of one target. */
struct start {
	struct packet p;
	bool local;			/* a process sends it; else it arrives on iif */
	int iif;
	bool outside;
};

void walk_begin(struct walk *w, const struct packet *p)
{
	choices_rewind(w->choices);
	w->p = *p;
	w->sent = packet_tuple(&w->p);
	w->reply = w->prerouted = w->diverted = false;
	w->tproxy.set = false;
	w->forwards = 0;
	w->conn = NULL;
	w->n_conn = w->cap_conn = 0;
	w->balanced = NULL;
	w->n_balanced = w->cap_balanced = 0;
	w->tunnelled = false;
	w->server.family = 0;
	w->writes = NULL;
	w->n_hop = 0;
	w->end = (struct verdict){};
	w->nexthop = (struct addr){};
	w->matched = 0;
	w->strayed = false;
}

static void walk_once(struct walk *w, const struct start *s)
{
	walk_begin(w, &s->p);
	w->outside = s->outside;
	if (s->local)
		local_out(w);
	else
		receive(w, s->iif);
	if (end_reaches(w->end.kind))
		walk_answer(w);
}

struct trace walk_trace(struct walk *w, const struct tuple *target)
{
	const struct packet *end = &w->arrived;
	struct trace t = {
		.target = *target, .share = choices_share(w->choices), .share_kind = choices_kind(w->choices),
		.end = w->end, .hops = arena_dup(w->arena, w->hop, w->n_hop * sizeof(*w->hop)), .n_hops = w->n_hop,
	};

	t.target.src = w->sent.src;
	if (choices_lost(w->choices))
		t.end = (struct verdict){ END_UNKNOWN, CAUSE_UNREADABLE, "it meets too many choices" };
	if (addr_eq(&end->dst, &target->dst) && end->dport == target->dport && !addr_len(&w->server) &&
	    w->end.kind != END_DELIVERED && w->end.kind != END_NO_LISTENER)
		return t;
	t.has_endpoint = true;
	t.endpoint = end->dst;
	t.endpoint_port = end->proto == IPPROTO_ICMP || end->proto == IPPROTO_ICMPV6 ? 0 : end->dport;
	if (addr_len(&w->server)) {
		t.endpoint = w->server;
		t.endpoint_port = w->server_port;
	}
	t.endpoint_place = end->netns ? io_netns_name(state_io(w->state), end->netns) : NULL;
	return t;
}

/* -- where it starts ------------------------------------------------------------------------------ */

static uint32_t first_len(uint8_t family, uint8_t proto)
{
	uint32_t ip = family == AF_INET ? 20 : 40;

	switch (proto) {
	case IPPROTO_TCP: return ip + 40;	/* a SYN with the usual options */
	case IPPROTO_UDP: return ip + 8;
	case IPPROTO_SCTP: return ip + 12 + 20 + 16;
	default: return ip + 64;
	}
}

static struct packet first_packet(const struct walk_options *o, const struct tuple *target)
{
	struct packet p = {
		.dst = target->dst, .sport = o->sport ? o->sport : EPHEMERAL, .dport = target->dport,
		.proto = target->proto, .tcp_flags = target->proto == IPPROTO_TCP ? 0x02 : 0, .ttl = 64, .tos = o->tos,
		.mark = o->mark, .netns = o->source->netns, .local = true, .sk_known = true, .uid = o->uid,
		.gid = o->uid, .len = first_len(target->dst.family, target->proto),
	};

	if (p.proto == IPPROTO_ICMP)
		p.dport = 8 << 8;
	if (p.proto == IPPROTO_ICMPV6)
		p.dport = 128 << 8;
	return p;
}

static int arrival(struct state *s, const struct walk_options *o, const struct tuple *target, int *ifindex,
		   struct err *err)
{
	struct route_key key = { .dst = o->source->addr, .proto = target->proto };
	const struct link *l;
	struct route r = {};
	char text[ADDR_TEXT];

	if (o->source->iface) {
		l = state_link_named(s, 0, o->source->iface);
		if (!l)
			return err_set(err, -ENODEV, "there is no interface %s here; `ip link` lists them", o->source->iface);
		*ifindex = l->ifindex;
		return 0;
	}
	addr_say(&o->source->addr, text);
	if (state_route(s, 0, &key, &r) || r.error || r.type != RTN_UNICAST)
		return err_set(err, -ENETUNREACH, "no route leads back to %s, so the interface that its packet arrives on "
			       "is not known; name it: --from %s%%IFACE", text, text);
	*ifindex = r.oif;
	return 0;
}

/* Whose frame it comes in: the neighbour that the way back to the sender leads to, if it is known. */
static struct mac sender_mac(struct state *s, const struct addr *src, int iif)
{
	struct route_key key = { .dst = *src };
	struct route r = {};
	struct mac mac = {};
	const char *text;

	if (state_route(s, 0, &key, &r) || r.error || r.oif != iif)
		return mac;
	if (state_neigh(s, 0, iif, addr_len(&r.gateway) ? &r.gateway : src, &mac, &text) != YES)
		mac.known = false;
	return mac;
}

/* An address of this node or of a pod on it is a local process there, bound to the address. */
static int find_start(struct state *s, const struct walk_options *o, const struct tuple *target, struct start *out,
		      struct err *err)
{
	const struct link *in;
	uint8_t type = 0;
	uint32_t pod;
	int rc;

	*out = (struct start){ .p = first_packet(o, target), .local = true };
	if (o->source->kind != SOURCE_ADDRESS)
		return 0;
	if (o->source->addr.family != target->dst.family)
		return err_set(err, -EAFNOSUPPORT, "the source is an IPv%d address, the target an IPv%d one; give a source "
			       "of the target's family", o->source->addr.family == AF_INET ? 4 : 6,
			       target->dst.family == AF_INET ? 4 : 6);
	out->p.src = o->source->addr;
	out->p.netns = 0;
	if (!o->source->iface && !state_addr_type(s, 0, &out->p.src, 0, &type) && type == RTN_LOCAL)
		return 0;
	if (!o->source->iface && !state_netns_of_addr(s, &out->p.src, &pod)) {
		out->p.netns = pod;
		return 0;
	}
	out->local = out->p.local = out->p.sk_known = false;
	out->outside = true;
	rc = arrival(s, o, target, &out->iif, err);
	if (rc)
		return rc;
	in = state_link(s, 0, out->iif);
	if (in)
		out->p.dmac = in->mac;
	out->p.smac = sender_mac(s, &out->p.src, out->iif);
	return 0;
}

int walk_source_addr(struct state *s, const struct walk_options *o, const struct tuple *target,
		     struct addr *src, int *ifindex, struct err *err)
{
	struct start st;
	struct route r = {};
	int rc = find_start(s, o, target, &st, err);

	if (rc)
		return rc;
	*ifindex = st.local ? 0 : st.iif;
	*src = st.p.src;
	if (!addr_len(src)) {
		struct walk w = { .p = st.p };
		struct route_key key = route_question(&w, false);

		if (!state_route(s, st.p.netns, &key, &r) && !r.error)
			*src = r.prefsrc;
	}
	return 0;
}

/* -- all ways ------------------------------------------------------------------------------------- */

int walk(struct state *s, struct arena *a, const struct walk_options *o, const struct tuple *target,
	 const struct trace **out, size_t *n, struct err *err)
{
	struct walk w = { .state = s, .arena = a, .options = o, .choices = choices_new(a, MAX_PATHS) };
	struct way *way = NULL;
	size_t n_way = 0, cap = 0;
	struct start start;
	int rc = find_start(s, o, target, &start, err);

	if (rc)
		return rc;
	do {
		struct trace t;

		walk_once(&w, &start);
		t = walk_trace(&w, target);
		way_keep(a, w.choices, &t, VEC_PUSH(a, way, n_way, cap));
	} while (choices_next(w.choices));
	if (choices_torn(w.choices))
		return err_set(err, -EINTR, "the node's state changed while it was read");
	ways_fold(a, way, n_way, choices_cut(w.choices), out, n);
	return 0;
}
