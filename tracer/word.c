/* SPDX-License-Identifier: GPL-2.0-only */
/* Words made fit to be shown, and how near two of them are. */
#include <netinet/in.h>
#include <string.h>

#include "tracer/word.h"

#include <linux/netfilter.h>

#define DISTANCE_MAX 64

const char *word_short(const char *s, char buf[WORD_SHORT])
{
	size_t n = 0;

	for (; s[n] && n < WORD_SHORT - 1; n++)
		buf[n] = s[n] < ' ' || s[n] > '~' ? '?' : s[n];
	buf[n] = 0;
	if (s[n])
		memcpy(buf + WORD_SHORT - 4, "...", 4);
	return buf;
}

/* Length of the well-formed UTF-8 sequence at s (RFC 3629: no overlong forms, no surrogates), 0 if there is none. */
static unsigned utf8_len(const unsigned char *s)
{
	static const struct { unsigned char first, last, low, high, len; } rows[] = {
		{ 0x00, 0x7f, 0, 0, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (s[0] < rows[i].first || s[0] > rows[i].last)
			continue;
		if (rows[i].len > 1 && (s[1] < rows[i].low || s[1] > rows[i].high))
			return 0;
		for (unsigned k = 2; k < rows[i].len; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return rows[i].len;
	}
	return 0;
}

/* C0 but newline and tab, DEL, and C1, which terminals obey as well. */
static bool is_control(const unsigned char *s)
{
	return (s[0] < ' ' && s[0] != '\n' && s[0] != '\t') || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

static bool is_clean(const unsigned char *s)
{
	for (unsigned len; *s; s += len) {
		len = utf8_len(s);
		if (!len || is_control(s))
			return false;
	}
	return true;
}

const char *word_clean(struct arena *a, const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	struct text t = { .arena = a };

	if (!s || is_clean(u))
		return s;
	while (*u) {
		unsigned len = utf8_len(u);

		if (!len || is_control(u))
			text_add(&t, "\xef\xbf\xbd");
		else
			text_add(&t, "%.*s", (int)len, (const char *)u);
		u += len ? len : 1;
	}
	return text_get(&t);
}

unsigned word_width(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static unsigned min2(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: Levenshtein plus swapped neighbours, over three rows. */
unsigned word_distance(const char *a, const char *b)
{
	unsigned rows[3][DISTANCE_MAX + 1];
	size_t na = strnlen(a, DISTANCE_MAX), nb = strnlen(b, DISTANCE_MAX);

	for (size_t j = 0; j <= nb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			now[j] = min2(min2(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = min2(now[j], before[j - 2] + 1);
		}
	}
	return rows[na % 3][nb];
}

const char *word_family(uint8_t nfproto)
{
	static const char *const names[NFPROTO_NUMPROTO] = {
		[NFPROTO_INET] = "inet", [NFPROTO_IPV4] = "ip", [NFPROTO_ARP] = "arp", [NFPROTO_NETDEV] = "netdev",
		[NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6",
	};

	return nfproto < NFPROTO_NUMPROTO ? names[nfproto] : NULL;
}
