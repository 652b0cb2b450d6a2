/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a packet is: its network namespace, its devices, and the bridge ports under it. */
#ifndef KTRACE_BPF_LIVE_WHERE_BPF_H
#define KTRACE_BPF_LIVE_WHERE_BPF_H

#include "bpf/event.h"
#include "bpf/live_look.bpf.h"

#define KERNEL_HALF	(1ull << 63)
#define FIRST_INUM	0xeffffff0u	/* below all inode numbers of namespaces: PROC_NET_INIT_INO and its kin */
#define ETHER		1		/* ARPHRD_ETHER */
#define NO_HEADER	0xffff		/* of a header that was never set */
#define HOOK_OUT	3		/* NF_INET_LOCAL_OUT */
#define HOOK_POST	4

static __always_inline __u32 netns_of(const struct net *net)
{
	__u32 inum = (__u64)net & KERNEL_HALF ? BPF_CORE_READ(net, ns.inum) : 0;

	return inum >= FIRST_INUM ? inum : 0;
}

/* skb->dev, or NULL where a queue keeps something else in its place (dev_scratch, rbnode). */
static __always_inline struct net_device *device_of(const struct sk_buff *skb, __u32 *netns)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);

	*netns = 0;
	if (!((__u64)dev & KERNEL_HALF))
		return 0;
	*netns = netns_of(BPF_CORE_READ(dev, nd_net.net));
	return *netns ? dev : 0;
}

static __always_inline void put_name(struct event *e, const struct net_device *dev)
{
	if (dev)
		bpf_probe_read_kernel(e->ifname, sizeof(e->ifname), dev->name);
}

static __always_inline void tell_mac(struct event *e, const struct look *k, const struct net_device *dev)
{
	const struct sk_buff *skb = (void *)k->skb;
	__u16 mac = BPF_CORE_READ(skb, mac_header);

	if (!dev || mac == NO_HEADER || mac + 14 != k->nh || BPF_CORE_READ(dev, type) != ETHER)
		return;
	if (!bpf_probe_read_kernel(e->mac, sizeof(e->mac), (void *)(k->head + mac)))
		e->flags |= EVENT_MAC;
}

/* The bridge ports under br_netfilter: nf_bridge_info_get(). */
static __always_inline void tell_ports(struct event *e, const struct sk_buff *skb)
{
	const struct nf_bridge_info___physindev *old;
	const struct nf_bridge_info *info;
	struct skb_ext *ext;
	__u8 offset, id;

	if (!bpf_core_type_exists(struct nf_bridge_info) || !bpf_core_field_exists(skb->extensions) ||
	    !bpf_core_enum_value_exists(enum skb_ext_id, SKB_EXT_BRIDGE_NF))
		return;
	id = bpf_core_enum_value(enum skb_ext_id, SKB_EXT_BRIDGE_NF);
	if (!(BPF_CORE_READ(skb, active_extensions) & 1 << id))
		return;
	ext = BPF_CORE_READ(skb, extensions);
	if (bpf_probe_read_kernel(&offset, 1, (char *)ext + bpf_core_field_offset(struct skb_ext, offset) + id))
		return;
	info = (void *)((char *)ext + offset * 8);
	old = (void *)info;
	if (bpf_core_field_exists(info->physinif))
		e->physin = BPF_CORE_READ(info, physinif);
	else
		e->physin = BPF_CORE_READ(old, physindev, ifindex);
	e->physout = BPF_CORE_READ(info, physoutdev, ifindex);
}

static __always_inline void tell_devices(struct event *e, const struct look *k)
{
	const struct sk_buff *skb = (void *)k->skb;
	struct net_device *dev = device_of(skb, &e->netns);
	int at;

	put_name(e, dev);
	tell_mac(e, k, dev);
	e->iif = BPF_CORE_READ(skb, skb_iif);
	at = dev ? BPF_CORE_READ(dev, ifindex) : 0;
	if (e->place == EVENT_DEV_IN)
		e->iif = at;
	else if (e->place == EVENT_DEV_OUT || at != e->iif)
		e->oif = at;
	if (!e->netns)
		e->netns = netns_of(BPF_CORE_READ(skb, sk, __sk_common.skc_net.net));
}

/* The devices of the hook, which skb->dev need not be. */
static __always_inline void tell_state(struct event *e, const struct nf_hook_state *state)
{
	struct net_device *in = BPF_CORE_READ(state, in), *out = BPF_CORE_READ(state, out);

	e->hook = BPF_CORE_READ_BITFIELD_PROBED(state, hook);
	e->pf = BPF_CORE_READ(state, pf);
	e->iif = in ? BPF_CORE_READ(in, ifindex) : 0;
	e->oif = out ? BPF_CORE_READ(out, ifindex) : 0;
	put_name(e, e->hook == HOOK_OUT || e->hook == HOOK_POST ? out : in);
	e->netns = netns_of(BPF_CORE_READ(state, net));
	if (e->hook != HOOK_OUT && e->hook != HOOK_POST)
		e->flags &= ~(EVENT_LOCAL | EVENT_OWNER);
}

#endif
