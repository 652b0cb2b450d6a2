/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recorded nodes of tests/golden/node, and what a kernel would show of a packet that goes the way of a predicted trace: the hooks that it
 * enters and how it ends, as sightings of one buffer.
 */
#ifndef KTRACE_TESTS_RECORDED_FIXTURE_H
#define KTRACE_TESTS_RECORDED_FIXTURE_H

#include "sighting_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tracer/attribute.h"
#include "tracer/walk.h"

#define NODES	"tests/golden/node/"

struct recorded {
	struct arena *arena;
	struct gaps gaps;
	struct io *io;
	struct state *s;
};

/* False: it could not be unpacked. */
static inline bool recorded_open(struct recorded *r, const char *folder)
{
	struct err err = { "" };
	char path[] = "/tmp/ktrace-unit-XXXXXX", command[512];
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	close(fd);
	snprintf(command, sizeof(command), "xz -dc '%s/node.snap.xz' > %s", folder, path);
	memset(r, 0, sizeof(*r));
	r->arena = arena_new();
	r->gaps.arena = r->arena;
	rc = system(command);
	if (!rc)
		rc = io_open_replay(r->arena, path, &r->io, &err);
	unlink(path);
	if (rc)
		print_error("%s: %s\n", folder, err.text);
	return !rc && !state_open(r->io, r->arena, &r->gaps, &r->s, &err);
}

static inline void recorded_close(struct recorded *r)
{
	io_close(r->io);
	arena_free(r->arena);
}

/* -- the kernel's words ----------------------------------------------------------------------------- */

static const char *const fixture_reasons[] = {
	NULL, "SKB_CONSUMED", "SKB_DROP_REASON_NOT_SPECIFIED", "SKB_DROP_REASON_NETFILTER_DROP", "SKB_DROP_REASON_NO_SOCKET",
	"SKB_DROP_REASON_IP_RPFILTER", "SKB_DROP_REASON_IP_INVALID_SOURCE", "SKB_DROP_REASON_IP_INNOROUTES",
	"SKB_DROP_REASON_IP_OUTNOROUTES", "SKB_DROP_REASON_NEIGH_FAILED", "SKB_DROP_REASON_PKT_TOO_BIG",
	"SKB_DROP_REASON_SOCKET_RCVBUFF", "SKB_DROP_REASON_IP_INADDRERRORS",
};
enum {
	R_NONE, R_CONSUMED, R_NOT_SPECIFIED, R_NETFILTER, R_NO_SOCKET, R_RPFILTER, R_INVALID_SOURCE, R_NO_ROUTE, R_OUT_NO_ROUTE,
	R_NEIGH_FAILED, R_TOO_BIG, R_RCVBUFF, R_ADDR_ERRORS,
};

static const char *const fixture_symbols[] = {
	NULL, "nf_hook_slow", "nft_do_chain [nf_tables]", "ip_rcv_finish_core.constprop.0", "ip_error", "ip_forward", "neigh_invalidate",
	"tcp_v4_rcv", "__udp4_lib_rcv", "br_forward [bridge]", "udp_queue_rcv_one_skb", "br_handle_frame [bridge]",
	"__netif_receive_skb_core.constprop.0",
	/* who calls the hooks, NF_INET_PRE_ROUTING and so on */
	"ip_rcv", "ip_local_deliver", "ip_forward", "__ip_local_out", "ip_output",
	"ipv6_rcv", "ip6_input", "ip6_forward", "__ip6_local_out", "ip6_output",
};
enum {
	F_NONE, F_HOOK_SLOW, F_NFT, F_RCV_FINISH, F_ERROR, F_FORWARD, F_NEIGH, F_TCP, F_UDP, F_BRIDGE, F_UDP_QUEUE, F_HANDLE_FRAME,
	F_RECEIVE, F_HOOKS, F_HOOKS6 = F_HOOKS + 5,
};

static inline const char *fixture_reason(void *ctx, uint32_t reason)
{
	(void)ctx;
	return reason < ARRAY_SIZE(fixture_reasons) ? fixture_reasons[reason] : NULL;
}

