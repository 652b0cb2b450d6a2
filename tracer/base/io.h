/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The door to the kernel. Every byte that ktrace reads of a node comes through io_read(): live,
 * live and recorded, or replayed from a snapshot file. So a snapshot is exactly what was read,
 * and replay needs no root. Nothing here writes to the node.
 */
#ifndef KTRACE_BASE_IO_H
#define KTRACE_BASE_IO_H

#include <linux/netlink.h>
#include <stdio.h>

#include "arena.h"
#include "err.h"

struct io;

enum io_mode { IO_LIVE, IO_RECORD, IO_REPLAY };

/* netns 0 is the namespace that the process is in. IO_LIVE or IO_RECORD. */
int io_open_live(struct arena *a, enum io_mode mode, struct io **out, struct err *err);
/* Reads a whole snapshot; refuses a torn, foreign or hostile file with one sentence and -EINVAL. */
int io_open_replay(struct arena *a, const char *path, struct io **out, struct err *err);
/* Writes all that was recorded to path (through a temporary file, renamed when whole). */
int io_save(struct io *io, const char *path, struct err *err);
/* Closes sockets and namespaces. NULL is fine. */
void io_close(struct io *io);
enum io_mode io_mode(const struct io *io);

/*
 * Namespaces. A netns is a small number; the same namespace (by inode) always gets the same one.
 * name is what people call it ("kt-pod1", "pid 4312"), kept in the snapshot.
 */
int io_netns_open(struct io *io, const char *path, const char *name, uint32_t *out, struct err *err);
const char *io_netns_name(const struct io *io, uint32_t netns);
/* An O_RDONLY descriptor of a live namespace, owned by io, or -1 in replay. */
int io_netns_fd(const struct io *io, uint32_t netns);
size_t io_netns_count(const struct io *io);

/*
 * The one primitive. key says what is asked (kind is one of IO_*, bytes tell one question from another);
 * produce() asks the live kernel, appends the answer with io_put() and returns 0 or -errno, which
 * is recorded too. Replay gives the recorded answer or -ENODATA. *data is arena memory or NULL for
 * empty; without `keep` it is valid only until the next io_read().
 */
enum io_kind { IO_NETLINK = 1, IO_SOCKOPT, IO_FILE, IO_HOOKS, IO_NETNS, IO_META, IO_BPF };
struct io_out;
void io_put(struct io_out *out, const void *p, size_t n);
typedef int (*io_produce)(void *ctx, uint32_t netns, struct io_out *out);
int io_read(struct io *io, enum io_kind kind, uint32_t netns, const void *key, size_t key_len,
	    io_produce produce, void *ctx, bool keep, const uint8_t **data, size_t *len);

/* Runs fn with the calling thread inside netns, and comes back. fn's result, or -errno of setns. */
int io_in_netns(struct io *io, uint32_t netns, int (*fn)(void *ctx), void *ctx);

/* A whole text file as seen from netns (/proc/net, /proc/sys/net are per namespace), NUL-terminated, in arena. */
int io_file(struct io *io, uint32_t netns, const char *path, const char **text, size_t *len);
/* Does the file hold these bytes? Costs no memory, however often it is asked. *readable: it could be read at all. */
bool io_file_has(struct io *io, uint32_t netns, const char *path, const char *word, bool *readable);
/* The integer in a /proc/sys file. "net/ipv4/ip_forward" (slashes, since interface names hold dots). */
int io_sysctl(struct io *io, uint32_t netns, const char *path, long *value);
/* getsockopt(level, opt) on a SOCK_RAW socket of domain; buf holds the argument and gets the answer of *len bytes. */
int io_sockopt(struct io *io, uint32_t netns, int domain, int level, int opt, void *buf, size_t *len);
/*
 * How long the answer will be that a snapshot holds to an argument of at least 40 bytes, before room is made for what it claims
 * to be; -ENODATA without one. Live and while recording *len stays as it is.
 */
int io_sockopt_len(struct io *io, uint32_t netns, int domain, int level, int opt, const void *arg, size_t *len);

#endif
