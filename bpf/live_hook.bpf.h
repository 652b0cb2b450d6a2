/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet's way through netfilter's hooks, and where the last of them confirms its connection. */
#ifndef KTRACE_BPF_LIVE_HOOK_BPF_H
#define KTRACE_BPF_LIVE_HOOK_BPF_H

#include "bpf/live_return.bpf.h"

static __always_inline int tell_hook(void *ctx, const struct look *k, const struct nf_hook_state *state)
{
	struct event *e = told(ctx, reserve_for(k), k, EVENT_HOOK);

	if (!e)
		return 0;
	tell_state(e, state);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("fentry/nf_hook_slow")
int BPF_PROG(hook_fentry, struct sk_buff *skb, struct nf_hook_state *state)
{
	struct look k = {};

	return WANTED(k, skb, look_direct) ? tell_hook(ctx, &k, state) : 0;
}

SEC("kprobe/nf_hook_slow")
int BPF_KPROBE(hook_kprobe, struct sk_buff *skb, struct nf_hook_state *state)
{
	struct look k = {};

	return WANTED(k, skb, look_probed) ? tell_hook(ctx, &k, state) : 0;
}

static __always_inline int tell_confirm(void *ctx, struct sk_buff *skb, __u32 verdict)
{
	struct look k = {};
	struct event *e;

	if ((verdict & VERDICT) == STOLEN || !WANTED(k, skb, look_probed))
		return 0;
	e = told(ctx, reserve(), &k, EVENT_CONFIRM);
	if (!e)
		return 0;
	e->verdict = verdict & VERDICT;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("fexit/__nf_conntrack_confirm")
int BPF_PROG(confirm_fexit, struct sk_buff *skb, int verdict)
{
	return tell_confirm(ctx, skb, verdict);
}

KEEP(confirm_kprobe, "__nf_conntrack_confirm")

SEC("kretprobe/__nf_conntrack_confirm")
int confirm_kretprobe(struct pt_regs *ctx)
{
	struct stash s;

	return kept(ctx, &s) ? tell_confirm(ctx, (void *)s.arg[0], PT_REGS_RC(ctx)) : 0;
}

#endif
