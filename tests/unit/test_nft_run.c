/* SPDX-License-Identifier: GPL-2.0-only */
/* Chains of rules, sets and the door, over a snapshot whose netlink answers are written here. */
#include "nft_bench.h"
#include "xt_replay.h"

static struct io *recorded;
static uint8_t answer[65536];
static size_t answer_len;
static uint64_t handle;

/* -- a ruleset -- */

static void answer_add(const struct nlmsghdr *h)
{
	assert_true(answer_len + h->nlmsg_len <= sizeof(answer));
	memcpy(answer + answer_len, h, h->nlmsg_len);
	answer_len += h->nlmsg_len;
}

static void put64(struct nlmsghdr *h, uint16_t type, uint64_t v)
{
	mnl_attr_put_u64(h, type, htobe64(v));
}

/* The rule begun with rule_begin() ends, and is one of the answer's. */
static void rule_add(void)
{
	mnl_attr_nest_end(rule_msg, rule_list);
	put64(rule_msg, NFTA_RULE_HANDLE, ++handle);
	answer_add(rule_msg);
}

static void put_names(struct nlmsghdr *h, uint16_t table, uint16_t other, const char *name)
{
	mnl_attr_put_strz(h, table, "t");
	mnl_attr_put_strz(h, other, name);
}

static void request(uint8_t cmd, uint16_t flags, uint16_t table, uint16_t other, const char *name)
{
	char buf[1024] = { 0 };
	struct nlmsghdr *h = nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, cmd, flags, NFPROTO_IPV4);

	if (name)
		put_names(h, table, other, name);
	canned_netlink(recorded, NETLINK_NETFILTER, h, answer, answer_len, 0);
	answer_len = 0;
}

static void chain_add(const char *name)
{
	request(NFT_MSG_GETRULE, NLM_F_DUMP, NFTA_RULE_TABLE, NFTA_RULE_CHAIN, name);
}

static void tables_add(void)
{
	char buf[256] = { 0 };
	struct nlmsghdr *h = nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN, 0, 0);

	mnl_attr_put_u32(h, NFTA_GEN_ID, htonl(7));
	answer_add(h);
	h = nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, 0, 0);
	canned_netlink(recorded, NETLINK_NETFILTER, h, answer, answer_len, 0);
	answer_len = 0;
	memset(buf, 0, sizeof(buf));
	h = nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWTABLE, 0, NFPROTO_IPV4);
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, "t");
	answer_add(h);
	h = nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE, NLM_F_DUMP, 0);
	canned_netlink(recorded, NETLINK_NETFILTER, h, answer, answer_len, 0);
	answer_len = 0;
}

/* Chains by name; the first two are base chains at PREROUTING of priority 0. */
static void chains_add(const char *const *names)
{
	for (size_t i = 0; names[i]; i++) {
		char buf[512] = { 0 };
		struct nlmsghdr *h = nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWCHAIN, 0, NFPROTO_IPV4);
		struct nlattr *hook;

		put_names(h, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, names[i]);
		put64(h, NFTA_CHAIN_HANDLE, i + 1);
		if (i < 2) {
			hook = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
			mnl_attr_put_u32(h, NFTA_HOOK_HOOKNUM, 0);
			mnl_attr_put_u32(h, NFTA_HOOK_PRIORITY, 0);
			mnl_attr_nest_end(h, hook);
			mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, "filter");
			mnl_attr_put_u32(h, NFTA_CHAIN_POLICY, htonl(i ? NF_DROP : NF_ACCEPT));
		}
		answer_add(h);
	}
	request(NFT_MSG_GETCHAIN, NLM_F_DUMP, 0, 0, NULL);
}

struct element {
	const char *key;
	uint32_t flags;
	int code;
	const char *chain;
};

