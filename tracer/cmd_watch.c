/* SPDX-License-Identifier: GPL-2.0-only */
/* ktrace watch --to TARGET: real connections to it, as the kernel handles them. */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "tracer/compare.h"
#include "tracer/live.h"

#define FILTERS		1024
#define TRACED		65536		/* events of nf_tables' trace that are kept */
#define WAYS		256		/* ways of answered connections remembered, a power of two */
#define INCOMING	4		/* devices that packets are foreseen to come in by */
#define LOOK_NS		1000000000ull	/* how often endpoints are looked up again */

/* A way that an answered connection went: the next one on it needs no second look while the rules stand. */
struct way {
	struct tuple to, through, ipvs;	/* without the client: as addressed, as translated, as IPVS chose */
	uint64_t number;		/* of the connection that went it first, 0: none */
};

struct watch {
	struct live live;
	struct stitch *stitch;
	struct arena *a;		/* of what is told next */
	struct probe_filter *filter;
	size_t n_filter, cap_filter;
	struct way way[WAYS];
	uint32_t generation;
	uint64_t look;			/* when to look next */
	/* --exact */
	struct nft_tracing *tracing;
	struct arena *traced;		/* of the events */
	struct nft_traced *event;
	size_t n_event, cap_event;
	bool lost;
	/* sightings to write, once it is known what became of them */
	struct sighting *pending;
	const char **comment;
	size_t n_pending, cap_pending;
	struct err *err;
	int rc;
};

/* -- what is followed ----------------------------------------------------------------------------- */

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/* Adds it to the list, and to the probes and the stitch that follow already. */
static void follow(struct watch *w, const struct addr *addr, uint16_t port, uint8_t proto, bool addressed)
{
	struct probe_filter f = { *addr, has_ports(proto) ? port : 0, proto, addressed };

	for (size_t i = 0; i < w->n_filter; i++)
		if (addr_eq(&w->filter[i].addr, addr) && w->filter[i].port == f.port && w->filter[i].proto == proto)
			return;
	if (w->n_filter == FILTERS) {
		gap_add(&w->live.unseen, "there are too many endpoints to follow them all");
		return;
	}
	*VEC_PUSH(w->live.a, w->filter, w->n_filter, w->cap_filter) = f;
	if (w->live.probes && (probes_follow(w->live.probes, &f) || stitch_follow(w->stitch, &f)))
		gap_add(&w->live.unseen, "there are too many endpoints to follow them all");
}

/* Where a walk leads its packets; what cannot be walked is followed by its connection alone. */
static void follow_walk(struct watch *w, struct state *s, const struct source *source, const struct tuple *t)
{
	struct walk_options o = w->live.walk;
	struct arena *a = arena_new();
	const struct trace *trace;
	size_t n;

	o.source = source;
	if (!walk(s, a, &o, t, &trace, &n, NULL))
		for (size_t i = 0; i < n; i++)
			if (trace[i].has_endpoint)
				follow(w, &trace[i].endpoint, trace[i].endpoint_port, t->proto, false);
	arena_free(a);
}

/*
 * Where the node's state leads packets to it now: those of the source, and what comes in by a device, which may find rules, or a
 * route, that the source does not. Its sender is nobody (RFC 2544, RFC 5180): rules translate it before routing asks for him.
 */
static void follow_endpoints(struct watch *w, struct state *s, const struct tuple *t)
{
	static const uint8_t v6[16] = { 0x20, 0x01, 0x00, 0x02, [15] = 1 };
	struct source source = { .kind = SOURCE_ADDRESS };
	const struct if_addr *at;
	int seen[INCOMING];
	size_t n, n_seen = 0, k;

	follow_walk(w, s, &w->live.base.source, t);
	if (state_addrs(s, 0, &at, &n))
		return;
	source.addr = t->dst.family == AF_INET6 ? addr_from(v6, 16) : addr_v4(0xc6120001);
	for (size_t i = 0; i < n && n_seen < INCOMING; i++) {
		const struct link *l = state_link(s, 0, at[i].ifindex);

		for (k = 0; k < n_seen && seen[k] != at[i].ifindex; k++)
			;
		if (!l || (l->flags & (IFF_UP | IFF_LOOPBACK)) != IFF_UP || k < n_seen || at[i].addr.family != t->dst.family)
			continue;
		seen[n_seen++] = at[i].ifindex;
		source.iface = l->name;
		follow_walk(w, s, &source, t);
	}
}

