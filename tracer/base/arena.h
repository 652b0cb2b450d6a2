/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An arena: memory that lives as long as one run. Allocation zeroes and never fails
 * (the process ends with a sentence if the machine has none left); nothing is freed but the
 * arena as a whole.
 */
#ifndef KTRACE_BASE_ARENA_H
#define KTRACE_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "util.h"

struct arena;

struct arena *arena_new(void);
/* Frees all that was ever allocated from it. NULL is fine. */
void arena_free(struct arena *a);

/* size bytes, zeroed, aligned for any type. size 0 gives a valid unique pointer. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_dup(struct arena *a, const void *p, size_t size);
/* A copy of s, NUL-terminated. arena_strndup stops at n bytes or the first NUL. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap);

/* Bytes handed out so far, for measurements. */
size_t arena_used(const struct arena *a);

/*
 * Growing array: VEC_PUSH(arena, v, n, cap) returns a pointer to a new zeroed last element of
 * the array v of n elements with room for cap; v, n and cap are lvalues and are updated.
 */
#define VEC_PUSH(a, v, n, cap) \
	((v) = arena_grow((a), (v), (n), &(cap), sizeof(*(v))), &(v)[(n)++])
void *arena_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t size);

/* A growing string in an arena. text is NUL-terminated after every call; zero-initialise all but arena. */
struct text {
	struct arena *arena;
	char *text;
	size_t len, cap;
};
void text_add(struct text *t, const char *fmt, ...) PRINTF(2, 3);
/* The string so far, "" if nothing was added. */
const char *text_get(const struct text *t);

#endif
