/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A journey is cut where it changes the namespace or its outer header. Each stretch is walked from its first hook on, guided by what
 * was seen in it, and the way that fits best gives its hops.
 */
#include <netinet/in.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter_bridge.h>
#include <string.h>

#include "tracer/attribute_priv.h"
#include "tracer/stitch_priv.h"

struct stretch {
	const struct sighting *const *s;
	size_t n;
	uint32_t netns;
	bool known;			/* its namespace is there to be read */
	bool last;			/* nothing after it says more */
};

bool follow_netns(struct follow *f, const struct sighting *s, uint32_t *out)
{
	*out = 0;
	return !s->netns || !state_netns_inode(f->state, s->netns, out);
}

static bool wrapped(const struct sighting *s)
{
	struct bytes_view v;

	bytes_look(s, &v);
	return v.encapsulated;
}

/* Where devices alone saw it, no rule did: the walk that leads it there says as much. */
static bool devices_alone(const struct sighting *const *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i]->place != PLACE_DEV_IN && s[i]->place != PLACE_DEV_OUT)
			return false;
	return true;
}

static struct stretch next_stretch(struct follow *f, size_t from)
{
	const struct journey *j = f->j;
	struct stretch st = { .s = &j->seen[from] };
	bool outer = wrapped(j->seen[from]);
	size_t i;

	for (i = from; i < j->n; i++) {
		if (j->seen[i]->netns && j->seen[from]->netns && j->seen[i]->netns != j->seen[from]->netns)
			break;
		if (wrapped(j->seen[i]) != outer)
			break;
	}
	st.n = i - from;
	st.last = devices_alone(j->seen + i, j->n - i) && !(i < j->n && devices_alone(st.s, st.n));
	st.known = follow_netns(f, j->seen[from], &st.netns);
	return st;
}

/* -- where a walk begins ---------------------------------------------------------------------------- */

static bool is_ip(const struct sighting *s)
{
	return (s->pf == NFPROTO_IPV4 || s->pf == NFPROTO_IPV6) && s->hook <= NF_INET_POST_ROUTING;
}

/* Where a packet stood when it was dropped or refused, from that alone. */
static uint8_t hook_of_place(const struct follow *f, const struct sighting *s)
{
	bool in = s->p.iif && !s->task;

	if (f->end.dropped && (f->end.m.pf == NFPROTO_IPV4 || f->end.m.pf == NFPROTO_IPV6))
		return f->end.m.hook;
	/* where no hook was entered, none stands before the socket */
	if (!f->end.dropped && (f->end.kind == SEEN_RESET || f->end.kind == SEEN_LISTEN_FULL))
		return NF_INET_LOCAL_IN;
	switch (f->end.dropped ? f->end.m.class : DROP_UNKNOWN) {
	case DROP_ROUTE_INPUT:
	case DROP_RP_FILTER:
	case DROP_MARTIAN:
	case DROP_FORWARD:
	case DROP_TTL:
		return NF_INET_PRE_ROUTING;
	case DROP_NO_ROUTE:
	case DROP_MTU:
		return in ? NF_INET_PRE_ROUTING : NF_INET_LOCAL_OUT;
	case DROP_NO_LISTENER:
	case DROP_BACKLOG:
	case DROP_RCVBUF:
	case DROP_TCP:
	case DROP_SOCKET_FILTER:
	case DROP_CHECKSUM:
		return NF_INET_LOCAL_IN;
	case DROP_NEIGHBOUR:
		return NF_INET_POST_ROUTING;
	default:
		return MEANING_NO_HOOK;
	}
}

