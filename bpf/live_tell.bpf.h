/* SPDX-License-Identifier: GPL-2.0-only */
/* Tells of a packet: an event with all that rules can see of it, and who sent it. */
#ifndef KTRACE_BPF_LIVE_TELL_BPF_H
#define KTRACE_BPF_LIVE_TELL_BPF_H

#include "bpf/live_conn.bpf.h"
#include "bpf/live_follow.bpf.h"
#include "bpf/live_ring.bpf.h"
#include "bpf/live_where.bpf.h"

#include <linux/ptrace.h>

#include <bpf/bpf_tracing.h>

#define THREAD_SIZE	16384
#define PF_KTHREAD	0x00200000

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
	/* what a device had received is in the hands of whoever moves it on: the reader of a queue, of a tun device */
	if (in_task(ctx) && !BPF_CORE_READ(skb, skb_iif))
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

/* The same where there was room for it: e as it was reserved. */
static __always_inline struct event *told(void *ctx, struct event *e, const struct look *k, __u8 place)
{
	if (e)
		tell(ctx, e, k, place);
	return e;
}

#endif
