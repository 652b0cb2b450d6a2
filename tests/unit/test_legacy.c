/* SPDX-License-Identifier: GPL-2.0-only */
/* Tables of iptables-legacy from blobs that the test builds: as the kernel has them, and as it never would. */
#include "xt_bench.h"
#include "xt_replay.h"

#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6

/* A table under construction. */
struct build {
	_Alignas(8) uint8_t b[8192];
	uint32_t size, entries;
	uint8_t family;
	struct ipt_getinfo info;
};

static uint8_t *grow(struct build *t, uint32_t n)
{
	uint8_t *p = t->b + t->size;

	n = (n + 7) & ~7u;
	assert_true(t->size + n <= sizeof(t->b));
	t->size += n;
	return p;
}

static uint32_t head_size(const struct build *t)
{
	return t->family == V4 ? sizeof(struct ipt_entry) : sizeof(struct ip6t_entry);
}

static void offsets(struct build *t, uint32_t entry, uint32_t target)
{
	struct ipt_entry *e4 = (void *)(t->b + entry);
	struct ip6t_entry *e6 = (void *)(t->b + entry);

	if (t->family == V4) {
		e4->target_offset = target - entry;
		e4->next_offset = t->size - entry;
	} else {
		e6->target_offset = target - entry;
		e6->next_offset = t->size - entry;
	}
	t->entries++;
}

static void add_match(struct build *t, const char *name, uint8_t rev, const void *info, uint32_t size)
{
	struct xt_entry_match *m = (void *)grow(t, sizeof(*m) + size);

	m->u.user.match_size = (sizeof(*m) + size + 7) & ~7u;
	strcpy(m->u.user.name, name);
	m->u.user.revision = rev;
	memcpy(m->data, info, size);
}

static uint32_t add_target(struct build *t, const char *name, uint8_t rev, const void *info, uint32_t size)
{
	uint32_t at = t->size;
	struct xt_entry_target *g = (void *)grow(t, sizeof(*g) + size);

	g->u.user.target_size = (sizeof(*g) + size + 7) & ~7u;
	strcpy(g->u.user.name, name);
	g->u.user.revision = rev;
	memcpy(g->data, info, size);
	return at;
}

/* An entry without matches; its header is filled in by the caller. Returns its offset. */
static uint32_t standard(struct build *t, int verdict)
{
	uint32_t entry = t->size;

	grow(t, head_size(t));
	offsets(t, entry, add_target(t, "", 0, &verdict, sizeof(verdict)));
	return entry;
}

static uint32_t error_entry(struct build *t, const char *name)
{
	char text[XT_FUNCTION_MAXNAMELEN] = "";
	uint32_t entry = t->size;

	strcpy(text, name);
	grow(t, head_size(t));
	offsets(t, entry, add_target(t, XT_ERROR_TARGET, 0, text, sizeof(text)));
	return entry;
}

