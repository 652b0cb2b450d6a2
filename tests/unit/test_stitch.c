/* SPDX-License-Identifier: GPL-2.0-only */
/* Sightings to journeys and connections, and when they are told. */
#include "sighting_fixture.h"

#include <malloc.h>

#define CLIENT	"10.244.1.9"
#define VIP	"10.96.0.10"
#define POD	"10.244.2.7"
#define SYN	0x02
#define ACK	0x10
#define RST	0x04
#define FIN	0x01

static const char *say_reason(void *ctx, uint32_t reason)
{
	static const char *const names[] = { NULL, "SKB_CONSUMED", "SKB_DROP_REASON_NETFILTER_DROP", "SKB_DROP_REASON_NO_SOCKET",
		"SKB_DROP_REASON_TCP_CLOSE" };

	(void)ctx;
	return reason < ARRAY_SIZE(names) ? names[reason] : NULL;
}

static struct stitch *begin_with(const char *addr, uint8_t proto, struct stitch_options o)
{
	struct probe_filter filter[] = {
		{ .addr = at_addr(addr), .port = proto == IPPROTO_ICMP ? 0 : 80, .proto = proto, .addressed = true },
		{ .addr = at_addr(POD), .port = 8080, .proto = proto },
	};

	o.filter = filter;
	o.n_filter = ARRAY_SIZE(filter);
	o.words.reason = say_reason;
	return stitch_new(&o);
}

static struct scene begin(void)
{
	return (struct scene){ .st = begin_with(VIP, IPPROTO_TCP, (struct stitch_options){ 0 }), .now = 1000 * MS, .seq = 100 };
}

/* A SYN through NAT of both kinds, out of the client's namespace and into the pod's. */
static void request_as(struct scene *k, uint64_t id, uint16_t sport, uint16_t masqueraded, uint8_t flags)
{
	struct tuple orig = as_tuple(CLIENT, sport, VIP, 80, IPPROTO_TCP);

	packet(k, id, CLIENT, sport, VIP, 80, IPPROTO_TCP, flags);
	k->s.netns = 2;
	k->s.pid = 77;
	k->s.task = true;
	strcpy(k->s.comm, "curl");
	hook(k, NF_INET_LOCAL_OUT);
	k->s.netns = 1;
	k->s.task = false;
	hook(k, NF_INET_PRE_ROUTING);
	dnat(k, POD, 8080);
	entry(k, CT_NEW, false, &orig);
	hook(k, NF_INET_FORWARD);
	hook(k, NF_INET_POST_ROUTING);
	snat(k, "10.244.2.1", masqueraded);
	entry(k, CT_NEW, false, &orig);
	k->s.verdict = NF_ACCEPT;
	show(k, PLACE_CONFIRM);
	k->s.netns = 3;
	k->s.conn = 0;
	k->s.p.ct = (struct ct_view){ 0 };
	hook(k, NF_INET_LOCAL_IN);
}

static void request(struct scene *k, uint64_t id, uint16_t sport, uint8_t flags)
{
	request_as(k, id, sport, sport + 15000, flags);
}

static void answer(struct scene *k, uint64_t id, uint16_t sport, uint8_t flags)
{
	struct tuple orig = as_tuple(CLIENT, sport, VIP, 80, IPPROTO_TCP);
	uint32_t seq = k->seq;

	k->seq = 9000;
	k->ack = seq + 1;
	packet(k, id, POD, 8080, "10.244.2.1", sport + 15000, IPPROTO_TCP, flags);
	k->s.netns = 3;
	hook(k, NF_INET_LOCAL_OUT);
	k->s.netns = 1;
	hook(k, NF_INET_PRE_ROUTING);
	entry(k, CT_ESTABLISHED, true, &orig);
	dnat(k, CLIENT, sport);
	hook(k, NF_INET_FORWARD);
	snat(k, VIP, 80);
	k->s.netns = 2;
	k->s.p.ct = (struct ct_view){ 0 };
	hook(k, NF_INET_LOCAL_IN);
	k->seq = seq;
	k->ack = 0;
}

static const struct connection *next(struct scene *k, uint64_t ms)
{
	k->now += ms * MS;
	return stitch_next(k->st, k->now);
}

