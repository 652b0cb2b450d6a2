/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line, by two tables: commands and options. A command that this build lacks is a row too, with the sentence that says so. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/options.h"
#include "tracer/word.h"

enum option_kind { OPTION_STRING, OPTION_NUMBER, OPTION_CHOICE, OPTION_FLAG };

struct option_row {
	const char *name;		/* without dashes */
	char letter;			/* 0: none */
	const char *arg;		/* NULL: takes none */
	enum option_kind kind;
	unsigned commands;
	size_t at;			/* where in struct options */
	uint32_t min, max;
	size_t seen_at;			/* of a bool to set when given, 0: none */
	const char *choices;		/* "text|json", in the order of their values */
	const char *help;
};

#define AT(member)	offsetof(struct options, member)
#define LIVE		(COMMAND_WATCH | COMMAND_DROPS)
#define TARGETED	(COMMAND_PREDICT | LIVE)
#define EVERY		(TARGETED | COMMAND_SNAPSHOT)

static const struct option_row option_rows[] = {
	{ "to", 0, "TARGET", OPTION_STRING, TARGETED, AT(to),
	  .help = "where the packet is sent: see below" },
	{ "from", 0, "SOURCE", OPTION_STRING, COMMAND_PREDICT | COMMAND_WATCH, AT(from),
	  .help = "who sends it: node (default), pod/NAME, IP[%IFACE], netns/NAME, pid/N" },
	{ "namespace", 'n', "NS", OPTION_STRING, TARGETED, AT(namespace),
	  .help = "Kubernetes namespace of a bare name (default: the kubeconfig context's, else default)" },
	{ "sport", 0, "PORT", OPTION_NUMBER, COMMAND_PREDICT, AT(sport), 1, 65535,
	  .help = "source port (default: 40000, an ephemeral one)" },
	{ "mark", 0, "N", OPTION_NUMBER, COMMAND_PREDICT, AT(mark), 0, UINT32_MAX,
	  .help = "packet mark that the sender sets (default: 0)" },
	{ "uid", 0, "N", OPTION_NUMBER, COMMAND_PREDICT, AT(uid), 0, UINT32_MAX - 1, AT(has_uid),
	  .help = "user id of the sending process (default: 0)" },
	{ "tos", 0, "N", OPTION_NUMBER, COMMAND_PREDICT, AT(tos), 0, 255,
	  .help = "type of service byte (default: 0)" },
	{ "in", 0, "FILE", OPTION_STRING, COMMAND_PREDICT, AT(in),
	  .help = "read the node's state from a snapshot instead of this kernel; no root needed" },
	{ "objects", 0, "FILE", OPTION_STRING, TARGETED, AT(objects),
	  .help = "Kubernetes objects, as kubectl get -o json or yaml prints them: names, Pods" },
	{ "kubeconfig", 0, "FILE", OPTION_STRING, TARGETED, AT(kubeconfig),
	  .help = "ask the API server for the same; without, it is asked only for what no rule tells" },
	{ "output", 'o', "text|json", OPTION_CHOICE, TARGETED, AT(json), .choices = "text|json",
	  .help = "how to print it (default: text)" },
	{ "output", 'o', "FILE", OPTION_STRING, COMMAND_SNAPSHOT, AT(file),
	  .help = "snapshot: the file to write" },
	{ "all", 0, NULL, OPTION_FLAG, COMMAND_PREDICT | COMMAND_WATCH, AT(all),
	  .help = "every hop and every rule evaluated, not only those that decided or rewrote" },
	{ "send", 0, NULL, OPTION_FLAG, COMMAND_PREDICT, AT(send),
	  .help = "then send one real probe from SOURCE, and hold its way against the predicted one" },
	{ NULL, '1', NULL, OPTION_FLAG, COMMAND_WATCH, AT(lines),
	  .help = "watch: one line a connection" },
	{ "exact", 0, NULL, OPTION_FLAG, COMMAND_WATCH, AT(exact),
	  .help = "watch: the rules as nf_tables' own trace tells them, by a table that goes with ktrace" },
	{ "duration", 0, "SECONDS", OPTION_NUMBER, LIVE, AT(duration), 1, 31536000,
	  .help = "watch, drops: end after so many seconds (default: at Ctrl-C)" },
	{ "count", 0, "N", OPTION_NUMBER, LIVE, AT(count), 1, UINT32_MAX,
	  .help = "watch, drops: end when so many were told" },
	{ "write", 0, "FILE", OPTION_STRING, TARGETED, AT(write),
	  .help = "--send, watch, drops: the packets seen, as pcapng, with place and verdict as comments" },
	{ "color", 0, "auto|always|never", OPTION_CHOICE, TARGETED, AT(color),
	  .choices = "auto|always|never", .help = "auto: on a terminal, and NO_COLOR is honoured" },
	{ "help", 'h', NULL, OPTION_FLAG, EVERY, AT(help), .help = "print this and exit" },
	{ "version", 0, NULL, OPTION_FLAG, EVERY, AT(version), .help = "print the version and exit" },
};

