/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sightings to journeys (one packet's way through this node) and journeys to connections. Pure: no system call; time is that of the
 * sightings and what the caller passes as now. Memory is bounded: pools that are filled once and used again.
 *
 *	stitch_new() … for each sighting stitch_add() … then stitch_next(now) until NULL … stitch_free()
 */
#ifndef KTRACE_STITCH_H
#define KTRACE_STITCH_H

#include "tracer/meaning.h"

struct stitch;

struct stitch_options {
	const struct probe_filter *filter;	/* copied; stitch_follow() adds more */
	size_t n_filter;
	struct addr from;		/* only connections of this client; family 0: of any */
	struct kernel_words words;	/* tell drops from packets that have done their work */
	uint64_t quiet;			/* ns without a packet after which an unanswered connection is told; 0: one second */
	size_t max_connections, max_sightings;	/* 0: 1024 and 8192 (some 8 MiB when full) */
};

/*
 * One packet, clones of it included, in the order of time. A packet keeps its journey over NAT, namespaces, encapsulation and a new buffer;
 * a retransmission is a journey of its own.
 */
struct journey {
	bool reply;			/* in the answer's direction */
	bool error;			/* an ICMP error about the connection */
	bool again;			/* a retransmission */
	bool begun;			/* seen from where it enters the node or is sent; false: its beginning was lost */
	const struct sighting *const *seen;
	size_t n;
	unsigned cut;			/* sightings beyond those kept */
	const struct sighting *drop;	/* where it was dropped for good: nothing of it went on; else NULL */
	const struct sighting *refused;	/* PLACE_ICMP_SENT, PLACE_RST_SENT, PLACE_IPVS_NONE or PLACE_LISTEN_FULL on its way, or NULL */
};

/* What there is to tell of a connection; the gravest that is new since it was last told. */
enum news {
	NEWS_NONE,
	NEWS_DROPPED,			/* a packet was dropped, at a place not told before */
	NEWS_REFUSED,			/* reset or ICMP error instead of an answer */
	NEWS_ANSWERED,			/* the first answer went its way back, through the translation if there is one */
	NEWS_ENDED,			/* closed by both sides, or reset */
	NEWS_QUIET,			/* no answer, and nothing more for a while */
};
const char *news_name(enum news n);	/* "dropped", "refused" … */

enum { OUTWARD, BACK };			/* index of the counters of either direction */

struct connection {
	uint64_t number;		/* from 1, in the order in which they were met */
	uint64_t first, last;		/* time of its first and latest sighting, ns of CLOCK_MONOTONIC */
	enum news news;
	unsigned told;			/* how often it was told before */
	bool midway;			/* it was under way before its first sighting */
	uint32_t netns;			/* inode number where it was first met */
	struct tuple orig;		/* as its client addressed it */
	struct tuple translated;	/* as its packets reach the endpoint, both translations made; proto 0: never seen so */
	struct tuple ipvs;		/* src client, dst the real server that IPVS chose; proto 0: it had no part */
	bool answered, refused;		/* an answer (SYN-ACK, a datagram, an echo reply) came back to what was addressed; a reset or ICMP error was seen */
	uint64_t packets[2];
	uint64_t retransmitted[2], resets[2];
	bool finished[2];		/* FIN seen */
	uint64_t icmp_errors;		/* sent by this node about it */
	uint64_t drops;
	uint32_t pid;			/* its sender, if on this node; 0: not known */
	char comm[16];
	/* The packets kept: the first of each direction, and those that were dropped or refused; in the order of time. */
	const struct journey *const *journey;
	size_t n_journey;
	uint64_t unkept;		/* packets counted but not kept */
};

struct stitch *stitch_new(const struct stitch_options *o);
void stitch_free(struct stitch *st);	/* NULL is fine */
/* One more filter, as probes_follow() takes it. 0 or -E2BIG. */
int stitch_follow(struct stitch *st, const struct probe_filter *f);
/* s is copied. A sighting that belongs to no connection of the filters is counted as strange and forgotten. */
void stitch_add(struct stitch *st, const struct sighting *s);
/*
 * The next connection that has news at now (ns, CLOCK_MONOTONIC), or NULL. It and all that it points to stay valid until the next
 * stitch call. UINT64_MAX: at the end of the run, when all that was not told is due. A connection that is told and over is forgotten.
 */
const struct connection *stitch_next(struct stitch *st, uint64_t now);
/* When stitch_next() may have something to tell although nothing more is seen (ns); UINT64_MAX: never. For a poll's timeout. */
uint64_t stitch_due(const struct stitch *st);

struct stitch_counts {
	uint64_t sightings, strange;	/* taken; of these without a connection of the filters */
	uint64_t connections, told;
	uint64_t given_up;		/* connections forgotten untold for lack of room */
	uint64_t live;			/* in memory now */
};
struct stitch_counts stitch_counts(const struct stitch *st);

#endif
