/* SPDX-License-Identifier: GPL-2.0-only */
/* A prediction for people: the verdict, who sends what where, the tree of ways, findings, the verdict again. */
#include <string.h>

#include "tracer/out_text.h"
#include "tracer/word.h"

static const struct { enum style style; enum symbol symbol; } outcome_rows[] = {
	[OUTCOME_REACHES] = { STYLE_GOOD, SYM_GOOD }, [OUTCOME_PARTLY] = { STYLE_BAD, SYM_BAD },
	[OUTCOME_FAILS] = { STYLE_BAD, SYM_BAD }, [OUTCOME_UNKNOWN] = { STYLE_DOUBT, SYM_DOUBT },
};

/* -- verdict -------------------------------------------------------------------------------------- */

struct count {
	size_t reach, fail, unknown;
	double share;			/* that arrives, over all targets */
	const struct trace *bad;	/* the first that fails, else the first unknown */
};

static struct count count_ends(const struct prediction *pr)
{
	struct count c = { 0 };
	double all = 0;

	for (size_t i = 0; i < pr->n_trace; i++) {
		const struct trace *t = &pr->trace[i];

		all += t->share;
		if (end_reaches(t->end.kind)) {
			c.reach++;
			c.share += t->share;
		} else if (t->end.kind == END_UNKNOWN) {
			c.unknown++;
		} else if (!c.fail++) {
			c.bad = t;
		}
	}
	for (size_t i = 0; !c.bad && i < pr->n_trace; i++)
		if (pr->trace[i].end.kind == END_UNKNOWN)
			c.bad = &pr->trace[i];
	c.share = all > 0 ? c.share / all : 0;
	return c;
}

/* Does it end at another address or port than it was sent to? */
static bool is_elsewhere(const struct trace *t)
{
	return t->has_endpoint && (!addr_eq(&t->endpoint, &t->target.dst) ||
				   (t->endpoint_port && t->endpoint_port != t->target.dport));
}

/* The cause by its finding, and the clause that the end itself has. */
static const char *why_of(struct pen *p, const struct prediction *pr, const struct trace *t)
{
	const char *why = t && t->end.why && *t->end.why ? t->end.why : "what decides could not be read";
	const char *id = t ? prediction_finding_of(pr, t - pr->trace) : NULL;

	for (size_t i = 0; id && i < pr->n_finding; i++)
		if (pr->finding[i].id == id && pr->finding[i].severity == SEVERITY_ERROR)
			return arena_printf(p->a, "%s (%s)", pr->finding[i].title, why);
	return why;
}

/* What left this node is not said to have arrived. */
static const char *reach_words(struct pen *p, const struct prediction *pr)
{
	const struct trace *t = pr->trace;
	const char *endpoint, *why = t->end.why && *t->end.why ? t->end.why : NULL;

	if (pr->n_trace > 1)
		return arena_printf(p->a, "reaches: all %zu ways arrive", pr->n_trace);
	endpoint = is_elsewhere(t) ? endpoint_say(p->a, &t->endpoint, t->endpoint_port) : NULL;
	if (endpoint && t->end.kind == END_DELIVERED)
		return arena_printf(p->a, "reaches %s", endpoint);
	return arena_printf(p->a, "is %s%s%s%s%s", end_words(t->end.kind), endpoint ? " to " : "", endpoint ? endpoint : "",
			    why ? ": " : "", why ? why : "");
}

/* Sent on, and yet an error was found: a Service's address that nobody translated. */
static const struct finding *but(const struct prediction *pr)
{
	for (size_t i = 0; pr->outcome == OUTCOME_REACHES && i < pr->n_finding; i++)
		if (pr->finding[i].severity == SEVERITY_ERROR)
			return &pr->finding[i];
	return NULL;
}

static const char *verdict_words(struct pen *p, const struct prediction *pr)
{
	struct count c = count_ends(pr);
	const char *why = why_of(p, pr, c.bad);
	const char *first_gap = pr->n_gap ? pr->gap[0] : why;

	switch (pr->outcome) {
	case OUTCOME_REACHES:
		return but(pr) ? arena_printf(p->a, "%s. But: %s", reach_words(p, pr), but(pr)->title) : reach_words(p, pr);
	case OUTCOME_PARTLY:
		return arena_printf(p->a, "works only partly: %zu of %zu ways arrive (%s). %s", c.reach, pr->n_trace,
				    share_say(p->a, c.share), why);
	case OUTCOME_FAILS:
		return arena_printf(p->a, "fails%s: %s", pr->n_trace > 1 ? " on every way" : "", why);
	default:
		return arena_printf(p->a, "cannot be told: %s", first_gap);
	}
}

