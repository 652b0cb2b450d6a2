/* SPDX-License-Identifier: GPL-2.0-only */
/* A node out of hand-built netlink bytes: questions and answers are put into a recording, which is then replayed. */
#ifndef STATE_FIXTURE_H
#define STATE_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tracer/base/nl.h"
#include "tracer/state.h"

struct fixture {
	struct arena *arena;
	struct gaps gaps;
	struct io *recording, *io;
	struct state *s;
	char path[32];
};

/* Messages of one answer, one behind the other. */
struct reply {
	char buf[16384];
	size_t len;
	struct nlmsghdr *nlh;
};

static inline void *reply_start(struct reply *r, uint16_t type, size_t header_len)
{
	r->nlh = mnl_nlmsg_put_header(r->buf + r->len);
	r->nlh->nlmsg_type = type;
	return mnl_nlmsg_put_extra_header(r->nlh, header_len);
}

static inline void reply_end(struct reply *r)
{
	r->len += MNL_ALIGN(r->nlh->nlmsg_len);
	assert_true(r->len < sizeof(r->buf) - 1024);
}

struct canned {
	const void *data;
	size_t len;
	int rc;
};

static inline int produce_canned(void *ctx, uint32_t netns, struct io_out *out)
{
	const struct canned *c = ctx;

	(void)netns;
	io_put(out, c->data, c->len);
	return c->rc;
}

static inline void fixture_put(struct fixture *f, enum io_kind kind, const void *key, size_t key_len,
			       const void *data, size_t len)
{
	struct canned c = { data, len, 0 };
	const uint8_t *out;
	size_t n;

	assert_int_equal(io_read(f->recording, kind, 0, key, key_len, produce_canned, &c, true, &out, &n), 0);
}

/* The key of a netlink question: the bus, then the request as it is asked. */
static inline void fixture_netlink(struct fixture *f, int bus, const struct nlmsghdr *req, const struct reply *r)
{
	uint8_t key[1024];

	memcpy(key, &bus, 4);
	memcpy(key + 4, req, req->nlmsg_len);
	fixture_put(f, IO_NETLINK, key, 4 + req->nlmsg_len, r ? r->buf : NULL, r ? r->len : 0);
}

/* A dump whose request header is zero but for the family in its first byte. */
static inline void fixture_dump(struct fixture *f, int bus, uint16_t type, size_t header_len, uint8_t family,
				const struct reply *r)
{
	char buf[256] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	uint8_t *head;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	head = mnl_nlmsg_put_extra_header(nlh, header_len);
	head[0] = family;
	fixture_netlink(f, bus, nlh, r);
}

static inline void fixture_sysctl(struct fixture *f, const char *path, const char *value)
{
	char full[256];

	snprintf(full, sizeof(full), "/proc/sys/%s", path);
	fixture_put(f, IO_FILE, full, strlen(full), value, strlen(value));
}

static inline void fixture_open(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->arena = arena_new();
	f->gaps.arena = f->arena;
	assert_int_equal(io_open_live(f->arena, IO_RECORD, &f->recording, NULL), 0);
	fixture_put(f, IO_META, "uname", 6, "worker-1\0006.12.0", 16);
}

/* The kernel has no such file. */
static inline void fixture_missing(struct fixture *f, const char *path)
{
	struct canned c = { NULL, 0, -ENOENT };
	const uint8_t *out;
	size_t n;

	assert_int_equal(io_read(f->recording, IO_FILE, 0, path, strlen(path), produce_canned, &c, true, &out, &n),
			 -ENOENT);
}

/* From here on the recording is answered from. */
static inline void fixture_replay(struct fixture *f)
{
	struct err err = { "" };
	int fd;

	strcpy(f->path, "/tmp/ktrace-unit-XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(io_save(f->recording, f->path, &err), 0);
	if (io_open_replay(f->arena, f->path, &f->io, &err))
		fail_msg("%s", err.text);
	assert_int_equal(state_open(f->io, f->arena, &f->gaps, &f->s, &err), 0);
	unlink(f->path);
}

static inline void fixture_close(struct fixture *f)
{
	io_close(f->io);
	io_close(f->recording);
	arena_free(f->arena);
}

static inline struct addr ip(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static inline void put_ip(struct nlmsghdr *nlh, uint16_t type, const char *text)
{
	struct addr a = ip(text);

	mnl_attr_put(nlh, type, addr_len(&a), a.b);
}

#endif
