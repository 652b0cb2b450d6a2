/* SPDX-License-Identifier: GPL-2.0-only */
/* A growing hash from bytes to a pointer, in an arena: what was read, by its name or key. */
#ifndef KTRACE_BASE_MAP_H
#define KTRACE_BASE_MAP_H

#include "arena.h"

struct map_entry;
struct map {
	struct arena *arena;
	struct map_entry **bucket;
	size_t n, n_bucket;
};

/* The value slot of key (copied), NULL inside when new. */
void **map_slot(struct map *m, const void *key, size_t len);
/* The value of key, or NULL. */
void *map_find(const struct map *m, const void *key, size_t len);

#endif
