/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections: every tuple that one of its packets had, before and after each translation, leads to it, in either direction. What
 * is not known by its tuple is known by its conntrack entry, by what it carries or quotes, or by its buffer.
 */
#include <netinet/in.h>

#include <errno.h>
#include <string.h>

#include "tracer/stitch_priv.h"

#define DEFAULT_CONNECTIONS	1024
#define DEFAULT_SIGHTINGS	8192
/* How long a connection that was told is remembered: SYNs are sent again after up to 64 seconds. */
#define FORGET_ENDED	(2 * SEC)
#define FORGET_FAILED	(130 * SEC)
#define FORGET_OPEN	(600 * SEC)

const char *news_name(enum news n)
{
	static const char *const name[] = {
		[NEWS_NONE] = "none", [NEWS_DROPPED] = "dropped", [NEWS_REFUSED] = "refused", [NEWS_ANSWERED] = "answered",
		[NEWS_ENDED] = "ended", [NEWS_QUIET] = "quiet",
	};

	return name[n];
}

struct stitch *stitch_new(const struct stitch_options *o)
{
	struct arena *a = arena_new();
	struct stitch *st = arena_alloc(a, sizeof(*st));

	st->arena = a;
	st->from = o->from;
	st->words = o->words;
	st->quiet = o->quiet ? o->quiet : SEC;
	st->max_held = o->max_connections ? o->max_connections : DEFAULT_CONNECTIONS;
	st->max_slot = o->max_sightings ? o->max_sightings : DEFAULT_SIGHTINGS;
	for (size_t i = 0; i < o->n_filter; i++)
		stitch_follow(st, &o->filter[i]);
	return st;
}

void stitch_free(struct stitch *st)
{
	if (st)
		arena_free(st->arena);
}

int stitch_follow(struct stitch *st, const struct probe_filter *f)
{
	/* endpoints are known by the connections that lead to them */
	if (!f->addressed)
		return 0;
	for (size_t i = 0; i < st->n_filter; i++)
		if (st->filter[i].proto == f->proto && st->filter[i].port == f->port && addr_eq(&st->filter[i].addr, &f->addr))
			return 0;
	if (st->n_filter == MAX_FILTERS)
		return -E2BIG;
	st->filter[st->n_filter++] = *f;
	return 0;
}

/* -- tuples ----------------------------------------------------------------------------------------- */

static uint32_t mix(uint32_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n--)
		h = (h ^ *b++) * 16777619;
	return h;
}

static struct flow **flow_bucket(struct stitch *st, const struct tuple *t)
{
	uint32_t h = 2166136261;

	h = mix(h, t->src.b, addr_len(&t->src));
	h = mix(h, t->dst.b, addr_len(&t->dst));
	h = mix(h, &t->sport, sizeof(t->sport));
	h = mix(h, &t->dport, sizeof(t->dport));
	h = mix(h, &t->proto, sizeof(t->proto));
	return &st->flow[(h ^ h >> 16) % BUCKETS];
}

static struct flow *find_flow(struct stitch *st, const struct tuple *t)
{
	struct flow *f;

	for (f = *flow_bucket(st, t); f; f = f->next)
		if (tuple_eq(&f->t, t))
			return f;
	return NULL;
}

static void unlink_flow(struct stitch *st, struct flow *f)
{
	struct flow **p = flow_bucket(st, &f->t);

	while (*p && *p != f)
		p = &(*p)->next;
	if (*p)
		*p = f->next;
}

/* A tuple of an older connection is taken over: the kernel gives a port away again. */
static void add_flow(struct stitch *st, struct held *h, const struct tuple *t, bool reply)
{
	struct flow **bucket = flow_bucket(st, t), *f = find_flow(st, t);

	if (h->retired || h->n_flow == MAX_FLOWS || (f && f->owner == h))
		return;
	if (f)
		unlink_flow(st, f);
	f = &h->flow[h->n_flow++];
	*f = (struct flow){ .t = *t, .owner = h, .reply = reply, .next = *bucket };
	*bucket = f;
}

