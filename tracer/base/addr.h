/* SPDX-License-Identifier: GPL-2.0-only */
/* An IPv4 or IPv6 address: 20 bytes, copied by value, network byte order inside. */
#ifndef KTRACE_BASE_ADDR_H
#define KTRACE_BASE_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "util.h"

struct addr {
	uint8_t family;			/* AF_INET, AF_INET6, or 0: none */
	union {
		struct in_addr v4;
		struct in6_addr v6;
		uint8_t b[16];		/* network byte order; only addr_len() bytes count */
	};
};

#define ADDR_TEXT 64			/* room for addr_say */

/* 4, 16 or 0. */
static inline unsigned addr_len(const struct addr *a)
{
	return a->family == AF_INET ? 4 : a->family == AF_INET6 ? 16 : 0;
}

/* From raw bytes in network order, as a netlink attribute has them; len must be 4 or 16, else family 0. */
struct addr addr_from(const void *bytes, size_t len);
struct addr addr_v4(uint32_t host_order);
/* Parses "10.0.0.1" or "fd00::1" (no brackets, no zone). False if it is neither. */
bool addr_parse(const char *s, struct addr *out);
/* Writes the text ("10.0.0.1", "fd00::1", "-" for none) into buf of ADDR_TEXT and returns buf. */
const char *addr_say(const struct addr *a, char buf[ADDR_TEXT]);
bool addr_eq(const struct addr *a, const struct addr *b);
/* memcmp order, family first: for sorting. */
int addr_cmp(const struct addr *a, const struct addr *b);
/* Is a inside net/plen? False when the families differ. */
bool addr_in(const struct addr *a, const struct addr *net, unsigned plen);
bool addr_is_any(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
bool addr_is_multicast(const struct addr *a);
bool addr_is_linklocal(const struct addr *a);

#endif
