/* SPDX-License-Identifier: GPL-2.0-only */
/* What was read of one namespace's nf_tables, and how to read more: shared by the native half of the room. */
#ifndef KTRACE_NFT_RULESET_H
#define KTRACE_NFT_RULESET_H

#include "nft/eval.h"
#include "tracer/base/map.h"

#define FAMILIES	13		/* NFPROTO_NUMPROTO: tables of one family are read together */

/* An element as a dump or a single lookup gives it. */
struct set_elem {
	const uint8_t *key, *key_end;	/* key_end: concatenated ranges, else NULL */
	const uint8_t *data;		/* a map's value, or NULL */
	const char *chain;		/* a verdict's chain, or NULL */
	const char *object;		/* of an object map, or NULL */
	const char *comment;
	uint16_t key_len, data_len;
	int verdict;			/* valid if has_verdict */
	uint32_t flags;			/* NFT_SET_ELEM_* */
	bool has_verdict;
	bool stateful;			/* carries a limit, quota or connection count: may refuse the packet */
	uint64_t timeout, expires;	/* milliseconds, 0: none */
};

struct set {
	const char *table, *name;
	uint8_t family;
	uint32_t flags;			/* NFT_SET_* */
	uint32_t key_type, data_type;	/* nft's own datatype numbers, six bits a field */
	uint32_t key_len, data_len, object_type;
	uint64_t timeout;
	uint8_t n_field, field[16];	/* lengths of the concatenated fields; 0: not told */
	/* set.c */
	struct map hit;			/* key to struct set_hit */
	bool dumped;
	int dump_rc;
	const struct set_elem *elem;
	size_t n_elem;
	bool catchall_asked;
	const struct set_elem *catchall;
};

struct object {
	const char *name;
	uint32_t type;			/* NFT_OBJECT_* */
	const struct nlattr *data;	/* NFTA_OBJ_DATA, in arena */
};

/* A chain of nf_tables: chain first, so that say.c finds the rest from it. */
struct native_chain {
	struct chain chain;
	struct ruleset *ruleset;
	bool iptables;			/* written by iptables-nft: printed in its words */
	int rc;				/* -errno where it could not be read */
};

/* Chains of one family, from one dump. */
struct family {
	bool base_read, names_read;
	int rc;
	struct nft_base *base;		/* priority order not yet applied */
	uint64_t *base_handle;
	size_t n_base, cap_base, cap_handle;
	const char **name, **table;	/* every chain, if names_read */
	size_t n_name, cap_name, cap_table;
};

struct ruleset {
	struct nft *nft;
	struct arena *arena;
	uint32_t netns;
	enum answer present;		/* nf_tables is in this kernel */
	uint32_t generation;		/* when the first question was put */
	bool tables_read;
	int tables_rc;
	struct nft_table *table;	/* nf_tables and legacy */
	size_t n_table, cap_table;
	struct family family[FAMILIES];
	struct map chain;		/* struct native_chain */
	struct map set;			/* struct set */
	struct map object;		/* struct object */
	struct map hook;		/* struct nft_hook */
	struct map view;		/* rules and elements as the door shows them */
	struct map exists;		/* chain names asked one by one: an int */
	bool order_asked;
	int order_rc;
	const struct nft_order *order;
	size_t n_order;
	char *pool;			/* where short strings are packed */
	size_t pool_left;
};

struct ruleset *ruleset_get(struct nft *nft, uint32_t netns);
/* A key of one of the maps: family, then names with their NULs. Returns its length. */
#define RULESET_KEY	600
size_t ruleset_key(char key[RULESET_KEY], uint8_t family, const char *a, const char *b);
const char *ruleset_str(struct ruleset *r, const char *s);

/* -- read.c -- */
int read_tables(struct ruleset *r, struct err *err);
/* Base chains of a family, and every chain's name if names. 0, or -errno kept in family.rc. */
int read_family(struct ruleset *r, uint8_t family, bool names, struct err *err);
const struct native_chain *read_chain(struct ruleset *r, uint8_t family, const char *table, const char *name);
/* Asks for one chain by name. YES, NO, UNKNOWN. */
enum answer read_chain_exists(struct ruleset *r, uint8_t family, const char *table, const char *name);
/* NULL: there is no such object, or it could not be read (*rc). */
const struct object *read_object(struct ruleset *r, uint8_t family, const char *table, const char *name,
				 uint32_t type, int *rc);
bool table_is_iptables(struct ruleset *r, uint8_t family, const char *table);
int read_family_all(struct ruleset *r, uint8_t family, struct err *err);

/* -- set.c -- */
/* The set's header; NULL if there is none or it could not be read (*rc). */
struct set *set_get(struct ruleset *r, uint8_t family, const char *table, const char *name, int *rc);
/* Is key in the set? known has a 1 for each bit that is determined. YES: *out is the element. */
enum answer set_lookup(struct eval *e, struct set *s, const uint8_t *key, const uint8_t *known,
		       const struct set_elem **out);
/* All elements; 0 or -errno. */
int set_dump(struct ruleset *r, struct set *s);
/* Element of a dump that covers key, or NULL: the catch-all element not considered. */
const struct set_elem *set_find(const struct set *s, const uint8_t *key);
/* Could el match a key of which only some bits are known? */
bool set_elem_possible(const struct set *s, const struct set_elem *el, const uint8_t *key, const uint8_t *known);
/* Where an interval of a dumped set ends (the first value behind it); NULL: at the end of all values. */
const uint8_t *set_interval_end(const struct set *s, const struct set_elem *el);
int set_read_all(struct ruleset *r, uint8_t family, struct err *err);
/* One element, from NFTA_LIST_ELEM of an element message. */
void set_elem_decode(struct arena *a, const struct nlattr *nest, struct set_elem *el);

/* -- hook_list.c -- */
/* nfnetlink_hook's list of one hook. dev: of a netdev hook, else NULL. 0 or -errno. */
int hook_list_ask(struct ruleset *r, uint8_t pf, uint8_t hook, const char *dev, struct nft_hook_list *out);
/* Asks once for r->order; r->order_rc tells. */
void hook_order_ask(struct ruleset *r);

/* -- hooks.c -- */
int hooks_read_all(struct ruleset *r, struct err *err);

#endif
