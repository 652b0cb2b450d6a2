/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Printers of what is observed live, as text for people (a block or a line for each) and as JSON lines for scripts. They
 * decide nothing.
 */
#ifndef KTRACE_OUT_LIVE_H
#define KTRACE_OUT_LIVE_H

#include "tracer/attribute.h"
#include "tracer/out.h"

/* A connection as it is told, or a drop on its own. */
struct told {
	uint64_t time;			/* ns since 1970 of what is told */
	const struct connection *connection;	/* `watch`; NULL: a drop */
	const struct sighting *drop;	/* `drops` */
	const struct attribution *why;	/* NULL: not looked into (answered, or told before) */
	uint64_t same_as;		/* number of an earlier connection that went and was answered the same way; 0: none */
	const char *cause;		/* of a drop: finding id or drop class; NULL: not known */
	const char *caused_by;		/* the rule, sysctl, socket … in words, or NULL */
	const char *exact;		/* what nf_tables' own trace says of it, or NULL */
	const char *service;		/* "prod/web:http" of what was addressed, or NULL */
	const char *from, *to;		/* who has the addresses of the tuple: "pod prod/web-1", or NULL */
	uint64_t count;			/* of equal drops since the last one told, this one included */
};

/* What a run counted, by cause: for the last word. */
struct tally {
	uint64_t connections, answered, refused, dropped, unanswered;	/* `watch` */
	uint64_t drops;
	const struct tally_row { const char *cause; uint64_t n; } *row;	/* drops by finding or class, most first */
	size_t n_row;
	uint64_t lost, given_up;	/* sightings that found the buffer full; connections without room */
	uint64_t ns;			/* how long it ran */
};

struct live_out {
	FILE *f;
	bool json;
	bool lines;			/* `watch -1`: one line a connection */
	bool status;			/* a terminal: its last line counts, and is written over */
	struct out_options o;
};

/* What is about to be watched, and what cannot be seen: before anything is told. p: node, proxy, target and source. */
void out_live_begin(const struct live_out *out, struct arena *a, const struct prediction *p, const char *command,
		    const char *const *unseen, size_t n_unseen);
void out_live_told(const struct live_out *out, struct arena *a, const struct told *t);
/* The counts so far, on a terminal's last line. */
void out_live_status(const struct live_out *out, struct arena *a, const struct tally *t);
void out_live_end(const struct live_out *out, struct arena *a, const struct tally *t);

/* out_live_json.c: the same as objects, one a line; each has "schema" and "event". */
void out_live_json_begin(const struct live_out *out, struct arena *a, const struct prediction *p, const char *command,
			 const char *const *unseen, size_t n_unseen);
void out_live_json_told(const struct live_out *out, struct arena *a, const struct told *t);
void out_live_json_end(const struct live_out *out, struct arena *a, const struct tally *t);

#endif
