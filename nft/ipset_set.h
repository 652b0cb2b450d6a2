/* SPDX-License-Identifier: GPL-2.0-only */
/* Between ipset.c, that asks the kernel, and ipset_dump.c, that evaluates a recorded dump. */
#ifndef KTRACE_NFT_IPSET_SET_H
#define KTRACE_NFT_IPSET_SET_H

#include "nft/ipset.h"
#include "tracer/base/nl.h"

/* What one dimension of a set's elements holds. */
enum ipset_part { PART_NONE, PART_IP, PART_NET, PART_PORT, PART_PORT_ONLY, PART_MAC, PART_IFACE, PART_MARK };

struct ipset_type {
	const char *name;
	uint8_t dim;
	enum ipset_part part[3];
};
#define IPSET_IS_LIST(type)	((type)->part[0] == PART_NONE)

/* The element that a packet would be, as the type's kadt function builds it. */
struct ipset_want {
	struct addr ip[2];		/* first and second address; family 0: none */
	uint16_t port;
	uint8_t proto;
	uint8_t mac[6];
	char iface[16];
	uint32_t mark;
};

/* Starts a request of subsystem ipset for the set (NULL: none named). */
struct nlmsghdr *ipset_request(void *buf, uint8_t cmd, uint16_t flags, uint8_t protocol, const char *set);
/* Is the element in the set, by its dump? -errno if there is no dump. */
int ipset_dump_test(struct io *io, struct arena *a, uint32_t netns, uint8_t protocol, const char *set,
		    const struct ipset_type *type, const struct ipset_want *want, enum answer *in);
/* The members of a list:set in order, NULL-terminated. */
int ipset_dump_members(struct io *io, struct arena *a, uint32_t netns, uint8_t protocol, const char *set,
		       const char *const **out);

#endif