/* The sighting to begin at and its hook; NULL: nothing in the stretch says where the packet was. */
static const struct sighting *find_start(const struct follow *f, const struct stretch *st, uint8_t *pf, uint8_t *hook)
{
	const struct sighting *last = st->s[st->n - 1];

	for (size_t i = 0; i < st->n; i++) {
		const struct sighting *s = st->s[i];

		*pf = s->pf;
		*hook = s->hook;
		if (s->place == PLACE_HOOK && s->p.dst.family &&
		    (is_ip(s) || (s->pf == NFPROTO_BRIDGE && s->hook == NF_BR_PRE_ROUTING && s->p.iif)))
			return s;
	}
	if (!last->p.dst.family)
		return NULL;
	*pf = last->p.dst.family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	if (last->place == PLACE_CHAIN && is_ip(last)) {
		*hook = last->hook;
		return last;
	}
	/* nf_confirm() is the last function of INPUT and of POSTROUTING */
	if (last->place == PLACE_CONFIRM) {
		*hook = last->p.oif ? NF_INET_POST_ROUTING : NF_INET_LOCAL_IN;
		return last;
	}
	if (last != f->j->drop && last != f->j->refused)
		return NULL;
	/* below IP: from the device that it came in by */
	if (f->end.dropped && last->p.iif &&
	    (f->end.m.pf == NFPROTO_BRIDGE || f->end.m.pf == NFPROTO_NETDEV || f->end.m.class == DROP_BRIDGE)) {
		*pf = NFPROTO_NETDEV;
		*hook = NF_NETDEV_INGRESS;
		return last;
	}
	*hook = hook_of_place(f, last);
	return *hook == MEANING_NO_HOOK ? NULL : last;
}

static bool decides(const struct ct_view *ct)
{
	return ct->state == CT_NEW || ct->state == CT_ESTABLISHED || ct->state == CT_RELATED || ct->state == CT_INVALID;
}

/* The first packet of its connection, so that whatever conntrack has of it by now, this packet made. */
static bool begins(const struct follow *f, const struct sighting *s)
{
	if (!f->c)
		return s->p.proto == IPPROTO_TCP && (s->p.tcp_flags & 0x12) == 0x02;
	return !f->c->midway && !f->j->reply && !f->j->error;
}

/* A packet that is dropped at a hook without an entry may be so because it could have none: the table is full. */
static bool lost_without_entry(const struct follow *f, const struct stretch *st)
{
	return st->last && f->end.kind == SEEN_DROP && f->end.m.class == DROP_NETFILTER && f->end.at->p.ct.state == CT_NONE;
}

/* What conntrack had for the packet in this stretch, by what was seen of it at any place there; false: nobody saw. */
static bool find_entry(struct follow *f, const struct stretch *st, const struct sighting *start, struct ct_view *out)
{
	bool found = false;

	for (size_t i = 0; i < st->n; i++) {
		const struct ct_view *ct = &st->s[i]->p.ct;

		/* of a new connection the latest view has most of its mapping */
		if (decides(ct) && (!found || (ct->state == CT_NEW && out->state == CT_NEW))) {
			*out = *ct;
			found = true;
		}
	}
	if (found || !begins(f, start) || lost_without_entry(f, st) ||
	    state_ct_enabled(f->state, st->netns, packet_family(&start->p)) == NO)
		return found;
	*out = (struct ct_view){ .state = CT_NEW };
	return true;
}

/* The hooks entered, from the start on. br_netfilter and the IP layer enter one after the other: that is one hook to rules. */
static size_t find_hooks(struct follow *f, const struct stretch *st, const struct sighting *start, struct walk_seen **out)
{
	struct walk_seen *v = arena_alloc(f->arena, st->n * sizeof(*v));
	bool begun = false;
	size_t n = 0;

	for (size_t i = 0; i < st->n; i++) {
		const struct sighting *s = st->s[i];

		begun |= s == start;
		if (!begun || s->place != PLACE_HOOK || !is_ip(s) || !s->p.dst.family)
			continue;
		if (n && v[n - 1].hook == s->hook && s->hook != NF_INET_LOCAL_OUT)
			continue;
		v[n] = (struct walk_seen){ .hook = s->hook, .p = s->p };
		v[n++].p.netns = st->netns;
	}
	*out = v;
	return n;
}

static bool find_balanced(struct follow *f, const struct stretch *st, struct ipvs_conn *out)
{
	const struct connection *c = f->c;
	long tracked = 0;

	if (!c || !c->ipvs.proto || !f->j->reply)
		return false;
	state_sysctl(f->state, st->netns, "net/ipv4/vs/conntrack", NULL, &tracked);
	*out = (struct ipvs_conn){
		.proto = c->ipvs.proto, .client = c->ipvs.src, .client_port = c->ipvs.sport, .vip = c->orig.dst,
		.vip_port = c->orig.dport, .server = c->ipvs.dst, .server_port = c->ipvs.dport, .method = IPVS_MASQ,
		.tracked = tracked,
	};
	return true;
}