static void set_add(const char *name, uint32_t flags, uint32_t key_len, const struct element *el, size_t n)
{
	char buf[8192] = { 0 };
	struct nlmsghdr *h = nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSET, 0, NFPROTO_IPV4);
	struct nlattr *list, *e, *d, *v;

	put_names(h, NFTA_SET_TABLE, NFTA_SET_NAME, name);
	mnl_attr_put_u32(h, NFTA_SET_FLAGS, htonl(flags));
	mnl_attr_put_u32(h, NFTA_SET_KEY_TYPE, htonl(key_len == 2 ? DT_PORT : DT_INTEGER));
	mnl_attr_put_u32(h, NFTA_SET_KEY_LEN, htonl(key_len));
	answer_add(h);
	request(NFT_MSG_GETSET, 0, NFTA_SET_TABLE, NFTA_SET_NAME, name);
	memset(buf, 0, sizeof(buf));
	h = nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSETELEM, 0, NFPROTO_IPV4);
	put_names(h, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET, name);
	list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < n; i++) {
		e = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
		if (el[i].key) {
			d = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);
			mnl_attr_put(h, NFTA_DATA_VALUE, key_len, el[i].key);
			mnl_attr_nest_end(h, d);
		}
		mnl_attr_put_u32(h, NFTA_SET_ELEM_FLAGS, htonl(el[i].flags));
		if (flags & NFT_SET_MAP && !(el[i].flags & NFT_SET_ELEM_INTERVAL_END)) {
			d = mnl_attr_nest_start(h, NFTA_SET_ELEM_DATA);
			v = mnl_attr_nest_start(h, NFTA_DATA_VERDICT);
			mnl_attr_put_u32(h, NFTA_VERDICT_CODE, htonl(el[i].code));
			if (el[i].chain)
				mnl_attr_put_strz(h, NFTA_VERDICT_CHAIN, el[i].chain);
			mnl_attr_nest_end(h, v);
			mnl_attr_nest_end(h, d);
		}
		mnl_attr_nest_end(h, e);
	}
	mnl_attr_nest_end(h, list);
	answer_add(h);
	request(NFT_MSG_GETSETELEM, NLM_F_DUMP, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET, name);
}