/* In its direction, and as its answer. */
static void add_tuple(struct stitch *st, struct held *h, const struct tuple *t, bool reply)
{
	struct tuple back = tuple_invert(t);

	add_flow(st, h, t, reply);
	add_flow(st, h, &back, !reply);
}

static void remove_flows(struct stitch *st, struct held *h)
{
	for (size_t i = 0; i < h->n_flow; i++)
		unlink_flow(st, &h->flow[i]);
	h->n_flow = 0;
}

/* -- memory ----------------------------------------------------------------------------------------- */

static void unlink_held(struct stitch *st, struct held *h)
{
	*(h->newer ? &h->newer->older : &st->newest) = h->older;
	*(h->older ? &h->older->newer : &st->oldest) = h->newer;
	h->newer = h->older = NULL;
}

static void make_newest(struct stitch *st, struct held *h)
{
	h->older = st->newest;
	*(st->newest ? &st->newest->newer : &st->oldest) = h;
	st->newest = h;
}

static void forget(struct stitch *st, struct held *h)
{
	trips_free(st, h, true);
	remove_flows(st, h);
	unlink_held(st, h);
	h->live = false;
	h->older = st->free_held;
	st->free_held = h;
	st->counts.live--;
}

bool stitch_give_up(struct stitch *st, const struct held *but)
{
	struct held *h = st->oldest;

	while (h && (h == but || h == st->telling))
		h = h->newer;
	if (!h)
		return false;
	st->counts.given_up += !h->c.told;
	forget(st, h);
	return true;
}

static struct held *held_new(struct stitch *st)
{
	struct held *h;

	if (st->counts.live >= st->max_held && !stitch_give_up(st, NULL))
		return NULL;
	h = st->free_held;
	if (h) {
		st->free_held = h->older;
	} else {
		h = arena_alloc(st->arena, sizeof(*h));
		*VEC_PUSH(st->arena, st->held, st->n_held, st->cap_held) = h;
	}
	memset(h, 0, sizeof(*h));
	h->live = true;
	h->c.number = ++st->counts.connections;
	st->counts.live++;
	make_newest(st, h);
	return h;
}

/* -- whose sighting --------------------------------------------------------------------------------- */

/* A sighting with the connection and direction found for it. */
struct meet {
	const struct sighting *s;
	struct bytes_view v;
	struct tuple t;			/* its own */
	bool has_tuple, has_ct;
	struct held *h;
	bool reply;
};

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static bool is_addressed(const struct stitch *st, const struct tuple *t)
{
	for (size_t i = 0; i < st->n_filter; i++) {
		const struct probe_filter *f = &st->filter[i];

		if (f->proto == t->proto && addr_eq(&f->addr, &t->dst) &&
		    (is_icmp(t->proto) || f->port == t->dport))
			return true;
	}
	return false;
}

static bool take_flow(struct stitch *st, struct meet *m, const struct tuple *t, bool inverse)
{
	struct flow *f = find_flow(st, t);

	if (!f)
		return false;
	m->h = f->owner;
	m->reply = f->reply != inverse;
	return true;
}

static bool by_entry(struct stitch *st, struct meet *m)
{
	const struct ct_view *ct = &m->s->p.ct;

	if (!m->has_ct || !take_flow(st, m, &ct->orig, false))
		return false;
	/* an ICMP error travels with the entry of what it is about; its direction is that of the entry's packets */
	m->reply = m->reply != ct->reply;
	return true;
}

static bool by_buffer(struct stitch *st, struct meet *m)
{
	struct trip *t = m->s->id ? trip_by_id(st, m->s, &m->v) : NULL;

	if (!t)
		return false;
	m->h = t->owner;
	m->reply = t->j.reply;
	return true;
}

