/* SPDX-License-Identifier: GPL-2.0-only */
/* Drops: what the kernel frees as dropped, and why. */
#ifndef KTRACE_BPF_LIVE_DROP_BPF_H
#define KTRACE_BPF_LIVE_DROP_BPF_H

#include "bpf/live_chain.bpf.h"
#include "bpf/live_fold.bpf.h"

/*
 * Frees that are no drops, where every drop is told: what is no IP packet and has no device that could be told (netlink, unix
 * and packet sockets use skbs too, and 5.10 tells all of their frees).
 */
static __always_inline bool of_packet(const struct look *k, const struct sk_buff *skb, __u32 *netns)
{
	if (device_of(skb, netns))
		return true;
	*netns = netns_of(BPF_CORE_READ(skb, sk, __sk_common.skc_net.net));
	return k->family != 0;
}

/*
 * What a socket had in its queues when it was closed was delivered: a FIN that nobody read, an ICMP error. Since 6.7 there is a
 * reason for it; before that, probes_poll.c knows it by the function that freed it.
 */
static __always_inline bool left_over(bool queued, __u32 reason)
{
	return queued && bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_QUEUE_PURGE) &&
	       reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_QUEUE_PURGE);
}

static __always_inline int tell_drop(void *ctx, struct sk_buff *skb, __u64 location, __u32 reason)
{
	struct look k = {};
	struct event *e;
	struct last *d;
	__u64 like = 0;
	__u32 netns, zero = 0;
	bool queued;

	queued = BPF_CORE_READ(skb, sk) && BPF_CORE_READ(skb, skb_iif);
	if (left_over(queued, reason))
		return 0;
	look_direct(&k, skb);
	if (following) {
		if (!followed(&k))
			return 0;
		forget_head(&k);
	} else {
		look_headers(&k);
		if (!of_packet(&k, skb, &netns) || !unfolded(&k, location, reason, netns, queued, &like))
			return 0;
	}
	d = bpf_map_lookup_elem(&last_drop, &zero);
	if (d) {
		d->skb = k.skb;
		d->head = k.head;
		d->conn = k.conn;
	}
	e = told(ctx, reserve_bytes(sizeof(*e)), &k, EVENT_DROP);
	if (!e)
		return 0;
	e->location = location;
	e->reason = reason;
	e->folded = like;
	if (queued)
		e->flags |= EVENT_QUEUED;
	if (bpf_get_stack(ctx, e->stack, sizeof(e->stack), 0) < 0)
		e->stack[0] = 0;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* (skb, location), (…, reason) since 5.17, (…, rx_sk) since 6.11 */
SEC("tp_btf/kfree_skb")
int drop(__u64 *ctx)
{
	__u32 reason = 0;

	if (bpf_core_type_exists(enum skb_drop_reason)) {
		reason = ctx[2];
		if (reason == bpf_core_enum_value(enum skb_drop_reason, SKB_NOT_DROPPED_YET))
			return 0;
		if (bpf_core_enum_value_exists(enum skb_drop_reason, SKB_CONSUMED) &&
		    reason == bpf_core_enum_value(enum skb_drop_reason, SKB_CONSUMED))
			return 0;
	}
	return tell_drop(ctx, (struct sk_buff *)ctx[0], ctx[1], reason);
}

#endif
