/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which sightings are of one packet: those of one buffer, or of one print shortly after one another. A buffer is used again, and a
 * retransmission has the buffer and the print of what it repeats: it shows at a place where its packet has been.
 */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <string.h>

#include "tracer/stitch_priv.h"

#define TH_FIN	0x01
#define TH_SYN	0x02
#define TH_RST	0x04
#define TH_ACK	0x10

static struct trip **id_bucket(struct stitch *st, uint64_t id)
{
	return &st->by_id[(id * 0x9e3779b97f4a7c15ULL >> 40) % BUCKETS];
}

/* -- memory ----------------------------------------------------------------------------------------- */

static struct slot *slot_new(struct stitch *st, const struct held *h)
{
	struct slot *slot;

	while (!st->free_slot && st->n_slot >= st->max_slot)
		if (!stitch_give_up(st, h))
			return NULL;
	slot = st->free_slot;
	if (slot) {
		st->free_slot = slot->next;
		return slot;
	}
	st->n_slot++;
	return arena_alloc(st->arena, sizeof(*slot));
}

static void trip_free(struct stitch *st, struct trip *t)
{
	struct trip **p = id_bucket(st, t->id);

	for (size_t i = 0; i < t->j.n; i++) {
		struct slot *slot = (struct slot *)t->seen[i];	/* its first member */

		slot->next = st->free_slot;
		st->free_slot = slot;
	}
	while (*p && *p != t)
		p = &(*p)->next_id;
	if (*p)
		*p = t->next_id;
	t->next_id = st->free_trip;
	st->free_trip = t;
}

static void drop_from(struct stitch *st, struct held *h, size_t i)
{
	trip_free(st, h->trip[i]);
	memmove(&h->trip[i], &h->trip[i + 1], (--h->n_trip - i) * sizeof(h->trip[0]));
}

void trips_free(struct stitch *st, struct held *h, bool all)
{
	for (size_t i = h->n_trip; i-- > 0;)
		if (all || h->trip[i]->settled)
			drop_from(st, h, i);
}

/* What went wrong is worth telling, and the first of each direction until the connection was told with its answer. */
static bool worth_keeping(const struct held *h, const struct trip *t)
{
	if (t->j.drop || t->j.refused || t->j.error)
		return true;
	if (h->c.told && (h->c.answered || h->c.refused))
		return false;
	for (size_t i = 0; i < h->n_trip; i++)
		if (h->trip[i]->j.reply == t->j.reply && !h->trip[i]->j.error)
			return h->trip[i] == t;
	return true;
}

static void make_room(struct stitch *st, struct held *h)
{
	size_t i;

	if (h->n_trip < MAX_JOURNEYS)
		return;
	for (i = 0; i < h->n_trip; i++)
		if (h->trip[i]->settled && !worth_keeping(h, h->trip[i]))
			break;
	/* the oldest but the first two, which tell how it began */
	if (i == h->n_trip)
		i = 2;
	h->c.unkept++;
	drop_from(st, h, i);
}

static struct trip *trip_new(struct stitch *st, struct held *h, const struct sighting *s, const struct bytes_view *v,
			     bool reply)
{
	struct trip *t;

	make_room(st, h);
	t = st->free_trip;
	if (t)
		st->free_trip = t->next_id;
	else
		t = arena_alloc(st->arena, sizeof(*t));
	*t = (struct trip){ .owner = h, .print = v->print, .id = s->id };
	t->j.reply = reply;
	t->j.seen = t->seen;
	t->next_id = *id_bucket(st, s->id);
	*id_bucket(st, s->id) = t;
	h->trip[h->n_trip++] = t;
	return t;
}

/* -- the same packet? ------------------------------------------------------------------------------- */

static bool same_place(const struct sighting *a, const struct sighting *b)
{
	struct tuple x = packet_tuple(&a->p), y = packet_tuple(&b->p);

	return a->place == b->place && a->netns == b->netns && a->pf == b->pf && a->hook == b->hook &&
	       a->p.iif == b->p.iif && a->p.oif == b->p.oif && !strcmp(a->text, b->text) &&
	       !strcmp(a->ifname, b->ifname) && tuple_eq(&x, &y);
}

/* Places that a packet passes once, as it is then. */
static bool repeats(const struct trip *t, const struct sighting *s)
{
	if (s->place != PLACE_HOOK && s->place != PLACE_CHAIN && s->place != PLACE_DEV_IN && s->place != PLACE_DEV_OUT)
		return false;
	for (size_t i = 0; i < t->j.n; i++)
		if (same_place(t->seen[i], s))
			return true;
	return false;
}

static uint64_t since(const struct trip *t, const struct sighting *s)
{
	return s->time > t->last ? s->time - t->last : 0;
}

static bool same_buffer(const struct trip *t, const struct sighting *s, const struct bytes_view *v)
{
	if (!s->id || t->id != s->id)
		return false;
	if (t->print.known && v->print.known && !print_eq(&t->print, &v->print))
		return false;
	/* without bytes only time tells a buffer's next packet from its last */
	if (!(t->print.known && v->print.known) && since(t, s) > REPEAT && s->place != PLACE_DROP)
		return false;
	return !(repeats(t, s) && since(t, s) > REPEAT);
}