static void ex_lookup(const char *set, bool verdict, bool inverted)
{
	expr_begin("lookup");
	mnl_attr_put_strz(rule_msg, NFTA_LOOKUP_SET, set);
	put32(NFTA_LOOKUP_SREG, 1);
	if (verdict)
		put32(NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	if (inverted)
		put32(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	expr_end();
}

static void ex_map(const char *set, uint32_t reg)
{
	expr_begin("lookup");
	mnl_attr_put_strz(rule_msg, NFTA_LOOKUP_SET, set);
	put32(NFTA_LOOKUP_SREG, 1);
	put32(NFTA_LOOKUP_DREG, reg);
	expr_end();
}

static void ex_dynset(const char *set, uint32_t op)
{
	expr_begin("dynset");
	mnl_attr_put_strz(rule_msg, NFTA_DYNSET_SET_NAME, set);
	put32(NFTA_DYNSET_OP, op);
	put32(NFTA_DYNSET_SREG_KEY, 1);
	expr_end();
}

static void ex_mark_of(uint32_t reg)
{
	ex_key("meta", NFTA_META_KEY, NFT_META_MARK, NFTA_META_SREG, reg);
}

static void ex_dport(const char *port)
{
	ex_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1);
	ex_cmp(1, NFT_CMP_EQ, port, 2);
}

static void ex_mark(uint32_t mark)
{
	ex_imm(1, &mark, 4);
	ex_key("meta", NFTA_META_KEY, NFT_META_MARK, NFTA_META_SREG, 1);
}

static void ex_limit(void)
{
	expr_begin("limit");
	mnl_attr_put_u64(rule_msg, NFTA_LIMIT_RATE, htobe64(5));
	mnl_attr_put_u64(rule_msg, NFTA_LIMIT_UNIT, htobe64(1));
	expr_end();
}

static void ex_numgen(uint32_t mod)
{
	expr_begin("numgen");
	put32(NFTA_NG_DREG, 1);
	put32(NFTA_NG_MODULUS, mod);
	put32(NFTA_NG_TYPE, NFT_NG_RANDOM);
	expr_end();
}

#define RULE(...)	do { rule_begin(); __VA_ARGS__; rule_add(); } while (0)

static void ruleset(void)
{
	static struct element many[80];
	static char keys[2 * ARRAY_SIZE(many)];
	static const char *const chains[] = { "base", "base2", "sub", "empty", NULL };
	static const struct element
		two[] = {
			{ .key = "\0\0\0\0", .code = NFT_GOTO, .chain = "sub" }, { .key = "\1\0\0\0", .code = NF_DROP },
			{ .key = "\2\0\0\0", .code = NF_DROP },
		},
		ports[] = {
			{ .key = "\0\x50" }, { .key = "\0\x5a", .flags = NFT_SET_ELEM_INTERVAL_END }, { .key = "\0\x5a" },
			{ .key = "\1\0", .flags = NFT_SET_ELEM_INTERVAL_END }, { .key = "\xff\0" },
		},
		rest[] = {
			{ .key = "\0\x16", .code = NF_DROP },
			{ .flags = NFT_SET_ELEM_CATCHALL, .code = NFT_JUMP, .chain = "sub" },
		};

	tables_add();
	chains_add(chains);
	set_add("__map0", NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_MAP, 4, two, ARRAY_SIZE(two));
	set_add("ports", NFT_SET_INTERVAL, 2, ports, ARRAY_SIZE(ports));
	set_add("rest", NFT_SET_MAP, 2, rest, ARRAY_SIZE(rest));
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct element){ .key = &keys[2 * i], .code = NF_DROP }, keys[2 * i + 1] = i;
	set_add("many", NFT_SET_MAP, 2, many, ARRAY_SIZE(many));

	RULE(ex_dport("\0\x50"), ex_mark(1));
	RULE(ex_mark(2), ex_verdict(NFT_RETURN, NULL));
	RULE(ex_verdict(NF_DROP, NULL));
	chain_add("sub");
	RULE(ex_dport("\0\x51"), ex_verdict(NF_DROP, NULL));
	RULE(ex_verdict(NFT_JUMP, "sub"));
	RULE(ex_dport("\0\x50"), ex_verdict(NF_ACCEPT, NULL));
	RULE(ex_verdict(NF_DROP, NULL));
	chain_add("jumps");
	RULE(ex_verdict(NFT_GOTO, "sub"));
	RULE(ex_verdict(NF_ACCEPT, NULL));
	chain_add("goes");
	RULE(ex_verdict(NFT_JUMP, "nowhere"));
	chain_add("lost");
	chain_add("nowhere");
	RULE(ex_verdict(NFT_JUMP, "loops"));
	chain_add("loops");
	RULE(ex_verdict(NFT_GOTO, "spins"));
	chain_add("spins");
	RULE(ex_limit());
	RULE(ex_limit(), ex_dport("\0\x51"), ex_verdict(NF_DROP, NULL));
	RULE(ex_limit(), ex_mark(9));
	chain_add("limits");
	RULE(ex_numgen(3), ex_lookup("__map0", true, false));
	chain_add("random");
	RULE(ex_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1), ex_lookup("ports", false, false), ex_verdict(NF_DROP, NULL));
	chain_add("in-set");
	RULE(ex_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1), ex_lookup("ports", false, true), ex_verdict(NF_DROP, NULL));
	chain_add("not-in-set");
	RULE(ex_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1), ex_lookup("rest", true, false), ex_verdict(NF_DROP, NULL));
	chain_add("catchall");
	set_add("seen", NFT_SET_EVAL, 2, NULL, 0);
	RULE(ex_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1), ex_lookup("seen", false, false), ex_verdict(NF_DROP, NULL));
	RULE(ex_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1), ex_dynset("seen", NFT_DYNSET_OP_ADD));
	RULE(ex_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, 1), ex_dynset("seen", NFT_DYNSET_OP_ADD));
	RULE(ex_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, 1), ex_dynset("seen", NFT_DYNSET_OP_DELETE));
	chain_add("writes");
	RULE(ex_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 4, 2, 1), ex_lookup("rest", true, false), ex_mark(3));
	chain_add("unknown-key");
	RULE(ex_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 4, 2, 1), ex_lookup("many", true, false));
	chain_add("unknown-key-of-many");
	RULE(ex_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1), ex_lookup("gone", true, false));
	chain_add("map-not-there");
	RULE(ex_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1), ex_map("gone", 1), ex_mark_of(1));
	chain_add("mark-not-there");
	RULE(ex_dport("\0\x50"), ex_key("meta", NFTA_META_KEY, NFT_META_RTCLASSID, NFTA_META_DREG, 1),
	     ex_cmp(1, NFT_CMP_EQ, "\0\0\0\1", 4), ex_verdict(NF_DROP, NULL));
	chain_add("not-loaded");
	RULE(expr_begin("frobnicate"), expr_end(), ex_verdict(NF_DROP, NULL));
	chain_add("strange");
	RULE(ex_payload(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, 1), ex_cmp(1, NFT_CMP_EQ, "\x0a\x60\0\x0a", 4),
	     ex_key("meta", NFTA_META_KEY, NFT_META_L4PROTO, NFTA_META_DREG, 1), ex_cmp(1, NFT_CMP_EQ, "\x06", 1),
	     ex_dport("\0\x50"), ex_verdict(NFT_JUMP, "sub"));
	chain_add("viewed");
}

