/* SPDX-License-Identifier: GPL-2.0-only */
/* The ground floor: addresses, tuples, the packet as bytes, the tape of choices, snapshot files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tracer/base/choice.h"
#include "tracer/base/io.h"
#include "tracer/base/nl.h"

static struct addr addr(const char *s)
{
	struct addr a;

	assert_true(addr_parse(s, &a));
	return a;
}

static void test_addr(void **state)
{
	struct addr a = addr("10.96.1.255"), net = addr("10.96.0.0"), v6 = addr("fd00::1");
	char buf[ADDR_TEXT];
	struct addr none = {};

	(void)state;
	assert_string_equal(addr_say(&a, buf), "10.96.1.255");
	assert_string_equal(addr_say(&v6, buf), "fd00::1");
	assert_string_equal(addr_say(&none, buf), "-");
	assert_true(addr_in(&a, &net, 23));
	assert_false(addr_in(&a, &net, 24));
	assert_true(addr_in(&a, &net, 0));
	assert_false(addr_in(&v6, &net, 0));
	assert_false(addr_parse("10.96.0", &a));
	assert_false(addr_parse("10.96.0.1/8", &a));
	a = addr("127.1.2.3");
	assert_true(addr_is_loopback(&a));
	a = addr("ff02::1");
	assert_true(addr_is_multicast(&a));
}

static void test_tuple(void **state)
{
	struct arena *a = arena_new();
	struct tuple t = { addr("10.0.0.1"), addr("10.0.0.2"), 40000, 80, IPPROTO_TCP };
	struct tuple ping = { addr("fd00::1"), addr("fd00::2"), 7, 128 << 8, IPPROTO_ICMPV6 };
	struct tuple back = tuple_invert(&t), twice = tuple_invert(&back);

	(void)state;
	assert_string_equal(tuple_say(a, &back), "10.0.0.2:80 > 10.0.0.1:40000/tcp");
	assert_true(tuple_eq(&t, &twice));
	back = tuple_invert(&ping);
	assert_int_equal(back.dport >> 8, 129);
	assert_int_equal(back.sport, 7);
	assert_string_equal(tuple_say(a, &ping), "fd00::1 > fd00::2/icmpv6 type 128");
	arena_free(a);
}

static void test_image(void **state)
{
	struct packet p = { .src = addr("10.0.0.1"), .dst = addr("10.96.0.1"), .sport = 40000, .dport = 443,
			    .proto = IPPROTO_TCP, .tcp_flags = 2, .ttl = 63, .len = 60 };
	struct image im;

	(void)state;
	packet_image(&p, &im);
	assert_int_equal(im.nh_len, 20);
	assert_memory_equal(im.nh + 16, "\x0a\x60\x00\x01", 4);
	assert_int_equal(im.nh[8], 63);
	assert_int_equal(im.nh_known[4], 0);		/* the id is the sender's choice */
	assert_int_equal(im.nh_known[10], 0);		/* so is the checksum */
	assert_memory_equal(im.th, "\x9c\x40\x01\xbb", 4);
	assert_int_equal(im.th_known[4], 0);		/* the sequence number */
	assert_int_equal(im.th[13], 2);
	p.sport_unknown = true;
	packet_image(&p, &im);
	assert_int_equal(im.th_known[0], 0);
	assert_int_equal(im.th_known[2], 0xff);
}

/* Three ways with weights, one of them impossible, and under the first an unknown fork. */
static void test_choices(void **state)
{
	struct arena *a = arena_new();
	struct choices *c = choices_new(a, 100);
	static const double weight[] = { 1, 0, 3 };
	double sum = 0;
	unsigned n = 0, seen = 0;

	(void)state;
	do {
		unsigned way;

		choices_rewind(c);
		way = choice_random(c, 3, weight);
		seen |= 1 << way;
		if (way == 0)
			choice_unknown(c, 2, "why");
		assert_int_equal(choice_random(c, 1, NULL), 0);
		assert_int_equal(choices_kind(c), way == 0 ? SHARE_UNKNOWN : SHARE_RANDOM);
		sum += choices_share(c);
		n++;
	} while (choices_next(c));
	assert_int_equal(n, 3);
	assert_int_equal(seen, 5);
	assert_true(sum > 0.999999 && sum < 1.000001);
	assert_false(choices_cut(c));
	assert_false(choices_torn(c));
	arena_free(a);
}

static void test_choices_limits(void **state)
{
	struct arena *a = arena_new();
	struct choices *c = choices_new(a, 5);
	unsigned n = 0;

	(void)state;
	do {
		choices_rewind(c);
		for (int i = 0; i < 10; i++)
			choice_unknown(c, 2, "x");
		n++;
	} while (choices_next(c));
	assert_int_equal(n, 5);
	assert_true(choices_cut(c));

	c = choices_new(a, 5);
	choices_rewind(c);
	choice_random(c, 2, NULL);
	assert_true(choices_next(c));
	choices_rewind(c);		/* the second walk meets no fork: the state changed */
	assert_false(choices_next(c));
	assert_true(choices_torn(c));
	arena_free(a);
}

/* A list of 1,000 entries of which 10, 500 (a fork) and the end matter: the second walk looks at few. */
static void test_choice_skip(void **state)
{
	struct arena *a = arena_new();
	struct choices *c = choices_new(a, 10);
	unsigned looked[3] = {}, walk = 0;

	(void)state;
	do {
		choices_rewind(c);
		for (size_t i = 0; (i = choice_skip(c, i)) < 1000; i++) {
			looked[walk]++;
			if (i == 10)
				choice_log(c, i);
			if (i == 500) {
				choice_random(c, 2, NULL);
				choice_log(c, i);
			}
			if (i == 700) {
				choice_random(c, 2, NULL);
				choice_log(c, i);
			}
		}
		choice_log(c, 1000);
	} while (choices_next(c) && ++walk < 3);
	assert_int_equal(looked[0], 1000);
	assert_true(looked[1] < 600);		/* 10, 500, then 501.. */
	assert_true(looked[2] < 1000);
	arena_free(a);
}