/* -- the best way ----------------------------------------------------------------------------------- */

enum fit { FIT_NONE, FIT_HOOKS, FIT_ALL };

static enum fit fits(const struct follow *f, const struct stretch *st, const struct walk_way *w, size_t n_seen)
{
	if (w->strayed || w->matched < n_seen)
		return FIT_NONE;
	return end_agrees(&f->end, &w->t, st->last) ? FIT_ALL : FIT_HOOKS;
}

static bool better(const struct follow *f, const struct stretch *st, const struct walk_way *a, const struct walk_way *b, size_t n)
{
	enum fit x = fits(f, st, a, n), y = fits(f, st, b, n);

	if (x != y)
		return x > y;
	if (x == FIT_NONE && a->matched != b->matched)
		return a->matched > b->matched;
	/* a predicted end before one that is left open */
	if ((a->t.end.kind == END_UNKNOWN) != (b->t.end.kind == END_UNKNOWN))
		return b->t.end.kind == END_UNKNOWN;
	if ((a->t.share_kind == SHARE_UNKNOWN) != (b->t.share_kind == SHARE_UNKNOWN))
		return b->t.share_kind == SHARE_UNKNOWN;
	return a->t.share > b->t.share + 1e-9;
}

static const char *decided_by(const struct trace *t)
{
	const struct hop *h = t->n_hops ? &t->hops[t->n_hops - 1] : NULL;

	for (size_t i = h ? h->n_evidence : 0; i-- > 0;)
		if (h->evidence[i].kind == EV_RULE || h->evidence[i].kind == EV_POLICY)
			return h->evidence[i].text;
	return t->end.why ? t->end.why : "";
}

static const struct walk_way *choose(struct follow *f, const struct stretch *st, const struct walk_way *way, size_t n, size_t n_seen)
{
	const struct walk_way *best = &way[0];

	for (size_t i = 1; i < n; i++)
		if (better(f, st, &way[i], best, n_seen))
			best = &way[i];
	for (size_t i = 0; i < n && st->last && !end_reaches(best->t.end.kind); i++)
		if (fits(f, st, &way[i], n_seen) == FIT_ALL && strcmp(decided_by(&way[i].t), decided_by(&best->t))) {
			gap_add(f->notes, "other rules fit what was seen as well: `%s`", decided_by(&way[i].t));
			break;
		}
	return best;
}

/* -- the trace -------------------------------------------------------------------------------------- */

static void add_hops(struct follow *f, const struct hop *hop, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct hop *h = VEC_PUSH(f->arena, f->hop, f->n_hop, f->cap_hop);

		*h = hop[i];
		h->reply = f->j->reply;
	}
}

/* What the kernel said comes first: what decides stands last. */
static void add_event(struct follow *f, struct hop *h)
{
	const char *text = seen_event(f->arena, &f->end);
	struct evidences ev = { .arena = f->arena };
	struct evidence *e;

	if (!text)
		return;
	e = evidence_add(&ev, EV_EVENT);
	e->text = text;
	e->says = f->end.dropped ? f->end.m.says : NULL;
	for (size_t i = 0; i < h->n_evidence; i++)
		*VEC_PUSH(f->arena, ev.v, ev.n, ev.cap) = h->evidence[i];
	h->evidence = ev.v;
	h->n_evidence = ev.n;
}

static const char *device(struct follow *f, const struct stretch *st, int ifindex)
{
	const struct link *l = ifindex && st->known ? state_link(f->state, st->netns, ifindex) : NULL;

	return l ? l->name : NULL;
}

static struct hop *add_seen_hop(struct follow *f, const struct stretch *st, const struct sighting *s, enum stage stage, uint8_t hook)
{
	struct hop *h = VEC_PUSH(f->arena, f->hop, f->n_hop, f->cap_hop);

	*h = (struct hop){
		.stage = stage, .hook = hook, .priority = HOOK_WHOLE, .reply = f->j->reply,
		.place = !st->known ? arena_printf(f->arena, "netns %u", s->netns) :
			 st->netns ? io_netns_name(state_io(f->state), st->netns) : NULL,
		.iif = device(f, st, s->p.iif), .oif = device(f, st, s->p.oif), .in = s->p, .out = s->p,
	};
	h->in.netns = h->out.netns = st->known ? st->netns : 0;
	return h;
}

