/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets and maps. Live, the kernel is asked about the one key; of anonymous sets, which are small, and in a snapshot
 * all elements are read and looked through as the kernel's set types would.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/request.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

enum { SET_TYPE = NFTA_SET_EXPRESSIONS + 1, SET_COUNT, SET_MAX = SET_COUNT };	/* 6.18 */

static int ask(struct ruleset *r, struct nlmsghdr *req, nl_cb cb, void *ctx)
{
	return nl_ask(nft_io(r->nft), r->netns, NETLINK_NETFILTER, req, cb, ctx, NULL);
}

/* -- headers -- */

static void decode_fields(struct set *s, const struct nlattr *desc)
{
	const struct nlattr *tb[NFTA_SET_DESC_MAX + 1], *ft[NFTA_SET_FIELD_MAX + 1], *a;

	nl_nested(desc, tb, NFTA_SET_DESC_MAX);
	if (!tb[NFTA_SET_DESC_CONCAT])
		return;
	NL_EACH(a, tb[NFTA_SET_DESC_CONCAT]) {
		uint32_t len;

		nl_nested(a, ft, NFTA_SET_FIELD_MAX);
		len = nl_be32(ft[NFTA_SET_FIELD_LEN], 0);
		if (!len || len > NFT_DATA_VALUE_MAXLEN || s->n_field == ARRAY_SIZE(s->field)) {
			s->n_field = 0;
			return;
		}
		s->field[s->n_field++] = len;
	}
}

/* NFTNL_UDATA_SET_KEYBYTEORDER and _DATABYTEORDER are 0 and 1; 1 says host order. Keys of intervals are turned in any case. */
static void decode_byteorder(struct set *s, const struct nlattr *udata)
{
	const uint8_t *p = nl_data(udata);
	size_t left = nl_len(udata);
	uint32_t order;

	while (left >= 2 && left - 2 >= p[1]) {
		if (p[0] <= 1 && p[1] == sizeof(order)) {
			memcpy(&order, p + 2, sizeof(order));
			if (order == 1 && p[0] == 0 && s->key_type == DT_INTEGER && !(s->flags & NFT_SET_INTERVAL))
				s->key_type = DT_HOST_INTEGER;
			if (order == 1 && p[0] == 1 && s->data_type == DT_INTEGER)
				s->data_type = DT_HOST_INTEGER;
		}
		left -= 2 + p[1];
		p += 2 + p[1];
	}
}

static int set_cb(const struct nlmsghdr *nlh, void *ctx)
{
	struct set *s = ctx;
	const struct nlattr *tb[SET_MAX + 1];

	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, SET_MAX);
	s->flags = nl_be32(tb[NFTA_SET_FLAGS], 0);
	s->key_type = nl_be32(tb[NFTA_SET_KEY_TYPE], 0);
	s->key_len = nl_be32(tb[NFTA_SET_KEY_LEN], 0);
	s->data_type = nl_be32(tb[NFTA_SET_DATA_TYPE], 0);
	s->data_len = nl_be32(tb[NFTA_SET_DATA_LEN], 0);
	s->object_type = nl_be32(tb[NFTA_SET_OBJ_TYPE], 0);
	s->timeout = nl_be64(tb[NFTA_SET_TIMEOUT], 0);
	if (tb[NFTA_SET_USERDATA])
		decode_byteorder(s, tb[NFTA_SET_USERDATA]);
	if (tb[NFTA_SET_DESC])
		decode_fields(s, tb[NFTA_SET_DESC]);
	return 0;
}

struct set *set_get(struct ruleset *r, uint8_t family, const char *table, const char *name, int *rc)
{
	char key[RULESET_KEY], buf[REQUEST_SIZE];
	struct set *s;
	void **slot;

	*rc = -ENOENT;
	if (strlen(table) >= NFT_NAME_MAXLEN || strlen(name) >= NFT_NAME_MAXLEN)
		return NULL;
	slot = map_slot(&r->set, key, ruleset_key(key, family, table, name));
	if (*slot)
		return *slot;
	s = arena_alloc(r->arena, sizeof(*s));
	s->table = ruleset_str(r, table);
	s->name = ruleset_str(r, name);
	s->family = family;
	s->hit.arena = r->arena;
	*rc = ask(r, request_set(buf, family, table, name), set_cb, s);
	if (!*rc && (!s->key_len || s->key_len > NFT_DATA_VALUE_MAXLEN))
		*rc = -EPROTO;
	if (*rc)
		return NULL;
	*slot = s;
	return s;
}

/* -- elements -- */

