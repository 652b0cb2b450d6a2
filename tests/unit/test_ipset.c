/* SPDX-License-Identifier: GPL-2.0-only */
/* Membership in ipsets from dumps that the test writes: dimensions, networks, nomatch, lists, and hostile ones. */
#include "xt_bench.h"
#include "xt_replay.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_set.h>

#include "nft/ipset_set.h"

#define VERSION	7

static struct io *recording;
static uint8_t msg[8192];

static struct nlmsghdr *reply(uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(memset(msg, 0, sizeof(msg)));
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));

	nlh->nlmsg_type = NFNL_SUBSYS_IPSET << 8 | cmd;
	g->nfgen_family = AF_INET;
	return nlh;
}

static void answer(const struct nlmsghdr *req, const struct nlmsghdr *nlh)
{
	canned_netlink(recording, NETLINK_NETFILTER, req, nlh, nlh->nlmsg_len, 0);
}

static void put_ip(struct nlmsghdr *nlh, uint16_t attr, const char *text)
{
	struct addr a = bench_addr(text);
	struct nlattr *nest = mnl_attr_nest_start(nlh, attr);

	mnl_attr_put(nlh, (a.family == AF_INET ? IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6) | NLA_F_NET_BYTEORDER,
		     addr_len(&a), a.b);
	mnl_attr_nest_end(nlh, nest);
}

/* One element in short: what is not given is absent. */
struct el {
	const char *ip, *ip2;
	uint8_t cidr, cidr2, proto;
	uint16_t port;
	const char *iface, *name;
	bool has_mac, has_port, nomatch;
	uint8_t mac[6];
	uint32_t mark, flags;
};

static void put_el(struct nlmsghdr *nlh, const struct el *e)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
	uint32_t flags = e->flags | (e->nomatch ? IPSET_FLAG_NOMATCH : 0);

	if (e->ip)
		put_ip(nlh, IPSET_ATTR_IP, e->ip);
	if (e->ip2)
		put_ip(nlh, IPSET_ATTR_IP2, e->ip2);
	if (e->cidr)
		mnl_attr_put_u8(nlh, IPSET_ATTR_CIDR, e->cidr);
	if (e->cidr2)
		mnl_attr_put_u8(nlh, IPSET_ATTR_CIDR2, e->cidr2);
	if (e->proto)
		mnl_attr_put_u8(nlh, IPSET_ATTR_PROTO, e->proto);
	if (e->port || e->proto || e->has_port)
		mnl_attr_put_u16(nlh, IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER, htons(e->port));
	if (e->iface)
		mnl_attr_put_strz(nlh, IPSET_ATTR_IFACE, e->iface);
	if (e->name)
		mnl_attr_put_strz(nlh, IPSET_ATTR_NAME, e->name);
	if (e->has_mac)
		mnl_attr_put(nlh, IPSET_ATTR_ETHER, 6, e->mac);
	if (e->mark)
		mnl_attr_put_u32(nlh, IPSET_ATTR_MARK | NLA_F_NET_BYTEORDER, htonl(e->mark));
	if (flags)
		mnl_attr_put_u32(nlh, IPSET_ATTR_CADT_FLAGS | NLA_F_NET_BYTEORDER, htonl(flags));
	mnl_attr_nest_end(nlh, nest);
}

struct set {
	const char *name, *type;
	uint8_t family;
	uint16_t index;
	uint8_t netmask;
	uint32_t markmask;
	struct el el[5];
	unsigned n;
};

static void put_set(const struct set *s)
{
	char buf[256] = { 0 };
	struct nlmsghdr *nlh = reply(IPSET_CMD_HEADER), *req;
	struct nlattr *nest;

	mnl_attr_put_strz(nlh, IPSET_ATTR_TYPENAME, s->type);
	mnl_attr_put_u8(nlh, IPSET_ATTR_FAMILY, s->family);
	answer(ipset_request(buf, IPSET_CMD_HEADER, 0, VERSION, s->name), nlh);
	nlh = reply(IPSET_CMD_LIST);
	mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME, s->name);
	nest = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
	if (s->netmask)
		mnl_attr_put_u8(nlh, IPSET_ATTR_NETMASK, s->netmask);
	if (s->markmask)
		mnl_attr_put_u32(nlh, IPSET_ATTR_MARKMASK | NLA_F_NET_BYTEORDER, htonl(s->markmask));
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, IPSET_ATTR_ADT);
	for (unsigned i = 0; i < s->n; i++)
		put_el(nlh, &s->el[i]);
	mnl_attr_nest_end(nlh, nest);
	memset(buf, 0, sizeof(buf));
	answer(ipset_request(buf, IPSET_CMD_LIST, NLM_F_DUMP, VERSION, s->name), nlh);
	nlh = reply(IPSET_CMD_GET_BYINDEX);
	mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME, s->name);
	memset(buf, 0, sizeof(buf));
	req = ipset_request(buf, IPSET_CMD_GET_BYINDEX, 0, VERSION, NULL);
	mnl_attr_put_u16(req, IPSET_ATTR_INDEX | NLA_F_NET_BYTEORDER, htons(s->index));
	answer(req, nlh);
}

