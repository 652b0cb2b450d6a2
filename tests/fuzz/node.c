// SPDX-License-Identifier: GPL-2.0-only
/*
 * A node whose every answer may lie. The input is a snapshot; its scenario (record IO_META "fuzz") holds letters, and after
 * them a line for each question, "TO FROM". The letters: l answer as a live kernel, where single things are asked for;
 * f give an answer of the same kind where the very one was not recorded; j print JSON; a every rule.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netlink.h>

#include "tests/fuzz/fuzz.h"
#include "tracer/base/io_priv.h"
#include "tracer/cmd.h"
#include "tracer/state_priv.h"

#define PATHS	4			/* of each walk over rules */

static struct scenario {
	bool live, lookalike, json, all;
	char text[4096];
} scenario;

/* -- the door, as it is behind the program's back ---------------------------------------------- */

int __real_io_read(struct io *io, enum io_kind kind, uint32_t netns, const void *key, size_t key_len,
		   io_produce produce, void *ctx, bool keep, const uint8_t **data, size_t *len);
int __wrap_io_read(struct io *io, enum io_kind kind, uint32_t netns, const void *key, size_t key_len,
		   io_produce produce, void *ctx, bool keep, const uint8_t **data, size_t *len);
enum io_mode __real_io_mode(const struct io *io);
enum io_mode __wrap_io_mode(const struct io *io);
int __wrap_scandir(void);
enum status __wrap_cmd_fail(const struct err *err, int rc);

/* The same question but for what it is about: bus, message type, and a generic netlink command. */
struct asked { uint32_t bus; struct nlmsghdr h; uint8_t cmd; };

static bool alike(const struct record *r, const struct asked *q)
{
	struct asked x = { 0 };

	if (r->kind != IO_NETLINK || r->key_len < offsetof(struct asked, cmd))
		return false;
	memcpy(&x, r->key, r->key_len < sizeof(x) ? r->key_len : sizeof(x));
	return x.bus == q->bus && x.h.nlmsg_type == q->h.nlmsg_type && (q->bus != NETLINK_GENERIC || x.cmd == q->cmd);
}

__attribute__((no_sanitize("coverage")))
static const struct record *lookalike(const struct io *io, const uint8_t *key, size_t len)
{
	const struct record *found = NULL;
	struct asked q = { 0 };
	uint32_t h = 2166136261u, n = 0;

	if (len < offsetof(struct asked, cmd))
		return NULL;
	memcpy(&q, key, len < sizeof(q) ? len : sizeof(q));
	for (size_t i = 0; i < len; i++)
		h = (h ^ key[i]) * 16777619u;
	for (size_t i = 0; i < io->n_slot; i++)
		if (io->slot[i] && alike(io->slot[i], &q) && (h = h * 1664525 + 1013904223, (h >> 8) % ++n == 0))
			found = io->slot[i];
	return found;
}

static struct { const uint8_t *data; size_t left; } playing;

void play(const uint8_t *data, size_t len)
{
	playing.data = data;
	playing.left = len;
}

static int next_played(const uint8_t **data, size_t *len)
{
	const uint8_t *from = playing.data;

	if (!nl_next(&playing.data, &playing.left))
		return -ENOENT;
	*data = from;
	*len = playing.data - from;
	return 0;
}

/* For trim.c, through which files are asked. */
bool played_file(struct io *io, const char **text, size_t *len)
{
	char *copy;

	if (!playing.data)
		return false;
	*text = copy = arena_alloc(io->arena, playing.left + 1);
	memcpy(copy, playing.data, playing.left);
	if (len)
		*len = playing.left;
	return true;
}