static void write_verdict(struct pen *p, const struct prediction *pr)
{
	enum style style = but(pr) ? STYLE_DOUBT : outcome_rows[pr->outcome].style;

	pen_put(p, style, pen_symbol(p, but(pr) ? SYM_DOT : outcome_rows[pr->outcome].symbol));
	pen_put(p, STYLE_PLAIN, " ");
	pen_put(p, STYLE_BOLD, pr->target.target.input);
	pen_put(p, STYLE_PLAIN, " ");
	pen_wrap(p, style, 2, verdict_words(p, pr));
	pen_end(p);
}

/* -- header --------------------------------------------------------------------------------------- */

static void write_node(struct pen *p, const struct prediction *pr)
{
	struct text t = { .arena = p->a };

	text_add(&t, "Linux %s, %s", pr->kernel ? pr->kernel : "?", pr->proxy.text);
	for (size_t i = 0; i < pr->proxy.n_others; i++)
		text_add(&t, "%s%s", i ? ", " : "; left over: ", pr->proxy.others[i]);
	for (size_t i = 0; pr->proxy.n_others && i < pr->proxy.n_met; i++)
		text_add(&t, "%s%s", i ? " and " : "; this packet meets ", pr->proxy.met[i]);
	if (pr->proxy.n_others && !pr->proxy.n_met)
		text_add(&t, "; this packet meets none of them");
	pen_put(p, STYLE_DIM, "node");
	pen_to(p, 6);
	pen_put(p, STYLE_BOLD, pr->node ? pr->node : "?");
	pen_put(p, STYLE_PLAIN, ", ");
	pen_wrap(p, STYLE_PLAIN, 6, text_get(&t));
	pen_end(p);
}

static void write_source(struct pen *p, const struct prediction *pr)
{
	struct text t = { .arena = p->a };
	char buf[ADDR_TEXT];

	text_add(&t, "%s", pr->source.input);
	if (pr->source_addr.family && pr->source.kind != SOURCE_ADDRESS)
		text_add(&t, ", %s", addr_say(&pr->source_addr, buf));
	if (pr->source_iface && !pr->source.iface)
		text_add(&t, ", arriving on %s", pr->source_iface);
	if (pr->target.target.kind != TARGET_ICMP)
		text_add(&t, ", source port %u", pr->sport);
	pen_put(p, STYLE_DIM, "from");
	pen_to(p, 6);
	pen_wrap(p, STYLE_PLAIN, 6, text_get(&t));
	pen_end(p);
}

static const char *port_words(struct pen *p, const struct prediction *pr, const struct target_port *tp)
{
	struct text t = { .arena = p->a };
	const struct target *target = &pr->target.target;
	char buf[ADDR_TEXT];

	if (target->kind == TARGET_SERVICE)
		text_add(&t, "service %s/%s, port %u/%s%s%s", target->namespace, target->name, tp->port,
			 proto_say(p->a, tp->proto), tp->name ? " " : "", tp->name ? tp->name : "");
	else if (target->kind == TARGET_NODEPORT)
		text_add(&t, "NodePort %u/%s%s%s", tp->port, proto_say(p->a, tp->proto), tp->name ? " " : "",
			 tp->name ? tp->name : "");
	else if (target->kind == TARGET_POD && tp->port)
		text_add(&t, "pod %s/%s, port %u/%s%s%s", target->namespace, target->name, tp->port,
			 proto_say(p->a, tp->proto), tp->name ? " " : "", tp->name ? tp->name : "");
	else if (target->kind == TARGET_POD)
		text_add(&t, "pod %s/%s", target->namespace, target->name);
	else
		text_add(&t, "%s", target->input);
	for (size_t i = 0; target->kind != TARGET_ADDRESS && target->kind != TARGET_ICMP && i < tp->n_addr; i++)
		text_add(&t, "%s%s", i ? ", " : " at ", addr_say(&tp->addr[i], buf));
	if (pr->target.service && target->kind != TARGET_SERVICE)
		text_add(&t, ", of service %s", pr->target.service);
	return text_get(&t);
}

