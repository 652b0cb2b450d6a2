/* SPDX-License-Identifier: GPL-2.0-only */
/* The probes of --send: sent, seen and compared. */
#include "tracer/observe.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "tracer/attribute.h"
#include "tracer/compare.h"
#include "tracer/live.h"

#define WAIT_NS		900000000ull	/* for an answer: less than a SYN waits before it is sent again (TCP_TIMEOUT_INIT) */
#define SETTLE_NS	50000000ull	/* after the last answer: its own way back is seen too */
#define WAIT_WORDS	"0.9 s"
#define SIGHTINGS	8192		/* kept for --write */

struct probe {
	struct sender *sender;
	struct learnt learnt;
	uint16_t zone;			/* of conntrack, that it is predicted to be in */
	bool existed;			/* conntrack had an entry of its tuple before: not ours to remove */
	const struct attribution *seen;	/* NULL: not followed */
};

struct observe {
	struct state *s;
	struct arena *a;
	const struct walk_options *o;
	bool has_uid;
	uint32_t netns;			/* whose process sends */
	struct addr from;		/* of an outside client; family 0: the kernel's choice */
	struct probe *probe;
	size_t n_probe, cap_probe;
	struct gaps unseen;
	/* while it runs */
	struct probes *probes;
	struct stitch *stitch;
	struct kernel_words words;
	struct attribute *attribute;
	struct sighting *sighting;
	size_t n_sighting, cap_sighting;
	struct nft_tracing *tracing;
	struct nft_traced *event;
	size_t n_event, cap_event;
	bool lost;
};

/* -- before the prediction ------------------------------------------------------------------------ */

int observe_open(struct state *s, struct arena *a, const struct walk_options *o, bool has_uid, struct observe **out, struct err *err)
{
	const struct source *source = o->source;
	struct observe *ob = arena_alloc(a, sizeof(*ob));
	char buf[ADDR_TEXT];

	*ob = (struct observe){ .s = s, .a = a, .o = o, .has_uid = has_uid, .netns = source->netns, .unseen = { .arena = a } };
	if (source->kind == SOURCE_ADDRESS) {
		int rc = state_netns_sender(s, &source->addr, source->iface, &ob->netns);

		if (rc)
			return err_set(err, -EINVAL, "--send cannot send from %s: %s of this machine has that address; "
				       "run ktrace there, or send --from node or a pod of this node", addr_say(&source->addr, buf),
				       rc == -EEXIST ? "more than one namespace" : "no namespace");
		ob->from = source->addr;
	}
	*out = ob;
	return 0;
}

int observe_add(struct observe *ob, const struct tuple *t, uint16_t *sport, struct err *err)
{
	struct send_options o = {
		.netns = ob->netns, .tuple = *t, .mark = ob->o->mark, .uid = ob->o->uid, .has_uid = ob->has_uid, .tos = ob->o->tos,
	};
	struct probe *p;
	struct sender *sender;
	int rc;

	o.tuple.src = ob->from;
	o.tuple.sport = *sport;
	rc = send_open(state_io(ob->s), &o, &sender, sport, err);
	if (rc)
		return rc;
	p = VEC_PUSH(ob->a, ob->probe, ob->n_probe, ob->cap_probe);
	*p = (struct probe){ .sender = sender, .learnt = { .tuple = o.tuple } };
	p->learnt.tuple.sport = *sport;
	return 0;
}

/* -- what there is to see with -------------------------------------------------------------------- */

static const struct trace *predicted_of(const struct prediction *p, const struct tuple *t, size_t *n)
{
	const struct trace *first = NULL;

	*n = 0;
	for (size_t i = 0; i < p->n_trace; i++) {
		const struct tuple *x = &p->trace[i].target;

		if (x->proto != t->proto || x->dport != t->dport || !addr_eq(&x->dst, &t->dst))
			continue;
		if (!first)
			first = &p->trace[i];
		++*n;
	}
	return first;
}