int __wrap_io_read(struct io *io, enum io_kind kind, uint32_t netns, const void *key, size_t key_len,
		   io_produce produce, void *ctx, bool keep, const uint8_t **data, size_t *len)
{
	int rc = __real_io_read(io, kind, netns, key, key_len, produce, ctx, keep, data, len);
	const struct record *r;

	if (playing.data && kind == IO_NETLINK)
		return next_played(data, len);
	trim_note(kind, netns, key, key_len);
	if (rc == -ENODATA && scenario.lookalike && kind == IO_NETLINK && (r = lookalike(io, key, key_len))) {
		trim_note(r->kind, r->netns, r->key, r->key_len);
		*data = r->data;
		*len = r->len;
		rc = r->rc;
	}
	/* it would only make the command wait and ask again */
	return rc == -EINTR ? -EIO : rc;
}

enum io_mode __wrap_io_mode(const struct io *io)
{
	return scenario.live ? IO_LIVE : __real_io_mode(io);
}

/* This machine's own namespaces are none of the node's. */
int __wrap_scandir(void)
{
	return -1;
}

enum status __wrap_cmd_fail(const struct err *err, int rc)
{
	if (rc >= 0)
		abort();
	if (err->text[0])
		check_err(err);
	return STATUS_UNKNOWN;
}

/* -- asking around ------------------------------------------------------------------------------- */

static struct addr address(const char *text)
{
	struct addr a = { 0 };

	addr_parse(text, &a);
	return a;
}

size_t packets(struct packet *p)
{
	static const struct { const char *src, *dst; uint16_t sport, dport; uint8_t proto; } rows[] = {
		{ "192.0.2.1", "10.96.0.1", 40000, 80, IPPROTO_TCP }, { "10.244.0.2", "192.0.2.10", 40000, 53, IPPROTO_UDP },
		{ "fd02::1", "fd96::1", 40000, 443, IPPROTO_TCP }, { "192.0.2.1", "10.244.0.2", 7, 8 << 8, IPPROTO_ICMP },
		{ "fd44::2", "fd02::10", 40000, 30080, IPPROTO_SCTP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		p[i] = (struct packet){
			.src = address(rows[i].src), .dst = address(rows[i].dst), .sport = rows[i].sport, .dport = rows[i].dport,
			.proto = rows[i].proto, .tcp_flags = 2, .ttl = 64, .len = 60, .iif = 2, .oif = 3, .mark = i,
			.local = i & 1, .sk_known = i & 1, .ct.state = i == 3 ? CT_ESTABLISHED : CT_NEW,
		};
		p[i].ct.orig = packet_tuple(&p[i]);
		p[i].ct.back = tuple_invert(&p[i].ct.orig);
	}
	return ARRAY_SIZE(rows);
}

static void run_base(struct nft *nft, struct evidences *ev, uint8_t pf, uint8_t hook, const struct nft_base *b)
{
	struct packet all[8], p;
	size_t n = packets(all);

	for (size_t i = 0; i < n; i++) {
		struct choices *c = choices_new(ev->arena, PATHS);

		if ((pf == NFPROTO_IPV4 || pf == NFPROTO_IPV6) && packet_family(&all[i]) != (pf == NFPROTO_IPV4 ? AF_INET : AF_INET6))
			continue;
		do {
			struct nft_run run = { .p = &p, .pf = pf, .hook = hook, .choices = c, .evidence = ev,
					       .all = scenario.all };

			p = all[i];
			ev->n = 0;
			nft_run(nft, 0, b, &run);
		} while (choices_next(c));
	}
}

static void run_rules(struct nft *nft, struct arena *a)
{
	static const struct { uint8_t pf; unsigned hooks; int ifindex; } rows[] = {
		{ NFPROTO_IPV4, 5, 0 }, { NFPROTO_IPV6, 5, 0 }, { NFPROTO_BRIDGE, 5, 0 }, { NFPROTO_NETDEV, 2, 2 }, { NFPROTO_ARP, 3, 0 },
	};
	struct evidences ev = { .arena = a };	/* one for all: a long list grows once */

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned h = 0; h < rows[i].hooks; h++) {
			const struct nft_hook *hook;
			struct err err = { "" };

			if (nft_hook(nft, 0, rows[i].pf, h, rows[i].ifindex, &hook, &err))
				continue;
			for (size_t k = 0; k < hook->n_base && k < 6; k++)
				run_base(nft, &ev, rows[i].pf, h, hook->base[k]);
		}
}

