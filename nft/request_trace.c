/* SPDX-License-Identifier: GPL-2.0-only */
/* A table with the owner flag that sets nftrace on chosen packets: table, two base chains, a rule a tuple and chain. */
#include <netinet/in.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "nft/request_trace.h"

/* NFT_TABLE_F_OWNER of linux/netfilter/nf_tables.h since 5.12; this is an ABI number */
#define TABLE_F_OWNER	2

struct batch {
	struct mnl_nlmsg_batch *b;
	const char *table;
	uint32_t seq;
};

static void *must(void *p)
{
	if (!p) {
		fputs("ktrace: out of memory\n", stderr);
		abort();
	}
	return p;
}

static struct nlmsghdr *message(struct batch *b, uint16_t cmd, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(b->b), cmd, NFPROTO_INET, NLM_F_CREATE | NLM_F_ACK | flags, b->seq++);
}

static void add_table(struct batch *b)
{
	struct nlmsghdr *h = message(b, NFT_MSG_NEWTABLE, NLM_F_EXCL);
	struct nftnl_table *t = must(nftnl_table_alloc());

	nftnl_table_set_str(t, NFTNL_TABLE_NAME, b->table);
	nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, TABLE_F_OWNER);
	nftnl_table_nlmsg_build_payload(h, t);
	nftnl_table_free(t);
	mnl_nlmsg_batch_next(b->b);
}

/* Before everything else at its hook. */
static void add_chain(struct batch *b, const char *name, uint32_t hook)
{
	struct nlmsghdr *h = message(b, NFT_MSG_NEWCHAIN, 0);
	struct nftnl_chain *c = must(nftnl_chain_alloc());

	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, b->table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, INT_MIN);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nftnl_chain_nlmsg_build_payload(h, c);
	nftnl_chain_free(c);
	mnl_nlmsg_batch_next(b->b);
}

static struct nftnl_expr *expr(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *e = must(nftnl_expr_alloc(name));

	nftnl_rule_add_expr(r, e);
	return e;
}

static void equals(struct nftnl_rule *r, const void *data, uint32_t len)
{
	struct nftnl_expr *e = expr(r, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

static void meta_is(struct nftnl_rule *r, uint32_t key, uint8_t value)
{
	struct nftnl_expr *e = expr(r, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
	equals(r, &value, sizeof(value));
}

static void payload_is(struct nftnl_rule *r, uint32_t base, uint32_t offset, const void *data, uint32_t len)
{
	struct nftnl_expr *e = expr(r, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	equals(r, data, len);
}

static void set_nftrace(struct nftnl_rule *r)
{
	struct nftnl_expr *e = expr(r, "immediate");
	uint8_t one = 1;

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &one, sizeof(one));
	e = expr(r, "meta");
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_NFTRACE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, NFT_REG_1);
}

static void address_is(struct nftnl_rule *r, const struct addr *a, uint32_t offset4, uint32_t offset6)
{
	if (a->family)
		payload_is(r, NFT_PAYLOAD_NETWORK_HEADER, a->family == AF_INET6 ? offset6 : offset4, a->b, addr_len(a));
}

static void port_is(struct nftnl_rule *r, uint16_t port, uint32_t offset)
{
	uint16_t be = htons(port);

	if (port)
		payload_is(r, NFT_PAYLOAD_TRANSPORT_HEADER, offset, &be, sizeof(be));
}

static void add_rule(struct batch *b, const char *chain, const struct nft_traced_tuple *t)
{
	struct nlmsghdr *h = message(b, NFT_MSG_NEWRULE, NLM_F_APPEND);
	struct nftnl_rule *r = must(nftnl_rule_alloc());
	bool ports = t->proto == IPPROTO_TCP || t->proto == IPPROTO_UDP || t->proto == IPPROTO_SCTP;

	nftnl_rule_set_u32(r, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, b->table);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
	meta_is(r, NFT_META_NFPROTO, t->family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	meta_is(r, NFT_META_L4PROTO, t->proto);
	address_is(r, &t->src, 12, 8);
	address_is(r, &t->dst, 16, 24);
	if (ports) {
		port_is(r, t->sport, 0);
		port_is(r, t->dport, 2);
	}
	set_nftrace(r);
	nftnl_rule_nlmsg_build_payload(h, r);
	nftnl_rule_free(r);
	mnl_nlmsg_batch_next(b->b);
}

size_t request_trace_table(char *buf, const char *table, const struct nft_traced_tuple *t, size_t n, uint32_t *last_seq)
{
	static const struct { const char *name; uint32_t hook; } chains[] = {
		{ "prerouting", NF_INET_PRE_ROUTING }, { "output", NF_INET_LOCAL_OUT },
	};
	struct batch b = { .b = must(mnl_nlmsg_batch_start(buf, TRACE_BATCH / 2)), .table = table, .seq = 1 };
	size_t len;

	nftnl_batch_begin(mnl_nlmsg_batch_current(b.b), b.seq++);
	mnl_nlmsg_batch_next(b.b);
	add_table(&b);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		add_chain(&b, chains[i].name, chains[i].hook);
	for (size_t i = 0; i < n && i < TRACE_MAX; i++)
		for (size_t k = 0; k < ARRAY_SIZE(chains); k++)
			add_rule(&b, chains[k].name, &t[i]);
	*last_seq = b.seq - 1;
	nftnl_batch_end(mnl_nlmsg_batch_current(b.b), b.seq++);
	mnl_nlmsg_batch_next(b.b);
	len = mnl_nlmsg_batch_size(b.b);
	mnl_nlmsg_batch_stop(b.b);
	return len;
}
