// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many predictions in one process, for the oracle: a line of standard input is the words of one `ktrace` call, the answer is what
 * that would print, a NUL, its exit status and a newline. The line "." says that the ruleset is another now: the order of
 * hooks is asked only once per ruleset, since the BPF program that reads it takes longer than everything else. Ways to one end are not
 * put together: each has its own rules, and the kernel takes one of them; where they are too many they are, and "folded" stands behind the
 * exit status. "vague" stands there where an end is not known.
 *
 * A line that begins with "mid=FLAGS,LEN,PRIORITY,SRC[,IFACE,SMAC,DMAC]" asks about a TCP packet in the midst of a connection, as `watch`
 * does: it is taken up where it first meets the node, at OUTPUT or as a frame on IFACE.
 */
#include <netinet/in.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/hooks.h"
#include "tracer/cmd.h"
#include "tracer/walk.h"
#include "tracer/walk_fold.h"

#define MAX_WORDS	64
#define MAX_APART	64

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

/* Does it take what nobody could tell to know where the packet goes? And were ways that differ put together? Of the line under way. */
static bool vague, folded;

static void find_vague(const struct trace *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vague |= t[i].share_kind == SHARE_UNKNOWN || t[i].end.kind == END_UNKNOWN;
}

/* Keeps ways to one end apart that differ in a random fork, or in an unknown one as well. */
static void keep_apart(struct arena *a, struct way *way, size_t n, bool unknown)
{
	const struct choice_step **tape = NULL;
	size_t n_tape = 0, cap = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t random = 1;

		n_tape = way[i].turned;
		for (size_t k = 0; k < way[i].depth - way[i].turned; k++)
			*VEC_PUSH(a, tape, n_tape, cap) = &way[i].step[k];
		for (size_t k = 0; k < n_tape; k++)
			if (unknown || !tape[k]->unknown)
				random = random * 31 + tape[k]->taken + 1;
		way[i].end_hash ^= random * 0x9e3779b97f4a7c15u;
	}
}

void __wrap_ways_fold(struct arena *a, struct way *way, size_t n, const char *cut, const struct trace **out, size_t *n_out)
{
	struct way *copy = arena_dup(a, way, n * sizeof(*way));

	keep_apart(a, copy, n, false);
	__real_ways_fold(a, copy, n, cut, out, n_out);
	find_vague(*out, *n_out);
	folded = n > MAX_APART;
	if (folded)
		return;
	keep_apart(a, way, n, true);
	__real_ways_fold(a, way, n, cut, out, n_out);
}

/* The packet that the line under way asks about. */
static struct {
	bool on;
	unsigned flags, len, priority;
	struct addr src;
	char iface[16];
	struct mac smac, dmac;
} mid;

int __wrap_walk(struct state *s, struct arena *a, const struct walk_options *o, const struct tuple *target,
		const struct trace **out, size_t *n, struct err *err);
int __real_walk(struct state *s, struct arena *a, const struct walk_options *o, const struct tuple *target,
		const struct trace **out, size_t *n, struct err *err);

int __wrap_walk(struct state *s, struct arena *a, const struct walk_options *o, const struct tuple *target,
		const struct trace **out, size_t *n, struct err *err)
{
	struct walk_at at = {
		.pf = target->dst.family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6, .hook = NF_INET_LOCAL_OUT, .all = o->all,
		.p = { .src = mid.src, .dst = target->dst, .sport = o->sport, .dport = target->dport, .proto = target->proto,
		       .tcp_flags = mid.flags, .ttl = 64, .tos = o->tos, .len = mid.len, .mark = o->mark, .priority = mid.priority,
		       .local = true, .sk_known = true, .uid = o->uid, .gid = o->uid },
	};
	const struct link *l = mid.iface[0] ? state_link_named(s, 0, mid.iface) : NULL;
	const struct walk_way *way;
	const char *cut;
	struct trace *t;
	int rc;

	if (!mid.on)
		return __real_walk(s, a, o, target, out, n, err);
	if (l) {
		at.pf = NFPROTO_NETDEV;
		at.hook = NF_NETDEV_INGRESS;
		at.p.iif = l->ifindex;
		at.p.smac = mid.smac;
		at.p.dmac = mid.dmac;
		at.p.local = at.p.sk_known = false;
		at.p.mark = at.p.priority = 0;
	}
	rc = walk_resume(s, a, &at, &way, n, &cut, err);
	if (rc)
		return rc;
	t = arena_alloc(a, *n * sizeof(*t));
	for (size_t i = 0; i < *n; i++)
		t[i] = way[i].t;
	*out = t;
	folded = cut || *n > MAX_APART;
	if (folded) {
		t->end = (struct verdict){ END_UNKNOWN, CAUSE_UNREADABLE, "too many ways to tell them apart" };
		*n = 1;
	}
	for (size_t i = 0; i < *n; i++)
		vague |= t[i].end.kind == END_UNKNOWN || t[i].end.kind != t[0].end.kind;
	return 0;
}

static bool mac_parse(const char *text, struct mac *m)
{
	uint8_t *b = m->b;

	m->known = text && sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", b, b + 1, b + 2, b + 3, b + 4, b + 5) == 6;
	return m->known;
}

/* The rest of the line, NULL: it makes no sense. */
static char *read_mid(char *line)
{
	char src[64] = "", smac[32] = "", dmac[32] = "";
	int used = 0, got;

	memset(&mid, 0, sizeof(mid));
	if (strncmp(line, "mid=", 4))
		return line;
	got = sscanf(line, "mid=%u,%u,%u,%63[^ ,]%n,%15[^ ,],%31[^ ,],%31[^ ,]%n", &mid.flags, &mid.len, &mid.priority, src, &used,
		     mid.iface, smac, dmac, &used);
	mid.on = (got == 4 || (got == 7 && mac_parse(smac, &mid.smac) && mac_parse(dmac, &mid.dmac))) && addr_parse(src, &mid.src);
	return mid.on ? line + used : NULL;
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

	line = read_mid(line);
	if (!line) {
		err_set(&err, -EINVAL, "mid= is not what it should be");
		return cmd_fail(&err, -EINVAL);
	}
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
		vague = folded = false;
		printf("%c%d", 0, ask(line));
		printf("%s%s\n", vague ? " vague" : "", folded ? " folded" : "");
		fflush(stdout);
	}
	forget();
	return 0;
}
