/* SPDX-License-Identifier: GPL-2.0-only */
/* The FIB of a snapshot, and which check refuses: rules, prefixes, metrics, source validation. */
#include "state_fixture.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

enum { LO = 1, ETH0 = 2, ETH1 = 3 };

struct row {
	const char *dst;
	uint8_t plen, type;
	uint32_t table, priority;
	int oif;
	const char *gw;
	uint8_t tos;
};

static void add_route(struct reply *r, const struct row *row)
{
	struct rtmsg *m = reply_start(r, RTM_NEWROUTE, sizeof(*m));
	struct addr dst = ip(row->dst);

	m->rtm_family = dst.family;
	m->rtm_dst_len = row->plen;
	m->rtm_type = row->type;
	m->rtm_tos = row->tos;
	m->rtm_table = row->table;
	m->rtm_protocol = RTPROT_STATIC;
	mnl_attr_put_u32(r->nlh, RTA_TABLE, row->table);
	if (row->plen)
		put_ip(r->nlh, RTA_DST, row->dst);
	if (row->priority)
		mnl_attr_put_u32(r->nlh, RTA_PRIORITY, row->priority);
	if (row->gw)
		put_ip(r->nlh, RTA_GATEWAY, row->gw);
	if (row->oif)
		mnl_attr_put_u32(r->nlh, RTA_OIF, row->oif);
	reply_end(r);
}

static struct fib_rule_hdr *start_rule(struct reply *r, uint32_t priority, uint8_t action, uint32_t table)
{
	struct fib_rule_hdr *h = reply_start(r, RTM_NEWRULE, sizeof(*h));

	h->family = AF_INET;
	h->action = action;
	h->table = table;
	mnl_attr_put_u32(r->nlh, FRA_PRIORITY, priority);
	mnl_attr_put_u32(r->nlh, FRA_TABLE, table);
	mnl_attr_put_u32(r->nlh, FRA_SUPPRESS_PREFIXLEN, -1);
	return h;
}

static void default_rules(struct reply *r)
{
	start_rule(r, 32766, FR_ACT_TO_TBL, RT_TABLE_MAIN);
	reply_end(r);
	start_rule(r, 32767, FR_ACT_TO_TBL, RT_TABLE_DEFAULT);
	reply_end(r);
}

static const struct row routes[] = {
	{ "127.0.0.0", 8, RTN_LOCAL, RT_TABLE_LOCAL, 0, LO },
	{ "192.0.2.10", 32, RTN_LOCAL, RT_TABLE_LOCAL, 0, ETH0 },
	{ "0.0.0.0", 0, RTN_UNICAST, RT_TABLE_MAIN, 100, ETH0, "192.0.2.1" },
	{ "0.0.0.0", 0, RTN_UNICAST, RT_TABLE_MAIN, 200, ETH1, "198.51.100.1" },
	{ "192.0.2.0", 24, RTN_UNICAST, RT_TABLE_MAIN, 0, ETH0 },
	{ "10.1.0.0", 16, RTN_UNICAST, RT_TABLE_MAIN, 0, ETH1 },
	{ "10.1.2.0", 24, RTN_BLACKHOLE, RT_TABLE_MAIN },
	{ "10.1.3.0", 24, RTN_PROHIBIT, RT_TABLE_MAIN },
	{ "10.1.4.0", 24, RTN_UNREACHABLE, RT_TABLE_MAIN },
	{ "10.1.5.0", 24, RTN_UNICAST, RT_TABLE_MAIN, 0, ETH0, "192.0.2.7", 0x10 },
	{ "10.1.5.0", 24, RTN_UNICAST, RT_TABLE_MAIN, 0, ETH1 },
	{ "10.1.9.0", 24, RTN_UNICAST, 100, 0, ETH0, "192.0.2.9" },
	{ "10.1.8.0", 24, RTN_THROW, 100 },
};

static void put_links(struct fixture *f)
{
	static const char *const names[] = { [LO] = "lo", [ETH0] = "eth0", [ETH1] = "eth1" };
	struct reply r = {};
	char buf[256] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	for (int i = LO; i <= ETH1; i++) {
		struct ifinfomsg *m = reply_start(&r, RTM_NEWLINK, sizeof(*m));

		m->ifi_index = i;
		m->ifi_flags = i == LO ? 9 : 1;
		mnl_attr_put_strz(r.nlh, IFLA_IFNAME, names[i]);
		reply_end(&r);
	}
	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	fixture_netlink(f, NETLINK_ROUTE, nlh, &r);
}

