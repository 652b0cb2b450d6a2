/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of an iptables-save line that many matches and targets share. */
#include <arpa/inet.h>
#include <string.h>

#include "nft/xt_rows.h"

void xt_say_not(struct text *t, bool invert)
{
	if (invert)
		text_add(t, " !");
}

void xt_say_mark(struct text *t, uint32_t mark, uint32_t mask)
{
	text_add(t, " 0x%x", mark);
	if (mask != 0xffffffff)
		text_add(t, "/0x%x", mask);
}

/* xtables_save_string(): quotes unless it is one plain word. */
void xt_say_string(struct text *t, const char *s, size_t max)
{
	static const char plain[] = "_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strnlen(s, max);
	bool quote = !len;

	for (size_t i = 0; i < len; i++)
		quote |= !strchr(plain, s[i]);
	if (!quote) {
		text_add(t, " %.*s", (int)len, s);
		return;
	}
	text_add(t, " \"");
	for (size_t i = 0; i < len; i++)
		text_add(t, strchr("\"\\'", s[i]) ? "\\%c" : "%c", s[i]);
	text_add(t, "\"");
}

void xt_say_range(struct text *t, const char *option, uint32_t lo, uint32_t hi, uint32_t full, bool invert)
{
	if (!lo && hi == full && !invert)
		return;
	xt_say_not(t, invert);
	if (lo == hi)
		text_add(t, " %s %u", option, lo);
	else
		text_add(t, " %s %u:%u", option, lo, hi);
}

int xt_plen(const void *mask, unsigned len)
{
	const uint8_t *m = mask;
	unsigned n = 0;

	while (n < len * 8 && (m[n / 8] & 0x80 >> n % 8))
		n++;
	for (unsigned i = n; i < len * 8; i++)
		if (m[i / 8] & 0x80 >> i % 8)
			return -1;
	return n;
}

void xt_say_net(struct text *t, uint8_t family, const void *addr, const void *mask)
{
	unsigned len = family == NFPROTO_IPV4 ? 4 : 16;
	struct addr a = addr_from(addr, len), m = addr_from(mask, len);
	int plen = xt_plen(mask, len);
	char buf[ADDR_TEXT];

	text_add(t, "%s", addr_say(&a, buf));
	if (plen < 0)
		text_add(t, "/%s", addr_say(&m, buf));
	else if (plen < (int)len * 8)
		text_add(t, "/%d", plen);
}

/* xtables_chain_protos[] of libxtables: the first name of each number. */
const char *xt_proto_name(uint8_t proto)
{
	static const struct { uint8_t proto; const char *name; } names[] = {
		{ IPPROTO_TCP, "tcp" }, { IPPROTO_SCTP, "sctp" }, { IPPROTO_UDP, "udp" },
		{ IPPROTO_UDPLITE, "udplite" }, { IPPROTO_ICMP, "icmp" }, { IPPROTO_ICMPV6, "ipv6-icmp" },
		{ IPPROTO_ESP, "esp" }, { IPPROTO_AH, "ah" }, { IPPROTO_MH, "mobility-header" },
		{ IPPROTO_DCCP, "dccp" }, { IPPROTO_COMP, "ipcomp" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].proto == proto)
			return names[i].name;
	return NULL;
}
