/* SPDX-License-Identifier: GPL-2.0-only */
/* Blocks in a list, newest first; an allocation is a step of a pointer. */
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/base/arena.h"

#define BLOCK	(64 * 1024)
#define ALIGN	alignof(max_align_t)

struct block {
	struct block *next;
	size_t size, used;
	alignas(max_align_t) char data[];
};

struct arena {
	struct block *block;
	size_t used;
};

/* The one place where the process may end for lack of memory. */
static void *must(void *p)
{
	if (!p) {
		fputs("ktrace: out of memory\n", stderr);
		abort();
	}
	return p;
}

struct arena *arena_new(void)
{
	return must(calloc(1, sizeof(struct arena)));
}

void arena_free(struct arena *a)
{
	struct block *b, *next;

	if (!a)
		return;
	for (b = a->block; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct block *b = a->block;
	size_t need = (size + !size + ALIGN - 1) & ~(ALIGN - 1);
	void *p;

	if (need < size)
		must(NULL);
	if (!b || b->size - b->used < need) {
		/* A big piece gets its own block behind the current one, which keeps its room. */
		size_t room = need > BLOCK / 4 ? need : BLOCK;
		struct block *fresh = must(calloc(1, sizeof(*fresh) + room));

		fresh->size = room;
		if (b && room == need) {
			fresh->next = b->next;
			b->next = fresh;
		} else {
			fresh->next = b;
			a->block = fresh;
		}
		b = fresh;
	}
	p = b->data + b->used;
	b->used += need;
	a->used += need;
	return p;
}

void *arena_dup(struct arena *a, const void *p, size_t size)
{
	void *copy = arena_alloc(a, size);

	if (size)
		memcpy(copy, p, size);
	return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = arena_alloc(a, len + 1);

	memcpy(copy, s, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *s;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return arena_strdup(a, "");
	s = arena_alloc(a, n + 1);
	vsnprintf(s, n + 1, fmt, ap);
	return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}

void *arena_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t size)
{
	size_t more;
	void *grown;

	if (n < *cap)
		return v;
	more = *cap ? *cap * 2 : 8;
	grown = arena_alloc(a, more * size);
	if (n)
		memcpy(grown, v, n * size);
	*cap = more;
	return grown;
}

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	for (;;) {
		size_t room = t->cap - t->len;
		char *grown;

		va_start(ap, fmt);
		n = vsnprintf(t->text ? t->text + t->len : NULL, room, fmt, ap);
		va_end(ap);
		if (n < 0)
			return;
		if ((size_t)n < room)
			break;
		t->cap = (t->cap + n + 1) * 2;
		grown = arena_alloc(t->arena, t->cap);
		if (t->len)
			memcpy(grown, t->text, t->len);
		t->text = grown;
	}
	t->len += n;
}

const char *text_get(const struct text *t)
{
	return t->text ? t->text : "";
}
