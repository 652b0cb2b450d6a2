/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between legacy.c, that finds chains in tables of iptables-legacy, legacy_read.c, that reads the tables, and legacy_rule.c, that
 * makes their entries steps.
 */
#ifndef KTRACE_NFT_LEGACY_H
#define KTRACE_NFT_LEGACY_H

#include "nft/xt_rows.h"

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#define LEGACY_HOOKS	5

struct lchain {
	uint32_t start, end;		/* offsets of the first rule and of the entry that ends the chain */
	const char *name;
	const struct chain *chain;	/* decoded when first asked for */
};

struct ltable {
	struct ltable *next;
	uint32_t netns;
	uint8_t family;
	const char *name;
	bool read;
	int rc;
	const uint8_t *blob;
	uint32_t size, valid_hooks;
	struct lchain *chain;		/* in the order of their offsets */
	size_t n_chain, cap_chain;
	uint32_t *slot;			/* hash of names: index into chain + 1 */
	size_t n_slot;
	struct nft_base base[LEGACY_HOOKS];
	const char **names;		/* sorted, made when first asked for */
};

/* One entry, every offset checked against the table. */
struct legacy_entry {
	uint8_t family;
	const uint8_t *bytes;		/* struct ipt_entry or ip6t_entry */
	uint32_t match, target, next;	/* offsets in bytes: first match, target, end */
};

/* The entry at offset; false if it does not lie within the table. */
bool legacy_entry_at(const struct ltable *t, uint32_t offset, struct legacy_entry *en);
/* What the kernel says of the table. -EBADMSG: nonsense. */
int legacy_info(struct nft *nft, const struct ltable *t, struct ipt_getinfo *info);
/* The table as it stands: t->blob, size and valid_hooks, and info of the same moment. */
int legacy_read(struct nft *nft, struct ltable *t, struct ipt_getinfo *info);
/* 0: all rules are still the same as when they were read; -EAGAIN: they are not. Counters do not count. */
int legacy_table_settled(struct nft *nft, const struct ltable *t);

/* NULL, or the chain that a jump to this offset leads to. */
typedef const char *(*legacy_name_fn)(const void *table, uint32_t offset);

static inline const struct xt_entry_target *legacy_target(const struct legacy_entry *en)
{
	return (const void *)(en->bytes + en->target);
}

/* Decodes an entry's header, matches and target into steps of r; its own offset tells "no target" from a jump. */
int legacy_rule(struct nft *nft, uint32_t netns, const struct legacy_entry *en, uint32_t offset,
		legacy_name_fn name, const void *table, struct rule *r);
/* For a snapshot: reads what the evaluation of the entry's matches may ask. */
void legacy_record_entry(struct nft *nft, uint32_t netns, const struct legacy_entry *en);

#endif
