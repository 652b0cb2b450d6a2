/* SPDX-License-Identifier: GPL-2.0-only */
/* Expressions over registers, packets, connections and routes; above all what is not known must not become an answer. */
#include "nft_bench.h"

#include <netinet/tcp.h>

#include <linux/netfilter/nf_nat.h>

#define NH	NFT_PAYLOAD_NETWORK_HEADER
#define TH	NFT_PAYLOAD_TRANSPORT_HEADER

static int reset4(void **state UNUSED)
{
	bench_reset(NFPROTO_IPV4);
	bench_base.family = bench_chain.family = NFPROTO_IPV4;
	return 0;
}

static int reset6(void **state UNUSED)
{
	bench_reset(NFPROTO_IPV6);
	bench_base.family = bench_chain.family = NFPROTO_IPV6;
	return 0;
}

static void cmp_three_valued(void **state UNUSED)
{
	static const struct {
		uint8_t v[2], known[2], with[2];
		enum answer op[6];	/* eq, neq, lt, lte, gt, gte */
	} t[] = {
		{ { 1, 2 }, { 0xff, 0xff }, { 1, 2 }, { YES, NO, NO, YES, NO, YES } },
		{ { 1, 1 }, { 0xff, 0xff }, { 1, 2 }, { NO, YES, YES, YES, NO, NO } },
		{ { 2, 0 }, { 0xff, 0xff }, { 1, 2 }, { NO, YES, NO, NO, YES, YES } },
		{ { 0, 0 }, { 0, 0 }, { 1, 2 }, { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN } },
		{ { 0, 0 }, { 0xff, 0 }, { 1, 2 }, { NO, YES, YES, YES, NO, NO } },	/* the first byte decides */
		{ { 1, 0 }, { 0xff, 0xf0 }, { 1, 0x20 }, { NO, YES, YES, YES, NO, NO } },
		{ { 1, 0 }, { 0xff, 0xf0 }, { 1, 0x0f }, { UNKNOWN, UNKNOWN, UNKNOWN, YES, NO, UNKNOWN } },
		{ { 0, 0 }, { 0, 0 }, { 0, 0 }, { UNKNOWN, UNKNOWN, NO, UNKNOWN, UNKNOWN, YES } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		for (uint8_t op = 0; op < 6; op++)
			if (cmp_answer(t[i].v, t[i].known, t[i].with, 2, op) != t[i].op[op])
				fail_msg("row %zu, op %u", i, op);
}

struct load {
	uint32_t base, off, len;
	const char *with;		/* bytes to compare with */
	enum step_kind kind;
};

static void run_loads(const struct load *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		rule_begin();
		ex_payload(t[i].base, t[i].off, t[i].len, 1);
		ex_cmp(1, NFT_CMP_EQ, t[i].with, t[i].len);
		if (rule_run() != t[i].kind)
			fail_msg("load %zu", i);
	}
}

static void payload_loads(void **state UNUSED)
{
	static const struct load t[] = {
		{ NH, 16, 4, "\x0a\x60\x00\x0a", STEP_NEXT }, { NH, 16, 4, "\x0a\x60\x00\x0b", STEP_BREAK },
		{ NH, 16, 2, "\x0a\x60", STEP_NEXT }, { NH, 9, 1, "\x06", STEP_NEXT },
		{ TH, 2, 2, "\x00\x50", STEP_NEXT }, { TH, 0, 4, "\x9c\x40\x00\x50", STEP_NEXT },
		{ NH, 22, 2, "\x00\x50", STEP_NEXT },	/* without options the ports follow */
		{ NH, 4, 2, "\x12\x34", STEP_UNKNOWN },	/* the sender's IP id */
		{ TH, 4, 4, "\0\0\0\1", STEP_UNKNOWN },	/* sequence number */
		{ TH, 4, 1, "\0", STEP_UNKNOWN },
		{ NH, 58, 4, "\0\0\0\0", STEP_BREAK },	/* past the end */
		{ TH, 38, 4, "\0\0\0\0", STEP_BREAK },
	};

	run_loads(t, ARRAY_SIZE(t));
	bench.p.proto = 0;
	rule_begin();
	ex_payload(TH, 2, 2, 1);
	assert_int_equal(rule_run(), STEP_BREAK);
}

static void payload_loads6(void **state UNUSED)
{
	static const struct load t[] = {
		{ NH, 24, 4, "\xfd\0\0\x96", STEP_NEXT }, { NH, 8, 4, "\xfd\0\0\0", STEP_NEXT },
		{ NH, 6, 1, "\x06", STEP_NEXT }, { TH, 2, 2, "\x00\x50", STEP_NEXT },
		{ NH, 2, 2, "\0\0", STEP_UNKNOWN },	/* flow label */
		{ NH, 42, 2, "\x00\x50", STEP_NEXT },
	};

	run_loads(t, ARRAY_SIZE(t));
}

static void payload_link_layer(void **state UNUSED)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

	rule_begin();
	ex_payload(NFT_PAYLOAD_LL_HEADER, 6, 6, 1);
	ex_cmp(1, NFT_CMP_EQ, mac, 6);
	assert_int_equal(rule_run(), STEP_UNKNOWN);
	bench.p.smac.known = true;
	memcpy(bench.p.smac.b, mac, 6);
	assert_int_equal(rule_run(), STEP_NEXT);
	/* what a local socket sends has no such header yet */
	bench.p.local = true;
	bench.p.iif = 0;
	bench.run.hook = NF_INET_LOCAL_OUT;
	assert_int_equal(rule_run(), STEP_BREAK);
}

