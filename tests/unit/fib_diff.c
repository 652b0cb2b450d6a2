/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asks the kernel for random routes and compares each answer with what the snapshot of the same
 * namespace says. usage: fib_diff SNAPSHOT COUNT SEED; run inside the namespace to be compared.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/state.h"

#include <linux/rtnetlink.h>

static unsigned long long seed;

/* splitmix64: the same keys for the same seed everywhere. */
static uint32_t rnd(uint32_t n)
{
	unsigned long long z = seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (z ^ z >> 31) % n;
}

static struct addr random_addr(bool v6)
{
	static const char *const odd4[] = { "127.0.0.1", "10.0.0.1", "10.0.1.1", "10.0.2.1", "0.1.2.3", "8.8.8.8",
					    "10.0.1.255", "10.0.2.77", "192.0.2.1" };
	static const char *const odd6[] = { "::1", "fd00::1", "fd00:1::1", "fd00:2::1", "2001:db8::9", "fd00:1::77" };
	struct addr a;

	if (!rnd(5)) {
		addr_parse(v6 ? odd6[rnd(ARRAY_SIZE(odd6))] : odd4[rnd(ARRAY_SIZE(odd4))], &a);
		return a;
	}
	a = addr_v4(10u << 24 | rnd(8) << 16 | rnd(8) << 8 | rnd(8));
	if (v6) {
		addr_parse("fd00::", &a);
		a.b[3] = rnd(8);
		a.b[5] = rnd(8);
		a.b[15] = rnd(8);
	}
	return a;
}

static struct route_key random_key(struct state *s, bool v6)
{
	struct route_key k = { .dst = random_addr(v6) };
	const struct if_addr *own;
	const struct link *const *link;
	size_t n, n_own;

	if (state_links(s, 0, &link, &n) || state_addrs(s, 0, &own, &n_own))
		exit(3);
	if (rnd(2)) {
		k.iif = link[rnd(n)]->ifindex;
		k.src = random_addr(v6);
	} else {
		if (!rnd(3)) {
			const struct if_addr *a = &own[rnd(n_own)];

			if (a->addr.family == k.dst.family)
				k.src = a->addr;
		}
		if (!rnd(4))
			k.oif = link[rnd(n)]->ifindex;
		if (!rnd(4)) {
			k.has_uid = true;
			k.uid = rnd(3) * 1000;
		}
	}
	k.mark = rnd(3) ? 0 : rnd(4);
	k.tos = rnd(4) ? 0 : 0x10;
	k.proto = rnd(2) ? IPPROTO_TCP : IPPROTO_UDP;
	k.sport = 1000 + rnd(4);
	k.dport = 80 + rnd(4);
	return k;
}

static const char *say_key(struct arena *a, struct state *s, const struct route_key *k)
{
	char x[ADDR_TEXT], y[ADDR_TEXT];
	const struct link *in = state_link(s, 0, k->iif), *out = state_link(s, 0, k->oif);

	return arena_printf(a, "%s from %s iif %s oif %s mark %u tos %#x uid %d proto %u sport %u dport %u",
			    addr_say(&k->dst, x), addr_say(&k->src, y), in ? in->name : "-", out ? out->name : "-",
			    k->mark, k->tos, k->has_uid ? (int)k->uid : -1, k->proto, k->sport, k->dport);
}

static bool same(const struct route *a, const struct route *b, const struct route_key *k)
{
	if (a->error || b->error)
		return a->error == b->error;
	if (a->type != b->type || a->table != b->table || (b->prefix.family && a->prefix.family &&
	    (a->plen != b->plen || !addr_eq(&a->prefix, &b->prefix))))
		return false;
	if (a->oif != b->oif || !addr_eq(&a->gateway, &b->gateway))
		return false;
	return k->iif || k->src.family || addr_eq(&a->prefsrc, &b->prefsrc);
}

static void say_route(struct arena *a, const char *who, const struct route *r)
{
	char x[ADDR_TEXT], y[ADDR_TEXT];

	printf("    %s: error %d type %u table %u oif %d via %s src %s: %s\n", who, r->error, r->type, r->table, r->oif,
	       addr_say(&r->gateway, x), addr_say(&r->prefsrc, y), r->text ? r->text : "-");
	(void)a;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct gaps gaps = { .arena = a };
	struct state *live, *old;
	struct io *io, *snap;
	struct err err = { "" };
	unsigned count = argc > 2 ? atoi(argv[2]) : 0, wrong = 0, refused = 0, unnamed = 0, unread = 0, open = 0;

	seed = argc > 3 ? atoll(argv[3]) : 1;
	if (argc < 4 || io_open_live(a, IO_RECORD, &io, &err) || state_open(io, a, &gaps, &live, &err) ||
	    state_read_all(live, &err) || io_save(io, argv[1], &err) || io_open_replay(a, argv[1], &snap, &err) ||
	    state_open(snap, a, &gaps, &old, &err)) {
		fprintf(stderr, "fib_diff: %s\n", err.text);
		return 2;
	}
	state_forget(live);
	for (unsigned i = 0; i < count; i++) {
		struct route_key k = random_key(live, i & 1);
		struct evidences ev = { .arena = a };
		struct route x, y;
		int rx = state_route(live, 0, &k, &x), ry = state_route(old, 0, &k, &y);

		if (rx || ry) {
			unread += rx != ry;
			if (rx != ry)
				printf("%s: live %d, snapshot %d\n", say_key(a, live, &k), rx, ry);
			continue;
		}
		refused += x.error != 0;
		if (y.unknown) {
			/* Several next hops: the kernel's hash is not in a snapshot, and that is said. */
			open++;
		} else if (!same(&x, &y, &k)) {
			wrong++;
			printf("%s\n", say_key(a, live, &k));
			say_route(a, "kernel", &x);
			say_route(a, "snapshot", &y);
		} else if (x.error && state_route_refusal(live, 0, &k, &x, &ev) == CAUSE_NONE) {
			unnamed++;
			printf("%s: refused with %d, no cause\n", say_key(a, live, &k), x.error);
		}
	}
	printf("%u questions, %u refused, %u left open, %u answered differently, %u refusals without a cause, "
	       "%u not askable\n", count, refused, open, wrong, unnamed, unread);
	io_close(io);
	io_close(snap);
	arena_free(a);
	return wrong || unnamed || unread;
}