/* INPUT: -s ! 10.0.0.0/8 -i eth+ -p tcp -m comment -m mark -j WEB; -g WEB; nothing; policy DROP. FORWARD: policy ACCEPT. WEB: mark; return. */
static void build_filter(struct build *t, uint8_t family)
{
	const struct xt_comment_info comment = { "from the web" };
	const struct xt_mark_mtinfo1 mark = { 0x4000, 0x4000, 1 };
	const struct xt_mark_tginfo2 set = { 1, 0xff };
	uint32_t jump, go, nothing, chain;

	memset(t, 0, sizeof(*t));
	t->family = family;
	t->info.valid_hooks = 1 << NF_INET_LOCAL_IN | 1 << NF_INET_FORWARD;
	jump = t->size;
	grow(t, head_size(t));
	add_match(t, "comment", 0, &comment, sizeof(comment));
	add_match(t, "mark", 1, &mark, sizeof(mark));
	offsets(t, jump, add_target(t, "", 0, &(int){ 0 }, sizeof(int)));
	go = standard(t, 0);
	nothing = standard(t, 0);
	((struct xt_standard_target *)(t->b + t->size - sizeof(struct xt_standard_target)))->verdict = t->size;
	t->info.underflow[NF_INET_LOCAL_IN] = standard(t, -NF_DROP - 1);
	t->info.hook_entry[NF_INET_FORWARD] = t->info.underflow[NF_INET_FORWARD] = standard(t, -NF_ACCEPT - 1);
	error_entry(t, "WEB");
	chain = t->size;
	grow(t, head_size(t));
	offsets(t, chain, add_target(t, "MARK", 2, &set, sizeof(set)));
	standard(t, XT_RETURN);
	error_entry(t, "ERROR");
	((struct xt_standard_target *)(t->b + go - sizeof(struct xt_standard_target)))->verdict = chain;
	((struct xt_standard_target *)(t->b + nothing - sizeof(struct xt_standard_target)))->verdict = chain;
	if (family == V4) {
		struct ipt_entry *e = (void *)(t->b + jump);

		e->ip.src.s_addr = 0x0000000a;
		e->ip.smsk.s_addr = 0x000000ff;
		e->ip.invflags = IPT_INV_SRCIP;
		e->ip.proto = IPPROTO_TCP;
		strcpy(e->ip.iniface, "eth");
		memset(e->ip.iniface_mask, 0xff, 3);
		((struct ipt_entry *)(t->b + go))->ip.flags = IPT_F_GOTO;
	} else {
		struct ip6t_entry *e = (void *)(t->b + jump);

		e->ipv6.src = bench_addr("fd00::").v6;
		e->ipv6.smsk = bench_addr("ffff::").v6;
		e->ipv6.invflags = IP6T_INV_SRCIP;
		e->ipv6.proto = IPPROTO_TCP;
		e->ipv6.flags = IP6T_F_PROTO;
		strcpy(e->ipv6.iniface, "eth");
		memset(e->ipv6.iniface_mask, 0xff, 3);
		((struct ip6t_entry *)(t->b + go))->ipv6.flags = IP6T_F_GOTO;
	}
	t->info.size = t->size;
	t->info.num_entries = t->entries;
	strcpy(t->info.name, "filter");
}

static void serve(struct build *t, const char *tables)
{
	bool v4 = t->family == V4;
	int domain = v4 ? AF_INET : AF_INET6, level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	struct ipt_getinfo ask = { .name = "filter" };
	uint8_t reply[sizeof(struct ipt_get_entries) + sizeof(t->b)] = { 0 };
	struct ipt_get_entries *get = (void *)reply;
	struct io *io;

	bench_reset(t->family);
	io = canned_new(bench.arena);
	canned_file(io, "/proc/net/ip_tables_names", v4 ? tables : "");
	canned_file(io, "/proc/net/ip6_tables_names", v4 ? "" : tables);
	canned_sockopt(io, domain, level, IPT_SO_GET_INFO, &ask, sizeof(ask), &t->info, sizeof(t->info), 0);
	strcpy(get->name, "filter");
	get->size = t->info.size;
	canned_sockopt(io, domain, level, IPT_SO_GET_ENTRIES, get, sizeof(*get), reply, sizeof(*get), 0);
	memcpy(get->entrytable, t->b, t->size);
	canned_sockopt(io, domain, level, IPT_SO_GET_ENTRIES, get, sizeof(*get), reply, sizeof(*get) + t->size, 0);
	io_close(bench.io);
	bench.io = canned_replay(bench.arena, io);
	bench.gaps = (struct gaps){ .arena = bench.arena };
	bench.nft = nft_open(bench.io, bench.arena, &bench.ask, &bench.gaps);
	bench.e.nft = bench.nft;
}

static const char *rule_text(const struct chain *c, size_t i)
{
	struct text t = { .arena = bench.arena };

	for (size_t s = 0; s < c->rule[i].n_step; s++) {
		text_add(&t, "%s", s ? " " : "");
		c->rule[i].step[s].ops->say(&t, &c->rule[i].step[s]);
	}
	return text_get(&t);
}

static enum step_kind run_rule(const struct chain *c, size_t i)
{
	enum step_kind k = STEP_NEXT;

