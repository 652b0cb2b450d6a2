/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet's own way through the kernel, predicted: from the first packet of a connection to the answer that
 * must come back, every branch of it.
 */
#ifndef KTRACE_WALK_H
#define KTRACE_WALK_H

#include "tracer/state.h"
#include "tracer/target.h"

struct walk_options {
	const struct source *source;
	uint16_t sport;			/* 0: an ephemeral one, 40000 */
	uint32_t mark, uid;
	uint8_t tos;
	bool all;			/* keep every rule evaluated */
};

/*
 * All paths from the source to one address and port, shares adding up to 1, unknown forks that
 * make no difference folded. 0, or -errno with a sentence when it could not start (no such
 * interface, no IPv6 here).
 */
int walk(struct state *s, struct arena *a, const struct walk_options *o, const struct tuple *target,
	 const struct trace **out, size_t *n, struct err *err);
/* The source's packet before its first hop: address and interface that it leaves or arrives by, for the header. */
int walk_source_addr(struct state *s, const struct walk_options *o, const struct tuple *target,
		     struct addr *src, int *ifindex, struct err *err);

#endif
