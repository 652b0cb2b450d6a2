// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutations that get past framing: a snapshot is taken apart into its records, an answer of the wanted class into messages and
 * attributes, one of them is changed, and all lengths around it and the checksum are made to fit again. Some are left wrong.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nfnetlink.h>

#include "tests/fuzz/file.h"
#include "tests/fuzz/fuzz.h"

#define ROOM	(1 << 20)

static unsigned dice_state;

static unsigned dice(unsigned n)
{
	dice_state = dice_state * 1664525 + 1013904223;
	return n ? (dice_state >> 8) % n : 0;
}

/* -- numbers -------------------------------------------------------------------------------------- */

static void odd_number(uint8_t *p, size_t size)
{
	static const uint64_t odd[] = {
		0, 1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 17, 31, 32, 33, 63, 64, 127, 128, 129, 255, 256, 1023, 1024, 4095, 4096, 0x7fff, 0x8000,
		0xfff0, 0xfffc, 0xffff, 0x10000, 0x7ffffff0, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffe, 0xffffffff,
		0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
	};
	uint64_t v = odd[dice(ARRAY_SIZE(odd))];
	bool big = dice(2);

	for (size_t i = 0; i < size; i++)
		p[big ? size - 1 - i : i] = i < 8 ? v >> 8 * i : 0;
}

/* A number somewhere, aligned as the kernel's structs are. */
static void odd_somewhere(uint8_t *p, size_t len)
{
	size_t size = (size_t[]){ 1, 2, 4, 4, 8 }[dice(5)];

	if (len >= size)
		odd_number(p + dice(len / size) * size, size);
}

static size_t mutate_bytes(uint8_t *p, size_t len, size_t max)
{
	if (len && dice(2)) {
		odd_somewhere(p, len);
		return len;
	}
	return LLVMFuzzerMutate(p, len, max);
}

/* -- messages ------------------------------------------------------------------------------------- */

/* One answer under the knife. up: where the attributes (first the message) begin whose lengths change with what is inside. */
struct edit {
	uint8_t *p;
	size_t len, max;
	size_t up[12];
	unsigned n_up;
};

static uint16_t get16(const struct edit *e, size_t at)
{
	uint16_t v;

	memcpy(&v, e->p + at, sizeof(v));
	return v;
}

static uint32_t get32(const struct edit *e, size_t at)
{
	uint32_t v;

	memcpy(&v, e->p + at, sizeof(v));
	return v;
}

static bool grow_to(struct edit *e, size_t at, long by, bool commit)
{
	for (unsigned i = 0; i < e->n_up; i++) {
		long n = i ? get16(e, e->up[i]) : get32(e, e->up[i]);
		uint32_t big = n + by;
		uint16_t small = n + by;

		if (n + by < 4 || (i && n + by > 65535))
			return false;
		if (commit)
			memcpy(e->p + e->up[i], i ? (void *)&small : (void *)&big, i ? sizeof(small) : sizeof(big));
	}
	return at <= e->len;
}

/* old bytes at `at` become n others. */
static bool replace(struct edit *e, size_t at, size_t old, const uint8_t *with, size_t n)
{
	long by = (long)n - (long)old;

	if (at + old > e->len || e->len + by > e->max || !grow_to(e, at, by, false))
		return false;
	grow_to(e, at, by, true);
	memmove(e->p + at + n, e->p + at + old, e->len - at - old);
	if (n)
		memcpy(e->p + at, with, n);
	e->len += by;
	return true;
}

/* The attributes from `at` to `end` fill it exactly: how many, and where one of them stands. */
static unsigned children(const struct edit *e, size_t at, size_t end, size_t *one)
{
	unsigned n = 0;

	while (at + NLA_HDRLEN <= end) {
		size_t len = get16(e, at);

		if (len < NLA_HDRLEN || at + len > end || (get16(e, at + 2) & NLA_TYPE_MASK) > 255)
			return 0;
		if (!dice(++n))
			*one = at;
		at += NLA_ALIGN(len);
	}
	return at >= end ? n : 0;
}

