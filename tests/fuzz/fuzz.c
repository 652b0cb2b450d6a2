// SPDX-License-Identifier: GPL-2.0-only
/* The targets, and libFuzzer's way in: ktrace-fuzz --target=NAME [libFuzzer's options] CORPUS… */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tracer/base/err.h"

static const struct fuzz targets[] = {
	{ "nft", run_node, C_NFT, DO_RULES },
	{ "rule", run_rule, .messages = true },
	{ "row", run_row },
	{ "legacy", run_node, C_LEGACY | C_FILE, DO_RULES },
	{ "ipset", run_node, C_IPSET, DO_RULES },
	{ "conntrack", run_node, C_CONNTRACK, DO_FLOWS },
	{ "route", run_node, C_ROUTE, DO_STATE },
	{ "link", run_node, C_LINK | C_FILE, DO_STATE },
	{ "socket", run_node, C_SOCKET | C_FILE, DO_STATE },
	{ "hooks", run_node, C_HOOKS, DO_RULES },
	{ "ipvs", run_node, C_IPVS | C_FILE, DO_IPVS },
	{ "node", run_node, C_ALL, DO_NODE },
	{ "snapshot", run_node, C_ALL, 0, .raw = true },
	{ "target", run_target },
	{ "objects", run_objects },
	{ "yaml", run_yaml },
	{ "kubeconfig", run_kubeconfig },
	{ "http", run_http },
	{ "live", run_live },
};

static const struct fuzz *target;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out,
				 size_t max, unsigned seed);

static void list(FILE *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		fprintf(f, "%s\n", targets[i].name);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char option[] = "--target=", trim[] = "--trim=";

	for (int i = 1; i < *argc; i++) {
		if (!strcmp((*argv)[i], "--list")) {
			list(stdout);
			exit(0);
		}
		if (!strncmp((*argv)[i], trim, strlen(trim)))
			trim_into((*argv)[i] + strlen(trim));
		for (size_t k = 0; k < ARRAY_SIZE(targets) && !strncmp((*argv)[i], option, strlen(option)); k++)
			if (!strcmp((*argv)[i] + strlen(option), targets[k].name))
				target = &targets[k];
	}
	if (!target) {
		fprintf(stderr, "--target= takes one of:\n");
		list(stderr);
		exit(2);
	}
	unsetenv("KUBECONFIG");
	setlocale(LC_CTYPE, "C.UTF-8");
	/* what is printed is made, not read */
	stdout = fopen("/dev/null", "w");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	target->run(target, data, len);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed)
{
	if (target->classes)
		return mutate_node(target, data, len, max, seed);
	return target->messages ? mutate_messages(data, len, max, seed) : LLVMFuzzerMutate(data, len, max);
}

/* libFuzzer's own crossover is not to be had where a custom one is linked in. */
static size_t cross_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out, size_t max,
			  unsigned seed)
{
	size_t head = a_len ? seed % a_len : 0, from = b_len ? (seed >> 8) % b_len : 0, n;

	if (head > max)
		head = max;
	memcpy(out, a, head);
	n = b_len - from < max - head ? b_len - from : max - head;
	memcpy(out + head, b + from, n);
	return head + n;
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out, size_t max,
				 unsigned seed)
{
	return target->classes ? cross_node(target, a, a_len, b, b_len, out, max, seed) :
				 cross_bytes(a, a_len, b, b_len, out, max, seed);
}

void check_err(const struct err *err)
{
	if (!memchr(err->text, 0, sizeof(err->text)) || !err->text[0])
		abort();
}
