/* SPDX-License-Identifier: GPL-2.0-only */
/* ktrace snapshot: all that a prediction may ask of this node, in one file. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tracer/cmd.h"
#include "tracer/prediction.h"
#include "tracer/word.h"

#define TRIES 5

/* Everything once. What predictions ask besides the state's own list is asked here too, so that it is recorded. */
static int read_node(struct state *s, struct arena *a, struct err *err)
{
	const struct if_addr *addrs;
	const char *ipvs;
	struct proxy proxy;
	long count, max;
	size_t n;
	int rc;

	rc = proxy_detect(s, a, &proxy, err);
	if (rc)
		return rc;
	state_node_name(s);
	state_kernel(s);
	state_addrs(s, 0, &addrs, &n);
	state_ct_fill(s, 0, &count, &max);
	io_file(state_io(s), 0, IPVS_TABLE, &ipvs, NULL);
	return state_read_all(s, err);
}

/* Until the ruleset stood still meanwhile. */
static int read_stable(struct state *s, struct arena *a, struct gaps *gaps, struct err *err)
{
	int rc;

	for (int try = 0; try < TRIES; try++) {
		gaps->n = 0;
		rc = read_node(s, a, err) ?: nft_settled(state_nft(s));
		if (rc != -EINTR && rc != -EAGAIN)
			return rc;
		state_forget(s);
	}
	return err_set(err, -EAGAIN, "the ruleset kept changing while it was read; try again when kube-proxy is idle");
}

static int snapshot(struct arena *a, const char *path, struct io **io, struct gaps *gaps, struct err *err)
{
	struct state *s;
	int rc;

	rc = cmd_may_read(err);
	if (!rc)
		rc = io_open_live(a, IO_RECORD, io, err);
	if (!rc)
		rc = state_open(*io, a, gaps, &s, err);
	if (!rc)
		rc = read_stable(s, a, gaps, err);
	if (!rc)
		rc = io_save(*io, path, err);
	return rc;
}

enum status cmd_snapshot(const struct options *o)
{
	struct arena *a = arena_new();
	struct gaps gaps = { .arena = a };
	enum status status = STATUS_REACHES;
	struct err err = { "" };
	struct io *io = NULL;
	struct stat st;
	int rc;

	rc = snapshot(a, o->file, &io, &gaps, &err);
	if (rc)
		status = cmd_fail(&err, rc);
	else
		printf("%s: %lld bytes, %zu network namespace%s; replay it with `ktrace --in %s --to TARGET`\n", o->file,
		       stat(o->file, &st) ? 0LL : (long long)st.st_size, io_netns_count(io),
		       io_netns_count(io) == 1 ? "" : "s", o->file);
	for (size_t i = 0; !rc && i < gaps.n; i++)
		fprintf(stderr, "ktrace: not in the snapshot: %s\n", word_clean(a, gaps.v[i]));
	io_close(io);
	arena_free(a);
	return status;
}
