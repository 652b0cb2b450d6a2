/* SPDX-License-Identifier: GPL-2.0-only */
/* FNV-1a over short keys, chained, doubled at load 1. */
#include <string.h>

#include "tracer/base/map.h"

struct map_entry {
	struct map_entry *next;
	uint32_t hash, len;
	void *value;
	uint8_t key[];
};

static uint32_t hash_of(const uint8_t *p, size_t len)
{
	uint32_t h = 2166136261u;

	while (len--)
		h = (h ^ *p++) * 16777619u;
	return h;
}

static struct map_entry *lookup(const struct map *m, uint32_t hash, const void *key, size_t len)
{
	struct map_entry *e = m->n_bucket ? m->bucket[hash & (m->n_bucket - 1)] : NULL;

	while (e && (e->hash != hash || e->len != len || memcmp(e->key, key, len)))
		e = e->next;
	return e;
}

static void grow(struct map *m)
{
	size_t n = m->n_bucket ? m->n_bucket * 2 : 16;
	struct map_entry **bucket = arena_alloc(m->arena, n * sizeof(struct map_entry *));

	for (size_t i = 0; i < m->n_bucket; i++) {
		for (struct map_entry *e = m->bucket[i], *next; e; e = next) {
			next = e->next;
			e->next = bucket[e->hash & (n - 1)];
			bucket[e->hash & (n - 1)] = e;
		}
	}
	m->bucket = bucket;
	m->n_bucket = n;
}

void **map_slot(struct map *m, const void *key, size_t len)
{
	uint32_t hash = hash_of(key, len);
	struct map_entry *e = lookup(m, hash, key, len);

	if (e)
		return &e->value;
	if (m->n >= m->n_bucket)
		grow(m);
	e = arena_alloc(m->arena, sizeof(*e) + len);
	e->hash = hash;
	e->len = len;
	memcpy(e->key, key, len);
	e->next = m->bucket[hash & (m->n_bucket - 1)];
	m->bucket[hash & (m->n_bucket - 1)] = e;
	m->n++;
	return &e->value;
}

void *map_find(const struct map *m, const void *key, size_t len)
{
	struct map_entry *e = lookup(m, hash_of(key, len), key, len);

	return e ? e->value : NULL;
}
