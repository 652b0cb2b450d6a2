/* SPDX-License-Identifier: GPL-2.0-only */
/* The few helpers that every room needs. */
#ifndef KTRACE_BASE_UTIL_H
#define KTRACE_BASE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PRINTF(f, a)	__attribute__((format(printf, f, a)))
#define UNUSED		__attribute__((unused))

/* Three-valued: never bool where the kernel knows and we may not. */
enum answer { NO, YES, UNKNOWN };

static inline enum answer answer_not(enum answer a)
{
	return a == UNKNOWN ? UNKNOWN : a == YES ? NO : YES;
}

/* Kleene conjunction: one NO decides, else one UNKNOWN does. */
static inline enum answer answer_and(enum answer a, enum answer b)
{
	return a == NO || b == NO ? NO : a == UNKNOWN || b == UNKNOWN ? UNKNOWN : YES;
}

static inline enum answer answer_or(enum answer a, enum answer b)
{
	return a == YES || b == YES ? YES : a == UNKNOWN || b == UNKNOWN ? UNKNOWN : NO;
}

static inline enum answer answer_of(bool b)
{
	return b ? YES : NO;
}

#endif
