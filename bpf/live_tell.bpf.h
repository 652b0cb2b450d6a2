/* SPDX-License-Identifier: GPL-2.0-only */
/* Tells of a packet: one event in the ring, with all that rules can see of it. */
#ifndef KTRACE_BPF_LIVE_TELL_BPF_H
#define KTRACE_BPF_LIVE_TELL_BPF_H

#include "bpf/live_look.bpf.h"

#define KERNEL_HALF	(1ull << 63)
#define FIRST_INUM	0xeffffff0u	/* below all inode numbers of namespaces: PROC_NET_INIT_INO and its kin */
#define ETHER		1		/* ARPHRD_ETHER */
#define NO_HEADER	0xffff		/* of a header that was never set */
#define THREAD_SIZE	16384
#define PF_KTHREAD	0x00200000
#define HOOK_OUT	3		/* NF_INET_LOCAL_OUT */
#define HOOK_POST	4
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

/*
 * Does the probe run on the stack of a process? Interrupts, soft ones too, have stacks of their own; kernel threads (ksoftirqd)
 * send for others. ctx lies on the stack; its address is read from memory, since pointers are no numbers to the verifier.
 */
static __always_inline bool in_task(void *ctx)
{
	struct task_struct *t = (void *)bpf_get_current_task();
	__u64 at = 0, stack = (__u64)BPF_CORE_READ(t, stack);

	bpf_probe_read_kernel(&at, sizeof(at), &ctx);
	return at - stack < THREAD_SIZE && !(BPF_CORE_READ(t, flags) & PF_KTHREAD);
}

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

/* uid and gid as xt_owner and meta skuid have them: the socket's file's. */
static __always_inline void tell_owner(struct event *e, const struct sk_buff *skb)
{
	struct sock *sk = BPF_CORE_READ(skb, sk);
	const struct cred *cred;
	__u8 state;

	if (!sk)
		return;
	state = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_state);
	if (state == 6 || state == 12)		/* TCP_TIME_WAIT, TCP_NEW_SYN_RECV: no full socket */
		return;
	e->flags |= EVENT_LOCAL;
	cred = BPF_CORE_READ(sk, sk_socket, file, f_cred);
	if (!cred)
		return;
	e->uid = BPF_CORE_READ(cred, fsuid.val);
	e->gid = BPF_CORE_READ(cred, fsgid.val);
	e->flags |= EVENT_OWNER;
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

static __always_inline void put_tuple(struct event_tuple *to, const struct nf_conntrack_tuple *t)
{
	to->family = BPF_CORE_READ(t, src.l3num);
	to->proto = BPF_CORE_READ(t, dst.protonum);
	to->sport = BPF_CORE_READ(t, src.u.all);
	to->dport = BPF_CORE_READ(t, dst.u.all);
	BPF_CORE_READ_INTO(&to->src, t, src.u3);
	BPF_CORE_READ_INTO(&to->dst, t, dst.u3);
}

/* nf_ct_ext_find(); 0: the entry has none of that kind. */
static __always_inline __u64 extension(const struct nf_conn *ct, __u32 id)
{
	char *ext = (char *)BPF_CORE_READ(ct, ext);
	__u8 offset = 0;

	if (ext)
		bpf_probe_read_kernel(&offset, 1, ext + bpf_core_field_offset(struct nf_ct_ext, offset) + id);
	return offset ? (__u64)ext + offset : 0;
}