/* Some attribute of the message at `msg`, rather deep than not. */
static bool pick_attr(struct edit *e, size_t msg, size_t header, size_t *attr)
{
	size_t at = msg + NLMSG_HDRLEN + header, end = msg + get32(e, msg);

	e->up[0] = msg;
	e->n_up = 1;
	if (at > end || end > e->len || !children(e, at, end, attr))
		return false;
	while (e->n_up < ARRAY_SIZE(e->up)) {
		size_t deeper;

		if (!children(e, *attr + NLA_HDRLEN, *attr + get16(e, *attr), &deeper) || !dice(5))
			break;
		e->up[e->n_up++] = *attr;
		*attr = deeper;
	}
	return true;
}

/* Some message; false if there is none that is whole. */
static bool pick_message(struct edit *e, size_t *msg)
{
	size_t at = 0;
	unsigned n = 0;

	while (at + NLMSG_HDRLEN <= e->len) {
		size_t len = get32(e, at);

		if (len < NLMSG_HDRLEN || len > e->len - at)
			break;
		if (!dice(++n))
			*msg = at;
		at += NLMSG_ALIGN(len);
	}
	return n;
}

static size_t attr_whole(const struct edit *e, size_t attr)
{
	size_t n = NLA_ALIGN(get16(e, attr));

	return attr + n > e->len ? e->len - attr : n;
}

static void set_payload(struct edit *e, size_t attr, const uint8_t *with, size_t n)
{
	static uint8_t fresh[65536 + 8];
	uint16_t len = NLA_HDRLEN + n;

	if (NLA_HDRLEN + n > 65535)
		return;
	memset(fresh, 0, NLA_ALIGN(len));
	memcpy(fresh, &len, 2);
	memcpy(fresh + 2, e->p + attr + 2, 2);
	memcpy(fresh + NLA_HDRLEN, with, n);
	replace(e, attr, attr_whole(e, attr), fresh, NLA_ALIGN(len));
}

static void mutate_payload(struct edit *e, size_t attr)
{
	static uint8_t copy[65536];
	size_t n = get16(e, attr) - NLA_HDRLEN;

	memcpy(copy, e->p + attr + NLA_HDRLEN, n);
	if (n <= 8 && n && dice(2))
		odd_number(copy, n);
	else
		n = mutate_bytes(copy, n, dice(3) ? (n ?: 1) : n + 64);
	set_payload(e, attr, copy, n);
}

static void mutate_type(struct edit *e, size_t attr)
{
	uint16_t type = get16(e, attr + 2);

	type = dice(4) ? (type & ~NLA_TYPE_MASK) | dice(32) : type ^ (1u << (14 + dice(2)));
	memcpy(e->p + attr + 2, &type, sizeof(type));
}

/* Copies an attribute of another answer (or of the same) before this one, or over it. */
static void splice(struct edit *e, size_t attr, const struct rec *from)
{
	struct edit other = { .p = (uint8_t *)from->data, .len = from->w.len };
	size_t msg, donor;

	if (!pick_message(&other, &msg) || !pick_attr(&other, msg, body_header(from), &donor))
		return;
	replace(e, attr, dice(2) ? attr_whole(e, attr) : 0, other.p + donor, attr_whole(&other, donor));
}

static void mutate_attr(struct edit *e, size_t attr, const struct rec *donor)
{
	static uint8_t copy[65536 + 8];
	size_t whole = attr_whole(e, attr);
	uint16_t len;

	switch (dice(14)) {
	case 0:
		mutate_type(e, attr);
		break;
	case 1:
		replace(e, attr, whole, NULL, 0);
		break;
	case 2:
		memcpy(copy, e->p + attr, whole);
		for (unsigned i = dice(8) ? 1 : 1 + dice(200); i; i--)
			replace(e, attr, 0, copy, whole);
		break;
	case 3:
	case 4:
		splice(e, attr, donor);
		break;
	case 5:
		odd_number((uint8_t *)&len, sizeof(len));
		memcpy(e->p + attr, &len, sizeof(len));
		break;
	case 6:
		if (whole > NLA_HDRLEN)
			set_payload(e, attr, e->p + attr + NLA_HDRLEN, dice(whole - NLA_HDRLEN));
		break;
	default:
		mutate_payload(e, attr);
	}
}

