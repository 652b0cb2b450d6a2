/* SPDX-License-Identifier: GPL-2.0-only */
/* xt matches and targets: from a name, a revision and a blob to a step. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "nft/ipset.h"
#include "nft/xt_rows.h"

#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_comment.h>

/* XT_ALIGN of linux/netfilter/x_tables.h, for 64-bit counters. */
#define ALIGNED(n)	(((n) + 7u) & ~7u)

static const struct xt_rows *const match_tables[] = {
	&xt_match_meta, &xt_match_proto, &xt_match_ip, &xt_match_ct, &xt_match_stateful, &xt_match_rate,
	&xt_match_lookup, &xt_match_recent, &xt_match_filter,
};
static const struct xt_rows *const target_tables[] = {
	&xt_target_mark, &xt_target_nat, &xt_target_end, &xt_target_other,
};

/* The rows of all tables sorted by name, made once: a chain of 10,000 rules looks 30,000 names up. */
struct xt_index {
	const struct xt_row *row[192];
	size_t n;
};

static int row_cmp(const void *a, const void *b)
{
	const struct xt_row *const *x = a, *const *y = b;

	return strcmp((*x)->ops.name, (*y)->ops.name);
}

static void index_make(struct xt_index *ix, const struct xt_rows *const *tables, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < tables[i]->n && count < ARRAY_SIZE(ix->row); j++)
			ix->row[count++] = &tables[i]->row[j];
	qsort(ix->row, count, sizeof(ix->row[0]), row_cmp);
	ix->n = count;
}

static bool row_fits(const struct xt_row *r, uint8_t rev, uint8_t family, uint32_t size)
{
	return r->rev == rev && (r->family == NFPROTO_UNSPEC || r->family == family) &&
	       (size == r->size || size == ALIGNED(r->size));
}

static const struct xt_row *row_find(const struct xt_index *ix, const char *name, uint8_t rev,
				     uint8_t family, uint32_t size)
{
	size_t lo = 0, hi = ix->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(ix->row[mid]->ops.name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < ix->n && !strcmp(ix->row[lo]->ops.name, name); lo++)
		if (row_fits(ix->row[lo], rev, family, size))
			return ix->row[lo];
	return NULL;
}

/* -- a name, revision or size that no row has -- */

static enum step_kind unknown_match_run(struct eval *e, const struct step *s)
{
	const struct xt *x = s->data;

	eval_unknown(e, "match %s revision %u (%u bytes) is not known to ktrace", x->name, x->rev, x->size);
	return STEP_UNKNOWN;
}

static enum step_kind unknown_target_run(struct eval *e, const struct step *s)
{
	const struct xt *x = s->data;

	eval_unknown(e, "target %s revision %u (%u bytes) is not known to ktrace", x->name, x->rev, x->size);
	return STEP_UNKNOWN;
}

static void unknown_match_say(struct text *t, const struct step *s)
{
	const struct xt *x = s->data;

	text_add(t, "-m %s [match %s rev %u (not known to ktrace)]", x->name, x->name, x->rev);
}

static void unknown_target_say(struct text *t, const struct step *s)
{
	const struct xt *x = s->data;

	text_add(t, "-j %s [target %s rev %u (not known to ktrace)]", x->name, x->name, x->rev);
}

static const struct step_ops unknown_match = {
	.name = "match", .run = unknown_match_run, .say = unknown_match_say,
};
static const struct step_ops unknown_target = {
	.name = "target", .run = unknown_target_run, .say = unknown_target_say, .changes = true,
};

static void step_fill(struct arena *a, const struct xt_row *row, struct xt x, const struct step_ops *unknown,
		      struct step *s)
{
	s->ops = row ? &row->ops : unknown;
	x.name = row ? row->ops.name : arena_strdup(a, x.name);
	s->data = arena_dup(a, &x, sizeof(x));
	s->size = sizeof(x);
}

void xt_match_step_at(struct arena *a, const char *name, uint8_t rev, uint8_t family, const void *info,
		      uint32_t size, struct step *s)
{
	static struct xt_index ix;

	if (!ix.n)
		index_make(&ix, match_tables, ARRAY_SIZE(match_tables));
	step_fill(a, row_find(&ix, name, rev, family, size),
		  (struct xt){ .name = name, .rev = rev, .family = family, .info = info, .size = size },
		  &unknown_match, s);
}

void xt_target_step_at(struct arena *a, const char *name, uint8_t rev, uint8_t family, const void *info,
		       uint32_t size, struct step *s)
{
	static struct xt_index ix;

	if (!ix.n)
		index_make(&ix, target_tables, ARRAY_SIZE(target_tables));
	step_fill(a, row_find(&ix, name, rev, family, size),
		  (struct xt){ .name = name, .rev = rev, .family = family, .info = info, .size = size },
		  &unknown_target, s);
}

void xt_match_step(struct arena *a, const char *name, uint8_t rev, uint8_t family, const void *info,
		   uint32_t size, struct step *s)
{
	/* Nine of ten matches are comments, and 256 bytes wide: only the words are kept. */
	bool words = !strcmp(name, "comment") && rev == 0 && size == sizeof(struct xt_comment_info);

	xt_match_step_at(a, name, rev, family, words ? arena_strndup(a, info, size) : arena_dup(a, info, size), size, s);
}