struct answer_bytes {
	const char *text;
	int rc;
};

static int produce(void *ctx, uint32_t netns, struct io_out *out)
{
	struct answer_bytes *b = ctx;

	(void)netns;
	io_put(out, b->text, strlen(b->text));
	return b->rc;
}

static char *scratch_file(void)
{
	static char path[] = "/tmp/ktrace-test-XXXXXX";
	int fd;

	strcpy(path, "/tmp/ktrace-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return path;
}

static void record(const char *path)
{
	struct arena *a = arena_new();
	struct answer_bytes yes = { "hello", 0 }, no = { "", -ENOENT };
	struct err err = {};
	const uint8_t *data;
	struct io *io;
	size_t len;

	assert_int_equal(io_open_live(a, IO_RECORD, &io, &err), 0);
	assert_int_equal(io_read(io, IO_META, 0, "a", 1, produce, &yes, false, &data, &len), 0);
	assert_memory_equal(data, "hello", 5);
	assert_int_equal(io_read(io, IO_META, 0, "b", 1, produce, &no, false, &data, &len), -ENOENT);
	assert_int_equal(io_save(io, path, &err), 0);
	io_close(io);
	arena_free(a);
}

static void test_snapshot(void **state)
{
	const char *path = scratch_file();
	struct arena *a = arena_new();
	struct err err = {};
	const uint8_t *data;
	struct io *io;
	size_t len;

	(void)state;
	record(path);
	assert_int_equal(io_open_replay(a, path, &io, &err), 0);
	assert_int_equal(io_mode(io), IO_REPLAY);
	assert_int_equal(io_read(io, IO_META, 0, "a", 1, NULL, NULL, false, &data, &len), 0);
	assert_int_equal(len, 5);
	assert_memory_equal(data, "hello", 5);
	assert_int_equal(io_read(io, IO_META, 0, "b", 1, NULL, NULL, false, &data, &len), -ENOENT);
	assert_int_equal(io_read(io, IO_META, 0, "c", 1, NULL, NULL, false, &data, &len), -ENODATA);
	assert_int_equal(io_read(io, IO_META, 1, "a", 1, NULL, NULL, false, &data, &len), -ENODATA);
	io_close(io);
	arena_free(a);
	unlink(path);
}

/* Torn at every length, and with any single byte changed: one sentence, never a crash. */
static void test_snapshot_torn(void **state)
{
	char *path = scratch_file(), whole[4096];
	struct err err;
	ssize_t n;
	int fd;

	(void)state;
	record(path);
	fd = open(path, O_RDONLY);
	n = read(fd, whole, sizeof(whole));
	close(fd);
	assert_true(n > 60 && n < (ssize_t)sizeof(whole));
	for (ssize_t cut = 0; cut < 2 * n; cut++) {
		struct arena *a = arena_new();
		char copy[4096];
		struct io *io;

		memcpy(copy, whole, n);
		if (cut >= n)
			copy[cut - n] ^= 0x41;
		fd = open(path, O_WRONLY | O_TRUNC);
		assert_int_equal(write(fd, copy, cut < n ? cut : n), cut < n ? cut : n);
		close(fd);
		err.text[0] = 0;
		assert_true(io_open_replay(a, path, &io, &err) < 0);
		assert_true(err.text[0]);
		arena_free(a);
	}
	unlink(path);
}

static void test_arena(void **state)
{
	struct arena *a = arena_new();
	struct text t = { .arena = a };
	char *big = arena_alloc(a, 1000000), *small = arena_alloc(a, 3);
	int *v = NULL;
	size_t n = 0, cap = 0;

	(void)state;
	memset(big, 1, 1000000);
	assert_int_equal(small[0] | small[1] | small[2], 0);
	for (int i = 0; i < 1000; i++)
		*VEC_PUSH(a, v, n, cap) = i;
	assert_int_equal(v[999], 999);
	for (int i = 0; i < 1000; i++)
		text_add(&t, "%d,", i);
	assert_int_equal(strlen(text_get(&t)), 3890);
	arena_free(a);
}

/* Attributes that lie about their length end the parse; none is read past the message. */
static void test_attrs(void **state)
{
	uint8_t buf[64] = {};
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	const struct nlattr *tb[4];

	(void)state;
	mnl_attr_put_u32(h, 1, 7);
	mnl_attr_put_u16(h, 2, 8);
	nl_attrs(h, 0, tb, 3);
	assert_int_equal(nl_u32(tb[1], 0), 7);
	assert_int_equal(nl_u32(tb[2], 99), 99);	/* of another size */
	assert_int_equal(nl_u16(tb[2], 0), 8);
	assert_null(tb[3]);
	((struct nlattr *)(buf + NLMSG_HDRLEN))->nla_len = 500;
	nl_attrs(h, 0, tb, 3);
	assert_null(tb[1]);
	assert_null(tb[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addr), cmocka_unit_test(test_tuple), cmocka_unit_test(test_image),
		cmocka_unit_test(test_choices), cmocka_unit_test(test_choices_limits),
		cmocka_unit_test(test_choice_skip), cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_snapshot_torn), cmocka_unit_test(test_arena), cmocka_unit_test(test_attrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