static void translated_both_ways(void **state)
{
	struct scene k = begin();
	const struct connection *c;
	struct tuple want;

	(void)state;
	request(&k, 0xa0, 40000, SYN);
	assert_null(next(&k, 0));
	assert_true(stitch_due(k.st) > k.now && stitch_due(k.st) <= k.now + 25 * MS);
	answer(&k, 0xb0, 40000, SYN | ACK);
	c = next(&k, 30);
	assert_non_null(c);
	assert_int_equal(c->news, NEWS_ANSWERED);
	assert_int_equal(c->number, 1);
	assert_int_equal(c->told, 0);
	want = as_tuple(CLIENT, 40000, VIP, 80, IPPROTO_TCP);
	assert_true(tuple_eq(&c->orig, &want));
	want = as_tuple("10.244.2.1", 55000, POD, 8080, IPPROTO_TCP);
	assert_true(tuple_eq(&c->translated, &want));
	assert_int_equal(c->packets[OUTWARD], 1);
	assert_int_equal(c->packets[BACK], 1);
	assert_int_equal(c->n_journey, 2);
	assert_int_equal(c->journey[0]->n, 6);
	assert_false(c->journey[0]->reply);
	assert_true(c->journey[0]->begun);
	assert_int_equal(c->journey[1]->n, 4);
	assert_true(c->journey[1]->reply);
	assert_int_equal(c->pid, 77);
	assert_string_equal(c->comm, "curl");
	assert_int_equal(c->netns, 2);
	assert_false(c->midway);
	assert_int_equal(c->drops, 0);
	assert_null(next(&k, 2000));
	assert_int_equal(stitch_counts(k.st).strange, 0);
	stitch_free(k.st);
}

/* The handshake's last packet was seen on its way as far as FORWARD when the connection is told. */
static void half_translated_by_now(void **state)
{
	struct scene k = begin();
	struct tuple orig = as_tuple(CLIENT, 40000, VIP, 80, IPPROTO_TCP), want = as_tuple("10.244.2.1", 55000, POD, 8080, IPPROTO_TCP);
	const struct connection *c;

	(void)state;
	request(&k, 0xa0, 40000, SYN);
	answer(&k, 0xb0, 40000, SYN | ACK);
	packet(&k, 0xc0, CLIENT, 40000, VIP, 80, IPPROTO_TCP, ACK);
	hook(&k, NF_INET_PRE_ROUTING);
	dnat(&k, POD, 8080);
	entry(&k, CT_ESTABLISHED, false, &orig);
	k.s.p.ct.back = tuple_invert(&want);
	hook(&k, NF_INET_FORWARD);
	c = next(&k, 30);
	assert_non_null(c);
	assert_int_equal(c->news, NEWS_ANSWERED);
	assert_true(tuple_eq(&c->translated, &want));
	stitch_free(k.st);
}

/* An answer whose translation is not undone reaches nobody who waits for it. */
static void not_translated_back(void **state)
{
	struct scene k = begin();
	const struct connection *c;

	(void)state;
	request(&k, 0xa0, 40000, SYN);
	packet(&k, 0xb0, POD, 8080, "10.244.2.1", 55000, IPPROTO_TCP, SYN | ACK);
	k.s.netns = 3;
	hook(&k, NF_INET_LOCAL_OUT);
	k.s.netns = 1;
	hook(&k, NF_INET_PRE_ROUTING);
	k.s.p.ct.state = CT_UNTRACKED;
	hook(&k, NF_INET_LOCAL_IN);
	assert_null(next(&k, 100));
	c = next(&k, 2000);
	assert_non_null(c);
	assert_int_equal(c->news, NEWS_QUIET);
	assert_int_equal(c->packets[BACK], 1);
	assert_false(c->answered);
	stitch_free(k.st);
}

/* The same with a pod that answers past the node. */
static void answered_past_the_node(void **state)
{
	struct scene k = begin();

	(void)state;
	request(&k, 0xa0, 40000, SYN);
	packet(&k, 0xb0, POD, 8080, "10.244.2.1", 55000, IPPROTO_TCP, SYN | ACK);
	k.s.netns = 3;
	hook(&k, NF_INET_LOCAL_OUT);
	assert_null(next(&k, 100));
	assert_int_equal(next(&k, 2000)->news, NEWS_QUIET);
	stitch_free(k.st);
}

