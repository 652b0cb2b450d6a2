/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet, a node of two interfaces and an evaluation to put a match or target on, for the tests of their tables. */
#ifndef KTRACE_TEST_XT_BENCH_H
#define KTRACE_TEST_XT_BENCH_H

#include <errno.h>
#include <netinet/in.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "nft/eval.h"
#include "nft/xt.h"

#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>

#define LO	1
#define ETH0	2
#define CNI0	3

struct bench {
	struct arena *arena;
	struct io *io;
	struct nft *nft;
	struct gaps gaps;
	struct packet p;
	struct nft_run run;
	struct eval e;
	const struct nft_write *writes;
	struct ask ask;
	/* what the node answers */
	struct route route;
	int route_rc;
	enum answer socket;
	struct sock_info sk;
};

static struct bench bench;

static const char *const bench_names[] = { [LO] = "lo", [ETH0] = "eth0", [CNI0] = "cni0" };

static const struct link *bench_link(void *ctx UNUSED, uint32_t netns UNUSED, int ifindex)
{
	static struct link l[4];

	if (ifindex < LO || ifindex > CNI0)
		return NULL;
	l[ifindex] = (struct link){ .ifindex = ifindex, .type = ifindex == LO ? ARPHRD_LOOPBACK : ARPHRD_ETHER,
				    .flags = ifindex == LO ? IFF_LOOPBACK : 0, .group = ifindex == ETH0 ? 5 : 0 };
	strcpy(l[ifindex].name, bench_names[ifindex]);
	return &l[ifindex];
}

static struct addr bench_addr(const char *text)
{
	struct addr a = { 0 };

	assert_true(addr_parse(text, &a));
	return a;
}

static bool bench_is(const struct addr *a, const char *text)
{
	struct addr b = bench_addr(text);

	return addr_eq(a, &b);
}

/* 192.168.1.1 and fd00:1::1 are eth0's; 10.244.0.1 is cni0's. */
static int bench_addr_type(void *ctx UNUSED, uint32_t netns UNUSED, const struct addr *a, int ifindex, uint8_t *rtn)
{
	bool eth = bench_is(a, "192.168.1.1") || bench_is(a, "fd00:1::1"), cni = bench_is(a, "10.244.0.1");

	if (bench_is(a, "10.99.99.99"))
		return -EPERM;
	*rtn = (eth && (!ifindex || ifindex == ETH0)) || (cni && (!ifindex || ifindex == CNI0)) ? RTN_LOCAL :
	       addr_is_multicast(a) ? RTN_MULTICAST : RTN_UNICAST;
	return 0;
}

static int bench_route(void *ctx UNUSED, uint32_t netns UNUSED, const struct route_key *key UNUSED, struct route *out)
{
	*out = bench.route;
	return bench.route_rc;
}

static int bench_dev_addr(void *ctx UNUSED, uint32_t netns UNUSED, int ifindex, const struct addr *dst, struct addr *out)
{
	if (ifindex == LO)
		return -ENOENT;
	if (ifindex != ETH0)
		return -EIO;
	*out = bench_addr(dst->family == AF_INET ? "192.168.1.1" : "fd00:1::1");
	return 0;
}

static enum answer bench_socket(void *ctx UNUSED, uint32_t netns UNUSED, const struct packet *p UNUSED,
				struct sock_info *out)
{
	*out = bench.sk;
	return bench.socket;
}

/* A SYN from 10.0.0.5:40000 to 10.96.0.10:80 that came in by eth0, in PREROUTING. */
static void bench_reset(uint8_t family)
{
	bool v4 = family == NFPROTO_IPV4;
	struct err err;

	if (!bench.arena) {
		bench.arena = arena_new();
		assert_int_equal(io_open_live(bench.arena, IO_LIVE, &bench.io, &err), 0);
		bench.gaps.arena = bench.arena;
		bench.ask = (struct ask){ .route = bench_route, .addr_type = bench_addr_type, .link = bench_link,
					  .dev_addr = bench_dev_addr, .redirect_addr = bench_dev_addr,
					  .socket = bench_socket };
		bench.nft = nft_open(bench.io, bench.arena, &bench.ask, &bench.gaps);
	}
	bench.p = (struct packet){ .src = bench_addr(v4 ? "10.0.0.5" : "fd00::5"),
				   .dst = bench_addr(v4 ? "10.96.0.10" : "fd00:96::10"), .sport = 40000, .dport = 80,
				   .proto = IPPROTO_TCP, .tcp_flags = 2, .ttl = 64, .len = 60, .iif = ETH0 };
	bench.run = (struct nft_run){ .p = &bench.p, .pf = family, .hook = NF_INET_PRE_ROUTING,
				      .choices = choices_new(bench.arena, 16) };
	bench.e = (struct eval){ .nft = bench.nft, .io = bench.io, .arena = bench.arena, .ask = &bench.ask,
				 .run = &bench.run, .p = &bench.p, .writes = &bench.writes };
	bench.writes = NULL;
	bench.route = (struct route){ .type = RTN_UNICAST, .oif = ETH0 };
	bench.route_rc = 0;
	bench.socket = NO;
	bench.sk = (struct sock_info){ 0 };
	choices_rewind(bench.run.choices);
}

static int bench_close(void **state UNUSED)
{
	io_close(bench.io);
	arena_free(bench.arena);
	memset(&bench, 0, sizeof(bench));
	return 0;
}

static UNUSED const char *bench_say(const struct step *s)
{
	struct text t = { .arena = bench.arena };

	s->ops->say(&t, s);
	return text_get(&t);
}

#endif