static void write_target(struct pen *p, const struct prediction *pr)
{
	for (size_t i = 0; i < pr->target.n_port; i++) {
		if (!i)
			pen_put(p, STYLE_DIM, "to");
		pen_to(p, 6);
		pen_wrap(p, STYLE_PLAIN, 6, port_words(p, pr, &pr->target.port[i]));
		pen_end(p);
	}
}

/* -- the ways, target by target ------------------------------------------------------------------- */

static bool same_target(const struct trace *a, const struct trace *b)
{
	return addr_eq(&a->target.dst, &b->target.dst) && a->target.dport == b->target.dport &&
	       a->target.proto == b->target.proto;
}

static void write_ways(struct pen *p, const struct prediction *pr, const struct out_options *o)
{
	for (size_t i = 0, end; i < pr->n_trace; i = end) {
		for (end = i + 1; end < pr->n_trace && same_target(&pr->trace[i], &pr->trace[end]); end++)
			;
		pen_end(p);
		pen_put(p, STYLE_BOLD, target_say(p->a, &pr->trace[i].target));
		if (end - i == 1 && is_elsewhere(&pr->trace[i]))
			pen_printf(p, STYLE_PLAIN, " %s %s", pen_symbol(p, SYM_ARROW),
				   endpoint_say(p->a, &pr->trace[i].endpoint, pr->trace[i].endpoint_port));
		if (end - i == 1)
			pen_put(p, STYLE_PLAIN, owner_words(p->a, &pr->trace[i]));
		pen_end(p);
		write_tree(p, pr, i, end, o);
	}
}

/* -- findings ------------------------------------------------------------------------------------- */

static void write_part(struct pen *p, const char *label, enum style style, const char *text)
{
	pen_to(p, 2);
	if (*label)
		pen_put(p, STYLE_DIM, label);
	if (*label)
		pen_to(p, 8);
	pen_wrap(p, style, *label ? 8 : 2, text);
	pen_end(p);
}

/*
 * Lines of a fix are commands to copy, so they are not broken; a remark behind one that makes it too long
 * goes before it. Remarks are.
 */
static void write_fix(struct pen *p, const char *fix)
{
	while (*fix) {
		size_t len = strcspn(fix, "\n");
		const char *line = arena_strndup(p->a, fix, len), *remark = strstr(line, "  # ");

		if (!p->column)
			pen_to(p, 8);
		if (remark && 8 + word_width(line) > p->width) {
			pen_wrap(p, STYLE_DIM, 8, remark + 2);
			pen_end(p);
			pen_to(p, 8);
			while (remark > line && remark[-1] == ' ')
				remark--;
			line = arena_strndup(p->a, line, remark - line);
		}
		if (*line == '#')
			pen_wrap(p, STYLE_DIM, 10, line);
		else
			pen_put(p, STYLE_BOLD, line);
		pen_end(p);
		fix += len + (fix[len] == '\n');
	}
}

void write_finding(struct pen *p, const struct finding *f)
{
	static const struct { enum style style; enum symbol symbol; } rows[] = {
		[SEVERITY_ERROR] = { STYLE_BAD, SYM_BAD }, [SEVERITY_WARNING] = { STYLE_DOUBT, SYM_DOT },
		[SEVERITY_NOTE] = { STYLE_PLAIN, SYM_DOT },
	};
	enum style style = f->perhaps ? STYLE_DOUBT : rows[f->severity].style;

	pen_end(p);
	pen_put(p, style, pen_symbol(p, f->perhaps ? SYM_DOUBT : rows[f->severity].symbol));
	pen_put(p, STYLE_PLAIN, f->perhaps ? " Perhaps: " : " ");
	pen_wrap(p, style, 2, f->title);
	pen_printf(p, STYLE_DIM, " [%s]", f->id);
	pen_end(p);
	if (f->text)
		write_part(p, "", STYLE_PLAIN, f->text);
	for (size_t i = 0; i < f->n_evidence; i++) {
		const char *place = evidence_place(p->a, &f->evidence[i]);
		const char *text = f->evidence[i].kind == EV_POLICY ? NULL : f->evidence[i].text;

		if (place || text)
			write_part(p, evidence_kind_name(f->evidence[i].kind), STYLE_DIM,
				   arena_printf(p->a, "%s%s%s", place ? place : "", place && text ? ": " : "",
						text ? text : ""));
	}
	if (f->fix) {
		pen_to(p, 2);
		pen_put(p, STYLE_DIM, "fix");
		pen_to(p, 8);
		write_fix(p, f->fix);
	}
}