static inline const char *fixture_symbol(void *ctx, uint64_t address)
{
	(void)ctx;
	return address < ARRAY_SIZE(fixture_symbols) ? fixture_symbols[address] : NULL;
}

static const struct kernel_words fixture_words = { .reason = fixture_reason, .symbol = fixture_symbol };

/* -- a predicted trace, seen ------------------------------------------------------------------------ */

struct seen {
	struct arena *arena;
	const struct sighting **v;
	size_t n, cap;
	uint64_t now, id;
	bool picked;			/* the kernel picks a source port on the way */
	struct journey j;
};

#define PICKED_PORT	50505

static inline struct sighting *seen_add(struct seen *l, enum place place, const struct packet *p)
{
	struct sighting *s = arena_alloc(l->arena, sizeof(*s));

	l->now += 1000;
	*s = (struct sighting){ .place = place, .time = l->now, .id = l->id, .netns = p->netns + 1, .p = *p };
	s->pf = p->dst.family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	/* nobody knows a port that the kernel picks before it is seen */
	if (p->sport_unknown)
		s->p.sport = PICKED_PORT;
	if (p->dport_unknown)
		s->p.dport = PICKED_PORT;
	l->picked |= p->sport_unknown;
	if (l->picked && s->p.ct.status & IPS_SRC_NAT)
		s->p.ct.back.dport = PICKED_PORT;
	s->p.sport_unknown = s->p.dport_unknown = false;
	s->n_bytes = draw_packet(s->bytes, &s->p, 1, l->j.reply ? 9000 : 100, l->j.reply ? 101 : 0);
	*VEC_PUSH(l->arena, l->v, l->n, l->cap) = s;
	return s;
}

/* Hooks of one stage follow one another; conntrack stands in the first hook of either way. */
static inline uint8_t hook_of(const struct hop *h)
{
	if (h->stage == STAGE_HOOK)
		return h->hook;
	if (h->stage == STAGE_CONNTRACK || h->stage == STAGE_IPVS_IN)
		return h->in.local && !h->in.iif ? NF_INET_LOCAL_OUT :
		       h->stage == STAGE_IPVS_IN ? NF_INET_LOCAL_IN : NF_INET_PRE_ROUTING;
	return MEANING_NO_HOOK;
}

static inline void seen_drop(struct seen *l, const struct packet *p, uint32_t reason, uint64_t location, uint64_t caller)
{
	struct sighting *s = seen_add(l, PLACE_DROP, p);

	s->reason = reason;
	s->location = location;
	s->stack[0] = caller;
	l->j.drop = s;
}

static inline void seen_refusal(struct seen *l, const struct packet *p, enum place place)
{
	struct sighting *s = seen_add(l, place, p);

	s->icmp_type = p->dst.family == AF_INET6 ? 1 : 3;
	s->icmp_code = p->dst.family == AF_INET6 ? 4 : 3;
	l->j.refused = s;
}

static inline bool by_rule(const struct hop *h)
{
	return h->verdict.cause == CAUSE_RULE || h->verdict.cause == CAUSE_POLICY;
}

/* What a function at a hook decides is freed by nf_hook_slow(). */
static inline bool at_hook(const struct hop *h)
{
	return h->stage == STAGE_HOOK || h->stage == STAGE_CONNTRACK || h->stage == STAGE_IPVS_IN || h->stage == STAGE_REROUTE;
}

static inline uint32_t reason_of(const struct hop *h)
{
	if (at_hook(h))
		return R_NETFILTER;
	switch (h->verdict.cause) {
	case CAUSE_RP_FILTER: return R_RPFILTER;
	case CAUSE_MARTIAN_SRC: return R_INVALID_SOURCE;
	case CAUSE_NO_ROUTE:
	case CAUSE_BLACKHOLE:
	case CAUSE_PROHIBIT: return R_NO_ROUTE;
	case CAUSE_FORWARDING_OFF:
	case CAUSE_UNREACHABLE_ROUTE: return R_ADDR_ERRORS;
	case CAUSE_NEIGHBOUR_FAILED: return R_NEIGH_FAILED;
	case CAUSE_MTU: return R_TOO_BIG;
	default: return at_hook(h) || by_rule(h) ? R_NETFILTER : R_NOT_SPECIFIED;
	}
}

