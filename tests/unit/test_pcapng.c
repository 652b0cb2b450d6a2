/* SPDX-License-Identifier: GPL-2.0-only */
/* The pcapng file, block by block. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tracer/base/util.h"
#include "tracer/out_pcapng.h"

static const uint8_t syn[] = {
	0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 96, 0, 1,
	0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0,
};

static void write_two(const char *path)
{
	struct pcapng_packet packet = { .time = 1700000000123456789ull, .interface = "eth0", .bytes = syn, .n = sizeof(syn),
					.len = 1500, .comment = "enters prerouting" };
	struct err err = { "" };
	struct pcapng *p;

	assert_int_equal(pcapng_open(path, "Linux 6.12 on worker-1", &p, &err), 0);
	assert_int_equal(pcapng_write(p, &packet, &err), 0);
	packet.interface = "veth1";
	packet.n = 39;			/* padded */
	packet.comment = NULL;
	assert_int_equal(pcapng_write(p, &packet, &err), 0);
	packet.interface = "eth0";	/* known already */
	assert_int_equal(pcapng_write(p, &packet, &err), 0);
	pcapng_close(p);
}

static void test_blocks(void **state UNUSED)
{
	static const uint32_t types[] = { 0x0a0d0d0a, 1, 6, 1, 6, 6 };
	char path[] = "/tmp/ktrace-pcapng-XXXXXX";
	uint8_t buf[4096];
	size_t n, at = 0, count = 0;
	FILE *f;

	close(mkstemp(path));
	write_two(path);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	unlink(path);
	while (at < n) {
		uint32_t head[2], again;

		assert_true(n - at >= 12);
		memcpy(head, buf + at, sizeof(head));
		assert_true(count < ARRAY_SIZE(types));
		assert_int_equal(head[0], types[count++]);
		assert_int_equal(head[1] % 4, 0);
		assert_true(head[1] >= 12 && head[1] <= n - at);
		memcpy(&again, buf + at + head[1] - 4, sizeof(again));
		assert_int_equal(again, head[1]);
		at += head[1];
	}
	assert_int_equal(count, ARRAY_SIZE(types));
}

static void test_refused(void **state UNUSED)
{
	struct err err = { "" };
	struct pcapng *p = NULL;

	assert_int_equal(pcapng_open("/nonexistent/x.pcapng", "Linux", &p, &err), -ENOENT);
	assert_string_equal(err.text, "/nonexistent/x.pcapng cannot be written: No such file or directory");
	assert_int_equal(pcapng_open("/dev/full", "Linux", &p, &err), -ENOSPC);
	assert_null(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_blocks), cmocka_unit_test(test_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