static void add_filter(struct observe *ob, struct probe_filter **v, size_t *n, size_t *cap, const struct probe_filter *f)
{
	for (size_t i = 0; i < *n; i++)
		if (addr_eq(&(*v)[i].addr, &f->addr) && (*v)[i].port == f->port && (*v)[i].proto == f->proto)
			return;
	*VEC_PUSH(ob->a, *v, *n, *cap) = *f;
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/* The live probes, on what is addressed and on every endpoint that it may be translated to. */
static void open_probes(struct observe *ob, const struct prediction *p)
{
	struct probe_filter *filter = NULL;
	size_t n = 0, cap = 0;
	struct err err = { "" };
	struct stitch_options so = { .from = p->source_addr };

	for (size_t i = 0; i < p->n_trace; i++) {
		const struct trace *t = &p->trace[i];
		bool ports = has_ports(t->target.proto);
		struct probe_filter f = { t->target.dst, ports ? t->target.dport : 0, t->target.proto, true };

		add_filter(ob, &filter, &n, &cap, &f);
		if (!t->has_endpoint)
			continue;
		f = (struct probe_filter){ t->endpoint, ports ? t->endpoint_port : 0, t->target.proto, false };
		add_filter(ob, &filter, &n, &cap, &f);
	}
	if (probes_open(&(struct probes_options){ .filter = filter, .n_filter = n, .all = true }, &ob->probes, &err)) {
		gap_add(&ob->unseen, "its way was not followed: %s", err.text);
		return;
	}
	so.filter = filter;
	so.n_filter = n;
	so.words = ob->words = live_words(ob->probes);
	/* read now: the second in which it happens is too short for that */
	ob->words.reason(ob->words.ctx, 1);
	ob->words.symbol(ob->words.ctx, 1);
	ob->stitch = stitch_new(&so);
	ob->attribute = attribute_over(ob->a, ob->s, &ob->words);
}

static void say_missing_probes(struct observe *ob)
{
	const struct probe_state *row;
	size_t n;

	if (!ob->probes)
		return;
	probes_states(ob->probes, ob->a, &row, &n);
	live_missing(&ob->unseen, row, n);
	if (probes_lost(ob->probes))
		gap_add(&ob->unseen, "%llu sightings were lost", (unsigned long long)probes_lost(ob->probes));
}

static void open_tracing(struct observe *ob)
{
	struct nft_traced_tuple *t = arena_alloc(ob->a, 2 * ob->n_probe * sizeof(*t));
	struct err err = { "" };

	for (size_t i = 0; i < ob->n_probe; i++) {
		const struct tuple *x = &ob->probe[i].learnt.tuple;
		uint8_t family = x->dst.family;

		t[2 * i] = (struct nft_traced_tuple){ .proto = x->proto, .family = family, .dst = x->dst, .sport = x->sport,
						      .dport = x->dport };
		/* the answer: from an endpoint that is not known yet, perhaps to a masquerading address */
		t[2 * i + 1] = (struct nft_traced_tuple){ .proto = x->proto, .family = family, .dport = x->sport };
	}
	if (nft_tracing_open(state_io(ob->s), 0, t, 2 * ob->n_probe, &ob->tracing, &err))
		gap_add(&ob->unseen, "%s", err.text);
}

/* -- the second in which it happens --------------------------------------------------------------- */

static void take_event(void *ctx, const struct nft_traced *t)
{
	struct observe *ob = ctx;

	*VEC_PUSH(ob->a, ob->event, ob->n_event, ob->cap_event) = *t;
}

static int take_sighting(void *ctx, const struct sighting *s)
{
	struct observe *ob = ctx;

	stitch_add(ob->stitch, s);
	if (ob->n_sighting < SIGHTINGS)
		*VEC_PUSH(ob->a, ob->sighting, ob->n_sighting, ob->cap_sighting) = *s;
	return 0;
}

static void look(struct observe *ob)
{
	if (ob->probes)
		probes_poll(ob->probes, 0, take_sighting, ob);
	if (ob->tracing && nft_tracing_poll(ob->tracing, ob->a, 0, take_event, ob) == -ENOBUFS)
		ob->lost = true;
}

static bool all_answered(struct observe *ob)
{
	bool all = true;

	for (size_t i = 0; i < ob->n_probe; i++)
		all &= send_answer(ob->probe[i].sender, &ob->probe[i].learnt.sent);
	return all;
}

static void wait_for(struct observe *ob, uint64_t until)
{
	struct pollfd *fd = arena_alloc(ob->a, (ob->n_probe + 2) * sizeof(*fd));
	uint64_t at = live_now();
	nfds_t n = 0;

	if (at >= until)
		return;
	for (size_t i = 0; i < ob->n_probe; i++)
		if (!ob->probe[i].learnt.sent.result)
			fd[n++] = (struct pollfd){ send_fd(ob->probe[i].sender), POLLIN | POLLOUT, 0 };
	if (ob->probes)
		fd[n++] = (struct pollfd){ probes_fd(ob->probes), POLLIN, 0 };
	if (ob->tracing)
		fd[n++] = (struct pollfd){ nft_tracing_fd(ob->tracing), POLLIN, 0 };
	poll(fd, n, (until - at) / 1000000 + 1);
}

static void send_all(struct observe *ob)
{
	uint64_t until;
	bool settling = false;

	for (size_t i = 0; i < ob->n_probe; i++)
		send_start(ob->probe[i].sender);
	until = live_now() + WAIT_NS;
	while (live_now() < until) {
		look(ob);
		if (all_answered(ob) && !settling) {
			settling = true;
			until = live_now() + SETTLE_NS;
		}
		wait_for(ob, until);
	}
	look(ob);
	all_answered(ob);
}

/* -- afterwards ----------------------------------------------------------------------------------- */

static struct probe *probe_of(struct observe *ob, const struct tuple *t)
{
	for (size_t i = 0; i < ob->n_probe; i++) {
		const struct tuple *x = &ob->probe[i].learnt.tuple;

		if (x->proto == t->proto && x->sport == t->sport && x->dport == t->dport && addr_eq(&x->dst, &t->dst))
			return &ob->probe[i];
	}
	return NULL;
}

static void attribute_all(struct observe *ob, const struct prediction *p)
{
	const struct connection *c;

	while (ob->stitch && (c = stitch_next(ob->stitch, UINT64_MAX))) {
		struct attribution *at = arena_alloc(ob->a, sizeof(*at));
		struct probe *probe = probe_of(ob, &c->orig);
		struct err err = { "" };

		if (!probe || attribute_connection(ob->attribute, ob->a, c, p, at, &err))
			continue;
		/* the stitch's own copy goes with the next connection */
		if (at->at)
			at->at = arena_dup(ob->a, at->at, sizeof(*at->at));
		probe->seen = at;
	}
}

/* The entry of the probe, as it is now and not as the prediction read it. */
static void look_up(struct observe *ob)
{
	struct gaps gaps = { .arena = ob->a };
	struct state *fresh;
	struct err err = { "" };
	const char *text;

	if (state_open(state_io(ob->s), ob->a, &gaps, &fresh, &err))
		return;
	for (size_t i = 0; i < ob->n_probe; i++) {
		struct learnt *l = &ob->probe[i].learnt;

		if (l->tuple.src.family)
			l->has_entry = state_ct_get(fresh, 0, &l->tuple, ob->probe[i].zone, &l->entry, &text) == 1 && !l->entry.reply;
	}
}

static const char *result_say(struct arena *a, const struct sent *s)
{
	char from[ADDR_TEXT];
	double ms = s->took_ns / 1e6;

	switch (s->result) {
	case SENT_ANSWERED:
	case SENT_RESET:
		return arena_printf(a, "%s after %.2f ms", s->answer, ms);
	case SENT_ICMP:
		return arena_printf(a, "ICMP %s from %s after %.2f ms", s->answer, addr_say(&s->icmp_from, from), ms);
	case SENT_REFUSED:
		return arena_printf(a, "not sent: this kernel refused it (%s)", strerror(s->error));
	case SENT_NOTHING:
		break;
	}
	return "no answer within " WAIT_WORDS;
}

/* The path that was followed against the predicted ones: the nearest that it agrees with, or what parts it from the likeliest. */
static const char *followed_differs(struct observe *ob, const struct trace *t, size_t n, const struct trace *seen)
{
	const char *first = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *d = t[i].share > 0 ? trace_differs(ob->a, &t[i], seen) : "";

		if (!d)
			return NULL;
		if (!first && *d)
			first = d;
	}
	return first;
}

