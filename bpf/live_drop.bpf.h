/* SPDX-License-Identifier: GPL-2.0-only */
/* Drops, and the devices' tracepoints. Part of live.bpf.c. */
#ifndef KTRACE_BPF_LIVE_DROP_BPF_H
#define KTRACE_BPF_LIVE_DROP_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIVE_FOLDS);
	__type(key, struct fold_key);
	__type(value, struct fold);
} folds SEC(".maps");

/* Is this drop to be told, and of how many like it does it tell? With no room left in the map every one is told. */
static __always_inline bool unfolded(const struct look *k, __u64 location, __u32 reason, __u32 netns, bool queued, __u64 *like)
{
	struct fold_key key = { .location = location, .reason = reason, .netns = netns, .family = k->family, .proto = k->proto };
	struct fold first = { .told_at = bpf_ktime_get_ns(), .n = 1, .told = 1, .sport = k->sport, .dport = k->dport,
			      .queued = queued };
	__u16 sport = __builtin_bswap16(k->sport), dport = __builtin_bswap16(k->dport);
	struct fold *f;
	__u64 n;

	__builtin_memcpy(key.src, k->src, 16);
	__builtin_memcpy(key.dst, k->dst, 16);
	key.port = sport < dport ? sport : dport;
	*like = 0;
	f = bpf_map_lookup_elem(&folds, &key);
	if (!f) {
		if (bpf_map_update_elem(&folds, &key, &first, BPF_NOEXIST) != -17)	/* EEXIST: another CPU was first */
			return true;
		f = bpf_map_lookup_elem(&folds, &key);
		if (!f)
			return true;
	}
	__sync_fetch_and_add(&f->n, 1);
	if (first.told_at - f->told_at < LIVE_SECOND)
		return false;
	f->told_at = first.told_at;
	n = f->n;
	*like = n - f->told - 1;
	f->told = n;
	return true;
}

/* A refusal that goes with a drop: told if its packet is followed, or like drops where all of them are told. */
static __always_inline bool refusal_wanted(struct look *k, __u8 place, __u64 *like)
{
	*like = 0;
	if (following)
		return followed(k);
	look_headers(k);
	return unfolded(k, place, 0, 0, false, like);
}

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
 * reason for it; before that, probes.c knows it by the function that freed it.
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
	e = reserve_bytes(sizeof(*e));
	if (!e)
		return 0;
	tell(ctx, e, &k, EVENT_DROP);
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

static __always_inline int tell_plain(void *ctx, const struct look *k, __u8 place)
{
	struct event *e = reserve_for(k);

	if (!e)
		return 0;
	tell(ctx, e, k, place);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* The tracepoint comes before the network header is set: __netif_receive_skb_core(). */
SEC("tp_btf/netif_receive_skb")
int BPF_PROG(dev_in, struct sk_buff *skb)
{
	struct look k = {};

	look_direct(&k, skb);
	k.nh = (__u64)BPF_CORE_READ(skb, data) - k.head;
	return followed(&k) ? tell_plain(ctx, &k, EVENT_DEV_IN) : 0;
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(dev_out, struct sk_buff *skb)
{
	struct look k = {};

	return WANTED(k, skb, look_direct) ? tell_plain(ctx, &k, EVENT_DEV_OUT) : 0;
}

#endif
