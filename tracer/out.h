/* SPDX-License-Identifier: GPL-2.0-only */
/* Printers: the same structs as text for people and JSON for scripts. They decide nothing. */
#ifndef KTRACE_OUT_H
#define KTRACE_OUT_H

#include <stdio.h>

#include "tracer/prediction.h"

struct out_options {
	bool all;			/* every rule evaluated */
	bool color;
	unsigned width;			/* of the terminal, 0: do not wrap */
};

void out_text(FILE *f, struct arena *a, const struct prediction *p, const struct out_options *o);
/* interface.md's "ktrace/1" object and a newline. 0 or -ENOMEM. */
int out_json(FILE *f, struct arena *a, const struct prediction *p, const struct out_options *o);

#endif
