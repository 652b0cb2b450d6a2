// SPDX-License-Identifier: GPL-2.0-only
/*
 * One rule alone, many times faster than a node: `rule` decodes, runs and prints one of nf_tables, and the messages behind it
 * answer what it asks; `row` puts bytes of the right size under one row of the tables of matches and targets.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nft/expr.h"
#include "nft/uapi.h"
#include "nft/xt_rows.h"
#include "tests/fuzz/fuzz.h"
#include "tracer/base/nl.h"

#include <linux/rtnetlink.h>

#define PATHS 4

/* -- a node that says the same to everybody ----------------------------------------------------- */

static int ask_route(void *ctx UNUSED, uint32_t netns UNUSED, const struct route_key *key, struct route *out)
{
	*out = (struct route){ .type = RTN_UNICAST, .oif = 2, .error = key->mark & 8 ? -ENETUNREACH : 0, .mtu = 1500 };
	return key->mark & 16 ? -EPERM : 0;
}

static int ask_addr_type(void *ctx UNUSED, uint32_t netns UNUSED, const struct addr *a, int ifindex, uint8_t *rtn)
{
	*rtn = a->b[3] & 1 ? RTN_LOCAL : RTN_UNICAST;
	return ifindex == 3 ? -EPERM : 0;
}

static const struct link *ask_link(void *ctx UNUSED, uint32_t netns UNUSED, int ifindex)
{
	static const struct link links[] = {
		{ .ifindex = 1, .name = "lo", .type = 772 }, { .ifindex = 2, .name = "eth0", .type = 1 },
		{ .ifindex = 3, .name = "cni0", .kind = "bridge", .type = 1 },
	};

	return ifindex > 0 && ifindex <= (int)ARRAY_SIZE(links) ? &links[ifindex - 1] : NULL;
}

static int ask_dev_addr(void *ctx UNUSED, uint32_t netns UNUSED, int ifindex, const struct addr *dst, struct addr *out)
{
	*out = *dst;
	return ifindex == 2 ? 0 : -ENOENT;
}

static enum answer ask_socket(void *ctx UNUSED, uint32_t netns UNUSED, const struct packet *p, struct sock_info *out)
{
	*out = (struct sock_info){ .state = 10, .local = p->dst, .port = p->dport, .uid = 1000 };
	return p->mark & 1 ? UNKNOWN : YES;
}

static const struct ask ask = {
	.route = ask_route, .addr_type = ask_addr_type, .link = ask_link, .dev_addr = ask_dev_addr,
	.redirect_addr = ask_dev_addr, .socket = ask_socket,
};

static struct io *open_nothing(struct arena *a)
{
	static char path[64];
	struct err err;
	struct io *io;

