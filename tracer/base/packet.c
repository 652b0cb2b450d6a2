/* SPDX-License-Identifier: GPL-2.0-only */
/* Tuples, their words, and the packet as bytes with what is known of them. */
#include <arpa/inet.h>
#include <string.h>

#include "tracer/base/arena.h"
#include "tracer/base/packet.h"

struct tuple packet_tuple(const struct packet *p)
{
	return (struct tuple){ .src = p->src, .dst = p->dst, .sport = p->sport, .dport = p->dport,
			       .proto = p->proto };
}

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/* icmp_invert_tuple(), nf_conntrack_proto_icmp.c and its IPv6 kin: the answer's type. */
static uint16_t icmp_invert(uint8_t proto, uint16_t type_code)
{
	static const uint8_t v4[][2] = { { 8, 0 }, { 0, 8 }, { 13, 14 }, { 14, 13 }, { 15, 16 },
					 { 16, 15 }, { 17, 18 }, { 18, 17 } };
	static const uint8_t v6[][2] = { { 128, 129 }, { 129, 128 }, { 139, 140 }, { 140, 139 } };
	const uint8_t (*map)[2] = proto == IPPROTO_ICMP ? v4 : v6;
	size_t n = proto == IPPROTO_ICMP ? ARRAY_SIZE(v4) : ARRAY_SIZE(v6);

	for (size_t i = 0; i < n; i++)
		if (map[i][0] == type_code >> 8)
			return map[i][1] << 8 | (type_code & 0xff);
	return type_code;
}

struct tuple tuple_invert(const struct tuple *t)
{
	struct tuple r = { .src = t->dst, .dst = t->src, .proto = t->proto };

	if (is_icmp(t->proto)) {
		r.sport = t->sport;
		r.dport = icmp_invert(t->proto, t->dport);
	} else {
		r.sport = t->dport;
		r.dport = t->sport;
	}
	return r;
}

bool tuple_eq(const struct tuple *a, const struct tuple *b)
{
	return addr_eq(&a->src, &b->src) && addr_eq(&a->dst, &b->dst) && a->sport == b->sport &&
	       a->dport == b->dport && a->proto == b->proto;
}

const char *proto_say(struct arena *a, uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP: return "tcp";
	case IPPROTO_UDP: return "udp";
	case IPPROTO_SCTP: return "sctp";
	case IPPROTO_DCCP: return "dccp";
	case IPPROTO_UDPLITE: return "udplite";
	case IPPROTO_ICMP: return "icmp";
	case IPPROTO_ICMPV6: return "icmpv6";
	}
	return arena_printf(a, "%u", proto);
}

const char *endpoint_say(struct arena *a, const struct addr *addr, uint16_t port)
{
	char buf[ADDR_TEXT];

	addr_say(addr, buf);
	if (!port)
		return arena_strdup(a, buf);
	return arena_printf(a, addr->family == AF_INET6 ? "[%s]:%u" : "%s:%u", buf, port);
}

const char *tuple_say(struct arena *a, const struct tuple *t)
{
	char src[ADDR_TEXT], dst[ADDR_TEXT];

	if (is_icmp(t->proto))
		return arena_printf(a, "%s > %s/%s type %u", addr_say(&t->src, src), addr_say(&t->dst, dst),
				    proto_say(a, t->proto), t->dport >> 8);
	return arena_printf(a, "%s > %s/%s", endpoint_say(a, &t->src, t->sport),
			    endpoint_say(a, &t->dst, t->dport), proto_say(a, t->proto));
}

static void put(uint8_t *b, uint8_t *known, unsigned off, const void *p, unsigned len)
{
	memcpy(b + off, p, len);
	memset(known + off, 0xff, len);
}

static void put8(uint8_t *b, uint8_t *known, unsigned off, uint8_t v)
{
	put(b, known, off, &v, 1);
}

static void put16(uint8_t *b, uint8_t *known, unsigned off, uint16_t v)
{
	v = htons(v);
	put(b, known, off, &v, 2);
}

static void image_ipv4(const struct packet *p, struct image *im)
{
	im->nh_len = 20;
	put8(im->nh, im->nh_known, 0, 0x45);
	put8(im->nh, im->nh_known, 1, p->tos);
	put16(im->nh, im->nh_known, 2, p->len);
	/* id and DF depend on the sender; more-fragments and the offset are 0 */
	im->nh_known[6] = 0xbf;
	im->nh_known[7] = 0xff;
	put8(im->nh, im->nh_known, 8, p->ttl);
	put8(im->nh, im->nh_known, 9, p->proto);
	put(im->nh, im->nh_known, 12, p->src.b, 4);
	put(im->nh, im->nh_known, 16, p->dst.b, 4);
}

static void image_ipv6(const struct packet *p, struct image *im)
{
	im->nh_len = 40;
	put8(im->nh, im->nh_known, 0, 0x60 | p->tos >> 4);
	im->nh[1] = p->tos << 4;
	im->nh_known[1] = 0xf0;		/* the flow label is the sender's choice */
	put16(im->nh, im->nh_known, 4, p->len >= 40 ? p->len - 40 : 0);
	put8(im->nh, im->nh_known, 6, p->proto);
	put8(im->nh, im->nh_known, 7, p->ttl);
	put(im->nh, im->nh_known, 8, p->src.b, 16);
	put(im->nh, im->nh_known, 24, p->dst.b, 16);
}

static void image_transport(const struct packet *p, struct image *im)
{
	uint32_t header = packet_family(p) == AF_INET ? 20 : 40;

	switch (p->proto) {
	case IPPROTO_TCP:
		im->th_len = 20;
		put16(im->th, im->th_known, 0, p->sport);
		put16(im->th, im->th_known, 2, p->dport);
		im->th_known[12] = 0x0f;	/* reserved bits are 0, the offset depends on options */
		put8(im->th, im->th_known, 13, p->tcp_flags);
		put16(im->th, im->th_known, 18, 0);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		im->th_len = 8;
		put16(im->th, im->th_known, 0, p->sport);
		put16(im->th, im->th_known, 2, p->dport);
		if (p->proto == IPPROTO_UDP && p->len > header)
			put16(im->th, im->th_known, 4, p->len - header);
		break;
	case IPPROTO_SCTP:
		im->th_len = 12;
		put16(im->th, im->th_known, 0, p->sport);
		put16(im->th, im->th_known, 2, p->dport);
		break;
	case IPPROTO_DCCP:
		im->th_len = 12;
		put16(im->th, im->th_known, 0, p->sport);
		put16(im->th, im->th_known, 2, p->dport);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		im->th_len = 8;
		put8(im->th, im->th_known, 0, p->dport >> 8);
		put8(im->th, im->th_known, 1, p->dport & 0xff);
		put16(im->th, im->th_known, 4, p->sport);
		break;
	}
}

void packet_image(const struct packet *p, struct image *im)
{
	memset(im, 0, sizeof(*im));
	if (p->dmac.known)
		put(im->ll, im->ll_known, 0, p->dmac.b, 6);
	if (p->smac.known)
		put(im->ll, im->ll_known, 6, p->smac.b, 6);
	if (packet_family(p) == AF_INET) {
		put16(im->ll, im->ll_known, 12, 0x0800);
		image_ipv4(p, im);
	} else {
		put16(im->ll, im->ll_known, 12, 0x86dd);
		image_ipv6(p, im);
	}
	image_transport(p, im);
	if (p->sport_unknown)
		im->th_known[0] = im->th_known[1] = 0;
}