static void payload_set(uint32_t base, uint32_t off, const void *v, uint32_t len)
{
	rule_begin();
	ex_imm(1, v, len);
	expr_begin("payload");
	put32(NFTA_PAYLOAD_SREG, 1);
	put32(NFTA_PAYLOAD_BASE, base);
	put32(NFTA_PAYLOAD_OFFSET, off);
	put32(NFTA_PAYLOAD_LEN, len);
	expr_end();
}

static void payload_writes(void **state UNUSED)
{
	payload_set(NH, 16, "\x01\x02\x03\x04", 4);
	assert_int_equal(rule_run(), STEP_NEXT);
	assert_true(bench_is(&bench.p.dst, "1.2.3.4"));
	payload_set(TH, 2, "\x1f\x90", 2);
	assert_int_equal(rule_run(), STEP_NEXT);
	assert_int_equal(bench.p.dport, 8080);
	payload_set(NH, 8, "\x05\x06", 2);	/* ttl beside the same protocol */
	assert_int_equal(rule_run(), STEP_NEXT);
	assert_int_equal(bench.p.ttl, 5);
	payload_set(NH, 8, "\x05\x11", 2);	/* another protocol */
	assert_int_equal(rule_run(), STEP_UNKNOWN);
	assert_int_equal(bench.p.proto, IPPROTO_TCP);
}

static void bitwise_forms(void **state UNUSED)
{
	/* a mask of zeros makes the unknown known */
	rule_begin();
	ex_payload(NH, 4, 2, 1);
	ex_bitwise("\x00\x00", "\x12\x34", 2);
	ex_cmp(1, NFT_CMP_EQ, "\x12\x34", 2);
	assert_int_equal(rule_run(), STEP_NEXT);
	/* a prefix */
	rule_begin();
	ex_payload(NH, 16, 4, 1);
	ex_bitwise("\xff\xf0\x00\x00", "\0\0\0\0", 4);
	ex_cmp(1, NFT_CMP_EQ, "\x0a\x60\0\0", 4);
	assert_int_equal(rule_run(), STEP_NEXT);
	assert_string_equal(rule_words(), "ip daddr 10.96.0.0/12");
}

static void bitwise_new_form(uint32_t op, const void *a, const void *b, const void *want)
{
	rule_begin();
	ex_imm(8, a, 4);
	ex_imm(9, b, 4);
	expr_begin("bitwise");
	put32(NFTA_BITWISE_SREG, 8);
	put32(NFTA_BITWISE_DREG, 10);
	put32(NFTA_BITWISE_LEN, 4);
	put32(NFTA_BITWISE_OP, op);
	put32(NFTA_BITWISE_DATA + 1, 9);
	expr_end();
	ex_cmp(10, NFT_CMP_EQ, want, 4);
	assert_int_equal(rule_run(), STEP_NEXT);
}

static void bitwise_registers(void **state UNUSED)
{
	bitwise_new_form(3, "\x0f\xff\0\1", "\xf0\x0f\0\3", "\x00\x0f\0\1");
	bitwise_new_form(4, "\x0f\0\0\1", "\xf0\0\0\2", "\xff\0\0\3");
	bitwise_new_form(5, "\x0f\0\0\1", "\x0f\0\0\2", "\x00\0\0\3");
}

static void shift(uint32_t op, uint32_t by, uint32_t from, uint32_t to)
{
	rule_begin();
	ex_imm(1, &from, 4);
	expr_begin("bitwise");
	put32(NFTA_BITWISE_SREG, 1);
	put32(NFTA_BITWISE_DREG, 1);
	put32(NFTA_BITWISE_LEN, 4);
	put32(NFTA_BITWISE_OP, op);
	put_value(NFTA_BITWISE_DATA, &by, 4);
	expr_end();
	ex_cmp(1, NFT_CMP_EQ, &to, 4);
	assert_int_equal(rule_run(), STEP_NEXT);
}

static void shifts(void **state UNUSED)
{
	shift(NFT_BITWISE_LSHIFT, 4, 0x10000001, 0x00000010);
	shift(NFT_BITWISE_RSHIFT, 4, 0x10000011, 0x01000001);
	shift(NFT_BITWISE_LSHIFT, 0, 7, 7);
}

