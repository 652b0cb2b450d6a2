/* SPDX-License-Identifier: GPL-2.0-only */
/* The program: which command runs, and what it exits with. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "tracer/cmd.h"

static const struct {
	enum command command;
	enum status (*run)(const struct options *o);
} commands[] = {
	{ COMMAND_PREDICT, cmd_predict },
	{ COMMAND_SNAPSHOT, cmd_snapshot },
	{ COMMAND_WATCH, cmd_watch },
	{ COMMAND_DROPS, cmd_drops },
};

static enum status run(int argc, char **argv)
{
	struct err err = { "" };
	struct options o;
	int rc = options_parse(argc, argv, &o, &err);

	if (rc)
		return cmd_fail(&err, rc);
	if (o.help) {
		options_help(stdout);
		return STATUS_REACHES;
	}
	if (o.version) {
		printf("ktrace %s\n", VERSION);
		return STATUS_REACHES;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].command == o.command)
			return commands[i].run(&o);
	return STATUS_CALL;
}

int main(int argc, char **argv)
{
	enum status status;

	/* for the terminal's character set alone: numbers stay as they are in C */
	setlocale(LC_CTYPE, "");
	status = run(argc, argv);
	if (fflush(stdout) || ferror(stdout)) {
		perror("ktrace: writing the answer");
		status = STATUS_UNKNOWN;
	}
	exit(status);
}