	if (!path[0]) {
		uint8_t bytes[256];
		size_t n = empty_node(bytes, sizeof(bytes));
		int fd = memfd_create("nothing", MFD_CLOEXEC);

		if (write(fd, bytes, n) != (ssize_t)n)
			abort();
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (io_open_replay(a, path, &io, &err))
		abort();
	return io;
}

/* -- a rule on the bench --------------------------------------------------------------------------- */

struct bench {
	struct arena *a;
	struct io *io;
	struct nft *nft;
	struct gaps gaps;
	struct nft_base base;
	struct native_chain chain;
};

static void bench_open(struct bench *b, enum backend backend, uint8_t family)
{
	memset(b, 0, sizeof(*b));
	b->a = b->gaps.arena = arena_new();
	b->io = open_nothing(b->a);
	b->nft = nft_open(b->io, b->a, &ask, &b->gaps);
	b->base = (struct nft_base){ .backend = backend, .family = family, .table = "t", .chain = "c" };
	b->chain.chain = (struct chain){ .table = "t", .name = "c", .family = family, .backend = backend, .base = &b->base };
	b->chain.ruleset = ruleset_get(b->nft, 0);
}

static void bench_close(struct bench *b)
{
	play(NULL, 0);
	io_close(b->io);
	arena_free(b->a);
}

static void run_steps(struct bench *b, const struct rule *r, const struct packet *packet, uint8_t hook)
{
	uint8_t pf = packet_family(packet) == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	struct choices *choices = choices_new(b->a, PATHS);

	do {
		struct packet p = *packet;
		struct evidences ev = { .arena = b->a };
		const struct nft_write *written = NULL;
		struct nft_run run = { .p = &p, .pf = pf, .hook = hook, .choices = choices, .evidence = &ev };
		struct eval e = { .nft = b->nft, .io = b->io, .arena = b->a, .ask = &ask, .run = &run, .p = &p, .base = &b->base,
				  .chain = &b->chain.chain, .rule = r, .writes = &written };

		for (size_t i = 0; i < r->n_step; i++) {
			enum step_kind k = r->step[i].ops->run(&e, &r->step[i]);

			/* as the interpreter forks */
			if (k == STEP_UNKNOWN && choice_unknown(choices, 2, "unknown"))
				break;
			if (k != STEP_NEXT && k != STEP_UNKNOWN)
				break;
		}
	} while (choices_next(choices));
}

static void run_everywhere(struct bench *b, struct rule *r, uint8_t hook)
{
	struct packet all[8];
	size_t n = packets(all);

	b->base.hook = hook;
	for (size_t i = 0; i < n; i++)
		run_steps(b, r, &all[i], hook);
	rule_say(b->a, &b->chain.chain, r);
}

void run_rule(const struct fuzz *f UNUSED, const uint8_t *data, size_t len)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_INET, NFPROTO_BRIDGE, NFPROTO_NETDEV };
	const struct nlattr *tb[NFTA_RULE_MAX + 1];
	uint8_t *copy = malloc(len + !len);	/* aligned, and nothing behind it */
	const uint8_t *p = copy;
	const struct nlmsghdr *h;
	struct rule rule = { .index = 1 };
	struct decode d = { .table = "t" };
	struct bench b;

	memcpy(copy, data, len);
	h = nl_next(&p, &len);
	if (h && h->nlmsg_len >= NLMSG_HDRLEN + sizeof(struct nfgenmsg)) {
		const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);

		bench_open(&b, BACKEND_NF_TABLES, families[g->nfgen_family % ARRAY_SIZE(families)]);
		d.arena = b.a;
		d.family = b.base.family;
		d.ruleset = b.chain.ruleset;
		play(p, len);
		nl_attrs(h, sizeof(*g), tb, NFTA_RULE_MAX);
		if (tb[NFTA_RULE_EXPRESSIONS]) {
			expr_decode_rule(&d, tb[NFTA_RULE_EXPRESSIONS], &rule);
			run_everywhere(&b, &rule, g->version % 6);
		}
		bench_close(&b);
	}
	free(copy);
}

/* -- rows ----------------------------------------------------------------------------------------- */

static const struct xt_rows *const tables[] = {
	&xt_match_meta, &xt_match_proto, &xt_match_ip, &xt_match_ct, &xt_match_stateful, &xt_match_rate, &xt_match_lookup,
	&xt_match_recent, &xt_match_filter, &xt_target_mark, &xt_target_nat, &xt_target_end, &xt_target_other,
};

static const struct xt_row *row_of(unsigned i)
{
	size_t n = 0;

	for (size_t k = 0; k < ARRAY_SIZE(tables); k++)
		n += tables[k]->n;
	i %= n;
	for (size_t k = 0; ; i -= tables[k++]->n)
		if (i < tables[k]->n)
			return &tables[k]->row[i];
}

/* The row's number, the hook, then its info; what is left over is the file or the answer that it asks for. */
void run_row(const struct fuzz *f UNUSED, const uint8_t *data, size_t len)
{
	const struct xt_row *row;
	struct step step = { 0 };
	struct rule rule = { .index = 1, .step = &step, .n_step = 1 };
	struct bench b;
	uint8_t family, *info;
	size_t n;

	if (len < 4)
		return;
	row = row_of(data[0] | data[1] << 8);
	family = row->family != NFPROTO_UNSPEC ? row->family : data[2] & 8 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	bench_open(&b, BACKEND_LEGACY, family);
	n = len - 4 < row->size ? len - 4 : row->size;
	info = arena_alloc(b.a, (row->size + 7) & ~7u);
	memcpy(info, data + 4, n);
	play(data + 4 + n, len - 4 - n);
	if (row->match)
		xt_match_step_at(b.a, row->ops.name, row->rev, family, info, (row->size + 7) & ~7u, &step);
	else
		xt_target_step_at(b.a, row->ops.name, row->rev, family, info, (row->size + 7) & ~7u, &step);
	run_everywhere(&b, &rule, data[2] % 5);
	bench_close(&b);
}