static void put_addrs(struct fixture *f)
{
	static const struct { const char *addr; int ifindex; } addrs[] = {
		{ "127.0.0.1", LO }, { "192.0.2.10", ETH0 }, { "198.51.100.10", ETH1 },
	};
	struct reply r = {};

	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		struct ifaddrmsg *m = reply_start(&r, RTM_NEWADDR, sizeof(*m));

		m->ifa_family = AF_INET;
		m->ifa_prefixlen = 24;
		m->ifa_index = addrs[i].ifindex;
		put_ip(r.nlh, IFA_ADDRESS, addrs[i].addr);
		put_ip(r.nlh, IFA_LOCAL, addrs[i].addr);
		reply_end(&r);
	}
	fixture_dump(f, NETLINK_ROUTE, RTM_GETADDR, sizeof(struct ifaddrmsg), 0, &r);
}

static void put_sysctls(struct fixture *f, const char *rp_filter, const char *forwarding)
{
	static const char *const zero[] = { "accept_local", "route_localnet", "src_valid_mark", "send_redirects",
					    "ignore_routes_with_linkdown", "bc_forwarding" };
	static const char *const devs[] = { "all", "lo", "eth0", "eth1" };
	char path[128];

	for (size_t d = 0; d < ARRAY_SIZE(devs); d++) {
		for (size_t i = 0; i < ARRAY_SIZE(zero); i++) {
			snprintf(path, sizeof(path), "net/ipv4/conf/%s/%s", devs[d], zero[i]);
			fixture_sysctl(f, path, "0\n");
		}
		snprintf(path, sizeof(path), "net/ipv4/conf/%s/rp_filter", devs[d]);
		fixture_sysctl(f, path, d ? rp_filter : "0\n");
		snprintf(path, sizeof(path), "net/ipv4/conf/%s/forwarding", devs[d]);
		fixture_sysctl(f, path, forwarding);
	}
	fixture_sysctl(f, "net/ipv4/ip_forward", forwarding);
}

static void begin(struct fixture *f, const char *rp_filter, const char *forwarding)
{
	struct reply r = {};

	fixture_open(f);
	put_links(f);
	put_addrs(f);
	put_sysctls(f, rp_filter, forwarding);
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		add_route(&r, &routes[i]);
	fixture_dump(f, NETLINK_ROUTE, RTM_GETROUTE, sizeof(struct rtmsg), AF_INET, &r);
}

/* rules: those between local and main. */
static void finish(struct fixture *f, struct reply *rules)
{
	struct reply all = {};

	start_rule(&all, 0, FR_ACT_TO_TBL, RT_TABLE_LOCAL);
	reply_end(&all);
	memcpy(all.buf + all.len, rules->buf, rules->len);
	all.len += rules->len;
	default_rules(&all);
	fixture_dump(f, NETLINK_ROUTE, RTM_GETRULE, sizeof(struct fib_rule_hdr), AF_INET, &all);
	fixture_replay(f);
}

static struct route ask(struct fixture *f, const struct route_key *k)
{
	struct route r;

	assert_int_equal(state_route(f->s, 0, k, &r), 0);
	return r;
}

static struct route to(struct fixture *f, const char *dst)
{
	struct route_key k = { .dst = ip(dst) };

	return ask(f, &k);
}

static void test_prefixes(void **state)
{
	static const struct { const char *dst; int error, oif; uint8_t type; const char *text; } want[] = {
		{ "8.8.8.8", 0, ETH0, RTN_UNICAST, "default via 192.0.2.1 dev eth0 proto static metric 100" },
		{ "192.0.2.77", 0, ETH0, RTN_UNICAST, "192.0.2.0/24 dev eth0 proto static" },
		{ "192.0.2.10", 0, LO, RTN_LOCAL, "local 192.0.2.10 dev eth0 table local proto static" },
		{ "10.1.1.1", 0, ETH1, RTN_UNICAST, "10.1.0.0/16 dev eth1 proto static" },
		{ "10.1.2.1", -EINVAL, 0, RTN_BLACKHOLE, "blackhole 10.1.2.0/24 proto static" },
		{ "10.1.3.1", -EACCES, 0, RTN_PROHIBIT, "prohibit 10.1.3.0/24 proto static" },
		{ "10.1.4.1", -EHOSTUNREACH, 0, RTN_UNREACHABLE, "unreachable 10.1.4.0/24 proto static" },
		{ "10.1.9.1", 0, ETH1, RTN_UNICAST, "10.1.0.0/16 dev eth1 proto static" },
	};
	struct reply none = {};
	struct fixture f;

	(void)state;
	begin(&f, "0\n", "1\n");
	finish(&f, &none);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		struct route r = to(&f, want[i].dst);

		assert_int_equal(r.error, want[i].error);
		assert_int_equal(r.oif, want[i].oif);
		assert_int_equal(r.type, want[i].type);
		assert_string_equal(r.text, want[i].text);
	}
	fixture_close(&f);
}

