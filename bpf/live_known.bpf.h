/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was followed before: connections, and packets by their data. Both are known by an address that is used again, so a print
 * of what lay there is kept with it. What is not known must cost little: arrays of bytes are asked before maps.
 */
#ifndef KTRACE_BPF_LIVE_KNOWN_BPF_H
#define KTRACE_BPF_LIVE_KNOWN_BPF_H

#include "bpf/event.h"
#include "bpf/live_look.bpf.h"

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

static __always_inline __u32 slot(__u64 address)
{
	return mix(address >> 6, address >> 32);
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

#endif
