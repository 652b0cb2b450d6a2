/* SPDX-License-Identifier: GPL-2.0-only */
/* Hops in words: what happened, and beside it the rule or entry that it rests on. */
#include <string.h>

#include "tracer/out_text.h"
#include "tracer/word.h"

#define PLACE_COLUMN	46		/* where the rule stands beside the words, if these are short */
#define TEXT_COLUMN	(STAGE_COLUMN + 2)

static const struct { enum style style; enum symbol symbol; const char *words; } end_rows[] = {
	[END_NONE] = { STYLE_PLAIN, SYM_DOUBT, "goes on" },
	[END_DELIVERED] = { STYLE_GOOD, SYM_GOOD, "delivered" },
	[END_SENT] = { STYLE_GOOD, SYM_GOOD, "sent on" },
	[END_DROP] = { STYLE_BAD, SYM_BAD, "dropped" },
	[END_REJECT] = { STYLE_BAD, SYM_BAD, "rejected" },
	[END_NO_LISTENER] = { STYLE_BAD, SYM_BAD, "nothing listens" },
	[END_LOOP] = { STYLE_BAD, SYM_BAD, "goes round in a loop" },
	[END_UNKNOWN] = { STYLE_DOUBT, SYM_DOUBT, "cannot tell" },
};

enum style end_style(enum end_kind kind)
{
	return end_rows[kind].style;
}

enum symbol end_symbol(enum end_kind kind)
{
	return end_rows[kind].symbol;
}

const char *end_words(enum end_kind kind)
{
	return end_rows[kind].words;
}

static const char *owner_state(const struct endpoint_owner *w)
{
	if (w->terminating == YES)
		return w->serving == NO ? "terminating, no longer serving" : "terminating";
	return w->ready == NO ? "not ready" : NULL;
}

const char *owner_words(struct arena *a, const struct trace *t)
{
	const struct endpoint_owner *w = t->endpoint_owner;
	const char *state = w ? owner_state(w) : NULL;
	struct text s = { .arena = a };

	if (!w || (!w->pod && !w->node && !state))
		return "";
	text_add(&s, " (%s", w->pod ? w->pod : "");
	if (w->node)
		text_add(&s, "%son %s", w->pod ? " " : "", w->node);
	if (state)
		text_add(&s, "%s%s", w->pod || w->node ? ", " : "", state);
	text_add(&s, ")");
	return text_get(&s);
}

const char *share_say(struct arena *a, double share)
{
	double percent = share * 100;

	if (percent > 0 && percent < 0.1)
		return "<0.1%";
	return arena_printf(a, "%.3g%%", percent);
}

const char *evidence_place(struct arena *a, const struct evidence *e)
{
	struct text t = { .arena = a };
	const char *family = word_family(e->family);

	if (e->kind != EV_RULE && e->kind != EV_POLICY)
		return NULL;
	text_add(&t, "%s%s%s %s", family ? family : "", family ? " " : "", e->table ? e->table : "?",
		 e->chain ? e->chain : "?");
	if (e->kind == EV_POLICY)
		text_add(&t, " policy");
	if (e->index)
		text_add(&t, " rule %u", e->index);
	if (e->handle)
		text_add(&t, " (handle %llu)", (unsigned long long)e->handle);
	if (e->backend == BACKEND_LEGACY)
		text_add(&t, " (legacy)");
	return text_get(&t);
}

bool hop_shown(const struct trace *t, const struct hop *h, bool all)
{
	if (all)
		return true;
	/* the answer's way only where the path fails on it */
	if (h->reply && (end_reaches(t->end.kind) || !t->hops[t->n_hops - 1].reply))
		return false;
	return hop_matters(h);
}

/* -- what a hop changed --------------------------------------------------------------------------- */

/* unknown: the port is one that the kernel picks, or did. */
static const char *half_say(struct arena *a, const struct addr *addr, uint16_t port, bool unknown, const char *picks)
{
	return unknown ? arena_printf(a, "%s (%s the port)", endpoint_say(a, addr, 0), picks) : endpoint_say(a, addr, port);
}

static void say_addresses(struct pen *p, struct text *t, const struct hop *h)
{
	const struct packet *in = &h->in, *out = &h->out;
	const char *arrow = pen_symbol(p, SYM_ARROW);

	if (!addr_eq(&in->dst, &out->dst) || in->dport != out->dport)
		text_add(t, "%s %s %s", half_say(p->a, &in->dst, in->dport, in->dport_unknown, "the kernel picked"), arrow,
			 half_say(p->a, &out->dst, out->dport, out->dport_unknown, "the kernel picked"));
	/* a local process has no source address before its route gave it one: that is no rewrite */
	if (in->src.family && (!addr_eq(&in->src, &out->src) || in->sport != out->sport))
		text_add(t, "%ssource %s %s %s", t->len ? ", " : "", endpoint_say(p->a, &in->src, in->sport), arrow,
			 half_say(p->a, &out->src, out->sport, out->sport_unknown, "the kernel picks"));
}

