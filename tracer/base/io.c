/* SPDX-License-Identifier: GPL-2.0-only */
/* Live, recording or replaying: one table of questions and answers, and the namespaces they were put in. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tracer/base/io_priv.h"

static struct netns *netns_add(struct io *io, const char *name)
{
	struct netns *n = VEC_PUSH(io->arena, io->netns, io->n_netns, io->cap_netns);

	n->name = arena_strdup(io->arena, name);
	n->fd = -1;
	return n;
}

static struct io *io_new(struct arena *a, enum io_mode mode)
{
	struct io *io = arena_alloc(a, sizeof(*io));

	io->arena = a;
	io->mode = mode;
	io->home = -1;
	return io;
}

int io_open_live(struct arena *a, enum io_mode mode, struct io **out, struct err *err)
{
	struct io *io = io_new(a, mode);
	struct netns *n = netns_add(io, "node");
	struct stat st;

	n->fd = io->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (io->home < 0 || fstat(io->home, &st) < 0) {
		int code = -errno;

		io_close(io);
		return err_set(err, code, "cannot open /proc/self/ns/net: %s; ktrace needs /proc mounted",
			       strerror(-code));
	}
	n->dev = st.st_dev;
	n->inode = st.st_ino;
	*out = io;
	return 0;
}

int io_open_replay(struct arena *a, const char *path, struct io **out, struct err *err)
{
	struct io *io = io_new(a, IO_REPLAY);
	int rc = snapshot_read(io, path, err);

	if (rc)
		return rc;
	*out = io;
	return 0;
}

int io_save(struct io *io, const char *path, struct err *err)
{
	return snapshot_write(io, path, err);
}

void io_close(struct io *io)
{
	if (!io)
		return;
	for (size_t i = 0; i < io->n_netns; i++) {
		for (size_t b = 0; b < ARRAY_SIZE(io->netns[i].bus); b++)
			if (io->netns[i].bus[b])
				mnl_socket_close(io->netns[i].bus[b]);
		if (io->netns[i].fd >= 0)
			close(io->netns[i].fd);
	}
	free(io->spare.data);
	io->spare = (struct io_out){};
	io->n_netns = 0;
}

enum io_mode io_mode(const struct io *io)
{
	return io->mode;
}

struct arena *io_arena(struct io *io)
{
	return io->arena;
}

int io_netns_open(struct io *io, const char *path, const char *name, uint32_t *out, struct err *err)
{
	struct netns *n;
	struct stat st;
	int fd, code;

	if (io->mode == IO_REPLAY) {
		for (size_t i = 0; i < io->n_netns; i++)
			if (!strcmp(io->netns[i].name, name)) {
				*out = i;
				return 0;
			}
		return err_set(err, -ENOENT, "the snapshot has no namespace %s", name);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		code = -errno;
		if (fd >= 0)
			close(fd);
		return err_set(err, code, "cannot open network namespace %s: %s", path, strerror(-code));
	}
	for (size_t i = 0; i < io->n_netns; i++)
		if (io->netns[i].dev == st.st_dev && io->netns[i].inode == st.st_ino) {
			close(fd);
			*out = i;
			return 0;
		}
	n = netns_add(io, name);
	n->fd = fd;
	n->dev = st.st_dev;
	n->inode = st.st_ino;
	*out = io->n_netns - 1;
	return 0;
}

const char *io_netns_name(const struct io *io, uint32_t netns)
{
	return netns < io->n_netns ? io->netns[netns].name : "?";
}

int io_netns_fd(const struct io *io, uint32_t netns)
{
	return netns < io->n_netns ? io->netns[netns].fd : -1;
}

size_t io_netns_count(const struct io *io)
{
	return io->n_netns;
}

int io_in_netns(struct io *io, uint32_t netns, int (*fn)(void *ctx), void *ctx)
{
	int rc;

	if (netns == 0 || io->mode == IO_REPLAY)
		return fn(ctx);
	if (netns >= io->n_netns)
		return -ENOENT;
	if (setns(io->netns[netns].fd, CLONE_NEWNET) < 0)
		return -errno;
	rc = fn(ctx);
	if (setns(io->home, CLONE_NEWNET) < 0) {
		/* Going on in a foreign namespace would make every later answer wrong. */
		fprintf(stderr, "ktrace: cannot return to its own network namespace: %s\n", strerror(errno));
		abort();
	}
	return rc;
}