/* The end as the kernel showed it, in a hop of its own or in the last one if it is of that hook. */
static void add_seen_end(struct follow *f, const struct stretch *st)
{
	const struct sighting *s = f->end.at ? f->end.at : st->s[st->n - 1];
	struct hop *h = f->n_hop ? &f->hop[f->n_hop - 1] : NULL;
	enum stage stage;
	struct verdict v = seen_verdict(f->arena, &f->end, !s->p.iif && s->p.oif, &stage);

	if (!h || h->stage != stage || (stage == STAGE_HOOK && h->hook != f->end.hook)) {
		h = add_seen_hop(f, st, s, stage, stage == STAGE_HOOK ? f->end.hook : 0);
		if (stage != STAGE_HOOK)
			h->priority = 0;
	}
	h->verdict = v;
	add_event(f, h);
	f->t.end = v;
}

/* The hooks as they were seen, each with what the packet had become by the next. */
static void add_seen(struct follow *f, const struct stretch *st)
{
	struct hop *before = NULL;

	for (size_t i = 0; i < st->n; i++) {
		const struct sighting *s = st->s[i];
		struct tuple was, is = packet_tuple(&s->p);

		if (before && s->p.dst.family) {
			was = packet_tuple(&before->in);
			before->out = s->p;
			before->out.netns = before->in.netns;
			/* between two hooks only translation changes addresses */
			before->nat = !tuple_eq(&was, &is);
		}
		if (s->place == PLACE_HOOK && is_ip(s) && s->p.dst.family)
			before = add_seen_hop(f, st, s, STAGE_HOOK, s->hook);
	}
}

static const char *hook_say(uint8_t hook)
{
	static const char *const names[] = { "prerouting", "input", "forward", "output", "postrouting" };

	return hook < ARRAY_SIZE(names) ? names[hook] : "the end";
}

static const char *predicted_say(struct follow *f, const struct trace *t)
{
	if (end_reaches(t->end.kind))
		return arena_printf(f->arena, "the prediction goes on: %s", t->end.why);
	return arena_printf(f->arena, "the prediction ends in %s: %s", end_kind_name(t->end.kind), t->end.why);
}

static void disagree(struct follow *f, const struct walk_way *w, const struct walk_seen *seen, size_t n_seen)
{
	const struct hop *last = w && w->t.n_hops ? &w->t.hops[w->t.n_hops - 1] : NULL;
	struct tuple there, here;

	if (f->differs_at)
		return;
	f->agrees = false;
	if (!w || w->matched >= n_seen) {
		f->differs_at = arena_printf(f->arena, "%s: %s; %s", hook_say(f->end.hook), seen_say(f->arena, &f->end),
					     w ? predicted_say(f, &w->t) : "no prediction");
		return;
	}
	there = packet_tuple(&seen[w->matched].p);
	if (w->strayed && last) {
		here = packet_tuple(&last->out);
		f->differs_at = arena_printf(f->arena, "%s: the kernel has %s there, the prediction %s",
					     hook_say(seen[w->matched].hook), tuple_say(f->arena, &there),
					     tuple_say(f->arena, &here));
		return;
	}
	f->differs_at = arena_printf(f->arena, "%s: the kernel has it there, the prediction does not: %s",
				     hook_say(seen[w->matched].hook), predicted_say(f, &w->t));
}

