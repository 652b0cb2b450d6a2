/* SPDX-License-Identifier: GPL-2.0-only */
/* Which socket takes a packet, scored over a dump as the kernel scores them. */
#include "state_fixture.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>

#include <linux/if_link.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>

struct row {
	uint8_t family, state;
	const char *local;
	uint16_t port;
	int bound_if;
	const char *remote;
	uint16_t rport;
	int v6only;			/* -1: not said */
	uint32_t inode;
};

static void put_addr(uint32_t out[4], uint8_t family, const char *text)
{
	struct addr a;

	if (!text)
		return;
	a = ip(text);
	assert_int_equal(a.family, family);
	memcpy(out, a.b, addr_len(&a));
}

static void put_socks(struct fixture *f, uint8_t family, uint8_t proto, const struct row *rows, size_t n)
{
	struct reply r = {};
	char buf[256] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *req;

	for (size_t i = 0; i < n; i++) {
		struct inet_diag_msg *m;

		if (rows[i].family != family)
			continue;
		m = reply_start(&r, SOCK_DIAG_BY_FAMILY, sizeof(*m));
		m->idiag_family = family;
		m->idiag_state = rows[i].state;
		m->idiag_inode = rows[i].inode;
		m->id.idiag_sport = htons(rows[i].port);
		m->id.idiag_dport = htons(rows[i].rport);
		m->id.idiag_if = rows[i].bound_if;
		put_addr(m->id.idiag_src, family, rows[i].local);
		put_addr(m->id.idiag_dst, family, rows[i].remote);
		if (family == AF_INET6 && rows[i].v6only >= 0)
			mnl_attr_put_u8(r.nlh, INET_DIAG_SKV6ONLY, rows[i].v6only);
		reply_end(&r);
	}
	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	*req = (struct inet_diag_req_v2){ .sdiag_family = family, .sdiag_protocol = proto,
					  .idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1), .idiag_states = ~0u };
	req->id.idiag_cookie[0] = req->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	fixture_netlink(f, NETLINK_SOCK_DIAG, nlh, &r);
}

/* No links: no VRFs, and devices have no names. */
static void put_no_links(struct fixture *f)
{
	char buf[256] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	fixture_netlink(f, NETLINK_ROUTE, nlh, NULL);
}

static void begin(struct fixture *f, uint8_t proto, const struct row *rows, size_t n)
{
	fixture_open(f);
	put_no_links(f);
	put_socks(f, AF_INET, proto, rows, n);
	put_socks(f, AF_INET6, proto, rows, n);
	fixture_replay(f);
}

struct want {
	const char *src, *dst;
	uint16_t sport, dport;
	enum answer answer;
	uint32_t inode;			/* of the socket, or of the nearest */
	const char *text;
};

static void check(struct fixture *f, uint8_t proto, const struct want *w)
{
	struct packet p = { .src = ip(w->src), .dst = ip(w->dst), .sport = w->sport, .dport = w->dport,
			    .proto = proto, .iif = 2 };
	struct sock_info out = {}, near;
	const char *text;

	assert_int_equal(state_listener(f->s, 0, &p, &out, &near, &text), w->answer);
	if (w->answer != UNKNOWN)
		assert_int_equal(w->answer == YES ? out.inode : near.inode, w->inode);
	if (w->text)
		assert_string_equal(text, w->text);
}

