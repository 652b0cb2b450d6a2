/* SPDX-License-Identifier: GPL-2.0-only */
/* Live observation for people: a block or a line a connection, a line a drop, a summary at the end. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "tracer/out_live.h"
#include "tracer/out_text.h"
#include "tracer/word.h"

#define HANG		14

/* "10:32:01.123", of this machine's day. */
static void write_time(struct pen *p, uint64_t ns)
{
	time_t s = ns / 1000000000;
	struct tm tm;

	localtime_r(&s, &tm);
	pen_printf(p, STYLE_DIM, "%02d:%02d:%02d.%03u ", tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(ns / 1000000 % 1000));
}

/* "tcp 10.0.0.5:51234 (pod prod/web-1) > 10.96.12.7:80 (prod/web:http)" */
static void write_tuple(struct pen *p, const struct tuple *t, const struct told *told)
{
	const char *to = told->service ? told->service : told->to;
	bool icmp = t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6;

	pen_printf(p, STYLE_PLAIN, "%s ", proto_say(p->a, t->proto));
	pen_put(p, STYLE_BOLD, endpoint_say(p->a, &t->src, icmp ? 0 : t->sport));
	if (told->from)
		pen_printf(p, STYLE_DIM, " (%s)", told->from);
	pen_printf(p, STYLE_PLAIN, " %s ", pen_symbol(p, SYM_ARROW));
	pen_put(p, STYLE_BOLD, endpoint_say(p->a, &t->dst, icmp ? 0 : t->dport));
	if (to)
		pen_printf(p, STYLE_DIM, " (%s)", to);
}

static const char *duration_say(struct arena *a, uint64_t ns)
{
	double ms = ns / 1e6;

	return ms < 1000 ? arena_printf(a, "%.2f ms", ms) : arena_printf(a, "%.1f s", ms / 1e3);
}

static const struct trace *path_of(const struct told *t)
{
	return t->why && t->why->p.n_trace ? &t->why->p.trace[0] : NULL;
}

/* -- a connection --------------------------------------------------------------------------------- */

static const struct { enum symbol symbol; enum style style; } news_rows[] = {
	[NEWS_NONE] = { SYM_DOT, STYLE_PLAIN }, [NEWS_DROPPED] = { SYM_BAD, STYLE_BAD }, [NEWS_REFUSED] = { SYM_BAD, STYLE_BAD },
	[NEWS_ANSWERED] = { SYM_GOOD, STYLE_GOOD }, [NEWS_ENDED] = { SYM_DOT, STYLE_PLAIN }, [NEWS_QUIET] = { SYM_DOUBT, STYLE_DOUBT },
};

static const char *endpoint_words(struct arena *a, const struct told *t)
{
	const struct connection *c = t->connection;
	const struct trace *path = path_of(t);
	const char *who = path && path->has_endpoint ? owner_words(a, path) : "";

	if (c->ipvs.proto)
		return arena_printf(a, "%s%s", endpoint_say(a, &c->ipvs.dst, c->ipvs.dport), who);
	if (!c->translated.proto || (addr_eq(&c->translated.dst, &c->orig.dst) && c->translated.dport == c->orig.dport))
		return NULL;
	return arena_printf(a, "%s%s", endpoint_say(a, &c->translated.dst, c->translated.dport), who);
}

static const char *counts_words(struct arena *a, const struct connection *c)
{
	struct text t = { .arena = a };

	text_add(&t, "%" PRIu64 " packets out, %" PRIu64 " back", c->packets[OUTWARD], c->packets[BACK]);
	if (c->retransmitted[OUTWARD] + c->retransmitted[BACK])
		text_add(&t, ", %" PRIu64 " sent again", c->retransmitted[OUTWARD] + c->retransmitted[BACK]);
	if (c->drops)
		text_add(&t, ", %" PRIu64 " dropped", c->drops);
	return text_get(&t);
}