static bool find_connection(struct stitch *st, struct meet *m)
{
	const struct bytes_view *v = &m->v;

	if (v->encapsulated && take_flow(st, m, &v->inner, false))
		return true;
	if (v->error && take_flow(st, m, &v->quoted, true))
		return true;
	/* the entry before the tuple, which an older connection may have had in another namespace */
	if (by_entry(st, m))
		return true;
	return (m->has_tuple && take_flow(st, m, &m->t, false)) || by_buffer(st, m);
}

/* -- a new one -------------------------------------------------------------------------------------- */

static bool opens(const struct packet *p)
{
	return p->proto != IPPROTO_TCP || (p->tcp_flags & 0x12) == 0x02;
}

/* What the client addressed, if this is of interest; its direction in m->reply. */
static bool find_original(const struct stitch *st, struct meet *m, struct tuple *orig)
{
	struct tuple back = tuple_invert(&m->t);

	if (m->has_ct && (m->s->p.ct.existing || !tuple_eq(&m->s->p.ct.orig, &m->t))) {
		*orig = m->s->p.ct.orig;
		m->reply = m->s->p.ct.reply;
		return is_addressed(st, orig);
	}
	m->reply = !is_addressed(st, &m->t);
	*orig = m->reply ? back : m->t;
	return is_addressed(st, orig);
}

static void begin_connection(struct stitch *st, struct meet *m)
{
	struct tuple orig;
	struct held *h;

	if (!m->has_tuple || m->v.error || !find_original(st, m, &orig))
		return;
	if (addr_len(&st->from) && !addr_eq(&st->from, &orig.src))
		return;
	h = held_new(st);
	if (!h)
		return;
	h->c.orig = orig;
	h->c.first = m->s->time;
	h->c.netns = m->s->netns;
	h->c.midway = m->reply || !opens(&m->s->p);
	add_tuple(st, h, &orig, false);
	m->h = h;
}

/* Its client opens another connection from the same port. */
static bool opens_anew(const struct meet *m)
{
	const struct held *h = m->h;

	if (m->reply || m->s->p.proto != IPPROTO_TCP || !opens(&m->s->p) || m->v.encapsulated || m->v.error)
		return false;
	if (!tuple_eq(&m->t, &h->c.orig))
		return false;
	return h->isn_known && m->v.print.known ? h->isn != m->v.print.a : h->ended;
}

/* -- taking a sighting ------------------------------------------------------------------------------ */

/* What it tells of the connection besides its packet. */
static void learn(struct stitch *st, struct meet *m)
{
	const struct sighting *s = m->s;
	struct connection *c = &m->h->c;
	struct tuple out;

	if (s->place == PLACE_IPVS_CONN) {
		c->ipvs = s->ipvs;
		add_tuple(st, m->h, &s->ipvs, false);
	}
	if (s->task && !m->reply && !c->pid) {
		c->pid = s->pid;
		memcpy(c->comm, s->comm, sizeof(c->comm) - 1);
	}
	if (!m->has_tuple || m->v.encapsulated || m->v.error || s->p.proto != c->orig.proto)
		return;
	add_tuple(st, m->h, &m->t, m->reply);
	if (m->has_ct) {
		out = tuple_invert(&s->p.ct.back);
		add_tuple(st, m->h, &s->p.ct.orig, false);
		add_tuple(st, m->h, &out, false);
		if (s->place == PLACE_CONFIRM && !tuple_eq(&out, &c->orig))
			c->translated = out;
	}
	/* between its two translations a packet shows one of them, its entry both once it is confirmed */
	out = m->has_ct && s->p.ct.existing && !m->reply ? tuple_invert(&s->p.ct.back) : m->t;
	if (!m->reply && !tuple_eq(&out, &c->orig))
		c->translated = out;
}

static void end_telling(struct stitch *st)
{
	struct held *h = st->telling;

	st->telling = NULL;
	if (!h)
		return;
	h->c.told++;
	trips_free(st, h, false);
}

