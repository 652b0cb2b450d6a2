/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node between one packet and the next, and what is handed out of a packet's or connection's story. The node is read anew
 * when its rules have changed, and every two seconds for all that does not tell when it does.
 */
#include <netinet/in.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#include <linux/rtnetlink.h>

#include "tracer/attribute_priv.h"

#define MAX_AGE	2000000000ULL
#define TRIES	3

struct attribute {
	struct arena *arena;
	const char *in;
	struct kernel_words words;
	struct gaps *gaps, unsaid;

	bool borrowed;			/* the state is somebody else's */
	struct arena *state_arena;
	struct io *io;
	struct state *state;
	uint64_t read_at;		/* CLOCK_MONOTONIC, ns; 0: not read yet */
	uint64_t asked;			/* when the rules that were read were last found to stand */
	uint64_t since;			/* packets before may have met other rules; 0: they never changed */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* -- the node --------------------------------------------------------------------------------------- */

static void forget_node(struct attribute *at)
{
	if (at->borrowed)
		return;
	io_close(at->io);
	arena_free(at->state_arena);
	at->io = NULL;
	at->state_arena = NULL;
	at->state = NULL;
}

static int open_node(struct attribute *at, struct err *err)
{
	int rc;

	at->state_arena = arena_new();
	at->unsaid = (struct gaps){ .arena = at->state_arena };
	rc = at->in ? io_open_replay(at->state_arena, at->in, &at->io, err) :
		      io_open_live(at->state_arena, IO_LIVE, &at->io, err);
	if (!rc)
		rc = state_open(at->io, at->state_arena, at->gaps ? at->gaps : &at->unsaid, &at->state, err);
	if (rc)
		forget_node(at);
	return rc;
}

/*
 * Do the rules that were read still stand? Where they do not, and were long not asked for, they have most likely
 * changed before any packet that is asked about now.
 */
static int ask_rules(struct attribute *at, bool *moved, struct err *err)
{
	uint64_t now = now_ns();
	int rc = nft_settled(state_nft(at->state));

	*moved = rc == -EAGAIN;
	if (rc && !*moved)
		return err_set(err, rc, "it cannot be asked whether the rules stood still: %s", strerror(-rc));
	if (*moved)
		at->since = now - at->asked > MAX_AGE ? at->asked : now;
	at->asked = now;
	return 0;
}

/* A state that was read under the present ruleset, not long ago. */
static int refresh(struct attribute *at, struct err *err)
{
	bool moved = false;
	int rc = 0;

	if (at->borrowed)
		return 0;
	if (at->state)
		rc = ask_rules(at, &moved, err);
	if (rc || !at->state || moved || now_ns() - at->read_at > MAX_AGE) {
		forget_node(at);
		rc = open_node(at, err);
		at->read_at = at->asked = now_ns();
	}
	return rc;
}

int attribute_open(const char *in, const struct kernel_words *words, struct gaps *gaps, struct attribute **out, struct err *err)
{
	struct arena *a = arena_new();
	struct attribute *at = arena_alloc(a, sizeof(*at));
	int rc;

	*at = (struct attribute){ .arena = a, .in = in, .words = *words, .gaps = gaps };
	rc = refresh(at, err);
	if (rc) {
		attribute_close(at);
		return rc;
	}
	*out = at;
	return 0;
}

struct attribute *attribute_over(struct arena *a, struct state *s, const struct kernel_words *words)
{
	struct attribute *at = arena_alloc(a, sizeof(*at));