static void say_marks(struct pen *p, struct text *t, const struct hop *h)
{
	if (h->in.mark != h->out.mark)
		text_add(t, "%smark %#x %s %#x", t->len ? ", " : "", h->in.mark, pen_symbol(p, SYM_ARROW), h->out.mark);
	if (h->in.ct.state != h->out.ct.state && h->out.ct.state == CT_UNTRACKED)
		text_add(t, "%snot tracked from here on", t->len ? ", " : "");
}

static const char *say_connection(const struct packet *p)
{
	static const char *const words[] = {
		[CT_NONE] = "not seen by conntrack", [CT_NEW] = "a new connection",
		[CT_ESTABLISHED] = "belongs to its connection", [CT_RELATED] = "related to a connection",
		[CT_INVALID] = "belongs to no connection: INVALID", [CT_UNTRACKED] = "not tracked",
	};

	return p->ct.existing ? "a live entry decides" : words[p->ct.state];
}

static const char *say_route(struct pen *p, const struct hop *h)
{
	struct text t = { .arena = p->a };
	char buf[ADDR_TEXT];

	/* the hook under way keeps the old device in its sight, so the hop does not name the new one */
	if (h->stage == STAGE_REROUTE)
		return "routed anew";
	text_add(&t, "%s%s", h->oif && h->out.oif ? "leaves by " : "for this host itself",
		 h->oif && h->out.oif ? h->oif : "");
	if (!h->in.src.family && h->out.src.family)
		text_add(&t, " as %s", addr_say(&h->out.src, buf));
	return text_get(&t);
}

/* Stages without rules say where the packet goes. */
static const char *say_way(struct pen *p, const struct hop *h)
{
	switch (h->stage) {
	case STAGE_ROUTE_INPUT:
	case STAGE_ROUTE_OUTPUT:
	case STAGE_REROUTE:
		return say_route(p, h);
	case STAGE_NEIGHBOUR:
		return h->oif ? arena_printf(p->a, "out of %s", h->oif) : "";
	case STAGE_CONNTRACK:
		return say_connection(&h->out);
	default:
		return "";
	}
}

/* Besides e, does another rule of this hop say what became of the mark? */
static bool marks_told(const struct hop *h, const struct evidence *e)
{
	for (size_t i = 0; i < h->n_evidence; i++)
		if (&h->evidence[i] != e && h->evidence[i].effect == EFFECT_CHANGE && h->evidence[i].says)
			return true;
	return false;
}

static const char *say_hop(struct pen *p, const struct hop *h, const struct evidence *e)
{
	struct text t = { .arena = p->a };

	if (h->verdict.kind != END_NONE)
		return h->verdict.why && *h->verdict.why ? h->verdict.why : end_rows[h->verdict.kind].words;
	say_addresses(p, &t, h);
	if (!t.len && e && e->says)
		return e->says;
	if (!marks_told(h, e))
		say_marks(p, &t, h);
	if (t.len)
		return text_get(&t);
	if (e && (e->kind == EV_RULE || e->kind == EV_POLICY) && e->effect == EFFECT_VERDICT)
		return "accepted";
	return say_way(p, h);
}

/* -- the lines of a hop --------------------------------------------------------------------------- */

static bool evidence_shown(const struct evidence *e, bool all)
{
	return all || (e->kind != EV_RULE && e->kind != EV_POLICY) || e->effect >= EFFECT_CHANGE;
}

/* The one that the hop's own words stand beside: the last that decided or changed, else the last shown. */
static size_t deciding(const struct hop *h, bool all)
{
	size_t best = h->n_evidence;

	for (size_t i = 0; i < h->n_evidence; i++)
		if (evidence_shown(&h->evidence[i], all) &&
		    (best == h->n_evidence || h->evidence[i].effect >= h->evidence[best].effect))
			best = i;
	return best;
}

/* A place or an entry stands beside the words where it fits; else it begins a line below, before the rule's own text. */
static bool write_beside(struct pen *p, enum style style, unsigned from, const char *text)
{
	unsigned start = word_width(p->rail), at = p->column > start + from ? p->column - start + 2 : from;

	at = at > from && at < PLACE_COLUMN ? PLACE_COLUMN : at;
	if (!text || start + at + word_width(text) > p->width)
		return false;
	pen_to(p, at);
	pen_put(p, style, text);
	return true;
}

