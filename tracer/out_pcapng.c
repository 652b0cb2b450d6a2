/* SPDX-License-Identifier: GPL-2.0-only */
/* pcapng blocks: section header, interface descriptions as devices are met, enhanced packets. */
#include "tracer/out_pcapng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, PACKET = 6 };		/* block types */
enum { OPT_END = 0, OPT_COMMENT = 1, SHB_OS = 3, SHB_APPLICATION = 4, IF_NAME = 2, IF_TSRESOL = 9 };
#define BYTE_ORDER_MAGIC	0x1a2b3c4d
#define LINKTYPE_RAW	101		/* begins with an IPv4 or IPv6 header */
#define NANOSECONDS	9		/* if_tsresol: 10^-9 */
#define INTERFACES	1024
#define OPTION_MAX	4096

struct pcapng {
	FILE *f;
	const char *path;
	char *name[INTERFACES];
	uint32_t n_name;
	bool failed;
};

/* A block under way. */
struct block {
	uint8_t *v;
	size_t n, cap;
};

static void put(struct block *b, const void *data, size_t n)
{
	size_t padded = (n + 3) & ~(size_t)3;

	if (b->n + padded > b->cap) {
		b->cap = 2 * (b->n + padded);
		b->v = realloc(b->v, b->cap);
		if (!b->v) {
			fputs("ktrace: out of memory\n", stderr);
			abort();
		}
	}
	memset(b->v + b->n, 0, padded);
	if (n)
		memcpy(b->v + b->n, data, n);
	b->n += padded;
}

static void put32(struct block *b, uint32_t v)
{
	put(b, &v, sizeof(v));
}

static void put_option(struct block *b, uint16_t code, const void *data, size_t n)
{
	uint16_t head[2] = { code, n < OPTION_MAX ? n : OPTION_MAX };

	put(b, head, sizeof(head));
	put(b, data, head[1]);
}

static void put_text(struct block *b, uint16_t code, const char *text)
{
	if (text && *text)
		put_option(b, code, text, strlen(text));
}

/* The head that begin() left room for, the length again at the end. */
static struct block begin(uint32_t type)
{
	struct block b = {};

	put32(&b, type);
	put32(&b, 0);
	return b;
}

static int finish(struct pcapng *p, struct block *b, struct err *err)
{
	uint32_t len = b->n + 4;
	int rc = 0;

	put32(b, len);
	memcpy(b->v + 4, &len, sizeof(len));
	if (fwrite(b->v, 1, b->n, p->f) != b->n || fflush(p->f)) {
		rc = err_set(err, -errno, "%s cannot be written: %s", p->path, strerror(errno));
		p->failed = true;
	}
	free(b->v);
	return rc;
}

int pcapng_open(const char *path, const char *system, struct pcapng **out, struct err *err)
{
	struct block b = begin(SECTION);
	uint64_t unknown_length = UINT64_MAX;
	uint16_t version[2] = { 1, 0 };
	struct pcapng *p = calloc(1, sizeof(*p));
	int rc;

	if (p)
		p->f = fopen(path, "we");
	if (!p || !p->f) {
		rc = err_set(err, -errno, "%s cannot be written: %s", path, strerror(errno));
		free(b.v);
		free(p);
		return rc;
	}
	p->path = path;
	put32(&b, BYTE_ORDER_MAGIC);
	put(&b, version, sizeof(version));
	put(&b, &unknown_length, sizeof(unknown_length));
	put_text(&b, SHB_OS, system);
	put_text(&b, SHB_APPLICATION, "ktrace");
	put_option(&b, OPT_END, NULL, 0);
	rc = finish(p, &b, err);
	if (rc) {
		pcapng_close(p);
		return rc;
	}
	*out = p;
	return 0;
}

/* The number of the device's block, which is written when the device is first met. */
static int interface_of(struct pcapng *p, const char *name, uint32_t *out, struct err *err)
{
	struct block b;
	uint16_t link[2] = { LINKTYPE_RAW, 0 };
	uint8_t resolution = NANOSECONDS;

	for (*out = 0; *out < p->n_name; ++*out)
		if (!strcmp(p->name[*out], name))
			return 0;
	if (p->n_name == INTERFACES) {
		*out = INTERFACES - 1;
		return 0;
	}
	p->name[p->n_name] = strdup(name);
	if (!p->name[p->n_name])
		return err_set(err, -ENOMEM, "out of memory");
	p->n_name++;
	b = begin(INTERFACE);
	put(&b, link, sizeof(link));
	put32(&b, 0);				/* no limit to the bytes kept */
	put_text(&b, IF_NAME, name);
	put_option(&b, IF_TSRESOL, &resolution, sizeof(resolution));
	put_option(&b, OPT_END, NULL, 0);
	return finish(p, &b, err);
}

int pcapng_write(struct pcapng *p, const struct pcapng_packet *packet, struct err *err)
{
	struct block b;
	uint32_t interface;
	int rc;

	if (p->failed)
		return 0;
	rc = interface_of(p, packet->interface, &interface, err);
	if (rc)
		return rc;
	b = begin(PACKET);
	put32(&b, interface);
	put32(&b, packet->time >> 32);
	put32(&b, packet->time);
	put32(&b, packet->n);
	put32(&b, packet->len);
	put(&b, packet->bytes, packet->n);
	put_text(&b, OPT_COMMENT, packet->comment);
	put_option(&b, OPT_END, NULL, 0);
	return finish(p, &b, err);
}

void pcapng_close(struct pcapng *p)
{
	if (!p)
		return;
	fclose(p->f);
	for (uint32_t i = 0; i < p->n_name; i++)
		free(p->name[i]);
	free(p);
}
