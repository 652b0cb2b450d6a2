/* SPDX-License-Identifier: GPL-2.0-only */
/* One sentence, written where the failure happens. */
#include <stdarg.h>
#include <stdio.h>

#include "tracer/base/err.h"

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return code;
}