#define N(...)	{ __VA_ARGS__ }, sizeof((struct el[]){ __VA_ARGS__ }) / sizeof(struct el)
static const struct set sets[] = {
	{ "ip", "hash:ip", AF_INET, 0, 0, 0, N({ "10.0.0.5" }) },
	{ "ip24", "hash:ip", AF_INET, 1, 24, 0, N({ "10.0.0.0" }) },
	{ "ip6", "hash:ip", AF_INET6, 2, 0, 0, N({ "fd00::5" }) },
	{ "ipport", "hash:ip,port", AF_INET, 3, 0, 0, N({ "10.96.0.10", .proto = 6, .port = 80 }, { "10.0.0.5", .proto = 1, .port = 8 << 8 }) },
	{ "ipportip", "hash:ip,port,ip", AF_INET, 4, 0, 0, N({ "10.96.0.10", "10.0.0.5", .proto = 6, .port = 80 }) },
	{ "ipportnet", "hash:ip,port,net", AF_INET, 5, 0, 0, N({ "10.96.0.10", "10.0.0.0", .cidr2 = 24, .proto = 6, .port = 80 }, { "10.96.0.10", "10.0.0.6", .cidr2 = 32, .proto = 6, .port = 80, .nomatch = true }) },
	{ "net", "hash:net", AF_INET, 6, 0, 0, N({ "10.0.0.0", .cidr = 8 }, { "10.5.0.0", .cidr = 16, .nomatch = true }, { "10.5.5.0", .cidr = 24 }) },
	{ "net6", "hash:net", AF_INET6, 7, 0, 0, N({ "fd00::", .cidr = 16 }) },
	{ "netport", "hash:net,port", AF_INET, 8, 0, 0, N({ "10.96.0.0", .cidr = 16, .proto = 6, .port = 80 }) },
	{ "netnet", "hash:net,net", AF_INET, 9, 0, 0, N({ "10.0.0.0", "10.96.0.0", 24, 16 }, { "10.0.0.0", "10.96.0.10", 24, 32, .nomatch = true }, { "10.0.0.5", "10.96.0.0", 32, 16 }) },
	{ "netiface", "hash:net,iface", AF_INET, 10, 0, 0, N({ "10.0.0.0", .cidr = 24, .iface = "eth0" }, { "11.0.0.0", .cidr = 24, .iface = "et", .flags = IPSET_FLAG_IFACE_WILDCARD }) },
	{ "mac", "hash:mac", 0, 11, 0, 0, N({ .has_mac = true, .mac = { 2, 0, 0, 0, 0, 1 } }) },
	{ "ipmac", "bitmap:ip,mac", AF_INET, 12, 0, 0, N({ "10.0.0.5", .has_mac = true, .mac = { 2, 0, 0, 0, 0, 1 } }, { "10.0.0.6" }) },
	{ "port", "bitmap:port", 0, 13, 0, 0, N({ .port = 80 }) },
	{ "ipmark", "hash:ip,mark", AF_INET, 14, 0, 0xff, N({ "10.0.0.5", .mark = 0x34 }) },
	{ "list", "list:set", 0, 15, 0, 0, N({ .name = "ip6" }, { .name = "net" }, { .name = "ipport" }) },
	{ "loop", "list:set", 0, 16, 0, 0, N({ .name = "loop" }) },
	{ "strange", "hash:quantum", AF_INET, 17, 0, 0, N({ "10.0.0.5" }) },
	{ "empty", "hash:net", AF_INET, 18, 0, 0, { { 0 } }, 0 },
};

static void start(void)
{
	char buf[256] = { 0 };
	struct nlmsghdr *nlh;

	bench_reset(NFPROTO_IPV4);
	recording = canned_new(bench.arena);
	nlh = reply(IPSET_CMD_PROTOCOL);
	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTOCOL, VERSION);
	answer(ipset_request(buf, IPSET_CMD_PROTOCOL, 0, VERSION, NULL), nlh);
}

static void finish(void)
{
	io_close(bench.io);
	bench.io = canned_replay(bench.arena, recording);
	bench.nft = nft_open(bench.io, bench.arena, &bench.ask, &bench.gaps);
}