static __always_inline void tell_extensions(struct event_ct *c, const struct nf_conn *ct)
{
	const struct nf_conn_acct *acct;
	const struct nf_conn_help *help;
	__u64 at;

	if (bpf_core_enum_value_exists(enum nf_ct_ext_id, NF_CT_EXT_LABELS)) {
		at = extension(ct, bpf_core_enum_value(enum nf_ct_ext_id, NF_CT_EXT_LABELS));
		if (at && !bpf_probe_read_kernel(c->labels, sizeof(c->labels), (void *)at))
			c->has |= EVENT_CT_LABELS;
	}
	if (bpf_core_type_exists(struct nf_conn_help)) {
		help = (void *)extension(ct, bpf_core_enum_value(enum nf_ct_ext_id, NF_CT_EXT_HELPER));
		if (help)
			BPF_CORE_READ_INTO(&c->helper, help, helper, name);
	}
	if (bpf_core_type_exists(struct nf_conn_acct)) {
		acct = (void *)extension(ct, bpf_core_enum_value(enum nf_ct_ext_id, NF_CT_EXT_ACCT));
		if (!acct)
			return;
		c->packets = BPF_CORE_READ(acct, counter[0].packets.counter) + BPF_CORE_READ(acct, counter[1].packets.counter);
		c->bytes = BPF_CORE_READ(acct, counter[0].bytes.counter) + BPF_CORE_READ(acct, counter[1].bytes.counter);
		c->has |= EVENT_CT_ACCT;
	}
}

static __always_inline void tell_conn(struct event_ct *c, const struct look *k)
{
	const struct nf_conn *ct = (void *)k->conn;

	if (!ct && k->info != CT_UNTRACKED)
		return;
	c->has = EVENT_CT_INFO;
	c->info = k->info;
	if (!ct || !bpf_core_type_exists(struct nf_conn))
		return;
	c->has |= EVENT_CT_ENTRY;
	put_tuple(&c->orig, &ct->tuplehash[0].tuple);
	put_tuple(&c->back, &ct->tuplehash[1].tuple);
	c->status = BPF_CORE_READ(ct, status);
	if (bpf_core_field_exists(ct->mark))
		c->mark = BPF_CORE_READ(ct, mark);
	if (bpf_core_field_exists(ct->zone))
		c->zone = BPF_CORE_READ(ct, zone.id);
	if (c->orig.proto == TCP)
		c->tcp_state = BPF_CORE_READ(ct, proto.tcp.state);
	tell_extensions(c, ct);
}

/* The bytes in skb's linear part from the IP header on; those in its pages are left out. */
static __always_inline void tell_bytes(struct event *e, const struct look *k)
{
	const struct sk_buff *skb = (void *)k->skb;
	__u32 len = BPF_CORE_READ(skb, len), paged = BPF_CORE_READ(skb, data_len);
	__s64 pulled = (__s64)((__u64)BPF_CORE_READ(skb, data) - k->head) - k->nh;	/* bytes before data, if the header lies there */
	__s64 n;

	e->len = len + pulled;
	n = (__s64)e->len - paged;
	if (n <= 0)
		return;
	if (n > EVENT_BYTES)
		n = EVENT_BYTES;
	e->n_bytes = n;
	bpf_probe_read_kernel(e->bytes, EVENT_BYTES, (void *)(k->head + k->nh));
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

/* Everything but what only the place knows. e lies in the ring, whose memory may hold anything. */
static __noinline int tell(void *ctx, struct event *e, const struct look *k, __u8 place)
{
	const struct sk_buff *skb = (void *)k->skb;

	__builtin_memset(e, 0, offsetof(struct event, bytes));
	e->time = bpf_ktime_get_ns();
	e->place = place;
	e->id = k->head;
	e->conn = k->conn;
	e->mark = BPF_CORE_READ(skb, mark);
	e->priority = BPF_CORE_READ(skb, priority);
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	if (in_task(ctx))
		e->flags |= EVENT_TASK;
	if (bpf_core_field_exists(skb->ipvs_property) && BPF_CORE_READ_BITFIELD_PROBED(skb, ipvs_property))
		e->flags |= EVENT_IPVS;
	if (k->family)
		e->flags |= EVENT_IP;
	tell_devices(e, k);
	tell_owner(e, skb);
	tell_ports(e, skb);
	tell_conn(&e->ct, k);
	tell_bytes(e, k);
	return 0;
}

#endif
