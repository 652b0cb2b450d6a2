/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices: where a packet comes in and goes out. */
#ifndef KTRACE_BPF_LIVE_DEVICE_BPF_H
#define KTRACE_BPF_LIVE_DEVICE_BPF_H

#include "bpf/live_tell.bpf.h"

static __always_inline int tell_device(void *ctx, const struct look *k, __u8 place)
{
	struct event *e = told(ctx, reserve_for(k), k, place);

	if (e)
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
	return followed(&k) ? tell_device(ctx, &k, EVENT_DEV_IN) : 0;
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(dev_out, struct sk_buff *skb)
{
	struct look k = {};

	return WANTED(k, skb, look_direct) ? tell_device(ctx, &k, EVENT_DEV_OUT) : 0;
}

#endif
