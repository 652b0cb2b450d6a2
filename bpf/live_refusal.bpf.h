/* SPDX-License-Identifier: GPL-2.0-only */
/* What this node refuses: with an ICMP error, with a reset, or because a listener is full. */
#ifndef KTRACE_BPF_LIVE_REFUSAL_BPF_H
#define KTRACE_BPF_LIVE_REFUSAL_BPF_H

#include "bpf/live_fold.bpf.h"

/* A refusal sent for skb */
static __always_inline int tell_refusal(void *ctx, struct sk_buff *skb, __u8 place, __u8 type, __u8 code)
{
	struct look k = {};
	struct event *e;

	if (!WANTED(k, skb, look_probed))
		return 0;
	e = told(ctx, reserve(), &k, place);
	if (!e)
		return 0;
	e->icmp_type = type;
	e->icmp_code = code;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("fentry/__icmp_send")
int BPF_PROG(icmp_fentry, struct sk_buff *skb, int type, int code)
{
	return tell_refusal(ctx, skb, EVENT_ICMP_SENT, type, code);
}

SEC("kprobe/__icmp_send")
int BPF_KPROBE(icmp_kprobe, struct sk_buff *skb, int type, int code)
{
	return tell_refusal(ctx, skb, EVENT_ICMP_SENT, type, code);
}

/* since 6.11 */
SEC("tp_btf/icmp_send")
int BPF_PROG(icmp_tp, struct sk_buff *skb, int type, int code)
{
	return tell_refusal(ctx, skb, EVENT_ICMP_SENT, type, code);
}

SEC("fentry/icmp6_send")
int BPF_PROG(icmp6_fentry, struct sk_buff *skb, __u8 type, __u8 code)
{
	return tell_refusal(ctx, skb, EVENT_ICMP_SENT, type, code);
}

SEC("kprobe/icmp6_send")
int BPF_KPROBE(icmp6_kprobe, struct sk_buff *skb, __u8 type, __u8 code)
{
	return tell_refusal(ctx, skb, EVENT_ICMP_SENT, type, code);
}

SEC("fentry/tcp_v4_send_reset")
int BPF_PROG(rst_fentry, void *sk, struct sk_buff *skb)
{
	return tell_refusal(ctx, skb, EVENT_RST_SENT, 0, 0);
}

SEC("fentry/tcp_v6_send_reset")
int BPF_PROG(rst6_fentry, void *sk, struct sk_buff *skb)
{
	return tell_refusal(ctx, skb, EVENT_RST_SENT, 0, 0);
}

SEC("kprobe/tcp_v4_send_reset")
int BPF_KPROBE(rst_kprobe, void *sk, struct sk_buff *skb)
{
	return tell_refusal(ctx, skb, EVENT_RST_SENT, 0, 0);
}

/* Both families; without a socket only since 6.10. No skb: a reset of our own accord. */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(rst_tp, void *sk, struct sk_buff *skb)
{
	return !skb ? 0 : tell_refusal(ctx, skb, EVENT_RST_SENT, 0, 0);
}

/* nf_send_reset(net, sk, skb, hook), or without sk in older kernels: the third is a pointer or a hook's number. */
static __always_inline int tell_reject(void *ctx, __u64 second, __u64 third)
{
	return tell_refusal(ctx, (void *)(third & KERNEL_HALF ? third : second), EVENT_RST_SENT, 0, 0);
}

SEC("fentry/nf_send_reset")
int BPF_PROG(reject_fentry, void *net, void *a, void *b)
{
	return tell_reject(ctx, (__u64)a, (__u64)b);
}

SEC("fentry/nf_send_reset6")
int BPF_PROG(reject6_fentry, void *net, void *a, void *b)
{
	return tell_reject(ctx, (__u64)a, (__u64)b);
}

SEC("kprobe/nf_send_reset")
int BPF_KPROBE(reject_kprobe, void *net, void *a, void *b)
{
	return tell_reject(ctx, (__u64)a, (__u64)b);
}

/* The accept queue: sk_acceptq_is_full() */
static __always_inline int tell_listen(void *ctx, struct sock *sk, struct sk_buff *skb)
{
	struct look k = {};
	struct event *e;
	__u64 like;

	if (BPF_CORE_READ(sk, sk_ack_backlog) <= BPF_CORE_READ(sk, sk_max_ack_backlog))
		return 0;
	look_probed(&k, skb);
	if (!refusal_wanted(&k, EVENT_LISTEN_FULL, &like))
		return 0;
	e = told(ctx, reserve(), &k, EVENT_LISTEN_FULL);
	if (!e)
		return 0;
	e->folded = like;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("fentry/tcp_conn_request")
int BPF_PROG(listen_fentry, void *rsk_ops, void *af_ops, struct sock *sk, struct sk_buff *skb)
{
	return tell_listen(ctx, sk, skb);
}

SEC("kprobe/tcp_conn_request")
int BPF_KPROBE(listen_kprobe, void *rsk_ops, void *af_ops, struct sock *sk, struct sk_buff *skb)
{
	return tell_listen(ctx, sk, skb);
}

#endif
