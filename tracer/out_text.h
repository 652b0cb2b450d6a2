/* SPDX-License-Identifier: GPL-2.0-only */
/* The text printer's own parts: the pen that knows colour, width and symbols, and what writes with it. */
#ifndef KTRACE_OUT_TEXT_H
#define KTRACE_OUT_TEXT_H

#include "tracer/out.h"

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD, STYLE_DOUBT, STYLE_NAME };

enum symbol { SYM_GOOD, SYM_BAD, SYM_DOUBT, SYM_ARROW, SYM_DOT, SYM_MORE, SYM_FORK, SYM_LAST, SYM_RAIL, SYM_TIMES };

/* Writes lines of at most width columns. Nothing else in the printer knows escape codes, locale or width. */
struct pen {
	FILE *f;
	struct arena *a;
	bool color, utf8;
	unsigned width;
	unsigned column;		/* where the line under way stands */
	const char *rail;		/* begins every line: the tree left of it */
	const char *place;		/* namespace of the hops written last, NULL: the node's own */
};

void pen_open(struct pen *p, FILE *f, struct arena *a, const struct out_options *o);
const char *pen_symbol(const struct pen *p, enum symbol s);
/* Appends as it is; text is cleaned of control characters. */
void pen_put(struct pen *p, enum style style, const char *text);
void pen_printf(struct pen *p, enum style style, const char *fmt, ...) PRINTF(3, 4);
/* Appends word by word; lines that it must begin start at column hang after the rail. */
void pen_wrap(struct pen *p, enum style style, unsigned hang, const char *text);
/* Spaces up to column, at least one if anything stands before it on the line. */
void pen_to(struct pen *p, unsigned column);
void pen_end(struct pen *p);

/* -- out_text_hop.c ------------------------------------------------------------------------------- */
enum style end_style(enum end_kind kind);
enum symbol end_symbol(enum end_kind kind);
/* "delivered", "dropped" … */
const char *end_words(enum end_kind kind);
/* " (prod/web-1 on worker-2, not ready)" of its endpoint, or "". In arena. */
const char *owner_words(struct arena *a, const struct trace *t);
/* "33.3%". In arena. */
const char *share_say(struct arena *a, double share);
/* "ip nat KUBE-SEP-X rule 2 (handle 41)", "ip filter FORWARD policy"; NULL for what is no rule. */
const char *evidence_place(struct arena *a, const struct evidence *e);
/* Is this hop among those shown? */
bool hop_shown(const struct trace *t, const struct hop *h, bool all);
/* Prints the hops first..end-1, the first of them without its first skip evidences. */
void write_hops(struct pen *p, const struct trace *t, size_t first, size_t skip, size_t end,
		const struct out_options *o);
/* The first n evidences of a hop that forks into ways. */
void write_fork(struct pen *p, const struct hop *h, size_t n, size_t ways, const struct out_options *o);
#define STAGE_COLUMN	22

/* -- out_text_hooks.c ----------------------------------------------------------------------------- */
void write_hooks(struct pen *p, const struct prediction *pr);

/* -- out_text.c ----------------------------------------------------------------------------------- */
/* Title, id, text, what it rests on and the fix. */
void write_finding(struct pen *p, const struct finding *f);

/* -- out_text_tree.c ------------------------------------------------------------------------------ */
/* All ways of the traces first..end-1, which have one target. */
void write_tree(struct pen *p, const struct prediction *pr, size_t first, size_t end, const struct out_options *o);

#endif
