/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot made of answers that a test writes itself: files, getsockopt blobs and netlink messages. */
#ifndef KTRACE_TEST_XT_REPLAY_H
#define KTRACE_TEST_XT_REPLAY_H

#include <fcntl.h>
#include <stdio.h>

#include "tracer/base/nl.h"

struct canned {
	const void *data;
	size_t len;
	int rc;
};

static int canned_produce(void *ctx, uint32_t netns UNUSED, struct io_out *out)
{
	const struct canned *c = ctx;

	io_put(out, c->data, c->len);
	return c->rc;
}

static void canned_put(struct io *io, enum io_kind kind, const void *key, size_t key_len, const void *data, size_t len,
		       int rc)
{
	struct canned c = { data, len, rc };
	const uint8_t *got;
	size_t n;

	io_read(io, kind, 0, key, key_len, canned_produce, &c, true, &got, &n);
}

static void UNUSED canned_file(struct io *io, const char *path, const char *text)
{
	canned_put(io, IO_FILE, path, strlen(path), text, strlen(text), 0);
}

/* The answer (whole messages) to a request, as nl_ask() will ask it. */
static void UNUSED canned_netlink(struct io *io, int bus, const struct nlmsghdr *req, const void *data, size_t len, int rc)
{
	uint8_t key[2048] = { 0 };
	struct nlmsghdr *copy = (void *)(key + 4);

	memcpy(key, &bus, 4);
	memcpy(copy, req, req->nlmsg_len);
	copy->nlmsg_seq = copy->nlmsg_pid = 0;
	copy->nlmsg_flags &= ~NLM_F_ACK;
	canned_put(io, IO_NETLINK, key, 4 + req->nlmsg_len, data, len, rc);
}

static void UNUSED canned_sockopt(struct io *io, int domain, int level, int opt, const void *arg, size_t arg_len,
				  const void *data, size_t len, int rc)
{
	uint8_t key[12 + 40] = { 0 };
	uint32_t head[3] = { domain, level, opt };

	memcpy(key, head, sizeof(head));
	memcpy(key + sizeof(head), arg, arg_len < 40 ? arg_len : 40);
	canned_put(io, IO_SOCKOPT, key, sizeof(key), data, len, rc);
}

static struct io *canned_new(struct arena *a)
{
	struct io *io;
	struct err err = { "" };

	if (io_open_live(a, IO_RECORD, &io, &err))
		fail_msg("%s", err.text);
	return io;
}

/* Saves what was put and opens it as a snapshot. */
static struct io *canned_replay(struct arena *a, struct io *recorded)
{
	char path[] = "/tmp/ktrace-test-XXXXXX";
	struct err err = { "" };
	struct io *io = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	if (io_save(recorded, path, &err) || io_open_replay(a, path, &io, &err))
		fail_msg("%s", err.text);
	unlink(path);
	io_close(recorded);
	return io;
}

#endif
