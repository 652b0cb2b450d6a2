/* SPDX-License-Identifier: GPL-2.0-only */
/* Three witnesses, each of which may rule predicted paths out: the answer, the connection, the rules. */
#include <netinet/in.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "tracer/compare.h"

/* What a witness says of one path. */
struct objection {
	enum answer fits;		/* UNKNOWN: it cannot tell */
	const char *stage, *text;
	size_t depth;			/* how far the path went with what was seen: the nearest path is the deepest */
};

static const struct hop *last_hop(const struct trace *t)
{
	return t->n_hops ? &t->hops[t->n_hops - 1] : NULL;
}

static const char *stage_of(struct arena *a, const struct hop *h)
{
	return h ? hop_stage_name(a, h) : NULL;
}

/* -- the answer ----------------------------------------------------------------------------------- */

/* Which ends can look to the sender as it did. A reset or silence may also come from where the packet was sent to. */
static enum answer end_fits(const struct trace *t, const struct sent *s)
{
	enum end_kind kind = t->end.kind;

	switch (s->result) {
	case SENT_ANSWERED:
		return end_reaches(kind) ? YES : kind == END_UNKNOWN ? UNKNOWN : NO;
	case SENT_RESET:
		return kind == END_REJECT || kind == END_NO_LISTENER || kind == END_SENT ? YES : kind == END_UNKNOWN ? UNKNOWN : NO;
	case SENT_ICMP:
		return kind == END_REJECT || kind == END_NO_LISTENER || kind == END_SENT ? YES :
		       kind == END_DELIVERED ? NO : UNKNOWN;
	case SENT_REFUSED:
		return kind == END_DROP || kind == END_REJECT ? YES : kind == END_UNKNOWN ? UNKNOWN : NO;
	case SENT_NOTHING:
		break;
	}
	/* a socket that takes a datagram need not answer it, and a host elsewhere need not answer at all */
	if (kind == END_DROP || kind == END_LOOP)
		return YES;
	if (kind == END_REJECT || (kind == END_DELIVERED && (t->target.proto == IPPROTO_TCP || t->target.proto == IPPROTO_ICMP ||
							    t->target.proto == IPPROTO_ICMPV6)))
		return NO;
	return UNKNOWN;
}

static const char *sent_say(struct arena *a, const struct sent *s)
{
	char from[ADDR_TEXT];

	switch (s->result) {
	case SENT_ANSWERED:
	case SENT_RESET:
		return s->answer;
	case SENT_ICMP:
		return arena_printf(a, "%s from %s", s->answer, addr_say(&s->icmp_from, from));
	case SENT_REFUSED:
		return arena_printf(a, "refused by this kernel (%s)", strerror(s->error));
	case SENT_NOTHING:
		break;
	}
	return "no answer";
}

static struct objection answer_says(struct arena *a, const struct trace *t, const struct learnt *l)
{
	struct objection o = { .fits = end_fits(t, &l->sent) };

	if (o.fits == NO) {
		o.stage = stage_of(a, last_hop(t));
		o.text = arena_printf(a, "predicted to end as %s, but its sender got %s", end_kind_name(t->end.kind),
				      sent_say(a, &l->sent));
	}
	return o;
}

/* -- the connection ------------------------------------------------------------------------------- */

/* Where the path leads in the namespace of the entry: the last translation of the request there. */
static const struct hop *translated_there(const struct trace *t, uint32_t netns)
{
	const struct hop *last = NULL;

	for (size_t i = 0; i < t->n_hops; i++)
		if (!t->hops[i].reply && t->hops[i].out.netns == netns)
			last = &t->hops[i];
	return last;
}

static struct objection entry_says(struct arena *a, const struct trace *t, const struct learnt *l)
{
	const struct hop *h = translated_there(t, l->netns);
	struct objection o = { .fits = UNKNOWN };

	if (!l->has_entry || !h)
		return o;
	o.fits = addr_eq(&h->out.dst, &l->entry.back.src) && h->out.dport == l->entry.back.sport ? YES : NO;
	if (l->tuple.proto == IPPROTO_ICMP || l->tuple.proto == IPPROTO_ICMPV6)
		o.fits = addr_eq(&h->out.dst, &l->entry.back.src) ? YES : NO;
	if (o.fits == NO) {
		o.stage = stage_of(a, h);
		o.text = arena_printf(a, "predicted to go to %s, but conntrack has it going to %s",
				      endpoint_say(a, &h->out.dst, h->out.dport),
				      endpoint_say(a, &l->entry.back.src, l->entry.back.sport));
	}
	return o;
}

/* -- the rules ------------------------------------------------------------------------------------ */

/* Rules in order, of one packet or one path. */
struct rules {
	struct rule { uint8_t family; const char *table, *chain; uint64_t handle; const struct hop *hop; } *v;
	size_t n, cap;
};