/* The way's hops; where the journey went on elsewhere, without the walk's own end. */
static void take_way(struct follow *f, const struct stretch *st, const struct walk_way *w)
{
	size_t n = w->t.n_hops;
	const struct hop *last = n ? &w->t.hops[n - 1] : NULL;

	if (!st->last && last && last->verdict.kind != END_NONE) {
		add_hops(f, w->t.hops, n - !last->n_evidence);
		if (f->n_hop && last->n_evidence)
			f->hop[f->n_hop - 1].verdict = (struct verdict){ END_NONE };
	} else if (st->last && (seen_beyond(&f->end, &w->t) || w->t.end.kind == END_UNKNOWN)) {
		add_hops(f, w->t.hops, n);
		if (f->n_hop)
			f->hop[f->n_hop - 1].verdict = (struct verdict){ END_NONE };
		add_seen_end(f, st);
	} else {
		add_hops(f, w->t.hops, n);
		f->t.end = w->t.end;
		if (st->last && f->n_hop)
			add_event(f, &f->hop[f->n_hop - 1]);
	}
	for (size_t i = 0; i < w->t.n_gaps; i++)
		gap_add(f->notes, "%s", w->t.gaps[i]);
	if (w->t.share_kind == SHARE_EXISTING)
		f->t.share_kind = SHARE_EXISTING;
	if (addr_len(&w->server)) {
		f->server = w->server;
		f->server_port = w->server_port;
	}
	if (st->last && w->t.has_endpoint) {
		f->t.has_endpoint = true;
		f->t.endpoint = addr_len(&f->server) ? f->server : w->t.endpoint;
		f->t.endpoint_port = addr_len(&f->server) ? f->server_port : w->t.endpoint_port;
		f->t.endpoint_place = w->t.endpoint_place;
	}
}

/* Nothing of it can be walked: what was seen stands alone. */
static void take_seen(struct follow *f, const struct stretch *st)
{
	add_seen(f, st);
	if (st->last)
		add_seen_end(f, st);
}

static int follow_stretch(struct follow *f, const struct stretch *st, struct err *err)
{
	struct walk_at at = { .alone = !st->last };
	const struct walk_way *way, *best;
	const struct sighting *start = st->known ? find_start(f, st, &at.pf, &at.hook) : NULL;
	struct ipvs_conn balanced;
	struct walk_seen *seen;
	struct ct_view ct;
	const char *cut;
	size_t n;
	int rc;

	if (!st->known)
		gap_add(f->notes, "the namespace %u is gone or cannot be found: its rules are not known", st->s[0]->netns);
	if (!start) {
		if (st->last && f->end.kind != SEEN_NOTHING && f->end.m.modelled)
			gap_add(f->notes, "where it was on its way was not seen, so that no rule can be named");
		take_seen(f, st);
		return 0;
	}
	at.p = start->p;
	at.p.netns = st->netns;
	/* below IP it comes in once more, by its port */
	if (at.pf == NFPROTO_NETDEV) {
		at.p.iif = at.p.physin ? at.p.physin : at.p.iif;
		at.p.oif = at.p.physin = at.p.physout = 0;
	} else {
		at.met = start->place != PLACE_HOOK && start->place != PLACE_CHAIN;
	}
	at.ct = find_entry(f, st, start, &ct) ? &ct : NULL;
	at.balanced = find_balanced(f, st, &balanced) ? &balanced : NULL;
	at.n_seen = find_hooks(f, st, start, &seen);
	at.seen = seen;
	rc = walk_resume(f->state, f->arena, &at, &way, &n, &cut, err);
	if (rc == -EINTR)
		return rc;
	if (rc) {
		gap_add(f->notes, "it could not be followed from there: %s", err->text);
		take_seen(f, st);
		return 0;
	}
	if (cut)
		gap_add(f->notes, "other rules may fit what was seen as well: %s", cut);
	best = choose(f, st, way, n, at.n_seen);
	if (fits(f, st, best, at.n_seen) == FIT_ALL) {
		take_way(f, st, best);
		return 0;
	}
	/* the kernel may have gone one of the ways that were not walked */
	if (!cut)
		disagree(f, best, seen, at.n_seen);
	take_seen(f, st);
	return 0;
}

static struct tuple first_tuple(const struct journey *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->seen[i]->p.dst.family)
			return packet_tuple(&j->seen[i]->p);
	return (struct tuple){};
}

int follow_journey(struct follow *f, struct err *err)
{
	f->end = seen_end_of(f->words, f->j);
	f->agrees = true;
	f->t = (struct trace){ .share = 1, .share_kind = SHARE_CERTAIN };
	f->t.target = f->c ? f->c->orig : first_tuple(f->j);
	for (size_t i = 0; i < f->j->n;) {
		struct stretch st = next_stretch(f, i);
		int rc = follow_stretch(f, &st, err);

		if (rc || st.last)
			return rc;
		i += st.n;
	}
	return 0;
}
