/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What runs at a hook, in what order. Priorities decide, except among equals: there nf_hook_entries_grow() puts the one registered last
 * first, which only the kernel's own lists tell.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "nft/ruleset.h"
#include "nft/state.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

#define MAX_BASE	4096		/* twice MAX_HOOK_COUNT of net/netfilter/core.c, at the hook and inside its NAT hook */

/* One base chain on its way into a hook's list. */
struct entry {
	struct nft_base base;
	uint64_t handle;
	int place;			/* priority of the function that runs it: for nat chains that of the NAT hook */
	int rank;			/* position in the kernel's list, INT_MAX: not known */
};

struct gather {
	struct ruleset *r;
	uint8_t pf, hook;
	const char *dev;
	struct entry *v;
	size_t n, cap;
	bool full;
};

/* nf_nat_ipv4_ops[] and its kin: one function for all nat chains at a hook. */
static int nat_priority(uint8_t hook)
{
	return hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT ? -100 : 100;
}

static void add(struct gather *g, const struct nft_base *b, uint64_t handle)
{
	struct entry *e;

	g->full = g->n == MAX_BASE;
	if (g->full)
		return;
	e = VEC_PUSH(g->r->arena, g->v, g->n, g->cap);
	e->base = *b;
	e->handle = handle;
	e->place = b->type == NFT_BASE_NAT ? nat_priority(g->hook) : b->priority;
	e->rank = INT32_MAX;
}

static bool is_dormant(const struct ruleset *r, const struct nft_base *b)
{
	for (size_t i = 0; i < r->n_table; i++)
		if (r->table[i].backend == BACKEND_NF_TABLES && r->table[i].family == b->family &&
		    !strcmp(r->table[i].name, b->table))
			return r->table[i].flags & NFT_TABLE_F_DORMANT;
	return false;
}

/* "eth*" of a chain bound to a prefix stands for each device whose name begins so. */
static bool dev_fits(const char *bound, const char *dev)
{
	size_t n = bound ? strlen(bound) : 0;

	if (!n || !dev)
		return false;
	return bound[n - 1] == '*' ? !strncmp(bound, dev, n - 1) : !strcmp(bound, dev);
}

static int add_family(struct gather *g, uint8_t family, uint8_t hook, struct err *err)
{
	const struct family *f = &g->r->family[family];
	int rc = read_family(g->r, family, false, err);

	for (size_t i = 0; !rc && i < f->n_base; i++) {
		const struct nft_base *b = &f->base[i];

		if (b->hook != hook || is_dormant(g->r, b) || (g->pf == NFPROTO_NETDEV && !dev_fits(b->dev, g->dev)))
			continue;
		add(g, b, f->base_handle[i]);
	}
	return rc;
}

static void add_legacy(struct gather *g)
{
	struct nft_base b;

	for (const char *const *t = legacy_tables(g->r->nft, g->r->netns, g->pf); t && *t; t++) {
		memset(&b, 0, sizeof(b));
		if (!legacy_base(g->r->nft, g->r->netns, g->pf, *t, g->hook, &b))
			add(g, &b, 0);
	}
}

static int gather(struct gather *g, int ifindex, struct err *err)
{
	const struct ask *ask = nft_ask_table(g->r->nft);
	const struct link *l;
	int rc;

	switch (g->pf) {
	case NFPROTO_IPV4:
	case NFPROTO_IPV6:
		rc = add_family(g, g->pf, g->hook, err) ?: add_family(g, NFPROTO_INET, g->hook, err);
		if (!rc)
			add_legacy(g);
		return rc;
	case NFPROTO_NETDEV:
		l = ask && ask->link ? ask->link(ask->ctx, g->r->netns, ifindex) : NULL;
		g->dev = l ? l->name : NULL;
		rc = add_family(g, NFPROTO_NETDEV, g->hook, err);
		if (!rc && g->hook == NF_NETDEV_INGRESS)
			rc = add_family(g, NFPROTO_INET, NF_INET_INGRESS, err);
		return rc;
	default:
		return g->pf < FAMILIES ? add_family(g, g->pf, g->hook, err) : 0;
	}
}

/* -- order -- */

static int compare_places(const struct entry *a, const struct entry *b)
{
	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	/* the NAT hook is one function: its chains stay together */
	if ((a->base.type == NFT_BASE_NAT) != (b->base.type == NFT_BASE_NAT))
		return 0;
	if (a->base.priority != b->base.priority)
		return a->base.priority < b->base.priority ? -1 : 1;
	return 0;
}

static bool same_table(const struct entry *a, const struct entry *b)
{
	return a->base.backend == b->base.backend && a->base.backend == BACKEND_NF_TABLES &&
	       a->base.family == b->base.family && !strcmp(a->base.table, b->base.table);
}

/* Chains of one table are registered in the order of their handles: the last comes first. */
static int compare(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int d = compare_places(a, b);

	if (d)
		return d;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if ((a->base.type == NFT_BASE_NAT) != (b->base.type == NFT_BASE_NAT))
		return a->base.type == NFT_BASE_NAT ? 1 : -1;
	if (same_table(a, b))
		return a->handle > b->handle ? -1 : a->handle < b->handle;
	return 0;
}

static bool undecided(const struct entry *a, const struct entry *b)
{
	if (compare_places(a, b))
		return false;
	if (same_table(a, b) && a->base.type == b->base.type)
		return false;
	return a->rank == b->rank || a->rank == INT32_MAX || b->rank == INT32_MAX;
}

