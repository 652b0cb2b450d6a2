/* SPDX-License-Identifier: GPL-2.0-only */
/* kernel.h's part for packets: sockets, buffers, connections, IPVS. */
#ifndef KTRACE_BPF_KERNEL_PACKET_H
#define KTRACE_BPF_KERNEL_PACKET_H

#include "bpf/kernel.h"

#ifdef __bpf__
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

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

/* include/net/xdp.h */
struct xdp_rxq_info {
	struct net_device *dev;
};

struct xdp_buff {
	void *data, *data_end;
	struct xdp_rxq_info *rxq;
};

/* state: since 5.14; before that, chains are not told */
struct nft_pktinfo {
	struct sk_buff *skb;
	const struct nf_hook_state *state;
};

#ifdef __bpf__
#pragma clang attribute pop
#endif

#endif
