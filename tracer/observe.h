/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --send: one real probe for each address and port predicted, seen by everything that this kernel has to see it with (live probes,
 * nf_tables' trace, conntrack, the sender's own socket), and held against the prediction.
 */
#ifndef KTRACE_OBSERVE_H
#define KTRACE_OBSERVE_H

#include "tracer/prediction.h"
#include "tracer/walk.h"

struct observe;

/*
 * Who sends: o's source, mark, uid and tos. An outside client must be an address of a namespace of this machine. o outlives it. -EINVAL with a
 * sentence that says what would work.
 */
int observe_open(struct state *s, struct arena *a, const struct walk_options *o, bool has_uid, struct observe **out, struct err *err);
/* Makes the socket of one probe, so that it is predicted as it will be sent: *sport (0: a free one) is set. */
int observe_add(struct observe *ob, const struct tuple *t, uint16_t *sport, struct err *err);
/* Sends them all, waits for their answers (less than a second), and compares. p: what was predicted of each. Fills *out. */
void observe_run(struct observe *ob, const struct prediction *p, struct observed *out);
/* The packets seen, as pcapng. After observe_run(). */
int observe_write(struct observe *ob, const char *path, const struct prediction *p, struct err *err);
/* Ends what is still open, removes the conntrack entries that the probes made. NULL is fine. */
void observe_close(struct observe *ob);

#endif
