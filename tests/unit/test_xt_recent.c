/* SPDX-License-Identifier: GPL-2.0-only */
/* The recent match against lists as /proc/net/xt_recent shows them: session affinity and limits by source. */
#include "xt_bench.h"
#include "xt_replay.h"

#include <linux/netfilter/xt_recent.h>

/* 250 jiffies a second, 1000 s after boot: jiffies are 2^32 - 300 * 250 + 1000 * 250. */
#define NOW	4295142296ull
#define TIMER_LIST	"Timer List Version: v0.10\nHRTIMER_MAX_CLOCK_BASES: 8\nnow at 1000000000000 nsecs\n\ncpu: 0\n" \
			"  .idle_jiffies   : 1\njiffies: 4295142296\njiffies: 4295142296\n"
/* seen 40 s ago; 10.0.0.5 three times: 40, 100 and 8000 s ago */
#define LIST	"src=10.0.0.50 ttl: 64 last_seen: 4295142295 oldest_pkt: 1 4295142295\n" \
		"src=10.0.0.5 ttl: 64 last_seen: 4295132296 oldest_pkt: 3 4293142296, 4295117296, 4295132296\n" \
		"src=fd00:0000:0000:0000:0000:0000:0000:0005 ttl: 64 last_seen: 4295132296 oldest_pkt: 1 4295132296\n"
#define MASK4	{ .ip = 0xffffffff }
#define MASK6	{ .all = { ~0u, ~0u, ~0u, ~0u } }

static void open_lists(const char *list, const char *timers)
{
	struct io *io;

	bench_reset(NFPROTO_IPV4);
	io = canned_new(bench.arena);
	if (list)
		canned_file(io, "/proc/net/xt_recent/L", list);
	if (timers)
		canned_file(io, "/proc/timer_list", timers);
	io_close(bench.io);
	bench.io = canned_replay(bench.arena, io);
	bench.nft = nft_open(bench.io, bench.arena, &bench.ask, &bench.gaps);
}

static enum step_kind put(uint8_t rev, const struct xt_recent_mtinfo_v1 *info)
{
	struct step s;

	bench.e.nft = bench.nft;
	bench.e.io = bench.io;
	xt_match_step(bench.arena, "recent", rev, bench.run.pf, info, rev ? sizeof(*info) : sizeof(struct xt_recent_mtinfo), &s);
	return s.ops->run(&bench.e, &s);
}

struct row {
	const char *what;
	struct xt_recent_mtinfo_v1 info;
	enum step_kind want;
};

static const struct row rows[] = {
	{ "in the list", { 0, 0, XT_RECENT_CHECK, 0, "L", XT_RECENT_SOURCE, MASK4 }, STEP_NEXT },
	{ "inverted", { 0, 0, XT_RECENT_CHECK, 1, "L", XT_RECENT_SOURCE, MASK4 }, STEP_BREAK },
	{ "affinity of three hours", { 10800, 0, XT_RECENT_CHECK | XT_RECENT_REAP, 0, "L", XT_RECENT_SOURCE, MASK4 }, STEP_NEXT },
	{ "last seen too long ago", { 39, 0, XT_RECENT_CHECK, 0, "L", XT_RECENT_SOURCE, MASK4 }, STEP_BREAK },
	{ "just recent enough", { 40, 0, XT_RECENT_CHECK, 0, "L", XT_RECENT_SOURCE, MASK4 }, STEP_NEXT },
	{ "twice in two minutes", { 120, 2, XT_RECENT_UPDATE, 0, "L", XT_RECENT_SOURCE, MASK4 }, STEP_NEXT },
	{ "not three times in two minutes", { 120, 3, XT_RECENT_UPDATE, 0, "L", XT_RECENT_SOURCE, MASK4 }, STEP_BREAK },
	{ "three times at all", { 0, 3, XT_RECENT_CHECK, 0, "L", XT_RECENT_SOURCE, MASK4 }, STEP_NEXT },
	{ "never four times", { 9000, 4, XT_RECENT_CHECK, 0, "L", XT_RECENT_SOURCE, MASK4 }, STEP_BREAK },
	{ "the destination is not there", { 0, 0, XT_RECENT_CHECK, 0, "L", XT_RECENT_DEST, MASK4 }, STEP_BREAK },
	{ "set matches", { 0, 0, XT_RECENT_SET, 0, "L", XT_RECENT_DEST, MASK4 }, STEP_NEXT },
	{ "set, inverted", { 0, 0, XT_RECENT_SET, 1, "L", XT_RECENT_DEST, MASK4 }, STEP_BREAK },
	{ "remove matches what is there", { 0, 0, XT_RECENT_REMOVE, 0, "L", XT_RECENT_SOURCE, MASK4 }, STEP_NEXT },
	{ "remove of what is not", { 0, 0, XT_RECENT_REMOVE, 0, "L", XT_RECENT_DEST, MASK4 }, STEP_BREAK },
	{ "the mask decides", { 0, 0, XT_RECENT_CHECK, 0, "L", XT_RECENT_SOURCE, { .ip = 0x00ffffff } }, STEP_BREAK },
	{ "the same time to live", { 0, 0, XT_RECENT_CHECK | XT_RECENT_TTL, 0, "L", XT_RECENT_SOURCE, MASK4 }, STEP_NEXT },
	{ "a list that cannot be read", { 0, 0, XT_RECENT_CHECK, 0, "M", XT_RECENT_SOURCE, MASK4 }, STEP_UNKNOWN },
	{ "a name that leaves the directory", { 0, 0, XT_RECENT_CHECK, 0, "../x", XT_RECENT_SOURCE, MASK4 }, STEP_UNKNOWN },
};

