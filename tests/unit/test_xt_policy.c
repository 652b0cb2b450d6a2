/* SPDX-License-Identifier: GPL-2.0-only */
/* The policy match where IPsec is absent, present or cannot be read. */
#include "xt_bench.h"
#include "xt_replay.h"

#include <linux/netfilter/xt_policy.h>

/* /proc/net/netlink: the second column is the protocol; 6 is xfrm's kernel socket. */
#define SOCKETS		"sk               Eth Pid        Groups   Rmem\n0000000000000000 0   0          00000000 0\n"
#define WITH_XFRM	SOCKETS "0000000000000000 6   0          00000000 0\n"

static enum step_kind match(const char *sockets, uint16_t flags)
{
	struct xt_policy_info info = { .flags = flags };
	struct step s;
	struct io *io;

	bench_reset(NFPROTO_IPV4);
	io = canned_new(bench.arena);
	if (sockets)
		canned_file(io, "/proc/net/netlink", sockets);
	io_close(bench.io);
	bench.io = canned_replay(bench.arena, io);
	bench.nft = nft_open(bench.io, bench.arena, &bench.ask, &bench.gaps);
	bench.e.nft = bench.nft;
	bench.e.io = bench.io;
	xt_match_step(bench.arena, "policy", 0, NFPROTO_IPV4, &info, sizeof(info), &s);
	return s.ops->run(&bench.e, &s);
}

/* Without IPsec only "--pol none" matches. */
static void without_ipsec(void **state UNUSED)
{
	assert_int_equal(match(SOCKETS, XT_POLICY_MATCH_IN | XT_POLICY_MATCH_NONE), STEP_NEXT);
	assert_int_equal(match(SOCKETS, XT_POLICY_MATCH_OUT | XT_POLICY_MATCH_NONE), STEP_NEXT);
	assert_int_equal(match(SOCKETS, XT_POLICY_MATCH_IN), STEP_BREAK);
}

/* Where policies may exist, or nobody can tell, neither answer is given. */
static void left_open(void **state UNUSED)
{
	assert_int_equal(match(NULL, XT_POLICY_MATCH_IN | XT_POLICY_MATCH_NONE), STEP_UNKNOWN);
	assert_int_equal(match(WITH_XFRM, XT_POLICY_MATCH_IN | XT_POLICY_MATCH_NONE), STEP_UNKNOWN);
	assert_int_equal(match(WITH_XFRM, XT_POLICY_MATCH_IN), STEP_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(without_ipsec), cmocka_unit_test(left_open) };

	return cmocka_run_group_tests(tests, NULL, bench_close);
}
