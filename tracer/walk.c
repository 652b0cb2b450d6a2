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
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/walk_priv.h"

#define EPHEMERAL	40000

/* -- hops and ends -------------------------------------------------------------------------------- */

void hop_begin(struct walk *w)
{
	w->in = w->p;
	w->ev = (struct evidences){ .arena = w->arena };
}

static struct hop *hop_add(struct walk *w, enum stage stage, uint8_t hook, int priority, bool nat)
{
	struct hop *h = VEC_PUSH(w->arena, w->hop, w->n_hop, w->cap_hop);

	*h = (struct hop){
		.stage = stage, .hook = hook, .priority = priority, .nat = nat, .reply = w->reply,
		.place = w->p.netns ? io_netns_name(state_io(w->state), w->p.netns) : NULL,
		.iif = device_name(w, w->p.iif), .oif = device_name(w, w->p.oif),
		.in = w->in, .out = w->p, .evidence = w->ev.v, .n_evidence = w->ev.n,
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
	w->reply = true;
	w->prerouted = false;
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
 * to come in where the request went out, if this node has anything to undo or to receive.
 */
static void walk_answer(struct walk *w)
{
	struct verdict request = w->end;
	struct addr nexthop = w->nexthop;
	size_t n_hop = w->n_hop;
	int back_iif = w->p.oif;
	bool ours = w->p.ct.status & (IPS_SRC_NAT | IPS_DST_NAT) || w->n_balanced || !w->outside;

	if (request.cause == CAUSE_REPLY_BYPASS || (request.kind == END_SENT && !ours))
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
	w->reply = w->prerouted = false;
	w->tproxy.set = false;
	w->forwards = 0;
	w->conn = NULL;
	w->n_conn = w->cap_conn = 0;
	w->balanced = NULL;
	w->n_balanced = w->cap_balanced = 0;
	w->server.family = 0;
	w->hop = NULL;
	w->n_hop = w->cap_hop = 0;
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
		.end = w->end, .hops = w->hop, .n_hops = w->n_hop,
	};

	t.target.src = w->sent.src;
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

/* A trace with its forks, for folding. */
struct way {
	struct trace t;
	const struct choice_step *step;
	size_t n_step;
	const char **gap;
	size_t n_gap, cap_gap;
};

static void keep_way(struct walk *w, const struct tuple *target, struct way *way)
{
	size_t n = choices_depth(w->choices);
	struct choice_step *steps = arena_alloc(w->arena, n * sizeof(*steps));

	for (size_t i = 0; i < n; i++)
		steps[i] = *choices_step(w->choices, i);
	*way = (struct way){ .t = walk_trace(w, target), .step = steps, .n_step = n };
}

/* -- folding -------------------------------------------------------------------------------------- */

static bool same_end(const struct way *a, const struct way *b)
{
	return a->t.end.kind == b->t.end.kind && a->t.end.cause == b->t.end.cause &&
	       !strcmp(a->t.end.why, b->t.end.why) && a->t.has_endpoint == b->t.has_endpoint &&
	       (!a->t.has_endpoint || (addr_eq(&a->t.endpoint, &b->t.endpoint) &&
				       a->t.endpoint_port == b->t.endpoint_port));
}

struct ways {
	struct way **v;
	size_t n;
};

static bool same_ways(const struct ways *a, const struct ways *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!same_end(a->v[i], b->v[i]) || fabs(a->v[i]->t.share - b->v[i]->t.share) > 1e-9)
			return false;
	return true;
}

static void scale(struct ways *l, double share)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i]->t.share *= share;
}

/* Random ways to one end are one. */
static void join(struct ways *into, const struct ways *more)
{
	for (size_t i = 0; i < more->n; i++) {
		struct way *m = more->v[i];
		size_t k;

		for (k = 0; k < into->n; k++)
			if (same_end(into->v[k], m) && into->v[k]->t.share_kind == m->t.share_kind && m->n_gap == 0 &&
			    into->v[k]->n_gap == 0)
				break;
		if (k < into->n)
			into->v[k]->t.share += m->t.share;
		else
			into->v[into->n++] = m;
	}
}

static void mark_unknown(struct arena *a, struct ways *l, const char *gap)
{
	for (size_t i = 0; i < l->n; i++) {
		l->v[i]->t.share_kind = SHARE_UNKNOWN;
		*VEC_PUSH(a, l->v[i]->gap, l->v[i]->n_gap, l->v[i]->cap_gap) = gap;
	}
}

