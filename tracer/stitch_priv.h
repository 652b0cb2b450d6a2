/* SPDX-License-Identifier: GPL-2.0-only */
/* What stitch*.c share: stitch.c connections and what to tell, stitch_journey.c packets, stitch_bytes.c what their bytes say. */
#ifndef KTRACE_STITCH_PRIV_H
#define KTRACE_STITCH_PRIV_H

#include "tracer/stitch.h"

#define MSEC		1000000ULL
#define SEC		(1000 * MSEC)
/* After so long without a sighting a packet has gone its way; after so long the same place is a new packet's. */
#define SETTLE		(20 * MSEC)
#define REPEAT		(50 * MSEC)
#define MAX_SEEN	40
#define MAX_JOURNEYS	16
#define MAX_FLOWS	16
#define MAX_FILTERS	256

/* What no translation changes of a packet, to know it again: of the innermost IP packet that the filters can mean. */
struct print {
	bool known;
	uint8_t proto, flags;
	uint16_t ip_id;			/* IPv4 */
	uint32_t a, b;			/* TCP: sequence and acknowledgement number; else by protocol */
};

/* -- stitch_bytes.c ------------------------------------------------------------------------------- */
/* What the bytes of a sighting hold besides its own tuple. */
struct bytes_view {
	struct print print;
	uint32_t payload;		/* bytes of TCP payload, SYN and FIN counted */
	bool encapsulated;		/* inner: the packet that a tunnel carries */
	bool error;			/* quoted: what an ICMP error is about */
	struct tuple inner, quoted;
};
void bytes_look(const struct sighting *s, struct bytes_view *out);
bool print_eq(const struct print *a, const struct print *b);

/* -- pools ---------------------------------------------------------------------------------------- */
struct slot {
	struct sighting s;
	struct slot *next;
};

struct held;

struct trip {
	struct journey j;		/* what callers see; j.seen is seen[] below */
	const struct sighting *seen[MAX_SEEN];
	struct held *owner;
	struct print print;
	uint64_t id, last;
	bool settled;
	struct trip *next_id;		/* of its bucket; of the free ones */
};

struct flow {
	struct tuple t;
	struct held *owner;
	bool reply;
	struct flow *next;
};

/* A connection with all that is kept of it. */
struct held {
	struct connection c;
	struct flow flow[MAX_FLOWS];
	size_t n_flow;
	struct trip *trip[MAX_JOURNEYS];
	const struct journey *told[MAX_JOURNEYS];	/* c.journey */
	size_t n_trip;
	uint32_t isn, next_seq[2];
	bool isn_known, seq_known[2];
	bool live, retired;		/* retired: its tuple has gone to a newer connection */
	bool fresh_drop, fresh_refusal, fresh_answer, fresh_end;	/* news not yet told */
	bool ended, answer_told, end_told;
	uint64_t drop_place;		/* where the last drop told was */
	struct held *newer, *older;
};

#define BUCKETS	2048

struct stitch {
	struct arena *arena;
	struct probe_filter filter[MAX_FILTERS];
	size_t n_filter;
	struct addr from;
	struct kernel_words words;
	uint64_t quiet;

	struct held **held;		/* all that were ever made; `live` ones are in use */
	size_t n_held, cap_held, max_held, cursor;
	struct held *newest, *oldest, *free_held;
	struct held *telling;		/* what stitch_next() returned last */

	struct slot *free_slot;
	size_t n_slot, max_slot;
	struct trip *free_trip;
	struct flow *flow[BUCKETS];
	struct trip *by_id[BUCKETS];
	struct stitch_counts counts;
};

/* -- stitch.c ------------------------------------------------------------------------------------- */
/* Forgets the connection that was seen longest ago, `but` excepted, for its room. False: there is none. */
bool stitch_give_up(struct stitch *st, const struct held *but);

/* -- stitch_journey.c ----------------------------------------------------------------------------- */
/* The packet that had this buffer last, if it can be the same one; NULL: none. */
struct trip *trip_by_id(struct stitch *st, const struct sighting *s, const struct bytes_view *v);
/* Adds the sighting to a packet of h, an old or a new one. */
void trip_add(struct stitch *st, struct held *h, const struct sighting *s, const struct bytes_view *v, bool reply);
/* Draws the conclusions from packets that have gone their way by now. */
void trips_settle(struct stitch *st, struct held *h, uint64_t now);
/* Forgets those that are settled, or all. */
void trips_free(struct stitch *st, struct held *h, bool all);

#endif