static void dropped_in_forward(void **state)
{
	struct scene k = begin();
	struct tuple orig = as_tuple(CLIENT, 40000, VIP, 80, IPPROTO_TCP);
	const struct connection *c;

	(void)state;
	for (int i = 0; i < 3; i++) {
		packet(&k, 0xa0, CLIENT, 40000, VIP, 80, IPPROTO_TCP, SYN);
		hook(&k, NF_INET_PRE_ROUTING);
		dnat(&k, POD, 8080);
		entry(&k, CT_NEW, false, &orig);
		hook(&k, NF_INET_FORWARD);
		dropped(&k, 2, 0xf00);
		c = next(&k, 1000);
		if (i) {
			/* the same again is counted, not told */
			assert_null(c);
			continue;
		}
		assert_int_equal(c->news, NEWS_DROPPED);
		assert_int_equal(c->n_journey, 1);
		assert_int_equal(c->journey[0]->drop->place, PLACE_DROP);
		assert_int_equal(c->journey[0]->drop->reason, 2);
		assert_false(c->journey[0]->again);
	}
	/* at another place */
	packet(&k, 0xa0, CLIENT, 40000, VIP, 80, IPPROTO_TCP, SYN);
	hook(&k, NF_INET_PRE_ROUTING);
	dropped(&k, 2, 0xf10);
	c = next(&k, 1000);
	assert_non_null(c);
	assert_int_equal(c->news, NEWS_DROPPED);
	assert_int_equal(c->told, 1);
	assert_int_equal(c->drops, 4);
	assert_int_equal(c->packets[OUTWARD], 4);
	assert_int_equal(c->retransmitted[OUTWARD], 3);
	assert_int_equal(stitch_counts(k.st).connections, 1);
	stitch_free(k.st);
}

/* The node answers with an ICMP error, which goes out as a packet of its own. */
static void rejected(void **state)
{
	struct scene k = begin();
	const struct connection *c;
	struct packet was;
	uint8_t quoted[SIGHTING_BYTES];
	unsigned n;

	(void)state;
	packet(&k, 0xa0, CLIENT, 40000, VIP, 80, IPPROTO_TCP, SYN);
	hook(&k, NF_INET_PRE_ROUTING);
	hook(&k, NF_INET_LOCAL_IN);
	was = k.s.p;
	n = draw_packet(quoted, &was, k.ip_id, k.seq, 0);
	k.s.icmp_type = 3;
	k.s.icmp_code = 3;
	show(&k, PLACE_ICMP_SENT);
	dropped(&k, 2, 0xf00);
	packet(&k, 0xe0, VIP, 0, CLIENT, 3 << 8 | 3, IPPROTO_ICMP, 0);
	memcpy(k.s.bytes + 28, quoted, n);
	k.s.n_bytes = 28 + n;
	hook(&k, NF_INET_LOCAL_OUT);
	hook(&k, NF_INET_POST_ROUTING);
	c = next(&k, 30);
	assert_non_null(c);
	assert_int_equal(c->news, NEWS_REFUSED);
	assert_true(c->refused);
	assert_false(c->answered);
	assert_int_equal(c->icmp_errors, 1);
	assert_int_equal(c->drops, 0);
	assert_int_equal(c->packets[OUTWARD], 1);
	assert_int_equal(c->packets[BACK], 0);
	assert_int_equal(c->n_journey, 2);
	assert_int_equal(c->journey[0]->refused->place, PLACE_ICMP_SENT);
	assert_non_null(c->journey[0]->drop);
	assert_true(c->journey[1]->error);
	assert_true(c->journey[1]->reply);
	assert_int_equal(c->journey[1]->n, 2);
	assert_null(next(&k, 1500));
	stitch_free(k.st);
}

static void reset_by_the_pod(void **state)
{
	struct scene k = begin();
	const struct connection *c;

	(void)state;
	request(&k, 0xa0, 40000, SYN);
	show(&k, PLACE_RST_SENT);
	dropped(&k, 3, 0xf20);
	answer(&k, 0xb0, 40000, RST | ACK);
	c = next(&k, 30);
	assert_int_equal(c->news, NEWS_REFUSED);
	assert_int_equal(c->resets[BACK], 1);
	assert_false(c->answered);
	assert_int_equal(c->journey[0]->refused->place, PLACE_RST_SENT);
	/* nothing more, and soon it is forgotten */
	assert_null(next(&k, 5000));
	assert_int_equal(stitch_counts(k.st).live, 0);
	stitch_free(k.st);
}