static const struct command_row {
	const char *name;
	unsigned command;		/* 0: absent */
	const char *help;		/* absent: the sentence */
} command_rows[] = {
	{ "snapshot", COMMAND_SNAPSHOT, "" },
	{ "watch", COMMAND_WATCH, "" },
	{ "drops", COMMAND_DROPS, "" },
	{ "doctor", 0, "doctor is not in this build; --to TARGET checks the path to one target" },
};

static const char synopsis[] =
	"usage: ktrace --to TARGET [--from SOURCE] [options]\n"
	"       ktrace watch --to TARGET [--from SOURCE] [options]\n"
	"       ktrace drops [--to TARGET] [options]\n"
	"       ktrace snapshot -o FILE\n"
	"\n"
	"Predicts every way a packet can go through this node, and says where each ends and why.\n"
	"watch follows real connections to the target through the kernel, drops tells every packet that\n"
	"this node drops; both name the rule, until Ctrl-C. snapshot records all that a prediction\n"
	"reads, to replay it anywhere with --in.\n"
	"\n";

static const char targets[] =
	"\n"
	"TARGET is one of these, each with an optional /tcp, /udp or /sctp:\n"
	"  svc/NAME[:PORT]       a service; PORT is its number or name, left out every port is traced\n"
	"  svc/NS/NAME[:PORT]    the same in another namespace\n"
	"  nodeport/PORT         a NodePort at this node's addresses\n"
	"  pod/NAME[:PORT]       a Pod; pod/NS/NAME[:PORT] in another namespace; pod/NAME/icmp\n"
	"  IP:PORT, [IP6]:PORT   any address\n"
	"  IP/icmp, [IP6]/icmp   an echo request\n"
	"\n"
	"Exit status: 0 every path arrives; 1 at least one does not; 2 the call is wrong or the target\n"
	"does not exist; 3 cannot tell, what is unknown is named; 4 this kernel or these privileges\n"
	"cannot do it.\n";

static const char *option_name(const struct option_row *r)
{
	return r->name ? r->name : "";
}

/* "--to", "-1" */
static const char *option_word(const struct option_row *r, char buf[WORD_SHORT])
{
	if (r->name)
		snprintf(buf, WORD_SHORT, "--%s", r->name);
	else
		snprintf(buf, WORD_SHORT, "-%c", r->letter);
	return buf;
}

void options_help(FILE *f)
{
	fputs(synopsis, f);
	for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++) {
		const struct option_row *r = &option_rows[i];
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s %s%s%s%s", r->letter ? '-' : ' ', r->letter ? r->letter : ' ',
			 r->letter && r->name ? "," : " ", r->name ? "--" : "", option_name(r), r->arg ? " " : "",
			 r->arg ? r->arg : "");
		fprintf(f, "  %-30s%s\n", left, r->help);
	}
	fputs(targets, f);
}

/* Of several rows with one name, the one for this command; else the first, so that the error can say whose it is. */
static const struct option_row *find_row(const char *name, size_t len, char letter, unsigned command)
{
	const struct option_row *other = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++) {
		const struct option_row *r = &option_rows[i];

		if (letter ? r->letter != letter : !r->name || strlen(r->name) != len || strncmp(r->name, name, len))
			continue;
		if (r->commands & command)
			return r;
		other = r;
	}
	return other;
}

static int unknown_option(const char *name, size_t len, struct err *err)
{
	const char *best = NULL;
	unsigned best_distance = 3;
	char word[64], shown[WORD_SHORT];

	snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : sizeof(word) - 1), name);
	for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++) {
		unsigned d = word_distance(word, option_name(&option_rows[i]));

		if (option_rows[i].name && d < best_distance)
			best = option_rows[i].name, best_distance = d;
	}
	word_short(word, shown);
	if (best)
		return err_set(err, -EINVAL, "there is no option --%s; did you mean --%s?", shown, best);
	return err_set(err, -EINVAL, "there is no option --%s; `ktrace --help` lists them", shown);
}

static int parse_number(const struct option_row *r, const char *value, uint32_t *out, struct err *err)
{
	char shown[WORD_SHORT];
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 0);
	if (value[0] < '0' || value[0] > '9' || *end || errno || n < r->min || n > r->max)
		return err_set(err, -EINVAL, "--%s takes a number from %u to %u, not '%s'", r->name, r->min, r->max,
			       word_short(value, shown));
	*out = n;
	return 0;
}

static int parse_choice(const struct option_row *r, const char *value, unsigned *out, struct err *err)
{
	const char *c = r->choices;
	char shown[WORD_SHORT];

	for (unsigned n = 0; c; n++) {
		size_t len = strcspn(c, "|");

		if (strlen(value) == len && !strncmp(c, value, len)) {
			*out = n;
			return 0;
		}
		c = c[len] ? c + len + 1 : NULL;
	}
	return err_set(err, -EINVAL, "--%s takes one of %s, not '%s'", r->name, r->choices, word_short(value, shown));
}