static void mutate_message(struct edit *e, size_t msg, size_t header, const struct rec *donor)
{
	static uint8_t copy[ROOM];
	size_t len = get32(e, msg), whole = NLMSG_ALIGN(len);

	e->n_up = 0;
	if (whole > e->len - msg)
		whole = e->len - msg;
	switch (dice(5)) {
	case 0:
		replace(e, msg, whole, NULL, 0);
		break;
	case 1:
		memcpy(copy, e->p + msg, whole);
		for (unsigned i = dice(8) ? 1 : 1 + dice(300); i; i--)
			replace(e, msg, 0, copy, whole);
		break;
	case 2:
		if (len > NLMSG_HDRLEN)
			mutate_bytes(e->p + msg + NLMSG_HDRLEN, len - NLMSG_HDRLEN < header ? len - NLMSG_HDRLEN : header,
				     len - NLMSG_HDRLEN < header ? len - NLMSG_HDRLEN : header);
		break;
	case 3:
		odd_somewhere(e->p + msg, NLMSG_HDRLEN);
		break;
	default: {
		struct edit other = { .p = (uint8_t *)donor->data, .len = donor->w.len };
		size_t from;

		if (pick_message(&other, &from)) {
			len = NLMSG_ALIGN(get32(&other, from));
			replace(e, msg, dice(2) ? whole : 0, other.p + from, len > other.len - from ? other.len - from : len);
		}
	}
	}
}

/* -- records -------------------------------------------------------------------------------------- */

static void mutate_answer(struct rec *r, const struct rec *donor)
{
	static uint8_t room[ROOM];
	struct edit e = { .p = room, .len = r->w.len, .max = sizeof(room) };
	size_t msg, attr, header = body_header(r);

	if (r->w.len > sizeof(room) / 2)
		return;
	memcpy(room, r->data, r->w.len);
	if (r->w.kind != IO_NETLINK || !dice(20) || !pick_message(&e, &msg))
		e.len = mutate_bytes(room, e.len, e.len + 4096);
	else if (dice(4) && pick_attr(&e, msg, header, &attr))
		mutate_attr(&e, attr, donor);
	else
		mutate_message(&e, msg, header, donor);
	r->data = room;
	r->w.len = e.len;
}

static bool is_scenario(const struct rec *r)
{
	return r->w.kind == IO_META && r->w.key_len == strlen(SCENARIO) && !memcmp(r->key, SCENARIO, r->w.key_len);
}

/* Another record of this one's class. */
static struct rec *kin(struct file *f, const struct rec *r)
{
	enum class c = class_of(r->w.kind, r->key, r->w.key_len);
	struct rec *found = (struct rec *)r;
	unsigned n = 0;

	for (size_t i = 0; i < f->n; i++)
		if (class_of(f->v[i].w.kind, f->v[i].key, f->v[i].w.key_len) == c && !dice(++n))
			found = &f->v[i];
	return found;
}

/* One of the wanted class; at times the scenario. Long answers more often: lists of one are the rule. */
static struct rec *pick_record(const struct fuzz *t, struct file *f)
{
	struct rec *found = NULL;
	unsigned n = 0;
	bool scenario = !dice(25);

	for (size_t i = 0; i < f->n; i++) {
		struct rec *r = &f->v[i];
		bool fits = is_scenario(r) ? scenario : !scenario && (class_of(r->w.kind, r->key, r->w.key_len) & t->classes);
		unsigned weight = 1 + (r->w.len > 200) * 4;

		if (!fits)
			continue;
		n += weight;
		if (dice(n) < weight)
			found = r;
	}
	return found;
}