static void byteorder(uint32_t len, uint32_t size, const void *from, const void *to)
{
	rule_begin();
	ex_imm(1, from, 4);
	expr_begin("byteorder");
	put32(NFTA_BYTEORDER_SREG, 1);
	put32(NFTA_BYTEORDER_DREG, 1);
	put32(NFTA_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	put32(NFTA_BYTEORDER_LEN, len);
	put32(NFTA_BYTEORDER_SIZE, size);
	expr_end();
	ex_cmp(1, NFT_CMP_EQ, to, 4);
	assert_int_equal(rule_run(), STEP_NEXT);
}

static void byteorders(void **state UNUSED)
{
	if (htonl(1) == 1)
		skip();
	byteorder(4, 4, "\1\2\3\4", "\4\3\2\1");
	byteorder(4, 2, "\1\2\3\4", "\2\1\4\3");
	byteorder(2, 2, "\1\2\3\4", "\2\1\3\4");
	byteorder(1, 2, "\1\2\3\4", "\1\2\3\4");	/* nft 1.0.6 writes this; the kernel does nothing */
}

static void range(uint32_t off, uint32_t op, const void *from, const void *to, enum step_kind want)
{
	rule_begin();
	ex_payload(TH, off, 2, 1);
	expr_begin("range");
	put32(NFTA_RANGE_SREG, 1);
	put32(NFTA_RANGE_OP, op);
	put_value(NFTA_RANGE_FROM_DATA, from, 2);
	put_value(NFTA_RANGE_TO_DATA, to, 2);
	expr_end();
	assert_int_equal(rule_run(), want);
}

static void ranges(void **state UNUSED)
{
	range(2, NFT_RANGE_EQ, "\0\x50", "\0\x5a", STEP_NEXT);
	range(2, NFT_RANGE_NEQ, "\0\x50", "\0\x5a", STEP_BREAK);
	range(2, NFT_RANGE_NEQ, "\0\x51", "\0\x5a", STEP_NEXT);
	range(4, NFT_RANGE_EQ, "\0\x50", "\0\x5a", STEP_UNKNOWN);
	range(4, NFT_RANGE_EQ, "\0\0", "\xff\xff", STEP_NEXT);	/* any value is in it */
}

static enum step_kind meta_eq(uint32_t key, const void *v, size_t len)
{
	rule_begin();
	ex_key("meta", NFTA_META_KEY, key, NFTA_META_DREG, 1);
	ex_cmp(1, NFT_CMP_EQ, v, len);
	return rule_run();
}

static void meta_keys(void **state UNUSED)
{
	uint32_t n = ETH0, zero = 0;

	assert_int_equal(meta_eq(NFT_META_L4PROTO, "\x06", 1), STEP_NEXT);
	assert_int_equal(meta_eq(NFT_META_NFPROTO, "\x02", 1), STEP_NEXT);
	assert_int_equal(meta_eq(NFT_META_PROTOCOL, "\x08\x00", 2), STEP_NEXT);
	assert_int_equal(meta_eq(NFT_META_IIF, &n, 4), STEP_NEXT);
	assert_int_equal(meta_eq(NFT_META_IIFNAME, "eth0\0\0\0\0\0\0\0\0\0\0\0", 16), STEP_NEXT);
	assert_int_equal(meta_eq(NFT_META_IIFNAME, "et", 2), STEP_NEXT);
	assert_int_equal(meta_eq(NFT_META_OIF, &zero, 4), STEP_NEXT);	/* no route yet in PREROUTING */
	assert_int_equal(meta_eq(NFT_META_OIFTYPE, "\1\0", 2), STEP_BREAK);
	assert_int_equal(meta_eq(NFT_META_SKUID, &zero, 4), STEP_BREAK);
	assert_int_equal(meta_eq(NFT_META_TIME_HOUR, &zero, 4), STEP_UNKNOWN);
	assert_int_equal(meta_eq(NFT_META_CPU, &zero, 4), STEP_UNKNOWN);
	bench.p.iif = 99;		/* a device that cannot be read */
	assert_int_equal(meta_eq(NFT_META_IIFNAME, "et", 2), STEP_UNKNOWN);
}

static void meta_owner(void **state UNUSED)
{
	uint32_t uid = 1000;

	bench.p.local = true;
	bench.p.iif = 0;
	bench.p.oif = ETH0;
	bench.run.hook = NF_INET_LOCAL_OUT;
	assert_int_equal(meta_eq(NFT_META_SKUID, &uid, 4), STEP_UNKNOWN);
	bench.p.sk_known = true;
	bench.p.uid = 1000;
	assert_int_equal(meta_eq(NFT_META_SKUID, &uid, 4), STEP_NEXT);
	bench.p.uid = 0;
	assert_int_equal(meta_eq(NFT_META_SKUID, &uid, 4), STEP_BREAK);
}

/* Early demultiplexing asks the sockets, not conntrack. */
static void meta_cgroup_at_input(void **state UNUSED)
{
	uint32_t zero = 0;

	bench.run.hook = NF_INET_LOCAL_IN;
	bench.p.proto = IPPROTO_UDP;
	bench.p.ct.state = CT_NEW;
	assert_int_equal(meta_eq(NFT_META_CGROUP, &zero, 4), STEP_BREAK);
	bench.socket = YES;
	bench.sk.state = TCP_CLOSE;	/* it takes datagrams of anybody */
	assert_int_equal(meta_eq(NFT_META_CGROUP, &zero, 4), STEP_BREAK);
	bench.sk.state = TCP_ESTABLISHED;
	assert_int_equal(meta_eq(NFT_META_CGROUP, &zero, 4), STEP_UNKNOWN);
	bench.socket = UNKNOWN;
	assert_int_equal(meta_eq(NFT_META_CGROUP, &zero, 4), STEP_UNKNOWN);
	bench.socket = NO;
	bench.p.sport_unknown = true;
	assert_int_equal(meta_eq(NFT_META_CGROUP, &zero, 4), STEP_UNKNOWN);
	bench.p.sport_unknown = false;
	bench.p.answer = true;		/* to a request that was not tracked */
	assert_int_equal(meta_eq(NFT_META_CGROUP, &zero, 4), STEP_UNKNOWN);
	bench.p.comes_back = true;	/* over loopback */
	assert_int_equal(meta_eq(NFT_META_CGROUP, &zero, 4), STEP_BREAK);
	bench.p.comes_back = false;
	bench.p.proto = IPPROTO_SCTP;
	assert_int_equal(meta_eq(NFT_META_CGROUP, &zero, 4), STEP_BREAK);
}

static void meta_mark(void **state UNUSED)
{
	uint32_t mark = 0x4000;

	rule_begin();
	ex_imm(1, &mark, 4);
	ex_key("meta", NFTA_META_KEY, NFT_META_MARK, NFTA_META_SREG, 1);
	assert_int_equal(rule_run(), STEP_NEXT);
	assert_int_equal(bench.p.mark, 0x4000);
	assert_string_equal(bench.e.says, "marks 0x4000");
	assert_string_equal(rule_words(), "meta mark set 0x00004000");
}

static enum step_kind ct_eq(uint32_t key, const void *v, size_t len)
{
	rule_begin();
	ex_key("ct", NFTA_CT_KEY, key, NFTA_CT_DREG, 1);
	ex_cmp(1, NFT_CMP_EQ, v, len);
	return rule_run();
}

static void ct_keys(void **state UNUSED)
{
	static const struct { enum ct_state s; uint32_t bit; } states[] = {
		{ CT_NONE, 1 }, { CT_INVALID, 1 }, { CT_ESTABLISHED, 2 }, { CT_RELATED, 4 }, { CT_NEW, 8 }, { CT_UNTRACKED, 64 },
	};
	uint32_t mark = 5;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		bench.p.ct.state = states[i].s;
		assert_int_equal(ct_eq(NFT_CT_STATE, &states[i].bit, 4), STEP_NEXT);
	}
	assert_int_equal(ct_eq(NFT_CT_MARK, &mark, 4), STEP_BREAK);	/* untracked: no connection */
	bench.p.ct.state = CT_NEW;
	bench.p.ct.mark = 5;
	assert_int_equal(ct_eq(NFT_CT_MARK, &mark, 4), STEP_NEXT);
	assert_int_equal(ct_eq(NFT_CT_DIRECTION, "\0", 1), STEP_NEXT);
	assert_int_equal(ct_eq(NFT_CT_HELPER, "ftp\0\0\0\0\0\0\0\0\0\0\0\0", 16), STEP_BREAK);
	assert_int_equal(ct_eq(NFT_CT_EXPIRATION, &mark, 4), STEP_UNKNOWN);
	bench.p.ct.template = true;					/* a zone was given, and no connection yet */
	assert_int_equal(ct_eq(NFT_CT_STATE, &states[4].bit, 4), STEP_NEXT);
	assert_int_equal(ct_eq(NFT_CT_MARK, &mark, 4), STEP_BREAK);
}

