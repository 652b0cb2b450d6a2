/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules of nf_tables put together as netlink attributes, decoded and run on the packet of xt_bench.h. */
#ifndef KTRACE_TEST_NFT_BENCH_H
#define KTRACE_TEST_NFT_BENCH_H

#include "xt_bench.h"

#include "nft/expr.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

static char rule_buf[65536];
static struct nlmsghdr *rule_msg;
static struct nlattr *rule_list, *rule_elem, *rule_data;

static void rule_begin(void)
{
	memset(rule_buf, 0, sizeof(rule_buf));
	rule_msg = nl_nfnl(rule_buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWRULE, 0, NFPROTO_IPV4);
	rule_list = mnl_attr_nest_start(rule_msg, NFTA_RULE_EXPRESSIONS);
}

static void expr_begin(const char *name)
{
	rule_elem = mnl_attr_nest_start(rule_msg, NFTA_LIST_ELEM);
	mnl_attr_put_strz(rule_msg, NFTA_EXPR_NAME, name);
	rule_data = mnl_attr_nest_start(rule_msg, NFTA_EXPR_DATA);
}

static void expr_end(void)
{
	mnl_attr_nest_end(rule_msg, rule_data);
	mnl_attr_nest_end(rule_msg, rule_elem);
}

static void put32(uint16_t type, uint32_t v)
{
	mnl_attr_put_u32(rule_msg, type, htonl(v));
}

static void put_value(uint16_t type, const void *v, size_t len)
{
	struct nlattr *n = mnl_attr_nest_start(rule_msg, type);

	mnl_attr_put(rule_msg, NFTA_DATA_VALUE, len, v);
	mnl_attr_nest_end(rule_msg, n);
}

/* -- the common expressions; registers are 1 to 4 (16 bytes) or 8 to 23 (4 bytes) -- */

static UNUSED void ex_payload(uint32_t base, uint32_t off, uint32_t len, uint32_t reg)
{
	expr_begin("payload");
	put32(NFTA_PAYLOAD_DREG, reg);
	put32(NFTA_PAYLOAD_BASE, base);
	put32(NFTA_PAYLOAD_OFFSET, off);
	put32(NFTA_PAYLOAD_LEN, len);
	expr_end();
}

static UNUSED void ex_cmp(uint32_t reg, uint32_t op, const void *v, size_t len)
{
	expr_begin("cmp");
	put32(NFTA_CMP_SREG, reg);
	put32(NFTA_CMP_OP, op);
	put_value(NFTA_CMP_DATA, v, len);
	expr_end();
}

static UNUSED void ex_imm(uint32_t reg, const void *v, size_t len)
{
	expr_begin("immediate");
	put32(NFTA_IMMEDIATE_DREG, reg);
	put_value(NFTA_IMMEDIATE_DATA, v, len);
	expr_end();
}

static UNUSED void ex_verdict(int code, const char *chain)
{
	struct nlattr *d, *v;

	expr_begin("immediate");
	put32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	d = mnl_attr_nest_start(rule_msg, NFTA_IMMEDIATE_DATA);
	v = mnl_attr_nest_start(rule_msg, NFTA_DATA_VERDICT);
	put32(NFTA_VERDICT_CODE, code);
	if (chain)
		mnl_attr_put_strz(rule_msg, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(rule_msg, v);
	mnl_attr_nest_end(rule_msg, d);
	expr_end();
}

/* meta, ct, fib …: a key and a register under the attribute numbers given. */
static UNUSED void ex_key(const char *name, uint16_t key_attr, uint32_t key, uint16_t reg_attr, uint32_t reg)
{
	expr_begin(name);
	put32(key_attr, key);
	put32(reg_attr, reg);
	expr_end();
}

static UNUSED void ex_bitwise(const void *mask, const void *xor, uint32_t len)
{
	expr_begin("bitwise");
	put32(NFTA_BITWISE_SREG, 1);
	put32(NFTA_BITWISE_DREG, 1);
	put32(NFTA_BITWISE_LEN, len);
	put_value(NFTA_BITWISE_MASK, mask, len);
	put_value(NFTA_BITWISE_XOR, xor, len);
	expr_end();
}

/* -- running -- */

static struct nft_base bench_base = { .backend = BACKEND_NF_TABLES, .family = NFPROTO_IPV4, .table = "t", .chain = "c" };
static struct chain bench_chain = { .table = "t", .name = "c", .family = NFPROTO_IPV4, .backend = BACKEND_NF_TABLES };

static struct rule *rule_decode(void)
{
	struct decode d = { .arena = bench.arena, .family = bench_base.family, .table = "t" };
	struct rule *r = arena_alloc(bench.arena, sizeof(*r));

	mnl_attr_nest_end(rule_msg, rule_list);
	r->index = 1;
	expr_decode_rule(&d, rule_list, r);
	return r;
}

/* Runs all steps until one does not go on; that one's answer. */
static UNUSED enum step_kind rule_run(void)
{
	struct rule *r = rule_decode();

	bench.e.base = &bench_base;
	bench.e.chain = &bench_chain;
	bench.e.rule = r;
	bench.e.unknown = NULL;
	bench.e.image_valid = false;
	for (size_t i = 0; i < r->n_step; i++) {
		enum step_kind k = r->step[i].ops->run(&bench.e, &r->step[i]);

		if (k != STEP_NEXT)
			return k;
	}
	return STEP_NEXT;
}

static UNUSED const char *rule_words(void)
{
	return words_rule(bench.arena, NULL, &bench_chain, false, rule_decode());
}

#endif