/* Traced are the hooks of IP: a packet in a bridge's or device's own hooks has no nftrace set yet, or is past its namespace. */
static bool of_ip(uint8_t family)
{
	return family == NFPROTO_INET || family == NFPROTO_IPV4 || family == NFPROTO_IPV6;
}

static void predicted_rules(struct arena *a, const struct trace *t, uint32_t netns, bool reply, struct rules *out)
{
	for (size_t i = 0; i < t->n_hops; i++) {
		const struct hop *h = &t->hops[i];

		if (h->reply != reply || h->in.netns != netns || h->stage != STAGE_HOOK)
			continue;
		for (size_t k = 0; k < h->n_evidence; k++) {
			const struct evidence *e = &h->evidence[k];

			if (e->kind == EV_RULE && e->backend == BACKEND_NF_TABLES && e->effect != EFFECT_NONE && of_ip(e->family))
				*VEC_PUSH(a, out->v, out->n, out->cap) =
					(struct rule){ e->family, e->table, e->chain, e->handle, h };
		}
	}
}

/* What a traced packet is to the probe. A connection has more packets than these, which meet other rules. */
enum part { PART_OTHER, PART_REQUEST, PART_ANSWER };

#define TCP_KIND	0x17		/* ACK, RST, SYN, FIN */
#define TCP_SYN		0x02

static bool is_addr(const struct addr *a, const struct addr *wanted)
{
	return !wanted->family || addr_eq(a, wanted);
}

/*
 * before: what the packet of this id was last: a new source is the request's own once POSTROUTING has translated it. The answer
 * to a masquerading address has another port, and was not traced.
 */
static enum part part_of(const struct nft_traced *e, const struct learnt *l, enum part before, uint8_t *answer_flags)
{
	const struct tuple *p = &e->packet, *t = &l->tuple;
	uint8_t flags = e->tcp_flags & TCP_KIND;

	if (p->proto != t->proto)
		return PART_OTHER;
	if (t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6)
		return p->sport != t->sport ? PART_OTHER : p->dport == t->dport ? PART_REQUEST : PART_ANSWER;
	if (p->dport == t->sport && p->sport != t->sport && is_addr(&p->dst, &t->src)) {
		if (!*answer_flags)
			*answer_flags = flags;
		return flags == *answer_flags ? PART_ANSWER : PART_OTHER;
	}
	if (t->proto == IPPROTO_TCP && flags != TCP_SYN)
		return PART_OTHER;
	return l->alone || before == PART_REQUEST || (p->sport == t->sport && is_addr(&p->src, &t->src)) ? PART_REQUEST :
													  PART_OTHER;
}

/* Whose rules they are is told by the first event of each base chain, which carries the headers; ids alone change on the way. */
struct ids {
	struct id { uint32_t id; enum part part; } *v;
	size_t n, cap;
};

static enum part *part_at(struct arena *a, struct ids *ids, uint32_t id)
{
	for (size_t i = 0; i < ids->n; i++)
		if (ids->v[i].id == id)
			return &ids->v[i].part;
	*VEC_PUSH(a, ids->v, ids->n, ids->cap) = (struct id){ id, PART_OTHER };
	return &ids->v[ids->n - 1].part;
}

/* Has the packet been in this chain before, as it is now? Then it was sent again, and what follows is another packet's way. */
static bool again_there(const struct nft_traced *const *was, size_t n, const struct nft_traced *e)
{
	for (size_t i = 0; i < n; i++)
		if (was[i]->family == e->family && was[i]->iif == e->iif && was[i]->oif == e->oif &&
		    !strcmp(was[i]->table, e->table) && !strcmp(was[i]->chain, e->chain) && tuple_eq(&was[i]->packet, &e->packet))
			return true;
	return false;
}

static bool traced_rules(struct arena *a, const struct learnt *l, enum part wanted, struct rules *out)
{
	const struct nft_traced **was = NULL;
	size_t n = 0, cap = 0;
	struct ids ids = {};
	uint8_t answer_flags = 0;
	bool any = false;

	for (const struct nft_traced *e = l->event; e < l->event + l->n_event; e++) {
		enum part *part = part_at(a, &ids, e->id);

		if (e->has_packet)
			*part = part_of(e, l, *part, &answer_flags);
		if (*part != wanted)
			continue;
		if (e->has_packet && again_there(was, n, e))
			break;
		if (e->has_packet)
			*VEC_PUSH(a, was, n, cap) = e;
		any = true;
		if (e->kind == NFT_TRACED_RULE && of_ip(e->family))
			*VEC_PUSH(a, out->v, out->n, out->cap) = (struct rule){ e->family, e->table, e->chain, e->handle, NULL };
	}
	return any;
}

