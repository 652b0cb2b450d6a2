/* SPDX-License-Identifier: GPL-2.0-only */
/* What is followed, as packets have it in their headers: addresses and ports. */
#ifndef KTRACE_BPF_LIVE_FILTER_BPF_H
#define KTRACE_BPF_LIVE_FILTER_BPF_H

#include "bpf/event.h"
#include "bpf/live_look.bpf.h"

/* The tuples followed, and one byte for each port that occurs in them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIVE_FILTERS);
	__type(key, struct live_key);
	__type(value, __u8);
} filters SEC(".maps");

__u8 port_known[1 << 16];

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

static __always_inline bool icmp_error(const struct look *k)
{
	if (k->proto == ICMP)
		return k->icmp == 3 || k->icmp == 11 || k->icmp == 12 || k->icmp == 4 || k->icmp == 5;
	return k->proto == ICMPV6 && k->icmp < 128;
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

#endif