static void test_rows(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		open_lists(LIST, TIMER_LIST);
		if (put(1, &rows[i].info) != rows[i].want)
			fail_msg("%s", rows[i].what);
	}
}

/* An entry that decides is an existing connection's choice; no entry is not. */
static void test_existing(void **state UNUSED)
{
	const struct xt_recent_mtinfo_v1 info = { 10800, 0, XT_RECENT_CHECK, 0, "L", XT_RECENT_SOURCE, MASK4 };

	open_lists(LIST, TIMER_LIST);
	assert_int_equal(put(1, &info), STEP_NEXT);
	assert_int_equal(choices_kind(bench.run.choices), SHARE_EXISTING);
	assert_string_equal(bench.e.says, "the source is in recent list L, seen 40 s ago");
	open_lists("", TIMER_LIST);
	assert_int_equal(put(1, &info), STEP_BREAK);
	assert_int_equal(choices_kind(bench.run.choices), SHARE_CERTAIN);
}

/* Ages are not known without the clock; an entry without --seconds needs none. */
static void test_no_clock(void **state UNUSED)
{
	const struct xt_recent_mtinfo_v1 aged = { 10800, 0, XT_RECENT_CHECK, 0, "L", XT_RECENT_SOURCE, MASK4 };
	const struct xt_recent_mtinfo_v1 ageless = { 0, 0, XT_RECENT_CHECK, 0, "L", XT_RECENT_SOURCE, MASK4 };
	const char *const clocks[] = { NULL, "", "now at 5 nsecs\njiffies: 77\n", "now at x\njiffies: y\n" };

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		open_lists(LIST, clocks[i]);
		assert_int_equal(put(1, &aged), STEP_UNKNOWN);
		assert_int_equal(put(1, &ageless), STEP_NEXT);
	}
}

/* A rule sees what an earlier rule of the same chain did. */
static void test_within_a_chain(void **state UNUSED)
{
	const struct xt_recent_mtinfo_v1 set = { 0, 0, XT_RECENT_SET, 0, "L", XT_RECENT_SOURCE, MASK4 };
	const struct xt_recent_mtinfo_v1 removed = { 0, 0, XT_RECENT_REMOVE, 0, "L", XT_RECENT_SOURCE, MASK4 };
	const struct xt_recent_mtinfo_v1 three = { 120, 3, XT_RECENT_UPDATE, 0, "L", XT_RECENT_SOURCE, MASK4 };
	const struct xt_recent_mtinfo_v1 check = { 60, 0, XT_RECENT_CHECK, 0, "L", XT_RECENT_SOURCE, MASK4 };

	open_lists(LIST, TIMER_LIST);
	assert_int_equal(put(1, &set), STEP_NEXT);
	assert_int_equal(put(1, &three), STEP_NEXT);
	assert_int_equal(put(1, &removed), STEP_NEXT);
	assert_int_equal(put(1, &check), STEP_BREAK);
	open_lists("", NULL);
	assert_int_equal(put(1, &set), STEP_NEXT);
	assert_int_equal(put(1, &check), STEP_NEXT);
}

static void test_ipv6_and_revision_0(void **state UNUSED)
{
	const struct xt_recent_mtinfo_v1 info = { 60, 0, XT_RECENT_CHECK, 0, "L", XT_RECENT_SOURCE, MASK6 };

	open_lists(LIST, TIMER_LIST);
	bench_reset(NFPROTO_IPV6);
	assert_int_equal(put(1, &info), STEP_NEXT);
	bench_reset(NFPROTO_IPV4);
	assert_int_equal(put(0, &info), STEP_NEXT);
}

static void test_hostile_lists(void **state UNUSED)
{
	const struct xt_recent_mtinfo_v1 info = { 60, 0, XT_RECENT_CHECK, 0, "L", XT_RECENT_SOURCE, MASK4 };
	const struct { const char *list; enum step_kind want; } c[] = {
		{ "src=10.0.0.5", STEP_UNKNOWN }, { "src=10.0.0.5 ttl: 64\n", STEP_UNKNOWN },
		{ "src=10.0.0.5 ttl: 64 last_seen: x oldest_pkt: 1 5\n", STEP_UNKNOWN },
		{ "src=10.0.0.5 ttl: 64 last_seen: 5 oldest_pkt: 1\nsrc=10.0.0.6 ttl: 64 last_seen: 5 oldest_pkt: 1 7", STEP_UNKNOWN },
		{ "src=\n\nsrc= x\nnonsense", STEP_BREAK }, { "", STEP_BREAK },
		{ "src=10.0.0.5 ttl: 64 last_seen: 4295132296 oldest_pkt: 1 4295132296", STEP_NEXT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		open_lists(c[i].list, TIMER_LIST);
		if (put(1, &info) != c[i].want)
			fail_msg("list %zu", i);
	}
}

static void test_words(void **state UNUSED)
{
	const struct xt_recent_mtinfo_v1 info = { 10800, 2, XT_RECENT_CHECK | XT_RECENT_REAP | XT_RECENT_TTL, 1,
						  "KUBE-SEP-X", XT_RECENT_SOURCE, MASK4 };
	struct step s;

	bench_reset(NFPROTO_IPV4);
	xt_match_step(bench.arena, "recent", 1, NFPROTO_IPV4, &info, sizeof(info), &s);
	assert_string_equal(bench_say(&s), "-m recent ! --rcheck --seconds 10800 --reap --hitcount 2 --rttl "
			    "--name KUBE-SEP-X --mask 255.255.255.255 --rsource");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), cmocka_unit_test(test_existing), cmocka_unit_test(test_no_clock),
		cmocka_unit_test(test_within_a_chain), cmocka_unit_test(test_ipv6_and_revision_0),
		cmocka_unit_test(test_hostile_lists), cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, bench_close);
}
