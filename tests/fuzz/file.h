/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot taken apart into its records, and put together again. */
#ifndef KTRACE_FUZZ_FILE_H
#define KTRACE_FUZZ_FILE_H

#include "tracer/base/nl.h"

#define RECORDS	4096

/* As tracer/base/snapshot.c writes them. */
struct head { char magic[8]; uint32_t version, order, word, n_netns; };
struct wire { uint32_t kind, netns; int32_t rc; uint32_t key_len; uint64_t len; };
struct tail { uint64_t n_record, checksum; };

struct rec {
	struct wire w;
	const uint8_t *key, *data;
};

struct file {
	const uint8_t *names;		/* header and names, as they stand */
	size_t names_len;
	struct rec v[RECORDS];
	size_t n;
};

/* What a netlink record's key begins with. */
struct question { uint32_t bus; struct nlmsghdr h; };

/* False: not a whole snapshot. out points into p. */
bool take_apart(const uint8_t *p, size_t len, struct file *out);
/* The bytes with a checksum that fits; 0: there is no room for it. */
size_t put_together(const struct file *f, uint8_t *out, size_t max);
uint64_t checksum(const uint8_t *p, size_t n);
/* Bytes between the headers of the record's messages and their attributes. */
size_t body_header(const struct rec *r);

#endif
