/* SPDX-License-Identifier: GPL-2.0-only */
/* Predicted paths held against one real packet's answer, conntrack entry and traced rules. */
#include <netinet/in.h>

#include <stdarg.h>
#include <setjmp.h>
#include <linux/netfilter.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/compare.h"

#define SPORT	40000

static struct addr client, vip, pod[2];

static int setup(void **state)
{
	*state = arena_new();
	client = addr_v4(0x0a000001);
	vip = addr_v4(0x0a600001);
	pod[0] = addr_v4(0x0af40002);
	pod[1] = addr_v4(0x0af40003);
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static struct tuple sent_tuple(void)
{
	return (struct tuple){ .src = client, .dst = vip, .sport = SPORT, .dport = 80, .proto = IPPROTO_TCP };
}

static struct evidence rule(const char *chain, uint64_t handle)
{
	return (struct evidence){ .kind = EV_RULE, .effect = EFFECT_VERDICT, .backend = BACKEND_NF_TABLES,
				  .family = NFPROTO_IPV4, .table = "nat", .chain = chain, .handle = handle };
}

/* Two endpoints: KUBE-SERVICES 4, then KUBE-SVC 7 or 8, and the answer meets FORWARD 2. */
struct world {
	struct evidence ev[2][3], back;
	struct hop hop[2][2];
	struct trace t[2];
};

static void world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->back = rule("FORWARD", 2);
	for (int i = 0; i < 2; i++) {
		w->ev[i][0] = rule("KUBE-SERVICES", 4);
		w->ev[i][1] = rule("KUBE-SVC", 7 + i);
		w->ev[i][2] = rule("KUBE-SVC", 99);
		w->ev[i][2].effect = EFFECT_NONE;	/* did not match */
		w->hop[i][0] = (struct hop){ .stage = STAGE_HOOK, .hook = NF_INET_PRE_ROUTING, .priority = -100, .nat = true,
					     .evidence = w->ev[i], .n_evidence = 3 };
		w->hop[i][0].in.dst = vip;
		w->hop[i][0].in.dport = 80;
		w->hop[i][0].out = w->hop[i][0].in;
		w->hop[i][0].out.dst = pod[i];
		w->hop[i][0].out.dport = 8080;
		w->hop[i][1] = (struct hop){ .stage = STAGE_HOOK, .hook = NF_INET_FORWARD, .reply = true,
					     .evidence = &w->back, .n_evidence = 1 };
		w->t[i] = (struct trace){ .target = sent_tuple(), .share = 0.5, .end = { END_DELIVERED, CAUSE_NONE, "" },
					  .hops = w->hop[i], .n_hops = 2 };
	}
}

static struct nft_traced event(uint32_t id, const char *chain, uint64_t handle)
{
	return (struct nft_traced){ .id = id, .kind = NFT_TRACED_RULE, .family = NFPROTO_IPV4, .table = "nat", .chain = chain,
				    .handle = handle };
}

static void test_answer(void **state)
{
	struct learnt l = { .tuple = sent_tuple(), .sent = { .result = SENT_ANSWERED, .answer = "SYN-ACK" } };
	struct comparison c;
	struct world w;

	world(&w);
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, YES);
	assert_string_equal(c.basis, "what its sender got back");
	l.sent.result = SENT_NOTHING;
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, NO);
	assert_string_equal(c.differs, "predicted to end as delivered, but its sender got no answer");
	/* a datagram may be taken without a word */
	w.t[0].target.proto = w.t[1].target.proto = IPPROTO_UDP;
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, UNKNOWN);
	assert_null(c.basis);
	w.t[0].end.kind = w.t[1].end.kind = END_DROP;
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, YES);
	l.sent = (struct sent){ .result = SENT_ICMP, .answer = "port unreachable" };
	w.t[0].end.kind = END_DELIVERED;
	w.t[1].end.kind = END_REJECT;
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, YES);
	assert_int_equal(c.trace, 1);
}

