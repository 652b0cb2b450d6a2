/* SPDX-License-Identifier: GPL-2.0-only */
/* Answers held against files under tests/golden, run from the repository's root; UPDATE=1 writes them anew. */
#ifndef KTRACE_TESTS_GOLDEN_H
#define KTRACE_TESTS_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void golden_check(const char *name, const char *got, size_t len)
{
	char path[256], *want;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "tests/golden/%s", name);
	if (getenv("UPDATE")) {
		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(got, 1, len, f), len);
		fclose(f);
		return;
	}
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s is not there: run from the repository's root", path);
	want = malloc(len + 65536);
	n = fread(want, 1, len + 65536, f);
	fclose(f);
	if (n != len || memcmp(want, got, len)) {
		print_error("%s differs; now it is:\n%.*s\n", path, (int)len, got);
		fail();
	}
	free(want);
}

#endif