/* TCP keeps what it sends: a retransmission has the buffer, and the print, of the first. */
static void a_buffer_is_used_again(void **state)
{
	struct scene k = begin();
	const struct connection *c;

	(void)state;
	request(&k, 0xa0, 40000, SYN);
	k.now += 1000 * MS;
	k.ip_id--;			/* IPv6 has no identification, nor has a SYN always one */
	request(&k, 0xa0, 40000, SYN);
	/* and another connection's packet in it, at once */
	k.seq = 700;
	request(&k, 0xa0, 40001, SYN);
	c = stitch_next(k.st, k.now + 30 * MS + 1000 * MS);
	assert_int_equal(c->number, 1);
	assert_int_equal(c->news, NEWS_QUIET);
	assert_int_equal(c->packets[OUTWARD], 2);
	assert_int_equal(c->retransmitted[OUTWARD], 1);
	assert_int_equal(c->n_journey, 1);	/* the second tells nothing that the first does not */
	assert_int_equal(c->unkept, 1);
	assert_int_equal(c->journey[0]->n, 6);
	c = stitch_next(k.st, k.now + 1030 * MS);
	assert_int_equal(c->number, 2);
	assert_int_equal(c->packets[OUTWARD], 1);
	stitch_free(k.st);
}

/* The client takes its port again: another SYN, another connection. */
static void a_port_is_used_again(void **state)
{
	struct scene k = begin();
	const struct connection *c;

	(void)state;
	request(&k, 0xa0, 40000, SYN);
	answer(&k, 0xb0, 40000, SYN | ACK);
	assert_int_equal(next(&k, 30)->news, NEWS_ANSWERED);
	k.seq = 5000;
	request(&k, 0xa8, 40000, SYN);
	c = next(&k, 1100);
	assert_int_equal(c->number, 2);
	assert_int_equal(c->news, NEWS_QUIET);
	assert_int_equal(c->retransmitted[OUTWARD], 0);
	assert_null(next(&k, 1));
	assert_int_equal(stitch_counts(k.st).live, 1);
	stitch_free(k.st);
}

/* So does the kernel, for masquerading: what it is given to has it from then on. */
static void a_masqueraded_port_is_used_again(void **state)
{
	struct scene k = begin();
	const struct connection *c;

	(void)state;
	request(&k, 0xa0, 40000, SYN);
	k.now += 100 * MS;
	k.seq = 5000;
	request_as(&k, 0xa8, 40001, 55000, SYN);
	c = next(&k, 1100);
	assert_int_equal(c->packets[OUTWARD], 1);
	assert_int_equal(c->journey[0]->n, 6);
	c = next(&k, 0);
	assert_int_equal(c->number, 2);
	assert_int_equal(c->journey[0]->n, 6);
	stitch_free(k.st);
}

/* A copy is dropped (a full capture, say), the packet itself goes on. */
static void a_copy_is_dropped(void **state)
{
	struct scene k = begin();
	struct sighting was;
	const struct connection *c;

	(void)state;
	packet(&k, 0xa0, CLIENT, 40000, VIP, 80, IPPROTO_TCP, SYN);
	hook(&k, NF_INET_PRE_ROUTING);
	was = k.s;
	dropped(&k, 2, 0xf00);
	k.s = was;
	k.s.netns = 1;
	hook(&k, NF_INET_FORWARD);
	c = next(&k, 1100);
	assert_int_equal(c->news, NEWS_QUIET);
	assert_int_equal(c->drops, 0);
	assert_null(c->journey[0]->drop);
	assert_int_equal(c->journey[0]->n, 3);
	stitch_free(k.st);
}

/* What has done its work is freed too, with a reason that says so. */
static void consumed_is_no_drop(void **state)
{
	struct scene k = begin();

	(void)state;
	request(&k, 0xa0, 40000, SYN);
	dropped(&k, 1, 0xf00);
	assert_int_equal(next(&k, 1100)->news, NEWS_QUIET);
	stitch_free(k.st);
}

/* Packets that still come to a socket when one side has reset the connection are late; before that they are lost. */
static void late_is_no_drop(void **state)
{
	struct scene k = begin();
	const struct connection *c;

	(void)state;
	request(&k, 0xa0, 40000, SYN);
	answer(&k, 0xb0, 40000, SYN | ACK);
	assert_int_equal(next(&k, 30)->news, NEWS_ANSWERED);
	request(&k, 0xa1, 40000, RST);
	dropped(&k, 4, 0xf30);
	while ((c = next(&k, 30)))
		assert_int_not_equal(c->news, NEWS_DROPPED);
	k.seq = 900;
	request(&k, 0xa2, 40001, SYN);
	answer(&k, 0xb2, 40001, SYN | ACK);
	assert_int_equal(next(&k, 30)->news, NEWS_ANSWERED);
	request(&k, 0xa3, 40001, ACK);
	dropped(&k, 4, 0xf30);
	assert_int_equal(next(&k, 30)->news, NEWS_DROPPED);
	stitch_free(k.st);
}

