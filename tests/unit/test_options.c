/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line: a table of calls, and what each is taken for or refused with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/options.h"

/* The words of one call, split at blanks. */
static int parse(const char *line, char *copy, size_t size, struct options *o, struct err *err)
{
	char program[] = "ktrace", *argv[32] = { program }, *save, *word;
	int argc = 1;

	snprintf(copy, size, "%s", line);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	return options_parse(argc, argv, o, err);
}

static void taken(void **state)
{
	struct options o;
	struct err err;
	char buf[256];

	(void)state;
	assert_int_equal(parse("--to svc/web", buf, sizeof(buf), &o, &err), 0);
	assert_int_equal(o.command, COMMAND_PREDICT);
	assert_string_equal(o.to, "svc/web");
	assert_null(o.from);
	assert_false(o.json || o.all || o.has_uid || o.color || o.sport || o.mark);
	assert_int_equal(parse("--to=svc/web --from=node -n prod -ojson --all --color never --sport 1024 --mark 0x4000 --uid 0 --tos 16 --in f",
			       buf, sizeof(buf), &o, &err), 0);
	assert_string_equal(o.namespace, "prod");
	assert_string_equal(o.in, "f");
	assert_true(o.json && o.all && o.has_uid && o.color == COLOR_NEVER);
	assert_int_equal(o.sport, 1024);
	assert_int_equal(o.mark, 0x4000);
	assert_int_equal(o.tos, 16);
	assert_int_equal(parse("--to svc/web --objects o.yaml --kubeconfig=k.conf", buf, sizeof(buf), &o, &err), 0);
	assert_string_equal(o.objects, "o.yaml");
	assert_string_equal(o.kubeconfig, "k.conf");
	assert_int_equal(parse("--to svc/web -o text -nprod", buf, sizeof(buf), &o, &err), 0);
	assert_false(o.json);
	assert_string_equal(o.namespace, "prod");
	assert_int_equal(parse("snapshot -o node.snap", buf, sizeof(buf), &o, &err), 0);
	assert_int_equal(o.command, COMMAND_SNAPSHOT);
	assert_string_equal(o.file, "node.snap");
	assert_int_equal(parse("--help", buf, sizeof(buf), &o, &err), 0);
	assert_true(o.help);
	assert_int_equal(parse("-h", buf, sizeof(buf), &o, &err), 0);
	assert_int_equal(parse("snapshot --version", buf, sizeof(buf), &o, &err), 0);
	assert_true(o.version);
}

static void refused(void **state)
{
	static const struct { const char *line, *says; } rows[] = {
		{ "", "--to TARGET is missing" },
		{ "--from node", "--to TARGET is missing" },
		{ "--to", "needs TARGET" },
		{ "--to=", "is empty" },
		{ "--too svc/web", "did you mean --to" },
		{ "--nonsense", "no option --nonsense" },
		{ "-x", "no option -x" },
		{ "svc/web", "ktrace --to svc/web" },
		{ "frobnicate", "no command 'frobnicate'" },
		{ "--to svc/web again", "one word too many" },
		{ "--to svc/web --", "one word too many" },
		{ "--to svc/web --sport 0", "from 1 to 65535" },
		{ "--to svc/web --sport 65536", "from 1 to 65535" },
		{ "--to svc/web --sport -1", "from 1 to 65535" },
		{ "--to svc/web --sport 80x", "from 1 to 65535" },
		{ "--to svc/web --mark 4294967296", "from 0 to 4294967295" },
		{ "--to svc/web --tos 256", "from 0 to 255" },
		{ "--to svc/web -o yaml", "text|json" },
		{ "--to svc/web --color blue", "auto|always|never" },
		{ "--to svc/web --all=yes", "takes no value" },
		{ "snapshot", "needs the file" },
		{ "snapshot -o f --to svc/web", "does not belong to `ktrace snapshot`" },
		{ "doctor", "not in this build" },
		{ "watch", "watch needs to know whose connections" },
		{ "watch --to svc/web --send", "does not belong to `ktrace watch`" },
		{ "watch --to svc/web --in f", "does not belong to `ktrace watch`" },
		{ "watch --to svc/web -1=yes", "-1 takes no value" },
		{ "drops --from node", "does not belong to `ktrace drops`" },
		{ "drops --duration 0", "from 1 to" },
		{ "drops -1", "-1 does not belong to `ktrace drops`" },
		{ "--to svc/web --duration 3", "does not belong to `ktrace`" },
		{ "--to svc/web --=x", "no option --" },
		{ "--to svc/web --send --in f", "leave one of them out" },
		{ "--to svc/web --write f.pcapng", "--write keeps the packets" },
		{ "--to svc/web --objects=", "is empty" },
		{ "--to svc/web --kubeconfig", "needs FILE" },
		{ "snapshot -o f --objects g", "does not belong to `ktrace snapshot`" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct options o = { .tos = 77 };
		struct err err = { "" };
		char buf[256];

		if (parse(rows[i].line, buf, sizeof(buf), &o, &err) != -22)
			fail_msg("'%s' was taken", rows[i].line);
		if (!strstr(err.text, rows[i].says))
			fail_msg("'%s': %s", rows[i].line, err.text);
		assert_int_equal(o.tos, 77);
	}
}

/* What is not built is not advertised; what is built is. */
static void help(void **state)
{
	static const char *const there[] = { "--to TARGET", "--from SOURCE", "--in FILE", "--objects FILE", "--kubeconfig FILE", "pod/NAME", "--color", "snapshot -o FILE",
		"--send", "--write FILE", "watch --to TARGET", "drops [--to TARGET]", "-1", "--duration SECONDS", "--exact" };
	static const char *const absent[] = { "doctor" };
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	options_help(f);
	fclose(f);
	for (size_t i = 0; i < ARRAY_SIZE(there); i++)
		assert_non_null(strstr(text, there[i]));
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		assert_null(strstr(text, absent[i]));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(refused),
		cmocka_unit_test(help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