/* What names are read from. */
static void view_rules(struct nft *nft)
{
	static const char *const sets[] = { "service-ips", "service-nodeports", "no-endpoint-services", "cluster-ips" };
	const struct nft_table *t;
	struct err err = { "" };
	size_t n;

	if (nft_tables(nft, 0, &t, &n, &err)) {
		check_err(&err);
		return;
	}
	for (size_t i = 0; i < n && i < 32; i++) {
		const struct nft_elem_view *elem;
		const struct nft_rule_view *rule;
		const char *const *chain;
		size_t n_chain, n_rule, n_elem;

		if (nft_chains(nft, 0, &t[i], &chain, &n_chain))
			continue;
		for (size_t k = 0; k < n_chain && k < 64; k++) {
			nft_chain_exists(nft, 0, &t[i], chain[k]);
			nft_rules(nft, 0, &t[i], chain[k], &rule, &n_rule, &err);
		}
		for (size_t k = 0; k < ARRAY_SIZE(sets); k++)
			nft_elements(nft, 0, &t[i], sets[k], &elem, &n_elem, &err);
	}
}

static void ask_state(struct state *s, struct arena *a)
{
	const struct ask *ask = state_ask(s);
	struct packet all[8];
	size_t n = packets(all), n_link;
	const struct link *const *link;
	const struct tc_step *step;

	if (state_links(s, 0, &link, &n_link))
		n_link = 0;
	for (size_t i = 0; i < n; i++) {
		const struct packet *p = &all[i];
		struct route_key key = { .src = p->src, .dst = p->dst, .proto = p->proto, .sport = p->sport, .dport = p->dport };
		struct evidences ev = { .arena = a };
		struct sock_info sock, near;
		const char *text;
		struct route r;
		struct addr got;
		struct mac mac;
		uint32_t netns;
		uint8_t type;

		for (int iif = 0; iif < 4; iif++) {
			key.iif = iif;
			if (!state_route(s, 0, &key, &r))
				state_route_refusal(s, 0, &key, &r, &ev);
			ask->addr_type(ask->ctx, 0, &p->dst, iif, &type);
			ask->dev_addr(ask->ctx, 0, iif, &p->dst, &got);
			ask->redirect_addr(ask->ctx, 0, iif, &p->dst, &got);
		}
		state_listener(s, 0, p, &sock, &near, &text);
		ask->socket(ask->ctx, 0, p, &sock);
		state_netns_of_addr(s, &p->dst, &netns);
		for (size_t k = 0; k < n_link && k < 8; k++) {
			state_neigh(s, 0, link[k]->ifindex, &p->dst, &mac, &text);
			state_fdb_port(s, 0, link[k]->ifindex, &link[k]->mac);
			state_port_of_addr(s, 0, link[k]->ifindex, &p->dst);
			state_is_uplink(s, 0, link[k]);
			state_tc(s, 0, link[k], i & 1, &step);
		}
	}
}

static void ask_flows(struct state *s)
{
	struct packet all[8];
	size_t n = packets(all);
	struct ct_view ct;
	const char *text;
	long count, max;

	conntrack_read_all(s, 0);
	state_ct_fill(s, 0, &count, &max);
	state_ct_enabled(s, 0, NFPROTO_IPV4);
	for (size_t i = 0; i < n; i++) {
		state_ct_get(s, 0, &all[i].ct.orig, i & 1, &ct, &text);
		state_ct_get(s, 0, &all[i].ct.back, 0, &ct, &text);
	}
}