/* The buffer changes on the way: its print is what stays. */
static void a_new_buffer(void **state)
{
	struct scene k = begin();
	const struct connection *c;

	(void)state;
	packet(&k, 0xa0, CLIENT, 40000, VIP, 80, IPPROTO_TCP, SYN);
	hook(&k, NF_INET_PRE_ROUTING);
	k.s.id = 0xa1;
	dnat(&k, POD, 8080);
	entry(&k, CT_NEW, false, &(struct tuple){ .src = at_addr(CLIENT), .dst = at_addr(VIP), .sport = 40000, .dport = 80,
						  .proto = IPPROTO_TCP });
	hook(&k, NF_INET_FORWARD);
	dropped(&k, 2, 0xf00);
	c = next(&k, 30);
	assert_int_equal(c->packets[OUTWARD], 1);
	assert_int_equal(c->n_journey, 1);
	assert_int_equal(c->journey[0]->n, 3);
	stitch_free(k.st);
}

/* The first that is seen comes after the translation: its entry names what was addressed. */
static void the_beginning_is_lost(void **state)
{
	struct scene k = begin();
	struct tuple orig = as_tuple(CLIENT, 40000, VIP, 80, IPPROTO_TCP);
	const struct connection *c;

	(void)state;
	packet(&k, 0xa0, CLIENT, 40000, POD, 8080, IPPROTO_TCP, SYN);
	entry(&k, CT_NEW, false, &orig);
	hook(&k, NF_INET_POST_ROUTING);
	/* and the middle: in the pod there is no entry, only the buffer tells */
	snat(&k, "10.244.2.1", 55000);
	k.s.p.ct = (struct ct_view){ 0 };
	k.s.netns = 3;
	hook(&k, NF_INET_LOCAL_IN);
	/* the answer's first half too */
	k.seq = 9000;
	packet(&k, 0xb0, VIP, 80, CLIENT, 40000, IPPROTO_TCP, SYN | ACK);
	k.s.netns = 2;
	hook(&k, NF_INET_LOCAL_IN);
	c = next(&k, 30);
	assert_int_equal(c->news, NEWS_ANSWERED);
	assert_true(tuple_eq(&c->orig, &orig));
	assert_int_equal(c->packets[OUTWARD], 1);
	assert_int_equal(c->packets[BACK], 1);
	assert_false(c->journey[0]->begun);
	assert_int_equal(c->journey[0]->n, 2);
	assert_int_equal(stitch_counts(k.st).strange, 0);
	stitch_free(k.st);
}

/* That it was freed is lost: the chain's verdict tells as well. */
static void the_drop_is_lost(void **state)
{
	struct scene k = begin();
	const struct connection *c;

	(void)state;
	packet(&k, 0xa0, CLIENT, 40000, VIP, 80, IPPROTO_TCP, SYN);
	hook(&k, NF_INET_PRE_ROUTING);
	strcpy(k.s.text, "filter FORWARD");
	k.s.hook = NF_INET_FORWARD;
	k.s.verdict = NF_DROP;
	show(&k, PLACE_CHAIN);
	c = next(&k, 30);
	assert_int_equal(c->news, NEWS_DROPPED);
	assert_int_equal(c->journey[0]->drop->place, PLACE_CHAIN);
	stitch_free(k.st);
}

static void a_full_listener(void **state)
{
	struct scene k = begin();
	const struct connection *c;

	(void)state;
	request(&k, 0xa0, 40000, SYN);
	show(&k, PLACE_LISTEN_FULL);
	c = next(&k, 30);
	assert_int_equal(c->news, NEWS_DROPPED);
	assert_int_equal(c->journey[0]->refused->place, PLACE_LISTEN_FULL);
	stitch_free(k.st);
}

