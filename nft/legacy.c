/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iptables-legacy by getsockopt. A table comes as one blob, up to tens of megabytes, that is kept: one pass finds
 * its chains, and a chain's rules are decoded when a packet first enters it. Asking for a table that does not exist
 * would create it, so only those are read that /proc/net/ip_tables_names lists.
 *
 * There is no generation to compare. All tables of a family are read at once, the largest last; if the others are read
 * again at the end and are still the same, all of them stood together when the largest was read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nft/legacy.h"

#define HOOKS		LEGACY_HOOKS

/* The tables of one family. */
struct lists {
	struct lists *next;
	uint32_t netns;
	uint8_t family;
	const char **names;
	bool read;
	const struct ltable *last;	/* the one read last */
};

struct legacy {
	struct ltable *table;
	struct lists *lists;
};

static struct legacy *legacy_of(struct nft *nft)
{
	void **slot = nft_legacy_slot(nft);

	if (!*slot)
		*slot = arena_alloc(nft_arena(nft), sizeof(struct legacy));
	return *slot;
}

/* -- which tables there are -- */

static const char **read_names(struct nft *nft, uint32_t netns, uint8_t family)
{
	const char *path = family == NFPROTO_IPV4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names";
	const char **names = NULL, *text;
	size_t n = 0, cap = 0, len;
	int rc = io_file(nft_io(nft), netns, path, &text, &len);

	if (rc && rc != -ENOENT)
		gap_add(nft_gaps(nft), "the tables of iptables-legacy could not be read: %s: %s", path, strerror(-rc));
	for (const char *p = rc ? "" : text; *p; p += len, p += *p == '\n') {
		len = strcspn(p, "\n");
		if (len && len < XT_TABLE_MAXNAMELEN)
			*VEC_PUSH(nft_arena(nft), names, n, cap) = arena_strndup(nft_arena(nft), p, len);
	}
	*VEC_PUSH(nft_arena(nft), names, n, cap) = NULL;
	return names;
}

static struct lists *lists_of(struct nft *nft, uint32_t netns, uint8_t family)
{
	struct legacy *l = legacy_of(nft);
	struct lists *s;

	for (s = l->lists; s; s = s->next)
		if (s->netns == netns && s->family == family)
			return s;
	s = arena_alloc(nft_arena(nft), sizeof(*s));
	*s = (struct lists){ .next = l->lists, .netns = netns, .family = family,
			     .names = read_names(nft, netns, family) };
	l->lists = s;
	return s;
}

const char *const *legacy_tables(struct nft *nft, uint32_t netns, uint8_t family)
{
	return lists_of(nft, netns, family)->names;
}

/* -- one table -- */

/* The chain's name if the entry is a chain's header (or the table's end), else NULL. */
static const char *header_name(const struct legacy_entry *en)
{
	const struct xt_error_target *err = (const void *)legacy_target(en);

	if (err->target.u.user.name[0] != 'E' || strncmp(err->target.u.user.name, XT_ERROR_TARGET, 6) ||
	    en->next - en->target < sizeof(*err) || !memchr(err->errorname, 0, sizeof(err->errorname)))
		return NULL;
	return err->errorname;
}

static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	while (*s)
		h = (h ^ (uint8_t)*s++) * 16777619u;
	return h;
}

static void index_names(struct arena *a, struct ltable *t)
{
	t->n_slot = 16;
	while (t->n_slot < 2 * t->n_chain)
		t->n_slot *= 2;
	t->slot = arena_alloc(a, t->n_slot * sizeof(*t->slot));
	for (size_t i = 0; i < t->n_chain; i++) {
		size_t at = hash(t->chain[i].name) & (t->n_slot - 1);

		while (t->slot[at])
			at = (at + 1) & (t->n_slot - 1);
		t->slot[at] = i + 1;
	}
}

static struct lchain *chain_named(const struct ltable *t, const char *name)
{
	for (size_t at = hash(name) & (t->n_slot - 1); t->slot[at]; at = (at + 1) & (t->n_slot - 1)) {
		struct lchain *c = &t->chain[t->slot[at] - 1];

		if (!strcmp(c->name, name))
			return c;
	}
	return NULL;
}

static const char *name_at(const void *table, uint32_t offset)
{
	const struct ltable *t = table;
	size_t lo = 0, hi = t->n_chain;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->chain[mid].start < offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->n_chain && t->chain[lo].start == offset ? t->chain[lo].name : NULL;
}

static const char *const hook_chain[HOOKS] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING" };

/* The hook whose chain begins at offset, or -1. */
static int hook_at(const struct ltable *t, const struct ipt_getinfo *info, uint32_t offset)
{
	for (int h = 0; h < HOOKS; h++)
		if (t->valid_hooks & 1u << h && info->hook_entry[h] == offset)
			return h;
	return -1;
}