/*
 * The ways lo..hi share the forks before depth. The fork at depth groups them; an unknown one whose
 * groups all end alike vanishes with its gap.
 */
static struct ways fold(struct arena *a, struct way *way, size_t lo, size_t hi, size_t depth)
{
	struct ways out = { .v = arena_alloc(a, (hi - lo) * sizeof(*out.v)) };
	bool unknown, differ = false;
	struct ways first = {};

	if (depth >= way[lo].n_step) {
		way[lo].t.share = 1;
		way[lo].t.share_kind = depth == 0 || way[lo].t.share_kind == SHARE_EXISTING ? way[lo].t.share_kind :
				       SHARE_CERTAIN;
		out.v[out.n++] = &way[lo];
		return out;
	}
	unknown = way[lo].step[depth].unknown;
	for (size_t i = lo, j; i < hi; i = j) {
		struct ways l;

		for (j = i + 1; j < hi && way[j].step[depth].taken == way[i].step[depth].taken; j++)
			;
		l = fold(a, way, i, j, depth + 1);
		if (!unknown) {
			scale(&l, way[i].step[depth].share);
			for (size_t k = 0; k < l.n; k++)
				if (l.v[k]->t.share_kind == SHARE_CERTAIN)
					l.v[k]->t.share_kind = SHARE_RANDOM;
			join(&out, &l);
			continue;
		}
		if (i == lo) {
			first = (struct ways){ arena_dup(a, l.v, l.n * sizeof(*l.v)), l.n };
		} else if (!same_ways(&first, &l)) {
			differ = true;
		}
		memcpy(out.v + out.n, l.v, l.n * sizeof(*l.v));
		out.n += l.n;
	}
	if (unknown && !differ)
		return first;
	if (unknown) {
		mark_unknown(a, &out, way[lo].step[depth].gap);
		for (size_t k = 0; k < out.n; k++)
			out.v[k]->t.share /= way[lo].step[depth].n;
	}
	return out;
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

static int in_order_of_walk(const void *a, const void *b)
{
	const struct way *const *x = a, *const *y = b;

	/* In the order of the walk: the rules' own order of endpoints. */
	return *x < *y ? -1 : *x > *y;
}

static void cut_short(struct arena *a, struct ways *l, struct way *rest, const struct tuple *target)
{
	double left = 1;
	const char **gap = arena_alloc(a, sizeof(*gap));

	for (size_t i = 0; i < l->n; i++)
		left -= l->v[i]->t.share;
	gap[0] = arena_printf(a, "more than %d ways: only the first were walked", MAX_PATHS);
	*rest = (struct way){ .t = { .target = *target, .share = left > 0 ? left : 0, .share_kind = SHARE_UNKNOWN,
				     .end = { END_UNKNOWN, CAUSE_UNREADABLE, gap[0] } },
			      .gap = gap, .n_gap = 1 };
	l->v[l->n++] = rest;
}

int walk(struct state *s, struct arena *a, const struct walk_options *o, const struct tuple *target,
	 const struct trace **out, size_t *n, struct err *err)
{
	struct walk w = { .state = s, .arena = a, .options = o, .choices = choices_new(a, MAX_PATHS) };
	struct way *way = NULL, rest;
	size_t n_way = 0, cap = 0;
	struct start start;
	struct trace *traces;
	struct ways l;
	int rc = find_start(s, o, target, &start, err);

	if (rc)
		return rc;
	do {
		walk_once(&w, &start);
		keep_way(&w, target, VEC_PUSH(a, way, n_way, cap));
	} while (choices_next(w.choices));
	if (choices_torn(w.choices))
		return err_set(err, -EINTR, "the node's state changed while it was read");
	l = fold(a, way, 0, n_way, 0);
	l.v = arena_dup(a, l.v, (l.n + 1) * sizeof(*l.v));
	qsort(l.v, l.n, sizeof(*l.v), in_order_of_walk);
	if (choices_cut(w.choices))
		cut_short(a, &l, &rest, target);
	traces = arena_alloc(a, l.n * sizeof(*traces));
	for (size_t i = 0; i < l.n; i++) {
		traces[i] = l.v[i]->t;
		traces[i].gaps = l.v[i]->gap;
		traces[i].n_gaps = l.v[i]->n_gap;
	}
	*out = traces;
	*n = l.n;
	return 0;
}
