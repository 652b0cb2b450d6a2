/* SPDX-License-Identifier: GPL-2.0-only */
/* ktrace drops: every packet that this node drops, as it happens, with what dropped it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/live.h"

#define TICK_NS		1000000000ull	/* equal drops are told once in a second */
#define MEMORY		4096		/* causes remembered, a power of two */
#define NEAR		8		/* slots that one may lie in */

/*
 * What caused a drop, for the equal ones after it: of those that were folded the kernel gives the count and the tuple alone.
 * A slot forgets when another drop needs it.
 */
struct memory {
	struct equal {
		uint64_t location;
		struct tuple tuple;
		uint32_t reason, netns;
	} key;
	char *cause, *caused_by, *service;
};

struct drops {
	struct live live;
	const struct probe_filter *filter;
	size_t n_filter;
	struct memory *memory;
	struct err *err;
};

/* Equal as the kernel folds them: but for the client's port. Its own slot, else a free one, else another's. */
static struct memory *slot_of(struct drops *d, const struct sighting *s, struct equal *key)
{
	struct memory *m, *free_one = NULL;
	uint32_t hash = 2166136261u;

	memset(key, 0, sizeof(*key));
	key->location = s->location;
	key->reason = s->reason;
	key->netns = s->netns;
	memcpy(key->tuple.src.b, s->p.src.b, addr_len(&s->p.src));
	memcpy(key->tuple.dst.b, s->p.dst.b, addr_len(&s->p.dst));
	key->tuple.proto = s->p.proto;
	key->tuple.dport = s->p.sport < s->p.dport ? s->p.sport : s->p.dport;
	for (size_t i = 0; i < sizeof(*key); i++)
		hash = (hash ^ ((const uint8_t *)key)[i]) * 16777619;
	for (uint32_t i = 0; i < NEAR; i++) {
		m = &d->memory[(hash + i) & (MEMORY - 1)];
		if (m->cause && !memcmp(&m->key, key, sizeof(*key)))
			return m;
		if (!m->cause && !free_one)
			free_one = m;
	}
	return free_one ? free_one : &d->memory[hash & (MEMORY - 1)];
}

static char *kept(const char *s)
{
	return s ? strdup(s) : NULL;
}

static void forget(struct memory *m)
{
	free(m->cause);
	free(m->caused_by);
	free(m->service);
	*m = (struct memory){};
}

static void remember(struct drops *d, const struct sighting *s, const struct told *t)
{
	struct equal key;
	struct memory *m = slot_of(d, s, &key);

	forget(m);
	m->key = key;
	m->cause = kept(t->cause);
	m->caused_by = kept(t->caused_by);
	m->service = kept(t->service);
}

static bool recall(struct drops *d, const struct sighting *s, struct told *t)
{
	struct equal key;
	const struct memory *m = slot_of(d, s, &key);

	if (!m->cause || memcmp(&m->key, &key, sizeof(key)))
		return false;
	t->cause = m->cause;
	t->caused_by = m->caused_by;
	t->service = m->service;
	return true;
}

/* With --to: the addressed ones of the target, and what conntrack says they were translated to. */
static bool is_wanted(const struct drops *d, const struct sighting *s)
{
	const struct tuple *orig = s->p.ct.state != CT_NONE ? &s->p.ct.orig : NULL;

	for (size_t i = 0; i < d->n_filter; i++) {
		const struct probe_filter *f = &d->filter[i];

		if (s->p.proto == f->proto && addr_eq(&s->p.dst, &f->addr) && (!f->port || s->p.dport == f->port))
			return true;
		if (orig && orig->proto == f->proto && addr_eq(&orig->dst, &f->addr) && (!f->port || orig->dport == f->port))
			return true;
	}
	return !d->n_filter;
}

static void look_into(struct drops *d, struct arena *a, const struct sighting *s, struct told *t, struct attribution *why)
{
	struct live *l = &d->live;
	struct tuple tuple = packet_tuple(&s->p);
	struct err err = { "" };

	if (!attribute_sighting(l->attribute, a, s, &l->base, why, &err))
		t->why = why;
	live_cause(t);
	if (s->p.ct.state != CT_NONE && s->p.ct.orig.proto && !s->p.ct.reply)
		tuple = s->p.ct.orig;
	live_name(l, a, &tuple, t, t->why ? why : NULL);
	remember(d, s, t);
}

static int tell(struct drops *d, const struct sighting *s)
{
	struct live *l = &d->live;
	struct told t = { .time = live_wall(l, s->time), .drop = s, .count = s->folded + 1 };
	struct attribution why;
	struct arena *a;
	int rc;

	if (s->place != PLACE_DROP || !is_wanted(d, s) || meaning_of(&l->words, s).class == DROP_CONSUMED)
		return 0;
	a = arena_new();
	if (s->n_bytes || !recall(d, s, &t))
		look_into(d, a, s, &t, &why);
	rc = live_write(l->pcapng, l->clock, s, arena_printf(a, "%s%s%s", live_place(a, &l->words, s), t.caused_by ? " by " : "",
							     t.caused_by ? t.caused_by : ""), d->err);
	live_tell(l, a, &t, t.count);
	arena_free(a);
	return rc;
}

static int take(void *ctx, const struct sighting *s)
{
	struct drops *d = ctx;

	return live_over(&d->live) ? 0 : tell(d, s);
}

/* At the end: what was folded since it was last told. */
static int take_folded(void *ctx, const struct sighting *s)
{
	struct sighting one = *s;

	/* the one itself was told already */
	one.folded = s->folded ? s->folded - 1 : 0;
	return s->folded ? tell(ctx, &one) : 0;
}

static void find_filters(struct drops *d)
{
	const struct resolved *target = &d->live.base.target;
	struct probe_filter *v = NULL;
	size_t cap = 0;

	for (size_t i = 0; i < target->n_port; i++)
		for (size_t k = 0; k < target->port[i].n_addr; k++) {
			const struct target_port *port = &target->port[i];
			bool icmp = port->proto == IPPROTO_ICMP || port->proto == IPPROTO_ICMPV6;

			*VEC_PUSH(d->live.a, v, d->n_filter, cap) =
				(struct probe_filter){ port->addr[k], icmp ? 0 : port->port, port->proto, true };
		}
	d->filter = v;
}

static int drops(struct drops *d, const struct options *o)
{
	struct live *l = &d->live;
	int rc = live_open(l, o, d->err);

	if (rc)
		return rc;
	find_filters(d);
	rc = live_attach(l, &(struct probes_options){}, "drops", d->err);
	while (!rc && !live_over(l))
		rc = live_poll(l, live_now() + TICK_NS, take, d);
	if (!rc)
		probes_folded(l->probes, take_folded, d);
	return rc;
}

enum status cmd_drops(const struct options *o)
{
	struct err err = { "" };
	struct drops d = { .err = &err, .memory = calloc(MEMORY, sizeof(*d.memory)) };
	int rc = d.memory ? drops(&d, o) : err_set(&err, -ENOMEM, "out of memory");
	enum status status = rc ? cmd_fail(&err, rc) : live_end(&d.live);

	for (size_t i = 0; d.memory && i < MEMORY; i++)
		forget(&d.memory[i]);
	free(d.memory);
	live_close(&d.live);
	return status;
}