/*
 * One pass over the entries. Built-in chains stand where hook_entry says and end at their underflow; a user chain follows
 * an ERROR target that names it and ends with an entry that iptables-save does not show; a last ERROR ends the table.
 */
static int index_chains(struct arena *a, struct ltable *t, const struct ipt_getinfo *info)
{
	uint32_t last = 0, offset = 0;
	struct legacy_entry en;
	struct lchain *open = NULL;

	for (; offset < t->size; last = offset, offset += en.next) {
		const char *name;
		int h;

		if (!legacy_entry_at(t, offset, &en))
			return -EBADMSG;
		name = header_name(&en);
		h = hook_at(t, info, offset);
		if (!name && h < 0)
			continue;
		if (open && open->end == UINT32_MAX)
			open->end = last;
		open = NULL;
		if (name && offset + en.next == t->size)
			break;
		open = VEC_PUSH(a, t->chain, t->n_chain, t->cap_chain);
		*open = (struct lchain){ .start = name ? offset + en.next : offset,
					 .end = name ? UINT32_MAX : info->underflow[h],
					 .name = name ? name : hook_chain[h] };
		if (!name && (open->end < open->start || open->end >= t->size))
			return -EBADMSG;
	}
	if (open && open->end == UINT32_MAX)
		open->end = last;
	index_names(a, t);
	return 0;
}

/* Priorities as iptable_raw.c, iptable_mangle.c, iptable_nat.c, iptable_filter.c, iptable_security.c register them;
 * raw_before_defrag, a module parameter that cannot be read, would make raw's -450. */
static const struct { const char *table; int priority; } priorities[] = {
	{ "raw", -300 }, { "mangle", -150 }, { "filter", 0 }, { "security", 50 },
};

static void fill_base(const struct ltable *t, int h, uint8_t policy, struct nft_base *b)
{
	*b = (struct nft_base){ .backend = BACKEND_LEGACY, .family = t->family, .table = t->name,
				.chain = hook_chain[h], .hook = h, .policy = policy, .order_known = true };
	for (size_t i = 0; i < ARRAY_SIZE(priorities); i++)
		if (!strcmp(priorities[i].table, t->name))
			b->priority = priorities[i].priority;
	if (!strcmp(t->name, "nat")) {
		b->type = NFT_BASE_NAT;
		b->priority = h == NF_INET_PRE_ROUTING || h == NF_INET_LOCAL_OUT ? -100 : 100;
	} else if (!strcmp(t->name, "mangle") && h == NF_INET_LOCAL_OUT) {
		b->type = NFT_BASE_ROUTE;
	}
}

/* The verdict of the underflow entry is the policy: check_underflow() allows ACCEPT and DROP only. */
static int read_policies(struct ltable *t, const struct ipt_getinfo *info)
{
	for (int h = 0; h < HOOKS; h++) {
		const struct xt_standard_target *st;
		struct legacy_entry en;

		if (!(t->valid_hooks & 1u << h))
			continue;
		if (!legacy_entry_at(t, info->underflow[h], &en) || en.next - en.target < sizeof(*st))
			return -EBADMSG;
		st = (const void *)legacy_target(&en);
		if (st->target.u.user.name[0] || (st->verdict != -NF_ACCEPT - 1 && st->verdict != -NF_DROP - 1))
			return -EBADMSG;
		fill_base(t, h, -st->verdict - 1, &t->base[h]);
	}
	return 0;
}

static int read_table(struct nft *nft, struct ltable *t)
{
	struct ipt_getinfo info;
	int rc = legacy_read(nft, t, &info);

	rc = rc ?: index_chains(nft_arena(nft), t, &info);
	rc = rc ?: read_policies(t, &info);
	if (rc)
		gap_add(nft_gaps(nft), "table %s of %s could not be read: %s", t->name,
			t->family == NFPROTO_IPV4 ? "iptables-legacy" : "ip6tables-legacy",
			rc == -EBADMSG ? "its entries do not hang together" : strerror(-rc));
	return rc;
}

static int by_size(const void *a, const void *b)
{
	const struct ltable *x = *(struct ltable *const *)a, *y = *(struct ltable *const *)b;

	return (x->size > y->size) - (x->size < y->size);
}

/* All tables of the family, the largest last. */
static void read_group(struct nft *nft, struct lists *s)
{
	struct legacy *l = legacy_of(nft);
	struct ltable **t = NULL;
	struct ipt_getinfo info;
	size_t n = 0, cap = 0;

	s->read = true;
	for (const char *const *name = s->names; *name; name++) {
		struct ltable *this = *VEC_PUSH(nft_arena(nft), t, n, cap) = arena_alloc(nft_arena(nft), sizeof(*this));

		*this = (struct ltable){ .next = l->table, .netns = s->netns, .family = s->family, .name = *name };
		l->table = this;
		this->size = legacy_info(nft, this, &info) ? 0 : info.size;
	}
	if (n > 1)
		qsort(t, n, sizeof(*t), by_size);
	for (size_t i = 0; i < n; i++) {
		t[i]->rc = read_table(nft, t[i]);
		s->last = t[i];
	}
}