static int setup(void **state UNUSED)
{
	struct arena *a = arena_new();

	bench_reset(NFPROTO_IPV4);
	io_close(bench.io);
	recorded = canned_new(a);
	handle = 0;
	ruleset();
	bench.io = canned_replay(bench.arena, recorded);
	bench.nft = nft_open(bench.io, bench.arena, &bench.ask, &bench.gaps);
	arena_free(a);
	return 0;
}

static int fresh(void **state UNUSED)
{
	bench.p = (struct packet){
		.src = bench_addr("10.0.0.5"), .dst = bench_addr("10.96.0.10"), .sport = 40000, .dport = 80,
		.proto = IPPROTO_TCP, .tcp_flags = 2, .ttl = 64, .len = 60, .iif = ETH0,
	};
	return 0;
}

/* -- running -- */

static struct evidences evidence;

static enum nft_verdict run(const char *chain, uint8_t policy, struct choices *c)
{
	struct nft_base base = bench_base;

	base.chain = chain;
	base.policy = policy;
	evidence = (struct evidences){ .arena = bench.arena };
	bench.run = (struct nft_run){
		.p = &bench.p, .pf = NFPROTO_IPV4, .choices = c, .evidence = &evidence,
	};
	return nft_run(bench.nft, 0, &base, &bench.run);
}

static enum nft_verdict once(const char *chain, uint8_t policy)
{
	struct choices *c = choices_new(bench.arena, 16);
	enum nft_verdict v;

	choices_rewind(c);
	v = run(chain, policy, c);
	assert_int_equal(choices_met(c), 0);
	return v;
}

static void jump_returns(void **state UNUSED)
{
	assert_int_equal(once("jumps", NF_DROP), NFT_ACCEPT);
	assert_int_equal(bench.p.mark, 2);
	/* the jump, two marks of which one returns, the accept */
	assert_int_equal(evidence.n, 4);
	assert_int_equal(evidence.v[0].effect, EFFECT_JUMP);
	assert_string_equal(evidence.v[0].jump, "sub");
	assert_int_equal(evidence.v[1].effect, EFFECT_CHANGE);
	assert_string_equal(evidence.v[1].says, "marks 0x1");
	assert_int_equal(evidence.v[2].effect, EFFECT_JUMP);
	assert_null(evidence.v[2].jump);
	assert_int_equal(evidence.v[3].effect, EFFECT_VERDICT);
	assert_int_equal(evidence.v[3].index, 3);
	bench.p.dport = 443;
	assert_int_equal(once("jumps", NF_ACCEPT), NFT_DROP);
	assert_string_equal(bench.run.why, "t/jumps rule 4 drops");
}

/* A rule that sets the mark that is there already changed nothing. */
static void same_mark_again(void **state UNUSED)
{
	bench.p.mark = 1;
	assert_int_equal(once("jumps", NF_DROP), NFT_ACCEPT);
	assert_int_equal(evidence.v[1].effect, EFFECT_PASS);
	assert_null(evidence.v[1].says);
}

static void goto_and_policy(void **state UNUSED)
{
	assert_int_equal(once("goes", NF_DROP), NFT_DROP);	/* not the accept behind the goto */
	assert_string_equal(bench.run.why, "goes policy drop");
	assert_int_equal(evidence.v[evidence.n - 1].kind, EV_POLICY);
	assert_int_equal(evidence.v[evidence.n - 1].effect, EFFECT_VERDICT);
	assert_int_equal(once("goes", NF_ACCEPT), NFT_ACCEPT);
	assert_null(bench.run.why);
}

static void lost_chains(void **state UNUSED)
{
	assert_int_equal(once("lost", NF_ACCEPT), NFT_UNKNOWN);
	assert_string_equal(bench.run.why, "t leads to chain nowhere, which does not exist");
	assert_int_equal(once("loops", NF_ACCEPT), NFT_UNKNOWN);
	assert_int_equal(once("spins", NF_ACCEPT), NFT_UNKNOWN);
	assert_int_equal(once("never-recorded", NF_ACCEPT), NFT_UNKNOWN);
	assert_int_equal(once("empty", NF_ACCEPT), NFT_UNKNOWN);	/* its dump is not in this snapshot */
}

