/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of the live probes as sightings: headers of both families, conntrack's view, what was cut short, any bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/probes_priv.h"

#include "bpf/event.h"

static const uint8_t tcp4[] = {
	0x45, 0x10, 0, 40, 0, 1, 0x40, 0, 63, 6, 0, 0, 10, 0, 0, 1, 10, 96, 0, 1,
	0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0, 0, 0, 0, 0, 0,
};

/* hop-by-hop options, a first fragment's header, then UDP */
static const uint8_t udp6[] = {
	0x60, 0x10, 0, 0, 0, 24, 0, 64,
	0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
	44, 0, 0, 0, 0, 0, 0, 0,
	17, 0, 0, 1, 0, 0, 0, 9,
	0, 53, 0x10, 0, 0, 8, 0, 0,
};

static const uint8_t icmp4[] = {
	0x45, 0, 0, 28, 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 8, 0, 0, 0, 0x12, 0x34, 0, 1,
};

static void put_bytes(struct event *e, const uint8_t *b, size_t n)
{
	memset(e, 0, sizeof(*e));
	e->place = EVENT_HOOK;
	e->flags = EVENT_IP;
	e->len = e->n_bytes = n;
	memcpy(e->bytes, b, n);
}

static void assert_says(const struct sighting *s, const char *expected)
{
	struct arena *a = arena_new();
	struct tuple t = packet_tuple(&s->p);

	assert_string_equal(tuple_say(a, &t), expected);
	arena_free(a);
}

static void test_headers(void **state)
{
	struct sighting s;
	struct event e;

	(void)state;
	put_bytes(&e, tcp4, sizeof(tcp4));
	assert_true(sighting_from_event(&s, &e, EVENT_SHORT));
	assert_says(&s, "10.0.0.1:40000 > 10.96.0.1:443/tcp");
	assert_int_equal(s.p.tcp_flags, 2);
	assert_int_equal(s.p.ttl, 63);
	assert_int_equal(s.p.tos, 0x10);
	put_bytes(&e, udp6, sizeof(udp6));
	assert_true(sighting_from_event(&s, &e, sizeof(e)));
	assert_says(&s, "[fd00::1]:53 > [fd00::2]:4096/udp");
	assert_int_equal(s.p.tos, 1);
	put_bytes(&e, icmp4, sizeof(icmp4));
	assert_true(sighting_from_event(&s, &e, EVENT_SHORT));
	assert_says(&s, "10.0.0.1 > 10.0.0.2/icmp type 8");
	assert_int_equal(s.p.sport, 0x1234);
}

/* Later fragments and headers cut short have no ports, not wrong ones. */
static void test_cut(void **state)
{
	struct sighting s;
	struct event e;

	(void)state;
	put_bytes(&e, tcp4, sizeof(tcp4));
	e.bytes[7] = 9;
	assert_true(sighting_from_event(&s, &e, EVENT_SHORT));
	assert_int_equal(s.p.dport, 0);
	assert_int_equal(s.p.proto, IPPROTO_TCP);
	put_bytes(&e, udp6, sizeof(udp6));
	e.bytes[40 + 8 + 3] = 8;
	assert_true(sighting_from_event(&s, &e, EVENT_SHORT));
	assert_int_equal(s.p.dport, 0);
	assert_int_equal(s.p.proto, IPPROTO_UDP);
	for (size_t n = 0; n < sizeof(udp6); n++) {
		put_bytes(&e, udp6, n);
		assert_true(sighting_from_event(&s, &e, EVENT_SHORT));
		assert_int_equal(s.p.dst.family, n < 40 ? 0 : AF_INET6);
		assert_int_equal(s.p.dport, n < 60 ? 0 : 4096);
	}
	e.flags = 0;
	assert_true(sighting_from_event(&s, &e, EVENT_SHORT));
	assert_int_equal(s.p.dst.family, 0);
	assert_false(sighting_from_event(&s, &e, EVENT_SHORT - 1));
	e.place = EVENT_DROP;
	assert_false(sighting_from_event(&s, &e, EVENT_SHORT));
	e.place = PLACES;
	assert_false(sighting_from_event(&s, &e, sizeof(e)));
}

