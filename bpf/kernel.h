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

struct cred {
	struct {
		__u32 val;
	} fsuid, fsgid;
};

struct file {
	const struct cred *f_cred;
};

struct socket {
	struct file *file;
};

struct sock_common {
	__u16 skc_family;
	volatile unsigned char skc_state;
	struct net_pointer skc_net;
};

struct sock {
	struct sock_common __sk_common;
	__u32 sk_ack_backlog, sk_max_ack_backlog;
	struct socket *sk_socket;
};

/* include/linux/skbuff.h; extensions, ipvs_property, _nfct: where their options are set */
enum skb_ext_id {
	SKB_EXT_BRIDGE_NF,
};

struct skb_ext {
	__u8 offset[1];			/* in eights of bytes */
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned long _nfct;
	unsigned int len, data_len;
	__u8 active_extensions;
	__u8 ipvs_property : 1;
	__u32 priority, mark;
	int skb_iif;
	__be16 protocol;
	__u16 network_header, mac_header;
	__u32 tail;			/* from head, on 64 bits */
	unsigned char *head, *data;
	struct skb_ext *extensions;
};

/* since 5.17 (commit c504e5c2f964), and kfree_skb's tracepoint tells it */
enum skb_drop_reason {
	SKB_NOT_DROPPED_YET,
	SKB_CONSUMED,			/* since 6.3 */
	SKB_DROP_REASON_QUEUE_PURGE,	/* since 6.7 */
};

/* physinif since 6.8 (commit 9874808878d9), physindev before */
struct nf_bridge_info {
	int physinif;
	struct net_device *physoutdev;
};

struct nf_bridge_info___physindev {
	struct net_device *physindev;
};

/* hook is an unsigned int in older kernels (5.10): read it by its size */
struct nf_hook_state {
	__u8 hook, pf;
	struct net_device *in, *out;
	struct sock *sk;
	struct net *net;
};

/* include/net/netfilter/nf_conntrack.h and its kin */
union nf_inet_addr {
	__u32 all[4];
};

struct nf_conntrack_man {
	union nf_inet_addr u3;
	union {
		__be16 all;
	} u;
	__u16 l3num;
};

struct nf_conntrack_tuple {
	struct nf_conntrack_man src;
	struct {
		union nf_inet_addr u3;
		union {
			__be16 all;
		} u;
		__u8 protonum;
	} dst;
};

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
};

struct nf_conntrack_zone {
	__u16 id;
};

enum nf_ct_ext_id {
	NF_CT_EXT_HELPER,
	NF_CT_EXT_ACCT,
	NF_CT_EXT_LABELS,
};

struct nf_ct_ext {
	__u8 offset[8];
};

struct ip_ct_tcp {
	__u8 state;
};

union nf_conntrack_proto {
	struct ip_ct_tcp tcp;
};

/* zone, mark: where their options are set */
struct nf_conn {
	struct nf_conntrack_tuple_hash tuplehash[2];
	unsigned long status;
	__u32 mark;
	struct nf_conntrack_zone zone;
	struct nf_ct_ext *ext;
	union nf_conntrack_proto proto;
};

struct nf_conn_labels {
	unsigned long bits[2];
};

struct nf_conntrack_helper {
	char name[16];
};

struct nf_conn_help {
	struct nf_conntrack_helper *helper;
};

struct nf_conn_counter {
	struct {
		__s64 counter;
	} packets, bytes;
};

struct nf_conn_acct {
	struct nf_conn_counter counter[2];
};

/* include/net/ip_vs.h, in a module's BTF; field widths differ: read each by its size */
struct ip_vs_conn {
	__be16 cport, dport, vport;
	__u16 af, protocol, daf;
	union nf_inet_addr caddr, vaddr, daddr;
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

/* state: since 5.14; before that, chains are not told */
struct nft_pktinfo {
	struct sk_buff *skb;
	const struct nf_hook_state *state;
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
