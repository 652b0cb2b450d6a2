/* SPDX-License-Identifier: GPL-2.0-only */
/* What was seen of a packet, held against what the engine says of it: on recorded nodes, and with sightings that lie. */
#include "recorded_fixture.h"

#include <glob.h>
#include <jansson.h>

/* -- every recorded node ---------------------------------------------------------------------------- */

struct sweep {
	unsigned nodes, paths, named;
	unsigned drops, drops_named;	/* of those the drop alone, as `ktrace drops` has it */
	unsigned stitched, answers;	/* both directions by way of the stitcher; of these the answer lost */
	unsigned bad;
};

static const struct evidence *decider(const struct trace *t)
{
	const struct hop *h = t->n_hops ? &t->hops[t->n_hops - 1] : NULL;

	for (size_t i = h ? h->n_evidence : 0; i-- > 0;)
		if (h->evidence[i].kind == EV_POLICY ||
		    (h->evidence[i].kind == EV_RULE && h->evidence[i].effect == EFFECT_VERDICT))
			return &h->evidence[i];
	return NULL;
}

static const char *same_story(const struct trace *want, const struct attribution *got)
{
	const struct trace *t = got->p.trace;
	const struct evidence *a = decider(want), *b = decider(t);

	if (!got->agrees)
		return got->differs_at;
	if (want->end.kind != t->end.kind || want->end.cause != t->end.cause)
		return "another end";
	if (!a != !b || (a && strcmp(a->text, b->text)))
		return "another rule";
	if (want->has_endpoint && end_reaches(want->end.kind) &&
	    (!addr_eq(&want->endpoint, &t->endpoint) || want->endpoint_port != t->endpoint_port))
		return "another endpoint";
	return NULL;
}

/* From the drop alone: the same, or nothing that is wrong. */
static void sweep_drop(struct sweep *w, struct recorded *r, const char *name, struct attribute *at, const struct seen *l,
		       const struct trace *want)
{
	const struct evidence *a = decider(want), *b;
	struct attribution got;
	struct err err = { "" };

	if (!l->j.drop)
		return;
	w->drops++;
	assert_int_equal(attribute_sighting(at, r->arena, l->j.drop, NULL, &got, &err), 0);
	b = decider(got.p.trace);
	assert_non_null(got.caused_by);
	if (got.agrees && a && b && !strcmp(a->text, b->text))
		w->drops_named++;
	if ((a && b && strcmp(a->text, b->text)) || end_reaches(got.p.trace->end.kind)) {
		print_error("%s: from its drop alone: `%s`, not `%s`\n", name, got.caused_by, want->end.why);
		w->bad++;
	} else if (!got.agrees || (a && !b)) {
		print_message("%s: from its drop alone: %s; %s\n", name, got.caused_by, got.differs_at ? got.differs_at :
			      got.n_note ? got.note[0] : "");
	}
}

/* Every sighting of both directions goes through the stitcher, and what that tells is held against the trace. */
static void sweep_stitched(struct sweep *w, struct recorded *r, const char *name, struct attribute *at, const struct trace *t)
{
	struct seen out = { .arena = r->arena, .now = 1000 }, back = { .arena = r->arena };
	struct probe_filter f = { .addressed = true };
	struct stitch_options o = { .filter = &f, .n_filter = 1, .words = fixture_words };
	const struct connection *c;
	struct attribution got;
	struct err err = { "" };
	struct stitch *st;
	const char *wrong;

	if (t->end.cause == CAUSE_REPLY_BYPASS || !seen_trace(&out, t, false) || out.v[0]->p.proto != out.v[out.n - 1]->p.proto)
		return;
	back.now = out.now;
	back.picked = out.picked;
	/* a socket that finds no way to answer shows nothing */
	if (!seen_trace(&back, t, true) && t->end.cause == CAUSE_REPLY_DROPPED)
		return;
	f.addr = out.v[0]->p.dst;
	f.port = out.v[0]->p.dport;
	f.proto = out.v[0]->p.proto;
	if (f.proto == IPPROTO_ICMP || f.proto == IPPROTO_ICMPV6)
		f.port = 0;
	st = stitch_new(&o);
	for (size_t i = 0; i < out.n; i++)
		stitch_add(st, out.v[i]);
	for (size_t i = 0; i < back.n; i++)
		stitch_add(st, back.v[i]);
	c = stitch_next(st, UINT64_MAX);
	assert_non_null(c);
	assert_int_equal(attribute_connection(at, r->arena, c, NULL, &got, &err), 0);
	w->stitched++;
	w->answers += t->end.cause == CAUSE_REPLY_DROPPED;
	wrong = stitch_counts(st).strange ? "strange sightings" : stitch_counts(st).connections > 1 ? "two connections" :
		same_story(t, &got);
	if (wrong) {
		print_error("%s: stitched: %s\n  want %s (%s), got %s (%s)\n", name, wrong, end_kind_name(t->end.kind), t->end.why,
			    end_kind_name(got.p.trace->end.kind), got.p.trace->end.why);
		w->bad++;
	}
	stitch_free(st);
}

/* A connection of one lost packet. */
static struct connection alone(const struct journey *const *j, const struct tuple *orig)
{
	return (struct connection){ .number = 1, .orig = *orig, .journey = j, .n_journey = 1, .packets = { 1, 0 } };
}

