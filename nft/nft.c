/* SPDX-License-Identifier: GPL-2.0-only */
/* struct nft: what was read so far, by namespace, and the door's smaller questions. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "nft/ipset.h"
#include "nft/queue.h"
#include "nft/ruleset.h"
#include "nft/state.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

struct nft {
	struct io *io;
	struct arena *arena;
	const struct ask *ask;
	struct gaps *gaps;
	nft_order_fn order;
	void *order_ctx;
	struct ruleset **ruleset;	/* by namespace */
	size_t n_ruleset, cap_ruleset;
	void *legacy, *ipset;
};

struct nft *nft_open(struct io *io, struct arena *a, const struct ask *ask, struct gaps *gaps)
{
	struct nft *nft = arena_alloc(a, sizeof(*nft));

	nft->io = io;
	nft->arena = a;
	nft->ask = ask;
	nft->gaps = gaps;
	return nft;
}

void nft_forget(struct nft *nft)
{
	for (size_t i = 0; i < nft->n_ruleset; i++)
		nft->ruleset[i] = NULL;
	nft->legacy = NULL;
	nft->ipset = NULL;
}

void nft_set_order(struct nft *nft, nft_order_fn fn, void *ctx)
{
	nft->order = fn;
	nft->order_ctx = ctx;
}

int nft_order_ask(struct nft *nft, uint32_t netns, const struct nft_order **rows, size_t *n)
{
	return nft->order ? nft->order(nft->order_ctx, netns, rows, n) : -ENOTSUP;
}

struct io *nft_io(struct nft *nft)
{
	return nft->io;
}

struct arena *nft_arena(struct nft *nft)
{
	return nft->arena;
}

const struct ask *nft_ask_table(struct nft *nft)
{
	return nft->ask;
}

struct gaps *nft_gaps(struct nft *nft)
{
	return nft->gaps;
}

void **nft_legacy_slot(struct nft *nft)
{
	return &nft->legacy;
}

void **nft_ipset_slot(struct nft *nft)
{
	return &nft->ipset;
}

/* -- the generation, and whether there is an nf_tables at all -- */

static int gen_cb(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[NFTA_GEN_MAX + 1];

	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_GEN_MAX);
	*(uint32_t *)ctx = nl_be32(tb[NFTA_GEN_ID], 0);
	return 0;
}

/*
 * A question to a netfilter subsystem loads its module (request_module in nfnetlink_rcv_msg()). Where the
 * kernel has modules and this one is neither loaded nor built in, it is not asked: nothing may change here.
 */
enum answer nft_module_present(struct nft *nft, const char *loaded, const char *builtin)
{
	const char *release;
	size_t len;
	bool readable;
	char path[160];

	if (io_file_has(nft->io, 0, "/proc/modules", loaded, &readable))
		return YES;
	if (!readable || io_file(nft->io, 0, "/proc/sys/kernel/osrelease", &release, &len))
		return UNKNOWN;
	snprintf(path, sizeof(path), "/lib/modules/%.*s/modules.builtin", (int)strcspn(release, "\n"), release);
	if (io_file_has(nft->io, 0, path, builtin, &readable))
		return YES;
	return readable ? NO : UNKNOWN;
}

int nft_generation(struct nft *nft, uint32_t netns, uint32_t *gen)
{
	char buf[256];
	uint32_t id = 0;
	int rc;

	*gen = 0;
	if (nft_module_present(nft, "nf_tables ", "/nf_tables.ko") == NO)
		return 0;
	rc = nl_ask(nft->io, netns, NETLINK_NETFILTER,
		    nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, 0, NFPROTO_UNSPEC), gen_cb, &id, NULL);
	/* What nfnetlink_rcv_msg() and socket() say without the subsystem. */
	if (rc == -EINVAL || rc == -EOPNOTSUPP || rc == -EPROTONOSUPPORT || rc == -ENOENT)
		return 0;
	*gen = id;
	return rc;
}

static enum answer present(struct ruleset *r)
{
	int rc = nft_generation(r->nft, r->netns, &r->generation);

	return rc ? UNKNOWN : answer_of(r->generation);
}

int nft_settled(struct nft *nft)
{
	uint32_t generation;

	if (io_mode(nft->io) == IO_REPLAY)
		return 0;
	for (size_t i = 0; i < nft->n_ruleset; i++) {
		const struct ruleset *r = nft->ruleset[i];
		int rc = r ? nft_generation(nft, r->netns, &generation) : 0;

		if (rc || (r && generation != r->generation))
			return rc ?: -EAGAIN;
	}
	return legacy_settled(nft);
}

struct ruleset *ruleset_get(struct nft *nft, uint32_t netns)
{
	struct ruleset *r;