static void test_entry(void **state)
{
	struct learnt l = { .tuple = sent_tuple(), .sent = { .result = SENT_ANSWERED, .answer = "SYN-ACK" }, .has_entry = true };
	struct comparison c;
	struct world w;

	world(&w);
	l.entry.back = (struct tuple){ .src = pod[1], .dst = client, .sport = 8080, .dport = SPORT, .proto = IPPROTO_TCP };
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, YES);
	assert_int_equal(c.trace, 1);
	assert_string_equal(c.basis, "the conntrack entry and what its sender got back");
	l.entry.back.sport = 9090;
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, NO);
	assert_string_equal(c.differs_at, "nat-prerouting");
}

static void test_rules(void **state)
{
	struct nft_traced e[] = { event(1, "KUBE-SERVICES", 4), event(5, "OTHER", 1), event(1, "KUBE-SVC", 8), event(2, "FORWARD", 2) };
	struct learnt l = { .tuple = sent_tuple(), .sent = { .result = SENT_ANSWERED, .answer = "SYN-ACK" }, .traced = true,
			    .event = e, .n_event = 4 };
	struct comparison c;
	struct world w;

	world(&w);
	e[0].has_packet = true;
	e[0].packet = sent_tuple();
	e[0].tcp_flags = 0x02;
	e[1].has_packet = true;			/* a later packet of it */
	e[1].packet = sent_tuple();
	e[1].tcp_flags = 0x10;
	e[3].has_packet = true;
	e[3].tcp_flags = 0x12;
	e[3].packet = (struct tuple){ .src = pod[1], .dst = client, .sport = 8080, .dport = SPORT, .proto = IPPROTO_TCP };
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, YES);
	assert_int_equal(c.trace, 1);
	assert_string_equal(c.basis, "3 rules in nf_tables' own trace and what its sender got back");
	/* the same packet behind a bridge, translated already */
	e[2].id = 7;
	e[2].has_packet = true;
	e[2].tcp_flags = 0x02;
	e[2].packet = (struct tuple){ .src = client, .dst = pod[1], .sport = SPORT, .dport = 8080, .proto = IPPROTO_TCP };
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, YES);
	assert_string_equal(c.basis, "3 rules in nf_tables' own trace and what its sender got back");
	/* neither endpoint's rule */
	e[2].handle = 12;
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, NO);
	assert_string_equal(c.differs_at, "nat-prerouting");
	assert_non_null(strstr(c.differs, "nf_tables traced nat KUBE-SVC handle 12"));
	/* the answer met another rule */
	e[2].handle = 7;
	e[3].handle = 3;
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, NO);
	assert_int_equal(c.trace, 0);
	assert_string_equal(c.differs_at, "filter-forward");
	/* a rule more than predicted */
	e[3].id = 1;
	e[3].has_packet = false;
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, NO);
	assert_non_null(strstr(c.differs, "predicted to match no further rule"));
	/* nothing of it was traced: nothing is said of rules */
	l.n_event = 0;
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, YES);
	assert_string_equal(c.basis, "what its sender got back");
}

static void test_sent_again(void **state)
{
	struct nft_traced e[] = { event(1, "KUBE-SERVICES", 4), event(1, "KUBE-SVC", 7), event(1, "KUBE-SERVICES", 4), event(1, "KUBE-SVC", 8) };
	struct learnt l = { .tuple = sent_tuple(), .sent = { .result = SENT_NOTHING }, .traced = true, .event = e, .n_event = 4 };
	struct comparison c;
	struct world w;

	world(&w);
	w.t[0].end.kind = w.t[1].end.kind = END_DROP;
	for (int i = 0; i < 4; i += 2) {
		e[i].has_packet = true;
		e[i].packet = sent_tuple();
		e[i].tcp_flags = 0x02;
	}
	/* the second SYN of a connection that was dropped before conntrack kept it goes its own way */
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, YES);
	assert_int_equal(c.trace, 0);
	/* from another device it is the same packet, further on its way */
	e[2].iif = 3;
	compare(*state, w.t, 2, &l, &c);
	assert_int_equal(c.agrees, NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sent_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
