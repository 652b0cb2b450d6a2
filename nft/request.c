/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions about one thing, built by libnftnl (which request_trace.c knows too, and no other file). */
#include <netinet/in.h>

#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nft/request.h"

static void *must(void *p)
{
	if (!p) {
		fputs("ktrace: out of memory\n", stderr);
		abort();
	}
	return p;
}

/* Zeroed, since a recording is found again by its request's bytes. */
static struct nlmsghdr *header(char *buf, uint16_t cmd, uint8_t family, uint16_t flags)
{
	memset(buf, 0, REQUEST_SIZE);
	return nftnl_nlmsg_build_hdr(buf, cmd, family, flags, 0);
}

struct nlmsghdr *request_rules(char *buf, uint8_t family, const char *table, const char *chain)
{
	struct nlmsghdr *h = header(buf, NFT_MSG_GETRULE, family, NLM_F_DUMP);
	struct nftnl_rule *r = must(nftnl_rule_alloc());

	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
	nftnl_rule_nlmsg_build_payload(h, r);
	nftnl_rule_free(r);
	return h;
}

struct nlmsghdr *request_chain(char *buf, uint8_t family, const char *table, const char *chain)
{
	struct nlmsghdr *h = header(buf, NFT_MSG_GETCHAIN, family, 0);
	struct nftnl_chain *c = must(nftnl_chain_alloc());

	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, chain);
	nftnl_chain_nlmsg_build_payload(h, c);
	nftnl_chain_free(c);
	return h;
}

struct nlmsghdr *request_set(char *buf, uint8_t family, const char *table, const char *set)
{
	struct nlmsghdr *h = header(buf, NFT_MSG_GETSET, family, 0);
	struct nftnl_set *s = must(nftnl_set_alloc());

	nftnl_set_set_str(s, NFTNL_SET_TABLE, table);
	nftnl_set_set_str(s, NFTNL_SET_NAME, set);
	nftnl_set_nlmsg_build_payload(h, s);
	nftnl_set_free(s);
	return h;
}
