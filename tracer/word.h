/* SPDX-License-Identifier: GPL-2.0-only */
/* Words that people typed or that the kernel holds, made fit to be shown, and how near two of them are. */
#ifndef KTRACE_WORD_H
#define KTRACE_WORD_H

#include "tracer/base/arena.h"

#define WORD_SHORT 72

/*
 * s without control characters and cut with "..." to fit, for an error sentence: what a user or a rule's comment holds must not
 * steer the terminal. Returns buf.
 */
const char *word_short(const char *s, char buf[WORD_SHORT]);
/* s as valid UTF-8 without control characters (each offender becomes U+FFFD); s itself if it is fine. NULL stays NULL. */
const char *word_clean(struct arena *a, const char *s);
/* Columns that a UTF-8 text takes, one a code point. */
unsigned word_width(const char *s);
/* Edits (insert, delete, change, swap neighbours) from a to b, both cut at 64 bytes. */
unsigned word_distance(const char *a, const char *b);
/* "ip", "ip6", "inet", "bridge", "netdev", "arp" of NFPROTO_*; NULL if it is none. */
const char *word_family(uint8_t nfproto);

#endif