static inline uint64_t location_of(const struct hop *h)
{
	if (by_rule(h))
		return F_NFT;
	if (at_hook(h))
		return F_HOOK_SLOW;
	switch (h->stage) {
	case STAGE_BRIDGE: return F_BRIDGE;
	case STAGE_ROUTE_INPUT: return h->verdict.cause == CAUSE_TTL ? F_FORWARD : F_RCV_FINISH;
	case STAGE_NEIGHBOUR: return F_NEIGH;
	default: return F_NONE;
	}
}

static inline uint64_t caller_of(const struct hop *h)
{
	switch (h->stage) {
	case STAGE_CONNTRACK:
	case STAGE_IPVS_IN: return (h->out.dst.family == AF_INET6 ? F_HOOKS6 : F_HOOKS) + hook_of(h);
	case STAGE_REROUTE: return (h->out.dst.family == AF_INET6 ? F_HOOKS6 : F_HOOKS) + NF_INET_LOCAL_OUT;
	case STAGE_HOOK: return (h->out.dst.family == AF_INET6 ? F_HOOKS6 : F_HOOKS) + h->hook;
	case STAGE_BRIDGE: return F_HANDLE_FRAME;
	default: return F_RECEIVE;
	}
}

static inline void seen_end(struct seen *l, const struct hop *h)
{
	switch (h->verdict.kind) {
	case END_DROP:
		seen_drop(l, &h->out, reason_of(h), location_of(h), caller_of(h));
		break;
	case END_REJECT:
		seen_refusal(l, &h->out, PLACE_ICMP_SENT);
		seen_drop(l, &h->out, reason_of(h), location_of(h), caller_of(h));
		break;
	case END_NO_LISTENER:
		seen_refusal(l, &h->out, h->out.proto == IPPROTO_TCP ? PLACE_RST_SENT : PLACE_ICMP_SENT);
		seen_drop(l, &h->out, R_NO_SOCKET, h->out.proto == IPPROTO_TCP ? F_TCP : F_UDP, 0);
		break;
	default:
		break;
	}
}

/* The entries that it leaves on its way. */
static inline void seen_made(struct seen *l, const struct hop *h)
{
	if (h->out.ct.state == CT_NEW &&
	    (h->stage == STAGE_REROUTE || h->stage == STAGE_SOCKET ||
	     (h->nat && (h->hook == NF_INET_POST_ROUTING || h->hook == NF_INET_LOCAL_IN))))
		seen_add(l, PLACE_CONFIRM, &h->out)->verdict = NF_ACCEPT;
	if (h->stage == STAGE_IPVS_IN)
		seen_add(l, PLACE_IPVS_CONN, &h->in)->ipvs = packet_tuple(&h->out);
}

/* One direction of a trace. False: it has no packet that enters a hook. */
static inline bool seen_trace(struct seen *l, const struct trace *t, bool reply)
{
	uint8_t last = MEANING_NO_HOOK;
	uint32_t netns = 0;

	l->j.reply = reply;
	l->id = reply ? 0xb0 : 0xa0;
	for (size_t i = 0; i < t->n_hops; i++) {
		const struct hop *h = &t->hops[i];
		uint8_t hook = hook_of(h);

		if (h->reply != reply)
			continue;
		if (hook == MEANING_NO_HOOK)
			last = h->stage == STAGE_ROUTE_INPUT || h->stage == STAGE_NEIGHBOUR ? MEANING_NO_HOOK : last;
		else if (hook != last || h->in.netns != netns) {
			struct sighting *s = seen_add(l, PLACE_HOOK, &h->in);

			s->hook = hook;
		}
		if (hook != MEANING_NO_HOOK)
			last = hook;
		if ((h->verdict.kind == END_NONE || end_reaches(h->verdict.kind)) && !reply)
			seen_made(l, h);
		netns = h->in.netns;
		/* a socket that finds no route makes no packet */
		if (h->stage == STAGE_ROUTE_OUTPUT && h->verdict.kind != END_NONE)
			return false;
		if (h->verdict.kind != END_NONE)
			seen_end(l, h);
	}
	l->j.seen = l->v;
	l->j.n = l->n;
	return l->n > 0;
}

#endif
