/* SPDX-License-Identifier: GPL-2.0-only */
/* What stands on devices beside XDP and netfilter: tc's and bpf's answers, whole and torn. */
#include "state_fixture.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#define INFO(pref, protocol) TC_H_MAKE((pref) << 16, htons(protocol))

static const struct link eth0 = { .ifindex = 3, .name = "eth0", .kind = "veth" }, br0 = { .ifindex = 4, .name = "br0" },
			 nk0 = { .ifindex = 5, .name = "nk0", .kind = "netkit" };

static void add_qdisc(struct reply *r, int ifindex, uint32_t parent, const char *kind)
{
	struct tcmsg *t = reply_start(r, RTM_NEWQDISC, sizeof(*t));

	t->tcm_ifindex = ifindex;
	t->tcm_parent = parent;
	if (kind)
		mnl_attr_put_strz(r->nlh, TCA_KIND, kind);
	reply_end(r);
}

/* The options' nest is left open for what a program says of itself. */
static struct nlattr *start_filter(struct reply *r, uint32_t info, const char *kind, uint32_t chain)
{
	struct tcmsg *t = reply_start(r, RTM_NEWTFILTER, sizeof(*t));

	t->tcm_ifindex = 3;
	t->tcm_info = info;
	mnl_attr_put_strz(r->nlh, TCA_KIND, kind);
	mnl_attr_put_u32(r->nlh, TCA_CHAIN, chain);
	return mnl_attr_nest_start(r->nlh, TCA_OPTIONS);
}

static void add_filter(struct reply *r, uint32_t info, const char *kind, uint32_t chain)
{
	mnl_attr_nest_end(r->nlh, start_filter(r, info, kind, chain));
	reply_end(r);
}

static void add_program(struct reply *r, uint32_t info, const char *name, size_t len, uint32_t id, size_t id_len)
{
	struct nlattr *options = start_filter(r, info, "bpf", 0);

	mnl_attr_put(r->nlh, TCA_BPF_NAME, len, name);
	mnl_attr_put(r->nlh, TCA_BPF_ID, id_len, &id);
	mnl_attr_nest_end(r->nlh, options);
	reply_end(r);
}

static struct nlmsghdr *ask_filters(char *buf, int ifindex, uint32_t way)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct tcmsg *t;

	nlh->nlmsg_type = RTM_GETTFILTER;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	t = mnl_nlmsg_put_extra_header(nlh, sizeof(*t));
	t->tcm_ifindex = ifindex;
	t->tcm_parent = TC_H_MAKE(TC_H_CLSACT, way);
	return nlh;
}

static void put_filters(struct fixture *f, int ifindex, uint32_t way, const struct reply *r)
{
	char buf[256] = {};

	fixture_netlink(f, NETLINK_ROUTE, ask_filters(buf, ifindex, way), r);
}

static void put_rc(struct fixture *f, enum io_kind kind, const void *key, size_t key_len, const void *data, size_t len, int rc)
{
	struct canned c = { data, len, rc };
	const uint8_t *out;
	size_t n;

	assert_int_equal(io_read(f->recording, kind, 0, key, key_len, produce_canned, &c, true, &out, &n), rc);
}

static void put_refused(struct fixture *f, int ifindex, uint32_t way, int rc)
{
	struct { int bus; char buf[256]; } key = { NETLINK_ROUTE, {} };

	put_rc(f, IO_NETLINK, &key, 4 + ask_filters(key.buf, ifindex, way)->nlmsg_len, NULL, 0, rc);
}

/* Of a device that has both, and one that has but the old qdisc. */
static void put_devices(struct fixture *f)
{
	struct reply r = {};

	add_qdisc(&r, 3, TC_H_ROOT, "noqueue");
	add_qdisc(&r, 3, TC_H_CLSACT, "clsact");
	add_qdisc(&r, 4, TC_H_ROOT, "clsact");
	add_qdisc(&r, 4, TC_H_INGRESS, "ingress");
	reply_start(&r, RTM_NEWQDISC, 4);
	reply_end(&r);
	fixture_dump(f, NETLINK_ROUTE, RTM_GETQDISC, sizeof(struct tcmsg), 0, &r);
}