static bool in_a_trace(const struct prediction *pr, const char *gap)
{
	for (size_t i = 0; i < pr->n_trace; i++)
		for (size_t k = 0; k < pr->trace[i].n_gaps; k++)
			if (!strcmp(pr->trace[i].gaps[k], gap))
				return true;
	return false;
}

/* What could not be read but stands at no path. */
static void write_unknown(struct pen *p, const struct prediction *pr)
{
	bool any = false;

	for (size_t i = 0; i < pr->n_gap; i++) {
		if (in_a_trace(pr, pr->gap[i]))
			continue;
		if (!any)
			pen_end(p);
		any = true;
		pen_put(p, STYLE_DOUBT, pen_symbol(p, SYM_DOUBT));
		pen_put(p, STYLE_PLAIN, " ");
		pen_wrap(p, STYLE_DOUBT, 2, pr->gap[i]);
		pen_end(p);
	}
}

/* -- what was sent -------------------------------------------------------------------------------- */

static void write_judgement(struct pen *p, const struct observed_probe *probe)
{
	static const struct { enum style style; enum symbol symbol; } rows[] = {
		[NO] = { STYLE_BAD, SYM_BAD }, [YES] = { STYLE_GOOD, SYM_GOOD }, [UNKNOWN] = { STYLE_DOUBT, SYM_DOUBT },
	};
	const char *words = "nothing that was seen tells whether it went as predicted";

	if (probe->agrees == YES)
		words = arena_printf(p->a, "as predicted, by %s", probe->basis ? probe->basis : "all that was seen");
	else if (probe->agrees == NO)
		words = arena_printf(p->a, "not as predicted%s%s: %s", probe->differs_at ? ", at " : "",
				     probe->differs_at ? probe->differs_at : "", probe->differs);
	pen_to(p, 6);
	pen_put(p, rows[probe->agrees].style, pen_symbol(p, rows[probe->agrees].symbol));
	pen_put(p, STYLE_PLAIN, " ");
	pen_wrap(p, rows[probe->agrees].style, 8, words);
	pen_end(p);
}

/* Where the kernel went another way than predicted, or shows what no prediction could: its own way. */
static bool tells_more(const struct prediction *pr, const struct observed_probe *probe)
{
	return probe->followed && (probe->agrees == NO || (pr->outcome == OUTCOME_UNKNOWN && probe->trace->end.kind != END_UNKNOWN));
}

static void write_observed(struct pen *p, const struct prediction *pr)
{
	const struct observed *ob = pr->observed;

	for (size_t i = 0; i < ob->n_probe; i++) {
		const struct observed_probe *probe = &ob->probe[i];

		pen_end(p);
		pen_put(p, STYLE_DIM, "sent");
		pen_to(p, 6);
		pen_wrap(p, STYLE_PLAIN, 6, arena_printf(p->a, "%s: %s", tuple_say(p->a, &probe->tuple), probe->result));
		pen_end(p);
		write_judgement(p, probe);
		if (tells_more(pr, probe))
			write_hops(p, probe->trace, 0, 0, probe->trace->n_hops, &(struct out_options){});
	}
	for (size_t i = 0; i < ob->n_unseen; i++) {
		pen_to(p, 6);
		pen_put(p, STYLE_DIM, "not seen: ");
		pen_wrap(p, STYLE_DIM, 8, ob->unseen[i]);
		pen_end(p);
	}
}

void out_text(FILE *f, struct arena *a, const struct prediction *pr, const struct out_options *o)
{
	struct pen p;

	pen_open(&p, f, a, o);
	write_verdict(&p, pr);
	pen_end(&p);
	write_node(&p, pr);
	write_source(&p, pr);
	write_target(&p, pr);
	write_ways(&p, pr, o);
	write_hooks(&p, pr);
	if (pr->observed)
		write_observed(&p, pr);
	for (size_t i = 0; i < pr->n_finding; i++)
		write_finding(&p, &pr->finding[i]);
	write_unknown(&p, pr);
	pen_end(&p);
	write_verdict(&p, pr);
}