/* -- answers as they grow ------------------------------------------------------------------------- */

void *io_reserve(struct io_out *out, size_t n)
{
	if (out->cap - out->len < n) {
		size_t cap = (out->len + n) * 2;
		void *grown = realloc(out->data, cap);

		if (!grown) {
			fputs("ktrace: out of memory\n", stderr);
			abort();
		}
		out->data = grown;
		out->cap = cap;
	}
	return out->data + out->len;
}

void io_put(struct io_out *out, const void *p, size_t n)
{
	if (n)
		memcpy(io_reserve(out, n), p, n);
	out->len += n;
}

struct io_out io_take_spare(struct io *io)
{
	struct io_out out = io->spare;

	io->spare = (struct io_out){};
	out.len = 0;
	return out;
}

void io_give_spare(struct io *io, struct io_out out)
{
	free(io->spare.data);
	io->spare = out;
}

/* -- the table of answers ------------------------------------------------------------------------- */

static uint64_t hash(uint32_t kind, uint32_t netns, const void *key, size_t len)
{
	const uint8_t *p = key;
	uint64_t h = 0xcbf29ce484222325ull ^ kind ^ (uint64_t)netns << 32;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h ^ h >> 29;
}

static struct record **slot(struct io *io, uint32_t kind, uint32_t netns, const void *key, size_t len)
{
	size_t i = hash(kind, netns, key, len) & (io->n_slot - 1);

	for (;; i = (i + 1) & (io->n_slot - 1)) {
		struct record *r = io->slot[i];

		if (!r || (r->kind == kind && r->netns == netns && r->key_len == len &&
			   !memcmp(r->key, key, len)))
			return &io->slot[i];
	}
}

void record_add(struct io *io, const struct record *r)
{
	struct record **s;

	if (io->n_record * 2 >= io->n_slot) {
		struct record **old = io->slot;
		size_t n = io->n_slot;

		io->n_slot = n ? n * 2 : 1024;
		io->slot = arena_alloc(io->arena, io->n_slot * sizeof(*io->slot));
		for (size_t i = 0; i < n; i++)
			if (old[i])
				*slot(io, old[i]->kind, old[i]->netns, old[i]->key, old[i]->key_len) = old[i];
	}
	s = slot(io, r->kind, r->netns, r->key, r->key_len);
	if (!*s) {
		*s = arena_dup(io->arena, r, sizeof(*r));
		io->n_record++;
	} else {
		**s = *r;
	}
}

static int replay(struct io *io, enum io_kind kind, uint32_t netns, const void *key, size_t key_len,
		  const uint8_t **data, size_t *len)
{
	struct record *r = io->n_slot ? *slot(io, kind, netns, key, key_len) : NULL;

	if (!r)
		return -ENODATA;
	*data = r->data;
	*len = r->len;
	return r->rc;
}

int io_read(struct io *io, enum io_kind kind, uint32_t netns, const void *key, size_t key_len,
	    io_produce produce, void *ctx, bool keep, const uint8_t **data, size_t *len)
{
	struct io_out out;
	int rc;

	if (io->mode == IO_REPLAY)
		return replay(io, kind, netns, key, key_len, data, len);
	out = io_take_spare(io);
	rc = produce(ctx, netns, &out);
	*len = out.len;
	if (io->mode == IO_RECORD) {
		struct record r = { .kind = kind, .netns = netns, .rc = rc, .key_len = key_len, .len = out.len };

		r.key = arena_dup(io->arena, key, key_len);
		r.data = *data = arena_dup(io->arena, out.data, out.len);
		record_add(io, &r);
	} else {
		*data = keep ? arena_dup(io->arena, out.data, out.len) : out.data;
	}
	io_give_spare(io, out);
	return rc;
}

/* -- files and socket options --------------------------------------------------------------------- */

struct file_ask {
	struct io *io;
	const char *path;
	struct io_out *out;
};

static int read_file(void *ctx)
{
	struct file_ask *f = ctx;
	int fd = open(f->path, O_RDONLY | O_CLOEXEC), code = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, io_reserve(f->out, 65536), 65536)) > 0)
		f->out->len += n;
	if (n < 0)
		code = -errno;
	close(fd);
	return code;
}

static int produce_file(void *ctx, uint32_t netns, struct io_out *out)
{
	struct file_ask *f = ctx;

	f->out = out;
	return io_in_netns(f->io, netns, read_file, f);
}