/* "" for a prediction, which has no word of its own. */
static const char *command_name(const struct options *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(command_rows); i++)
		if (command_rows[i].command == o->command)
			return command_rows[i].name;
	return "";
}

static int apply(const struct option_row *r, const char *value, struct options *o, struct err *err)
{
	void *at = (char *)o + r->at;
	char word[WORD_SHORT];

	if (!(r->commands & o->command))
		return err_set(err, -EINVAL, "%s does not belong to `ktrace%s%s`; `ktrace --help` lists the options",
			       option_word(r, word), *command_name(o) ? " " : "", command_name(o));
	if (r->arg && !value)
		return err_set(err, -EINVAL, "--%s needs %s after it", r->name, r->arg);
	if (r->arg && !*value)
		return err_set(err, -EINVAL, "--%s is empty; it takes %s", r->name, r->arg);
	if (r->seen_at)
		*(bool *)((char *)o + r->seen_at) = true;
	switch (r->kind) {
	case OPTION_STRING:
		*(const char **)at = value;
		return 0;
	case OPTION_NUMBER:
		return parse_number(r, value, at, err);
	case OPTION_CHOICE:
		return parse_choice(r, value, at, err);
	default:
		*(bool *)at = true;
		return 0;
	}
}

/* One option at argv[*i], its value in the same word or in the next. */
static int parse_option(int argc, char *const *argv, int *i, struct options *o, struct err *err)
{
	const char *word = argv[*i], *value = NULL;
	const struct option_row *r;
	char shown[WORD_SHORT];

	if (word[1] == '-') {
		size_t len = strcspn(word + 2, "=");

		r = find_row(word + 2, len, 0, o->command);
		if (!r)
			return unknown_option(word + 2, len, err);
		if (word[2 + len] == '=')
			value = word + 2 + len + 1;
	} else {
		r = find_row(NULL, 0, word[1], o->command);
		if (!r)
			return err_set(err, -EINVAL, "there is no option %s; `ktrace --help` lists them",
				       word_short(word, shown));
		if (word[2])
			value = word + 2 + (word[2] == '=');
	}
	if (value && !r->arg)
		return err_set(err, -EINVAL, "%s takes no value", option_word(r, shown));
	if (!value && r->arg && *i + 1 < argc)
		value = argv[++*i];
	return apply(r, value, o, err);
}

static int parse_command(const char *word, struct options *o, struct err *err)
{
	char shown[WORD_SHORT];

	for (size_t i = 0; i < ARRAY_SIZE(command_rows); i++) {
		if (strcmp(word, command_rows[i].name))
			continue;
		if (!command_rows[i].command)
			return err_set(err, -EINVAL, "%s", command_rows[i].help);
		o->command = command_rows[i].command;
		return 0;
	}
	if (strpbrk(word, "/:"))
		return err_set(err, -EINVAL, "a target comes after --to: `ktrace --to %s`", word_short(word, shown));
	return err_set(err, -EINVAL, "there is no command '%s'; `ktrace --to TARGET` predicts, `ktrace snapshot -o FILE` records",
		       word_short(word, shown));
}

int options_parse(int argc, char *const *argv, struct options *out, struct err *err)
{
	struct options o = { .command = COMMAND_PREDICT };
	int rc, i = 1;

	if (argc > 1 && argv[1][0] != '-') {
		rc = parse_command(argv[1], &o, err);
		if (rc)
			return rc;
		i = 2;
	}
	for (; i < argc; i++) {
		char shown[WORD_SHORT];

		if (argv[i][0] == '-' && argv[i][1] && strcmp(argv[i], "--"))
			rc = parse_option(argc, argv, &i, &o, err);
		else
			rc = err_set(err, -EINVAL, "'%s' is one word too many; `ktrace --help` shows how it is called",
				     word_short(argv[i], shown));
		if (rc)
			return rc;
	}
	if (!o.help && !o.version && o.command == COMMAND_PREDICT && !o.to)
		return err_set(err, -EINVAL, "--to TARGET is missing, as in `ktrace --to svc/my-service`; `ktrace --help` tells more");
	if (!o.help && !o.version && o.command == COMMAND_WATCH && !o.to)
		return err_set(err, -EINVAL, "watch needs to know whose connections: `ktrace watch --to svc/my-service`");
	if (o.command == COMMAND_PREDICT && o.write && !o.send)
		return err_set(err, -EINVAL, "--write keeps the packets that --send, watch or drops see; to keep a prediction, use -o json");
	if (o.send && o.in)
		return err_set(err, -EINVAL, "--send sends from this node, and --in is a snapshot of one; leave one of them out");
	if (!o.help && !o.version && o.command == COMMAND_SNAPSHOT && !o.file)
		return err_set(err, -EINVAL, "snapshot needs the file to write: `ktrace snapshot -o FILE`");
	*out = o;
	return 0;
}
