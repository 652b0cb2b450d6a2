/* SPDX-License-Identifier: GPL-2.0-only */
/* What the first bytes of a packet tell beyond its tuple: its print, what a tunnel carries in it, what an ICMP error quotes. */
#include <netinet/in.h>

#include <linux/if_ether.h>
#include <string.h>

#include "tracer/stitch_priv.h"

#define VXLAN_PORT	4789
#define VXLAN_OLD_PORT	8472		/* flannel, and the kernel's own default */
#define GENEVE_PORT	6081
#define MAX_EXTENSIONS	4

/* An IP packet within the bytes. */
struct ip {
	const uint8_t *at, *end;	/* its transport header, and where the bytes end */
	struct tuple t;			/* ports only if they are there */
	uint16_t id;
	uint32_t len;			/* of what follows the IP header, as it says itself */
};

static uint16_t be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static bool has(const struct ip *ip, size_t n)
{
	return ip->at && (size_t)(ip->end - ip->at) >= n;
}

static bool parse_v4(const uint8_t *p, const uint8_t *end, struct ip *out)
{
	size_t header = (p[0] & 15) * 4, total = be16(p + 2);

	if (header < 20 || (size_t)(end - p) < header)
		return false;
	out->t.src = addr_from(p + 12, 4);
	out->t.dst = addr_from(p + 16, 4);
	out->t.proto = p[9];
	out->id = be16(p + 4);
	out->len = total > header ? total - header : 0;
	/* only the first fragment has a transport header */
	out->at = be16(p + 6) & 0x1fff ? NULL : p + header;
	return true;
}

static bool parse_v6(const uint8_t *p, const uint8_t *end, struct ip *out)
{
	uint8_t next = p[6];
	size_t off = 40;

	for (unsigned i = 0; i < MAX_EXTENSIONS && (size_t)(end - p) >= off + 8; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_DSTOPTS && next != IPPROTO_ROUTING)
			break;
		next = p[off];
		off += (p[off + 1] + 1) * 8;
	}
	if ((size_t)(end - p) < off)
		return false;
	out->t.src = addr_from(p + 8, 16);
	out->t.dst = addr_from(p + 24, 16);
	out->t.proto = next;
	out->len = be16(p + 4) > off - 40 ? be16(p + 4) - (off - 40) : 0;
	out->at = p + off;
	return true;
}

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static bool parse(const uint8_t *p, const uint8_t *end, struct ip *out)
{
	*out = (struct ip){ .end = end };
	if (end - p >= 20 && p[0] >> 4 == 4) {
		if (!parse_v4(p, end, out))
			return false;
	} else if (end - p < 40 || p[0] >> 4 != 6 || !parse_v6(p, end, out)) {
		return false;
	}
	if (is_icmp(out->t.proto) && has(out, 8)) {
		out->t.sport = be16(out->at + 4);
		out->t.dport = be16(out->at);
	} else if (has(out, 4)) {
		out->t.sport = be16(out->at);
		out->t.dport = be16(out->at + 2);
	}
	return true;
}

static bool icmp_error(const struct ip *ip)
{
	if (ip->t.proto == IPPROTO_ICMPV6)
		return has(ip, 8) && ip->at[0] < 128;
	return ip->t.proto == IPPROTO_ICMP && has(ip, 8) &&
	       (ip->at[0] == 3 || ip->at[0] == 4 || ip->at[0] == 5 || ip->at[0] == 11 || ip->at[0] == 12);
}

/* The IP packet behind an Ethernet header. */
static bool parse_frame(const uint8_t *p, const uint8_t *end, struct ip *out)
{
	if (end - p < 14 || (be16(p + 12) != ETH_P_IP && be16(p + 12) != ETH_P_IPV6))
		return false;
	return parse(p + 14, end, out);
}

/* What a tunnel carries: IP in IP, GRE (RFC 2784, 2890), VXLAN (RFC 7348), Geneve (RFC 8926). */
static bool unwrap(const struct ip *outer, struct ip *out)
{
	const uint8_t *p = outer->at;
	size_t header;

	switch (outer->t.proto) {
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		return p && parse(p, outer->end, out);
	case IPPROTO_GRE:
		if (!has(outer, 4) || p[1] & 7)
			return false;
		header = 4 + 4 * (!!(p[0] & 0x80) + !!(p[0] & 0x20) + !!(p[0] & 0x10));
		if (!has(outer, header))
			return false;
		if (be16(p + 2) == ETH_P_TEB)
			return parse_frame(p + header, outer->end, out);
		return (be16(p + 2) == ETH_P_IP || be16(p + 2) == ETH_P_IPV6) && parse(p + header, outer->end, out);
	case IPPROTO_UDP:
		if ((outer->t.dport == VXLAN_PORT || outer->t.dport == VXLAN_OLD_PORT) && has(outer, 16) && p[8] & 0x08)
			return parse_frame(p + 16, outer->end, out);
		if (outer->t.dport == GENEVE_PORT && has(outer, 16) && be16(p + 10) == ETH_P_TEB) {
			header = 16 + (p[8] & 0x3f) * 4;
			return has(outer, header) && parse_frame(p + header, outer->end, out);
		}
		return false;
	}
	return false;
}

static void print_of(const struct ip *ip, struct bytes_view *out)
{
	struct print *f = &out->print;
	const uint8_t *p = ip->at;

	f->proto = ip->t.proto;
	f->ip_id = ip->id;
	switch (ip->t.proto) {
	case IPPROTO_TCP:
		if (!has(ip, 14))
			return;
		f->a = be32(p + 4);
		f->b = be32(p + 8);
		f->flags = p[13] & 0x3f;
		if (ip->len > (size_t)(p[12] >> 4) * 4)
			out->payload = ip->len - (p[12] >> 4) * 4;
		out->payload += !!(f->flags & 0x02) + (f->flags & 0x01);
		break;
	case IPPROTO_SCTP:
		if (!has(ip, 16))
			return;
		f->a = be32(p + 4);
		f->b = be32(p + 12);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (!has(ip, 8))
			return;
		/* its id is what NAT changes */
		f->a = be16(p + 6);
		f->flags = p[0];
		f->b = has(ip, 12) && !icmp_error(ip) ? be32(p + 8) : 0;
		break;
	default:
		if (!has(ip, 8))
			return;
		f->a = ip->len;
		f->b = has(ip, 12) ? be32(p + 8) : 0;
	}
	f->known = true;
}

void bytes_look(const struct sighting *s, struct bytes_view *out)
{
	size_t n = s->n_bytes < SIGHTING_BYTES ? s->n_bytes : SIGHTING_BYTES;
	struct ip outer, inner;

	memset(out, 0, sizeof(*out));
	if (!parse(s->bytes, s->bytes + n, &outer))
		return;
	if (unwrap(&outer, &inner)) {
		out->encapsulated = true;
		out->inner = inner.t;
		print_of(&inner, out);
		return;
	}
	print_of(&outer, out);
	if (icmp_error(&outer) && parse(outer.at + 8, outer.end, &inner)) {
		out->error = true;
		out->quoted = inner.t;
	}
}

bool print_eq(const struct print *a, const struct print *b)
{
	return a->known && b->known && a->proto == b->proto && a->flags == b->flags && a->ip_id == b->ip_id && a->a == b->a &&
	       a->b == b->b;
}