static void find_filters(struct watch *w, struct state *s)
{
	const struct resolved *target = &w->live.base.target;

	for (size_t i = 0; i < target->n_port; i++)
		for (size_t k = 0; k < target->port[i].n_addr; k++) {
			const struct target_port *port = &target->port[i];
			struct tuple t = { .dst = port->addr[k], .dport = port->port, .proto = port->proto };

			if (port->proto == IPPROTO_ICMP)
				t.dport = 8 << 8;
			else if (port->proto == IPPROTO_ICMPV6)
				t.dport = 128 << 8;
			follow(w, &t.dst, t.dport, t.proto, true);
			follow_endpoints(w, s, &t);
		}
}

/* Endpoints come and go while it is watched. Each look is a state of its own: one that is asked again and again would keep all it ever read. */
static void look_again(struct watch *w)
{
	struct gaps gaps;
	struct state *s;
	struct arena *a;
	uint32_t generation;

	if (live_now() < w->look)
		return;
	w->look = live_now() + LOOK_NS;
	if (nft_generation(state_nft(w->live.s), 0, &generation) || generation == w->generation)
		return;
	w->generation = generation;
	memset(w->way, 0, sizeof(w->way));
	a = arena_new();
	gaps = (struct gaps){ .arena = a };
	if (!state_open(w->live.io, a, &gaps, &s, NULL))
		find_filters(w, s);
	arena_free(a);
}

/* -- what happens --------------------------------------------------------------------------------- */

static int take(void *ctx, const struct sighting *s)
{
	struct watch *w = ctx;

	stitch_add(w->stitch, s);
	if (w->live.pcapng)
		*VEC_PUSH(w->a, w->pending, w->n_pending, w->cap_pending) = *s;
	return 0;
}

/* A dropped packet's comment is what dropped it, once that is known. */
static void comment_drop(struct watch *w, const struct attribution *why)
{
	for (size_t i = 0; why->at && i < w->n_pending; i++)
		if (w->pending[i].time == why->at->time && w->pending[i].id == why->at->id && w->pending[i].place == why->at->place)
			w->comment[i] = arena_printf(w->a, "%s by %s", w->comment[i], why->caused_by ? why->caused_by : "the kernel");
}

static void count(struct watch *w, const struct connection *c)
{
	struct tally *t = &w->live.tally;

	t->connections += !c->told;
	t->answered += c->news == NEWS_ANSWERED;
	t->refused += c->news == NEWS_REFUSED;
	t->dropped += c->news == NEWS_DROPPED;
	t->unanswered += c->news == NEWS_QUIET;
}

/* -- --exact: the kernel's own trace beside the engine's words ------------------------------------ */

static int open_tracing(struct watch *w, struct err *err)
{
	struct nft_traced_tuple *t = arena_alloc(w->live.a, w->n_filter * sizeof(*t));
	size_t n = 0;

	for (size_t i = 0; i < w->n_filter; i++)
		if (w->filter[i].addressed)
			t[n++] = (struct nft_traced_tuple){ .proto = w->filter[i].proto, .family = w->filter[i].addr.family,
							    .dst = w->filter[i].addr, .dport = w->filter[i].port };
	w->traced = arena_new();
	return nft_tracing_open(w->live.io, 0, t, n, &w->tracing, err);
}

static void take_event(void *ctx, const struct nft_traced *t)
{
	struct watch *w = ctx;

	*VEC_PUSH(w->traced, w->event, w->n_event, w->cap_event) = *t;
}

static void read_tracing(struct watch *w)
{
	if (!w->tracing)
		return;
	/* what was told is not asked for again; a flood is forgotten, and said to be */
	if (w->n_event > TRACED || (w->n_event && !stitch_counts(w->stitch).live)) {
		w->lost = w->n_event > TRACED;
		w->event = NULL;
		w->n_event = w->cap_event = 0;
		arena_free(w->traced);
		w->traced = arena_new();
	}
	if (nft_tracing_poll(w->tracing, w->traced, 0, take_event, w) == -ENOBUFS)
		w->lost = true;
}

static const char *exact_words(struct watch *w, const struct connection *c, const struct attribution *why)
{
	struct learnt l = { .tuple = c->orig, .event = w->event, .n_event = w->n_event, .traced = !w->lost };
	const char *differs;
	size_t n;

	if (!w->tracing || !why->p.n_trace)
		return NULL;
	switch (compare_rules(w->a, &why->p.trace[0], &l, &n, &differs)) {
	case YES:
		return arena_printf(w->a, "nf_tables' own trace ran the same %zu rule%s", n, n == 1 ? "" : "s");
	case NO:
		return arena_printf(w->a, "nf_tables' own trace differs: %s", differs);
	default:
		return w->lost ? "nf_tables' own trace lost events: its rules are not known" : "nf_tables' own trace has nothing of it";
	}
}

/* -- telling -------------------------------------------------------------------------------------- */