static void judge(struct observe *ob, const struct prediction *p, const struct probe *probe, struct observed_probe *out)
{
	struct comparison c;
	size_t n;
	const struct trace *t = predicted_of(p, &probe->learnt.tuple, &n);
	const struct attribution *seen = probe->seen && probe->seen->p.n_trace ? probe->seen : NULL;

	*out = (struct observed_probe){ .tuple = probe->learnt.tuple, .result = result_say(ob->a, &probe->learnt.sent),
					.agrees = UNKNOWN };
	if (!n)
		return;
	compare(ob->a, t, n, &probe->learnt, &c);
	out->agrees = c.agrees;
	out->differs_at = c.differs_at;
	out->differs = c.differs;
	out->basis = c.basis;
	if (c.agrees == YES)
		out->trace = &t[c.trace];
	if (!seen)
		return;
	out->followed = true;
	out->trace = &seen->p.trace[0];
	out->basis = c.basis ? arena_printf(ob->a, "its way, %s", c.basis) : "its way";
	if (c.agrees == NO && !end_reaches(out->trace->end.kind) && out->trace->end.why)
		out->differs = arena_printf(ob->a, "%s: %s", c.differs, out->trace->end.why);
	if (c.agrees == NO)
		return;
	out->differs = seen->agrees ? followed_differs(ob, t, n, &seen->p.trace[0]) : seen->differs_at;
	/* rules and answer are the kernel's own word; that the engine cannot follow the packet from where it was seen is not */
	if (out->differs && c.agrees == YES && end_reaches(t[c.trace].end.kind) == end_reaches(seen->p.trace[0].end.kind)) {
		out->differs = NULL;
		out->followed = false;
		out->trace = &t[c.trace];
		out->basis = c.basis;
	}
	out->agrees = out->differs ? NO : YES;
	if (out->differs)
		out->differs_at = arena_strndup(ob->a, out->differs, strcspn(out->differs, ":"));
}