static bool any_undecided(const struct gather *g, bool nat)
{
	for (size_t i = 0; i < g->n; i++)
		for (size_t j = i + 1; j < g->n; j++)
			if (undecided(&g->v[i], &g->v[j]) &&
			    (!nat || (g->v[i].base.type == NFT_BASE_NAT && g->v[j].base.type == NFT_BASE_NAT)))
				return true;
	return false;
}

/* The chain that a row of the kernel's list names. family 0: not told; NULL chain: the legacy table. */
static void rank_chain(struct gather *g, bool legacy, uint8_t family, const char *table, const char *chain, int rank)
{
	struct entry *found = NULL;

	for (size_t i = 0; i < g->n; i++) {
		struct entry *e = &g->v[i];

		if ((e->base.backend == BACKEND_LEGACY) != legacy || strcmp(e->base.table, table) ||
		    (!legacy && (!chain || strcmp(e->base.chain, chain))) || (family && e->base.family != family))
			continue;
		if (found && !family)
			return;		/* two families have a chain of this name: which one is not told */
		found = e;
	}
	if (found)
		found->rank = rank;
}

/* The rows of nat chains stand where the NAT hook stands, so their position ranks them among the others too. */
static void order_by_rows(struct gather *g, int ifindex)
{
	struct ruleset *r = g->r;

	hook_order_ask(r);
	for (size_t i = 0; !r->order_rc && i < r->n_order; i++) {
		const struct nft_order *o = &r->order[i];

		if (o->pf == g->pf && o->hook == g->hook && o->table &&
		    (g->pf != NFPROTO_NETDEV || o->ifindex == ifindex))
			rank_chain(g, o->legacy, o->family, o->table, o->chain, i);
	}
}

static void order_by_list(struct gather *g, const struct nft_hook_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct nft_hook_row *row = &list->row[i];

		if (row->backend == BACKEND_NF_TABLES && !row->in_nat)
			rank_chain(g, false, row->family, row->table, row->chain, i);
		if (!row->function || strncmp(row->function, "nf_nat_", 7))
			continue;
		for (size_t k = 0; k < g->n; k++)
			if (g->v[k].base.type == NFT_BASE_NAT)
				g->v[k].rank = i;
	}
}

/* -- the answer -- */

static struct nft_hook *finish(struct gather *g)
{
	struct nft_hook *h = arena_alloc(g->r->arena, sizeof(*h));
	const struct nft_base **list = arena_alloc(g->r->arena, g->n * sizeof(struct nft_base *));

	if (g->n)
		qsort(g->v, g->n, sizeof(g->v[0]), compare);
	for (size_t i = 0; i < g->n; i++) {
		struct nft_base *b = arena_dup(g->r->arena, &g->v[i].base, sizeof(*b));

		b->order_known = true;
		for (size_t j = 0; j < g->n; j++)
			if (j != i && undecided(&g->v[i], &g->v[j]))
				b->order_known = false;
		list[i] = b;
	}
	h->base = list;
	h->n_base = g->n;
	return h;
}

int nft_hook(struct nft *nft, uint32_t netns, uint8_t pf, uint8_t hook, int ifindex,
	     const struct nft_hook **out, struct err *err)
{
	struct ruleset *r = ruleset_get(nft, netns);
	struct { uint8_t pf, hook, pad[2]; int ifindex; } key = { .pf = pf, .hook = hook, .ifindex = ifindex };
	struct nft_hook_list list = {};
	struct gather *g;
	struct nft_hook *h;
	void **slot = map_slot(&r->hook, &key, sizeof(key));
	int rc;

	if (*slot) {
		*out = *slot;
		return 0;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return err_set(err, -ENOMEM, "out of memory");
	g->r = r;
	g->pf = pf;
	g->hook = hook;
	rc = gather(g, ifindex, err);
	if (!rc && g->full)
		rc = err_set(err, -E2BIG, "more than %d base chains stand at one hook", MAX_BASE);
	if (!rc) {
		if (any_undecided(g, false) && !hook_list_ask(r, pf, hook, g->dev, &list))
			order_by_list(g, &list);
		if (any_undecided(g, false))
			order_by_rows(g, ifindex);
		h = finish(g);
		h->list = list.source ? arena_dup(r->arena, &list, sizeof(list)) : NULL;
		*slot = h;
		*out = h;
	}
	free(g);
	return rc;
}

/* Every list that a prediction may ask for: those of the IP hooks, of bridges and of the devices that chains are bound to. */
int hooks_read_all(struct ruleset *r, struct err *err)
{
	static const uint8_t pfs[] = { NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_BRIDGE };
	static const uint8_t netdev[] = { NFPROTO_NETDEV, NFPROTO_INET };
	const struct nft_hook *h;
	struct nft_hook_list list;

	for (size_t i = 0; i < ARRAY_SIZE(pfs); i++) {
		for (uint8_t hook = 0; hook < NF_INET_NUMHOOKS; hook++) {
			int rc = nft_hook(r->nft, r->netns, pfs[i], hook, 0, &h, err);

			if (rc)
				return rc;
			if (!h->list)
				(void)hook_list_ask(r, pfs[i], hook, NULL, &list);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(netdev); i++) {
		const struct family *f = &r->family[netdev[i]];

		if (read_family(r, netdev[i], false, err))
			continue;
		for (size_t j = 0; j < f->n_base; j++)
			if (f->base[j].dev && !strchr(f->base[j].dev, '*'))
				(void)hook_list_ask(r, NFPROTO_NETDEV, f->base[j].hook == NF_NETDEV_EGRESS, f->base[j].dev,
						    &list);
	}
	return 0;
}
