/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an XDP program drops in its device's driver: such a packet never has an skb, so no drop of it is told by the kernel. One
 * copy of the program is loaded for each XDP program (probes_xdp.c) and runs when that returns.
 */
#ifndef KTRACE_BPF_LIVE_XDP_BPF_H
#define KTRACE_BPF_LIVE_XDP_BPF_H

#include "bpf/live_fold.bpf.h"

#define ETH_QINQ	0xa888		/* ETH_P_8021AD in network order */

const volatile __u64 xdp_program;	/* where the kernel has it */

/* Two VLAN tags at most. False: no IP packet. */
static __always_inline bool look_frame(struct look *k, const struct xdp_buff *xdp)
{
	__u32 at = 12;

	k->head = (__u64)BPF_CORE_READ(xdp, data);
	for (int i = 0; i < 3; i++, at += 4) {
		if (bpf_probe_read_kernel(&k->protocol, sizeof(k->protocol), (void *)(k->head + at)))
			return false;
		if (k->protocol != ETH_VLAN && k->protocol != ETH_QINQ)
			break;
	}
	k->nh = at + 2;
	return look_headers(k);
}

static __always_inline void tell_frame(struct event *e, const struct look *k, const struct xdp_buff *xdp)
{
	const struct net_device *dev = BPF_CORE_READ(xdp, rxq, dev);
	__s64 n = (__s64)((__u64)BPF_CORE_READ(xdp, data_end) - k->head) - k->nh;

	__builtin_memset(e, 0, offsetof(struct event, bytes));
	__builtin_memset(e->stack, 0, sizeof(e->stack));
	e->time = bpf_ktime_get_ns();
	e->place = EVENT_DROP;
	e->location = e->stack[0] = xdp_program;
	e->netns = netns_of(BPF_CORE_READ(dev, nd_net.net));
	e->iif = BPF_CORE_READ(dev, ifindex);
	put_name(e, dev);
	e->flags = EVENT_IP;
	if (k->nh == 14 && !bpf_probe_read_kernel(e->mac, sizeof(e->mac), (void *)k->head))
		e->flags |= EVENT_MAC;
	if (n <= 0)
		return;
	e->len = n;
	e->n_bytes = n > EVENT_BYTES ? EVENT_BYTES : n;
	bpf_probe_read_kernel(e->bytes, EVENT_BYTES, (void *)(k->head + k->nh));
}

SEC("fexit/xdp")
int BPF_PROG(xdp_fexit, struct xdp_buff *xdp, int action)
{
	struct look k = {};
	struct event *e;
	__u64 like = 0;

	if (action >= XDP_PASS && action <= XDP_REDIRECT)
		return 0;
	if (!look_frame(&k, xdp))
		return 0;
	if (following) {
		if (!by_headers(&k) && !quotes_followed(&k))
			return 0;
	} else if (!unfolded(&k, xdp_program, 0, netns_of(BPF_CORE_READ(xdp, rxq, dev, nd_net.net)), false, &like)) {
		return 0;
	}
	e = reserve_bytes(sizeof(*e));
	if (!e)
		return 0;
	tell_frame(e, &k, xdp);
	e->folded = like;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#endif