	*at = (struct attribute){ .words = *words, .borrowed = true, .state = s };
	return at;
}

void attribute_close(struct attribute *at)
{
	if (!at || at->borrowed)
		return;
	forget_node(at);
	arena_free(at->arena);
}

struct state *attribute_state(struct attribute *at)
{
	return at->state;
}

/* -- which packets tell it -------------------------------------------------------------------------- */

static bool worse(const struct journey *a, const struct journey *b)
{
	if (!b)
		return true;
	if (!a->drop != !b->drop)
		return a->drop;
	return !a->refused != !b->refused && a->refused;
}

/* Of one direction the packet that was lost, else the first. */
static const struct journey *pick(const struct connection *c, bool reply)
{
	const struct journey *best = NULL;

	for (size_t i = 0; i < c->n_journey; i++)
		if (c->journey[i]->reply == reply && !c->journey[i]->error && worse(c->journey[i], best))
			best = c->journey[i];
	return best;
}

static int follow(struct attribute *at, struct arena *a, const struct connection *c, const struct journey *j, struct gaps *notes,
		  struct follow *f, struct err *err)
{
	*f = (struct follow){ .state = at->state, .arena = a, .words = &at->words, .c = c, .j = j, .notes = notes };
	return follow_journey(f, err);
}

/* As what the answer arrived, if its client reset it for not being what it waits for; else NULL. */
static const char *strange_answer(const struct follow *answer)
{
	const struct sighting *reset = answer->j->refused;
	struct tuple want = tuple_invert(&answer->c->orig), got;

	/* only there has all translation been undone */
	if (!reset || reset->place != PLACE_RST_SENT || reset->netns != answer->c->netns)
		return NULL;
	got = packet_tuple(&reset->p);
	if (tuple_eq(&want, &got))
		return NULL;
	return arena_printf(answer->arena, "the answer arrives as %s, the sender waits for %s", tuple_say(answer->arena, &got),
			    tuple_say(answer->arena, &want));
}

/* The answer's way follows the request's; where it is lost, so is the connection. */
static void add_answer(struct follow *request, const struct follow *answer)
{
	const char *strange = strange_answer(answer), *why = answer->t.end.why;

	for (size_t i = 0; i < answer->n_hop; i++)
		*VEC_PUSH(request->arena, request->hop, request->n_hop, request->cap_hop) = answer->hop[i];
	if (strange)
		request->t.end = (struct verdict){ END_DROP, CAUSE_REPLY_BYPASS, strange };
	else
		request->t.end = (struct verdict){ END_DROP, CAUSE_REPLY_DROPPED,
						   arena_printf(request->arena, "the answer does not come back: %s", why) };
	if (!request->differs_at)
		request->differs_at = answer->differs_at;
	request->agrees &= answer->agrees;
	request->end = answer->end;
}

/* -- what is handed out ----------------------------------------------------------------------------- */

static const struct evidence *deciding(const struct trace *t)
{
	const struct hop *h = t->n_hops ? &t->hops[t->n_hops - 1] : NULL;

	for (size_t i = h ? h->n_evidence : 0; i-- > 0;) {
		const struct evidence *e = &h->evidence[i];

		if (e->kind == EV_POLICY || (e->kind == EV_RULE && e->effect == EFFECT_VERDICT))
			return e;
	}
	return NULL;
}

static const char *cause_say(struct arena *a, const struct attribution *at)
{
	const struct trace *t = at->p.trace;
	const struct evidence *e = deciding(t);

	if (end_reaches(t->end.kind))
		return NULL;
	if (e && e->kind == EV_POLICY)
		return arena_printf(a, "%s %s: %s", e->table, e->chain, e->text);
	if (e)
		return arena_printf(a, "%s %s rule %u: %s", e->table, e->chain, e->index, e->text);
	return t->end.why && *t->end.why ? t->end.why : at->drop.says;
}

/* Whoever asks without a base gets at least the tuple's. */
static void name_target(struct attribute *at, struct arena *a, struct prediction *p)
{
	const struct tuple *t = &p->trace->target;
	struct target_port *port;
	struct err err = { "" };
	uint8_t type;

	if (!p->proxy.text && proxy_detect(at->state, a, &p->proxy, &err))
		p->proxy = (struct proxy){ .text = "" };
	if (!p->node)
		p->node = state_node_name(at->state);
	if (!p->kernel)
		p->kernel = state_kernel(at->state);
	if (!p->sport)
		p->sport = t->sport;
	if (!addr_len(&p->source_addr))
		p->source_addr = t->src;
	if (!p->source.input) {
		p->source = (struct source){ .input = "", .kind = SOURCE_ADDRESS, .addr = t->src };
		p->facts.ct_count = p->facts.ct_max = -1;
	}
	if (p->target.n_port)
		return;
	port = arena_alloc(a, sizeof(*port));
	*port = (struct target_port){ .port = t->dport, .proto = t->proto, .addr = arena_dup(a, &t->dst, sizeof(t->dst)), .n_addr = 1 };
	p->target.target = (struct target){
		.input = target_say(a, t), .kind = TARGET_ADDRESS, .port = t->dport, .proto = t->proto, .addr = t->dst,
	};
	p->target.port = port;
	p->target.n_port = 1;
	p->target.service = target_service_of(a, p->trace, 1);
	/* in nftables mode this would cost a dump of every service */
	if (!p->target.service && !end_reaches(p->trace->end.kind) && p->proxy.mode == PROXY_IPTABLES &&
	    !state_addr_type(at->state, 0, &t->dst, 0, &type))
		p->target.service = target_service_at(at->state, a, &p->proxy, t, type == RTN_LOCAL, &p->facts.served);
}

static void hand_out(struct attribute *at, struct arena *a, struct follow *f, const struct prediction *base,
		     const struct gaps *notes, struct attribution *out)
{
	struct trace *t = arena_alloc(a, sizeof(*t));

	*t = f->t;
	t->hops = f->hop;
	t->n_hops = f->n_hop;
	/* an answer that was seen has not gone past us */
	if (f->c && f->c->answered && end_reaches(t->end.kind))
		t->end.cause = CAUSE_NONE;
	*out = (struct attribution){ .agrees = f->agrees, .differs_at = f->differs_at, .dropped = f->end.dropped, .drop = f->end.m,
				     .at = f->end.at };
	if (base)
		out->p = *base;
	out->p.trace = t;
	out->p.n_trace = 1;
	out->p.intended = NULL;
	out->p.outcome = prediction_outcome(t, 1);
	name_target(at, a, &out->p);
	proxy_meet(&out->p.proxy, a, t, 1);
	explain(a, &out->p);
	out->caused_by = cause_say(a, out);
	out->note = notes->v;
	out->n_note = notes->n;
}

static uint64_t time_of(const struct journey *j)
{
	return j && j->n ? j->seen[j->n - 1]->time : 0;
}

static int attribute_journeys(struct attribute *at, struct arena *a, const struct connection *c, const struct journey *out,
			      const struct journey *back, struct gaps *notes, struct follow *request, struct err *err)
{
	struct follow answer;
	bool lost = back && (back->drop || back->refused), moved = true;
	int rc = -EINTR;

	for (int try = 0; try < TRIES && (rc == -EINTR || (!rc && moved)); try++) {
		/* the rules changed while it was walked */
		if (try && !at->borrowed)
			forget_node(at);
		rc = refresh(at, err);
		notes->n = 0;
		if (!rc)
			rc = follow(at, a, c, out ? out : back, notes, request, err);
		if (!rc && out && lost)
			rc = follow(at, a, c, back, notes, &answer, err);
		moved = false;
		if (!rc && !at->borrowed)
			rc = ask_rules(at, &moved, err);
	}
	if (!rc && out && lost)
		add_answer(request, &answer);
	return rc;
}

int attribute_connection(struct attribute *at, struct arena *a, const struct connection *c, const struct prediction *base,
			 struct attribution *out, struct err *err)
{
	const struct journey *request = pick(c, false), *answer = pick(c, true);
	struct gaps notes = { .arena = a };
	struct follow f;
	int rc;

