/* SPDX-License-Identifier: GPL-2.0-only */
/* What runs at a netfilter hook: base chains in order, with conntrack and NAT in their fixed places. */
#include <netinet/in.h>

#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter_bridge.h>
#include <stdio.h>
#include <string.h>

#include "tracer/walk_priv.h"
#include "tracer/word.h"

/* enum nf_ip_hook_priorities of linux/netfilter_ipv4.h; IPv6 has the same numbers. */
#define PRI_CONNTRACK	(-200)
#define PRI_NAT_DST	(-100)
#define PRI_NAT_SRC	100

#define MAX_TIED	16		/* of chains whose order nobody could tell, how many may be the next */

static bool is_early(uint8_t hook)
{
	return hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT;
}

static int nat_priority(uint8_t hook)
{
	return is_early(hook) ? PRI_NAT_DST : PRI_NAT_SRC;
}

static uint8_t family_of(const struct walk *w)
{
	return packet_family(&w->p) == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

/* Who decided, for the table of causes. */
static enum end_cause decided_by(const struct walk *w)
{
	return w->ev.n && w->ev.v[w->ev.n - 1].kind == EV_POLICY ? CAUSE_POLICY : CAUSE_RULE;
}

struct place {
	enum stage stage;
	uint8_t hook;
	int priority;
	bool nat;
};

static enum flow finish(struct walk *w, const struct place *at, enum end_kind kind, enum end_cause cause,
			const char *why)
{
	return end_path(w, at->stage, at->hook, at->priority, at->nat, kind, cause, why);
}

static enum flow stolen(struct walk *w, const struct place *at, const struct nft_run *run)
{
	if (!run->fwd_ifindex)
		return finish(w, at, END_UNKNOWN, CAUSE_UNREADABLE, run->why);
	/* at egress it may lead back to its own chain: NF_RECURSION_LIMIT */
	if (++w->forwards > MAX_FORWARDS)
		return finish(w, at, END_LOOP, CAUSE_LOOP, "it goes round in a circle");
	hop_done(w, at->stage, at->hook, at->priority, at->nat);
	w->p.oif = run->fwd_ifindex;
	w->diverted = true;
	if (!addr_len(&run->fwd_addr))
		return transmit_frame(w);
	w->nexthop = run->fwd_addr;
	w->onlink = addr_eq(&w->nexthop, &w->p.dst);
	return transmit(w);
}

/* One base chain over the packet. *translated: it set up a mapping. */
static enum flow run_base(struct walk *w, uint8_t pf, const struct nft_base *b, const struct place *at,
			  bool *translated)
{
	struct nft_run run = { .p = &w->p, .pf = pf, .hook = at->hook, .choices = w->choices,
			       .evidence = &w->ev, .all = w->options->all, .writes = &w->writes };
	enum nft_verdict v;

	hop_begin(w);
	v = nft_run(state_nft(w->state), w->p.netns, b, &run);
	if (run.tproxy.set) {
		w->tproxy.set = true;
		w->tproxy.addr = run.tproxy.addr;
		w->tproxy.port = run.tproxy.port;
	}
	switch (v) {
	case NFT_DROP:
		return finish(w, at, END_DROP, decided_by(w), run.why);
	case NFT_REJECT:
		return finish(w, at, END_REJECT, decided_by(w), run.why);
	case NFT_STOLEN:
		return stolen(w, at, &run);
	case NFT_QUEUE:
		if (!choice_unknown(w->choices, 2, arena_printf(w->arena, "%s: what comes of it there is not known", run.why)))
			break;
		return finish(w, at, END_UNKNOWN, CAUSE_UNREADABLE,
			      "the program behind the queue may drop or change it (ktrace --send or ktrace drops shows)");
	case NFT_UNKNOWN:
		return finish(w, at, END_UNKNOWN, CAUSE_UNREADABLE, run.why);
	case NFT_NAT:
		*translated = true;
		if (nat_setup(w, at->hook, &run.nat) == END)
			return END;
		nat_apply(w, at->hook);
		break;
	case NFT_ACCEPT:
		break;
	}
	hop_done(w, at->stage, at->hook, at->priority, at->nat);
	return GO;
}

/* Two chains, if all between them and they stand in an order that nobody could tell. */
static bool tied(const struct nft_base *a, const struct nft_base *b)
{
	return a->priority == b->priority && (a->type == NFT_BASE_NAT) == (b->type == NFT_BASE_NAT) && !a->order_known &&
	       !b->order_known;
}

static const char *base_say(struct walk *w, const struct nft_base *b)
{
	return arena_printf(w->arena, "%s %s %s%s", word_family(b->family) ?: "?", b->table, b->chain,
			    b->backend == BACKEND_LEGACY ? " (legacy)" : "");
}

/* The NAT hook is one function, and stands before, between or behind the n chains v of its very priority. */
static void place_nat(struct walk *w, const struct nft_base **v, size_t n, int priority)
{
	const struct nft_base **nat = arena_alloc(w->arena, n * sizeof(*nat));
	const struct nft_base **other = arena_alloc(w->arena, n * sizeof(*other));
	size_t first = 0, n_nat = 0, n_other = 0, place;

	while (first < n && v[first]->type != NFT_BASE_NAT && (v[first]->order_known || v[first]->priority != priority))
		first++;
	for (size_t i = first; i < n; i++) {
		if (v[i]->type == NFT_BASE_NAT)
			nat[n_nat++] = v[i];
		else if (!v[i]->order_known && v[i]->priority == priority)
			other[n_other++] = v[i];
		else
			break;
	}
	if (!n_nat || !n_other)
		return;
	place = choice_unknown(w->choices, n_other + 1,
			       arena_printf(w->arena, "the order of %s and NAT, both at priority %d, could not be read",
					    base_say(w, other[0]), priority));
	memcpy(v + first, other, place * sizeof(*v));
	memcpy(v + first + place, nat, n_nat * sizeof(*v));
	memcpy(v + first + place + n_nat, other + place, (n_other - place) * sizeof(*v));
}

/* Chains of one table stand in the order of their making, whatever stands between. */
static bool before_it(const struct nft_base *const *v, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (v[k]->backend == v[i]->backend && v[k]->family == v[i]->family && !strcmp(v[k]->table, v[i]->table))
			return true;
	return false;
}

/* n chains in an order that nobody could tell: each may be the next. */
static void any_order(struct walk *w, const struct nft_base **v, size_t n)
{
	for (; n > 1; v++, n--) {
		const char *gap = arena_printf(w->arena, "the order of %s and %s, both at priority %d, could not be read",
					       base_say(w, v[0]), base_say(w, v[n - 1]), v[0]->priority);
		size_t next[MAX_TIED], n_next = 0, i;
		const struct nft_base *it;

		for (i = 0; i < n; i++)
			if (n_next < MAX_TIED && !before_it(v, i))
				next[n_next++] = i;
		i = next[choice_unknown(w->choices, n_next, gap)];
		it = v[i];
		memmove(v + 1, v, i * sizeof(*v));
		v[0] = it;
	}
}

/* The hook's base chains as they run, nat: the priority of its NAT function. */
static const struct nft_base **ordered(struct walk *w, const struct nft_hook *h, int nat)
{
	const struct nft_base **v = arena_dup(w->arena, h->base, h->n_base * sizeof(*v));

	for (size_t i = 0, j; i < h->n_base; i = j) {
		for (j = i + 1; j < h->n_base && tied(v[i], v[j]); j++)
			;
		if (j - i > 1)
			any_order(w, v + i, j - i);
	}
	place_nat(w, v, h->n_base, nat);
	return v;
}

/* The NAT hook: its chains run until one sets up a mapping; then the connection's mapping is applied. */
static enum flow run_nat(struct walk *w, uint8_t hook, const struct nft_base *const *v, size_t n)
{
	struct place at = { STAGE_HOOK, hook, 0, true };
	bool translated = false;
	bool wanted = nat_wanted(w, hook);

	for (size_t i = 0; i < n && wanted && !translated; i++) {
		if (v[i]->type != NFT_BASE_NAT)
			continue;
		at.priority = v[i]->priority;
		if (run_base(w, family_of(w), v[i], &at, &translated) == END)
			return END;
	}
	if (wanted && !translated)
		nat_none(w, hook);
	if (!translated) {
		hop_begin(w);
		if (nat_apply(w, hook)) {
			at.priority = nat_priority(hook);
			hop_done(w, STAGE_HOOK, hook, at.priority, true);
		}
	}
	return GO;
}

static bool rerouting_differs(const struct packet *a, const struct packet *b)
{
	return a->mark != b->mark || a->tos != b->tos || !addr_eq(&a->src, &b->src) || !addr_eq(&a->dst, &b->dst);
}

/* What the priorities order: conntrack, the NAT hook, and every other base chain. */
struct hook_run {
	const struct nft_base **base;
	size_t n;
	bool has_nat;			/* its nat chains stand where the NAT hook does, among chains of its priority too */
	bool tracked, translated;
	unsigned n_ipvs;		/* functions of ip_vs that ran */
	int new_oif;			/* OUTPUT: where a new route leads; the hook's chains keep seeing the old one */
};

static bool is_row_of(const struct nft_hook_row *row, const struct nft_base *b)
{
	return row->table && row->backend == b->backend && (!row->family || row->family == b->family) &&
	       !strcmp(row->table, b->table) && (!row->chain || !strcmp(row->chain, b->chain));
}

/*
 * Does a function whose name begins so stand before the base chain b of its very priority? Only the kernel's own list tells; where it does
 * not, either may.
 */
static bool before_its_equal(struct walk *w, uint8_t hook, const char *what, const char *function, const struct nft_base *b)
{
	const struct nft_hook_list *list;
	struct err err = {};
	size_t at[2] = { SIZE_MAX, SIZE_MAX };

	if (!nft_hook_list(state_nft(w->state), w->p.netns, family_of(w), hook, 0, &list, &err))
		for (size_t i = 0; i < list->n; i++) {
			if (list->row[i].function && !strncmp(list->row[i].function, function, strlen(function)))
				at[0] = i;
			if (is_row_of(&list->row[i], b))
				at[1] = i;
		}
	if (at[0] != SIZE_MAX && at[1] != SIZE_MAX)
		return at[0] < at[1];
	return choice_unknown(w->choices, 2, arena_printf(w->arena, "the order of %s and %s, both at priority %d, could not be read: %s", what,
							  base_say(w, b), b->priority,
							  err.text[0] ? err.text : "the kernel's list does not name both"));
}

/* ip_vs's functions that stand before the base chain b, or before a place of this priority. */
static enum flow virtual_services(struct walk *w, uint8_t hook, struct hook_run *r, const struct nft_base *b, int priority)
{
	const char *function;
	int own;

	while ((function = ipvs_function(hook, r->n_ipvs, &own))) {
		if (own > priority || (own == priority && b &&
				       !(ipvs_present(state_ipvs(w->state), w->p.netns) &&
					 before_its_equal(w, hook, "ip_vs", function, b))))
			return GO;
		r->n_ipvs++;
		if (ipvs_hook(w, hook, function, &r->new_oif) == END)
			return END;
	}
	return GO;
}

/*
 * Does NAT run before b? Its chains at this hook stand where its function does (ordered()). One that has none here stands at its
 * priority all the same: nf_nat_register_fn() takes all hooks at once.
 */
static bool nat_before(struct walk *w, uint8_t hook, const struct hook_run *r, const struct nft_base *b, int priority)
{
	int its = nat_priority(hook);

	if (!b || b->type == NFT_BASE_NAT || priority != its)
		return priority >= its;
	if (r->has_nat)
		return false;
	/* the null binding too may change a source port, and its being done can be seen (ct status) */
	return !(nat_wanted(w, hook) || w->p.ct.status & (IPS_SRC_NAT | IPS_DST_NAT)) ||
	       before_its_equal(w, hook, "NAT", "nf_nat_", b);
}

/* What runs before the base chain b; NULL: all that is left. */
static enum flow up_to(struct walk *w, uint8_t hook, struct hook_run *r, const struct nft_base *b)
{
	int its = nat_priority(hook);
	int priority = !b ? INT_MAX : b->type == NFT_BASE_NAT ? its : b->priority;

	if (is_early(hook) && !r->tracked && priority > PRI_CONNTRACK) {
		r->tracked = true;
		if (track(w) == END)
			return END;
	}
	/* ip_vs stands before the NAT hook of INPUT and after that of OUTPUT */
	if (hook == NF_INET_LOCAL_IN && virtual_services(w, hook, r, b, priority) == END)
		return END;
	if (hook != NF_INET_FORWARD && !r->translated && nat_before(w, hook, r, b, priority)) {
		struct packet before = w->p;

		r->translated = true;
		if (run_nat(w, hook, r->base, r->n) == END)
			return END;
		/* nf_nat_ipv4_local_fn(): a new destination needs a new route. */
		if (hook == NF_INET_LOCAL_OUT && !addr_eq(&before.dst, &w->p.dst) && reroute(w, &r->new_oif) == END)
			return END;
	}
	return hook == NF_INET_LOCAL_IN ? GO : virtual_services(w, hook, r, b, priority);
}

enum flow run_hook(struct walk *w, uint8_t hook)
{
	struct err err = {};
	const struct nft_hook *h = NULL;
	struct hook_run r = { .new_oif = w->p.oif };
	int rc;

	if (resume_sees(w, hook) == END)
		return END;
	rc = nft_hook(state_nft(w->state), w->p.netns, family_of(w), hook, 0, &h, &err);
	hop_begin(w);
	if (rc)
		return end_path(w, STAGE_HOOK, hook, 0, false, END_UNKNOWN, CAUSE_UNREADABLE,
				arena_printf(w->arena, "the rules could not be read: %s",
					     err.text[0] ? err.text : strerror(-rc)));
	r.base = ordered(w, h, nat_priority(hook));
	r.n = h->n_base;
	for (size_t i = 0; i < r.n; i++)
		r.has_nat |= r.base[i]->type == NFT_BASE_NAT;
	for (size_t i = 0; i < r.n; i++) {
		const struct nft_base *b = r.base[i];
		struct place at = { STAGE_HOOK, hook, b->priority, false };
		struct packet before;
		bool translated;

		if (up_to(w, hook, &r, b) == END)
			return END;
		if (b->type == NFT_BASE_NAT)
			continue;
		before = w->p;
		if (run_base(w, family_of(w), b, &at, &translated) == END)
			return END;
		if (b->type == NFT_BASE_ROUTE && hook == NF_INET_LOCAL_OUT && rerouting_differs(&before, &w->p) &&
		    reroute(w, &r.new_oif) == END)
			return END;
	}
	if (up_to(w, hook, &r, NULL) == END)
		return END;
	if (hook == NF_INET_POST_ROUTING || hook == NF_INET_LOCAL_IN)
		confirm(w);
	w->p.oif = r.new_oif;
	return GO;
}

/* NF_BR_PRI_BRNF of linux/netfilter_bridge.h */
#define PRI_BRNF	0

/* br_nf_forward_ip() stood before PRI_BRNF until 6.7, and br_nf_hook_thresh() went on behind all that stands at it. */
static bool passed_over(struct walk *w, const struct nft_base *b, uint8_t hook)
{
	unsigned major = 0, minor = 0;

	if (hook != NF_BR_FORWARD || b->priority != PRI_BRNF)
		return false;
	return sscanf(state_kernel(w->state), "%u.%u", &major, &minor) == 2 && major * 1000 + minor < 6007;
}

/*
 * Does the chain stand on this side of br_netfilter's own function? Of two with one priority the one registered last runs
 * first: mostly the chain, as the function came with the first bridge.
 */
static bool on_side(struct walk *w, const struct nft_base *b, uint8_t hook, enum brnf side)
{
	if (side != BRNF_ALL && passed_over(w, b, hook))
		return false;
	if (side == BRNF_BEFORE && b->priority == PRI_BRNF)
		w->brnf_first = choice_unknown(w->choices, 2, arena_printf(w->arena,
				"whether %s %s or br_netfilter comes first, both at priority %d, is not known", b->table,
				b->chain, PRI_BRNF));
	if (b->priority == PRI_BRNF)
		return side == BRNF_ALL || w->brnf_first == (side == BRNF_AFTER);
	return side == BRNF_ALL || (b->priority < PRI_BRNF) == (side == BRNF_BEFORE);
}

static enum flow run_side(struct walk *w, uint8_t pf, uint8_t hook, int ifindex, enum stage stage, enum brnf side)
{
	struct err err = {};
	const struct nft_hook *h = NULL;
	const struct nft_base **v;
	int rc = nft_hook(state_nft(w->state), w->p.netns, pf, hook, ifindex, &h, &err);

	hop_begin(w);
	if (rc)
		return end_path(w, stage, hook, 0, false, END_UNKNOWN, CAUSE_UNREADABLE,
				arena_printf(w->arena, "the %s rules could not be read: %s",
					     pf == NFPROTO_BRIDGE ? "bridge" : "netdev",
					     err.text[0] ? err.text : strerror(-rc)));
	v = ordered(w, h, INT_MAX);
	for (size_t i = 0; i < h->n_base; i++) {
		struct place at = { stage, hook, v[i]->priority, false };
		bool translated;

		if (on_side(w, v[i], hook, side) && run_base(w, pf, v[i], &at, &translated) == END)
			return END;
	}
	return GO;
}

enum flow run_plain_hook(struct walk *w, uint8_t pf, uint8_t hook, int ifindex, enum stage stage)
{
	return run_side(w, pf, hook, ifindex, stage, BRNF_ALL);
}

enum flow run_bridge_hook(struct walk *w, uint8_t hook, enum brnf side)
{
	return run_side(w, NFPROTO_BRIDGE, hook, 0, STAGE_BRIDGE, side);
}