/* NFTNL_UDATA_SET_ELEM_COMMENT is 0. */
static const char *elem_comment(struct arena *a, const struct nlattr *attr)
{
	const uint8_t *p = attr ? nl_data(attr) : NULL;
	size_t left = attr ? nl_len(attr) : 0;

	while (left >= 2 && left - 2 >= p[1]) {
		if (p[0] == 0)
			return arena_strndup(a, (const char *)p + 2, p[1]);
		left -= 2 + p[1];
		p += 2 + p[1];
	}
	return NULL;
}

static bool is_stateful(const struct nlattr *expr)
{
	const struct nlattr *tb[NFTA_EXPR_MAX + 1];
	const char *name;

	nl_nested(expr, tb, NFTA_EXPR_MAX);
	if (!tb[NFTA_EXPR_NAME] || mnl_attr_validate(tb[NFTA_EXPR_NAME], MNL_TYPE_NUL_STRING) < 0)
		return true;
	name = nl_data(tb[NFTA_EXPR_NAME]);
	return strcmp(name, "counter") && strcmp(name, "last");
}

static const uint8_t *elem_bytes(struct arena *a, const struct nlattr *nest, uint16_t *len)
{
	uint8_t buf[NFT_DATA_VALUE_MAXLEN];
	unsigned n;

	if (!nest || !expr_value(nest, buf, sizeof(buf), &n))
		return NULL;
	*len = n;
	return arena_dup(a, buf, n);
}

void set_elem_decode(struct arena *a, const struct nlattr *nest, struct set_elem *el)
{
	const struct nlattr *tb[NFTA_SET_ELEM_MAX + 1], *e;
	struct nft_verdict_data v;
	uint16_t end_len = 0;

	nl_nested(nest, tb, NFTA_SET_ELEM_MAX);
	el->key = elem_bytes(a, tb[NFTA_SET_ELEM_KEY], &el->key_len);
	el->key_end = elem_bytes(a, tb[NFTA_SET_ELEM_KEY_END], &end_len);
	if (end_len != el->key_len)
		el->key_end = NULL;
	el->flags = nl_be32(tb[NFTA_SET_ELEM_FLAGS], 0);
	el->timeout = nl_be64(tb[NFTA_SET_ELEM_TIMEOUT], 0);
	el->expires = nl_be64(tb[NFTA_SET_ELEM_EXPIRATION], 0);
	el->comment = elem_comment(a, tb[NFTA_SET_ELEM_USERDATA]);
	el->object = nl_str(a, tb[NFTA_SET_ELEM_OBJREF]);
	if (tb[NFTA_SET_ELEM_DATA]) {
		el->data = elem_bytes(a, tb[NFTA_SET_ELEM_DATA], &el->data_len);
		el->has_verdict = !el->data && expr_verdict(a, tb[NFTA_SET_ELEM_DATA], &v);
		if (el->has_verdict) {
			el->verdict = v.code;
			el->chain = v.chain;
		}
	}
	if (tb[NFTA_SET_ELEM_EXPR])
		el->stateful = is_stateful(tb[NFTA_SET_ELEM_EXPR]);
	if (tb[NFTA_SET_ELEM_EXPRESSIONS])
		NL_EACH(e, tb[NFTA_SET_ELEM_EXPRESSIONS])
			el->stateful |= is_stateful(e);
}

struct elems_ctx {
	struct arena *arena;
	struct set_elem *v;
	size_t n, cap;
};

static int elems_cb(const struct nlmsghdr *nlh, void *ctx)
{
	struct elems_ctx *x = ctx;
	const struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1], *a;

	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_SET_ELEM_LIST_MAX);
	if (tb[NFTA_SET_ELEM_LIST_ELEMENTS])
		NL_EACH(a, tb[NFTA_SET_ELEM_LIST_ELEMENTS])
			set_elem_decode(x->arena, a, VEC_PUSH(x->arena, x->v, x->n, x->cap));
	return 0;
}

static struct nlmsghdr *elem_request(char *buf, const struct set *s, uint16_t flags)
{
	struct nlmsghdr *h = nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETSETELEM, flags, s->family);

	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, s->table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, s->name);
	return h;
}

/* Elements with a key of the set's own length stand first; those of another length cannot be of this set. */
int set_dump(struct ruleset *r, struct set *s)
{
	struct elems_ctx x = { .arena = r->arena };
	char buf[1024];
	size_t n = 0;

	if (s->dumped)
		return s->dump_rc;
	s->dumped = true;
	s->dump_rc = ask(r, elem_request(buf, s, NLM_F_DUMP), elems_cb, &x);
	if (s->dump_rc)
		return s->dump_rc;
	for (size_t i = 0; i < x.n; i++) {
		if (x.v[i].flags & NFT_SET_ELEM_CATCHALL) {
			s->catchall = arena_dup(r->arena, &x.v[i], sizeof(x.v[i]));
			continue;
		}
		if (x.v[i].key && x.v[i].key_len == s->key_len)
			x.v[n++] = x.v[i];
	}
	s->elem = x.v;
	s->n_elem = n;
	s->catchall_asked = true;
	return 0;
}