	if (!request && !answer)
		return err_set(err, -ENODATA, "no packet of the connection was kept");
	rc = attribute_journeys(at, a, c, request, answer, &notes, &f, err);
	if (rc)
		return rc;
	hand_out(at, a, &f, base, &notes, out);
	out->rules_changed = time_of(request ? request : answer) < at->since;
	return 0;
}

int attribute_sighting(struct attribute *at, struct arena *a, const struct sighting *s, const struct prediction *base,
		       struct attribution *out, struct err *err)
{
	const struct sighting **seen = arena_dup(a, &s, sizeof(s));
	struct journey j = { .reply = s->p.ct.reply, .seen = seen, .n = 1 };
	struct gaps notes = { .arena = a };
	struct follow f;
	int rc;

	if (s->place == PLACE_DROP || s->place == PLACE_CHAIN || s->place == PLACE_CONFIRM)
		j.drop = s;
	else
		j.refused = s;
	rc = attribute_journeys(at, a, NULL, &j, NULL, &notes, &f, err);
	if (rc)
		return rc;
	hand_out(at, a, &f, base, &notes, out);
	out->rules_changed = s->time < at->since;
	return 0;
}

/* -- two traces of one packet ----------------------------------------------------------------------- */

/* The hops that both a prediction and an observation have: those that changed, decided or ended something. */
static const struct hop *next_hop(const struct trace *t, size_t *i)
{
	while (*i < t->n_hops) {
		const struct hop *h = &t->hops[(*i)++];
		struct tuple x = packet_tuple(&h->in), y = packet_tuple(&h->out);

		/* its own address is the first thing that a packet gets */
		if (!addr_len(&x.src) || addr_is_any(&x.src))
			x.src = y.src;
		if (!tuple_eq(&x, &y) || h->verdict.kind != END_NONE)
			return h;
	}
	return NULL;
}

static bool same_change(const struct hop *a, const struct hop *b)
{
	struct tuple x = packet_tuple(&a->out), y = packet_tuple(&b->out);

	if (a->out.sport_unknown || b->out.sport_unknown)
		x.sport = y.sport;
	/* an ephemeral port is not predicted */
	if (x.sport != y.sport && packet_tuple(&a->in).sport != packet_tuple(&b->in).sport && a->in.sport == x.sport)
		x.sport = y.sport;
	return tuple_eq(&x, &y);
}

static const char *hop_where(struct arena *a, const struct hop *h)
{
	return arena_printf(a, "%s%s%s", hop_stage_name(a, h), h->place ? " in " : "", h->place ? h->place : "");
}

static const char *end_say(struct arena *a, const struct verdict *v)
{
	return arena_printf(a, "%s (%s)", end_kind_name(v->kind), v->why ? v->why : "");
}

/* What became of it in a namespace beyond the node, which happens to be on this machine, was not predicted. */
static bool is_beyond(const struct trace *predicted, const struct trace *observed)
{
	return predicted->end.kind == END_SENT && predicted->n_hops && observed->n_hops &&
	       predicted->hops[predicted->n_hops - 1].in.netns != observed->hops[observed->n_hops - 1].in.netns;
}

/* The request came to where it was predicted to. An answer that finds no way is no packet yet: there is nothing of it to be seen. */
static bool is_unanswered(const struct trace *predicted, const struct trace *observed)
{
	return predicted->end.cause == CAUSE_REPLY_DROPPED && end_reaches(observed->end.kind);
}

const char *trace_differs(struct arena *a, const struct trace *predicted, const struct trace *observed)
{
	size_t i = 0, k = 0;

	for (;;) {
		const struct hop *p = next_hop(predicted, &i), *o = next_hop(observed, &k);
		struct tuple x, y;

		if (!p || !o || p->verdict.kind != END_NONE || o->verdict.kind != END_NONE)
			break;
		if (same_change(p, o))
			continue;
		x = packet_tuple(&p->out);
		y = packet_tuple(&o->out);
		return arena_printf(a, "%s: predicted %s, seen %s", hop_where(a, p), tuple_say(a, &x), tuple_say(a, &y));
	}
	if (predicted->end.kind == END_UNKNOWN || observed->end.kind == END_UNKNOWN ||
	    predicted->end.kind == observed->end.kind || is_beyond(predicted, observed) || is_unanswered(predicted, observed))
		return NULL;
	return arena_printf(a, "%s: predicted %s, seen %s",
			    observed->n_hops ? hop_where(a, &observed->hops[observed->n_hops - 1]) : "the end",
			    end_say(a, &predicted->end), end_say(a, &observed->end));
}
