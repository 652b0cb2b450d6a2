/* SPDX-License-Identifier: GPL-2.0-only */
/* ktrace drops: every packet that this node drops, as it happens, with what dropped it. */
#include <errno.h>
#include <string.h>

#include "tracer/live.h"

#define TICK_NS		1000000000ull	/* equal drops are told once in a second */

struct drops {
	struct live live;
	const struct probe_filter *filter;
	size_t n_filter;
	struct err *err;
};

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

static int take(void *ctx, const struct sighting *s)
{
	struct drops *d = ctx;
	struct live *l = &d->live;
	struct told t = { .time = live_wall(l, s->time), .drop = s, .count = s->folded + 1 };
	struct tuple tuple = packet_tuple(&s->p);
	struct attribution why;
	struct err err = { "" };
	struct arena *a;
	int rc;

	if (s->place != PLACE_DROP || live_over(l) || !is_wanted(d, s) || meaning_of(&l->words, s).class == DROP_CONSUMED)
		return 0;
	a = arena_new();
	if (!attribute_sighting(l->attribute, a, s, &l->base, &why, &err))
		t.why = &why;
	live_name(l, a, s->p.ct.state != CT_NONE && s->p.ct.orig.proto && !s->p.ct.reply ? &s->p.ct.orig : &tuple, &t,
		  t.why ? &why : NULL);
	rc = live_write(l->pcapng, l->clock, s, arena_printf(a, "%s%s%s", live_place(a, &l->words, s), t.why && why.caused_by ? " by " : "",
					   t.why && why.caused_by ? why.caused_by : ""), d->err);
	live_tell(l, a, &t, t.count);
	arena_free(a);
	return rc;
}

/* What was folded since it was last told: seen again, but not told of yet. */
static int take_folded(void *ctx, const struct sighting *s)
{
	struct sighting one = *s;

	/* the one itself was told already */
	one.folded = s->folded ? s->folded - 1 : 0;
	return s->folded ? take(ctx, &one) : 0;
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
	struct drops d = { .err = &err };
	int rc = drops(&d, o);
	enum status status = rc ? cmd_fail(&err, rc) : live_end(&d.live);

	live_close(&d.live);
	return status;
}
