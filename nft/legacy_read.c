/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The blob of a table of iptables-legacy: asking for it, stepping from entry to entry, and whether it is still the same. There is no
 * generation to compare.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nft/legacy.h"

#include <linux/netfilter_ipv6/ip6_tables.h>

#define TRIES		10
#define MAX_TABLE	(512u << 20)	/* XT_MAX_TABLE_SIZE of net/netfilter/x_tables.c */

bool legacy_entry_at(const struct ltable *t, uint32_t offset, struct legacy_entry *en)
{
	const struct ipt_entry *e4 = (const void *)(t->blob + offset);
	const struct ip6t_entry *e6 = (const void *)(t->blob + offset);
	const struct xt_entry_target *target;

	en->family = t->family;
	en->bytes = t->blob + offset;
	en->match = t->family == NFPROTO_IPV4 ? sizeof(*e4) : sizeof(*e6);
	if (offset % 8 || offset > t->size || t->size - offset < en->match)
		return false;
	en->target = t->family == NFPROTO_IPV4 ? e4->target_offset : e6->target_offset;
	en->next = t->family == NFPROTO_IPV4 ? e4->next_offset : e6->next_offset;
	if (en->target < en->match || en->target % 8 || en->next % 8 || en->next > t->size - offset ||
	    en->next < en->target + sizeof(*target))
		return false;
	target = legacy_target(en);
	return target->u.user.target_size >= sizeof(*target) && target->u.user.target_size <= en->next - en->target;
}

/* Both families' structs of these calls are the same, and so are the option numbers. */
static int domain_of(const struct ltable *t)
{
	return t->family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
}

static int level_of(const struct ltable *t)
{
	return t->family == NFPROTO_IPV4 ? IPPROTO_IP : IPPROTO_IPV6;
}

int legacy_info(struct nft *nft, const struct ltable *t, struct ipt_getinfo *info)
{
	size_t len = sizeof(*info);
	int rc;

	memset(info, 0, sizeof(*info));
	strncpy(info->name, t->name, sizeof(info->name) - 1);
	rc = io_sockopt(nft_io(nft), t->netns, domain_of(t), level_of(t), IPT_SO_GET_INFO, info, &len);
	return !rc && (len < sizeof(*info) || info->size > MAX_TABLE) ? -EBADMSG : rc;
}

static void entries_of(const struct ltable *t, uint32_t size, struct ipt_get_entries *get)
{
	memset(get, 0, sizeof(*get));
	strncpy(get->name, t->name, sizeof(get->name) - 1);
	get->size = size;
}

/* In a snapshot, is the table as long as it says? Else there would be room for 512 MiB of nothing. */
static int check_size(struct nft *nft, const struct ltable *t, uint32_t size)
{
	size_t want = sizeof(struct ipt_get_entries) + size, len = want;
	struct ipt_get_entries get;
	int rc;

	entries_of(t, size, &get);
	rc = io_sockopt_len(nft_io(nft), t->netns, domain_of(t), level_of(t), IPT_SO_GET_ENTRIES, &get, &len);
	return !rc && len != want ? -EBADMSG : rc;
}

static int ask_entries(struct nft *nft, const struct ltable *t, uint32_t size, struct ipt_get_entries *get)
{
	size_t len = sizeof(*get) + size;
	int rc;

	entries_of(t, size, get);
	rc = io_sockopt(nft_io(nft), t->netns, domain_of(t), level_of(t), IPT_SO_GET_ENTRIES, get, &len);
	return !rc && len != sizeof(*get) + size ? -EBADMSG : rc;
}

int legacy_read(struct nft *nft, struct ltable *t, struct ipt_getinfo *info)
{
	struct ipt_get_entries *get = NULL;
	size_t room = 0;
	int rc = -EAGAIN;

	/* do_ipt_get_ctl(): -EAGAIN if the table was replaced between the two calls */
	for (int i = 0; i < TRIES && rc == -EAGAIN; i++) {
		rc = legacy_info(nft, t, info) ?: check_size(nft, t, info->size);
		if (rc)
			break;
		if (room < sizeof(*get) + info->size) {
			room = sizeof(*get) + info->size;
			get = arena_alloc(nft_arena(nft), room);
		}
		rc = ask_entries(nft, t, info->size, get);
	}
	if (rc)
		return rc;
	t->blob = (const uint8_t *)get->entrytable;
	t->size = info->size;
	t->valid_hooks = info->valid_hooks;
	return 0;
}

/* -- do they still stand as they were read? -- */

/* Are all entries the same but for their counters, which struct ipt_entry and ip6t_entry have last? */
static bool same_entries(const struct ltable *t, const uint8_t *fresh)
{
	struct legacy_entry en;

	for (uint32_t offset = 0; offset < t->size; offset += en.next) {
		size_t counted = sizeof(struct xt_counters);

		if (!legacy_entry_at(t, offset, &en) ||
		    memcmp(en.bytes, fresh + offset, en.match - counted) ||
		    memcmp(en.bytes + en.match, fresh + offset + en.match, en.next - en.match))
			return false;
	}
	return true;
}

int legacy_table_settled(struct nft *nft, const struct ltable *t)
{
	struct ipt_get_entries *get;
	struct ipt_getinfo info;
	int rc = legacy_info(nft, t, &info);

	if (rc || info.size != t->size)
		return rc ?: -EAGAIN;
	/* zeroed as the arena is: xt_obj_to_user() leaves the rest of a name as it was */
	get = calloc(1, sizeof(*get) + t->size);
	if (!get)
		return -ENOMEM;
	rc = ask_entries(nft, t, t->size, get);
	if (!rc && !same_entries(t, (const uint8_t *)get->entrytable))
		rc = -EAGAIN;
	free(get);
	return rc;
}