int io_file(struct io *io, uint32_t netns, const char *path, const char **text, size_t *len)
{
	struct file_ask f = { .io = io, .path = path };
	const uint8_t *data = NULL;
	size_t n = 0;
	int rc = io_read(io, IO_FILE, netns, path, strlen(path), produce_file, &f, false, &data, &n);
	char *copy;

	if (rc)
		return rc;
	copy = arena_alloc(io->arena, n + 1);
	if (n)
		memcpy(copy, data, n);
	*text = copy;
	if (len)
		*len = n;
	return 0;
}

bool io_file_has(struct io *io, uint32_t netns, const char *path, const char *word, bool *readable)
{
	struct file_ask f = { .io = io, .path = path };
	const uint8_t *data = NULL;
	size_t n = 0;

	*readable = !io_read(io, IO_FILE, netns, path, strlen(path), produce_file, &f, false, &data, &n);
	return *readable && n && memmem(data, n, word, strlen(word));
}

int io_sysctl(struct io *io, uint32_t netns, const char *path, long *value)
{
	char full[256];
	const char *text;
	char *end;
	long v;
	int rc;

	if (snprintf(full, sizeof(full), "/proc/sys/%s", path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	rc = io_file(io, netns, full, &text, NULL);
	if (rc)
		return rc;
	v = strtol(text, &end, 10);
	if (end == text)
		return -EINVAL;
	*value = v;
	return 0;
}

struct sockopt_ask {
	struct io *io;
	int domain, level, opt;
	void *buf;
	size_t len;
};

static int get_sockopt(void *ctx)
{
	struct sockopt_ask *s = ctx;
	int fd = socket(s->domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), code = 0;
	socklen_t len = s->len;

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, s->level, s->opt, s->buf, &len) < 0)
		code = -errno;
	s->len = len;
	close(fd);
	return code;
}

static int produce_sockopt(void *ctx, uint32_t netns, struct io_out *out)
{
	struct sockopt_ask *s = ctx;
	int rc = io_in_netns(s->io, netns, get_sockopt, s);

	if (!rc)
		io_put(out, s->buf, s->len);
	return rc;
}

/* The argument's head names the table; its tail is room for the answer. */
#define SOCKOPT_HEAD	40

static void sockopt_key(uint8_t key[12 + SOCKOPT_HEAD], const struct sockopt_ask *s)
{
	uint32_t head[3] = { s->domain, s->level, s->opt };

	memset(key, 0, 12 + SOCKOPT_HEAD);
	memcpy(key, head, sizeof(head));
	memcpy(key + sizeof(head), s->buf, s->len < SOCKOPT_HEAD ? s->len : SOCKOPT_HEAD);
}

int io_sockopt(struct io *io, uint32_t netns, int domain, int level, int opt, void *buf, size_t *len)
{
	struct sockopt_ask s = { .io = io, .domain = domain, .level = level, .opt = opt, .buf = buf, .len = *len };
	uint8_t key[12 + SOCKOPT_HEAD];
	const uint8_t *data = NULL;
	size_t n = 0;
	int rc;

	if (io->mode == IO_LIVE) {
		/* A table of iptables-legacy may be 100 MB: no copy of it on the way. */
		rc = io_in_netns(io, netns, get_sockopt, &s);
		if (!rc)
			*len = s.len;
		return rc;
	}
	sockopt_key(key, &s);
	rc = io_read(io, IO_SOCKOPT, netns, key, sizeof(key), produce_sockopt, &s, false, &data, &n);
	if (rc)
		return rc;
	if (n > *len)
		return -EMSGSIZE;
	if (n)
		memcpy(buf, data, n);
	*len = n;
	return 0;
}

int io_sockopt_len(struct io *io, uint32_t netns, int domain, int level, int opt, const void *arg, size_t *len)
{
	struct sockopt_ask s = { .domain = domain, .level = level, .opt = opt, .buf = (void *)arg, .len = SOCKOPT_HEAD };
	uint8_t key[12 + SOCKOPT_HEAD];
	const uint8_t *data;

	if (io->mode != IO_REPLAY)
		return 0;
	sockopt_key(key, &s);
	return io_read(io, IO_SOCKOPT, netns, key, sizeof(key), NULL, NULL, false, &data, len);
}
