/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies the reading task's netns' hook lists, nf_nat's inner lists and the devices' lists into the array `row`. It runs as a
 * task iterator, once a read, since that program type may be loaded without attaching to anything.
 */
#include "bpf/hooks_wire.h"
#include "bpf/kernel.h"

#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define PF_IPV4		2		/* NFPROTO_* */
#define PF_NETDEV	5
#define PF_BRIDGE	7
#define PF_IPV6		10
#define HOOKS		5		/* NF_INET_NUMHOOKS without ingress, NF_BR_BROUTING apart */
#define MAX_ENTRIES	1024		/* MAX_HOOK_COUNT of net/netfilter/core.c */
#define MAX_DEVICES	(1 << 16)

char LICENSE[] SEC("license") = "GPL";

struct hook_wire row[HOOK_WIRE_ROWS];
__u32 n_row;
__u32 cut;				/* something did not fit */
__u32 done;

/* One list of hook functions, and where it hangs. */
struct list {
	struct nf_hook_entries *entries;
	__u32 n, ifindex;
	__u8 pf, hook;
};

struct walk {
	struct net *net;
	struct list_head *head, *at;
};

static struct nf_hook_ops *ops_at(struct nf_hook_entries *e, __u32 n, __u32 i)
{
	struct nf_hook_ops *ops = 0;
	char *at = (char *)e + bpf_core_field_offset(struct nf_hook_entries, hooks) +
		   n * bpf_core_type_size(struct nf_hook_entry) + i * sizeof(void *);

	bpf_probe_read_kernel(&ops, sizeof(ops), at);
	return ops;
}

static bool begins(const char *s, const char *with, __u32 n)
{
	for (__u32 i = 0; i < n; i++)
		if (s[i] != with[i])
			return false;
	return true;
}

static void name_chain(struct hook_wire *r, struct nft_chain *chain)
{
	struct nft_table *table = BPF_CORE_READ(chain, table);
	long a = bpf_probe_read_kernel_str(r->chain, sizeof(r->chain), BPF_CORE_READ(chain, name));
	long b = bpf_probe_read_kernel_str(r->table, sizeof(r->table), BPF_CORE_READ(table, name));

	if (a <= 0 || b <= 0)
		return;
	r->family = BPF_CORE_READ_BITFIELD_PROBED(table, family);
	r->kind = HOOK_WIRE_NFT;
}

static void name_table(struct hook_wire *r, const char *name)
{
	if (bpf_probe_read_kernel_str(r->table, 32, name) > 0)
		r->kind = HOOK_WIRE_LEGACY;
}

/* The table's own function for mangle, which looks at the mark around ip{,6}t_do_table(). */
static bool runs_table(const char *function)
{
	return begins(function, "ipt_do_table", 12) || begins(function, "ip6t_do_table", 13) ||
	       begins(function, "iptable_mangle_hook", 19) || begins(function, "ip6table_mangle_hook", 20);
}

static void identify(struct hook_wire *r, struct nf_hook_ops *ops)
{
	void *priv = BPF_CORE_READ(ops, priv);

	if (!priv)
		return;
	if (BPF_CORE_READ_BITFIELD_PROBED(ops, hook_ops_type) == NF_HOOK_OP_NF_TABLES) {
		if (bpf_core_type_exists(struct nft_chain))
			name_chain(r, priv);
	} else if (runs_table(r->function)) {
		if (bpf_core_type_exists(struct xt_table))
			name_table(r, (char *)priv + bpf_core_field_offset(struct xt_table, name));
	} else if (begins(r->function, "ebt_do_table", 12)) {
		if (bpf_core_type_exists(struct ebt_table))
			name_table(r, (char *)priv + bpf_core_field_offset(struct ebt_table, name));
	}
}

/* Adds the row of ops; NULL when there is no room. */
static struct hook_wire *add(const struct list *l, struct nf_hook_ops *ops, bool in_nat)
{
	static const char symbol[] = "%ps";	/* a name whatever kptr_restrict says */
	__u64 fn = (unsigned long)BPF_CORE_READ(ops, hook);
	__u32 i = n_row;
	struct hook_wire *r;

	if (i >= HOOK_WIRE_ROWS) {
		cut = 1;
		return 0;
	}
	r = &row[i];
	n_row = i + 1;
	r->pf = l->pf;
	r->hook = l->hook;
	r->ifindex = l->ifindex;
	r->in_nat = in_nat;
	r->priority = BPF_CORE_READ(ops, priority);
	bpf_snprintf(r->function, sizeof(r->function), symbol, &fn, sizeof(fn));
	identify(r, ops);
	return r;
}

