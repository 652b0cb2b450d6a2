/* SPDX-License-Identifier: GPL-2.0-only */
/* A list, newest first, which the walk begins anew for each way. */
#include <string.h>

#include "nft/writes.h"

void write_note(struct eval *e, const struct nft_write *w)
{
	struct nft_write *copy = arena_dup(e->arena, w, sizeof(*w));

	copy->next = *e->writes;
	copy->netns = e->netns;
	copy->key = w->len ? arena_dup(e->arena, w->key, w->len) : NULL;
	*e->writes = copy;
}

const struct nft_write *write_next(const struct eval *e, const struct nft_write *w, enum write_kind kind, const char *where)
{
	while (w && (w->kind != kind || w->netns != e->netns || strcmp(w->where, where)))
		w = w->next;
	return w;
}

enum answer write_last(const struct eval *e, enum write_kind kind, const char *where, const void *key, size_t len, bool *any)
{
	const struct nft_write *w = write_next(e, *e->writes, kind, where);

	*any = false;
	for (; w; w = write_next(e, w->next, kind, where)) {
		if (w->len && (w->len != len || memcmp(w->key, key, len)))
			continue;
		*any = true;
		return w->len ? answer_of(!w->removed) : UNKNOWN;
	}
	return NO;
}