static void test_filters(void **state)
{
	static const struct { const char *text; uint16_t protocol; } want[] = {
		{ "tc filter protocol all pref 7 bpf drop.o:[tc] id 77", ETH_P_ALL },
		{ "tc filter protocol all pref 7 bpf drop", ETH_P_ALL },
		{ "tc filter protocol ip pref 8 u32", ETH_P_IP },
		{ "tc filter protocol 0x0806 pref 9 flower", ETH_P_ARP },
		{ "tc filter protocol ipv6 pref 10 bpf", ETH_P_IPV6 },
	};
	const struct tc_step *v;
	struct reply r = {}, none = {};
	struct fixture f;
	struct nlattr *nest;

	(void)state;
	fixture_open(&f);
	put_devices(&f);
	reply_start(&r, RTM_NEWTFILTER, sizeof(struct tcmsg));	/* a classifier, before its filters */
	mnl_attr_put_strz(r.nlh, TCA_KIND, "bpf");
	reply_end(&r);
	add_program(&r, INFO(7u, ETH_P_ALL), "drop.o:[tc]", 12, 77, 4);
	add_program(&r, INFO(7u, ETH_P_ALL), "drop", 4, 77, 2);
	add_filter(&r, INFO(8u, ETH_P_IP), "u32", 0);
	add_filter(&r, INFO(8u, ETH_P_IP), "u32", 0);
	add_filter(&r, INFO(8u, ETH_P_IP), "u32", 3);
	add_filter(&r, INFO(9u, ETH_P_ARP), "flower", 0);
	/* torn: options that claim more than there is, a message shorter than its header, another type */
	nest = start_filter(&r, INFO(10u, ETH_P_IPV6), "bpf", 0);
	mnl_attr_put_u32(r.nlh, TCA_BPF_ID, 5);
	((struct nlattr *)mnl_attr_get_payload(nest))->nla_len = 4000;
	mnl_attr_nest_end(r.nlh, nest);
	reply_end(&r);
	reply_start(&r, RTM_NEWTFILTER, 8);
	reply_end(&r);
	reply_start(&r, RTM_NEWQDISC, sizeof(struct tcmsg));
	reply_end(&r);
	put_filters(&f, 3, TC_H_MIN_INGRESS, &r);
	put_filters(&f, 3, TC_H_MIN_EGRESS, &none);
	put_filters(&f, 4, TC_H_MIN_INGRESS, &r);
	put_filters(&f, 4, TC_H_MIN_EGRESS, &r);
	put_filters(&f, 6, TC_H_MIN_EGRESS, &r);
	put_refused(&f, 7, TC_H_MIN_INGRESS, -EINTR);
	put_refused(&f, 8, TC_H_MIN_INGRESS, -EOPNOTSUPP);
	fixture_replay(&f);

	assert_int_equal(state_tc(f.s, 0, &eth0, false, &v), ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_string_equal(v[i].text, want[i].text);
		assert_int_equal(v[i].protocol, want[i].protocol);
	}
	assert_int_equal(state_tc(f.s, 0, &eth0, true, &v), 0);
	assert_int_equal(state_tc(f.s, 0, &br0, false, &v), ARRAY_SIZE(want));
	/* of an ingress qdisc the kernel tells the same whichever way is asked for */
	assert_int_equal(state_tc(f.s, 0, &br0, true, &v), 0);
	assert_int_equal(state_tc(f.s, 0, &(struct link){ .ifindex = 6 }, true, &v), ARRAY_SIZE(want));
	assert_int_equal(state_tc(f.s, 0, &(struct link){ .ifindex = 7 }, false, &v), 1);
	assert_int_equal(v[0].protocol, ETH_P_ALL);
	assert_non_null(strstr(v[0].text, "could not be read"));
	/* a kernel without tc */
	assert_int_equal(state_tc(f.s, 0, &(struct link){ .ifindex = 8 }, false, &v), 0);
	assert_int_equal(f.gaps.n, 0);
	fixture_close(&f);
}

/* A snapshot of before this was asked says nothing, and is not doubted for it. */
static void test_never_asked(void **state)
{
	const struct tc_step *v;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	fixture_replay(&f);
	assert_int_equal(state_tc(f.s, 0, &eth0, false, &v), 0);
	assert_int_equal(state_tc(f.s, 0, &eth0, true, &v), 0);
	assert_int_equal(f.gaps.n, 0);
	/* who decides there is known by its kind alone */
	assert_int_equal(state_tc(f.s, 0, &nk0, false, &v), 0);
	assert_int_equal(state_tc(f.s, 0, &nk0, true, &v), 1);
	fixture_close(&f);
}

static void put_programs(struct fixture *f, uint32_t attach, uint32_t ifindex, const void *data, size_t len, int rc)
{
	const uint32_t key[] = { attach, ifindex };

	put_rc(f, IO_BPF, key, sizeof(key), data, len, rc);
}

static void test_programs(void **state)
{
	static const struct { uint32_t id; char name[16]; } progs[] = { { 7, "drop_tcp" }, { 8, "0123456789abcdef" }, { 9, "" } };
	const struct tc_step *v;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	put_programs(&f, 46, 3, progs, sizeof(progs), 0);
	put_programs(&f, 47, 3, NULL, 0, -EINVAL);
	put_programs(&f, 46, 4, NULL, 0, -ENOENT);
	put_programs(&f, 47, 4, NULL, 0, 0);
	put_programs(&f, 46, 5, progs, sizeof(progs) - 1, 0);
	put_programs(&f, 46, 6, NULL, 0, -EPERM);
	fixture_replay(&f);

	assert_int_equal(state_tc(f.s, 0, &eth0, false, &v), 3);
	assert_string_equal(v[0].text, "tcx program id 7 drop_tcp");
	assert_string_equal(v[1].text, "tcx program id 8 0123456789abcde");
	assert_string_equal(v[2].text, "tcx program id 9");
	assert_int_equal(v[2].protocol, ETH_P_ALL);
	/* kernels that know no such programs, or none there */
	assert_int_equal(state_tc(f.s, 0, &eth0, true, &v), 0);
	assert_int_equal(state_tc(f.s, 0, &br0, false, &v), 0);
	assert_int_equal(state_tc(f.s, 0, &br0, true, &v), 0);
	assert_int_equal(f.gaps.n, 0);
	/* torn, and refused */
	assert_int_equal(state_tc(f.s, 0, &nk0, false, &v), 1);
	assert_string_equal(v[0].text, "tcx programs that could not be read (Invalid argument)");
	assert_int_equal(state_tc(f.s, 0, &(struct link){ .ifindex = 6 }, false, &v), 1);
	assert_string_equal(v[0].text, "tcx programs that could not be read (Operation not permitted)");
	assert_int_equal(f.gaps.n, 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_never_asked),
		cmocka_unit_test(test_programs),
	};

	return cmocka_run_group_tests_name("tc", tests, NULL, NULL);
}
