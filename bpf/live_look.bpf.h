/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looks at a packet and says whether it is followed: by its headers, by its connection, or by its data if it was
 * followed before. What does not match must cost little: arrays of bytes are asked before maps.
 */
#ifndef KTRACE_BPF_LIVE_LOOK_BPF_H
#define KTRACE_BPF_LIVE_LOOK_BPF_H

#include "bpf/event.h"
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
#define ICMPV6		58
#define CT_INFO		7ul		/* NFCT_INFOMASK */
#define CT_UNTRACKED	7
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

/* The tuples followed, and one byte for each port that occurs in them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIVE_FILTERS);
	__type(key, struct live_key);
	__type(value, __u8);
} filters SEC(".maps");

__u8 port_known[1 << 16];

/* Connections followed: nf_conn, and a print of its original tuple, since a later connection may lie at the same address. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIVE_CONNS);
	__type(key, __u64);
	__type(value, __u32);
} conns SEC(".maps");

__u8 conn_known[1 << 16];

/* Packets followed, by their data: found again below an outer header or with headers pulled. */
struct {
	__u64 head;
	__u32 nh, print;
} heads[LIVE_HEADS];

static __always_inline __u32 mix(__u32 h, __u32 w)
{
	h = (h ^ w) * 0x9e3779b1;
	return h ^ h >> 15;
}

static __always_inline __u32 slot(__u64 address)
{
	return mix(address >> 6, address >> 32);
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

static __always_inline bool icmp_error(const struct look *k)
{
	if (k->proto == ICMP)
		return k->icmp == 3 || k->icmp == 11 || k->icmp == 12 || k->icmp == 4 || k->icmp == 5;
	return k->proto == ICMPV6 && k->icmp < 128;
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
	if (k->proto == TCP || k->proto == 17 || k->proto == ICMPV6) {
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

static __always_inline __u8 ask(const __u8 *addr, __be16 port, const struct look *k)
{
	struct live_key key = { .port = port, .family = k->family, .proto = k->proto };
	__u8 *flags;

	__builtin_memcpy(key.addr, addr, 16);
	flags = bpf_map_lookup_elem(&filters, &key);
	return flags ? *flags : 0;
}

/* What the filters say of a packet's source and destination. */
static __always_inline __u8 by_headers(const struct look *k)
{
	bool icmp = k->proto == ICMP || k->proto == ICMPV6;
	__be16 sport = icmp ? 0 : k->sport, dport = icmp ? 0 : k->dport;
	__u8 flags = 0;

	if (port_known[dport])
		flags = ask(k->dst, dport, k);
	if (port_known[sport])
		flags |= ask(k->src, sport, k);
	return flags;
}

/* The original tuple as the kernel has it, opaque. */
struct raw_tuple {
	__u32 w[10];
};

static __always_inline __u32 conn_print(__u64 conn)
{
	struct raw_tuple t = {};
	__u32 h = 1;

	if (!bpf_core_type_exists(struct nf_conn))
		return h;
	bpf_probe_read_kernel(&t, sizeof(t), (char *)conn + bpf_core_field_offset(struct nf_conn, tuplehash[0].tuple));
	for (int i = 0; i < 10; i++)
		h = mix(h, t.w[i]);
	return h;
}

static __always_inline bool conn_followed(const struct look *k)
{
	__u32 *print;

	if (!k->conn || !conn_known[slot(k->conn) & 0xffff])
		return false;
	print = bpf_map_lookup_elem(&conns, &k->conn);
	return print && *print == conn_print(k->conn);
}

/* Does its connection begin with a packet to what is addressed? */
static __always_inline bool conn_addressed(const struct look *k)
{
	const struct nf_conn *ct = (void *)k->conn;
	struct live_key key = { .family = k->family, .proto = k->proto };
	__u8 *flags;

	if (!bpf_core_type_exists(struct nf_conn))
		return false;
	if (k->proto != ICMP && k->proto != ICMPV6)
		key.port = BPF_CORE_READ(ct, tuplehash[0].tuple.dst.u.all);
	BPF_CORE_READ_INTO(&key.addr, ct, tuplehash[0].tuple.dst.u3);
	if (k->family == INET)
		__builtin_memset(key.addr + 4, 0, 12);
	flags = bpf_map_lookup_elem(&filters, &key);
	return flags && *flags & LIVE_ADDRESSED;
}

/*
 * Is it data that was followed before? *same: at the same IP header, not below another. Memory is used again with its old bytes
 * in it, so the header must be where this packet has bytes, and the packet one that can hold it.
 */
static __always_inline bool head_followed(const struct look *k, bool *same)
{
	__u32 i = slot(k->head) & (LIVE_HEADS - 1);
	const struct sk_buff *skb = (void *)k->skb;
	struct look was = { .head = k->head };
	__u8 version;

	if (heads[i].head != k->head || (k->protocol != ETH_IP && k->protocol != ETH_IPV6 && k->protocol != ETH_VLAN))
		return false;
	was.nh = heads[i].nh;
	if (was.nh + 20 > BPF_CORE_READ(skb, tail))
		return false;
	if (bpf_probe_read_kernel(&version, 1, (void *)(was.head + was.nh)))
		return false;
	was.protocol = version >> 4 == 4 ? ETH_IP : ETH_IPV6;
	*same = was.nh == k->nh;
	return look_headers(&was) && was.print == heads[i].print;
}

/* An ICMP error speaks of the packet it quotes. */
static __always_inline bool quotes_followed(const struct look *k)
{
	struct look q = { .head = k->head, .protocol = k->protocol };

	if (!icmp_error(k) || !k->l4)
		return false;
	q.nh = k->l4 + 8;
	return look_headers(&q) && by_headers(&q);
}

static __always_inline void adopt_conn(const struct look *k)
{
	__u32 print;

	if (!k->conn)
		return;
	print = conn_print(k->conn);
	bpf_map_update_elem(&conns, &k->conn, &print, BPF_ANY);
	conn_known[slot(k->conn) & 0xffff] = 1;
}

static __always_inline void adopt_head(const struct look *k)
{
	__u32 i = slot(k->head) & (LIVE_HEADS - 1);

	if (!k->print)
		return;
	heads[i].head = k->head;
	heads[i].nh = k->nh;
	heads[i].print = k->print;
}

static __always_inline void forget_head(const struct look *k)
{
	__u32 i = slot(k->head) & (LIVE_HEADS - 1);

	if (heads[i].head == k->head)
		heads[i].head = 0;
}

/*
 * Is the packet followed? k has skb, head, nh, protocol, conn and info. An endpoint's own traffic (pod to pod, without the
 * service) is told from translated traffic by the original destination of its connection; before conntrack has
 * seen it, it counts, but is not remembered. Nor is what carries a followed packet: a tunnel's connection has others' packets too.
 */
static __noinline bool followed(struct look *k)
{
	bool same = true, ip = look_headers(k);
	__u8 flags = ip ? by_headers(k) : 0;

	if (!conn_followed(k)) {
		if (flags == LIVE_ENDPOINT) {
			if (!k->conn)
				return true;
			if (!conn_addressed(k))
				return false;
		} else if (!flags) {
			if (!head_followed(k, &same))
				return ip && quotes_followed(k);
			if (!same)
				return true;
		}
		adopt_conn(k);
	}
	if (ip)
		adopt_head(k);
	return true;
}

#endif
