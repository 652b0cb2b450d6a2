/* SPDX-License-Identifier: GPL-2.0-only */
/* One hook function as the BPF program hands it to hooks.c. Both sides include this. */
#ifndef KTRACE_BPF_HOOKS_WIRE_H
#define KTRACE_BPF_HOOKS_WIRE_H

#include <linux/types.h>

#define HOOK_WIRE_ROWS	2048
#define HOOK_WIRE_NAME	256		/* NFT_NAME_MAXLEN */
#define HOOK_WIRE_FUNC	80

enum hook_wire_kind { HOOK_WIRE_OTHER, HOOK_WIRE_NFT, HOOK_WIRE_LEGACY };

struct hook_wire {
	__u32 ifindex;			/* of a netdev hook, else 0 */
	__s32 priority;
	__u8 kind, pf, hook, in_nat;
	__u8 family;			/* of the nft table */
	__u8 pad[3];
	char function[HOOK_WIRE_FUNC];	/* "nft_do_chain_ipv4 [nf_tables]" */
	char table[HOOK_WIRE_NAME], chain[HOOK_WIRE_NAME];
};

#endif