static void test_connection(void **state)
{
	static const struct { uint8_t info; enum ct_state state; bool reply; } infos[] = {
		{ 0, CT_ESTABLISHED, false }, { 1, CT_RELATED, false }, { 2, CT_NEW, false }, { 3, CT_ESTABLISHED, true },
		{ 4, CT_RELATED, true }, { 7, CT_UNTRACKED, false }, { 6, CT_NONE, false },
	};
	struct sighting s;
	struct event e;

	(void)state;
	put_bytes(&e, tcp4, sizeof(tcp4));
	for (size_t i = 0; i < ARRAY_SIZE(infos); i++) {
		e.ct.has = EVENT_CT_INFO;
		e.ct.info = infos[i].info;
		assert_true(sighting_from_event(&s, &e, EVENT_SHORT));
		assert_int_equal(s.p.ct.state, infos[i].state);
		assert_int_equal(s.p.ct.reply, infos[i].reply);
		assert_int_equal(s.p.ct.orig.src.family, 0);
	}
	e.ct.has = EVENT_CT_INFO | EVENT_CT_ENTRY;
	e.ct.status = 8;
	e.ct.orig = (struct event_tuple){ .src = { 10, 0, 0, 1 }, .dst = { 10, 0, 0, 2 }, .sport = __builtin_bswap16(7),
					  .dport = __builtin_bswap16(0x0800), .family = AF_INET, .proto = IPPROTO_ICMP };
	assert_true(sighting_from_event(&s, &e, EVENT_SHORT));
	assert_true(s.p.ct.existing);
	assert_int_equal(s.p.ct.orig.sport, 7);
	assert_int_equal(s.p.ct.orig.dport, 8 << 8);
}

/* The stack begins where the packet was freed; what is told of without its place keeps that at least. */
static void test_stack(void **state)
{
	struct sighting s;
	struct event e;

	(void)state;
	put_bytes(&e, tcp4, sizeof(tcp4));
	e.place = EVENT_DROP;
	e.location = 30;
	for (int i = 0; i < EVENT_STACK; i++)
		e.stack[i] = 10 * (i + 1);
	assert_true(sighting_from_event(&s, &e, sizeof(e)));
	assert_int_equal(s.stack[0], 30);
	assert_int_equal(s.stack[7], 100);
	e.location = 31;
	assert_true(sighting_from_event(&s, &e, sizeof(e)));
	assert_int_equal(s.stack[0], 31);
	assert_int_equal(s.stack[1], 0);
}

static void test_text(void **state)
{
	struct sighting s;
	struct event e;

	(void)state;
	put_bytes(&e, tcp4, sizeof(tcp4));
	memset(e.text, 'a', sizeof(e.text));
	assert_true(sighting_from_event(&s, &e, EVENT_SHORT));
	assert_int_equal(strlen(s.text), 63);
	assert_int_equal(s.text[32], ' ');
	e.place = EVENT_IPVS_NONE;
	assert_true(sighting_from_event(&s, &e, EVENT_SHORT));
	assert_int_equal(strlen(s.text), 63);
	assert_int_equal(s.text[32], 'a');
}

/* Any bytes: the sanitizers watch. */
static void test_any(void **state)
{
	struct sighting s;
	struct event e;
	uint8_t *b = (uint8_t *)&e;

	(void)state;
	srand(1);
	for (int i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof(e); k++)
			b[k] = rand() >> 7;
		e.place %= PLACES + 1;
		e.bytes[0] = i & 1 ? 0x60 | (e.bytes[0] & 15) : 0x40 | (e.bytes[0] & 15);
		e.bytes[6] = i & 2 ? 0 : e.bytes[6];
		if (!sighting_from_event(&s, &e, sizeof(e)))
			continue;
		assert_true(s.n_bytes <= SIGHTING_BYTES);
		assert_true(strnlen(s.text, sizeof(s.text)) < sizeof(s.text));
		assert_true(strnlen(s.comm, sizeof(s.comm)) < sizeof(s.comm));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers), cmocka_unit_test(test_cut), cmocka_unit_test(test_connection),
		cmocka_unit_test(test_stack), cmocka_unit_test(test_text), cmocka_unit_test(test_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