/* To the endpoint itself, past the service: not what was asked for. By the client alone that was asked for. */
static void left_out(void **state)
{
	struct scene k = begin();
	struct tuple other = as_tuple(CLIENT, 40000, "10.96.0.99", 80, IPPROTO_TCP);

	(void)state;
	packet(&k, 0xa0, CLIENT, 40000, POD, 8080, IPPROTO_TCP, SYN);
	hook(&k, NF_INET_PRE_ROUTING);
	packet(&k, 0xa1, CLIENT, 40000, POD, 8080, IPPROTO_TCP, SYN);
	entry(&k, CT_NEW, false, &other);
	hook(&k, NF_INET_FORWARD);
	assert_null(stitch_next(k.st, UINT64_MAX));
	assert_int_equal(stitch_counts(k.st).strange, 2);
	stitch_free(k.st);
	k.st = begin_with(VIP, IPPROTO_TCP, (struct stitch_options){ .from = at_addr("10.244.1.10") });
	packet(&k, 0xa0, CLIENT, 40000, VIP, 80, IPPROTO_TCP, SYN);
	hook(&k, NF_INET_PRE_ROUTING);
	packet(&k, 0xa1, "10.244.1.10", 40000, VIP, 80, IPPROTO_TCP, SYN);
	hook(&k, NF_INET_PRE_ROUTING);
	assert_int_equal(stitch_next(k.st, UINT64_MAX)->orig.src.b[3], 10);
	assert_null(stitch_next(k.st, UINT64_MAX));
	assert_int_equal(stitch_counts(k.st).strange, 1);
	stitch_free(k.st);
}

static void ipv6(void **state)
{
	struct scene k = { .st = begin_with("fd00:96::10", IPPROTO_TCP, (struct stitch_options){ 0 }), .now = 1000 * MS };
	struct tuple orig = as_tuple("fd00:1::9", 40000, "fd00:96::10", 80, IPPROTO_TCP);
	const struct connection *c;

	(void)state;
	packet(&k, 0xa0, "fd00:1::9", 40000, "fd00:96::10", 80, IPPROTO_TCP, SYN);
	hook(&k, NF_INET_PRE_ROUTING);
	dnat(&k, "fd00:2::7", 8080);
	entry(&k, CT_NEW, false, &orig);
	hook(&k, NF_INET_FORWARD);
	k.seq = 9000;
	packet(&k, 0xb0, "fd00:2::7", 8080, "fd00:1::9", 40000, IPPROTO_TCP, SYN | ACK);
	hook(&k, NF_INET_PRE_ROUTING);
	entry(&k, CT_ESTABLISHED, true, &orig);
	hook(&k, NF_INET_FORWARD);
	c = next(&k, 30);
	assert_int_equal(c->news, NEWS_ANSWERED);
	assert_int_equal(c->journey[0]->n, 2);
	assert_int_equal(c->translated.dport, 8080);
	stitch_free(k.st);
}

/* The request leaves in a tunnel, in its own buffer first, then in a new one. */
static void encapsulated(void **state)
{
	struct scene k = begin();
	struct tuple orig = as_tuple(CLIENT, 40000, VIP, 80, IPPROTO_TCP);
	const struct connection *c;
	struct packet inner;
	uint8_t bytes[SIGHTING_BYTES];
	unsigned n;

	(void)state;
	packet(&k, 0xa0, CLIENT, 40000, VIP, 80, IPPROTO_TCP, SYN);
	hook(&k, NF_INET_PRE_ROUTING);
	dnat(&k, POD, 8080);
	entry(&k, CT_NEW, false, &orig);
	hook(&k, NF_INET_POST_ROUTING);
	inner = k.s.p;
	n = draw_packet(bytes, &inner, k.ip_id, k.seq, 0);
	for (int i = 0; i < 2; i++) {
		k.s.id = 0xa0 + i;
		k.s.p = (struct packet){ .src = at_addr("192.168.0.1"), .dst = at_addr("192.168.0.2"), .sport = 33333,
					 .dport = 8472, .proto = IPPROTO_UDP };
		draw_packet(k.s.bytes, &k.s.p, 999, 0, 0);
		k.s.bytes[28] = 0x08;
		memset(k.s.bytes + 36, 0, 12);
		put_be16(k.s.bytes + 48, 0x0800);
		memcpy(k.s.bytes + 50, bytes, n);
		k.s.n_bytes = 50 + n;
		hook(&k, i ? NF_INET_POST_ROUTING : NF_INET_LOCAL_OUT);
	}
	c = next(&k, 1100);
	assert_int_equal(c->packets[OUTWARD], 1);
	assert_int_equal(c->n_journey, 1);
	assert_int_equal(c->journey[0]->n, 4);
	assert_int_equal(c->translated.dport, 8080);
	assert_int_equal(stitch_counts(k.st).strange, 0);
	stitch_free(k.st);
}