void stitch_add(struct stitch *st, const struct sighting *s)
{
	struct meet m = { .s = s };

	end_telling(st);
	st->counts.sightings++;
	bytes_look(s, &m.v);
	m.has_tuple = s->p.dst.family;
	m.t = packet_tuple(&s->p);
	m.has_ct = s->p.ct.orig.proto && s->p.ct.state != CT_NONE && s->p.ct.state != CT_UNTRACKED &&
		   s->p.ct.state != CT_INVALID;
	if (find_connection(st, &m) && opens_anew(&m)) {
		m.h->retired = true;
		remove_flows(st, m.h);
		m.h = NULL;
	}
	if (!m.h)
		begin_connection(st, &m);
	if (!m.h) {
		st->counts.strange++;
		return;
	}
	if (s->time > m.h->c.last)
		m.h->c.last = s->time;
	unlink_held(st, m.h);
	make_newest(st, m.h);
	trip_add(st, m.h, s, &m.v, m.reply);
	learn(st, &m);
}

/* -- telling ---------------------------------------------------------------------------------------- */

static bool is_quiet(const struct stitch *st, const struct held *h, uint64_t now)
{
	const struct connection *c = &h->c;

	if (c->told || c->midway || c->answered || c->refused)
		return false;
	return now == UINT64_MAX || h->retired || now >= c->last + st->quiet;
}

static enum news find_news(struct stitch *st, struct held *h, uint64_t now)
{
	if (h->fresh_drop) {
		h->fresh_drop = false;
		return NEWS_DROPPED;
	}
	if (h->fresh_refusal) {
		h->fresh_refusal = false;
		return NEWS_REFUSED;
	}
	if (h->fresh_answer) {
		h->fresh_answer = false;
		return NEWS_ANSWERED;
	}
	if (h->fresh_end) {
		h->fresh_end = false;
		return NEWS_ENDED;
	}
	return is_quiet(st, h, now) ? NEWS_QUIET : NEWS_NONE;
}

static bool is_over(const struct held *h, uint64_t now)
{
	const struct connection *c = &h->c;
	uint64_t keep = h->retired ? SETTLE : h->ended || c->refused ? FORGET_ENDED :
			c->answered || c->midway ? FORGET_OPEN : FORGET_FAILED;

	return now != UINT64_MAX && now >= c->last + keep;
}

static const struct connection *tell(struct stitch *st, struct held *h, enum news news)
{
	struct connection *c = &h->c;

	c->news = news;
	for (size_t i = 0; i < h->n_trip; i++)
		h->told[i] = &h->trip[i]->j;
	c->journey = h->told;
	c->n_journey = h->n_trip;
	st->telling = h;
	st->counts.told++;
	return c;
}

const struct connection *stitch_next(struct stitch *st, uint64_t now)
{
	end_telling(st);
	for (; st->cursor < st->n_held; st->cursor++) {
		struct held *h = st->held[st->cursor];
		enum news news;

		if (!h->live)
			continue;
		trips_settle(st, h, now);
		news = find_news(st, h, now);
		if (news)
			return tell(st, h, news);
		if (is_over(h, now))
			forget(st, h);
	}
	st->cursor = 0;
	return NULL;
}

uint64_t stitch_due(const struct stitch *st)
{
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < st->n_held; i++) {
		const struct held *h = st->held[i];
		const struct connection *c = &h->c;

		if (!h->live)
			continue;
		if (h->fresh_drop || h->fresh_refusal || h->fresh_answer || h->fresh_end)
			return 0;
		for (size_t k = 0; k < h->n_trip; k++)
			if (!h->trip[k]->settled && h->trip[k]->last + SETTLE < due)
				due = h->trip[k]->last + SETTLE;
		if (!c->told && !c->midway && !c->answered && !c->refused && c->last + st->quiet < due)
			due = c->last + st->quiet;
	}
	return due;
}

struct stitch_counts stitch_counts(const struct stitch *st)
{
	return st->counts;
}
