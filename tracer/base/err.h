/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A failure: the call cannot go on. The function where it happens writes one sentence for the
 * user, once, and returns -errno; callers pass the code on and only commands print.
 */
#ifndef KTRACE_BASE_ERR_H
#define KTRACE_BASE_ERR_H

#include "util.h"

struct err {
	char text[512];
};

/* Writes the sentence (err may be NULL: nobody wants it) and returns code, a negative errno. */
int err_set(struct err *err, int code, const char *fmt, ...) PRINTF(3, 4);

#endif