static void ct_tuple(void **state UNUSED)
{
	bench.p.ct.state = CT_NEW;
	rule_begin();
	expr_begin("ct");
	put32(NFTA_CT_KEY, NFT_CT_DST_IP);
	put32(NFTA_CT_DREG, 1);
	mnl_attr_put_u8(rule_msg, NFTA_CT_DIRECTION, 0);
	expr_end();
	ex_cmp(1, NFT_CMP_EQ, "\x0a\x60\x00\x0a", 4);
	assert_int_equal(rule_run(), STEP_NEXT);
	assert_string_equal(rule_words(), "ct original ip daddr 10.96.0.10");
	rule_begin();			/* a tuple without its direction is no form that the kernel dumps */
	ex_key("ct", NFTA_CT_KEY, NFT_CT_DST_IP, NFTA_CT_DREG, 1);
	assert_int_equal(rule_run(), STEP_UNKNOWN);
}

static void notrack(void **state UNUSED)
{
	rule_begin();
	expr_begin("notrack");
	expr_end();
	assert_int_equal(rule_run(), STEP_NEXT);
	assert_int_equal(bench.p.ct.state, CT_UNTRACKED);
	bench.p.ct.state = CT_NEW;
	assert_int_equal(rule_run(), STEP_NEXT);
	assert_int_equal(bench.p.ct.state, CT_NEW);
}

