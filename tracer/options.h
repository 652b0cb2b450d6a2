/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line: options are rows of one table, which parses them and prints --help. */
#ifndef KTRACE_OPTIONS_H
#define KTRACE_OPTIONS_H

#include <stdio.h>

#include "tracer/base/err.h"

/* Commands as bits, for the options that belong to them. */
enum command { COMMAND_PREDICT = 1, COMMAND_SNAPSHOT = 2, COMMAND_WATCH = 4, COMMAND_DROPS = 8 };

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
	enum command command;
	const char *to, *from, *namespace, *in;
	const char *objects, *kubeconfig;
	const char *file;		/* snapshot -o FILE */
	const char *write;		/* --write FILE */
	uint32_t sport, mark, uid, tos;
	uint32_t duration, count;	/* seconds; things told; 0: no end */
	bool has_uid;			/* --uid was given */
	unsigned json;			/* -o json */
	unsigned color;			/* enum color */
	bool all, send, exact, lines, help, version;
};

/* argv[0] is the program. -EINVAL with a sentence that says what would work. */
int options_parse(int argc, char *const *argv, struct options *out, struct err *err);
/* The --help of the program. */
void options_help(FILE *f);

#endif
