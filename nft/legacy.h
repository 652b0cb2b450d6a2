/* SPDX-License-Identifier: GPL-2.0-only */
/* Between legacy.c, that reads tables of iptables-legacy, and legacy_rule.c, that makes their entries steps. */
#ifndef KTRACE_NFT_LEGACY_H
#define KTRACE_NFT_LEGACY_H

#include "nft/xt_rows.h"

#include <linux/netfilter/x_tables.h>

/* One entry, every offset checked against the table. */
struct legacy_entry {
	uint8_t family;
	const uint8_t *bytes;		/* struct ipt_entry or ip6t_entry */
	uint32_t match, target, next;	/* offsets in bytes: first match, target, end */
};

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