	while (nft->n_ruleset <= netns)
		*VEC_PUSH(nft->arena, nft->ruleset, nft->n_ruleset, nft->cap_ruleset) = NULL;
	r = nft->ruleset[netns];
	if (r)
		return r;
	r = arena_alloc(nft->arena, sizeof(*r));
	r->nft = nft;
	r->arena = nft->arena;
	r->netns = netns;
	r->present = present(r);
	r->chain.arena = r->set.arena = r->object.arena = nft->arena;
	r->hook.arena = r->view.arena = r->exists.arena = nft->arena;
	nft->ruleset[netns] = r;
	return r;
}

size_t ruleset_key(char key[RULESET_KEY], uint8_t family, const char *a, const char *b)
{
	size_t la = strnlen(a, NFT_NAME_MAXLEN) + 1, lb = strnlen(b, NFT_NAME_MAXLEN);

	key[0] = family;
	memcpy(key + 1, a, la - 1);
	key[la] = 0;
	memcpy(key + 1 + la, b, lb);
	return 1 + la + lb;
}

const char *ruleset_str(struct ruleset *r, const char *s)
{
	size_t len = strlen(s) + 1;
	char *p;

	if (len > r->pool_left) {
		r->pool_left = len > 16384 ? len : 16384;
		r->pool = arena_alloc(r->arena, r->pool_left);
	}
	p = r->pool;
	memcpy(p, s, len);
	r->pool += len;
	r->pool_left -= len;
	return p;
}

/* -- the door: tables and chains -- */

int nft_tables(struct nft *nft, uint32_t netns, const struct nft_table **out, size_t *n, struct err *err)
{
	struct ruleset *r = ruleset_get(nft, netns);
	int rc = read_tables(r, err);

	if (rc)
		return rc;
	*out = r->table;
	*n = r->n_table;
	return 0;
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct name_list {
	const char **v;
	size_t n, cap;
};

static int native_chains(struct ruleset *r, const struct nft_table *t, const char *const **out, size_t *n)
{
	struct family *f = &r->family[t->family % FAMILIES];
	char key[RULESET_KEY];
	struct name_list *l;
	void **slot;
	int rc = read_family(r, t->family, true, NULL);

	if (rc)
		return rc;
	slot = map_slot(&r->view, key, ruleset_key(key, t->family, t->name, "chains"));
	if (!*slot) {
		l = *slot = arena_alloc(r->arena, sizeof(*l));
		for (size_t i = 0; i < f->n_name; i++)
			if (!strcmp(f->table[i], t->name))
				*VEC_PUSH(r->arena, l->v, l->n, l->cap) = f->name[i];
		if (l->n)
			qsort(l->v, l->n, sizeof(*l->v), name_cmp);
	}
	l = *slot;
	*out = l->v;
	*n = l->n;
	return 0;
}

int nft_chains(struct nft *nft, uint32_t netns, const struct nft_table *t, const char *const **out, size_t *n)
{
	if (t->backend == BACKEND_LEGACY)
		return legacy_chain_names(nft, netns, t->family, t->name, out, n);
	return native_chains(ruleset_get(nft, netns), t, out, n);
}

enum answer nft_chain_exists(struct nft *nft, uint32_t netns, const struct nft_table *t, const char *chain)
{
	int rc = 0;

	if (t->backend != BACKEND_LEGACY)
		return read_chain_exists(ruleset_get(nft, netns), t->family, t->name, chain);
	if (legacy_chain(nft, netns, t->family, t->name, chain, &rc))
		return YES;
	return rc == -ENOENT ? NO : UNKNOWN;
}

const struct chain *chain_get(struct nft *nft, uint32_t netns, enum backend backend, uint8_t family,
			      const char *table, const char *name, int *rc)
{
	const struct native_chain *c;

	if (backend == BACKEND_LEGACY)
		return legacy_chain(nft, netns, family, table, name, rc);
	c = read_chain(ruleset_get(nft, netns), family, table, name);
	*rc = c->rc;
	return c->rc ? NULL : &c->chain;
}

/* -- a snapshot -- */

static int legacy_read_all(struct nft *nft, uint32_t netns, uint8_t family)
{
	int rc = 0;

	for (const char *const *t = legacy_tables(nft, netns, family); t && *t; t++)
		rc = legacy_record(nft, netns, family, *t) ?: rc;
	return rc;
}

int nft_read_all(struct nft *nft, uint32_t netns, struct err *err)
{
	struct ruleset *r = ruleset_get(nft, netns);
	bool seen[FAMILIES] = { false };
	int rc = read_tables(r, err);

	for (size_t i = 0; !rc && i < r->n_table; i++) {
		uint8_t f = r->table[i].family;

		if (r->table[i].backend != BACKEND_NF_TABLES || f >= FAMILIES || seen[f])
			continue;
		seen[f] = true;
		rc = read_family_all(r, f, err) ?: set_read_all(r, f, err);
	}
	queue_record(nft, netns);
	rc = rc ?: hooks_read_all(r, err);
	rc = rc ?: legacy_read_all(nft, netns, NFPROTO_IPV4) ?: legacy_read_all(nft, netns, NFPROTO_IPV6);
	return rc ?: ipset_read_all(nft, netns, err);
}
