/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `ktrace watch` and `ktrace drops` share: the node and the names as they are when it begins, the probes, the clock, when to
 * stop, the capture file, the counts. A run's memory does not grow with what it sees.
 */
#ifndef KTRACE_LIVE_H
#define KTRACE_LIVE_H

#include "tracer/cmd.h"
#include "tracer/names.h"
#include "tracer/out_live.h"
#include "tracer/out_pcapng.h"
#include "tracer/walk.h"

struct live {
	const struct options *o;
	struct arena *a;		/* of the run */
	struct names *names;
	struct gaps gaps, unseen;	/* unseen: sentences on what this kernel does not show */
	struct io *io;
	struct state *s;
	struct prediction base;		/* node, proxy, and with a target: target and source */
	struct walk_options walk;	/* with a target */
	struct probes *probes;
	struct kernel_words words;
	struct attribute *attribute;
	struct pcapng *pcapng;
	struct live_out out;
	int64_t clock;			/* ns from CLOCK_MONOTONIC to since 1970 */
	uint64_t begun, ends;		/* CLOCK_MONOTONIC ns; ends 0: never */
	uint64_t told;
	struct tally tally;
	struct tally_row *row;		/* of tally, as it grows */
	size_t cap_row;
};

/* Reads the node, its names, target and source. 0, or -errno with a sentence. */
int live_open(struct live *l, const struct options *o, struct err *err);
/* Attaches the probes; opens the capture file; says on the output what is watched and what cannot be seen. */
int live_attach(struct live *l, const struct probes_options *o, const char *command, struct err *err);
void live_close(struct live *l);

/* Ctrl-C, --duration or --count: stop. */
bool live_over(const struct live *l);
/* Waits for sightings until `due` (CLOCK_MONOTONIC ns) at most and hands them to fn. 0, or -errno. */
int live_poll(struct live *l, uint64_t due, sighting_fn fn, void *ctx);
uint64_t live_now(void);
uint64_t live_wall(const struct live *l, uint64_t monotonic);
/* ns from CLOCK_MONOTONIC to since 1970. */
int64_t live_clock(void);
/* One sentence on all probes that could not be attached, and what is not seen without them. */
void live_missing(struct gaps *unseen, const struct probe_state *row, size_t n);
/* The words of these probes' kernel. */
struct kernel_words live_words(struct probes *p);

/* Cause and words of an attribution, for what is told of it. */
void live_cause(struct told *t);
/* Prints it, and counts the cause of so many drops. */
void live_tell(struct live *l, struct arena *a, const struct told *t, uint64_t drops);
/* Words for who has the addresses of tuple, and the endpoint's owner on why's path. Into t, in a. */
void live_name(struct live *l, struct arena *a, const struct tuple *tuple, struct told *t, struct attribution *why);
/* "enters prerouting on eth0", "dropped: …": what a sighting's place says, for a packet's comment. In a. */
const char *live_place(struct arena *a, const struct kernel_words *w, const struct sighting *s);
/* Writes the packet, with comment; p NULL: nothing. clock: ns from CLOCK_MONOTONIC to since 1970. */
int live_write(struct pcapng *p, int64_t clock, const struct sighting *s, const char *comment, struct err *err);
/* The summary. */
enum status live_end(struct live *l);

#endif