static void ex_nat(uint32_t type, uint32_t family, uint32_t flags, bool max, bool port)
{
	expr_begin("nat");
	put32(NFTA_NAT_TYPE, type);
	put32(NFTA_NAT_FAMILY, family);
	put32(NFTA_NAT_REG_ADDR_MIN, 1);
	if (max)
		put32(NFTA_NAT_REG_ADDR_MAX, 2);
	if (port)
		put32(NFTA_NAT_REG_PROTO_MIN, 3);
	if (flags)
		put32(NFTA_NAT_FLAGS, flags);
	expr_end();
}

static void nat_forms(void **state UNUSED)
{
	rule_begin();
	ex_imm(1, "\x0a\xf4\1\x0a", 4);
	ex_imm(3, "\x1f\x90", 2);
	ex_nat(1, NFPROTO_IPV4, 0, false, true);
	assert_int_equal(rule_run(), STEP_NAT);
	assert_int_equal(bench.run.nat.kind, NFT_NAT_DNAT);
	assert_true(bench.run.nat.dst && bench_is(&bench.run.nat.min, "10.244.1.10"));
	assert_int_equal(bench.run.nat.port_min, 8080);
	assert_int_equal(bench.run.nat.flags, NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED);
	assert_string_equal(bench.e.says, "translates to 10.244.1.10:8080");
	assert_string_equal(rule_words(), "dnat to 10.244.1.10:8080");

	rule_begin();			/* the host part stays */
	ex_imm(1, "\x0a\x08\0\0", 4);
	ex_imm(2, "\x0a\x08\xff\xff", 4);
	ex_nat(1, NFPROTO_IPV4, NF_NAT_RANGE_NETMAP, true, false);
	assert_int_equal(rule_run(), STEP_NAT);
	assert_int_equal(bench.run.nat.kind, NFT_NAT_NETMAP);
	assert_true(bench_is(&bench.run.nat.min, "10.8.0.10"));

	rule_begin();			/* of the other family: the rule goes on */
	ex_imm(1, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	ex_nat(1, NFPROTO_IPV6, 0, false, false);
	assert_int_equal(rule_run(), STEP_NEXT);

	rule_begin();			/* towards what the sender wrote somewhere */
	ex_payload(TH, 4, 4, 1);
	ex_nat(1, NFPROTO_IPV4, 0, false, false);
	assert_int_equal(rule_run(), STEP_UNKNOWN);
}

static enum step_kind bare(const char *name)
{
	rule_begin();
	expr_begin(name);
	expr_end();
	return rule_run();
}

static void masquerade_and_redirect(void **state UNUSED)
{
	bench.run.hook = NF_INET_POST_ROUTING;
	bench.p.oif = ETH0;
	assert_int_equal(bare("masq"), STEP_NAT);
	assert_true(bench_is(&bench.run.nat.min, "192.168.1.1"));
	bench.p.oif = LO;		/* no address there: the kernel drops */
	assert_int_equal(bare("masq"), STEP_DROP);
	bench.p.oif = CNI0;		/* could not be asked */
	assert_int_equal(bare("masq"), STEP_UNKNOWN);
	bench.run.hook = NF_INET_PRE_ROUTING;
	assert_int_equal(bare("redir"), STEP_NAT);
	assert_true(bench_is(&bench.run.nat.min, "192.168.1.1"));
	bench.run.hook = NF_INET_LOCAL_OUT;
	assert_int_equal(bare("redir"), STEP_NAT);
	assert_true(bench_is(&bench.run.nat.min, "127.0.0.1"));
}

static void reject_with(uint32_t type, uint8_t code, const char *want)
{
	rule_begin();
	expr_begin("reject");
	put32(NFTA_REJECT_TYPE, type);
	mnl_attr_put_u8(rule_msg, NFTA_REJECT_ICMP_CODE, code);
	expr_end();
	assert_int_equal(rule_run(), STEP_REJECT);
	assert_string_equal(bench.run.reject_with, want);
}

static void rejects4(void **state UNUSED)
{
	reject_with(NFT_REJECT_ICMP_UNREACH, 3, "icmp-port-unreachable");
	reject_with(NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_ADMIN_PROHIBITED, "icmp-admin-prohibited");
	reject_with(NFT_REJECT_TCP_RST, 0, "tcp-reset");
}

static void rejects6(void **state UNUSED)
{
	reject_with(NFT_REJECT_ICMP_UNREACH, 4, "icmp6-port-unreachable");
	reject_with(NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_NO_ROUTE, "icmp6-no-route");
}

static enum step_kind fib(uint32_t result, uint32_t flags, uint32_t v, size_t len)
{
	rule_begin();
	expr_begin("fib");
	put32(NFTA_FIB_DREG, 1);
	put32(NFTA_FIB_RESULT, result);
	put32(NFTA_FIB_FLAGS, flags);
	expr_end();
	ex_cmp(1, NFT_CMP_EQ, &v, len);
	return rule_run();
}

static void fib_forms(void **state UNUSED)
{
	uint32_t rp = NFTA_FIB_F_SADDR | NFTA_FIB_F_MARK | NFTA_FIB_F_IIF;

	assert_int_equal(fib(NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_F_DADDR, RTN_LOCAL, 4), STEP_BREAK);
	bench.p.dst = bench_addr("192.168.1.1");
	assert_int_equal(fib(NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_F_DADDR, RTN_LOCAL, 4), STEP_NEXT);
	bench.p.dst = bench_addr("10.99.99.99");	/* could not be asked */
	assert_int_equal(fib(NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_F_DADDR, RTN_LOCAL, 4), STEP_UNKNOWN);
	assert_int_equal(fib(NFT_FIB_RESULT_OIF, rp, ETH0, 4), STEP_NEXT);
	bench.route.oif = CNI0;		/* back by another way: "missing" */
	assert_int_equal(fib(NFT_FIB_RESULT_OIF, rp, 0, 4), STEP_NEXT);
	bench.route.n_nexthops = 2;	/* one of several: not known */
	assert_int_equal(fib(NFT_FIB_RESULT_OIF, rp, 0, 4), STEP_UNKNOWN);
	bench.route_rc = -EPERM;
	assert_int_equal(fib(NFT_FIB_RESULT_OIF, rp, 0, 4), STEP_UNKNOWN);
}

static void sockets(void **state UNUSED)
{
	rule_begin();
	ex_key("socket", NFTA_SOCKET_KEY, NFT_SOCKET_TRANSPARENT, NFTA_SOCKET_DREG, 1);
	ex_cmp(1, NFT_CMP_EQ, "\1", 1);
	assert_int_equal(rule_run(), STEP_BREAK);
	bench.socket = UNKNOWN;
	assert_int_equal(rule_run(), STEP_UNKNOWN);
	bench.socket = YES;
	assert_int_equal(rule_run(), STEP_BREAK);
	bench.sk.transparent = true;
	assert_int_equal(rule_run(), STEP_NEXT);
}

static void exthdr(uint32_t op, uint8_t type, uint32_t flags, enum step_kind want)
{
	uint32_t one = 1;

	rule_begin();
	expr_begin("exthdr");
	put32(NFTA_EXTHDR_DREG, 1);
	mnl_attr_put_u8(rule_msg, NFTA_EXTHDR_TYPE, type);
	put32(NFTA_EXTHDR_OFFSET, 0);
	put32(NFTA_EXTHDR_LEN, 1);
	put32(NFTA_EXTHDR_FLAGS, flags);
	put32(NFTA_EXTHDR_OP, op);
	expr_end();
	if (flags)
		ex_cmp(1, NFT_CMP_EQ, &one, 1);
	assert_int_equal(rule_run(), want);
}

static void exthdrs(void **state UNUSED)
{
	exthdr(NFT_EXTHDR_OP_TCPOPT, 2, 0, STEP_UNKNOWN);	/* a SYN's options are its sender's */
	exthdr(NFT_EXTHDR_OP_TCPOPT, 2, NFT_EXTHDR_F_PRESENT, STEP_UNKNOWN);
	exthdr(NFT_EXTHDR_OP_IPV6, IPPROTO_FRAGMENT, NFT_EXTHDR_F_PRESENT, STEP_BREAK);
	exthdr(NFT_EXTHDR_OP_IPV4, 7, NFT_EXTHDR_F_PRESENT, STEP_BREAK);
	bench.p.proto = IPPROTO_UDP;
	exthdr(NFT_EXTHDR_OP_TCPOPT, 2, 0, STEP_BREAK);
}

static void strange_forms(void **state UNUSED)
{
	assert_int_equal(bare("frobnicate"), STEP_UNKNOWN);
	assert_string_equal(bench.e.unknown, "the expression \"frobnicate\" is not known to ktrace");
	assert_string_equal(rule_words(), "[frobnicate: not known to ktrace]");
	rule_begin();			/* an attribute of a later kernel may change the meaning */
	expr_begin("cmp");
	put32(NFTA_CMP_SREG, 1);
	put32(NFTA_CMP_OP, NFT_CMP_EQ);
	put_value(NFTA_CMP_DATA, "\0", 1);
	put32(NFTA_CMP_MAX + 3, 1);
	expr_end();
	assert_int_equal(rule_run(), STEP_UNKNOWN);
	rule_begin();			/* registers that are none, or too short for the value */
	ex_cmp(5, NFT_CMP_EQ, "\0", 1);
	assert_int_equal(rule_run(), STEP_UNKNOWN);
	rule_begin();
	ex_cmp(23, NFT_CMP_EQ, "\0\0\0\0\0\0\0", 8);
	assert_int_equal(rule_run(), STEP_UNKNOWN);
	rule_begin();
	ex_payload(NH, 0, 200, 1);
	assert_int_equal(rule_run(), STEP_UNKNOWN);
	rule_begin();
	ex_verdict(NFT_JUMP, NULL);
	assert_int_equal(rule_run(), STEP_UNKNOWN);
	assert_int_equal(bare("cmp"), STEP_UNKNOWN);
	assert_int_equal(bare("payload"), STEP_UNKNOWN);
	assert_int_equal(bare("nat"), STEP_UNKNOWN);
	assert_int_equal(bare("lookup"), STEP_UNKNOWN);
}

static void hash(const void *key, uint32_t len, uint32_t mod, uint32_t seed, uint32_t want)
{
	rule_begin();
	ex_imm(1, key, len);
	expr_begin("hash");
	put32(NFTA_HASH_SREG, 1);
	put32(NFTA_HASH_DREG, 3);
	put32(NFTA_HASH_LEN, len);
	put32(NFTA_HASH_MODULUS, mod);
	put32(NFTA_HASH_SEED, seed);
	expr_end();
	assert_int_equal(rule_run(), STEP_NEXT);
	assert_int_equal(reg_load32(&bench.e, 48), want);
}

/* Numbers of a second writing of jhash(), which the traces of a kernel bore out. */
static void jhash_numbers(void **state UNUSED)
{
	hash("\x0a\0\0\5", 4, 0xffffffff, 0xdeadbeef, 3675557036u);
	hash("\x0a\0\0\5\0\x50\0\0", 8, 0xffffffff, 1, 982637919u);
}

static void limits(void **state UNUSED)
{
	rule_begin();
	expr_begin("limit");
	mnl_attr_put_u64(rule_msg, NFTA_LIMIT_RATE, htobe64(5));
	mnl_attr_put_u64(rule_msg, NFTA_LIMIT_UNIT, htobe64(1));
	put32(NFTA_LIMIT_BURST, 5);
	expr_end();
	assert_int_equal(rule_run(), STEP_UNKNOWN);
	assert_string_equal(bench.e.unknown, "depends on the traffic so far (limit rate 5/second)");
}

/* Counters and logs let everything pass and have no say. */
static void counters_and_logs(void **state UNUSED)
{
	rule_begin();
	expr_begin("counter");
	mnl_attr_put_u64(rule_msg, NFTA_COUNTER_BYTES, htobe64(60));
	mnl_attr_put_u64(rule_msg, NFTA_COUNTER_PACKETS, htobe64(1));
	expr_end();
	expr_begin("log");
	mnl_attr_put_strz(rule_msg, NFTA_LOG_PREFIX, "seen");
	expr_end();
	assert_int_equal(rule_run(), STEP_NEXT);
	assert_true(bench.e.rule->step[0].ops->pure);
	assert_true(bench.e.rule->step[1].ops->pure);
}

static void quota(uint64_t bytes, uint64_t used, uint32_t flags, enum step_kind want)
{
	rule_begin();
	expr_begin("quota");
	mnl_attr_put_u64(rule_msg, NFTA_QUOTA_BYTES, htobe64(bytes));
	mnl_attr_put_u64(rule_msg, NFTA_QUOTA_CONSUMED, htobe64(used));
	put32(NFTA_QUOTA_FLAGS, flags);
	expr_end();
	assert_int_equal(rule_run(), want);
}

/* nft_quota_do_eval(): over the quota is no match, inverted the other way round; at its edge only the kernel knows. */
static void quotas(void **state UNUSED)
{
	bench.p.len = 60;
	quota(1000000, 100, 0, STEP_NEXT);
	quota(10000, 10000, 0, STEP_BREAK);
	quota(1000000, 100, NFT_QUOTA_F_INV, STEP_BREAK);
	quota(10000, 10000, NFT_QUOTA_F_INV, STEP_NEXT);
	quota(100000, 40000, 0, STEP_UNKNOWN);
}

static void ex_fwd(const char *name, uint16_t attr, uint32_t ifindex)
{
	rule_begin();
	ex_imm(1, &ifindex, 4);
	expr_begin(name);
	put32(attr, 1);
	expr_end();
}

/* To a neighbour of IPv4. */
static void ex_fwd_neigh(const char *addr)
{
	uint32_t ifindex = 7;

	rule_begin();
	ex_imm(1, &ifindex, 4);
	ex_imm(2, addr, 4);
	expr_begin("fwd");
	put32(NFTA_FWD_SREG_DEV, 1);
	put32(NFTA_FWD_SREG_ADDR, 2);
	put32(NFTA_FWD_NFPROTO, NFPROTO_IPV4);
	expr_end();
}

static void forwards_and_duplicates(void **state UNUSED)
{
	struct nft_run *run = bench.e.run;

	ex_fwd("fwd", NFTA_FWD_SREG_DEV, 7);
	assert_int_equal(rule_run(), STEP_STOLEN);
	assert_int_equal(run->fwd_ifindex, 7);
	ex_fwd_neigh("\x0a\xf4\x00\x02");
	bench.p.ttl = 2;
	assert_int_equal(rule_run(), STEP_STOLEN);
	assert_memory_equal(run->fwd_addr.b, "\x0a\xf4\x00\x02", 4);
	assert_int_equal(bench.p.ttl, 1);
	assert_int_equal(rule_run(), STEP_DROP);
	ex_fwd("dup", NFTA_DUP_SREG_DEV, 7);
	assert_int_equal(rule_run(), STEP_NEXT);
}

static void ex_synproxy(void)
{
	rule_begin();
	expr_begin("synproxy");
	mnl_attr_put_u16(rule_msg, NFTA_SYNPROXY_MSS, htons(1460));
	mnl_attr_put_u8(rule_msg, NFTA_SYNPROXY_WSCALE, 7);
	expr_end();
}

/* nft_synproxy_do_eval(): SYN and ACK are taken over, other protocols do not match. */
static void synproxies(void **state UNUSED)
{
	bench.p.proto = IPPROTO_TCP;
	bench.p.tcp_flags = 0x02;
	ex_synproxy();
	assert_int_equal(rule_run(), STEP_STOLEN);
	assert_string_equal(bench.e.says, "answers the handshake itself (synproxy)");
	bench.p.tcp_flags = 0x10;
	ex_synproxy();
	assert_int_equal(rule_run(), STEP_STOLEN);
	assert_string_equal(bench.e.says, "takes the ACK: whether synproxy knows its cookie is not known");
	bench.p.tcp_flags = 0x04;
	ex_synproxy();
	assert_int_equal(rule_run(), STEP_NEXT);
	bench.p.proto = IPPROTO_UDP;
	ex_synproxy();
	assert_int_equal(rule_run(), STEP_BREAK);
}

/* A packet that came through no tunnel has no tunnel id, and its path is 0. */
static void tunnels(void **state UNUSED)
{
	static const uint8_t zero;

	bench.p.iif = 0;
	rule_begin();
	ex_key("tunnel", NFTA_TUNNEL_KEY, NFT_TUNNEL_ID, NFTA_TUNNEL_DREG, 1);
	assert_int_equal(rule_run(), STEP_BREAK);
	rule_begin();
	ex_key("tunnel", NFTA_TUNNEL_KEY, NFT_TUNNEL_PATH, NFTA_TUNNEL_DREG, 1);
	ex_cmp(1, NFT_CMP_EQ, &zero, 1);
	assert_int_equal(rule_run(), STEP_NEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(cmp_three_valued, reset4), cmocka_unit_test_setup(payload_loads, reset4),
		cmocka_unit_test_setup(payload_loads6, reset6), cmocka_unit_test_setup(payload_link_layer, reset4),
		cmocka_unit_test_setup(payload_writes, reset4), cmocka_unit_test_setup(bitwise_forms, reset4),
		cmocka_unit_test_setup(bitwise_registers, reset4), cmocka_unit_test_setup(shifts, reset4),
		cmocka_unit_test_setup(byteorders, reset4), cmocka_unit_test_setup(ranges, reset4),
		cmocka_unit_test_setup(meta_keys, reset4), cmocka_unit_test_setup(meta_owner, reset4),
		cmocka_unit_test_setup(meta_cgroup_at_input, reset4),
		cmocka_unit_test_setup(meta_mark, reset4), cmocka_unit_test_setup(ct_keys, reset4),
		cmocka_unit_test_setup(ct_tuple, reset4), cmocka_unit_test_setup(notrack, reset4),
		cmocka_unit_test_setup(nat_forms, reset4), cmocka_unit_test_setup(masquerade_and_redirect, reset4),
		cmocka_unit_test_setup(rejects4, reset4), cmocka_unit_test_setup(rejects6, reset6),
		cmocka_unit_test_setup(fib_forms, reset4), cmocka_unit_test_setup(sockets, reset4),
		cmocka_unit_test_setup(exthdrs, reset4), cmocka_unit_test_setup(strange_forms, reset4),
		cmocka_unit_test_setup(jhash_numbers, reset4), cmocka_unit_test_setup(limits, reset4),
		cmocka_unit_test_setup(counters_and_logs, reset4), cmocka_unit_test_setup(quotas, reset4),
		cmocka_unit_test_setup(forwards_and_duplicates, reset4), cmocka_unit_test_setup(synproxies, reset4),
		cmocka_unit_test_setup(tunnels, reset4),
	};

	return cmocka_run_group_tests(tests, NULL, bench_close);
}