static void icmp(struct packet *p) { p->proto = IPPROTO_ICMP; p->dport = 8 << 8; }
static void udp(struct packet *p) { p->proto = IPPROTO_UDP; }
static void sctp(struct packet *p) { p->proto = IPPROTO_SCTP; }
static void from_6(struct packet *p) { p->src = bench_addr("10.0.0.6"); }
static void from_5_5(struct packet *p) { p->src = bench_addr("10.5.0.1"); }
static void from_5_5_5(struct packet *p) { p->src = bench_addr("10.5.5.5"); }
static void from_11(struct packet *p) { p->src = bench_addr("11.0.0.9"); }
static void with_mac(struct packet *p) { p->smac = (struct mac){ true, { 2, 0, 0, 0, 0, 1 } }; }
static void other_mac(struct packet *p) { p->smac = (struct mac){ true, { 2, 0, 0, 0, 0, 2 } }; }
static void other_mac_6(struct packet *p) { other_mac(p); from_6(p); }
static void sent(struct packet *p) { p->iif = 0; p->oif = ETH0; bench.run.hook = NF_INET_LOCAL_OUT; }
static void marked(struct packet *p) { p->mark = 0x1234; }
static void on_cni(struct packet *p) { p->iif = CNI0; }

#define S1	2			/* the first dimension is the source */
#define S2	4
#define S3	8
static const struct {
	const char *set;
	uint8_t family, dim, flags;
	void (*edit)(struct packet *p);
	enum answer want;
} rows[] = {
	{ "ip", 2, 1, S1, NULL, YES }, { "ip", 2, 1, 0, NULL, NO }, { "ip", 2, 2, S1, NULL, YES }, { "ip", 10, 1, S1, NULL, NO },
	{ "ip24", 2, 1, S1, from_6, YES }, { "ip24", 2, 1, S1, from_11, NO },
	{ "ip6", 10, 1, S1, NULL, YES }, { "ip6", 10, 1, 0, NULL, NO }, { "ip6", 2, 1, S1, NULL, NO },
	{ "ipport", 2, 2, 0, NULL, YES }, { "ipport", 2, 2, S2, NULL, NO }, { "ipport", 2, 1, 0, NULL, NO },
	{ "ipport", 2, 2, 0, udp, NO }, { "ipport", 2, 2, S1, icmp, YES }, { "ipport", 2, 2, S1 | S2, icmp, YES },
	{ "ipportip", 2, 3, S3, NULL, YES }, { "ipportip", 2, 3, 0, NULL, NO }, { "ipportip", 2, 3, S3, from_6, NO },
	{ "ipportnet", 2, 3, S3, NULL, YES }, { "ipportnet", 2, 3, S3, from_6, NO }, { "ipportnet", 2, 3, 0, NULL, NO },
	{ "net", 2, 1, S1, NULL, YES }, { "net", 2, 1, S1, from_5_5, NO }, { "net", 2, 1, S1, from_5_5_5, YES },
	{ "net", 2, 1, S1, from_11, NO }, { "net6", 10, 1, 0, NULL, YES }, { "empty", 2, 1, S1, NULL, NO },
	{ "netport", 2, 2, 0, NULL, YES }, { "netport", 2, 2, 0, udp, NO },
	/* the first network's length counts before the second's */
	{ "netnet", 2, 2, S1, NULL, YES }, { "netnet", 2, 2, S1, from_6, NO }, { "netnet", 2, 2, S2, NULL, NO },
	{ "netiface", 2, 2, S1 | S2, NULL, YES }, { "netiface", 2, 2, S1, NULL, NO }, { "netiface", 2, 2, S1 | S2, on_cni, NO },
	{ "netiface", 2, 2, S1 | S2, from_11, YES }, { "netiface", 2, 2, S1, sent, YES },
	{ "mac", 2, 1, S1, with_mac, YES }, { "mac", 2, 1, S1, other_mac, NO }, { "mac", 2, 1, S1, NULL, UNKNOWN },
	{ "mac", 2, 1, S1, sent, NO },
	{ "ipmac", 2, 2, S1 | S2, with_mac, YES }, { "ipmac", 2, 2, S1 | S2, other_mac, NO }, { "ipmac", 2, 2, S1 | S2, other_mac_6, YES },
	{ "port", 2, 1, 0, NULL, YES }, { "port", 2, 1, S1, NULL, NO }, { "port", 2, 1, 0, sctp, NO }, { "port", 10, 1, 0, udp, YES },
	{ "ipmark", 2, 2, S1, marked, YES }, { "ipmark", 2, 2, S1, NULL, NO },
	{ "list", 2, 1, S1, NULL, YES }, { "list", 2, 1, S1, from_5_5, NO }, { "list", 2, 2, 0, from_11, YES },
	{ "list", 10, 1, S1, NULL, YES }, { "loop", 2, 1, S1, NULL, UNKNOWN },
	{ "strange", 2, 1, S1, NULL, UNKNOWN }, { "missing", 2, 1, S1, NULL, UNKNOWN },
};

