/* SPDX-License-Identifier: GPL-2.0-only */
/* What io.c, nl.c and snapshot.c share. */
#ifndef KTRACE_BASE_IO_PRIV_H
#define KTRACE_BASE_IO_PRIV_H

#include <sys/types.h>

#include "tracer/base/nl.h"

#define MAX_BUS	32			/* NETLINK_* numbers are below MAX_LINKS, 32 */

struct netns {
	const char *name;
	int fd;
	dev_t dev;
	ino_t inode;
	struct mnl_socket *bus[MAX_BUS];
};

/* One question and its answer. */
struct record {
	uint32_t kind, netns;
	int32_t rc;
	uint32_t key_len;
	uint64_t len;
	const uint8_t *key, *data;
};

struct io_out {
	uint8_t *data;			/* malloc'ed */
	size_t len, cap;
};

struct io {
	enum io_mode mode;
	struct arena *arena;
	int home;			/* the namespace that the process is in; also netns[0].fd */
	struct netns *netns;
	size_t n_netns, cap_netns;
	struct record **slot;		/* open addressing, a power of two */
	size_t n_slot, n_record;
	struct io_out spare;		/* the buffer of the last answer, for the next */
};

/* Room for n more bytes at the end; the caller adds what it filled to out->len. */
void *io_reserve(struct io_out *out, size_t n);
struct arena *io_arena(struct io *io);
/* The spare buffer, emptied and owned by the caller until it is given back. */
struct io_out io_take_spare(struct io *io);
void io_give_spare(struct io *io, struct io_out out);

/* Adds or replaces. */
void record_add(struct io *io, const struct record *r);

int snapshot_write(struct io *io, const char *path, struct err *err);
int snapshot_read(struct io *io, const char *path, struct err *err);

#endif
