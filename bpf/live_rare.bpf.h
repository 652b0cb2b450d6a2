/* SPDX-License-Identifier: GPL-2.0-only */
/* What happens seldom, and says why: refusals sent, full listeners, IPVS. Part of live.bpf.c. */
#ifndef KTRACE_BPF_LIVE_RARE_BPF_H
#define KTRACE_BPF_LIVE_RARE_BPF_H

/* A refusal sent for skb */
static __always_inline int tell_refusal(void *ctx, struct sk_buff *skb, __u8 place, __u8 type, __u8 code)
{
	struct look k = {};
	struct event *e;

	if (!WANTED(k, skb, look_probed))
		return 0;
	e = reserve();
	if (!e)
		return 0;
	tell(ctx, e, &k, place);
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
	e = reserve();
	if (!e)
		return 0;
	tell(ctx, e, &k, EVENT_LISTEN_FULL);
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

/* IPVS: what ip_vs_schedule() made of a packet, and why not */

/*
 * struct ip_vs_conn as it begins in kernels that have no BTF of modules (include/net/ip_vs.h from 3.18 to 5.10; no
 * option changes it). It is believed if its client is the packet's.
 */
struct old_ip_vs_conn {
	void *list[2];
	__be16 cport, dport, vport;
	__u16 af;
	__u8 caddr[16], vaddr[16], daddr[16];
	__u32 flags;
	__u16 protocol, daf;
};

static __always_inline void put_real(struct event_tuple *to, const struct ip_vs_conn *cp)
{
	to->family = BPF_CORE_READ_BITFIELD_PROBED(cp, af);
	to->dst_family = BPF_CORE_READ_BITFIELD_PROBED(cp, daf);
	to->proto = BPF_CORE_READ_BITFIELD_PROBED(cp, protocol);
	to->sport = BPF_CORE_READ(cp, cport);
	to->dport = BPF_CORE_READ(cp, dport);
	BPF_CORE_READ_INTO(&to->src, cp, caddr);
	BPF_CORE_READ_INTO(&to->dst, cp, daddr);
}

static __always_inline void put_old_real(struct event_tuple *to, __u64 cp, const struct look *k)
{
	struct old_ip_vs_conn c;

	if (bpf_probe_read_kernel(&c, sizeof(c), (void *)cp))
		return;
	if (c.af != k->family || c.protocol != k->proto || c.cport != k->sport ||
	    *(__u32 *)c.caddr != *(__u32 *)k->src)
		return;
	to->family = c.af;
	to->dst_family = c.daf;
	to->proto = c.protocol;
	to->sport = c.cport;
	to->dport = c.dport;
	__builtin_memcpy(to->src, c.caddr, 16);
	__builtin_memcpy(to->dst, c.daddr, 16);
}

static __always_inline int tell_scheduled(void *ctx, struct sk_buff *skb, __u64 cp)
{
	struct look k = {};
	struct event *e;

	if (!cp || !WANTED(k, skb, look_probed))
		return 0;
	e = reserve();
	if (!e)
		return 0;
	tell(ctx, e, &k, EVENT_IPVS_CONN);
	if (bpf_core_type_exists(struct ip_vs_conn))
		put_real(&e->ipvs, (void *)cp);
	else
		put_old_real(&e->ipvs, cp, &k);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("fexit/ip_vs_schedule")
int BPF_PROG(ipvs_fexit, void *svc, struct sk_buff *skb, void *pd, void *ignored, void *iph, void *cp)
{
	return tell_scheduled(ctx, skb, (__u64)cp);
}

SEC("kprobe/ip_vs_schedule")
int ipvs_kprobe(struct pt_regs *ctx)
{
	keep(ctx);
	return 0;
}

SEC("kretprobe/ip_vs_schedule")
int ipvs_kretprobe(struct pt_regs *ctx)
{
	struct stash s;

	return kept(ctx, &s) ? tell_scheduled(ctx, (void *)s.arg[1], PT_REGS_RC(ctx)) : 0;
}

/* What a service's scheduler said last: it says so just before the service is left. */
struct word {
	char text[2 * EVENT_NAME];
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, struct word);
} words SEC(".maps");

static __always_inline int hear(__u64 svc, const char *msg)
{
	struct word w = {};

	bpf_probe_read_kernel_str(w.text, sizeof(w.text), msg);
	bpf_map_update_elem(&words, &svc, &w, BPF_ANY);
	return 0;
}

SEC("fentry/ip_vs_scheduler_err")
int BPF_PROG(word_fentry, void *svc, const char *msg)
{
	return hear((__u64)svc, msg);
}

SEC("kprobe/ip_vs_scheduler_err")
int BPF_KPROBE(word_kprobe, void *svc, const char *msg)
{
	return hear((__u64)svc, msg);
}

static __always_inline int tell_left(void *ctx, __u64 svc, struct sk_buff *skb)
{
	struct look k = {};
	struct event *e;
	struct word *w;
	__u64 like;

	look_probed(&k, skb);
	if (!refusal_wanted(&k, EVENT_IPVS_NONE, &like))
		return 0;
	e = reserve();
	if (!e)
		return 0;
	tell(ctx, e, &k, EVENT_IPVS_NONE);
	e->folded = like;
	w = bpf_map_lookup_elem(&words, &svc);
	if (w)
		__builtin_memcpy(e->text, w->text, sizeof(e->text));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("fentry/ip_vs_leave")
int BPF_PROG(leave_fentry, void *svc, struct sk_buff *skb)
{
	return tell_left(ctx, (__u64)svc, skb);
}

SEC("kprobe/ip_vs_leave")
int BPF_KPROBE(leave_kprobe, void *svc, struct sk_buff *skb)
{
	return tell_left(ctx, (__u64)svc, skb);
}

#endif