/* Copied, or its head moved to make room for another header. */
static bool same_print(const struct trip *t, const struct sighting *s, const struct bytes_view *v)
{
	return print_eq(&t->print, &v->print) && since(t, s) <= REPEAT && !repeats(t, s);
}

struct trip *trip_by_id(struct stitch *st, const struct sighting *s, const struct bytes_view *v)
{
	struct trip *t;

	for (t = *id_bucket(st, s->id); t; t = t->next_id)
		if (same_buffer(t, s, v) && since(t, s) <= REPEAT)
			return t;
	return NULL;
}

static struct trip *find_trip(struct held *h, const struct sighting *s, const struct bytes_view *v, bool reply)
{
	for (size_t i = h->n_trip; i-- > 0;)
		if (h->trip[i]->j.reply == reply && same_buffer(h->trip[i], s, v))
			return h->trip[i];
	for (size_t i = h->n_trip; i-- > 0;)
		if (h->trip[i]->j.reply == reply && same_print(h->trip[i], s, v))
			return h->trip[i];
	return NULL;
}

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/* -- what a sighting adds --------------------------------------------------------------------------- */

static bool enters(const struct sighting *s)
{
	if (s->place == PLACE_DEV_IN)
		return true;
	return s->place == PLACE_HOOK && (s->hook == NF_INET_PRE_ROUTING || s->hook == NF_INET_LOCAL_OUT);
}

/* Sequence numbers that have been seen before are sent again. */
static bool sent_again(struct held *h, const struct bytes_view *v, bool reply)
{
	uint32_t end = v->print.a + v->payload;
	bool again;

	if (!v->print.known || v->print.proto != IPPROTO_TCP || !v->payload)
		return false;
	again = h->seq_known[reply] && (int32_t)(end - h->next_seq[reply]) <= 0;
	if (!again)
		h->next_seq[reply] = end;
	h->seq_known[reply] = true;
	return again;
}

static void count(struct held *h, struct trip *t, const struct sighting *s, const struct bytes_view *v)
{
	bool reply = t->j.reply;
	uint8_t flags = v->print.known && v->print.proto == IPPROTO_TCP ? v->print.flags :
			s->p.proto == IPPROTO_TCP ? s->p.tcp_flags : 0;

	if (t->j.error)
		return;
	h->c.packets[reply]++;
	t->j.again = sent_again(h, v, reply);
	h->c.retransmitted[reply] += t->j.again;
	h->c.resets[reply] += !!(flags & TH_RST);
	h->c.finished[reply] |= !!(flags & TH_FIN);
	if (!reply && (flags & (TH_SYN | TH_ACK)) == TH_SYN && !h->isn_known && v->print.known) {
		h->isn = v->print.a;
		h->isn_known = true;
	}
}

/* A packet that comes to a socket after the connection was reset, or closed by both, is late and not lost; nor is a reset itself. */
static bool is_loss(struct stitch *st, const struct held *h, const struct sighting *s)
{
	const struct connection *c = &h->c;
	bool over = c->resets[OUTWARD] || c->resets[BACK] || (c->finished[OUTWARD] && c->finished[BACK]);
	bool opening = (s->p.tcp_flags & (TH_SYN | TH_ACK)) == TH_SYN;

	switch (meaning_of(&st->words, s).class) {
	case DROP_CONSUMED:
		return false;
	case DROP_TCP:
	case DROP_NO_LISTENER:
		return !over || opening || s->p.proto != IPPROTO_TCP;
	default:
		return true;
	}
}

static void note(struct stitch *st, struct held *h, struct trip *t, const struct sighting *s)
{
	struct journey *j = &t->j;

	switch (s->place) {
	case PLACE_DROP:
		if (!j->drop && is_loss(st, h, s))
			j->drop = s;
		break;
	case PLACE_ICMP_SENT:
		h->c.icmp_errors++;
		j->refused = s;
		break;
	case PLACE_RST_SENT:
		j->refused = s;
		break;
	case PLACE_LISTEN_FULL:
	case PLACE_IPVS_NONE:
		if (!j->refused)
			j->refused = s;
		break;
	case PLACE_HOOK:
	case PLACE_DEV_OUT:
	case PLACE_CONFIRM:
		/* it was a copy that was dropped: this one goes on */
		j->drop = NULL;
		break;
	default:
		break;
	}
}

static const struct sighting *keep(struct stitch *st, struct held *h, struct trip *t, const struct sighting *s)
{
	struct slot *slot;
	size_t at = t->j.n;

	if (t->j.n == MAX_SEEN) {
		/* the end of its way tells more than the middle */
		slot = (struct slot *)t->seen[MAX_SEEN - 1];
		if (&slot->s == t->j.drop || &slot->s == t->j.refused)
			return NULL;
		t->j.cut++;
		t->j.n--;
		at--;
	} else {
		slot = slot_new(st, h);
		if (!slot) {
			t->j.cut++;
			return NULL;
		}
	}
	slot->s = *s;
	while (at && t->seen[at - 1]->time > s->time) {
		t->seen[at] = t->seen[at - 1];
		at--;
	}
	t->seen[at] = &slot->s;
	t->j.n++;
	return &slot->s;
}

