/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet by its headers: its skb is looked at once, the rest of the probes reads what was found. */
#ifndef KTRACE_BPF_LIVE_LOOK_BPF_H
#define KTRACE_BPF_LIVE_LOOK_BPF_H

#include "bpf/kernel_packet.h"

#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define INET		2		/* AF_* */
#define INET6		10
#define ETH_IP		0x0008		/* ETH_P_IP in network order */
#define ETH_IPV6	0xdd86
#define ETH_VLAN	0x0081
#define ICMP		1		/* IPPROTO_* */
#define TCP		6
#define UDP		17
#define ICMPV6		58
#define CT_INFO		7ul		/* NFCT_INFOMASK */
#define HEADER		64		/* bytes read at once: an IP header and what follows it */
#define EXTENSIONS	6		/* IPv6 extension headers walked */

/* How a probe has to reach kernel memory is its own business: it fills this, the rest reads by address. */
struct look {
	__u64 skb, head, conn;		/* addresses */
	__u32 nh;			/* IP header, from head */
	__u32 l4;			/* transport header, from head; 0: none or a later fragment */
	__u16 protocol;
	__u8 info;			/* enum ip_conntrack_info */
	__u8 icmp;			/* type */
	__u8 family, proto;		/* family 0: no IP */
	__be16 sport, dport;
	__u8 src[16], dst[16];
	__u32 print;			/* what NAT leaves of it */
};

/*
 * A packet by its skb: direct where the verifier knows the pointer's type, which is cheaper; but what is a pointer to the
 * verifier it lets nobody hash, so head is read as a number.
 */
#define DIRECT(p, field)	((p)->field)
#define LOOK(name, read)							\
static __always_inline void name(struct look *k, const struct sk_buff *skb)	\
{										\
	unsigned long nfct = 0;							\
										\
	if (bpf_core_field_exists(skb->_nfct))					\
		nfct = read(skb, _nfct);					\
	k->skb = (__u64)skb;							\
	k->head = (__u64)BPF_CORE_READ(skb, head);				\
	k->nh = read(skb, network_header);					\
	k->protocol = read(skb, protocol);					\
	k->conn = nfct & ~CT_INFO;						\
	k->info = nfct & CT_INFO;						\
}
LOOK(look_direct, DIRECT)
LOOK(look_probed, BPF_CORE_READ)

static __always_inline __u32 mix(__u32 h, __u32 w)
{
	h = (h ^ w) * 0x9e3779b1;
	return h ^ h >> 15;
}

/* What address translation leaves alone: length, id, and sequence number or first bytes of the payload. */
static __always_inline void print_of(struct look *k, __u32 length_id, const __u8 *transport)
{
	__u32 word = *(__u32 *)(transport + (k->proto == TCP ? 4 : 8));
	__u32 h = mix(mix(k->proto, length_id), word);

	k->print = h ? h : 1;
}

/* Ports, or id and type of ICMP, at the transport header: 12 bytes of it in h. */
static __always_inline void look_transport(struct look *k, const __u8 *h)
{
	__be16 a = *(__be16 *)h, b = *(__be16 *)(h + 2);

	if (k->proto == ICMP || k->proto == ICMPV6) {
		k->icmp = h[0];
		k->sport = *(__be16 *)(h + 4);
		k->dport = a;
	} else {
		k->sport = a;
		k->dport = b;
	}
}

static __always_inline void look_ipv4(struct look *k, const __u8 *h)
{
	__u8 t[12] __attribute__((aligned(8))) = {};
	__u32 ihl = (h[0] & 15) * 4;

	k->family = INET;
	k->proto = h[9];
	__builtin_memcpy(k->src, h + 12, 4);
	__builtin_memcpy(k->dst, h + 16, 4);
	if (*(__u16 *)(h + 6) & 0xff1f)		/* a later fragment has no ports */
		return;
	k->l4 = k->nh + ihl;
	if (ihl == 20) {
		look_transport(k, h + 20);
		print_of(k, *(__u16 *)(h + 2) << 16 | *(__u16 *)(h + 4), h + 20);
	} else {
		bpf_probe_read_kernel(t, sizeof(t), (void *)(k->head + k->l4));
		look_transport(k, t);
		print_of(k, *(__u16 *)(h + 2) << 16 | *(__u16 *)(h + 4), t);
	}
}

/* Past the extension headers, as ipv6_skip_exthdr() does; the transport header's offset from head, 0: none. */
static __always_inline __u32 skip_extensions(struct look *k, __u32 at, __u8 next)
{
	__u8 e[8] __attribute__((aligned(8)));

	for (int i = 0; i < EXTENSIONS; i++) {
		if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60)
			break;
		if (bpf_probe_read_kernel(e, sizeof(e), (void *)(k->head + at)))
			return 0;
		if (next == 44) {
			if (*(__u16 *)(e + 2) & 0xf8ff) {
				k->proto = e[0];
				return 0;
			}
			at += 8;
		} else {
			at += next == 51 ? (e[1] + 2) * 4 : (e[1] + 1) * 8;
		}
		next = e[0];
	}
	k->proto = next;
	return at;
}

static __always_inline void look_ipv6(struct look *k, const __u8 *h)
{
	__u8 t[12] __attribute__((aligned(8))) = {};

	k->family = INET6;
	k->proto = h[6];
	__builtin_memcpy(k->src, h + 8, 16);
	__builtin_memcpy(k->dst, h + 24, 16);
	k->l4 = k->nh + 40;
	if (k->proto == TCP || k->proto == UDP || k->proto == ICMPV6) {
		look_transport(k, h + 40);
		print_of(k, *(__u16 *)(h + 4), h + 40);
		return;
	}
	k->l4 = skip_extensions(k, k->l4, k->proto);
	if (!k->l4 || bpf_probe_read_kernel(t, sizeof(t), (void *)(k->head + k->l4)))
		return;
	look_transport(k, t);
	print_of(k, *(__u16 *)(h + 4), t);
}

/* The headers at k->head + k->nh. False: no IP packet. */
static __noinline bool look_headers(struct look *k)
{
	__u8 h[HEADER] __attribute__((aligned(8)));

	if (bpf_probe_read_kernel(h, sizeof(h), (void *)(k->head + k->nh)))
		return false;
	if (k->protocol == ETH_IP && h[0] >> 4 == 4)
		look_ipv4(k, h);
	else if (k->protocol == ETH_IPV6 && h[0] >> 4 == 6)
		look_ipv6(k, h);
	return k->family != 0;
}

#endif