/* What happened, behind the tuple. */
static const char *news_words(struct arena *a, const struct told *t)
{
	const struct connection *c = t->connection;
	const char *endpoint = endpoint_words(a, t), *took = duration_say(a, c->last - c->first);
	const char *by = t->caused_by;

	switch (c->news) {
	case NEWS_DROPPED:
		return arena_printf(a, "dropped%s%s", by ? ": " : "", by ? by : "");
	case NEWS_REFUSED:
		return arena_printf(a, "refused%s%s", by ? ": " : "", by ? by : "");
	case NEWS_ANSWERED:
		return arena_printf(a, "answered%s%s after %s", endpoint ? " by " : "", endpoint ? endpoint : "", took);
	case NEWS_ENDED:
		return arena_printf(a, "ended after %s%s%s, %s", took, endpoint ? " with " : "", endpoint ? endpoint : "",
				    counts_words(a, c));
	case NEWS_QUIET:
		if (c->packets[BACK])
			return arena_printf(a, "answered%s%s, but no answer was seen to come back through the translation, %s", endpoint ? " by " : "",
					    endpoint ? endpoint : "", counts_words(a, c));
		return arena_printf(a, "no answer%s%s, %s", endpoint ? " from " : "", endpoint ? endpoint : "", counts_words(a, c));
	case NEWS_NONE:
		break;
	}
	return counts_words(a, c);
}

static void write_note(struct pen *p, enum symbol symbol, enum style style, const char *text)
{
	pen_put(p, style, pen_symbol(p, symbol));
	pen_put(p, STYLE_PLAIN, " ");
	pen_wrap(p, style, 2, text);
	pen_end(p);
}

/* Where prediction and kernel part, and what else limits the answer. */
static void write_limits(struct pen *p, const struct attribution *why)
{
	if (!why->agrees && why->differs_at)
		write_note(p, SYM_DOUBT, STYLE_DOUBT, arena_printf(p->a, "the rules as they are read do not foresee this: %s", why->differs_at));
	if (why->rules_changed)
		write_note(p, SYM_DOUBT, STYLE_DOUBT, "the ruleset was changed between the packet and its reading: the rule may be another by now");
	for (size_t i = 0; i < why->n_note; i++)
		write_note(p, SYM_DOT, STYLE_DIM, why->note[i]);
}

static void write_connection(struct pen *p, const struct live_out *out, const struct told *t)
{
	const struct connection *c = t->connection;
	const struct trace *path = path_of(t);

	pen_put(p, news_rows[c->news].style, pen_symbol(p, news_rows[c->news].symbol));
	pen_put(p, STYLE_PLAIN, " ");
	write_time(p, t->time);
	pen_printf(p, STYLE_DIM, "#%" PRIu64 " ", c->number);
	write_tuple(p, &c->orig, t);
	pen_put(p, STYLE_PLAIN, "  ");
	pen_wrap(p, news_rows[c->news].style, HANG, news_words(p->a, t));
	if (t->same_as)
		pen_printf(p, STYLE_DIM, ", as #%" PRIu64, t->same_as);
	pen_end(p);
	if (out->lines || !t->why)
		return;
	if (path)
		write_hops(p, path, 0, 0, path->n_hops, &out->o);
	write_limits(p, t->why);
	if (t->exact)
		write_note(p, SYM_DOT, STYLE_DIM, t->exact);
	for (size_t i = 0; i < t->why->p.n_finding; i++)
		write_finding(p, &t->why->p.finding[i]);
	pen_end(p);
	putc('\n', p->f);
}

/* -- a drop --------------------------------------------------------------------------------------- */

static void write_drop(struct pen *p, const struct told *t)
{
	const struct sighting *s = t->drop;
	struct tuple tuple = packet_tuple(&s->p);

	write_time(p, t->time);
	pen_put(p, STYLE_BAD, t->cause ? t->cause : "dropped");
	pen_put(p, STYLE_PLAIN, "  ");
	if (s->p.dst.family)
		write_tuple(p, &tuple, t);
	if (s->ifname[0])
		pen_printf(p, STYLE_PLAIN, "  on %s", s->ifname);
	if (s->task && s->comm[0])
		pen_printf(p, STYLE_PLAIN, "  by %s[%u]", s->comm, s->pid);
	pen_put(p, STYLE_PLAIN, "  ");
	if (t->caused_by)
		pen_wrap(p, STYLE_PLAIN, HANG, t->caused_by);
	if (t->count > 1)
		pen_printf(p, STYLE_BOLD, "  %s%" PRIu64, pen_symbol(p, SYM_TIMES), t->count);
	pen_end(p);
	if (t->why && t->why->rules_changed)
		write_limits(p, t->why);
}

/* -- the last line of a terminal ------------------------------------------------------------------ */