void xt_target_step(struct arena *a, const char *name, uint8_t rev, uint8_t family, const void *info,
		    uint32_t size, struct step *s)
{
	xt_target_step_at(a, name, rev, family, arena_dup(a, info, size), size, s);
}

/* -- what every row does -- */

static const struct xt_row *row_of(const struct step *s)
{
	return (const struct xt_row *)(const void *)s->ops;
}

enum step_kind xt_match_run(struct eval *e, const struct step *s)
{
	switch (row_of(s)->match(e, s->data)) {
	case YES:
		return STEP_NEXT;
	case NO:
		return STEP_BREAK;
	default:
		return STEP_UNKNOWN;
	}
}

enum step_kind xt_target_run(struct eval *e, const struct step *s)
{
	return row_of(s)->target(e, s->data);
}

enum step_kind xt_continue(struct eval *e UNUSED, const struct xt *x UNUSED)
{
	return STEP_NEXT;
}

static void row_say(struct text *t, const struct step *s, char letter)
{
	const struct xt_row *r = row_of(s);

	text_add(t, "-%c %s", letter, r->alias ? r->alias(s->data) : s->ops->name);
	if (r->words)
		r->words(t, s->data);
}

void xt_match_say(struct text *t, const struct step *s)
{
	row_say(t, s, 'm');
}

void xt_target_say(struct text *t, const struct step *s)
{
	row_say(t, s, 'j');
}

const char *xt_comment(const struct step *s)
{
	const struct xt *x = s->data;

	if (s->ops->run != xt_match_run || strcmp(s->ops->name, "comment"))
		return NULL;
	return memchr(x->info, 0, x->size) ? x->info : NULL;
}

bool xt_addr_masked_eq(const struct addr *a, const void *b, const void *mask)
{
	const uint8_t *x = b, *m = mask;

	for (unsigned i = 0; i < addr_len(a); i++)
		if ((a->b[i] ^ x[i]) & m[i])
			return false;
	return true;
}

/* -- memory -- */

struct xt_kept_file {
	struct xt_kept_file *next;
	uint32_t netns;
	const char *path, *text;
	int rc;
};

struct xt_memory *xt_memory(struct nft *nft)
{
	void **slot = nft_ipset_slot(nft);

	if (!*slot)
		*slot = arena_alloc(nft_arena(nft), sizeof(struct xt_memory));
	return *slot;
}

const char *xt_file_of(struct nft *nft, uint32_t netns, const char *path, int *rc)
{
	struct xt_memory *m = xt_memory(nft);
	struct xt_kept_file *f;
	const char *text = NULL;

	for (f = m->file; f; f = f->next)
		if (f->netns == netns && !strcmp(f->path, path))
			break;
	if (!f) {
		f = arena_alloc(nft_arena(nft), sizeof(*f));
		f->rc = io_file(nft_io(nft), netns, path, &text, NULL);
		f->text = f->rc ? NULL : text;
		f->path = arena_strdup(nft_arena(nft), path);
		f->netns = netns;
		f->next = m->file;
		m->file = f;
	}
	if (rc)
		*rc = f->rc;
	return f->text;
}

const char *xt_file(struct eval *e, const char *path, int *rc)
{
	return xt_file_of(e->nft, e->netns, path, rc);
}

/* The ipset indices of a set match or SET target, the first members of its struct. */
static unsigned set_indices(const struct step *s, uint16_t *index)
{
	const struct xt *x = s->data;
	const struct { uint16_t index; uint8_t dim, flags; } *info = x->info;
	unsigned n;

	if (s->ops->run == xt_match_run && !strcmp(s->ops->name, "set"))
		n = 1;
	else if (s->ops->run == xt_target_run && !strcmp(s->ops->name, "SET"))
		n = x->rev == 3 ? 3 : 2;
	else
		return 0;
	for (unsigned i = 0; i < n; i++)
		index[i] = info[i].index;
	return n;
}

void xt_step_bind(struct nft *nft, uint32_t netns, struct step *s)
{
	uint16_t index[3];
	unsigned n = set_indices(s, index);
	struct xt *x;

	if (!n)
		return;
	x = (struct xt *)s->data;	/* step_fill() allocated it */
	x->set = arena_alloc(nft_arena(nft), n * sizeof(*x->set));
	for (unsigned i = 0; i < n; i++)
		x->set[i] = index[i] == 0xffff ? NULL : ipset_name(nft, netns, index[i]);
}

void xt_step_record(struct nft *nft, uint32_t netns, struct step *s)
{
	xt_step_bind(nft, netns, s);
	if (s->ops->run != xt_match_run)
		return;
	if (!strcmp(s->ops->name, "recent"))
		xt_recent_record(nft, netns, s->data);
	else if (!strcmp(s->ops->name, "policy"))
		xt_file_of(nft, netns, "/proc/net/netlink", NULL);
}