void trip_add(struct stitch *st, struct held *h, const struct sighting *s, const struct bytes_view *v, bool reply)
{
	struct trip *t = find_trip(h, s, v, reply);
	const struct sighting *kept;

	if (!t) {
		t = trip_new(st, h, s, v, reply);
		t->j.error = v->error || (is_icmp(s->p.proto) && !is_icmp(h->c.orig.proto) && !v->encapsulated);
		t->j.begun = enters(s);
		count(h, t, s, v);
	}
	if (!t->print.known)
		t->print = v->print;
	if (s->time > t->last)
		t->last = s->time;
	if (t->settled && (s->place == PLACE_DROP || s->place == PLACE_ICMP_SENT))
		t->settled = false;
	kept = keep(st, h, t, s);
	if (kept)
		note(st, h, t, kept);
}

/* -- what became of it ------------------------------------------------------------------------------ */

static uint64_t place_of(const struct sighting *s)
{
	return s->location ^ (uint64_t)s->reason << 48 ^ (uint64_t)s->netns << 16 ^ (uint64_t)s->place << 8 ^ s->hook;
}

/* Its being freed may not have been seen: a chain's verdict tells as well, if nothing came after it. */
static void find_drop(struct journey *j)
{
	const struct sighting *last = j->n ? j->seen[j->n - 1] : NULL;

	if (j->drop || j->refused || !last)
		return;
	if ((last->place == PLACE_CHAIN || last->place == PLACE_CONFIRM) && last->verdict == NF_DROP)
		j->drop = last;
}

static void conclude_drop(struct held *h, const struct sighting *at)
{
	uint64_t place = place_of(at);

	h->c.drops++;
	if (h->drop_place != place)
		h->fresh_drop = true;
	h->drop_place = place;
}

static bool meets_entry(const struct held *h, const struct sighting *s, bool reply)
{
	const struct ct_view *ct = &s->p.ct;

	return ct->orig.proto && ct->reply == reply && tuple_eq(&ct->orig, &h->c.orig);
}

/* Conntrack was seen to translate it, where it is seen to do so. */
static bool is_translated(const struct held *h, const struct journey *j)
{
	struct tuple want = tuple_invert(&h->c.orig);

	for (size_t i = 0; i < j->n; i++) {
		const struct sighting *s = j->seen[i];

		if ((s->place == PLACE_HOOK || s->place == PLACE_CONFIRM) && meets_entry(h, s, false) && !tuple_eq(&s->p.ct.back, &want))
			return true;
	}
	return false;
}

/* The answer to a translated packet has to meet its entry, or its client takes it for a stranger's. */
static bool comes_home(const struct held *h, const struct journey *j)
{
	struct tuple want = tuple_invert(&h->c.orig);

	for (size_t i = 0; i < j->n; i++) {
		struct tuple t = packet_tuple(&j->seen[i]->p);

		if (tuple_eq(&t, &want) || meets_entry(h, j->seen[i], true))
			return true;
	}
	/* IPVS undoes its own translation, without an entry */
	if (j->cut || h->c.ipvs.proto)
		return true;
	for (size_t i = 0; i < h->n_trip; i++)
		if (!h->trip[i]->j.reply && is_translated(h, &h->trip[i]->j))
			return false;
	return true;
}

static void conclude(struct held *h, struct trip *t)
{
	struct journey *j = &t->j;
	bool was_refused = h->c.refused;

	find_drop(j);
	if (j->refused && j->refused->place == PLACE_LISTEN_FULL) {
		conclude_drop(h, j->refused);
	} else if (j->refused && j->refused->place != PLACE_IPVS_NONE) {
		h->c.refused = true;
	} else if (j->drop) {
		conclude_drop(h, j->drop);
	} else if (j->error && j->reply) {
		h->c.refused = true;
	} else if (j->reply && !j->error) {
		/* a reset is no answer, unless the connection was open */
		if (h->c.resets[BACK] && !h->c.answered)
			h->c.refused = true;
		else
			h->c.answered |= comes_home(h, j);
	}
	h->fresh_refusal |= h->c.refused && !was_refused && !h->c.answered;
	if (h->c.answered && !h->answer_told)
		h->fresh_answer = h->answer_told = true;
	h->ended |= h->c.answered && (h->c.resets[OUTWARD] || h->c.resets[BACK] || h->c.refused);
	h->ended |= h->c.finished[OUTWARD] && h->c.finished[BACK];
	if (h->ended && !h->end_told)
		h->fresh_end = h->end_told = true;
}

void trips_settle(struct stitch *st, struct held *h, uint64_t now)
{
	size_t i = 0;

	while (i < h->n_trip) {
		struct trip *t = h->trip[i];

		if (t->settled || (now != UINT64_MAX && now < t->last + SETTLE)) {
			i++;
			continue;
		}
		t->settled = true;
		conclude(h, t);
		if (worth_keeping(h, t)) {
			i++;
			continue;
		}
		h->c.unkept++;
		drop_from(st, h, i);
	}
}
