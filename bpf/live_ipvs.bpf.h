/* SPDX-License-Identifier: GPL-2.0-only */
/* IPVS: what ip_vs_schedule() made of a packet, and why not. */
#ifndef KTRACE_BPF_LIVE_IPVS_BPF_H
#define KTRACE_BPF_LIVE_IPVS_BPF_H

#include "bpf/live_fold.bpf.h"
#include "bpf/live_return.bpf.h"

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
	e = told(ctx, reserve(), &k, EVENT_IPVS_CONN);
	if (!e)
		return 0;
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

KEEP(ipvs_kprobe, "ip_vs_schedule")

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
	e = told(ctx, reserve(), &k, EVENT_IPVS_NONE);
	if (!e)
		return 0;
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