static void test_tos_and_device(void **state)
{
	struct route_key k = { .dst = ip("10.1.5.1"), .tos = 0x10 };
	struct reply none = {};
	struct fixture f;

	(void)state;
	begin(&f, "0\n", "1\n");
	finish(&f, &none);
	assert_int_equal(ask(&f, &k).oif, ETH0);
	k.tos = 0x08;
	assert_int_equal(ask(&f, &k).oif, ETH1);
	/* The second default route, since the first leaves by another device. */
	k = (struct route_key){ .dst = ip("8.8.8.8"), .oif = ETH1 };
	assert_int_equal(ask(&f, &k).table, RT_TABLE_MAIN);
	assert_int_equal(ask(&f, &k).oif, ETH1);
	fixture_close(&f);
}

static void test_rules(void **state)
{
	struct route_key k = { .dst = ip("10.1.9.1") };
	struct reply rules = {};
	struct fib_rule_hdr *h;
	struct fixture f;

	(void)state;
	begin(&f, "0\n", "1\n");
	start_rule(&rules, 100, FR_ACT_TO_TBL, 100);
	mnl_attr_put_u32(rules.nlh, FRA_FWMARK, 0x4);
	mnl_attr_put_u32(rules.nlh, FRA_FWMASK, 0xc);
	reply_end(&rules);
	h = start_rule(&rules, 200, FR_ACT_PROHIBIT, 0);
	h->flags = FIB_RULE_INVERT;
	mnl_attr_put_u32(rules.nlh, FRA_FWMARK, 0);
	mnl_attr_put_u32(rules.nlh, FRA_FWMASK, 0x100);
	reply_end(&rules);
	start_rule(&rules, 300, FR_ACT_TO_TBL, RT_TABLE_MAIN);
	mnl_attr_put_strz(rules.nlh, FRA_IIFNAME, "eth7");
	reply_end(&rules);
	finish(&f, &rules);

	assert_int_equal(ask(&f, &k).oif, ETH1);
	k.mark = 0xf4;
	assert_int_equal(ask(&f, &k).table, 100);
	assert_int_equal(ask(&f, &k).oif, ETH0);
	k.mark = 0xc;
	assert_int_equal(ask(&f, &k).oif, ETH1);
	/* "throw" leaves the table, not the lookup. */
	k = (struct route_key){ .dst = ip("10.1.8.1"), .mark = 4 };
	assert_int_equal(ask(&f, &k).table, RT_TABLE_MAIN);
	k.mark = 0x100;
	assert_int_equal(ask(&f, &k).error, -EACCES);
	assert_string_equal(ask(&f, &k).text, "200: not from all fwmark 0x0/0x100 prohibit");
	fixture_close(&f);
}

/* A rule that this program cannot evaluate leaves the answer open. */
static void test_unknown_rule(void **state)
{
	struct reply rules = {};
	struct fixture f;
	struct route r;

	(void)state;
	begin(&f, "0\n", "1\n");
	start_rule(&rules, 100, FR_ACT_TO_TBL, 100);
	mnl_attr_put_u32(rules.nlh, 27, 0x12345);
	reply_end(&rules);
	finish(&f, &rules);
	r = to(&f, "10.1.9.1");
	assert_non_null(r.unknown);
	assert_true(f.gaps.n > 0);
	fixture_close(&f);
}

