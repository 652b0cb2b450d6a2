// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many predictions in one process, for the oracle: a line of standard input is the words of one `ktrace` call, the answer is what
 * that would print, a NUL, its exit status and a newline. The line "." says that the ruleset is another now: the order of
 * hooks is asked only once per ruleset, since the BPF program that reads it takes longer than everything else. Random ways to one
 * end are not put together: each has its own rules, and the kernel takes one of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/hooks.h"
#include "tracer/cmd.h"
#include "tracer/walk_fold.h"

#define MAX_WORDS	64

/* The linker turns the tracer's calls of bpf_hooks_read() to the first, and the second is the true one. */
int __wrap_bpf_hooks_read(struct io *io, struct arena *a, uint32_t netns, const struct hook_row **out, size_t *n,
			  struct err *err);
int __real_bpf_hooks_read(struct io *io, struct arena *a, uint32_t netns, const struct hook_row **out, size_t *n,
			  struct err *err);

/* The order of hooks of the node's own namespace, which is number 0 in each prediction. */
static struct {
	struct arena *arena;
	const struct hook_row *row;
	size_t n;
} kept;

int __wrap_bpf_hooks_read(struct io *io, struct arena *a, uint32_t netns, const struct hook_row **out, size_t *n,
			  struct err *err)
{
	int rc;

	if (netns)
		return __real_bpf_hooks_read(io, a, netns, out, n, err);
	if (!kept.arena) {
		kept.arena = arena_new();
		rc = __real_bpf_hooks_read(io, kept.arena, netns, &kept.row, &kept.n, err);
		if (rc) {
			arena_free(kept.arena);
			kept.arena = NULL;
			return rc;
		}
	}
	*out = kept.row;
	*n = kept.n;
	return 0;
}

void __wrap_ways_fold(struct arena *a, struct way *way, size_t n, const char *cut, const struct trace **out, size_t *n_out);
void __real_ways_fold(struct arena *a, struct way *way, size_t n, const char *cut, const struct trace **out, size_t *n_out);

void __wrap_ways_fold(struct arena *a, struct way *way, size_t n, const char *cut, const struct trace **out, size_t *n_out)
{
	const struct choice_step **tape = NULL;
	size_t n_tape = 0, cap = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t random = 1;

		n_tape = way[i].turned;
		for (size_t k = 0; k < way[i].depth - way[i].turned; k++)
			*VEC_PUSH(a, tape, n_tape, cap) = &way[i].step[k];
		for (size_t k = 0; k < n_tape; k++)
			if (!tape[k]->unknown)
				random = random * 31 + tape[k]->taken + 1;
		way[i].end_hash ^= random * 0x9e3779b97f4a7c15u;
	}
	__real_ways_fold(a, way, n, cut, out, n_out);
}

static void forget(void)
{
	if (kept.arena)
		arena_free(kept.arena);
	kept.arena = NULL;
}

static enum status ask(char *line)
{
	char name[] = "ktrace", *argv[MAX_WORDS + 1] = { name };
	struct err err = { "" };
	struct options o;
	int argc = 1, rc;

	for (char *save, *word = strtok_r(line, " \n", &save); word && argc < MAX_WORDS; word = strtok_r(NULL, " \n", &save))
		argv[argc++] = word;
	rc = options_parse(argc, argv, &o, &err);
	return rc ? cmd_fail(&err, rc) : cmd_predict(&o);
}

int main(void)
{
	char line[4096];

	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, ".\n")) {
			forget();
			continue;
		}
		printf("%c%d\n", 0, ask(line));
		fflush(stdout);
	}
	forget();
	return 0;
}
