/* SPDX-License-Identifier: GPL-2.0-only */
/* The ring: room in it for an event, and a count of those that found none. */
#ifndef KTRACE_BPF_LIVE_RING_BPF_H
#define KTRACE_BPF_LIVE_RING_BPF_H

#include "bpf/event.h"
#include "bpf/live_look.bpf.h"

#define CT_ESTABLISHED	0		/* enum ip_conntrack_info */
#define CT_ESTABLISHED_REPLY 3
#define TCP_EDGES	7		/* FIN, SYN, RST */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENT_RING);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

static __always_inline void count_lost(void)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&lost, &zero);

	if (n)
		++*n;
}

static __always_inline struct event *reserve_bytes(__u32 bytes)
{
	struct event *e = bpf_ringbuf_reserve(&ring, bytes, 0);

	if (!e)
		count_lost();
	return e;
}

static __always_inline struct event *reserve(void)
{
	return reserve_bytes(EVENT_SHORT);
}

/* In the midst of a connection: neither its beginning nor its end. */
static __always_inline bool midway(const struct look *k)
{
	__u8 flags = 0;

	if (k->proto != TCP)
		return k->conn && (k->info == CT_ESTABLISHED || k->info == CT_ESTABLISHED_REPLY);
	return k->l4 && !bpf_probe_read_kernel(&flags, 1, (void *)(k->head + k->l4 + 13)) && !(flags & TCP_EDGES);
}

/* A busy connection leaves half of the ring to what begins, ends or fails beside it. */
static __always_inline struct event *reserve_for(const struct look *k)
{
	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > EVENT_RING / 2 && midway(k)) {
		count_lost();
		return 0;
	}
	return reserve();
}

#endif