static const struct row tcp[] = {
	{ AF_INET, TCP_LISTEN, "0.0.0.0", 80, .inode = 1 },
	{ AF_INET, TCP_LISTEN, "10.0.0.1", 80, .inode = 2 },
	{ AF_INET, TCP_LISTEN, "0.0.0.0", 80, .bound_if = 2, .inode = 3 },
	{ AF_INET, TCP_LISTEN, "127.0.0.1", 81, .inode = 4 },
	{ AF_INET, TCP_LISTEN, "0.0.0.0", 82, .bound_if = 9, .inode = 5 },
	{ AF_INET6, TCP_LISTEN, "::", 83, .v6only = 0, .inode = 6 },
	{ AF_INET6, TCP_LISTEN, "::", 84, .v6only = 1, .inode = 7 },
	{ AF_INET6, TCP_LISTEN, "::", 85, .v6only = -1, .inode = 8 },
	{ AF_INET6, TCP_LISTEN, "::ffff:10.0.0.1", 86, .v6only = 0, .inode = 9 },
	{ AF_INET, TCP_ESTABLISHED, "10.0.0.1", 80, 0, "10.0.0.9", 4000, 0, 10 },
	{ AF_INET, TCP_TIME_WAIT, "10.0.0.1", 87, 0, "10.0.0.9", 4000, 0, 11 },
	{ AF_INET, TCP_ESTABLISHED, "10.0.0.1", 88, 0, "10.0.0.9", 4000, 0, 12 },
	{ AF_INET6, TCP_LISTEN, "fd00::1", 89, .v6only = 0, .inode = 13 },
};

static void test_tcp(void **state)
{
	static const struct want want[] = {
		{ "10.0.0.9", "10.0.0.1", 1, 80, YES, 2, "tcp LISTEN 0 0 10.0.0.1:80 0.0.0.0:*" },
		{ "10.0.0.9", "10.0.0.2", 1, 80, YES, 3, "tcp LISTEN 0 0 0.0.0.0%if2:80 0.0.0.0:*" },
		{ "10.0.0.9", "10.0.0.1", 4000, 80, YES, 10, "tcp ESTAB 0 0 10.0.0.1:80 10.0.0.9:4000" },
		{ "10.0.0.9", "10.0.0.1", 1, 81, NO, 4, "tcp LISTEN 0 0 127.0.0.1:81 0.0.0.0:*" },
		{ "10.0.0.9", "10.0.0.1", 1, 82, NO, 5, "tcp LISTEN 0 0 0.0.0.0%if9:82 0.0.0.0:*" },
		{ "10.0.0.9", "10.0.0.1", 1, 83, YES, 6, "tcp LISTEN 0 0 [::]:83 [::]:*" },
		{ "10.0.0.9", "10.0.0.1", 1, 84, NO, 7, NULL },
		{ "fd00::9", "fd00::1", 1, 84, YES, 7, NULL },
		{ "10.0.0.9", "10.0.0.1", 1, 85, UNKNOWN, 0, NULL },
		{ "fd00::9", "fd00::1", 1, 85, YES, 8, NULL },
		{ "10.0.0.9", "10.0.0.1", 1, 86, YES, 9, NULL },
		{ "10.0.0.9", "10.0.0.2", 1, 86, NO, 9, NULL },
		/* Neither a dead connection nor somebody else's is a listener. */
		{ "10.0.0.9", "10.0.0.1", 4000, 87, NO, 0, NULL },
		{ "10.0.0.9", "10.0.0.1", 4001, 88, NO, 0, NULL },
		{ "fd00::9", "fd00::2", 1, 89, NO, 13, NULL },
		{ "fd00::9", "fd00::1", 1, 80, NO, 1, NULL },
		{ "10.0.0.9", "10.0.0.1", 1, 99, NO, 0, NULL },
	};
	struct fixture f;

	(void)state;
	begin(&f, IPPROTO_TCP, tcp, ARRAY_SIZE(tcp));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		check(&f, IPPROTO_TCP, &want[i]);
	fixture_close(&f);
}

