/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live probes: one program for each place and way to attach. Those that this kernel lacks are not loaded; probes_table.c
 * says which stands for which.
 */
#include "bpf/live_tell.bpf.h"

#include <linux/ptrace.h>

#include <bpf/bpf_tracing.h>

#define STOLEN		2		/* NF_STOLEN */
#define VERDICT		0xff		/* NF_VERDICT_MASK */

char LICENSE[] SEC("license") = "GPL";

const volatile bool following;		/* false: every drop is told, and nothing else */
const volatile bool table_last;		/* ipt_do_table(skb, state, table), before 5.16 */

/*
 * A packet by its skb: direct where the verifier knows the pointer's type, which is cheaper; but what is a pointer to the
 * verifier it lets nobody hash, so head is read as a number.
 */
#define DIRECT(p, field)	((p)->field)
#define LOOK(name, read)							\
static __always_inline void name(struct look *k, const struct sk_buff *skb)	\
{										\
	unsigned long nfct = 0;							\
										\
	if (bpf_core_field_exists(skb->_nfct))					\
		nfct = read(skb, _nfct);					\
	k->skb = (__u64)skb;							\
	k->head = (__u64)BPF_CORE_READ(skb, head);				\
	k->nh = read(skb, network_header);					\
	k->protocol = read(skb, protocol);					\
	k->conn = nfct & ~CT_INFO;						\
	k->info = nfct & CT_INFO;						\
}
LOOK(look_direct, DIRECT)
LOOK(look_probed, BPF_CORE_READ)

/* Looks, and says whether the packet is followed. */
#define WANTED(k, skb, look)	({ look(&(k), skb); followed(&(k)); })

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

/* Netfilter's hooks */

static __always_inline int tell_hook(void *ctx, const struct look *k, const struct nf_hook_state *state)
{
	struct event *e = reserve_for(k);

	if (!e)
		return 0;
	tell(ctx, e, k, EVENT_HOOK);
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

/* Base chains and legacy tables, as they return */

/* What was dropped and freed inside: its id and the place are all that is left of it. */
static __always_inline void tell_freed(struct event *e, const struct last *d, __u8 place)
{
	__builtin_memset(e, 0, EVENT_SHORT);
	e->time = bpf_ktime_get_ns();
	e->place = place;
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
		e = reserve_for(&k);
		if (!e)
			return 0;
		tell(ctx, e, &k, EVENT_CHAIN);
		e->verdict = verdict & VERDICT;
		return e;
	}
	d = bpf_map_lookup_elem(&last_drop, &zero);
	if (!d || d->skb != skb)
		return 0;
	e = reserve();
	if (!e)
		return 0;
	tell_freed(e, d, EVENT_CHAIN);
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

SEC("kprobe/nft_do_chain")
int nft_kprobe(struct pt_regs *ctx)
{
	keep(ctx);
	return 0;
}

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

SEC("kprobe/ipt_do_table")
int table_kprobe(struct pt_regs *ctx)
{
	keep(ctx);
	return 0;
}

SEC("kretprobe/ipt_do_table")
int table_kretprobe(struct pt_regs *ctx)
{
	struct stash s;

	return kept(ctx, &s) ? tell_table(ctx, s.arg[0], s.arg[1], s.arg[2], PT_REGS_RC(ctx)) : 0;
}

/* Conntrack */

static __always_inline int tell_confirm(void *ctx, struct sk_buff *skb, __u32 verdict)
{
	struct look k = {};
	struct event *e;

	if ((verdict & VERDICT) == STOLEN || !WANTED(k, skb, look_probed))
		return 0;
	e = reserve();
	if (!e)
		return 0;
	tell(ctx, e, &k, EVENT_CONFIRM);
	e->verdict = verdict & VERDICT;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("fexit/__nf_conntrack_confirm")
int BPF_PROG(confirm_fexit, struct sk_buff *skb, int verdict)
{
	return tell_confirm(ctx, skb, verdict);
}

SEC("kprobe/__nf_conntrack_confirm")
int confirm_kprobe(struct pt_regs *ctx)
{
	keep(ctx);
	return 0;
}

SEC("kretprobe/__nf_conntrack_confirm")
int confirm_kretprobe(struct pt_regs *ctx)
{
	struct stash s;

	return kept(ctx, &s) ? tell_confirm(ctx, (void *)s.arg[0], PT_REGS_RC(ctx)) : 0;
}

#include "bpf/live_drop.bpf.h"
#include "bpf/live_rare.bpf.h"
#include "bpf/live_xdp.bpf.h"