static void ask_ipvs(struct ipvs *v, struct arena *a)
{
	const struct ipvs_service *s;
	const struct ipvs_dest *d;
	size_t n, n_dest;

	ipvs_read_all(v, 0);
	if (!ipvs_present(v, 0) || ipvs_services(v, 0, &s, &n))
		return;
	for (size_t i = 0; i < n && i < 32; i++) {
		struct packet p = { .src = address("192.0.2.1"), .dst = s[i].addr, .sport = 40000, .dport = s[i].port,
				    .proto = s[i].proto, .tcp_flags = 2, .mark = s[i].fwmark, .ct.state = CT_NEW };
		struct choices *c = choices_new(a, PATHS);
		struct evidences ev = { .arena = a };

		ipvs_dests(v, 0, &s[i], &d, &n_dest);
		if (!p.dst.family)
			p.dst = address("10.96.0.1");
		if (p.dst.family == AF_INET6)
			p.src = address("fd02::1");
		do {
			struct ipvs_run run = { .p = &p, .choices = c, .evidence = &ev };

			ipvs_run(v, 0, &run);
		} while (choices_next(c));
	}
}

static void ask_around(struct io *io, struct arena *a, const struct fuzz *t)
{
	struct gaps gaps = { .arena = a };
	struct err err = { "" };
	struct state *s;

	if (state_open(io, a, &gaps, &s, &err)) {
		check_err(&err);
		return;
	}
	if (t->what & DO_NODE)
		state_read_all(s, &err);
	if (t->what & DO_RULES) {
		nft_read_all(state_nft(s), 0, &err);
		view_rules(state_nft(s));
		run_rules(state_nft(s), a);
	}
	if (t->what & DO_STATE)
		ask_state(s, a);
	if (t->what & DO_FLOWS)
		ask_flows(s);
	if (t->what & DO_IPVS)
		ask_ipvs(state_ipvs(s), a);
}

/* -- one input ------------------------------------------------------------------------------------ */

static void read_scenario(struct io *io)
{
	const uint8_t *data = NULL;
	size_t len = 0, n;

	memset(&scenario, 0, sizeof(scenario));
	trim_note(IO_META, 0, SCENARIO, strlen(SCENARIO));
	if (__real_io_read(io, IO_META, 0, SCENARIO, strlen(SCENARIO), NULL, NULL, true, &data, &len) || !data)
		return;
	len = len < sizeof(scenario.text) ? len : sizeof(scenario.text) - 1;
	memcpy(scenario.text, data, len);
	n = strcspn(scenario.text, "\n");
	scenario.live = memchr(scenario.text, 'l', n);
	scenario.lookalike = memchr(scenario.text, 'f', n);
	scenario.json = memchr(scenario.text, 'j', n);
	scenario.all = memchr(scenario.text, 'a', n);
	memmove(scenario.text, scenario.text + n, sizeof(scenario.text) - n);
}

static void ask_questions(const char *path)
{
	char text[sizeof(scenario.text)], *save, *line, *rest;

	memcpy(text, scenario.text, sizeof(text));
	line = strtok_r(text, "\n", &save);
	for (int i = 0; line && i < 3; i++, line = strtok_r(NULL, "\n", &save)) {
		struct options o = { .command = COMMAND_PREDICT, .in = path, .json = scenario.json, .all = scenario.all,
				     .color = i ? COLOR_ALWAYS : COLOR_NEVER };

		o.to = strtok_r(line, " ", &rest);
		o.from = strtok_r(NULL, " ", &rest);
		if (o.to)
			cmd_predict(&o);
	}
}

void run_node(const struct fuzz *t, const uint8_t *data, size_t len)
{
	static char path[64];
	static int fd = -1;
	struct arena *a = arena_new();
	struct err err = { "" };
	struct io *io = NULL;

	if (fd < 0) {
		fd = memfd_create("node", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (fd < 0 || ftruncate(fd, len) || pwrite(fd, data, len, 0) != (ssize_t)len)
		abort();
	if (io_open_replay(a, path, &io, &err)) {
		check_err(&err);
	} else {
		read_scenario(io);
		if (t->what)
			ask_around(io, a, t);
		ask_questions(path);
		trim_write(io);
	}
	io_close(io);
	arena_free(a);
}
