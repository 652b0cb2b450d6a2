/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What attribute*.c share: attribute.c the node between packets and what is handed out, attribute_follow.c the walk along a
 * journey, attribute_agree.c whether it ends as the kernel showed.
 */
#ifndef KTRACE_ATTRIBUTE_PRIV_H
#define KTRACE_ATTRIBUTE_PRIV_H

#include "tracer/attribute.h"
#include "tracer/walk.h"

/* How a journey ended, as the kernel showed it. */
enum seen_kind { SEEN_NOTHING, SEEN_DROP, SEEN_ICMP, SEEN_RESET, SEEN_NO_SERVER, SEEN_LISTEN_FULL };
struct seen_end {
	enum seen_kind kind;
	const struct sighting *at;	/* NULL for SEEN_NOTHING */
	struct meaning m;		/* SEEN_DROP, or the drop that went with a refusal */
	bool dropped;
	uint8_t hook;			/* the last IP hook that it entered, or MEANING_NO_HOOK */
	const char *chain;		/* what PLACE_CHAIN said of the drop: "table chain", or NULL */
};

/* One journey being followed. */
struct follow {
	struct state *state;
	struct arena *arena;
	const struct kernel_words *words;
	const struct connection *c;	/* NULL: a sighting alone */
	const struct journey *j;
	struct seen_end end;
	struct gaps *notes;

	struct hop *hop;		/* of the trace in the making */
	size_t n_hop, cap_hop;
	struct trace t;			/* but for its hops */
	struct addr server;		/* as in struct walk_way, of the stretches so far; family 0: none */
	uint16_t server_port;
	bool agrees;
	const char *differs_at;
};

/* -- attribute_follow.c --------------------------------------------------------------------------- */
/* Fills the rest of f from state, arena, words, c, j and notes. 0, -EINTR if the state changed below it. */
int follow_journey(struct follow *f, struct err *err);
/* io.h's number of the sighting's namespace; false: it is gone or not known. */
bool follow_netns(struct follow *f, const struct sighting *s, uint32_t *out);

/* -- attribute_agree.c ---------------------------------------------------------------------------- */
struct seen_end seen_end_of(const struct kernel_words *w, const struct journey *j);
/* Does the way end as the journey did? last: nothing was seen of it afterwards; else it went on elsewhere. */
bool end_agrees(const struct seen_end *e, const struct trace *t, bool last);
/* "the kernel dropped it (…)": for differs_at. */
const char *seen_say(struct arena *a, const struct seen_end *e);
/* What the kernel showed as the end of a path: stage and verdict. iif: it came in by a device. */
struct verdict seen_verdict(struct arena *a, const struct seen_end *e, bool is_out, enum stage *stage);
/* Does what the kernel showed go beyond all that a walk can tell, so that it is the end though the walk goes on? */
bool seen_beyond(const struct seen_end *e, const struct trace *t);
/* "nft_do_chain [nf_tables]: NETFILTER_DROP": what the kernel said, as evidence. NULL: nothing. */
const char *seen_event(struct arena *a, const struct seen_end *e);

#endif