/* IPVS without conntrack: what it chose joins both sides. */
static void ipvs(void **state)
{
	struct scene k = begin();
	const struct connection *c;

	(void)state;
	packet(&k, 0xa0, CLIENT, 40000, VIP, 80, IPPROTO_TCP, SYN);
	hook(&k, NF_INET_LOCAL_IN);
	k.s.ipvs = as_tuple(CLIENT, 40000, POD, 8080, IPPROTO_TCP);
	show(&k, PLACE_IPVS_CONN);
	dnat(&k, POD, 8080);
	k.s.id = 0xa7;
	hook(&k, NF_INET_LOCAL_OUT);
	k.seq = 9000;
	packet(&k, 0xb0, POD, 8080, CLIENT, 40000, IPPROTO_TCP, SYN | ACK);
	hook(&k, NF_INET_FORWARD);
	c = next(&k, 30);
	assert_int_equal(c->news, NEWS_ANSWERED);
	assert_int_equal(c->ipvs.dport, 8080);
	assert_int_equal(c->journey[0]->n, 3);
	stitch_free(k.st);
}

static void echo(void **state)
{
	struct scene k = { .st = begin_with(VIP, IPPROTO_ICMP, (struct stitch_options){ 0 }), .now = 1000 * MS };
	const struct connection *c;

	(void)state;
	packet(&k, 0xa0, CLIENT, 77, VIP, 8 << 8, IPPROTO_ICMP, 0);
	hook(&k, NF_INET_PRE_ROUTING);
	packet(&k, 0xa0, VIP, 77, CLIENT, 0, IPPROTO_ICMP, 0);
	hook(&k, NF_INET_LOCAL_OUT);
	c = next(&k, 30);
	assert_int_equal(c->news, NEWS_ANSWERED);
	assert_int_equal(c->n_journey, 2);
	assert_false(c->journey[0]->error);
	stitch_free(k.st);
}

static void interleaved(void **state)
{
	struct scene k = begin(), other;
	const struct connection *c;

	(void)state;
	/* two packets at every place by turns */
	packet(&k, 0xa0, CLIENT, 40000, VIP, 80, IPPROTO_TCP, SYN);
	other = k;
	packet(&other, 0xb0, CLIENT, 40001, VIP, 80, IPPROTO_TCP, SYN);
	for (int h = NF_INET_PRE_ROUTING; h <= NF_INET_FORWARD; h += 2) {
		hook(&k, h);
		other.now = k.now;
		hook(&other, h);
		k.now = other.now;
		if (h == NF_INET_PRE_ROUTING) {
			struct tuple a = packet_tuple(&k.s.p), b = packet_tuple(&other.s.p);

			dnat(&k, POD, 8080);
			entry(&k, CT_NEW, false, &a);
			dnat(&other, POD, 8080);
			entry(&other, CT_NEW, false, &b);
		}
	}
	dropped(&other, 2, 0xf00);
	k.now = other.now;
	c = next(&k, 1100);
	assert_int_equal(c->number, 1);
	assert_int_equal(c->news, NEWS_QUIET);
	assert_int_equal(c->journey[0]->n, 2);
	c = next(&k, 0);
	assert_int_equal(c->number, 2);
	assert_int_equal(c->news, NEWS_DROPPED);
	assert_int_equal(c->journey[0]->n, 3);
	assert_null(next(&k, 0));
	stitch_free(k.st);
}

/* Many packets of an open connection: counted, not kept; then it ends. */
static void an_open_connection(void **state)
{
	struct scene k = begin();
	const struct connection *c;

	(void)state;
	request(&k, 0xa0, 40000, SYN);
	answer(&k, 0xb0, 40000, SYN | ACK);
	assert_int_equal(next(&k, 30)->news, NEWS_ANSWERED);
	for (int i = 0; i < 500; i++) {
		k.seq = 101 + i;
		request(&k, 0xa0 + i, 40000, ACK);
		k.now += MS;
		if (i % 50 == 0)
			assert_null(next(&k, 30));
	}
	request(&k, 0xa1, 40000, ACK | FIN);
	answer(&k, 0xb1, 40000, ACK | FIN);
	c = next(&k, 30);
	assert_non_null(c);
	assert_int_equal(c->news, NEWS_ENDED);
	assert_int_equal(c->told, 1);
	assert_int_equal(c->packets[OUTWARD], 502);
	assert_true(c->finished[OUTWARD] && c->finished[BACK]);
	assert_int_equal(stitch_counts(k.st).connections, 1);
	assert_null(next(&k, 3000));
	assert_int_equal(stitch_counts(k.st).live, 0);
	stitch_free(k.st);
}