static void test_udp(void **state)
{
	static const struct row rows[] = {
		{ AF_INET, TCP_CLOSE, "0.0.0.0", 53, .inode = 1 },
		{ AF_INET, TCP_CLOSE, "10.0.0.1", 53, .inode = 2 },
		{ AF_INET, TCP_ESTABLISHED, "10.0.0.1", 53, 0, "10.0.0.9", 4000, 0, 3 },
		{ AF_INET6, TCP_CLOSE, "::", 54, .v6only = 0, .inode = 4 },
		{ AF_INET, TCP_CLOSE, "0.0.0.0", 54, .inode = 5 },
	};
	static const struct want want[] = {
		{ "10.0.0.9", "10.0.0.1", 4000, 53, YES, 3, "udp ESTAB 0 0 10.0.0.1:53 10.0.0.9:4000" },
		{ "10.0.0.9", "10.0.0.1", 4001, 53, YES, 2, "udp UNCONN 0 0 10.0.0.1:53 0.0.0.0:*" },
		{ "10.0.0.9", "10.0.0.3", 4001, 53, YES, 1, NULL },
		/* An IPv4 socket goes before one of IPv6 that would take the packet too. */
		{ "10.0.0.9", "10.0.0.3", 4001, 54, YES, 5, NULL },
		{ "fd00::9", "fd00::1", 4001, 54, YES, 4, NULL },
	};
	struct fixture f;

	(void)state;
	begin(&f, IPPROTO_UDP, rows, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		check(&f, IPPROTO_UDP, &want[i]);
	fixture_close(&f);
}

static void test_listening(void **state)
{
	static const uint16_t want4[] = { 80, 81, 82, 83, 85, 86 }, want6[] = { 83, 84, 85, 86, 89 };
	const uint16_t *ports;
	struct fixture f;
	size_t n;

	(void)state;
	begin(&f, IPPROTO_TCP, tcp, ARRAY_SIZE(tcp));
	assert_int_equal(state_listening(f.s, 0, AF_INET, IPPROTO_TCP, &ports, &n), 0);
	assert_int_equal(n, 7);
	assert_memory_equal(ports, want4, sizeof(want4));
	assert_int_equal(ports[6], 89);
	assert_int_equal(state_listening(f.s, 0, AF_INET6, IPPROTO_TCP, &ports, &n), 0);
	assert_int_equal(n, ARRAY_SIZE(want6));
	assert_memory_equal(ports, want6, sizeof(want6));
	assert_int_equal(state_listening(f.s, 0, AF_INET, IPPROTO_ICMP, &ports, &n), -EPROTONOSUPPORT);
	fixture_close(&f);
}

static void test_sctp(void **state)
{
	static const char eps[] =
		" ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS\n"
		"ffff8881 ffff8882 2   10  29   3868     0 4711 10.0.0.1 fd00::1 \n"
		"ffff8883 ffff8884 2   7   30   3869     0 4712 0.0.0.0 \n"
		"nonsense\n";
	static const struct want want[] = {
		{ "10.0.0.9", "10.0.0.1", 1, 3868, YES, 4711, NULL },
		{ "fd00::9", "fd00::1", 1, 3868, YES, 4711, NULL },
		{ "10.0.0.9", "10.0.0.2", 1, 3868, NO, 4711, NULL },
		{ "10.0.0.9", "10.0.0.1", 1, 3869, NO, 0, NULL },
	};
	struct fixture f;

	(void)state;
	fixture_open(&f);
	put_no_links(&f);
	fixture_put(&f, IO_FILE, "/proc/net/sctp/eps", 18, eps, strlen(eps));
	fixture_replay(&f);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		check(&f, IPPROTO_SCTP, &want[i]);
	fixture_close(&f);
}

static void test_unread(void **state)
{
	struct want w = { "10.0.0.9", "10.0.0.1", 1, 80, UNKNOWN, 0, NULL };
	struct fixture f;

	(void)state;
	fixture_open(&f);
	fixture_replay(&f);
	check(&f, IPPROTO_TCP, &w);
	check(&f, IPPROTO_SCTP, &w);
	check(&f, 47, &w);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_listening),
		cmocka_unit_test(test_sctp),
		cmocka_unit_test(test_unread),
	};

	return cmocka_run_group_tests_name("socket", tests, NULL, NULL);
}