static long each_inner(__u32 i, struct list *l)
{
	struct nf_hook_entries *e = l->entries;
	struct nf_hook_ops *ops;

	if (i >= l->n)
		return 1;
	ops = ops_at(e, l->n, i);
	if (ops)
		add(l, ops, true);
	return 0;
}

/* The nat chains that nf_nat_inet_fn() runs when its own function at this hook is called. */
static void read_nat(const struct list *outer, struct nf_hook_ops *ops)
{
	struct nf_nat_lookup_hook_priv *priv = BPF_CORE_READ(ops, priv);
	struct list l = { .ifindex = outer->ifindex, .pf = outer->pf, .hook = outer->hook };
	struct nf_hook_entries *e;

	if (!priv)
		return;
	e = BPF_CORE_READ(priv, entries);
	if (!e)
		return;
	l.entries = e;
	l.n = BPF_CORE_READ(e, num_hook_entries);
	bpf_loop(MAX_ENTRIES, each_inner, &l, 0);
}

static long each_entry(__u32 i, struct list *l)
{
	struct nf_hook_entries *e = l->entries;
	struct nf_hook_ops *ops;
	struct hook_wire *r;

	if (i >= l->n)
		return 1;
	ops = ops_at(e, l->n, i);
	if (!ops)
		return 0;
	r = add(l, ops, false);
	if (!r)
		return 1;
	if (begins(r->function, "nf_nat_ipv", 10)) {
		if (bpf_core_type_exists(struct nf_nat_lookup_hook_priv))
			read_nat(l, ops);
		else
			cut = 1;
	}
	return 0;
}

static void read_list(struct nf_hook_entries *e, __u8 pf, __u8 hook, __u32 ifindex)
{
	struct list l = { .entries = e, .ifindex = ifindex, .pf = pf, .hook = hook };

	if (!e)
		return;
	l.n = BPF_CORE_READ(e, num_hook_entries);
	bpf_loop(MAX_ENTRIES, each_entry, &l, 0);
}

static long each_hook(__u32 i, struct walk *w)
{
	struct nf_hook_entries *e = 0;
	char *at = (char *)w->net;
	__u32 hook = i % HOOKS;
	__u8 pf;

	if (i < HOOKS) {
		pf = PF_IPV4;
		at += bpf_core_field_offset(struct net, nf.hooks_ipv4);
	} else if (i < 2 * HOOKS) {
		pf = PF_IPV6;
		at += bpf_core_field_offset(struct net, nf.hooks_ipv6);
	} else {
		if (!bpf_core_field_exists(struct net, nf.hooks_bridge))
			return 1;
		pf = PF_BRIDGE;
		at += bpf_core_field_offset(struct net, nf.hooks_bridge);
	}
	bpf_probe_read_kernel(&e, sizeof(e), at + hook * sizeof(void *));
	read_list(e, pf, hook, 0);
	return 0;
}

static long each_device(__u32 i, struct walk *w)
{
	struct list_head *at = w->at;
	struct net_device *d;
	__u32 ifindex;

	if (!at || at == w->head)
		return 1;
	d = (void *)((char *)at - bpf_core_field_offset(struct net_device, dev_list));
	ifindex = BPF_CORE_READ(d, ifindex);
	if (bpf_core_field_exists(d->nf_hooks_ingress))
		read_list(BPF_CORE_READ(d, nf_hooks_ingress), PF_NETDEV, 0, ifindex);
	if (bpf_core_field_exists(d->nf_hooks_egress))
		read_list(BPF_CORE_READ(d, nf_hooks_egress), PF_NETDEV, 1, ifindex);
	w->at = BPF_CORE_READ(at, next);
	if (i == MAX_DEVICES - 1 && w->at != w->head)
		cut = 1;
	return 0;
}

SEC("iter/task")
int read_hooks(void *ctx)
{
	struct task_struct *t;
	struct list_head *head;
	struct walk w = {};
	struct net *net;

	if (done)
		return 0;
	done = 1;
	t = (void *)bpf_get_current_task();
	net = BPF_CORE_READ(t, nsproxy, net_ns);
	if (!net)
		return 0;
	head = (void *)((char *)net + bpf_core_field_offset(struct net, dev_base_head));
	w.net = net;
	w.head = head;
	w.at = BPF_CORE_READ(head, next);
	bpf_loop(3 * HOOKS, each_hook, &w, 0);
	bpf_loop(MAX_DEVICES, each_device, &w, 0);
	return 0;
}
