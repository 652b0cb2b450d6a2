/* SPDX-License-Identifier: GPL-2.0-only */
/* Live observation for scripts: one object a line. Every key of an event is always present. */
#include "tracer/out_json.h"
#include "tracer/out_live.h"

static struct json json_of(const struct live_out *out, struct arena *a, const struct prediction *p)
{
	return (struct json){ .a = a, .p = p, .o = &out->o };
}

static json_t *event(const char *name)
{
	json_t *o = json_object();

	json_object_set_new(o, "schema", json_string("ktrace/1"));
	json_object_set_new(o, "event", json_string(name));
	return o;
}

static void line(const struct live_out *out, json_t *o)
{
	json_dumpf(o, out->f, JSON_COMPACT);
	putc('\n', out->f);
	fflush(out->f);
	json_decref(o);
}

static json_t *texts(const struct json *j, const char *const *v, size_t n)
{
	json_t *l = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(l, json_text(j, v[i]));
	return l;
}

static json_t *each_way(const uint64_t n[2])
{
	json_t *o = json_object();

	json_object_set_new(o, "out", json_integer(n[OUTWARD]));
	json_object_set_new(o, "back", json_integer(n[BACK]));
	return o;
}

static json_t *process(const struct json *j, uint32_t pid, const char *comm)
{
	json_t *o;

	if (!pid)
		return json_null();
	o = json_object();
	json_object_set_new(o, "pid", json_integer(pid));
	json_object_set_new(o, "comm", json_text(j, comm));
	return o;
}

/* seconds since 1970, to the microsecond */
static json_t *when(uint64_t ns)
{
	return json_real(ns / 1000 / 1e6);
}

static json_t *drop_meaning(const struct json *j, const struct attribution *why)
{
	json_t *o;

	if (!why || !why->dropped)
		return json_null();
	o = json_object();
	json_object_set_new(o, "class", json_string(drop_class_name(why->drop.class)));
	json_object_set_new(o, "says", json_text(j, why->drop.says));
	json_object_set_new(o, "reason", json_text(j, why->drop.reason));
	json_object_set_new(o, "function", json_text(j, why->drop.function));
	return o;
}

/* What an attribution found: the same keys for a connection and a drop. */
static void add_why(json_t *o, const struct json *j, const struct told *t)
{
	const struct attribution *why = t->why;
	json_t *findings = json_array();

	for (size_t i = 0; why && i < why->p.n_finding; i++)
		json_array_append_new(findings, json_finding(j, &why->p.finding[i]));
	json_object_set_new(o, "path", why && why->p.n_trace ?
			    json_path(j, &why->p.trace[0], prediction_finding_of(&why->p, 0)) : json_null());
	json_object_set_new(o, "agrees", why ? json_boolean(why->agrees) : json_null());
	json_object_set_new(o, "differs_at", json_text(j, why ? why->differs_at : NULL));
	json_object_set_new(o, "drop", drop_meaning(j, why));
	json_object_set_new(o, "cause", json_text(j, t->cause));
	json_object_set_new(o, "caused_by", json_text(j, t->caused_by));
	json_object_set_new(o, "rules_changed", json_boolean(why && why->rules_changed));
	json_object_set_new(o, "notes", why ? texts(j, why->note, why->n_note) : json_array());
	json_object_set_new(o, "findings", findings);
}

static json_t *connection(const struct json *j, const struct told *t)
{
	const struct connection *c = t->connection;
	json_t *o = event("connection");

	json_object_set_new(o, "time", when(t->time));
	json_object_set_new(o, "number", json_integer(c->number));
	json_object_set_new(o, "news", json_string(news_name(c->news)));
	json_object_set_new(o, "tuple", json_tuple(j, &c->orig));
	json_object_set_new(o, "translated", json_tuple(j, &c->translated));
	json_object_set_new(o, "ipvs", json_tuple(j, &c->ipvs));
	json_object_set_new(o, "service", json_text(j, t->service));
	json_object_set_new(o, "from", json_text(j, t->from));
	json_object_set_new(o, "to", json_text(j, t->to));
	json_object_set_new(o, "process", process(j, c->pid, c->comm));
	json_object_set_new(o, "same_as", t->same_as ? json_integer(t->same_as) : json_null());
	json_object_set_new(o, "exact", json_text(j, t->exact));
	json_object_set_new(o, "seconds", json_real((c->last - c->first) / 1e9));
	json_object_set_new(o, "midway", json_boolean(c->midway));
	json_object_set_new(o, "answered", json_boolean(c->answered));
	json_object_set_new(o, "refused", json_boolean(c->refused));
	json_object_set_new(o, "packets", each_way(c->packets));
	json_object_set_new(o, "retransmitted", each_way(c->retransmitted));
	json_object_set_new(o, "resets", each_way(c->resets));
	json_object_set_new(o, "icmp_errors", json_integer(c->icmp_errors));
	json_object_set_new(o, "drops", json_integer(c->drops));
	return o;
}

static json_t *drop(const struct json *j, const struct told *t)
{
	const struct sighting *s = t->drop;
	struct tuple tuple = packet_tuple(&s->p);
	json_t *o = event("drop");

	json_object_set_new(o, "time", when(t->time));
	json_object_set_new(o, "tuple", json_tuple(j, &tuple));
	json_object_set_new(o, "service", json_text(j, t->service));
	json_object_set_new(o, "from", json_text(j, t->from));
	json_object_set_new(o, "to", json_text(j, t->to));
	json_object_set_new(o, "process", s->task ? process(j, s->pid, s->comm) : json_null());
	json_object_set_new(o, "interface", json_text(j, s->ifname[0] ? s->ifname : NULL));
	json_object_set_new(o, "netns", json_integer(s->netns));
	json_object_set_new(o, "mark", json_integer(s->p.mark));
	json_object_set_new(o, "length", json_integer(s->p.len));
	json_object_set_new(o, "count", json_integer(t->count));
	return o;
}

void out_live_json_begin(const struct live_out *out, struct arena *a, const struct prediction *p, const char *command,
			 const char *const *unseen, size_t n_unseen)
{
	const struct json j = json_of(out, a, p);
	json_t *o = event("begin");

	json_object_set_new(o, "command", json_string(command));
	json_object_set_new(o, "node", json_node(&j));
	json_object_set_new(o, "target", p->target.target.input ? json_target(&j) : json_null());
	json_object_set_new(o, "unseen", texts(&j, unseen, n_unseen));
	line(out, o);
}

void out_live_json_told(const struct live_out *out, struct arena *a, const struct told *t)
{
	const struct json j = json_of(out, a, t->why ? &t->why->p : NULL);
	json_t *o = t->connection ? connection(&j, t) : drop(&j, t);

	add_why(o, &j, t);
	line(out, o);
}

void out_live_json_end(const struct live_out *out, struct arena *a UNUSED, const struct tally *t)
{
	json_t *o = event("end"), *causes = json_object();
	const struct { const char *key; uint64_t n; } counts[] = {
		{ "connections", t->connections }, { "answered", t->answered }, { "refused", t->refused }, { "dropped", t->dropped },
		{ "unanswered", t->unanswered }, { "drops", t->drops }, { "lost", t->lost }, { "given_up", t->given_up },
	};

	for (size_t i = 0; i < t->n_row; i++)
		json_object_set_new(causes, t->row[i].cause, json_integer(t->row[i].n));
	json_object_set_new(o, "seconds", json_real(t->ns / 1e9));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		json_object_set_new(o, counts[i].key, json_integer(counts[i].n));
	json_object_set_new(o, "causes", causes);
	line(out, o);
}
