/* SPDX-License-Identifier: GPL-2.0-only */
/* Conntrack entries from netlink bytes: direction, state and words, and what is torn. */
#include "state_fixture.h"

#include <arpa/inet.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

static void put_tuple(struct reply *r, uint16_t type, const char *src, const char *dst, uint8_t proto, uint16_t sport,
		      uint16_t dport)
{
	struct nlattr *nest = mnl_attr_nest_start(r->nlh, type), *sub;
	struct addr a = ip(src), b = ip(dst);
	bool v4 = a.family == AF_INET;

	sub = mnl_attr_nest_start(r->nlh, CTA_TUPLE_IP);
	mnl_attr_put(r->nlh, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, addr_len(&a), a.b);
	mnl_attr_put(r->nlh, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, addr_len(&b), b.b);
	mnl_attr_nest_end(r->nlh, sub);
	sub = mnl_attr_nest_start(r->nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(r->nlh, CTA_PROTO_NUM, proto);
	if (proto == IPPROTO_ICMP) {
		mnl_attr_put_u16(r->nlh, CTA_PROTO_ICMP_ID, htons(sport));
		mnl_attr_put_u8(r->nlh, CTA_PROTO_ICMP_TYPE, dport >> 8);
		mnl_attr_put_u8(r->nlh, CTA_PROTO_ICMP_CODE, dport & 0xff);
	} else {
		mnl_attr_put_u16(r->nlh, CTA_PROTO_SRC_PORT, htons(sport));
		mnl_attr_put_u16(r->nlh, CTA_PROTO_DST_PORT, htons(dport));
	}
	mnl_attr_nest_end(r->nlh, sub);
	mnl_attr_nest_end(r->nlh, nest);
}

static void start_flow(struct reply *r)
{
	reply_start(r, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, sizeof(struct nfgenmsg));
}

static void put_u32(struct reply *r, uint16_t type, uint32_t v)
{
	mnl_attr_put_u32(r->nlh, type, htonl(v));
}

static void tcp_flow(struct reply *r)
{
	struct nlattr *info, *tcp, *count;

	start_flow(r);
	put_tuple(r, CTA_TUPLE_ORIG, "10.0.0.9", "10.96.0.1", IPPROTO_TCP, 4000, 443);
	put_tuple(r, CTA_TUPLE_REPLY, "10.244.0.5", "192.0.2.10", IPPROTO_TCP, 6443, 4000);
	put_u32(r, CTA_STATUS, IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED | IPS_SRC_NAT | IPS_DST_NAT);
	put_u32(r, CTA_TIMEOUT, 431999);
	put_u32(r, CTA_MARK, 7);
	put_u32(r, CTA_ID, 0xabcd);
	info = mnl_attr_nest_start(r->nlh, CTA_PROTOINFO);
	tcp = mnl_attr_nest_start(r->nlh, CTA_PROTOINFO_TCP);
	mnl_attr_put_u8(r->nlh, CTA_PROTOINFO_TCP_STATE, 3);
	mnl_attr_nest_end(r->nlh, tcp);
	mnl_attr_nest_end(r->nlh, info);
	for (int i = 0; i < 2; i++) {
		count = mnl_attr_nest_start(r->nlh, i ? CTA_COUNTERS_REPLY : CTA_COUNTERS_ORIG);
		mnl_attr_put_u64(r->nlh, CTA_COUNTERS_PACKETS, htobe64(10));
		mnl_attr_put_u64(r->nlh, CTA_COUNTERS_BYTES, htobe64(1000));
		mnl_attr_nest_end(r->nlh, count);
	}
	reply_end(r);
}

static void new_flow(struct reply *r)
{
	start_flow(r);
	put_tuple(r, CTA_TUPLE_ORIG, "fd00::9", "fd00::1", IPPROTO_UDP, 4000, 53);
	put_tuple(r, CTA_TUPLE_REPLY, "fd00::1", "fd00::9", IPPROTO_UDP, 53, 4000);
	put_u32(r, CTA_STATUS, IPS_CONFIRMED);
	mnl_attr_put_u16(r->nlh, CTA_ZONE, htons(5));
	reply_end(r);
	start_flow(r);
	put_tuple(r, CTA_TUPLE_ORIG, "10.0.0.9", "10.0.0.1", IPPROTO_ICMP, 77, 0x0800);
	put_tuple(r, CTA_TUPLE_REPLY, "10.0.0.1", "10.0.0.9", IPPROTO_ICMP, 77, 0x0000);
	put_u32(r, CTA_STATUS, IPS_CONFIRMED | IPS_EXPECTED);
	reply_end(r);
}

/* Without a reply tuple, with addresses of two families, with an address of three bytes. */
static void torn_flows(struct reply *r)
{
	struct nlattr *nest, *sub;

	start_flow(r);
	put_tuple(r, CTA_TUPLE_ORIG, "10.0.0.7", "10.0.0.8", IPPROTO_TCP, 1, 2);
	reply_end(r);
	start_flow(r);
	nest = mnl_attr_nest_start(r->nlh, CTA_TUPLE_ORIG);
	sub = mnl_attr_nest_start(r->nlh, CTA_TUPLE_IP);
	mnl_attr_put(r->nlh, CTA_IP_V4_SRC, 3, "abc");
	mnl_attr_nest_end(r->nlh, sub);
	mnl_attr_nest_end(r->nlh, nest);
	put_tuple(r, CTA_TUPLE_REPLY, "10.0.0.7", "10.0.0.8", IPPROTO_TCP, 1, 2);
	reply_end(r);
}

static void begin(struct fixture *f, enum answer loaded)
{
	struct reply r = {};

	fixture_open(f);
	if (loaded == YES)
		fixture_sysctl(f, "net/netfilter/nf_conntrack_max", "262144\n");
	if (loaded == NO)
		fixture_missing(f, "/proc/sys/net/netfilter/nf_conntrack_max");
	fixture_sysctl(f, "net/netfilter/nf_conntrack_count", "3\n");
	tcp_flow(&r);
	new_flow(&r);
	torn_flows(&r);
	fixture_dump(f, NETLINK_NETFILTER, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, sizeof(struct nfgenmsg),
		     AF_UNSPEC, &r);
	fixture_replay(f);
}

static int get(struct fixture *f, const char *src, uint16_t sport, const char *dst, uint16_t dport, uint8_t proto,
	       uint16_t zone, struct ct_view *v, const char **text)
{
	struct tuple t = { .src = ip(src), .dst = ip(dst), .sport = sport, .dport = dport, .proto = proto };

	return state_ct_get(f->s, 0, &t, zone, v, text);
}

static void test_directions(void **state)
{
	struct fixture f;
	struct ct_view v;
	const char *text;

	(void)state;
	begin(&f, YES);
	assert_int_equal(get(&f, "10.0.0.9", 4000, "10.96.0.1", 443, IPPROTO_TCP, 0, &v, &text), 1);
	assert_int_equal(v.state, CT_ESTABLISHED);
	assert_false(v.reply);
	assert_true(v.existing);
	assert_int_equal(v.tcp_state, 3);
	assert_int_equal(v.mark, 7);
	assert_int_equal(v.id, 0xabcd);
	assert_true(v.has_acct);
	assert_int_equal(v.packets, 20);
	assert_int_equal(v.bytes, 2000);
	assert_string_equal(text, "tcp      6 431999 ESTABLISHED src=10.0.0.9 dst=10.96.0.1 sport=4000 dport=443 "
			    "src=10.244.0.5 dst=192.0.2.10 sport=6443 dport=4000 [ASSURED] mark=7");
	assert_int_equal(get(&f, "10.244.0.5", 6443, "192.0.2.10", 4000, IPPROTO_TCP, 0, &v, &text), 1);
	assert_true(v.reply);
	assert_int_equal(v.orig.dport, 443);
	/* The tuple turned round without its NAT is nobody's. */
	assert_int_equal(get(&f, "10.96.0.1", 443, "10.0.0.9", 4000, IPPROTO_TCP, 0, &v, &text), 0);
	assert_int_equal(get(&f, "10.0.0.9", 4000, "10.96.0.1", 443, IPPROTO_UDP, 0, &v, &text), 0);
	fixture_close(&f);
}

static void test_states_and_zones(void **state)
{
	struct fixture f;
	struct ct_view v;
	const char *text;

	(void)state;
	begin(&f, YES);
	assert_int_equal(get(&f, "fd00::9", 4000, "fd00::1", 53, IPPROTO_UDP, 0, &v, &text), 0);
	assert_int_equal(get(&f, "fd00::9", 4000, "fd00::1", 53, IPPROTO_UDP, 5, &v, &text), 1);
	assert_int_equal(v.state, CT_NEW);
	assert_non_null(strstr(text, "[UNREPLIED]"));
	assert_non_null(strstr(text, "zone=5"));
	assert_int_equal(get(&f, "10.0.0.9", 77, "10.0.0.1", 0x0800, IPPROTO_ICMP, 0, &v, &text), 1);
	assert_int_equal(v.state, CT_RELATED);
	assert_non_null(strstr(text, "type=8 code=0 id=77"));
	/* Torn entries are none. */
	assert_int_equal(get(&f, "10.0.0.7", 1, "10.0.0.8", 2, IPPROTO_TCP, 0, &v, &text), 0);
	fixture_close(&f);
}

/* Where conntrack is not loaded nothing is asked, hence nothing found. */
static void test_not_loaded(void **state)
{
	struct fixture f;
	struct ct_view v;
	const char *text;
	long count, max;

	(void)state;
	begin(&f, NO);
	assert_int_equal(get(&f, "10.0.0.9", 4000, "10.96.0.1", 443, IPPROTO_TCP, 0, &v, &text), 0);
	assert_int_equal(state_ct_enabled(f.s, 0, AF_INET), NO);
	assert_int_not_equal(state_ct_fill(f.s, 0, &count, &max), 0);
	fixture_close(&f);
	/* Not recorded is another thing. */
	begin(&f, UNKNOWN);
	assert_int_equal(get(&f, "10.0.0.9", 4000, "10.96.0.1", 443, IPPROTO_TCP, 0, &v, &text), -ENODATA);
	assert_int_equal(state_ct_enabled(f.s, 0, AF_INET), UNKNOWN);
	fixture_close(&f);
}

static void test_fill(void **state)
{
	struct fixture f;
	long count, max;

	(void)state;
	begin(&f, YES);
	assert_int_equal(state_ct_fill(f.s, 0, &count, &max), 0);
	assert_int_equal(count, 3);
	assert_int_equal(max, 262144);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directions),
		cmocka_unit_test(test_states_and_zones),
		cmocka_unit_test(test_not_loaded),
		cmocka_unit_test(test_fill),
	};

	return cmocka_run_group_tests_name("conntrack", tests, NULL, NULL);
}