static void mutate_file(const struct fuzz *t, struct file *f)
{
	static uint8_t key[65536];
	struct rec *r = pick_record(t, f), *other;

	if (!r)
		return;
	other = kin(f, r);
	switch (dice(40)) {
	case 0:
		r->w.rc = -(int)(uint32_t[]){ 0, 1, 2, 3, 4, 13, 22, 95, 101, 105, 113, 4097, 8191 }[dice(13)];
		break;
	case 1:
		if (!is_scenario(r))
			*r = f->v[--f->n];
		break;
	case 2:
		r->data = other->data;
		r->w.len = other->w.len;
		break;
	case 3:
		if (r->w.key_len > sizeof(key) - 64 || !r->w.key_len)
			break;
		memcpy(key, r->key, r->w.key_len);
		r->w.key_len = mutate_bytes(key, r->w.key_len, r->w.key_len + (dice(4) ? 0 : 32));
		r->key = key;
		break;
	default:
		mutate_answer(r, other);
	}
}

/* Bytes of the file itself, with a checksum that fits more often than not. */
static size_t mutate_raw(uint8_t *data, size_t len, size_t max)
{
	struct tail t;

	len = dice(2) && len > 200 ? (odd_somewhere(data, 200), len) : mutate_bytes(data, len, max);
	if (len < sizeof(t) || !dice(8))
		return len;
	memcpy(&t, data + len - sizeof(t), sizeof(t));
	t.checksum = checksum(data, len - sizeof(t));
	memcpy(data + len - sizeof(t), &t, sizeof(t));
	return len;
}

size_t mutate_node(const struct fuzz *t, uint8_t *data, size_t len, size_t max, unsigned seed)
{
	static uint8_t out[ROOM * 2];
	static struct file f;
	size_t n = 0;

	dice_state = seed;
	if (t->raw || !take_apart(data, len, &f) || !dice(200))
		return mutate_raw(data, len, max);
	for (int i = dice(3) ? 1 : 1 + dice(4); i; i--) {
		static uint8_t keep[ROOM * 2];

		mutate_file(t, &f);
		n = put_together(&f, out, max < sizeof(out) ? max : sizeof(out));
		if (!n)
			return mutate_raw(data, len, max);
		memcpy(keep, out, n);
		if (!take_apart(keep, n, &f))
			break;
	}
	memcpy(data, out, n);
	return n;
}

size_t mutate_messages(uint8_t *data, size_t len, size_t max, unsigned seed)
{
	static const struct question q = { NETLINK_NETFILTER, { .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 } };
	struct rec r = { .w = { IO_NETLINK, .key_len = sizeof(q), .len = len }, .key = (const void *)&q, .data = data }, donor = r;

	dice_state = seed;
	mutate_answer(&r, &donor);
	if (r.w.len > max)
		return LLVMFuzzerMutate(data, len, max);
	memcpy(data, r.data, r.w.len);
	return r.w.len;
}

size_t cross_node(const struct fuzz *t, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out,
		  size_t max, unsigned seed)
{
	static struct file f, g;

	dice_state = seed;
	if (!take_apart(a, a_len, &f) || !take_apart(b, b_len, &g))
		return 0;
	for (size_t i = 0; i < g.n; i++) {
		size_t k = 0;

		if (!(class_of(g.v[i].w.kind, g.v[i].key, g.v[i].w.key_len) & t->classes) || dice(4))
			continue;
		while (k < f.n && (f.v[k].w.kind != g.v[i].w.kind || f.v[k].w.key_len != g.v[i].w.key_len ||
				   memcmp(f.v[k].key, g.v[i].key, g.v[i].w.key_len)))
			k++;
		if (k == f.n && f.n < RECORDS)
			f.n++;
		if (k < f.n)
			f.v[k] = g.v[i];
		if (k < f.n && f.v[k].w.netns)
			f.v[k].w.netns = 0;
	}
	return put_together(&f, out, max);
}