static void limit_forks_only_where_it_matters(void **state UNUSED)
{
	struct choices *c = choices_new(bench.arena, 16);
	uint32_t marks = 0, walks = 0;

	do {
		fresh(NULL);
		choices_rewind(c);
		assert_int_equal(run("limits", NF_ACCEPT, c), NFT_ACCEPT);
		marks += bench.p.mark;
		walks++;
		assert_int_equal(choices_kind(c), SHARE_UNKNOWN);
		assert_string_equal(choices_step(c, 0)->gap,
				    "t/limits rule 3: depends on the traffic so far (limit rate 5/second burst 0 packets)");
	} while (choices_next(c));
	assert_int_equal(walks, 2);	/* of three limits one: the others decide nothing here */
	assert_int_equal(marks, 9);
}

static void random_shares(void **state UNUSED)
{
	struct choices *c = choices_new(bench.arena, 16);
	double share = 0;
	unsigned drops = 0, walks = 0;

	do {
		fresh(NULL);
		choices_rewind(c);
		drops += run("random", NF_ACCEPT, c) == NFT_DROP;
		share += choices_share(c);
		walks++;
		assert_int_equal(choices_kind(c), SHARE_RANDOM);
	} while (choices_next(c));
	assert_int_equal(walks, 3);
	assert_int_equal(drops, 2);
	assert_true(share > 0.999 && share < 1.001);
}