static void write_line(struct pen *p, const char *stage, enum style style, const char *words,
		       const struct evidence *e)
{
	const char *place = e ? evidence_place(p->a, e) : NULL;
	const char *text = e && e->kind != EV_POLICY && e->text && strcmp(e->text, words) ? e->text : NULL;
	bool fits = true;

	if (*stage) {
		pen_to(p, 3);
		pen_put(p, STYLE_NAME, stage);
	}
	if (*words) {
		pen_to(p, STAGE_COLUMN);
		fits = p->column + word_width(words) <= p->width;
		pen_wrap(p, style, STAGE_COLUMN, words);
	}
	if (fits && place && write_beside(p, STYLE_BOLD, STAGE_COLUMN, place))
		place = NULL;
	else if (fits && !place && text && write_beside(p, STYLE_DIM, STAGE_COLUMN, text))
		text = NULL;
	pen_end(p);
	if (!place && !text)
		return;
	pen_to(p, TEXT_COLUMN);
	if (place)
		pen_wrap(p, STYLE_BOLD, TEXT_COLUMN, arena_printf(p->a, "%s%s", place, text ? ":" : ""));
	if (text)
		pen_wrap(p, STYLE_DIM, TEXT_COLUMN + 2, place ? arena_printf(p->a, " %s", text) : text);
	pen_end(p);
}

static const char *effect_words(struct pen *p, const struct evidence *e, bool all)
{
	static const char *const words[] = {
		[EFFECT_NONE] = "no match", [EFFECT_PASS] = "matches, no effect", [EFFECT_JUMP] = "",
		[EFFECT_CHANGE] = "", [EFFECT_VERDICT] = "",
	};

	if (e->says)
		return e->says;
	if (e->effect == EFFECT_JUMP && e->kind == EV_RULE && e->jump)
		return arena_printf(p->a, "%s %s", pen_symbol(p, SYM_ARROW), e->jump);
	if (e->kind == EV_POLICY)
		return e->text ? e->text : "";
	if (e->kind == EV_ROUTE || e->kind == EV_IPVS)
		return e->kind == EV_ROUTE ? "the route" : "the virtual service";
	return all && e->kind == EV_RULE ? words[e->effect] : "";
}

/* The hop that ends the path has the end's symbol in the margin. */
static void write_hop(struct pen *p, const struct hop *h, size_t skip, const struct out_options *o)
{
	const char *stage = hop_stage_name(p->a, h);
	size_t main = deciding(h, o->all);
	enum style style = h->verdict.kind == END_NONE ? STYLE_PLAIN : end_style(h->verdict.kind);

	if (h->verdict.kind != END_NONE) {
		pen_to(p, 0);
		pen_put(p, style, pen_symbol(p, end_symbol(h->verdict.kind)));
	}
	if (h->reply)
		stage = arena_printf(p->a, "%s%s", p->utf8 ? "← " : "< ", stage);
	if (main == h->n_evidence || main < skip)
		write_line(p, stage, style, say_hop(p, h, main < skip ? &h->evidence[main] : NULL), NULL);
	for (size_t i = skip; i < h->n_evidence; i++) {
		const struct evidence *e = &h->evidence[i];

		if (!evidence_shown(e, o->all))
			continue;
		write_line(p, stage, i == main ? style : STYLE_PLAIN,
			   i == main ? say_hop(p, h, e) : effect_words(p, e, o->all), e);
		stage = "";
	}
}

/* Says in which namespace the hops to come are, where that changes. */
static void write_place(struct pen *p, const struct hop *h)
{
	const char *old = p->place ? p->place : "", *new = h->place ? h->place : "";

	if (!strcmp(old, new))
		return;
	pen_to(p, 3);
	pen_printf(p, STYLE_DIM, "in %s", *new ? new : "the node itself");
	pen_end(p);
	p->place = h->place;
}

void write_hops(struct pen *p, const struct trace *t, size_t first, size_t skip, size_t end,
		const struct out_options *o)
{
	for (size_t i = first; i < end; i++) {
		const struct hop *h = &t->hops[i];

		if (!hop_shown(t, h, o->all))
			continue;
		write_place(p, h);
		write_hop(p, h, i == first ? skip : 0, o);
	}
}

/* The rule that led into the chain in which the ways part, else the last that all of them met. */
static size_t fork_evidence(const struct hop *h, size_t n)
{
	const char *chain = n < h->n_evidence ? h->evidence[n].chain : NULL;
	size_t last = n;

	for (size_t i = n; i-- > 0;) {
		const struct evidence *e = &h->evidence[i];

		if (chain && e->jump && !strcmp(e->jump, chain))
			return i;
		if (last == n && e->effect >= EFFECT_JUMP)
			last = i;
	}
	return last;
}

void write_fork(struct pen *p, const struct hop *h, size_t n, size_t ways, const struct out_options *o)
{
	const char *stage = hop_stage_name(p->a, h);
	size_t main = fork_evidence(h, n);

	write_place(p, h);
	for (size_t i = 0; i < n; i++) {
		if (i == main || !evidence_shown(&h->evidence[i], o->all))
			continue;
		write_line(p, stage, STYLE_PLAIN, effect_words(p, &h->evidence[i], o->all), &h->evidence[i]);
		stage = "";
	}
	write_line(p, stage, STYLE_PLAIN, arena_printf(p->a, "%zu ways from here", ways),
		   main < n ? &h->evidence[main] : NULL);
}
