/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The snapshot file: a header, the namespaces' names, every record, and a trailer with their number and
 * a checksum, so that a torn copy is told from a whole one. Numbers are in the recording machine's byte order,
 * as are the kernel structs inside; a foreign order is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tracer/base/io_priv.h"

#define VERSION		1
#define MAX_SIZE	(1ull << 30)
#define MAX_NETNS	65536
#define MAX_ERRNO	8191		/* errno ends at 4095; ipset has codes of its own from 4096 on */

struct file_header {
	char magic[8];
	uint32_t version, order, word, n_netns;
};

struct file_record {
	uint32_t kind, netns;
	int32_t rc;
	uint32_t key_len;
	uint64_t len;
};

struct file_trailer {
	uint64_t n_record, checksum;
};

static const char magic[8] = "ktrsnap\n";
#define ORDER	0x01020304

static uint64_t checksum(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

static void put_blob(struct io_out *o, const void *p, uint32_t n)
{
	io_put(o, &n, sizeof(n));
	io_put(o, p, n);
}

static void serialize(struct io *io, struct io_out *o)
{
	struct file_header head = { .version = VERSION, .order = ORDER, .word = sizeof(long),
				    .n_netns = io->n_netns };
	struct file_trailer tail = { .n_record = io->n_record };

	memcpy(head.magic, magic, sizeof(magic));
	io_put(o, &head, sizeof(head));
	for (size_t i = 0; i < io->n_netns; i++)
		put_blob(o, io->netns[i].name, strlen(io->netns[i].name));
	for (size_t i = 0; i < io->n_slot; i++) {
		const struct record *r = io->slot[i];
		struct file_record f;

		if (!r)
			continue;
		f = (struct file_record){ r->kind, r->netns, r->rc, r->key_len, r->len };
		io_put(o, &f, sizeof(f));
		io_put(o, r->key, r->key_len);
		io_put(o, r->data, r->len);
	}
	tail.checksum = checksum(o->data, o->len);
	io_put(o, &tail, sizeof(tail));
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		p += k;
		n -= k;
	}
	return 0;
}

/*
 * A file that goes with the process until it is whole and has its name; where the file system has no such files (EOPNOTSUPP), one
 * that is named tmp at once. A snapshot shows the node's addresses and rules: for its owner's eyes, hence 0600.
 */
static int open_nameless(const char *path, char *tmp, bool *named)
{
	char *dir = strdup(path), *slash = dir ? strrchr(dir, '/') : NULL;
	int fd;

	if (slash)
		slash[slash == dir] = 0;
	fd = dir ? open(slash ? dir : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1;
	free(dir);
	*named = fd < 0;
	return *named ? mkostemp(tmp, O_CLOEXEC) : fd;
}

/* Gives it its name; a link replaces nothing, so one that is there is renamed over. */
static int give_name(int fd, const char *tmp, bool named, const char *path)
{
	char self[32];
	int rc;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (!named && !linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW))
		return 0;
	if (!named && (errno != EEXIST || linkat(AT_FDCWD, self, AT_FDCWD, tmp, AT_SYMLINK_FOLLOW)))
		return -errno;
	if (!rename(tmp, path))
		return 0;
	rc = -errno;
	unlink(tmp);
	return rc;
}

int snapshot_write(struct io *io, const char *path, struct err *err)
{
	char *tmp = arena_printf(io->arena, "%s.XXXXXX", path);
	struct io_out o = {};
	struct stat st;
	bool named;
	int fd, rc;

	/* Renaming over /dev/null as root would take it from everybody. */
	if (!lstat(path, &st) && !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "cannot write %s: it exists and is not a regular file; name another",
			       path);
	fd = open_nameless(path, tmp, &named);
	if (fd < 0) {
		rc = -errno;
		return err_set(err, rc, "cannot write %s: %s", path, strerror(-rc));
	}
	if (!named)
		tmp = arena_printf(io->arena, "%s.%d", path, getpid());
	serialize(io, &o);
	rc = write_all(fd, o.data, o.len);
	free(o.data);
	if (!rc)
		rc = give_name(fd, tmp, named, path);
	if (close(fd) < 0 && !rc)
		rc = -errno;
	if (rc) {
		if (named)
			unlink(tmp);
		return err_set(err, rc, "cannot write %s: %s", path, strerror(-rc));
	}
	return 0;
}

/* -- reading -------------------------------------------------------------------------------------- */