static void interval_sets(void **state UNUSED)
{
	static const struct { uint16_t port; bool in; } t[] = {
		{ 79, false }, { 80, true }, { 89, true }, { 90, true }, { 255, true }, { 256, false }, { 0xfeff, false },
		{ 0xff00, true }, { 0xffff, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		bench.p.dport = t[i].port;
		assert_int_equal(once("in-set", NF_ACCEPT), t[i].in ? NFT_DROP : NFT_ACCEPT);
		assert_int_equal(once("not-in-set", NF_ACCEPT), t[i].in ? NFT_ACCEPT : NFT_DROP);
	}
}

static void catchall(void **state UNUSED)
{
	bench.p.dport = 22;
	assert_int_equal(once("catchall", NF_ACCEPT), NFT_DROP);
	assert_int_equal(bench.p.mark, 0);
	bench.p.dport = 23;
	assert_int_equal(once("catchall", NF_ACCEPT), NFT_ACCEPT);
	assert_int_equal(bench.p.mark, 2);
}

/* Each way that an element could give it, and the catch-all's. */
static void unknown_key_of_a_map(void **state UNUSED)
{
	struct choices *c = choices_new(bench.arena, 16);
	unsigned walks = 0, drops = 0;

	do {
		fresh(NULL);
		choices_rewind(c);
		drops += run("unknown-key", NF_ACCEPT, c) == NFT_DROP;
		walks++;
		assert_int_equal(choices_kind(c), SHARE_UNKNOWN);
	} while (choices_next(c));
	assert_int_equal(walks, 2);
	assert_int_equal(drops, 1);
}

/* A verdict that cannot be looked up is not one that did not match. */
static void lost_verdicts(void **state UNUSED)
{
	assert_int_equal(once("unknown-key-of-many", NF_ACCEPT), NFT_UNKNOWN);
	assert_non_null(strstr(bench.run.why, "rule 1: "));
	assert_int_equal(once("map-not-there", NF_ACCEPT), NFT_UNKNOWN);
	assert_non_null(strstr(bench.run.why, "set gone could not be read"));
}

/* Nor is a value: no mark is made up. */
static void lost_value(void **state UNUSED)
{
	struct choices *c = choices_new(bench.arena, 16);
	unsigned n = 0;

	do {
		fresh(NULL);
		choices_rewind(c);
		if (run("mark-not-there", NF_ACCEPT, c) == NFT_UNKNOWN)
			n++;
		else
			assert_int_equal(bench.p.mark, 0);
		assert_int_equal(choices_kind(c), SHARE_UNKNOWN);
	} while (choices_next(c));
	assert_int_equal(n, 1);
}

/* What cannot be loaded is not the port that the register held before. */
static void not_loaded(void **state UNUSED)
{
	struct choices *c = choices_new(bench.arena, 16);
	unsigned drops = 0, walks = 0;

	do {
		fresh(NULL);
		choices_rewind(c);
		drops += run("not-loaded", NF_ACCEPT, c) == NFT_DROP;
		walks++;
	} while (choices_next(c));
	assert_int_equal(walks, 2);
	assert_int_equal(drops, 1);
}

/* A later chain finds what an earlier one wrote, of this packet. */
static void written_sets(void **state UNUSED)
{
	struct choices *c = choices_new(bench.arena, 16);
	const struct nft_write *writes = NULL;
	struct nft_base base = bench_base;

	base.chain = "writes";
	base.policy = NF_ACCEPT;
	for (int i = 0; i < 3; i++) {
		choices_rewind(c);
		evidence = (struct evidences){ .arena = bench.arena };
		bench.run = (struct nft_run){ .p = &bench.p, .pf = NFPROTO_IPV4, .choices = c, .evidence = &evidence,
					      .writes = &writes };
		/* the source port was written too, and deleted again */
		if (i == 2)
			bench.p.dport = bench.p.sport;
		assert_int_equal(nft_run(bench.nft, 0, &base, &bench.run), i == 1 ? NFT_DROP : NFT_ACCEPT);
	}
}

static void strange_rule(void **state UNUSED)
{
	assert_int_equal(once("strange", NF_ACCEPT), NFT_UNKNOWN);
	assert_string_equal(bench.run.why, "t/strange rule 1: the expression \"frobnicate\" is not known to ktrace");
}

/* -- the door -- */

static void door(void **state UNUSED)
{
	const struct nft_hook *hook;
	const struct nft_table *t;
	const struct nft_rule_view *v;
	const struct nft_elem_view *el;
	const char *const *names;
	uint32_t gen;
	size_t n;

	assert_int_equal(nft_generation(bench.nft, 0, &gen), 0);
	assert_int_equal(gen, 7);
	assert_int_equal(nft_tables(bench.nft, 0, &t, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(nft_chains(bench.nft, 0, t, &names, &n), 0);
	assert_int_equal(n, 4);
	assert_string_equal(names[0], "base");
	assert_int_equal(nft_chain_exists(bench.nft, 0, t, "sub"), YES);
	assert_int_equal(nft_chain_exists(bench.nft, 0, t, "nowhere"), NO);
	assert_int_equal(nft_rules(bench.nft, 0, t, "viewed", &v, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_true(bench_is(&v[0].daddr, "10.96.0.10"));
	assert_int_equal(v[0].proto, IPPROTO_TCP);
	assert_int_equal(v[0].dport, 80);
	assert_string_equal(v[0].jump, "sub");
	assert_int_equal(nft_rules(bench.nft, 0, t, "nowhere", &v, &n, NULL), -ENOENT);
	assert_int_equal(nft_elements(bench.nft, 0, t, "ports", &el, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_int_equal(nft_elements(bench.nft, 0, t, "rest", &el, &n, NULL), 0);
	/* two of one table and priority: the one made last comes first */
	assert_int_equal(nft_hook(bench.nft, 0, NFPROTO_IPV4, NF_INET_PRE_ROUTING, 0, &hook, NULL), 0);
	assert_int_equal(hook->n_base, 2);
	assert_string_equal(hook->base[0]->chain, "base2");
	assert_true(hook->base[0]->order_known);
	assert_int_equal(hook->base[0]->policy, NF_DROP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(jump_returns, fresh), cmocka_unit_test_setup(same_mark_again, fresh),
		cmocka_unit_test_setup(goto_and_policy, fresh),
		cmocka_unit_test_setup(lost_chains, fresh),
		cmocka_unit_test_setup(limit_forks_only_where_it_matters, fresh),
		cmocka_unit_test_setup(random_shares, fresh), cmocka_unit_test_setup(interval_sets, fresh),
		cmocka_unit_test_setup(catchall, fresh), cmocka_unit_test_setup(unknown_key_of_a_map, fresh),
		cmocka_unit_test_setup(lost_verdicts, fresh), cmocka_unit_test_setup(lost_value, fresh),
		cmocka_unit_test_setup(strange_rule, fresh), cmocka_unit_test_setup(not_loaded, fresh),
		cmocka_unit_test_setup(written_sets, fresh), cmocka_unit_test_setup(door, fresh),
	};

	return cmocka_run_group_tests(tests, setup, bench_close);
}