	bench.run.hook = NF_INET_LOCAL_IN;
	for (size_t s = 0; k == STEP_NEXT && s < c->rule[i].n_step; s++)
		k = c->rule[i].step[s].ops->run(&bench.e, &c->rule[i].step[s]);
	return k;
}

static void check_filter(uint8_t family, const char *first)
{
	static struct build t;
	const char *const *names;
	const struct chain *c;
	struct nft_base base;
	size_t n;
	int rc;

	build_filter(&t, family);
	serve(&t, "filter\n");
	assert_string_equal(legacy_tables(bench.nft, 0, family)[0], "filter");
	assert_null(legacy_tables(bench.nft, 0, family)[1]);
	assert_int_equal(legacy_chain_names(bench.nft, 0, family, "filter", &names, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(names[0], "FORWARD");
	assert_string_equal(names[1], "INPUT");
	assert_string_equal(names[2], "WEB");
	c = legacy_chain(bench.nft, 0, family, "filter", "INPUT", &rc);
	assert_non_null(c);
	assert_int_equal(rc, 0);
	assert_int_equal(c->n_rule, 3);
	assert_int_equal(c->base->policy, NF_DROP);
	assert_int_equal(c->backend, BACKEND_LEGACY);
	assert_string_equal(rule_text(c, 0), first);
	assert_string_equal(c->rule[0].comment, "from the web");
	assert_int_equal(c->rule[2].index, 3);
	assert_string_equal(rule_text(c, 1), "-g WEB");
	assert_string_equal(rule_text(c, 2), "");
	assert_int_equal(run_rule(c, 0), STEP_BREAK);	/* the source is not outside the prefix */
	bench.p.src = bench_addr(family == V4 ? "11.0.0.1" : "fe00::1");
	assert_int_equal(run_rule(c, 0), STEP_JUMP);
	assert_string_equal(bench.e.target, "WEB");
	bench.p.iif = CNI0;
	assert_int_equal(run_rule(c, 0), STEP_BREAK);
	bench.p.iif = 99;				/* no such interface could be read */
	assert_int_equal(run_rule(c, 0), STEP_UNKNOWN);
	bench.p.iif = ETH0;
	bench.p.proto = IPPROTO_UDP;
	assert_int_equal(run_rule(c, 0), STEP_BREAK);
	assert_int_equal(run_rule(c, 1), STEP_GOTO);
	assert_int_equal(run_rule(c, 2), STEP_NEXT);
	c = legacy_chain(bench.nft, 0, family, "filter", "WEB", &rc);
	assert_int_equal(c->n_rule, 1);
	assert_null(c->base);
	assert_string_equal(rule_text(c, 0), "-j MARK --set-xmark 0x1/0xff");
	assert_int_equal(legacy_chain(bench.nft, 0, family, "filter", "FORWARD", &rc)->n_rule, 0);
	assert_null(legacy_chain(bench.nft, 0, family, "filter", "NONE", &rc));
	assert_int_equal(rc, -ENOENT);
	assert_int_equal(legacy_base(bench.nft, 0, family, "filter", NF_INET_LOCAL_IN, &base), 0);
	assert_int_equal(base.policy, NF_DROP);
	assert_int_equal(base.priority, 0);
	assert_int_equal(legacy_base(bench.nft, 0, family, "filter", NF_INET_LOCAL_OUT, &base), -ENOENT);
	assert_int_equal(legacy_base(bench.nft, 0, family, "nat", NF_INET_LOCAL_OUT, &base), -ENOENT);
	assert_int_equal(bench.gaps.n, 0);
}

static void test_ipv4(void **state UNUSED)
{
	check_filter(V4, "! -s 10.0.0.0/8 -i eth+ -p tcp -m comment --comment \"from the web\" "
			 "-m mark ! --mark 0x4000/0x4000 -j WEB");
}

static void test_ipv6(void **state UNUSED)
{
	check_filter(V6, "! -s fd00::/16 -i eth+ -p tcp -m comment --comment \"from the web\" "
			 "-m mark ! --mark 0x4000/0x4000 -j WEB");
}

/* A table that is not listed is not asked for: asking creates it. */
static void test_only_listed(void **state UNUSED)
{
	static struct build t;
	int rc;

	build_filter(&t, V4);
	serve(&t, "");
	assert_null(legacy_tables(bench.nft, 0, V4)[0]);
	assert_null(legacy_chain(bench.nft, 0, V4, "filter", "INPUT", &rc));
	assert_int_equal(rc, -ENOENT);
	assert_int_equal(bench.gaps.n, 0);
}

/* Whatever the table: an answer or an error with a gap, no read beyond it. */
static int try_all(void)
{
	const char *const *names;
	struct nft_base base;
	int rc, bad = 0;
	size_t n;

	if (legacy_chain_names(bench.nft, 0, V4, "filter", &names, &n))
		bad++;
	else
		for (size_t i = 0; i < n; i++)
			bad += !legacy_chain(bench.nft, 0, V4, "filter", names[i], &rc);
	legacy_base(bench.nft, 0, V4, "filter", NF_INET_LOCAL_IN, &base);
	return bad;
}

static void test_hostile_fields(void **state UNUSED)
{
	static struct build t;

	for (int i = 0; i < 14; i++) {
		struct ipt_entry *e = (void *)t.b;
		struct xt_entry_match *m;

		build_filter(&t, V4);
		m = (void *)e->elems;
		switch (i) {
		case 0: e->next_offset = 0; break;
		case 1: e->next_offset = 0xfff8; break;
		case 2: e->next_offset += 4; break;
		case 3: e->target_offset = 0; break;
		case 4: e->target_offset = e->next_offset; break;
		case 5: m->u.user.match_size = 0; break;
		case 6: m->u.user.match_size = 0xfff8; break;
		case 7: memset(m->u.user.name, 'x', sizeof(m->u.user.name)); break;
		case 8: t.info.underflow[NF_INET_LOCAL_IN] = t.size; break;
		case 9: t.info.underflow[NF_INET_LOCAL_IN] = 8; break;
		case 10: t.info.underflow[NF_INET_FORWARD] = 0xfffffff8; break;
		case 11: ((struct xt_standard_target *)(t.b + e->target_offset))->verdict = 8; break;
		case 12: ((struct xt_standard_target *)(t.b + e->target_offset))->verdict = -100; break;
		case 13: ((struct xt_entry_target *)(t.b + e->target_offset))->u.user.target_size = 8; break;
		}
		serve(&t, "filter\n");
		if (!try_all())
			fail_msg("field %d went unnoticed", i);
		assert_true(bench.gaps.n > 0);
	}
}

/* Truncated anywhere, and with each 16-bit word in turn set to the worst. */
static void test_hostile_bytes(void **state UNUSED)
{
	static struct build t;
	uint32_t whole;
	size_t used;

	build_filter(&t, V4);
	whole = t.size;
	for (uint32_t cut = 0; cut < whole; cut += 8) {
		build_filter(&t, V4);
		t.size = t.info.size = cut;
		serve(&t, "filter\n");
		try_all();
	}
	for (uint32_t at = 80; at < whole; at += 2) {
		build_filter(&t, V4);
		memset(t.b + at, at % 4 ? 0xff : 0xf8, 2);
		serve(&t, "filter\n");
		try_all();
	}
	build_filter(&t, V4);
	t.info.size = 0xfffffff0;
	serve(&t, "filter\n");
	assert_true(try_all());
	/* no room is made for what is only claimed */
	build_filter(&t, V4);
	t.info.size = 500 << 20;
	serve(&t, "filter\n");
	used = arena_used(bench.arena);
	assert_true(try_all());
	assert_in_range(arena_used(bench.arena) - used, 0, 1 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4), cmocka_unit_test(test_ipv6), cmocka_unit_test(test_only_listed),
		cmocka_unit_test(test_hostile_fields), cmocka_unit_test(test_hostile_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, bench_close);
}
