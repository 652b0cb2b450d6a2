/* SPDX-License-Identifier: GPL-2.0-only */
/* Queues to user space: who reads them decides, as /proc/net/netfilter/nfnetlink_queue tells. */
#include "xt_bench.h"
#include "xt_replay.h"

#include "nft/queue.h"

#include <linux/netfilter/xt_NFQUEUE.h>

/* number, netlink port, waiting, copy mode, bytes, two kinds of drops, last id, 1 */
#define Q5	"    5   4711     0 2 65531     0     0       17  1\n"
#define Q7	"    7   4712     0 2 65531     0     0        0  1\n"
#define DEAF6	"    6   4713     0 0     0     0     0        0  1\n"
#define NONE	"none"		/* the kernel has no such file: nothing that reads queues is loaded */
#define HIDDEN	"hidden"	/* no file of netfilter is there: a /proc mounted with subset=pid */

struct row {
	const char *what, *file;	/* file NULL: not read */
	unsigned first, total;
	bool bypass, nat;
	enum step_kind want;
	const char *says;
};

static const struct row rows[] = {
	{ "read by a program", DEAF6 Q5 Q7, 5, 1, false, false, STEP_QUEUE, "queues it to the program that reads queue 5 (netlink port 4711)" },
	{ "read by a program, bypass", Q5, 5, 1, true, false, STEP_QUEUE, "queues it to the program that reads queue 5 (netlink port 4711)" },
	{ "nobody reads it", Q7, 5, 1, false, false, STEP_DROP, "drops it: no program reads queue 5" },
	{ "nobody reads any", "", 5, 0, false, false, STEP_DROP, "drops it: no program reads queue 5" },
	{ "no such thing loaded", NONE, 0, 1, false, false, STEP_DROP, "drops it: no program reads queue 0" },
	{ "nobody, bypass", Q7, 5, 1, true, false, STEP_ACCEPT, "lets it go on, since no program reads queue 5" },
	{ "no such thing loaded, bypass", NONE, 5, 3, true, false, STEP_ACCEPT, "lets it go on, since no program reads queues 5 to 7" },
	{ "the program takes nothing", DEAF6, 6, 1, true, false, STEP_DROP, "drops it: no program takes packets from queue 6" },
	{ "a range, some read", Q5 DEAF6, 5, 3, false, false, STEP_QUEUE, "queues it to the programs that read queues 5 to 7 (2 of 3 have one)" },
	{ "a range, the read takes nothing", DEAF6, 5, 3, false, false, STEP_DROP, "drops it: no program takes packets from queues 5 to 7" },
	{ "a range, the read takes nothing, bypass", DEAF6, 5, 3, true, false, STEP_QUEUE, "queues it to the programs that read queues 5 to 7 (1 of 3 has one)" },
	{ "a range, none read", Q5 Q7, 8, 2, false, false, STEP_DROP, "drops it: no program reads queues 8 to 9" },
	{ "any queue, some read", Q5, 0, QUEUES, false, false, STEP_QUEUE, "queues it to user space, and which queue is not known" },
	{ "any queue, none read", "", 0, QUEUES, true, false, STEP_ACCEPT, "lets it go on, since no program reads any queue" },
	{ "not read", NULL, 5, 1, true, false, STEP_QUEUE, "queues it to user space (queue 5; whether a program reads there could not be read)" },
	{ "no file of netfilter", HIDDEN, 5, 1, false, false, STEP_QUEUE, "queues it to user space (queue 5; whether a program reads there could not be read)" },
	{ "a line that is none", "5 what\n" Q7, 5, 1, false, false, STEP_DROP, "drops it: no program reads queue 5" },
	{ "NAT, nobody", "", 5, 1, false, true, STEP_DROP, "drops it: no program reads queue 5" },
	{ "NAT, bypass", "", 5, 1, true, true, STEP_UNTOLD, NULL },
	{ "NAT, a program", Q5, 5, 1, false, true, STEP_UNTOLD, NULL },
};

static void open_queues(const char *file)
{
	static const char path[] = "/proc/net/netfilter/nfnetlink_queue", always[] = "/proc/net/netfilter/nf_log";
	struct io *io;

	bench_reset(NFPROTO_IPV4);
	io = canned_new(bench.arena);
	if (file && (!strcmp(file, NONE) || !strcmp(file, HIDDEN)))
		canned_put(io, IO_FILE, path, strlen(path), NULL, 0, -ENOENT);
	else if (file)
		canned_file(io, path, file);
	if (file && !strcmp(file, HIDDEN))
		canned_put(io, IO_FILE, always, strlen(always), NULL, 0, -ENOENT);
	else
		canned_file(io, always, " 0 NONE (nfnetlink_log)\n");
	io_close(bench.io);
	bench.io = canned_replay(bench.arena, io);
	bench.nft = nft_open(bench.io, bench.arena, &bench.ask, &bench.gaps);
	bench.e.nft = bench.nft;
	bench.e.io = bench.io;
}

static void verdicts(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		struct nft_base base = { .type = r->nat ? NFT_BASE_NAT : NFT_BASE_FILTER };
		enum step_kind got;

		open_queues(r->file);
		bench.e.base = &base;
		got = queue_verdict(&bench.e, r->first, r->total, r->bypass);
		if (got != r->want)
			fail_msg("%s: kind %d, want %d", r->what, got, r->want);
		if (r->says)
			assert_string_equal(bench.e.says, r->says);
		else
			assert_non_null(bench.e.unknown);
	}
}

struct blob {
	uint8_t rev;
	const void *info;
	size_t size;
	const char *words, *says;
};
#define BLOB(rev, words, says, type, ...) { rev, &(const type){ __VA_ARGS__ }, sizeof(type), words, says }

static const struct blob blobs[] = {
	BLOB(0, "-j NFQUEUE --queue-num 5", "drops it: no program reads queue 5", struct xt_NFQ_info, 5),
	BLOB(1, "-j NFQUEUE --queue-balance 5:7", "drops it: no program reads queues 5 to 7", struct xt_NFQ_info_v1, 5, 3),
	BLOB(2, "-j NFQUEUE --queue-num 5 --queue-bypass", "lets it go on, since no program reads queue 5", struct xt_NFQ_info_v2, 5, 1, 1),
	BLOB(3, "-j NFQUEUE --queue-balance 5:7 --queue-cpu-fanout", "drops it: no program reads queues 5 to 7", struct xt_NFQ_info_v3, 5, 3, NFQ_FLAG_CPU_FANOUT),
};

/* The target's revisions hand their numbers on. */
static void targets(void **state UNUSED)
{
	struct nft_base base = { .type = NFT_BASE_FILTER };

	for (size_t i = 0; i < ARRAY_SIZE(blobs); i++) {
		struct step s = { 0 };

		open_queues("");
		bench.e.base = &base;
		xt_target_step(bench.arena, "NFQUEUE", blobs[i].rev, NFPROTO_IPV4, blobs[i].info, blobs[i].size, &s);
		s.ops->run(&bench.e, &s);
		assert_string_equal(bench_say(&s), blobs[i].words);
		assert_string_equal(bench.e.says, blobs[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(verdicts), cmocka_unit_test(targets) };

	return cmocka_run_group_tests(tests, NULL, bench_close);
}