static size_t memory(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* Whatever comes, memory stays what it was: one connection with very many packets at once, very many connections. */
static void memory_does_not_grow(void **state)
{
	struct scene k = begin();
	size_t before = 0;

	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		k.seq += 1000;
		if (i % 3)
			packet(&k, i % 500, CLIENT, 40000, VIP, 80, IPPROTO_TCP, ACK);
		else
			packet(&k, i % 500, CLIENT, i, VIP, 80, IPPROTO_TCP, SYN);
		hook(&k, NF_INET_PRE_ROUTING);
		hook(&k, NF_INET_FORWARD);
		if (i % 7 == 0)
			dropped(&k, 2, 0xf00 + i);
		if (i % 100 == 0)
			while (stitch_next(k.st, k.now))
				;
		if (i == 20000)
			before = memory();
	}
	assert_true(memory() <= before + 65536);
	stitch_free(k.st);
}

/* More connections than there is room for: the oldest give way, and are counted. */
static void no_room(void **state)
{
	struct stitch_options o = { .max_connections = 8, .max_sightings = 64 };
	struct scene k = { .st = begin_with(VIP, IPPROTO_TCP, o), .now = 1000 * MS };
	const struct connection *c;
	unsigned told = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		k.seq += 1000;
		request(&k, 0x1000 + i, 40000 + i, SYN);
		assert_true(stitch_counts(k.st).live <= 8);
	}
	assert_int_equal(stitch_counts(k.st).given_up, 92);
	while ((c = stitch_next(k.st, UINT64_MAX))) {
		assert_int_equal(c->orig.sport, 40000 + c->number - 1);
		assert_true(c->number > 92);
		assert_int_equal(c->journey[0]->n, 6);
		told++;
	}
	assert_int_equal(told, 8);
	stitch_free(k.st);
	/* sightings run short first */
	o.max_connections = 100;
	k.st = begin_with(VIP, IPPROTO_TCP, o);
	for (unsigned i = 0; i < 100; i++) {
		k.seq += 1000;
		request(&k, 0x1000 + i, 40000 + i, SYN);
	}
	assert_int_equal(stitch_counts(k.st).live, 10);
	assert_int_equal(stitch_counts(k.st).given_up, 90);
	stitch_free(k.st);
}

/* Bytes that lie about their lengths. */
static void hostile_bytes(void **state)
{
	struct scene k = begin();
	uint32_t seed = 7;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		packet(&k, i % 50, CLIENT, 40000 + i % 300, VIP, 80, i % 3 ? IPPROTO_TCP : IPPROTO_UDP, i);
		for (unsigned b = 0; b < SIGHTING_BYTES; b++) {
			seed = seed * 1103515245 + 12345;
			if (b > 1 || i % 5 == 0)
				k.s.bytes[b] = seed >> 16;
		}
		k.s.n_bytes = seed % 200;
		k.s.hook = seed % 9;
		if (i % 7 == 0)
			k.s.p.dst.family = 0;
		show(&k, seed % PLACES);
		if (i % 100 == 0)
			while (stitch_next(k.st, k.now))
				;
	}
	while (stitch_next(k.st, UINT64_MAX))
		;
	stitch_free(k.st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(translated_both_ways),
		cmocka_unit_test(half_translated_by_now),
		cmocka_unit_test(not_translated_back),
		cmocka_unit_test(answered_past_the_node), cmocka_unit_test(dropped_in_forward), cmocka_unit_test(rejected),
		cmocka_unit_test(reset_by_the_pod), cmocka_unit_test(a_buffer_is_used_again),
		cmocka_unit_test(a_port_is_used_again),
		cmocka_unit_test(a_masqueraded_port_is_used_again), cmocka_unit_test(a_copy_is_dropped),
		cmocka_unit_test(consumed_is_no_drop), cmocka_unit_test(late_is_no_drop), cmocka_unit_test(a_new_buffer),
		cmocka_unit_test(the_beginning_is_lost), cmocka_unit_test(the_drop_is_lost),
		cmocka_unit_test(a_full_listener), cmocka_unit_test(left_out), cmocka_unit_test(ipv6),
		cmocka_unit_test(encapsulated), cmocka_unit_test(ipvs), cmocka_unit_test(echo),
		cmocka_unit_test(interleaved), cmocka_unit_test(an_open_connection), cmocka_unit_test(no_room), cmocka_unit_test(memory_does_not_grow),
		cmocka_unit_test(hostile_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