static void sweep_path(struct sweep *w, struct recorded *r, const char *name, const struct trace *t)
{
	struct seen l = { .arena = r->arena, .now = 1000 };
	struct attribute *at = attribute_over(r->arena, r->s, &fixture_words);
	const struct journey *j = &l.j;
	struct attribution got;
	struct connection c;
	struct err err = { "" };
	const char *wrong;
	struct tuple orig;

	/* what nobody knows proves nothing */
	if (t->end.kind == END_UNKNOWN || t->end.kind == END_LOOP)
		return;
	sweep_stitched(w, r, name, at, t);
	/* the answer is another packet */
	if (t->end.cause == CAUSE_REPLY_DROPPED || t->end.cause == CAUSE_REPLY_BYPASS || !seen_trace(&l, t, false))
		return;
	orig = packet_tuple(&l.v[0]->p);
	c = alone(&j, &orig);
	w->paths++;
	if (attribute_connection(at, r->arena, &c, NULL, &got, &err)) {
		print_error("%s: %s\n", name, err.text);
		w->bad++;
		return;
	}
	w->named += decider(got.p.trace) != NULL;
	wrong = same_story(t, &got);
	sweep_drop(w, r, name, at, &l, t);
	if (!wrong)
		return;
	print_error("%s: %s > %s: %s\n  want %s (%s), got %s (%s)\n", name, endpoint_say(r->arena, &orig.src, orig.sport),
		    endpoint_say(r->arena, &orig.dst, orig.dport), wrong, end_kind_name(t->end.kind), t->end.why,
		    end_kind_name(got.p.trace->end.kind), got.p.trace->end.why);
	w->bad++;
}

static void sweep_tuple(struct sweep *w, struct recorded *r, const char *name, const struct source *source, const struct tuple *tuple)
{
	struct walk_options o = { .source = source, .sport = 45678, .all = true };
	const struct trace *t;
	struct err err = { "" };
	size_t n;

	if (source->kind == SOURCE_ADDRESS && source->addr.family != tuple->dst.family)
		return;
	if (walk(r->s, r->arena, &o, tuple, &t, &n, &err))
		return;
	for (size_t i = 0; i < n; i++)
		if (t[i].share_kind != SHARE_UNKNOWN)
			sweep_path(w, r, name, &t[i]);
}

static uint8_t proto_of(const char *name)
{
	return !name ? 0 : !strcasecmp(name, "tcp") ? IPPROTO_TCP : !strcasecmp(name, "udp") ? IPPROTO_UDP :
	       !strcasecmp(name, "sctp") ? IPPROTO_SCTP : !strcasecmp(name, "icmp") ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

static void sweep_question(struct sweep *w, struct recorded *r, const char *path)
{
	json_t *doc = json_load_file(path, JSON_DISABLE_EOF_CHECK, NULL), *port, *addr;
	const char *from = json_string_value(json_object_get(json_object_get(doc, "source"), "input"));
	struct source source;
	struct err err = { "" };
	size_t i, k;

	if (!from || source_parse(r->s, r->arena, from, &source, &err)) {
		json_decref(doc);
		return;
	}
	json_array_foreach(json_object_get(json_object_get(doc, "target"), "ports"), i, port) {
		json_array_foreach(json_object_get(port, "addresses"), k, addr) {
			struct tuple t = { .sport = 45678, .dport = json_integer_value(json_object_get(port, "port")),
					   .proto = proto_of(json_string_value(json_object_get(port, "protocol"))),
					   .dst = at_addr(json_string_value(addr)) };

			if (t.proto == IPPROTO_ICMP || t.proto == IPPROTO_ICMPV6)
				t.dport = t.proto == IPPROTO_ICMP ? 8 << 8 : 128 << 8;
			sweep_tuple(w, r, path + strlen(NODES), &source, &t);
		}
	}
	json_decref(doc);
}

/* A packet that goes the way that was predicted is told as such, with the rule that decides. */
static void every_recorded_node(void **state)
{
	struct sweep w = { 0 };
	glob_t nodes, questions;

	(void)state;
	assert_int_equal(glob(NODES "*", 0, NULL, &nodes), 0);
	for (size_t i = 0; i < nodes.gl_pathc; i++) {
		char pattern[512];
		struct recorded r;

		assert_true(recorded_open(&r, nodes.gl_pathv[i]));
		snprintf(pattern, sizeof(pattern), "%s/*.json", nodes.gl_pathv[i]);
		assert_int_equal(glob(pattern, 0, NULL, &questions), 0);
		for (size_t k = 0; k < questions.gl_pathc; k++)
			sweep_question(&w, &r, questions.gl_pathv[k]);
		globfree(&questions);
		recorded_close(&r);
		w.nodes++;
	}
	globfree(&nodes);
	print_message("%u nodes, %u paths seen and told again, %u of them with the deciding rule; %u drops alone, %u of them with the "
		      "rule; %u wrongly\n", w.nodes, w.paths, w.named, w.drops, w.drops_named, w.bad);
	print_message("%u connections of both directions, %u of them with a lost answer\n", w.stitched, w.answers);
	assert_int_equal(w.bad, 0);
	assert_true(w.paths > 100 && w.named > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_recorded_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