void observe_run(struct observe *ob, const struct prediction *p, struct observed *out)
{
	struct observed_probe *result = arena_alloc(ob->a, ob->n_probe * sizeof(*result));

	for (size_t i = 0; i < ob->n_probe; i++) {
		struct learnt *l = &ob->probe[i].learnt;
		size_t n;
		const struct trace *t = predicted_of(p, &l->tuple, &n);

		if (!l->tuple.src.family && n && t->n_hops)
			l->tuple.src = t->hops[0].out.src;
		for (size_t k = 0; n && k < t->n_hops && !ob->probe[i].zone; k++)
			if (!t->hops[k].out.netns && !t->hops[k].reply)
				ob->probe[i].zone = t->hops[k].out.ct.zone;
	}
	look_up(ob);
	for (size_t i = 0; i < ob->n_probe; i++)
		ob->probe[i].existed = ob->probe[i].learnt.has_entry;
	open_probes(ob, p);
	open_tracing(ob);
	send_all(ob);
	attribute_all(ob, p);
	look_up(ob);
	say_missing_probes(ob);
	if (ob->lost)
		gap_add(&ob->unseen, "nf_tables' trace lost events");
	for (size_t i = 0; i < ob->n_probe; i++) {
		struct learnt *l = &ob->probe[i].learnt;

		l->event = ob->event;
		l->n_event = ob->n_event;
		l->traced = ob->tracing && !ob->lost;
		l->alone = ob->n_probe == 1;
		judge(ob, p, &ob->probe[i], &result[i]);
	}
	*out = (struct observed){ result, ob->n_probe, ob->unseen.v, ob->unseen.n };
}

/* What decided, where it is known, is said of the packet that it happened to. */
static const char *comment(struct observe *ob, const struct sighting *s)
{
	const char *place = live_place(ob->a, &ob->words, s);

	for (size_t i = 0; i < ob->n_probe; i++) {
		const struct attribution *seen = ob->probe[i].seen;
		const struct sighting *at = seen ? seen->at : NULL;

		if (at && seen->caused_by && at->time == s->time && at->id == s->id && at->place == s->place)
			return arena_printf(ob->a, "%s by %s", place, seen->caused_by);
	}
	return place;
}

int observe_write(struct observe *ob, const char *path, const struct prediction *p, struct err *err)
{
	int64_t clock = live_clock();
	struct pcapng *f;
	int rc = pcapng_open(path, arena_printf(ob->a, "Linux %s on %s", p->kernel, p->node), &f, err);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < ob->n_sighting; i++)
		rc = live_write(f, clock, &ob->sighting[i], comment(ob, &ob->sighting[i]), err);
	pcapng_close(f);
	return rc;
}

void observe_close(struct observe *ob)
{
	if (!ob)
		return;
	nft_tracing_close(ob->tracing);
	for (size_t i = 0; i < ob->n_probe; i++) {
		const struct probe *p = &ob->probe[i];

		send_close(p->sender);
		if (p->learnt.has_entry && !p->existed)
			state_ct_delete(ob->s, 0, &p->learnt.tuple, p->zone);
	}
	stitch_free(ob->stitch);
	attribute_close(ob->attribute);
	probes_close(ob->probes);
}