/* A connection that ends well has been looked into when it was answered. */
static bool is_looked_into(const struct connection *c)
{
	return c->news != NEWS_ENDED && c->news != NEWS_NONE && c->n_journey;
}

static struct tuple without_client(const struct tuple *t)
{
	struct tuple to;

	memset(&to, 0, sizeof(to));
	to.dst.family = t->dst.family;
	memcpy(to.dst.b, t->dst.b, addr_len(&t->dst));
	to.dport = t->dport;
	to.proto = t->proto;
	return to;
}

/* The connection that went this way first, or 0 and it is remembered as that. A client's own place is part of its way. */
static uint64_t same_as(struct watch *w, const struct connection *c)
{
	struct way key;
	uint32_t hash = 2166136261u;
	struct way *at;

	memset(&key, 0, sizeof(key));
	key.to = without_client(&c->orig);
	key.to.src = c->orig.src;
	key.through = without_client(&c->translated);
	key.ipvs = without_client(&c->ipvs);
	for (size_t i = 0; i < sizeof(key); i++)
		hash = (hash ^ ((const uint8_t *)&key)[i]) * 16777619;
	at = &w->way[hash & (WAYS - 1)];
	key.number = at->number;
	if (at->number && !memcmp(at, &key, sizeof(key)))
		return at->number;
	key.number = c->number;
	*at = key;
	return 0;
}

static void tell(struct watch *w, const struct connection *c)
{
	struct attribution why;
	struct told t = { .time = live_wall(&w->live, c->last), .connection = c };
	struct err err = { "" };

	if (c->news == NEWS_ANSWERED && !c->drops && !c->told)
		t.same_as = same_as(w, c);
	if (is_looked_into(c) && !t.same_as && !attribute_connection(w->live.attribute, w->a, c, &w->live.base, &why, &err)) {
		t.why = &why;
		t.exact = exact_words(w, c, &why);
		comment_drop(w, &why);
	}
	live_cause(&t);
	if (c->news == NEWS_ANSWERED)
		t.caused_by = NULL;
	live_name(&w->live, w->a, &c->orig, &t, t.why ? &why : NULL);
	count(w, c);
	live_tell(&w->live, w->a, &t, c->news == NEWS_DROPPED ? 1 : 0);
}

static void tell_all(struct watch *w, uint64_t now)
{
	const struct connection *c;

	if (w->live.pcapng) {
		w->comment = arena_alloc(w->a, w->n_pending * sizeof(*w->comment));
		for (size_t i = 0; i < w->n_pending; i++)
			w->comment[i] = live_place(w->a, &w->live.words, &w->pending[i]);
	}
	while ((now == UINT64_MAX || !live_over(&w->live)) && (c = stitch_next(w->stitch, now)))
		tell(w, c);
	for (size_t i = 0; i < w->n_pending && !w->rc; i++)
		w->rc = live_write(w->live.pcapng, w->live.clock, &w->pending[i], w->comment[i], w->err);
	w->pending = NULL;
	w->n_pending = w->cap_pending = 0;
	arena_free(w->a);
	w->a = arena_new();
}

static int watch(struct watch *w, const struct options *o)
{
	struct live *l = &w->live;
	struct stitch_options so = {};
	int rc = live_open(l, o, w->err);

	if (rc)
		return rc;
	nft_generation(state_nft(l->s), 0, &w->generation);
	find_filters(w, l->s);
	rc = live_attach(l, &(struct probes_options){ .filter = w->filter, .n_filter = w->n_filter, .all = o->all }, "watch", w->err);
	if (rc)
		return rc;
	so.filter = w->filter;
	so.n_filter = w->n_filter;
	so.words = l->words;
	if (l->base.source.kind == SOURCE_ADDRESS)
		so.from = l->base.source.addr;
	w->stitch = stitch_new(&so);
	if (o->exact)
		rc = open_tracing(w, w->err);
	if (rc)
		return rc;
	while (!live_over(l) && !w->rc) {
		w->rc = live_poll(l, stitch_due(w->stitch), take, w);
		read_tracing(w);
		tell_all(w, live_now());
		look_again(w);
	}
	if (!w->rc && !(o->count && l->told >= o->count))
		tell_all(w, UINT64_MAX);
	l->tally.given_up = stitch_counts(w->stitch).given_up;
	return w->rc;
}

enum status cmd_watch(const struct options *o)
{
	struct err err = { "" };
	struct watch w = { .err = &err, .a = arena_new() };
	int rc = watch(&w, o);
	enum status status = rc ? cmd_fail(&err, rc) : live_end(&w.live);

	nft_tracing_close(w.tracing);
	stitch_free(w.stitch);
	live_close(&w.live);
	if (w.traced)
		arena_free(w.traced);
	arena_free(w.a);
	return status;
}
