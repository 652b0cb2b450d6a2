/* SPDX-License-Identifier: GPL-2.0-only */
/* Links, addresses and neighbours from netlink bytes: what is said, what is not, and what is torn. */
#include "state_fixture.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

static void add_link(struct reply *r, int ifindex, const char *name, const char *kind)
{
	struct ifinfomsg *i = reply_start(r, RTM_NEWLINK, sizeof(*i));
	struct nlattr *info;

	i->ifi_index = ifindex;
	i->ifi_flags = 1;
	mnl_attr_put_strz(r->nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(r->nlh, IFLA_MTU, 1450);
	if (!kind)
		return;
	info = mnl_attr_nest_start(r->nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(r->nlh, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(r->nlh, info);
}

static void put_links(struct fixture *f, const struct reply *r)
{
	char buf[256] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	fixture_netlink(f, NETLINK_ROUTE, nlh, r);
}

static void bridge_port(struct reply *r)
{
	struct ifinfomsg *i = reply_start(r, RTM_NEWLINK, sizeof(*i));
	struct nlattr *info, *data;

	i->ifi_index = 7;
	mnl_attr_put_strz(r->nlh, IFLA_IFNAME, "veth7");
	mnl_attr_put_u32(r->nlh, IFLA_MASTER, 3);
	mnl_attr_put_u32(r->nlh, IFLA_LINK, 2);
	mnl_attr_put_u32(r->nlh, IFLA_LINK_NETNSID, 0);
	info = mnl_attr_nest_start(r->nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(r->nlh, IFLA_INFO_KIND, "veth");
	mnl_attr_put_strz(r->nlh, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(r->nlh, IFLA_INFO_SLAVE_DATA);
	mnl_attr_put_u8(r->nlh, IFLA_BRPORT_STATE, 3);
	mnl_attr_put_u8(r->nlh, IFLA_BRPORT_MODE, 1);
	mnl_attr_nest_end(r->nlh, data);
	mnl_attr_nest_end(r->nlh, info);
	reply_end(r);
}

static void test_links(void **state)
{
	struct reply r = {};
	struct fixture f;
	const struct link *l;
	const struct link *const *all;
	size_t n;

	(void)state;
	fixture_open(&f);
	bridge_port(&r);
	add_link(&r, 3, "cni0", "bridge");
	reply_end(&r);
	add_link(&r, 1, "a-name-far-too-long-for-the-kernel", NULL);
	reply_end(&r);
	/* Torn: an ifindex of nonsense, and a message shorter than its header. */
	add_link(&r, -5, "bad", NULL);
	reply_end(&r);
	reply_start(&r, RTM_NEWLINK, 4);
	reply_end(&r);
	put_links(&f, &r);
	fixture_replay(&f);

	assert_int_equal(state_links(f.s, 0, &all, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(all[0]->ifindex, 1);
	assert_int_equal(strlen(all[0]->name), 15);
	l = state_link(f.s, 0, 7);
	assert_non_null(l);
	assert_string_equal(l->kind, "veth");
	assert_string_equal(l->master_kind, "bridge");
	assert_int_equal(l->master, 3);
	assert_int_equal(l->peer, 2);
	assert_int_equal(l->peer_nsid, 0);
	assert_int_equal(l->port_state, 3);
	assert_int_equal(l->hairpin, YES);
	l = state_link_named(f.s, 0, "cni0");
	assert_non_null(l);
	assert_int_equal(l->peer_nsid, -1);
	/* The bridge did not say. */
	assert_int_equal(l->nf_call_iptables, UNKNOWN);
	assert_int_equal(l->promisc, UNKNOWN);
	assert_null(state_link(f.s, 0, 2));
	assert_null(state_link_named(f.s, 0, "cni1"));
	fixture_close(&f);
}

static void test_no_links(void **state)
{
	const struct link *const *all;
	struct fixture f;
	size_t n;

	(void)state;
	fixture_open(&f);
	fixture_replay(&f);
	assert_int_equal(state_links(f.s, 0, &all, &n), -ENODATA);
	assert_true(f.gaps.n > 0);
	fixture_close(&f);
}

/* In the snapshot the peer's namespace is not recorded: it is not guessed. */
static void test_peer_unknown(void **state)
{
	struct reply r = {};
	struct fixture f;
	uint32_t netns;
	int ifindex;

	(void)state;
	fixture_open(&f);
	bridge_port(&r);
	add_link(&r, 3, "cni0", "bridge");
	reply_end(&r);
	put_links(&f, &r);
	fixture_replay(&f);
	assert_int_equal(state_peer(f.s, 0, state_link(f.s, 0, 7), &netns, &ifindex), -ESRCH);
	assert_int_equal(f.gaps.n, 1);
	assert_int_equal(state_peer(f.s, 0, state_link(f.s, 0, 3), &netns, &ifindex), -ENOENT);
	fixture_close(&f);
}

static void add_neigh(struct reply *r, const char *addr, uint16_t nud, const char *mac)
{
	struct ndmsg *m = reply_start(r, RTM_NEWNEIGH, sizeof(*m));
	struct addr a = ip(addr);

	m->ndm_family = a.family;
	m->ndm_ifindex = 3;
	m->ndm_state = nud;
	mnl_attr_put(r->nlh, NDA_DST, addr_len(&a), a.b);
	if (mac)
		mnl_attr_put(r->nlh, NDA_LLADDR, 6, mac);
	reply_end(r);
}

static void test_neighbours(void **state)
{
	static const struct { const char *addr; enum answer answer; bool mac; const char *text; } want[] = {
		{ "10.0.0.2", YES, true, "10.0.0.2 dev cni0 lladdr 61:62:63:64:65:66 STALE" },
		{ "10.0.0.3", NO, false, "10.0.0.3 dev cni0 FAILED" },
		{ "10.0.0.4", UNKNOWN, false, "10.0.0.4 dev cni0 INCOMPLETE" },
		{ "10.0.0.5", UNKNOWN, false, NULL },
	};
	struct reply r = {}, links = {};
	struct fixture f;

	(void)state;
	fixture_open(&f);
	add_link(&links, 3, "cni0", "bridge");
	reply_end(&links);
	put_links(&f, &links);
	add_neigh(&r, "10.0.0.2", NUD_STALE, "abcdef");
	add_neigh(&r, "10.0.0.3", NUD_FAILED, NULL);
	add_neigh(&r, "10.0.0.4", NUD_INCOMPLETE, NULL);
	fixture_dump(&f, NETLINK_ROUTE, RTM_GETNEIGH, sizeof(struct ndmsg), AF_INET, &r);
	fixture_replay(&f);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		struct addr a = ip(want[i].addr);
		const char *text;
		struct mac mac;

		assert_int_equal(state_neigh(f.s, 0, 3, &a, &mac, &text), want[i].answer);
		assert_int_equal(mac.known, want[i].mac);
		if (want[i].text)
			assert_string_equal(text, want[i].text);
		else
			assert_null(text);
	}
	fixture_close(&f);
}

static void add_addr(struct reply *r, const char *addr, int plen, uint32_t flags, uint8_t scope)
{
	struct ifaddrmsg *m = reply_start(r, RTM_NEWADDR, sizeof(*m));
	struct addr a = ip(addr);

	m->ifa_family = a.family;
	m->ifa_prefixlen = plen;
	m->ifa_index = 3;
	m->ifa_scope = scope;
	put_ip(r->nlh, IFA_ADDRESS, addr);
	if (a.family == AF_INET)
		put_ip(r->nlh, IFA_LOCAL, addr);
	mnl_attr_put_u32(r->nlh, IFA_FLAGS, flags);
	reply_end(r);
}

/* inet_select_addr() and RFC 6724: what a masquerade by cni0 becomes, and where a redirect on it leads. */
static void test_source_choice(void **state)
{
	static const struct { const char *dst, *want; } cases[] = {
		{ "10.2.0.9", "10.2.0.1" }, { "8.8.8.8", "10.1.0.1" },
		{ "fd00:2::9", "fd00:2::1" }, { "2001:db8:2::1", "2001:db8::1" }, { "fe80::9", "fe80::1" },
		{ "fd00:3::9", "fd00:2::1" },
	};
	static const struct { const char *dst, *want; } redirects[] = {
		{ "10.2.0.9", "169.254.1.1" }, { "2001:db8::9", "fd00:1::1" }, { "fe80::9", "fe80::1" },
	};
	struct reply r = {}, links = {};
	struct fixture f;

	(void)state;
	fixture_open(&f);
	add_link(&links, 3, "cni0", "bridge");
	reply_end(&links);
	put_links(&f, &links);
	add_addr(&r, "169.254.1.1", 32, IFA_F_PERMANENT, RT_SCOPE_LINK);
	add_addr(&r, "10.1.0.1", 24, IFA_F_PERMANENT, RT_SCOPE_UNIVERSE);
	add_addr(&r, "10.1.0.2", 24, IFA_F_PERMANENT | IFA_F_SECONDARY, RT_SCOPE_UNIVERSE);
	add_addr(&r, "10.2.0.1", 24, IFA_F_PERMANENT, RT_SCOPE_UNIVERSE);
	add_addr(&r, "fd00:1::1", 64, IFA_F_PERMANENT, RT_SCOPE_UNIVERSE);
	add_addr(&r, "fd00:2::1", 64, IFA_F_PERMANENT, RT_SCOPE_UNIVERSE);
	add_addr(&r, "fd00:3::1", 64, IFA_F_PERMANENT | IFA_F_DEPRECATED, RT_SCOPE_UNIVERSE);
	add_addr(&r, "2001:db8::1", 64, IFA_F_PERMANENT, RT_SCOPE_UNIVERSE);
	add_addr(&r, "2001:db8:2::2", 64, IFA_F_TENTATIVE, RT_SCOPE_UNIVERSE);
	add_addr(&r, "fe80::1", 64, IFA_F_PERMANENT, RT_SCOPE_LINK);
	fixture_dump(&f, NETLINK_ROUTE, RTM_GETADDR, sizeof(struct ifaddrmsg), 0, &r);
	fixture_replay(&f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct addr dst = ip(cases[i].dst), out;
		char buf[ADDR_TEXT];

		assert_int_equal(state_dev_addr(f.s, 0, 3, &dst, &out), 0);
		assert_string_equal(addr_say(&out, buf), cases[i].want);
	}
	for (size_t i = 0; i < ARRAY_SIZE(redirects); i++) {
		struct addr dst = ip(redirects[i].dst), out;
		char buf[ADDR_TEXT];

		assert_int_equal(state_redirect_addr(f.s, 0, 3, &dst, &out), 0);
		assert_string_equal(addr_say(&out, buf), redirects[i].want);
		/* unlike masquerade, never another device's */
		assert_int_equal(state_redirect_addr(f.s, 0, 4, &dst, &out), -ENOENT);
	}
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_no_links),
		cmocka_unit_test(test_peer_unknown),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_source_choice),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