static void test_rows(void **state UNUSED)
{
	start();
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		put_set(&sets[i]);
	finish();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum answer got;

		bench_reset(rows[i].family);
		if (rows[i].edit)
			rows[i].edit(&bench.p);
		got = ipset_test(&bench.e, rows[i].set, rows[i].dim, rows[i].flags);
		if (got != rows[i].want)
			fail_msg("row %zu: set %s: %d, want %d", i, rows[i].set, got, rows[i].want);
		assert_true(got != UNKNOWN || bench.e.unknown);
	}
}

/* What the kernel itself said when the snapshot was made comes before the dump. */
static void test_recorded_test(void **state UNUSED)
{
	char buf[1024] = { 0 };
	struct nlmsghdr *req;
	struct nlattr *data;

	start();
	put_set(&sets[0]);
	req = ipset_request(buf, IPSET_CMD_TEST, 0, VERSION, "ip");
	data = mnl_attr_nest_start(req, IPSET_ATTR_DATA);
	put_ip(req, IPSET_ATTR_IP, "10.0.0.5");
	mnl_attr_put_u32(req, IPSET_ATTR_LINENO | NLA_F_NET_BYTEORDER, 0);
	mnl_attr_nest_end(req, data);
	canned_netlink(recording, NETLINK_NETFILTER, req, "", 0, -IPSET_ERR_EXIST);
	finish();
	bench_reset(NFPROTO_IPV4);
	assert_int_equal(ipset_test(&bench.e, "ip", 1, S1), NO);
}

/* The set match: by index, inverted, counters that are not read; and the name in its words. */
static void test_set_match(void **state UNUSED)
{
	const struct xt_set_info_match_v4 in = { .match_set = { 3, 2, 0 } }, inv = { .match_set = { 3, 2, 1 } },
		gone = { .match_set = { 99, 2, 0 } }, counted = { .match_set = { 3, 2, 0 }, .packets = { 5, IPSET_COUNTER_GT } };
	const struct { const struct xt_set_info_match_v4 *info; enum step_kind want; const char *words; } c[] = {
		{ &in, STEP_NEXT, "-m set --match-set ipport dst,dst" },
		{ &inv, STEP_BREAK, "-m set ! --match-set ipport dst,dst" },
		{ &gone, STEP_UNKNOWN, "-m set --match-set [set 99] dst,dst" },
		{ &counted, STEP_UNKNOWN, "-m set --match-set ipport dst,dst --packets-gt 5" },
	};
	struct step s;

	start();
	put_set(&sets[3]);
	finish();
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		bench_reset(NFPROTO_IPV4);
		xt_match_step(bench.arena, "set", 4, NFPROTO_IPV4, c[i].info, sizeof(*c[i].info), &s);
		assert_int_equal(s.ops->run(&bench.e, &s), c[i].want);
		xt_step_bind(bench.nft, 0, &s);
		assert_string_equal(bench_say(&s), c[i].words);
	}
	bench_reset(NFPROTO_IPV4);
	xt_match_step(bench.arena, "set", 1, NFPROTO_IPV4, &in, sizeof(struct xt_set_info_match_v1), &s);
	assert_int_equal(s.ops->run(&bench.e, &s), STEP_NEXT);
}

/* A dump with one byte spoilt after the other: an answer, whichever, and no read beyond it. */
static void test_hostile(void **state UNUSED)
{
	for (unsigned at = 20; at < 140; at++) {
		char buf[256] = { 0 };
		struct nlmsghdr *nlh;
		struct nlattr *nest;

		start();
		put_set(&sets[5]);
		nlh = reply(IPSET_CMD_LIST);
		mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME, "ipportnet");
		nest = mnl_attr_nest_start(nlh, IPSET_ATTR_ADT);
		put_el(nlh, &sets[5].el[0]);
		put_el(nlh, &sets[5].el[1]);
		mnl_attr_nest_end(nlh, nest);
		if (at < nlh->nlmsg_len)
			msg[at] ^= 0xff;
		answer(ipset_request(buf, IPSET_CMD_LIST, NLM_F_DUMP, VERSION, "ipportnet"), nlh);
		finish();
		bench_reset(NFPROTO_IPV4);
		ipset_test(&bench.e, "ipportnet", 3, S3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), cmocka_unit_test(test_recorded_test), cmocka_unit_test(test_set_match),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, bench_close);
}
