/* SPDX-License-Identifier: GPL-2.0-only */
/* A function at its return: what it was called with, where only kprobes are to be had, and its verdict. */
#ifndef KTRACE_BPF_LIVE_RETURN_BPF_H
#define KTRACE_BPF_LIVE_RETURN_BPF_H

#include "bpf/live_tell.bpf.h"

#define STOLEN		2		/* NF_STOLEN */
#define VERDICT		0xff		/* NF_VERDICT_MASK */

/* Arguments kept for the return, where only kprobes are to be had: by the stack, which neither nests nor moves. */
struct stash {
	__u64 arg[3];
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct stash);
} stashes SEC(".maps");

static __always_inline void keep(struct pt_regs *ctx)
{
	struct stash s = { { PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx) } };
	__u64 sp = PT_REGS_SP(ctx);

	bpf_map_update_elem(&stashes, &sp, &s, BPF_ANY);
}

/* At the return the stack pointer is as it was, or above the return address (x86 before 6.0). */
static __always_inline bool kept(struct pt_regs *ctx, struct stash *to)
{
	__u64 sp = PT_REGS_SP(ctx);
	struct stash *s = bpf_map_lookup_elem(&stashes, &sp);

	if (!s) {
		sp -= 8;
		s = bpf_map_lookup_elem(&stashes, &sp);
	}
	if (!s)
		return false;
	*to = *s;
	bpf_map_delete_elem(&stashes, &sp);
	return true;
}

/* What comes before a kretprobe. */
#define KEEP(name, function)				\
SEC("kprobe/" function)					\
int name(struct pt_regs *ctx)				\
{							\
	keep(ctx);					\
	return 0;					\
}

#endif