static void erase_status(const struct live_out *out)
{
	if (out->status)
		fputs("\r\033[K", out->f);
}

void out_live_status(const struct live_out *out, struct arena *a, const struct tally *t)
{
	struct text w = { .arena = a };
	const char *text;

	if (!out->status)
		return;
	if (t->connections)
		text_add(&w, "%" PRIu64 " connections, ", t->connections);
	text_add(&w, "%" PRIu64 " dropped", t->drops);
	for (size_t i = 0; i < t->n_row; i++)
		text_add(&w, "%s %" PRIu64 " %s", i ? "," : ":", t->row[i].n, t->row[i].cause);
	text = text_get(&w);
	/* one line, or it could not be taken back */
	fprintf(out->f, "\r\033[K%.*s", out->o.width ? (int)out->o.width - 1 : 79, text);
	fflush(out->f);
}

/* -- all ------------------------------------------------------------------------------------------ */

void out_live_begin(const struct live_out *out, struct arena *a, const struct prediction *p, const char *command,
		    const char *const *unseen, size_t n_unseen)
{
	const char *target = p->target.target.input;
	struct pen pen;

	if (out->json) {
		out_live_json_begin(out, a, p, command, unseen, n_unseen);
		return;
	}
	pen_open(&pen, out->f, a, &out->o);
	pen_put(&pen, STYLE_BOLD, command);
	pen_wrap(&pen, STYLE_PLAIN, 2, arena_printf(a, " %s on %s, Linux %s%s%s; Ctrl-C ends it", target ? target : "every drop",
						    p->node ? p->node : "this node", p->kernel ? p->kernel : "?",
						    p->proxy.text ? ", " : "", p->proxy.text ? p->proxy.text : ""));
	pen_end(&pen);
	for (size_t i = 0; i < n_unseen; i++)
		write_note(&pen, SYM_DOUBT, STYLE_DOUBT, unseen[i]);
	fflush(out->f);
}

void out_live_told(const struct live_out *out, struct arena *a, const struct told *t)
{
	struct pen pen;

	if (out->json) {
		out_live_json_told(out, a, t);
		return;
	}
	erase_status(out);
	pen_open(&pen, out->f, a, &out->o);
	if (t->connection)
		write_connection(&pen, out, t);
	else
		write_drop(&pen, t);
	fflush(out->f);
}

static const char *tally_words(struct arena *a, const struct tally *t)
{
	struct text w = { .arena = a };
	const struct { uint64_t n; const char *words; } part[] = {
		{ t->answered, "answered" }, { t->refused, "refused" }, { t->dropped, "dropped" }, { t->unanswered, "without an answer" },
	};

	text_add(&w, "in %s", duration_say(a, t->ns));
	if (t->connections) {
		text_add(&w, " %" PRIu64 " connection%s", t->connections, t->connections == 1 ? "" : "s");
		for (size_t i = 0; i < ARRAY_SIZE(part); i++)
			if (part[i].n)
				text_add(&w, ", %" PRIu64 " %s", part[i].n, part[i].words);
	}
	text_add(&w, "%s %" PRIu64 " packet%s dropped", t->connections ? ";" : "", t->drops, t->drops == 1 ? "" : "s");
	if (!t->lost && !t->given_up)
		text_add(&w, "; no event was lost");
	return text_get(&w);
}

void out_live_end(const struct live_out *out, struct arena *a, const struct tally *t)
{
	struct pen pen;

	if (out->json) {
		out_live_json_end(out, a, t);
		return;
	}
	erase_status(out);
	pen_open(&pen, out->f, a, &out->o);
	write_note(&pen, SYM_DOT, STYLE_PLAIN, tally_words(a, t));
	for (size_t i = 0; i < t->n_row; i++) {
		pen_to(&pen, 2);
		pen_printf(&pen, STYLE_BOLD, "%8" PRIu64 "  ", t->row[i].n);
		pen_put(&pen, STYLE_PLAIN, t->row[i].cause);
		pen_end(&pen);
	}
	if (t->lost)
		write_note(&pen, SYM_DOUBT, STYLE_DOUBT, arena_printf(a, "%" PRIu64 " events were lost: more happened than is told here", t->lost));
	if (t->given_up)
		write_note(&pen, SYM_DOUBT, STYLE_DOUBT, arena_printf(a, "%" PRIu64 " connections were given up for lack of room", t->given_up));
	fflush(out->f);
}
