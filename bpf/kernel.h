/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fields of kernel structs that BPF programs read, and no others: CO-RE finds each by name in the running kernel's
 * BTF, so offsets and neighbours do not matter here. A field that some kernels lack says which, and is read
 * only where bpf_core_field_exists() or bpf_core_type_exists() finds it.
 */
#ifndef KTRACE_BPF_KERNEL_H
#define KTRACE_BPF_KERNEL_H

#include <linux/types.h>

#ifdef __bpf__
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

struct list_head {
	struct list_head *next;
};

/* include/linux/netfilter.h */
struct nf_hook_entry {
	void *hook, *priv;
};

/* hooks[] is followed by one struct nf_hook_ops pointer for each: nf_hook_entries_get_hook_ops() */
struct nf_hook_entries {
	__u16 num_hook_entries;
	struct nf_hook_entry hooks[];
};

/* NF_HOOK_OP_NF_TABLES since 5.14 (commit 7b4b2fa37587) */
enum nf_hook_ops_type {
	NF_HOOK_OP_UNDEFINED,
	NF_HOOK_OP_NF_TABLES,
};

struct nf_hook_ops {
	void *hook, *priv;
	enum nf_hook_ops_type hook_ops_type : 8;
	int priority;
};

/* hooks_bridge: with CONFIG_NETFILTER_FAMILY_BRIDGE only */
struct netns_nf {
	struct nf_hook_entries *hooks_ipv4[5];
	struct nf_hook_entries *hooks_ipv6[5];
	struct nf_hook_entries *hooks_bridge[5];
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
	struct netns_nf nf;
	struct list_head dev_base_head;
};

/* possible_net_t */
struct net_pointer {
	struct net *net;
};

/* nf_hooks_ingress: CONFIG_NETFILTER_INGRESS; nf_hooks_egress: since 5.16 (commit 42df6e1d221d) */
struct net_device {
	char name[16];
	struct list_head dev_list;
	int ifindex;
	unsigned short type;
	struct net_pointer nd_net;
	struct nf_hook_entries *nf_hooks_ingress;
	struct nf_hook_entries *nf_hooks_egress;
};

struct nsproxy {
	struct net *net_ns;
};

struct task_struct {
	unsigned int flags;
	void *stack;
	struct nsproxy *nsproxy;
};

/* hook is an unsigned int in older kernels (5.10): read it by its size */
struct nf_hook_state {
	__u8 hook, pf;
	struct net_device *in, *out;
	struct sock *sk;
	struct net *net;
};

/* net/netfilter/nf_nat_core.c, may live in a module's BTF */
struct nf_nat_lookup_hook_priv {
	struct nf_hook_entries *entries;
};

/* include/net/netfilter/nf_tables.h, may live in a module's BTF */
struct nft_table {
	__u16 family : 6;
	char *name;
};

struct nft_chain {
	struct nft_table *table;
	char *name;
};

/* what nf_hook_ops.priv of {ip,ip6}t_do_table points to since 5.16 (commit 8844e01062dd) */
struct xt_table {
	char name[32];
};

/* the same of ebt_do_table (commit f0d6764f7ddb) */
struct ebt_table {
	char name[32];
};

#ifdef __bpf__
#pragma clang attribute pop
#endif

#endif