/* -- looking a key up in a dump -- */

static bool is_end(const struct set_elem *el)
{
	return el->flags & NFT_SET_ELEM_INTERVAL_END;
}

/* nft_set_rbtree.c: the greatest boundary at or below the key; a start beats an end at the same place. */
static const struct set_elem *find_interval(const struct set *s, const uint8_t *key)
{
	const struct set_elem *best = NULL;

	for (size_t i = 0; i < s->n_elem; i++) {
		const struct set_elem *el = &s->elem[i];
		int d = best ? memcmp(el->key, best->key, s->key_len) : 1;

		if (memcmp(el->key, key, s->key_len) <= 0 && (d > 0 || (d == 0 && !is_end(el))))
			best = el;
	}
	return best && !is_end(best) ? best : NULL;
}

/* nft_set_pipapo.c: each field within its own range; fields stand in whole registers. */
static bool in_ranges(const struct set *s, const struct set_elem *el, const uint8_t *key)
{
	const uint8_t *end = el->key_end ?: el->key;
	unsigned off = 0;

	for (unsigned i = 0; i < s->n_field && off + s->field[i] <= s->key_len; i++) {
		if (memcmp(key + off, el->key + off, s->field[i]) < 0 || memcmp(key + off, end + off, s->field[i]) > 0)
			return false;
		off += (s->field[i] + 3) & ~3u;
	}
	return true;
}

static bool is_ranges(const struct set *s)
{
	return s->flags & NFT_SET_INTERVAL && s->n_field > 1;
}

const struct set_elem *set_find(const struct set *s, const uint8_t *key)
{
	if (s->flags & NFT_SET_INTERVAL && !is_ranges(s))
		return find_interval(s, key);
	for (size_t i = 0; i < s->n_elem; i++)
		if (is_ranges(s) ? in_ranges(s, &s->elem[i], key) : !memcmp(s->elem[i].key, key, s->key_len))
			return &s->elem[i];
	return NULL;
}

const uint8_t *set_interval_end(const struct set *s, const struct set_elem *el)
{
	const uint8_t *end = NULL;

	for (size_t i = 0; i < s->n_elem; i++)
		if (memcmp(s->elem[i].key, el->key, s->key_len) > 0 &&
		    (!end || memcmp(s->elem[i].key, end, s->key_len) < 0))
			end = s->elem[i].key;
	return end;
}

static bool possible_ranges(const struct set *s, const struct set_elem *el, const uint8_t *key, const uint8_t *known)
{
	const uint8_t *end = el->key_end ?: el->key;
	unsigned off = 0;

	for (unsigned i = 0; i < s->n_field && off + s->field[i] <= s->key_len; i++) {
		if (cmp_answer(key + off, known + off, el->key + off, s->field[i], NFT_CMP_GTE) == NO ||
		    cmp_answer(key + off, known + off, end + off, s->field[i], NFT_CMP_LTE) == NO)
			return false;
		off += (s->field[i] + 3) & ~3u;
	}
	return true;
}

bool set_elem_possible(const struct set *s, const struct set_elem *el, const uint8_t *key, const uint8_t *known)
{
	const uint8_t *end;

	if (!(s->flags & NFT_SET_INTERVAL))
		return cmp_answer(key, known, el->key, s->key_len, NFT_CMP_EQ) != NO;
	if (is_ranges(s))
		return possible_ranges(s, el, key, known);
	if (is_end(el) || cmp_answer(key, known, el->key, s->key_len, NFT_CMP_GTE) == NO)
		return false;
	end = set_interval_end(s, el);
	return !end || cmp_answer(key, known, end, s->key_len, NFT_CMP_LT) != NO;
}

/* -- the question -- */

struct set_hit {
	int rc;
	const struct set_elem *el;
};

static struct set_hit hit_of_dump(struct ruleset *r, struct set *s, const uint8_t *key)
{
	struct set_hit h = { .rc = set_dump(r, s) };

	/* Intervals of several fields need to know where a field ends: a header without that is not guessed at. */
	if (!h.rc && s->flags & NFT_SET_INTERVAL && s->flags & NFT_SET_CONCAT && !s->n_field)
		h.rc = -EPROTO;
	if (!h.rc)
		h.el = set_find(s, key) ?: s->catchall;
	return h;
}