static void refused(struct fixture *f, int iif, const char *src, const char *dst, int error, enum end_cause cause,
		    const char *evidence)
{
	struct route_key k = { .src = ip(src), .dst = ip(dst), .iif = iif };
	struct evidences ev = { .arena = f->arena };
	struct route r = ask(f, &k);
	bool said = false;

	assert_int_equal(r.error, error);
	if (!error)
		return;
	assert_int_equal(state_route_refusal(f->s, 0, &k, &r, &ev), cause);
	for (size_t i = 0; i < ev.n; i++)
		said |= !strcmp(ev.v[i].text, evidence);
	if (!said)
		fail_msg("no evidence \"%s\" for %s > %s", evidence, src, dst);
}

static void test_input(void **state)
{
	struct reply none = {};
	struct fixture f;

	(void)state;
	begin(&f, "1\n", "1\n");
	finish(&f, &none);
	refused(&f, ETH1, "10.1.1.1", "8.8.8.8", 0, CAUSE_NONE, NULL);
	refused(&f, ETH0, "10.1.1.1", "10.1.7.7", -EXDEV, CAUSE_RP_FILTER, "net.ipv4.conf.eth0.rp_filter = 1");
	refused(&f, ETH0, "10.1.1.1", "192.0.2.10", -EXDEV, CAUSE_RP_FILTER, "10.1.0.0/16 dev eth1 proto static");
	refused(&f, ETH0, "192.0.2.10", "8.8.8.8", -EINVAL, CAUSE_MARTIAN_SRC,
		"net.ipv4.conf.eth0.accept_local = 0");
	refused(&f, ETH0, "192.0.2.7", "127.0.0.1", -EINVAL, CAUSE_ROUTE_LOCALNET,
		"net.ipv4.conf.eth0.route_localnet = 0");
	refused(&f, ETH0, "192.0.2.7", "10.1.2.1", -EINVAL, CAUSE_BLACKHOLE, "blackhole 10.1.2.0/24 proto static");
	refused(&f, ETH0, "192.0.2.7", "10.1.3.1", -EACCES, CAUSE_PROHIBIT, "prohibit 10.1.3.0/24 proto static");
	refused(&f, ETH0, "192.0.2.7", "10.1.1.1", 0, CAUSE_NONE, NULL);
	fixture_close(&f);
}

static void test_forwarding_off(void **state)
{
	struct reply none = {};
	struct fixture f;

	(void)state;
	begin(&f, "2\n", "0\n");
	finish(&f, &none);
	/* Loose: some route to the source is enough. */
	refused(&f, ETH0, "10.1.1.1", "192.0.2.10", 0, CAUSE_NONE, NULL);
	refused(&f, ETH0, "192.0.2.7", "10.1.1.1", -EHOSTUNREACH, CAUSE_FORWARDING_OFF, "net.ipv4.ip_forward = 0");
	fixture_close(&f);
}

static void test_types(void **state)
{
	static const struct { const char *addr; int ifindex; uint8_t type; } want[] = {
		{ "192.0.2.10", 0, RTN_LOCAL }, { "127.9.9.9", 0, RTN_LOCAL }, { "8.8.8.8", 0, RTN_UNICAST },
		{ "224.0.0.5", 0, RTN_MULTICAST }, { "255.255.255.255", 0, RTN_BROADCAST },
		{ "192.0.2.10", ETH0, RTN_LOCAL }, { "192.0.2.10", ETH1, RTN_UNICAST },
		/* Not in the local table: what main says does not count. */
		{ "10.1.2.1", 0, RTN_UNICAST },
	};
	struct reply none = {};
	struct fixture f;

	(void)state;
	begin(&f, "0\n", "1\n");
	finish(&f, &none);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		struct addr a = ip(want[i].addr);
		uint8_t type;

		assert_int_equal(state_addr_type(f.s, 0, &a, want[i].ifindex, &type), 0);
		assert_int_equal(type, want[i].type);
	}
	fixture_close(&f);
}

/* What was not recorded is not answered. */
static void test_empty(void **state)
{
	struct route_key k = { .dst = ip("8.8.8.8") };
	struct addr a = ip("8.8.8.8");
	struct fixture f;
	struct route r;
	uint8_t type;

	(void)state;
	fixture_open(&f);
	fixture_replay(&f);
	assert_int_equal(state_route(f.s, 0, &k, &r), -ENODATA);
	assert_int_equal(state_addr_type(f.s, 0, &a, 0, &type), -ENODATA);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_tos_and_device),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_unknown_rule),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_forwarding_off),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests_name("fib", tests, NULL, NULL);
}