/* The table, read now if not before; NULL if it does not exist. Check its rc. */
static struct ltable *table_get(struct nft *nft, uint32_t netns, uint8_t family, const char *name)
{
	struct lists *s = lists_of(nft, netns, family);
	struct ltable *t;

	if (!s->read)
		read_group(nft, s);
	for (t = legacy_of(nft)->table; t; t = t->next)
		if (t->netns == netns && t->family == family && !strcmp(t->name, name))
			return t;
	return NULL;
}

/* -- do they still stand as they were read? -- */

int legacy_settled(struct nft *nft)
{
	const struct legacy *l = legacy_of(nft);
	int rc = 0;

	for (const struct ltable *t = l->table; t && !rc; t = t->next)
		if (!t->rc && lists_of(nft, t->netns, t->family)->last != t)
			rc = legacy_table_settled(nft, t);
	return rc;
}

/* -- chains -- */

struct decoded {
	struct chain chain;
	int rc;
};

static int count_rules(const struct ltable *t, const struct lchain *c, size_t *n)
{
	struct legacy_entry en;
	uint32_t offset = c->start;

	for (*n = 0; offset < c->end; offset += en.next, ++*n)
		if (!legacy_entry_at(t, offset, &en))
			return -EBADMSG;
	return offset == c->end ? 0 : -EBADMSG;
}

static int decode_rules(struct nft *nft, const struct ltable *t, const struct lchain *c, struct chain *out)
{
	struct legacy_entry en;
	uint32_t offset = c->start;
	size_t n;
	int rc = count_rules(t, c, &n);

	if (rc)
		return rc;
	out->rule = arena_alloc(nft_arena(nft), n * sizeof(*out->rule));
	for (size_t i = 0; i < n && !rc; i++, offset += en.next) {
		legacy_entry_at(t, offset, &en);
		out->rule[i].index = i + 1;
		rc = legacy_rule(nft, t->netns, &en, offset, name_at, t, &out->rule[i]);
	}
	out->n_rule = n;
	return rc;
}

const struct chain *legacy_chain(struct nft *nft, uint32_t netns, uint8_t family, const char *table,
				 const char *name, int *rc)
{
	struct ltable *t = table_get(nft, netns, family, table);
	struct lchain *c = t && !t->rc ? chain_named(t, name) : NULL;
	struct decoded *d;

	*rc = t && t->rc ? t->rc : -ENOENT;
	if (!c)
		return NULL;
	if (!c->chain) {
		d = arena_alloc(nft_arena(nft), sizeof(*d));
		d->chain = (struct chain){ .table = t->name, .name = c->name, .family = family,
					   .backend = BACKEND_LEGACY };
		for (int h = 0; h < HOOKS; h++)
			if (t->valid_hooks & 1u << h && !strcmp(hook_chain[h], name))
				d->chain.base = &t->base[h];
		d->rc = decode_rules(nft, t, c, &d->chain);
		if (d->rc)
			gap_add(nft_gaps(nft), "chain %s of the iptables-legacy table %s could not be decoded", name, table);
		c->chain = &d->chain;
	}
	*rc = ((const struct decoded *)(const void *)c->chain)->rc;
	return *rc ? NULL : c->chain;
}

int legacy_base(struct nft *nft, uint32_t netns, uint8_t family, const char *table, uint8_t hook, struct nft_base *out)
{
	struct ltable *t = table_get(nft, netns, family, table);

	if (!t)
		return -ENOENT;
	if (t->rc)
		return t->rc;
	if (hook >= HOOKS || !(t->valid_hooks & 1u << hook))
		return -ENOENT;
	*out = t->base[hook];
	return 0;
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int legacy_chain_names(struct nft *nft, uint32_t netns, uint8_t family, const char *table,
		       const char *const **out, size_t *n)
{
	struct ltable *t = table_get(nft, netns, family, table);

	if (!t || t->rc)
		return t ? t->rc : -ENOENT;
	if (!t->names) {
		t->names = arena_alloc(nft_arena(nft), t->n_chain * sizeof(*t->names));
		for (size_t i = 0; i < t->n_chain; i++)
			t->names[i] = t->chain[i].name;
		qsort(t->names, t->n_chain, sizeof(*t->names), name_cmp);
	}
	*out = t->names;
	*n = t->n_chain;
	return 0;
}

int legacy_record(struct nft *nft, uint32_t netns, uint8_t family, const char *table)
{
	struct ltable *t = table_get(nft, netns, family, table);
	struct legacy_entry en;

	if (!t || t->rc)
		return t ? t->rc : -ENOENT;
	for (uint32_t offset = 0; offset < t->size && legacy_entry_at(t, offset, &en); offset += en.next)
		legacy_record_entry(nft, netns, &en);
	return 0;
}
