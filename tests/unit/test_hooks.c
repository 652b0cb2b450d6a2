/* SPDX-License-Identifier: GPL-2.0-only */
/* Hook rows from recorded bytes: whole ones, and those that nobody should trust. */
#include "bpf/hooks.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/netfilter.h>

/* As bpf/hooks.c records a row. */
struct head {
	uint32_t ifindex;
	int32_t priority;
	uint8_t kind, pf, hook, in_nat, family, pad;
	uint16_t len[3];
};

enum { OTHER, NFT, LEGACY };

struct bytes {
	uint8_t b[512];
	size_t n;
	int rc;
};

static void add(struct bytes *to, struct head h, const char *function, const char *table, const char *chain)
{
	const char *s[3] = { function, table, chain };
	int i;

	for (i = 0; i < 3; i++)
		h.len[i] = strlen(s[i]);
	memcpy(to->b + to->n, &h, sizeof(h));
	to->n += sizeof(h);
	for (i = 0; i < 3; i++) {
		memcpy(to->b + to->n, s[i], strlen(s[i]));
		to->n += strlen(s[i]);
	}
}

static int produce(void *ctx, uint32_t netns, struct io_out *out)
{
	const struct bytes *b = ctx;

	(void)netns;
	io_put(out, b->b, b->n);
	return b->rc;
}

/* What is read when a snapshot holds these bytes as the answer. */
static int replay(struct arena *a, struct bytes *b, const struct hook_row **row, size_t *n, struct err *err)
{
	char path[] = "/tmp/test_hooks.XXXXXX";
	const uint8_t *data;
	struct io *io;
	size_t len;
	int fd, rc;

	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(io_open_live(a, IO_RECORD, &io, err), 0);
	assert_int_equal(io_read(io, IO_HOOKS, 0, "hooks", 5, produce, b, false, &data, &len), b->rc);
	assert_int_equal(io_save(io, path, err), 0);
	io_close(io);
	assert_int_equal(io_open_replay(a, path, &io, err), 0);
	rc = bpf_hooks_read(io, a, 0, row, n, err);
	io_close(io);
	unlink(path);
	return rc;
}

static struct bytes two_rows(void)
{
	struct bytes b = { .n = 0 };

	add(&b, (struct head){ .priority = -100, .kind = NFT, .pf = NFPROTO_IPV4, .hook = 3, .in_nat = 1, .family = NFPROTO_INET },
	    "nft_nat_do_chain", "t", "out");
	add(&b, (struct head){ .ifindex = 7, .kind = LEGACY, .pf = NFPROTO_IPV6, .hook = 2 }, "ip6t_do_table", "filter", "");
	return b;
}

static void whole_rows(void **state)
{
	struct arena *a = arena_new();
	struct bytes b = two_rows();
	const struct hook_row *row;
	struct err err;
	size_t n = 9;

	(void)state;
	assert_int_equal(replay(a, &b, &row, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(row[0].kind, HOOK_ROW_NFT);
	assert_int_equal(row[0].priority, -100);
	assert_true(row[0].in_nat);
	assert_int_equal(row[0].family, NFPROTO_INET);
	assert_string_equal(row[0].table, "t");
	assert_string_equal(row[0].chain, "out");
	assert_string_equal(row[0].function, "nft_nat_do_chain");
	assert_int_equal(row[1].kind, HOOK_ROW_LEGACY);
	assert_int_equal(row[1].ifindex, 7);
	assert_string_equal(row[1].table, "filter");
	assert_null(row[1].chain);
	arena_free(a);
}

/* Cut anywhere but between rows, it is refused with a sentence. */
static void torn_rows(void **state)
{
	struct bytes whole = two_rows(), first = { .n = 0 };
	size_t len;

	(void)state;
	add(&first, (struct head){ .kind = NFT }, "nft_nat_do_chain", "t", "out");
	for (len = 1; len < whole.n; len++) {
		struct arena *a = arena_new();
		struct bytes b = whole;
		const struct hook_row *row = NULL;
		struct err err = { "" };
		size_t n = 0;

		b.n = len;
		assert_int_equal(replay(a, &b, &row, &n, &err), len == first.n ? 0 : -EINVAL);
		if (len != first.n) {
			assert_string_not_equal(err.text, "");
			assert_null(row);
		}
		arena_free(a);
	}
}

static void hostile_rows(void **state)
{
	static const struct { size_t at; uint8_t value; } harm[] = {
		{ offsetof(struct head, kind), 3 }, { offsetof(struct head, kind), 255 },
		{ offsetof(struct head, len) + 1, 0xff }, { offsetof(struct head, len) + 5, 0xff },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(harm); i++) {
		struct arena *a = arena_new();
		struct bytes b = two_rows();
		const struct hook_row *row;
		struct err err;
		size_t n;

		b.b[harm[i].at] = harm[i].value;
		assert_int_equal(replay(a, &b, &row, &n, &err), -EINVAL);
		arena_free(a);
	}
}

/* An nft row without a chain, a legacy row without a table: nothing to order by. */
static void nameless_rows(void **state)
{
	struct arena *a = arena_new();
	struct bytes b = { .n = 0 };
	const struct hook_row *row;
	struct err err;
	size_t n;

	(void)state;
	add(&b, (struct head){ .kind = NFT }, "f", "t", "");
	assert_int_equal(replay(a, &b, &row, &n, &err), -EINVAL);
	b.n = 0;
	add(&b, (struct head){ .kind = LEGACY }, "f", "", "");
	assert_int_equal(replay(a, &b, &row, &n, &err), -EINVAL);
	b.n = 0;
	add(&b, (struct head){ .kind = OTHER }, "", "", "");
	assert_int_equal(replay(a, &b, &row, &n, &err), 0);
	assert_null(row[0].function);
	arena_free(a);
}

/* A refusal is recorded, and says the same when it is replayed. */
static void refusals(void **state)
{
	static const struct { int rc, want; const char *word; } t[] = {
		{ -EPERM, -EPERM, "CAP_BPF" }, { -ENOENT, -ENOTSUP, "BTF" }, { -E2BIG, -ENOTSUP, "more than" },
		{ -EACCES, -ENOTSUP, "5.17" }, { -EOPNOTSUPP, -ENOTSUP, "5.17" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct arena *a = arena_new();
		struct bytes b = { .rc = t[i].rc };
		const struct hook_row *row;
		struct err err = { "" };
		size_t n;

		assert_int_equal(replay(a, &b, &row, &n, &err), t[i].want);
		assert_non_null(strstr(err.text, t[i].word));
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_rows), cmocka_unit_test(torn_rows), cmocka_unit_test(hostile_rows),
		cmocka_unit_test(nameless_rows), cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
