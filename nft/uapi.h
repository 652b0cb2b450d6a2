/* SPDX-License-Identifier: GPL-2.0-only */
/* linux/netfilter/nf_tables.h, two of whose names the door uses for its own. */
#ifndef KTRACE_NFT_UAPI_H
#define KTRACE_NFT_UAPI_H

#include <netinet/in.h>

#define NFT_NAT_SNAT	NFT_UAPI_SNAT
#define NFT_NAT_DNAT	NFT_UAPI_DNAT
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#undef NFT_NAT_SNAT
#undef NFT_NAT_DNAT

#endif
