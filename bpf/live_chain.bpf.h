/* SPDX-License-Identifier: GPL-2.0-only */
/* Base chains of nf_tables and legacy tables, each as it returns its verdict. */
#ifndef KTRACE_BPF_LIVE_CHAIN_BPF_H
#define KTRACE_BPF_LIVE_CHAIN_BPF_H

#include "bpf/live_return.bpf.h"

const volatile bool table_last;		/* ipt_do_table(skb, state, table), before 5.16 */

/* The drop told last on this CPU: nf_tables frees what it drops before it returns (NF_DROP_REASON(), since 6.10). */
struct last {
	__u64 skb, head, conn;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct last);
} last_drop SEC(".maps");

/* What was dropped and freed inside: its id and the place are all that is left of it. */
static __always_inline void tell_freed(struct event *e, const struct last *d)
{
	__builtin_memset(e, 0, EVENT_SHORT);
	e->time = bpf_ktime_get_ns();
	e->place = EVENT_CHAIN;
	e->id = d->head;
	e->conn = d->conn;
}

static __always_inline struct event *begin_chain(void *ctx, __u64 skb, __u32 verdict)
{
	struct look k = {};
	struct event *e;
	struct last *d;
	__u32 zero = 0;

	if ((verdict & VERDICT) != STOLEN) {
		if (!WANTED(k, (struct sk_buff *)skb, look_probed))
			return 0;
		e = told(ctx, reserve_for(&k), &k, EVENT_CHAIN);
		if (e)
			e->verdict = verdict & VERDICT;
		return e;
	}
	d = bpf_map_lookup_elem(&last_drop, &zero);
	if (!d || d->skb != skb)
		return 0;
	e = reserve();
	if (e)
		tell_freed(e, d);
	return e;
}

static __always_inline int tell_nft(void *ctx, struct nft_pktinfo *pkt, struct nft_chain *chain, __u32 verdict)
{
	struct nft_table *table;
	struct event *e;

	if (!bpf_core_type_exists(struct nft_chain) || !bpf_core_field_exists(pkt->state))
		return 0;
	e = begin_chain(ctx, (__u64)BPF_CORE_READ(pkt, skb), verdict);
	if (!e)
		return 0;
	tell_state(e, BPF_CORE_READ(pkt, state));
	table = BPF_CORE_READ(chain, table);
	bpf_probe_read_kernel_str(e->text, EVENT_NAME, BPF_CORE_READ(table, name));
	bpf_probe_read_kernel_str(e->text + EVENT_NAME, EVENT_NAME, BPF_CORE_READ(chain, name));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("fexit/nft_do_chain")
int BPF_PROG(nft_fexit, struct nft_pktinfo *pkt, void *priv, unsigned int verdict)
{
	return tell_nft(ctx, pkt, priv, verdict);
}

KEEP(nft_kprobe, "nft_do_chain")

SEC("kretprobe/nft_do_chain")
int nft_kretprobe(struct pt_regs *ctx)
{
	struct stash s;

	return kept(ctx, &s) ? tell_nft(ctx, (void *)s.arg[0], (void *)s.arg[1], PT_REGS_RC(ctx)) : 0;
}

static __always_inline int tell_table(void *ctx, __u64 a, __u64 b, __u64 c, __u32 verdict)
{
	__u64 skb = table_last ? a : b, state = table_last ? b : c, table = table_last ? c : a;
	struct event *e = begin_chain(ctx, skb, verdict);

	if (!e)
		return 0;
	tell_state(e, (void *)state);
	if (bpf_core_type_exists(struct xt_table))
		bpf_probe_read_kernel_str(e->text, EVENT_NAME,
					  (char *)table + bpf_core_field_offset(struct xt_table, name));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("fexit/ipt_do_table")
int BPF_PROG(ipt_fexit, void *a, void *b, void *c, unsigned int verdict)
{
	return tell_table(ctx, (__u64)a, (__u64)b, (__u64)c, verdict);
}

SEC("fexit/ip6t_do_table")
int BPF_PROG(ip6t_fexit, void *a, void *b, void *c, unsigned int verdict)
{
	return tell_table(ctx, (__u64)a, (__u64)b, (__u64)c, verdict);
}

KEEP(table_kprobe, "ipt_do_table")

SEC("kretprobe/ipt_do_table")
int table_kretprobe(struct pt_regs *ctx)
{
	struct stash s;

	return kept(ctx, &s) ? tell_table(ctx, s.arg[0], s.arg[1], s.arg[2], PT_REGS_RC(ctx)) : 0;
}

#endif