static bool rule_eq(const struct rule *x, const struct rule *y)
{
	return x->family == y->family && x->handle == y->handle && !strcmp(x->table, y->table) && !strcmp(x->chain, y->chain);
}

static const char *rule_say(struct arena *a, const struct rules *r, size_t i)
{
	if (i >= r->n)
		return "no further rule";
	return arena_printf(a, "%s %s handle %llu", r->v[i].table, r->v[i].chain, (unsigned long long)r->v[i].handle);
}

static struct objection direction_says(struct arena *a, const struct trace *t, const struct learnt *l, bool reply, size_t *held)
{
	struct rules want = {}, have = {};
	struct objection o = { .fits = UNKNOWN };
	size_t i = 0;

	if (!l->traced || !traced_rules(a, l, reply ? PART_ANSWER : PART_REQUEST, &have))
		return o;
	predicted_rules(a, t, l->netns, reply, &want);
	while (i < want.n && i < have.n && rule_eq(&want.v[i], &have.v[i]))
		i++;
	*held += i;
	o.depth = i;
	/* the answer of a path that is not foreseen to be answered says nothing about it */
	o.fits = i == want.n && i == have.n ? YES : reply && !want.n ? UNKNOWN : NO;
	if (o.fits == NO) {
		o.stage = stage_of(a, i < want.n ? want.v[i].hop : last_hop(t));
		o.text = arena_printf(a, "%spredicted to match %s, but nf_tables traced %s", reply ? "the answer was " : "",
				      rule_say(a, &want, i), rule_say(a, &have, i));
	}
	return o;
}

enum answer compare_rules(struct arena *a, const struct trace *t, const struct learnt *l, size_t *n, const char **differs)
{
	struct objection o;

	*n = 0;
	o = direction_says(a, t, l, false, n);
	*differs = o.text;
	return o.fits;
}

/* -- all ------------------------------------------------------------------------------------------ */

struct judgement {
	enum answer fits;
	size_t depth, held;			/* rules that were the same */
	bool answer, entry, rules;		/* which witnesses spoke for it */
	struct objection says[4];
};

static void judge(struct arena *a, const struct trace *t, const struct learnt *l, struct judgement *j)
{
	*j = (struct judgement){ .fits = UNKNOWN };
	j->says[0] = direction_says(a, t, l, false, &j->held);
	j->says[1] = entry_says(a, t, l);
	j->says[2] = direction_says(a, t, l, true, &j->held);
	j->says[3] = answer_says(a, t, l);
	j->rules = j->says[0].fits == YES;
	j->entry = j->says[1].fits == YES;
	j->answer = j->says[3].fits == YES;
	for (size_t i = 0; i < ARRAY_SIZE(j->says); i++) {
		const struct objection *o = &j->says[i];

		j->depth += o->depth;
		if (o->fits == NO || (o->fits == YES && j->fits == UNKNOWN))
			j->fits = o->fits;
	}
}

static bool better(const struct judgement *x, const struct trace *tx, const struct judgement *y, const struct trace *ty)
{
	bool x_fits = x->fits != NO, y_fits = y->fits != NO;

	if (x_fits != y_fits)
		return x_fits;
	if (x->depth != y->depth)
		return x->depth > y->depth;
	return tx->share > ty->share;
}

static const char *basis(struct arena *a, const struct judgement *j)
{
	const char *part[3];
	size_t n = 0;

	if (j->rules)
		part[n++] = arena_printf(a, "%zu rule%s in nf_tables' own trace", j->held, j->held == 1 ? "" : "s");
	if (j->entry)
		part[n++] = "the conntrack entry";
	if (j->answer)
		part[n++] = "what its sender got back";
	if (!n)
		return NULL;
	return n == 1 ? part[0] : n == 2 ? arena_printf(a, "%s and %s", part[0], part[1]) :
					   arena_printf(a, "%s, %s and %s", part[0], part[1], part[2]);
}

void compare(struct arena *a, const struct trace *t, size_t n, const struct learnt *l, struct comparison *out)
{
	struct judgement best;
	size_t at = 0;

	judge(a, &t[0], l, &best);
	for (size_t i = 1; i < n; i++) {
		struct judgement j;

		judge(a, &t[i], l, &j);
		if (better(&j, &t[i], &best, &t[at])) {
			best = j;
			at = i;
		}
	}
	*out = (struct comparison){ .agrees = best.fits, .trace = at, .basis = basis(a, &best) };
	for (size_t i = 0; i < ARRAY_SIZE(best.says) && best.fits == NO && !out->differs; i++) {
		out->differs_at = best.says[i].fits == NO ? best.says[i].stage : NULL;
		out->differs = best.says[i].fits == NO ? best.says[i].text : NULL;
	}
}
