/* SPDX-License-Identifier: GPL-2.0-only */
/* What was seen of a packet, held against what the engine says of it: on recorded nodes, and with sightings that lie. */
#include "recorded_fixture.h"

#include <glob.h>
#include <jansson.h>

/* -- every recorded node ---------------------------------------------------------------------------- */

struct sweep {
	unsigned nodes, paths, named;
	unsigned drops, drops_named;	/* of those the drop alone, as `ktrace drops` has it */
	unsigned lossy, lossy_same;	/* with one sighting lost; of these told as if it were not */
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

/* Sightings get lost: whichever it is, no other rule may be named for it. */
static void sweep_lossy(struct sweep *w, struct recorded *r, const char *name, struct attribute *at, const struct seen *l,
			const struct trace *want)
{
	const struct evidence *a = decider(want), *b;
	struct tuple orig = packet_tuple(&l->v[0]->p);

	for (size_t lost = 0; lost + 1 < l->n; lost++) {
		const struct sighting **v = arena_alloc(r->arena, l->n * sizeof(*v));
		struct journey j = { .seen = v, .drop = l->j.drop, .refused = l->j.refused };
		const struct journey *pj = &j;
		struct connection c = { .number = 1, .orig = orig, .journey = &pj, .n_journey = 1 };
		struct attribution got;
		struct err err = { "" };

		if (l->v[lost] == j.drop || l->v[lost] == j.refused)
			continue;
		for (size_t i = 0; i < l->n; i++)
			if (i != lost)
				v[j.n++] = l->v[i];
		assert_int_equal(attribute_connection(at, r->arena, &c, NULL, &got, &err), 0);
		w->lossy++;
		b = decider(got.p.trace);
		w->lossy_same += got.agrees && got.p.trace->end.kind == want->end.kind && (!a || (b && !strcmp(a->text, b->text)));
		if ((a && b && strcmp(a->text, b->text)) ||
		    (got.p.trace->end.kind != END_UNKNOWN && end_reaches(got.p.trace->end.kind) != end_reaches(want->end.kind))) {
			print_error("%s: without sighting %zu: %s (%s), not %s (%s)\n", name, lost, end_kind_name(got.p.trace->end.kind),
				    got.p.trace->end.why, end_kind_name(want->end.kind), want->end.why);
			w->bad++;
		}
	}
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
	sweep_lossy(w, r, name, at, &l, t);
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
	print_message("%u times with a sighting lost, %u of them told the same\n", w.lossy, w.lossy_same);
	print_message("%u connections of both directions, %u of them with a lost answer\n", w.stitched, w.answers);
	assert_int_equal(w.bad, 0);
	assert_true(w.paths > 100 && w.named > 50);
}

/* -- what the engine did not foresee ---------------------------------------------------------------- */

/* A Service of a real kube-proxy, from a pod. */
struct story {
	struct recorded r;
	struct attribute *at;
	struct seen l;
	const struct trace *t;
	const struct journey *j;
	struct connection c;
	struct attribution got;
};

static void tell_of(struct story *y, const char *node, const char *from, const char *to, uint16_t port, uint8_t proto)
{
	struct walk_options o = { .sport = 45678 };
	struct tuple t = { .sport = 45678, .dport = port, .proto = proto, .dst = at_addr(to) };
	struct err err = { "" };
	struct source source;
	size_t n;

	memset(y, 0, sizeof(*y));
	assert_true(recorded_open(&y->r, node));
	y->at = attribute_over(y->r.arena, y->r.s, &fixture_words);
	assert_int_equal(source_parse(y->r.s, y->r.arena, from, &source, &err), 0);
	o.source = &source;
	assert_int_equal(walk(y->r.s, y->r.arena, &o, &t, &y->t, &n, &err), 0);
	y->l = (struct seen){ .arena = y->r.arena, .now = 1000 };
	assert_true(seen_trace(&y->l, y->t, false));
	y->j = &y->l.j;
	t = packet_tuple(&y->l.v[0]->p);
	y->c = alone(&y->j, &t);
}

static const struct trace *told(struct story *y)
{
	struct err err = { "" };

	y->l.j.seen = y->l.v;
	y->l.j.n = y->l.n;
	assert_int_equal(attribute_connection(y->at, y->r.arena, &y->c, NULL, &y->got, &err), 0);
	return y->got.p.trace;
}

static struct sighting *seen_last(struct story *y)
{
	return (struct sighting *)y->l.v[y->l.n - 1];
}

#define KUBE	NODES "kube-proxy-v1.36.3-iptables-nft"

static void web(struct story *y)
{
	tell_of(y, KUBE, "netns/client", "10.96.10.1", 80, IPPROTO_TCP);
	assert_true(end_reaches(y->t->end.kind));
	assert_true(y->l.n >= 3);
}

static void sent_elsewhere_than_any_rule(void **state)
{
	const struct trace *t;
	struct story y;

	(void)state;
	web(&y);
	for (size_t i = 0; i < y.l.n; i++) {
		struct sighting *s = (struct sighting *)y.l.v[i];

		if (!addr_eq(&s->p.dst, &y.c.orig.dst)) {
			s->p.dst = at_addr("10.244.77.7");
			s->p.ct.back.src = s->p.dst;
		}
	}
	t = told(&y);
	assert_false(y.got.agrees);
	assert_non_null(strstr(y.got.differs_at, "10.244.77.7"));
	assert_true(t->n_hops >= 2);
	assert_int_equal(t->hops[t->n_hops - 1].out.dst.b[3], 7);
	recorded_close(&y.r);
}

static void dropped_where_no_rule_drops(void **state)
{
	const struct trace *t;
	struct story y;

	(void)state;
	web(&y);
	seen_drop(&y.l, &seen_last(&y)->p, R_NETFILTER, F_NFT, 0);
	t = told(&y);
	assert_false(y.got.agrees);
	assert_non_null(strstr(y.got.differs_at, "the kernel dropped it"));
	assert_int_equal(t->end.kind, END_DROP);
	assert_int_equal(t->end.cause, CAUSE_KERNEL);
	assert_string_equal(t->end.why, "a rule or policy of nf_tables dropped it");
	assert_int_equal(t->hops[t->n_hops - 1].stage, STAGE_HOOK);
	assert_null(decider(t));
	assert_string_equal(y.got.p.finding[0].id, "kernel-drop");
	assert_true(y.got.dropped && y.got.at->place == PLACE_DROP);
	recorded_close(&y.r);
}

/* The kernel knows more than any rule: the way is as predicted, the end is not. */
static void dropped_behind_all_rules(void **state)
{
	struct packet p;
	struct story y;
	const struct trace *t;

	(void)state;
	tell_of(&y, NODES "healthy-clusterip-same-bridge", "netns/lab-pod1", "10.96.0.50", 80, IPPROTO_TCP);
	assert_int_equal(y.t->end.kind, END_DELIVERED);
	p = y.t->hops[y.t->n_hops - 1].out;
	seen_drop(&y.l, &p, R_RCVBUFF, F_UDP_QUEUE, 0);
	t = told(&y);
	assert_true(y.got.agrees);
	assert_int_equal(t->end.kind, END_DROP);
	assert_int_equal(t->end.cause, CAUSE_SOCKET_BUFFER);
	assert_int_equal(t->hops[t->n_hops - 1].stage, STAGE_SOCKET);
	assert_string_equal(y.got.p.finding[0].id, "socket-buffer-full");
	/* the translation on the way is named all the same */
	assert_non_null(y.got.p.target.service);
	y.l.j.drop = NULL;
	y.l.n--;
	seen_refusal(&y.l, &p, PLACE_LISTEN_FULL);
	t = told(&y);
	assert_true(y.got.agrees);
	assert_int_equal(t->end.cause, CAUSE_LISTEN_BACKLOG);
	assert_string_equal(y.got.p.finding[0].id, "listen-backlog-overflow");
	recorded_close(&y.r);
}

/* The packet waits for its next hop's MAC: that nobody answers shows when the kernel gives up, seconds later. */
static void waiting_for_a_neighbour(void **state)
{
	const struct trace *t;
	struct story y;

	(void)state;
	tell_of(&y, NODES "neighbour-failed", "fd02::1%eth0", "fd96::66", 80, IPPROTO_TCP);
	assert_int_equal(y.t->end.cause, CAUSE_NEIGHBOUR_FAILED);
	assert_ptr_equal(seen_last(&y), y.l.j.drop);
	y.l.j.drop = NULL;
	y.l.n--;
	t = told(&y);
	assert_true(y.got.agrees);
	assert_int_equal(t->end.cause, CAUSE_NEIGHBOUR_FAILED);
	assert_string_equal(y.got.p.finding[0].id, "stale-dnat-dead-pod");
	recorded_close(&y.r);
}

/* Without reasons, as in 5.10, and without symbols: the hook that it entered last tells. */
static void no_reasons_no_symbols(void **state)
{
	static const struct kernel_words mute;
	struct story y;
	struct sighting *s;

	(void)state;
	tell_of(&y, NODES "forward-policy-drop", "netns/lab-pod1", "fd96::61", 80, IPPROTO_TCP);
	s = seen_last(&y);
	assert_int_equal(s->place, PLACE_DROP);
	s->reason = 0;
	told(&y);
	assert_true(y.got.agrees);
	assert_string_equal(y.got.p.finding[0].id, "forward-policy-drop");
	y.at = attribute_over(y.r.arena, y.r.s, &mute);
	told(&y);
	assert_true(y.got.agrees);
	assert_string_equal(y.got.p.finding[0].id, "forward-policy-drop");
	assert_string_equal(y.got.caused_by, "filter FORWARD: -P FORWARD DROP");
	/* nor hooks: nothing can be named, and that is said */
	y.l.v[0] = s;
	y.l.n = 1;
	told(&y);
	assert_null(decider(y.got.p.trace));
	assert_int_equal(y.got.p.trace->end.kind, END_DROP);
	assert_non_null(y.got.caused_by);
	recorded_close(&y.r);
}

/* In the middle of a connection the entry decides, as it was then. */
static void midway(void **state)
{
	const struct hop *conntrack = NULL;
	const struct trace *t;
	struct story y;

	(void)state;
	web(&y);
	for (size_t i = 0; i < y.l.n; i++) {
		struct sighting *s = (struct sighting *)y.l.v[i];

		s->p.tcp_flags = 0x10;
		if (s->p.ct.state != CT_NEW)
			continue;
		s->p.ct.state = CT_ESTABLISHED;
		s->p.ct.existing = true;
		s->p.ct.back = y.t->hops[y.t->n_hops - 1].out.ct.back;
		s->p.ct.status |= IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_DST_NAT_DONE | IPS_SRC_NAT_DONE;
	}
	y.c.midway = true;
	t = told(&y);
	assert_true(y.got.agrees);
	assert_int_equal(t->share_kind, SHARE_EXISTING);
	assert_true(end_reaches(t->end.kind));
	for (size_t i = 0; i < t->n_hops; i++)
		if (t->hops[i].stage == STAGE_CONNTRACK && t->hops[i].n_evidence)
			conntrack = &t->hops[i];
	assert_non_null(conntrack);
	assert_int_equal(conntrack->evidence->kind, EV_CONNTRACK);
	recorded_close(&y.r);
}

/* A namespace that is gone: what was seen in it stands alone, the rest is told. */
static void a_namespace_is_gone(void **state)
{
	struct story y;

	(void)state;
	web(&y);
	for (size_t i = 0; i < y.l.n; i++)
		if (y.l.v[i]->netns != 1)
			((struct sighting *)y.l.v[i])->netns = 4026539999;
	told(&y);
	assert_true(y.got.agrees);
	assert_int_equal(y.got.n_note, 1);
	assert_non_null(strstr(y.got.note[0], "4026539999"));
	assert_string_equal(y.got.p.trace->hops[0].place, "netns 4026539999");
	assert_true(end_reaches(y.got.p.trace->end.kind));
	recorded_close(&y.r);
}

/* A device of the endpoint's namespace saw it as well, and no rule is there that could: it is still told to whom it went. */
static void seen_by_a_device_at_the_end(void **state)
{
	struct sighting device;
	const struct trace *t;
	struct story y;

	(void)state;
	web(&y);
	device = *seen_last(&y);
	device.place = PLACE_DEV_IN;
	device.netns = 4026539999;
	device.p.iif = 4;
	device.p.oif = 0;
	*VEC_PUSH(y.r.arena, y.l.v, y.l.n, y.l.cap) = &device;
	t = told(&y);
	assert_true(y.got.agrees);
	assert_int_equal(t->end.kind, y.t->end.kind);
	assert_true(t->has_endpoint);
	assert_null(trace_differs(y.r.arena, y.t, t));
	recorded_close(&y.r);
}

/* -- two traces of one packet ----------------------------------------------------------------------- */

static void where_traces_part(void **state)
{
	struct story y, z;
	struct trace other;
	const char *differs;

	(void)state;
	web(&y);
	differs = trace_differs(y.r.arena, y.t, told(&y));
	if (differs)
		fail_msg("%s", differs);
	other = *y.t;
	other.end = (struct verdict){ END_DROP, CAUSE_POLICY, "FORWARD policy drop" };
	differs = trace_differs(y.r.arena, &other, y.t);
	assert_non_null(differs);
	assert_non_null(strstr(differs, "FORWARD policy drop"));
	tell_of(&z, KUBE, "netns/client", "10.96.10.1", 80, IPPROTO_TCP);
	/* the second endpoint */
	differs = trace_differs(y.r.arena, y.t, z.t + 1);
	assert_non_null(differs);
	assert_non_null(strstr(differs, "predicted"));
	recorded_close(&y.r);
	recorded_close(&z.r);
}

/* -- what a drop means ------------------------------------------------------------------------------ */

static const struct {
	const char *reason, *location, *caller;
	uint8_t proto, flags;
	enum drop_class class;
	uint8_t hook;
} meanings[] = {
	{ "SKB_DROP_REASON_NETFILTER_DROP", "nft_do_chain [nf_tables]", "ip_forward", 6, 0, DROP_NETFILTER, NF_INET_FORWARD },
	{ "NETFILTER_DROP", "nf_hook_slow", "ip6_input", 6, 0, DROP_NETFILTER, NF_INET_LOCAL_IN },
	{ NULL, "nf_hook_slow", "__ip_local_out", 6, 0, DROP_NETFILTER, NF_INET_LOCAL_OUT },
	{ "SKB_DROP_REASON_NOT_SPECIFIED", "ip_rcv_finish_core.constprop.0", NULL, 6, 0, DROP_ROUTE_INPUT, MEANING_NO_HOOK },
	{ "SKB_DROP_REASON_IP_RPFILTER", "ip_rcv_finish_core.isra.0", NULL, 6, 0, DROP_RP_FILTER, MEANING_NO_HOOK },
	{ "SKB_DROP_REASON_SOCKET_RCVBUFF", "sock_queue_rcv_skb_reason", NULL, 17, 0, DROP_RCVBUF, MEANING_NO_HOOK },
	{ "SKB_DROP_REASON_TCP_LISTEN_OVERFLOW", "tcp_v4_rcv", NULL, 6, 0, DROP_BACKLOG, MEANING_NO_HOOK },
	{ "SKB_DROP_REASON_TCP_SOMETHING_NEW", "tcp_v4_rcv", NULL, 6, 0, DROP_TCP, MEANING_NO_HOOK },
	{ "SKB_CONSUMED", "anything", NULL, 6, 0, DROP_CONSUMED, MEANING_NO_HOOK },
	/* the last packet of a connection that one side has closed */
	{ "SKB_DROP_REASON_NOT_SPECIFIED", "tcp_v4_rcv", "ip_protocol_deliver_rcu", 6, 0x11, DROP_CONSUMED, MEANING_NO_HOOK },
	{ "SKB_DROP_REASON_NOT_SPECIFIED", "tcp_v4_rcv", "ip_protocol_deliver_rcu", 6, 0x02, DROP_TCP, MEANING_NO_HOOK },
	{ "SKB_DROP_REASON_NO_SOCKET", "tcp_v4_rcv", NULL, 6, 0x02, DROP_NO_LISTENER, MEANING_NO_HOOK },
	{ "SKB_DROP_REASON_XDP", "do_xdp_generic", NULL, 6, 0, DROP_XDP, MEANING_NO_HOOK },
	{ NULL, "bpf_prog_6deef7357e7b4530_firewall [bpf]", NULL, 17, 0, DROP_XDP, MEANING_NO_HOOK },
	{ NULL, "kfree_skb", "bpf_prog_6deef7357e7b4530_firewall [bpf]", 6, 0, DROP_UNKNOWN, MEANING_NO_HOOK },
	/* as every kernel has them where a connection ends (seen on 5.10 and 6.12) */
	{ "SKB_DROP_REASON_QUEUE_PURGE", "skb_queue_purge_reason", "sk_stream_kill_queues", 6, 0x11, DROP_CONSUMED, MEANING_NO_HOOK },
	{ NULL, "sk_stream_kill_queues", "inet_csk_destroy_sock", 6, 0x11, DROP_CONSUMED, MEANING_NO_HOOK },
	{ "SKB_DROP_REASON_QUEUE_PURGE", "skb_queue_purge_reason", "neigh_invalidate", 6, 2, DROP_NEIGHBOUR, MEANING_NO_HOOK },
	{ "SKB_DROP_REASON_QUEUE_PURGE", "skb_queue_purge_reason", "something_else", 6, 2, DROP_QUEUE, MEANING_NO_HOOK },
	{ NULL, "kfree_skb", "skb_release_data", 6, 0, DROP_UNKNOWN, MEANING_NO_HOOK },
	{ NULL, "kfree_skb_list", "__dev_queue_xmit", 6, 0, DROP_QUEUE, MEANING_NO_HOOK },
	{ NULL, "nft_do_chain", "nft_do_chain_netdev", 6, 0, DROP_NETFILTER, 0 },
};

static const char *meaning_reason(void *ctx, uint32_t reason)
{
	(void)reason;
	return meanings[*(size_t *)ctx].reason;
}

static const char *meaning_symbol(void *ctx, uint64_t address)
{
	return address == 1 ? meanings[*(size_t *)ctx].location : meanings[*(size_t *)ctx].caller;
}

static void what_a_drop_means(void **state)
{
	size_t i;
	struct kernel_words w = { &i, meaning_reason, meaning_symbol };

	(void)state;
	for (i = 0; i < ARRAY_SIZE(meanings); i++) {
		struct sighting s = { .place = PLACE_DROP, .reason = !!meanings[i].reason, .location = 1, .stack = { 2 } };
		struct meaning m;

		s.p.proto = meanings[i].proto;
		s.p.tcp_flags = meanings[i].flags;
		m = meaning_of(&w, &s);
		if (m.class != meanings[i].class || m.hook != meanings[i].hook || !m.says)
			fail_msg("%s %s: %s at hook %u", meanings[i].reason, meanings[i].location, drop_class_name(m.class), m.hook);
	}
	for (i = 0; i < DROP_CLASSES; i++)
		assert_string_not_equal(drop_class_name(i), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_recorded_node), cmocka_unit_test(sent_elsewhere_than_any_rule),
		cmocka_unit_test(dropped_where_no_rule_drops), cmocka_unit_test(dropped_behind_all_rules),
		cmocka_unit_test(waiting_for_a_neighbour), cmocka_unit_test(no_reasons_no_symbols), cmocka_unit_test(midway),
		cmocka_unit_test(a_namespace_is_gone), cmocka_unit_test(seen_by_a_device_at_the_end), cmocka_unit_test(where_traces_part),
		cmocka_unit_test(what_a_drop_means),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