struct cursor {
	const uint8_t *p;
	size_t left;
};

static const void *eat(struct cursor *c, size_t n)
{
	const void *p = c->p;

	if (n > c->left)
		return NULL;
	c->p += n;
	c->left -= n;
	return p;
}

static int load(struct io *io, const char *path, uint8_t **data, size_t *len, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), code;	/* a FIFO would wait for its writer */
	struct stat st;
	size_t got = 0;

	if (fd < 0 || fstat(fd, &st) < 0) {
		code = -errno;
		if (fd >= 0)
			close(fd);
		return err_set(err, code, "cannot read snapshot %s: %s", path, strerror(-code));
	}
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > MAX_SIZE) {
		close(fd);
		return err_set(err, -EINVAL, "%s is not a ktrace snapshot: %s", path,
			       S_ISREG(st.st_mode) ? "it is larger than 1 GiB" : "it is not a regular file");
	}
	*data = arena_alloc(io->arena, st.st_size);
	while (got < (size_t)st.st_size) {
		ssize_t n = read(fd, *data + got, st.st_size - got);

		if (n <= 0)
			break;
		got += n;
	}
	close(fd);
	*len = got;
	return 0;
}

static bool parse_netns(struct io *io, struct cursor *c, uint32_t n)
{
	if (n == 0 || n > MAX_NETNS)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct netns *ns;
		const void *name;
		uint32_t len;
		const void *p = eat(c, sizeof(len));

		if (!p)
			return false;
		memcpy(&len, p, sizeof(len));
		name = eat(c, len);
		if (!name)
			return false;
		ns = VEC_PUSH(io->arena, io->netns, io->n_netns, io->cap_netns);
		ns->name = arena_strndup(io->arena, name, len);
		ns->fd = -1;
	}
	return true;
}

/* Netlink answers are read in place as structs of 4-byte alignment: hence a copy where the file's is odd. */
static const uint8_t *aligned(struct io *io, const uint8_t *p, size_t n)
{
	return (uintptr_t)p % 8 ? arena_dup(io->arena, p, n) : p;
}

static bool parse_records(struct io *io, struct cursor *c, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		const void *p = eat(c, sizeof(struct file_record));
		struct file_record f;
		struct record r;

		if (!p)
			return false;
		memcpy(&f, p, sizeof(f));
		if (f.netns >= io->n_netns || f.rc > 0 || f.rc < -MAX_ERRNO)
			return false;
		r = (struct record){ f.kind, f.netns, f.rc, f.key_len, f.len, NULL, NULL };
		r.key = eat(c, f.key_len);
		r.data = eat(c, f.len);
		if (!r.key || !r.data)
			return false;
		r.data = aligned(io, r.data, r.len);
		record_add(io, &r);
	}
	return c->left == 0;
}

int snapshot_read(struct io *io, const char *path, struct err *err)
{
	struct file_header head;
	struct file_trailer tail;
	struct cursor c = {};
	uint8_t *data = NULL;
	size_t len = 0;
	int rc = load(io, path, &data, &len, err);

	if (rc)
		return rc;
	if (len < sizeof(head) || memcmp(data, magic, sizeof(magic)))
		return err_set(err, -EINVAL, "%s is not a ktrace snapshot; `ktrace snapshot -o FILE` makes one", path);
	memcpy(&head, data, sizeof(head));
	if (head.order != ORDER || head.word != sizeof(long))
		return err_set(err, -EINVAL, "%s was recorded on a machine of another byte order or word size; "
			       "replay it on one of the same kind", path);
	if (head.version != VERSION)
		return err_set(err, -EINVAL, "%s is a snapshot of version %u, this ktrace reads version %d", path,
			       head.version, VERSION);
	if (len < sizeof(head) + sizeof(tail))
		return err_set(err, -EINVAL, "%s is torn: it ends early; copy or record it again", path);
	memcpy(&tail, data + len - sizeof(tail), sizeof(tail));
	if (checksum(data, len - sizeof(tail)) != tail.checksum)
		return err_set(err, -EINVAL, "%s is torn or was changed: its checksum does not fit; copy or record it "
			       "again", path);
	c.p = data + sizeof(head);
	c.left = len - sizeof(head) - sizeof(tail);
	if (!parse_netns(io, &c, head.n_netns) || !parse_records(io, &c, tail.n_record))
		return err_set(err, -EINVAL, "%s is not a valid ktrace snapshot: its records do not add up", path);
	return 0;
}
