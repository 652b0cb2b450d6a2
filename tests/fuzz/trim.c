// SPDX-License-Identifier: GPL-2.0-only
/* --trim=DIR writes each snapshot that is run there, without what it was not asked: recorded nodes become seeds of a few KiB. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tracer/base/io_priv.h"

#define MOST 65536

static const char *directory;
static uint64_t asked[MOST];
static size_t n_asked;

int __real_io_file(struct io *io, uint32_t netns, const char *path, const char **text, size_t *len);
int __wrap_io_file(struct io *io, uint32_t netns, const char *path, const char **text, size_t *len);
int __real_io_sysctl(struct io *io, uint32_t netns, const char *path, long *value);
int __wrap_io_sysctl(struct io *io, uint32_t netns, const char *path, long *value);
int __real_io_sockopt(struct io *io, uint32_t netns, int domain, int level, int opt, void *buf, size_t *len);
int __wrap_io_sockopt(struct io *io, uint32_t netns, int domain, int level, int opt, void *buf, size_t *len);

static uint64_t identity(uint32_t kind, uint32_t netns, const void *key, size_t len)
{
	const uint8_t *p = key;
	uint64_t h = 0xcbf29ce484222325ull ^ kind ^ (uint64_t)netns << 32;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

void trim_into(const char *dir)
{
	directory = dir;
}

void trim_note(uint32_t kind, uint32_t netns, const void *key, size_t len)
{
	if (directory && n_asked < MOST)
		asked[n_asked++] = identity(kind, netns, key, len);
}

int __wrap_io_file(struct io *io, uint32_t netns, const char *path, const char **text, size_t *len)
{
	trim_note(IO_FILE, netns, path, strlen(path));
	if (played_file(io, text, len))
		return 0;
	return __real_io_file(io, netns, path, text, len);
}

int __wrap_io_sysctl(struct io *io, uint32_t netns, const char *path, long *value)
{
	char full[512];

	snprintf(full, sizeof(full), "/proc/sys/%s", path);
	trim_note(IO_FILE, netns, full, strlen(full));
	return __real_io_sysctl(io, netns, path, value);
}

int __wrap_io_sockopt(struct io *io, uint32_t netns, int domain, int level, int opt, void *buf, size_t *len)
{
	uint8_t key[12 + 40] = { 0 };
	uint32_t head[3] = { domain, level, opt };

	memcpy(key, head, sizeof(head));
	memcpy(key + sizeof(head), buf, *len < 40 ? *len : 40);
	trim_note(IO_SOCKOPT, netns, key, sizeof(key));
	return __real_io_sockopt(io, netns, domain, level, opt, buf, len);
}

static bool was_asked(const struct record *r)
{
	uint64_t id = identity(r->kind, r->netns, r->key, r->key_len);

	for (size_t i = 0; i < n_asked; i++)
		if (asked[i] == id)
			return true;
	return false;
}

void trim_write(struct io *io)
{
	static unsigned number;
	struct err err = { "" };
	char path[512];

	if (!directory)
		return;
	for (size_t i = 0; i < io->n_slot; i++)
		if (io->slot[i] && !was_asked(io->slot[i])) {
			io->slot[i] = NULL;
			io->n_record--;
		}
	n_asked = 0;
	snprintf(path, sizeof(path), "%s/%d-%u", directory, getpid(), number++);
	if (io_save(io, path, &err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}
