/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Questions to nf_tables about one named thing, built by libnftnl. The answers are decoded by this room itself: libnftnl's
 * parsers end the process on an attribute of an unexpected size, and drop those newer than they are.
 */
#ifndef KTRACE_NFT_REQUEST_H
#define KTRACE_NFT_REQUEST_H

#include <stdint.h>

struct nlmsghdr;

#define REQUEST_SIZE	1024		/* room for a request: two names of at most 255 bytes */

/* Each builds into buf of REQUEST_SIZE bytes, for nl_ask(), and returns buf. */
struct nlmsghdr *request_rules(char *buf, uint8_t family, const char *table, const char *chain);	/* a dump */
struct nlmsghdr *request_chain(char *buf, uint8_t family, const char *table, const char *chain);	/* one, no rules */
struct nlmsghdr *request_set(char *buf, uint8_t family, const char *table, const char *set);		/* one, no elements */

#endif