static int ask_one(struct ruleset *r, const struct set *s, const uint8_t *key, const struct set_elem **out)
{
	struct elems_ctx x = { .arena = r->arena };
	struct nlattr *list, *elem, *k;
	char buf[1024];
	struct nlmsghdr *h = elem_request(buf, s, 0);
	int rc;

	list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	elem = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	if (key) {
		k = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);
		mnl_attr_put(h, NFTA_DATA_VALUE, s->key_len, key);
		mnl_attr_nest_end(h, k);
	} else {
		mnl_attr_put_u32(h, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_CATCHALL));
	}
	mnl_attr_nest_end(h, elem);
	mnl_attr_nest_end(h, list);
	rc = ask(r, h, elems_cb, &x);
	*out = !rc && x.n ? &x.v[0] : NULL;
	return rc == -ENOENT ? 0 : rc;
}

/* nft_set_catchall_lookup() comes after a miss; a kernel before 5.13 refuses the flag, and has none. */
static struct set_hit hit_of_kernel(struct ruleset *r, struct set *s, const uint8_t *key)
{
	struct set_hit h = { .rc = ask_one(r, s, key, &h.el) };

	if (h.rc || h.el)
		return h;
	if (!s->catchall_asked) {
		s->catchall_asked = true;
		if (ask_one(r, s, NULL, &s->catchall))
			s->catchall = NULL;
	}
	h.el = s->catchall;
	return h;
}

/* Some bits are not known: only where no element is possible, and no catch-all, is the answer no. */
static enum answer lookup_partly(struct eval *e, struct ruleset *r, struct set *s, const uint8_t *key,
				 const uint8_t *known)
{
	const char *why = e->unknown;

	if (!set_dump(r, s) && !s->catchall) {
		size_t i = 0;

		while (i < s->n_elem && !set_elem_possible(s, &s->elem[i], key, known))
			i++;
		if (i == s->n_elem)
			return NO;
	}
	e->unknown = why ?: "looks up a value that is not known";
	return UNKNOWN;
}

enum answer set_lookup(struct eval *e, struct set *s, const uint8_t *key, const uint8_t *known,
		       const struct set_elem **out)
{
	struct ruleset *r = ruleset_get(e->nft, e->netns);
	struct set_hit *h;
	void **slot;

	*out = NULL;
	for (unsigned i = 0; i < s->key_len; i++)
		if (known[i] != 0xff)
			return lookup_partly(e, r, s, key, known);
	slot = map_slot(&s->hit, key, s->key_len);
	if (!*slot) {
		bool live = io_mode(e->io) == IO_LIVE && !(s->flags & NFT_SET_ANONYMOUS);
		struct set_hit hit = live && !s->dumped ? hit_of_kernel(r, s, key) : hit_of_dump(r, s, key);

		*slot = arena_dup(r->arena, &hit, sizeof(hit));
	}
	h = *slot;
	if (h->rc)
		return eval_unknown(e, "set %s could not be asked: %s", s->name, strerror(-h->rc));
	*out = h->el;
	return answer_of(h->el);
}

/* -- a snapshot -- */

struct names_ctx {
	struct ruleset *r;
	struct name { const char *table, *name; } *v;
	size_t n, cap;
};

static int names_cb(const struct nlmsghdr *nlh, void *ctx)
{
	struct names_ctx *x = ctx;
	const struct nlattr *tb[SET_MAX + 1];
	struct name *n;

	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, SET_MAX);
	if (!tb[NFTA_SET_TABLE] || !tb[NFTA_SET_NAME])
		return 0;
	n = VEC_PUSH(x->r->arena, x->v, x->n, x->cap);
	n->table = nl_str(x->r->arena, tb[NFTA_SET_TABLE]);
	n->name = nl_str(x->r->arena, tb[NFTA_SET_NAME]);
	return 0;
}

int set_read_all(struct ruleset *r, uint8_t family, struct err *err)
{
	struct names_ctx x = { .r = r };
	char buf[256];
	int rc = ask(r, nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETSET, NLM_F_DUMP, family), names_cb, &x);

	for (size_t i = 0; !rc && i < x.n; i++) {
		struct set *s = set_get(r, family, x.v[i].table, x.v[i].name, &rc);

		if (s)
			rc = set_dump(r, s);
		if (rc == -ENOENT)
			rc = 0;
	}
	return rc ? err_set(err, rc, "cannot read the sets of nf_tables: %s", strerror(-rc)) : 0;
}
