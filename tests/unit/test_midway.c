// SPDX-License-Identifier: GPL-2.0-only
/* What conntrack makes of a packet in the midst of a TCP connection: on a recorded node that has an unanswered SYN. */
#include "recorded_fixture.h"

#include <linux/netfilter.h>

#define FIN	0x01
#define SYN	0x02
#define RST	0x04
#define ACK	0x10

#define UNUSED	__attribute__((unused))

/* Its state where it leaves conntrack of PREROUTING. */
static enum ct_state state_of(struct recorded *r, uint16_t sport, uint8_t flags)
{
	struct walk_at at = {
		.pf = NFPROTO_IPV4, .hook = NF_INET_PRE_ROUTING, .alone = true,
		.p = { .sport = sport, .dport = 80, .proto = IPPROTO_TCP, .tcp_flags = flags, .ttl = 64, .len = 40 },
	};
	const struct link *in = state_link_named(r->s, 0, "eth0");
	const struct walk_way *way;
	struct err err = { "" };
	const char *cut;
	size_t n;

	assert_non_null(in);
	at.p.iif = in->ifindex;
	assert_true(addr_parse("192.0.2.1", &at.p.src) && addr_parse("10.96.0.90", &at.p.dst));
	assert_int_equal(walk_resume(r->s, r->arena, &at, &way, &n, &cut, &err), 0);
	assert_null(cut);
	for (size_t i = 0; i < way[0].t.n_hops; i++)
		if (way[0].t.hops[i].stage == STAGE_CONNTRACK)
			return way[0].t.hops[i].out.ct.state;
	return CT_NONE;
}

static void of_no_connection(void **state UNUSED)
{
	struct recorded r;

	assert_true(recorded_open(&r, NODES "stale-tcp-syn-sent"));
	assert_int_equal(state_of(&r, 1234, SYN), CT_NEW);
	assert_int_equal(state_of(&r, 1234, ACK), CT_NEW);		/* nf_conntrack_tcp_loose */
	assert_int_equal(state_of(&r, 1234, FIN | ACK), CT_INVALID);
	assert_int_equal(state_of(&r, 1234, SYN | ACK), CT_INVALID);
	assert_int_equal(state_of(&r, 1234, RST), CT_INVALID);
	assert_int_equal(state_of(&r, 1234, 0), CT_INVALID);
	recorded_close(&r);
}

static void before_the_answer(void **state UNUSED)
{
	struct recorded r;

	assert_true(recorded_open(&r, NODES "stale-tcp-syn-sent"));
	assert_int_equal(state_of(&r, 45678, SYN), CT_NEW);		/* sent again: its entry has seen no answer */
	assert_int_equal(state_of(&r, 45678, ACK), CT_INVALID);
	assert_int_equal(state_of(&r, 45678, FIN | ACK), CT_INVALID);
	assert_int_equal(state_of(&r, 45678, RST), CT_NEW);
	recorded_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_no_connection),
		cmocka_unit_test(before_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
