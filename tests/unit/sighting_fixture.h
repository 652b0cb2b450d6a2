/* SPDX-License-Identifier: GPL-2.0-only */
/* Sightings made by hand: one packet is drawn once, and then shown at one place after the other. */
#ifndef KTRACE_TESTS_SIGHTING_FIXTURE_H
#define KTRACE_TESTS_SIGHTING_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/stitch.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#define MS	1000000ULL

/* The packet under way, as it stands. */
struct scene {
	struct stitch *st;
	uint64_t now;
	struct sighting s;
	uint32_t seq, ack;
	uint16_t ip_id;
};

static inline struct addr at_addr(const char *s)
{
	struct addr a = { 0 };

	assert_true(addr_parse(s, &a));
	return a;
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, v >> 16);
	put_be16(p + 2, v);
}

/* The IP and transport headers of p; the number of bytes. */
static inline unsigned draw_packet(uint8_t *b, const struct packet *p, uint16_t ip_id, uint32_t seq, uint32_t ack)
{
	unsigned n = p->dst.family == AF_INET ? 20 : 40, header = p->proto == IPPROTO_TCP ? 20 : 8;
	uint8_t *t = b + n;

	memset(b, 0, n + header + 8);
	if (n == 20) {
		b[0] = 0x45;
		put_be16(b + 2, n + header);
		put_be16(b + 4, ip_id);
		b[8] = p->ttl;
		b[9] = p->proto;
		memcpy(b + 12, p->src.b, 4);
		memcpy(b + 16, p->dst.b, 4);
	} else {
		b[0] = 0x60;
		put_be16(b + 4, header);
		b[6] = p->proto;
		b[7] = p->ttl;
		memcpy(b + 8, p->src.b, 16);
		memcpy(b + 24, p->dst.b, 16);
	}
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) {
		put_be16(t, p->dport);
		put_be16(t + 4, p->sport);
		put_be16(t + 6, seq);
		return n + header;
	}
	put_be16(t, p->sport);
	put_be16(t + 2, p->dport);
	if (p->proto == IPPROTO_TCP) {
		put_be32(t + 4, seq);
		put_be32(t + 8, ack);
		t[12] = 5 << 4;
		t[13] = p->tcp_flags;
	}
	return n + header;
}

static inline void redraw(struct scene *k)
{
	k->s.n_bytes = draw_packet(k->s.bytes, &k->s.p, k->ip_id, k->seq, k->ack);
	k->s.p.len = k->s.n_bytes;
}

/* A new packet in a buffer of its own, in the node's namespace. flags: TCP's. */
static inline void packet(struct scene *k, uint64_t id, const char *src, uint16_t sport, const char *dst, uint16_t dport,
			  uint8_t proto, uint8_t flags)
{
	k->s = (struct sighting){ .id = id, .netns = 1 };
	k->s.p = (struct packet){
		.src = at_addr(src), .dst = at_addr(dst), .sport = sport, .dport = dport, .proto = proto, .ttl = 64,
		.tcp_flags = proto == IPPROTO_TCP ? flags : 0,
	};
	k->ip_id++;
	redraw(k);
}

static inline struct sighting *show(struct scene *k, enum place place)
{
	k->now += 10000;
	k->s.place = place;
	k->s.time = k->now;
	stitch_add(k->st, &k->s);
	return &k->s;
}

static inline void hook(struct scene *k, uint8_t at)
{
	k->s.pf = k->s.p.dst.family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	k->s.hook = at;
	show(k, PLACE_HOOK);
}

static inline void dnat(struct scene *k, const char *dst, uint16_t dport)
{
	k->s.p.dst = at_addr(dst);
	k->s.p.dport = dport;
	redraw(k);
}

static inline void snat(struct scene *k, const char *src, uint16_t sport)
{
	k->s.p.src = at_addr(src);
	k->s.p.sport = sport;
	redraw(k);
}

/* Its conntrack entry: orig as given, back as the packet would be answered now. */
static inline void entry(struct scene *k, enum ct_state state, bool reply, const struct tuple *orig)
{
	struct tuple now = packet_tuple(&k->s.p);

	k->s.conn = 0xc0;
	k->s.p.ct = (struct ct_view){ .state = state, .reply = reply, .existing = state != CT_NEW, .orig = *orig };
	k->s.p.ct.back = reply ? now : tuple_invert(&now);
	k->s.p.ct.status = IPS_DST_NAT | IPS_DST_NAT_DONE | (state == CT_NEW ? 0 : IPS_CONFIRMED | IPS_SRC_NAT_DONE);
}

static inline void dropped(struct scene *k, uint32_t reason, uint64_t location)
{
	k->s.reason = reason;
	k->s.location = location;
	show(k, PLACE_DROP);
}

static inline struct tuple as_tuple(const char *src, uint16_t sport, const char *dst, uint16_t dport, uint8_t proto)
{
	return (struct tuple){ .src = at_addr(src), .dst = at_addr(dst), .sport = sport, .dport = dport, .proto = proto };
}

#endif
