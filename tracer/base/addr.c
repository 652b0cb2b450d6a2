/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses: parsing, words, comparison. */
#include <arpa/inet.h>
#include <string.h>

#include "tracer/base/addr.h"

struct addr addr_from(const void *bytes, size_t len)
{
	struct addr a = {};

	if (len != 4 && len != 16)
		return a;
	a.family = len == 4 ? AF_INET : AF_INET6;
	memcpy(a.b, bytes, len);
	return a;
}

struct addr addr_v4(uint32_t host_order)
{
	uint32_t be = htonl(host_order);

	return addr_from(&be, sizeof(be));
}

bool addr_parse(const char *s, struct addr *out)
{
	struct addr a = {};

	if (inet_pton(AF_INET, s, a.b) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, s, a.b) == 1)
		a.family = AF_INET6;
	else
		return false;
	*out = a;
	return true;
}

const char *addr_say(const struct addr *a, char buf[ADDR_TEXT])
{
	if (!addr_len(a) || !inet_ntop(a->family, a->b, buf, ADDR_TEXT))
		strcpy(buf, "-");
	return buf;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_cmp(a, b) == 0;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, addr_len(a));
}

bool addr_in(const struct addr *a, const struct addr *net, unsigned plen)
{
	unsigned bytes = plen / 8, bits = plen % 8;

	if (a->family != net->family || plen > addr_len(a) * 8)
		return false;
	if (memcmp(a->b, net->b, bytes))
		return false;
	return !bits || !((a->b[bytes] ^ net->b[bytes]) >> (8 - bits));
}

bool addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->b, zero, addr_len(a)) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
	if (a->family == AF_INET)
		return a->b[0] == 127;
	return a->family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->v6);
}

bool addr_is_multicast(const struct addr *a)
{
	if (a->family == AF_INET)
		return (a->b[0] & 0xf0) == 0xe0;
	return a->family == AF_INET6 && a->b[0] == 0xff;
}

bool addr_is_linklocal(const struct addr *a)
{
	if (a->family == AF_INET)
		return a->b[0] == 169 && a->b[1] == 254;
	return a->family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a->v6);
}
