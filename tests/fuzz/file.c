// SPDX-License-Identifier: GPL-2.0-only
/* Snapshots taken apart and put together: what the mutations of mutate.c work on. */
#include <netinet/in.h>
#include <string.h>

#include "tests/fuzz/file.h"
#include "tests/fuzz/fuzz.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>

bool take_apart(const uint8_t *p, size_t len, struct file *f)
{
	struct head h;
	struct tail t;
	size_t at = sizeof(h), end;

	if (len < sizeof(h) + sizeof(t))
		return false;
	memcpy(&h, p, sizeof(h));
	memcpy(&t, p + len - sizeof(t), sizeof(t));
	end = len - sizeof(t);
	for (uint32_t i = 0; i < h.n_netns; i++) {
		uint32_t n;

		if (end - at < sizeof(n))
			return false;
		memcpy(&n, p + at, sizeof(n));
		if (n > end - at - sizeof(n))
			return false;
		at += sizeof(n) + n;
	}
	f->names = p;
	f->names_len = at;
	for (f->n = 0; at < end && f->n < RECORDS; f->n++) {
		struct rec *r = &f->v[f->n];

		if (end - at < sizeof(r->w))
			return false;
		memcpy(&r->w, p + at, sizeof(r->w));
		at += sizeof(r->w);
		if (r->w.key_len > end - at || r->w.len > end - at - r->w.key_len)
			return false;
		r->key = p + at;
		r->data = r->key + r->w.key_len;
		at += r->w.key_len + r->w.len;
	}
	return at == end;
}

/* not what is looked for */
__attribute__((no_sanitize("coverage")))
uint64_t checksum(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

size_t put_together(const struct file *f, uint8_t *out, size_t max)
{
	size_t at = f->names_len, need = f->names_len + sizeof(struct tail);
	struct tail t = { .n_record = f->n };

	for (size_t i = 0; i < f->n; i++)
		need += sizeof(struct wire) + f->v[i].w.key_len + f->v[i].w.len;
	if (need > max)
		return 0;
	memcpy(out, f->names, f->names_len);
	for (size_t i = 0; i < f->n; i++) {
		const struct rec *r = &f->v[i];

		memcpy(out + at, &r->w, sizeof(r->w));
		at += sizeof(r->w);
		memcpy(out + at, r->key, r->w.key_len);
		memcpy(out + at + r->w.key_len, r->data, r->w.len);
		at += r->w.key_len + r->w.len;
	}
	t.checksum = checksum(out, at);
	memcpy(out + at, &t, sizeof(t));
	return at + sizeof(t);
}

/* -- what a record answers ------------------------------------------------------------------------ */

static enum class class_of_netlink(const struct question *q)
{
	static const struct { uint16_t type; enum class class; } route[] = {
		{ RTM_GETLINK, C_LINK }, { RTM_GETADDR, C_LINK }, { RTM_GETNEIGH, C_LINK }, { RTM_GETNSID, C_LINK },
		{ RTM_GETQDISC, C_LINK }, { RTM_GETTFILTER, C_LINK },
		{ RTM_GETROUTE, C_ROUTE }, { RTM_GETRULE, C_ROUTE }, { RTM_GETNEXTHOP, C_ROUTE },
	};
	uint16_t type = q->h.nlmsg_type;

	switch (q->bus) {
	case NETLINK_NETFILTER:
		return type >> 8 == NFNL_SUBSYS_IPSET ? C_IPSET : type >> 8 == NFNL_SUBSYS_CTNETLINK ? C_CONNTRACK :
		       type >> 8 == 12 ? C_HOOKS : C_NFT;
	case NETLINK_SOCK_DIAG:
		return C_SOCKET;
	case NETLINK_GENERIC:
		return C_IPVS;
	case NETLINK_ROUTE:
		for (size_t i = 0; i < ARRAY_SIZE(route); i++)
			if (route[i].type == type)
				return route[i].class;
	}
	return C_OTHER;
}

enum class class_of(uint32_t kind, const void *key, size_t len)
{
	static const enum class kinds[] = {
		[IO_SOCKOPT] = C_LEGACY, [IO_FILE] = C_FILE, [IO_HOOKS] = C_HOOKS, [IO_NETNS] = C_LINK, [IO_META] = C_META, [IO_BPF] = C_LINK,
	};
	struct question q;

	if (kind == IO_NETLINK && len >= sizeof(q)) {
		memcpy(&q, key, sizeof(q));
		return class_of_netlink(&q);
	}
	return kind < ARRAY_SIZE(kinds) && kinds[kind] ? kinds[kind] : C_OTHER;
}

size_t body_header(const struct rec *r)
{
	struct question q;

	if (r->w.key_len < sizeof(q))
		return 4;
	memcpy(&q, r->key, sizeof(q));
	if (q.bus == NETLINK_SOCK_DIAG)
		return 72;		/* struct inet_diag_msg */
	if (q.bus != NETLINK_ROUTE)
		return 4;
	switch (q.h.nlmsg_type) {
	case RTM_GETLINK:
		return sizeof(struct ifinfomsg);
	case RTM_GETADDR:
	case RTM_GETNEXTHOP:
		return 8;
	case RTM_GETQDISC:
	case RTM_GETTFILTER:
		return sizeof(struct tcmsg);
	default:
		return sizeof(struct rtmsg);
	}
}

size_t empty_node(uint8_t *out, size_t max)
{
	struct { struct head h; uint32_t name; } empty = { { .version = 1, .order = 0x01020304, .word = sizeof(long), .n_netns = 1 }, 0 };
	struct file f = { .names = (const void *)&empty, .names_len = sizeof(empty.h) + sizeof(empty.name) };

	memcpy(empty.h.magic, "ktrsnap\n", 8);
	return put_together(&f, out, max);
}
