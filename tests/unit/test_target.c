/* SPDX-License-Identifier: GPL-2.0-only */
/* Target words: what parses to what, and what is refused with which sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/target.h"
#include "tracer/word.h"

static void services(void **state)
{
	static const struct { const char *text, *ns, *name, *port_name; uint16_t port; uint8_t proto; } rows[] = {
		{ "svc/web", "default", "web", NULL, 0, 0 },
		{ "svc/web:80", "default", "web", NULL, 80, 0 },
		{ "svc/web:http", "default", "web", "http", 0, 0 },
		{ "svc/web:http/udp", "default", "web", "http", 0, IPPROTO_UDP },
		{ "svc/web/udp", "default", "web", NULL, 0, IPPROTO_UDP },
		{ "svc/prod/web", "prod", "web", NULL, 0, 0 },
		{ "svc/prod/web:65535/sctp", "prod", "web", NULL, 65535, IPPROTO_SCTP },
		{ "svc/prod/tcp/tcp", "prod", "tcp", NULL, 0, IPPROTO_TCP },
		{ "svc/prod/web:8080-tcp", "prod", "web", "8080-tcp", 0, 0 },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = { "" };
		struct target t;

		if (target_parse(a, rows[i].text, "default", &t, &err))
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_int_equal(t.kind, TARGET_SERVICE);
		assert_string_equal(t.input, rows[i].text);
		assert_string_equal(t.namespace, rows[i].ns);
		assert_string_equal(t.name, rows[i].name);
		assert_int_equal(t.port, rows[i].port);
		assert_int_equal(t.proto, rows[i].proto);
		if (rows[i].port_name)
			assert_string_equal(t.port_name, rows[i].port_name);
		else
			assert_null(t.port_name);
	}
	arena_free(a);
}

static void addresses(void **state)
{
	static const struct { const char *text; enum target_kind kind; const char *addr; uint16_t port; uint8_t proto; } rows[] = {
		{ "10.96.0.1:443", TARGET_ADDRESS, "10.96.0.1", 443, IPPROTO_TCP },
		{ "10.96.0.10:53/udp", TARGET_ADDRESS, "10.96.0.10", 53, IPPROTO_UDP },
		{ "[fd00::1]:80", TARGET_ADDRESS, "fd00::1", 80, IPPROTO_TCP },
		{ "[fd00::1]:80/sctp", TARGET_ADDRESS, "fd00::1", 80, IPPROTO_SCTP },
		{ "10.0.0.1/icmp", TARGET_ICMP, "10.0.0.1", 0, IPPROTO_ICMP },
		{ "[fd00::1]/icmp", TARGET_ICMP, "fd00::1", 0, IPPROTO_ICMPV6 },
		{ "fd00::1/icmp", TARGET_ICMP, "fd00::1", 0, IPPROTO_ICMPV6 },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = { "" };
		struct addr want;
		struct target t;

		if (target_parse(a, rows[i].text, "default", &t, &err))
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_true(addr_parse(rows[i].addr, &want));
		assert_true(addr_eq(&t.addr, &want));
		assert_int_equal(t.kind, rows[i].kind);
		assert_int_equal(t.port, rows[i].port);
		assert_int_equal(t.proto, rows[i].proto);
	}
	arena_free(a);
}

static void pods(void **state)
{
	static const struct { const char *text, *ns, *name, *port_name; uint16_t port; uint8_t proto; const char *word; } rows[] = {
		{ "pod/web-1", "default", "web-1", NULL, 0, 0, NULL },
		{ "pod/web-1:8080", "default", "web-1", NULL, 8080, 0, NULL },
		{ "pod/prod/web-1:http/udp", "prod", "web-1", "http", 0, IPPROTO_UDP, NULL },
		{ "pod/prod/static-web.node-a.example", "prod", "static-web.node-a.example", NULL, 0, 0, NULL },
		{ "pod/web-1/icmp", "default", "web-1", NULL, 0, IPPROTO_ICMP, "icmp" },
		{ "pod/prod/web-1/icmp", "prod", "web-1", NULL, 0, IPPROTO_ICMP, NULL },
		{ "pod/prod/tcp", "default", "prod", NULL, 0, IPPROTO_TCP, "tcp" },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = { "" };
		struct target t;

		if (target_parse(a, rows[i].text, "default", &t, &err))
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_int_equal(t.kind, TARGET_POD);
		assert_string_equal(t.namespace, rows[i].ns);
		assert_string_equal(t.name, rows[i].name);
		assert_int_equal(t.port, rows[i].port);
		assert_int_equal(t.proto, rows[i].proto);
		assert_string_equal(t.port_name ? t.port_name : "", rows[i].port_name ? rows[i].port_name : "");
		assert_string_equal(t.proto_word ? t.proto_word : "", rows[i].word ? rows[i].word : "");
	}
	arena_free(a);
}

/* Each refusal is one sentence that holds the words of the second column. */
static void refusals(void **state)
{
	static const struct { const char *text, *says; } rows[] = {
		{ "", "is not a target" },
		{ "web", "is not a target" },
		{ "svc/", "is empty" },
		{ "svc/a/b/c", "too many parts" },
		{ "svc/Web", "cannot be a service name" },
		{ "svc/web_1", "cannot be a service name" },
		{ "svc/-web", "cannot be a service name" },
		{ "svc//web", "namespace" },
		{ "svc/Prod/web", "cannot be a namespace" },
		{ "svc/web:", "is empty" },
		{ "svc/web:0", "out of range" },
		{ "svc/web:65536", "out of range" },
		{ "svc/web:99999999999999999999", "out of range" },
		{ "svc/web:this-name-is-too-long", "cannot be a port name" },
		{ "svc/web/icmp", "no ICMP" },
		{ "svc/w\033[31meb", "cannot be a service name" },
		{ "svc/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "at most 63" },
		{ "nodeport/", "is empty" },
		{ "nodeport/http", "not a port number" },
		{ "nodeport/70000", "out of range" },
		{ "nodeport/-1", "not a port number" },
		{ "nodeport/30080/icmp", "no ICMP" },
		{ "10.96.0.1", "needs a port" },
		{ "10.96.0.1:", "is empty" },
		{ "10.96.0.1:0", "out of range" },
		{ "10.96.0.1:+80", "not a port number" },
		{ "10.96.0.1:80:90", "is not a target" },
		{ "10.96.0.1:80/icmp", "no ports" },
		{ "10.96.0:80", "is not a target" },
		{ "0.0.0.0:80", "any address" },
		{ "[::]:80", "any address" },
		{ "0.0.0.0/icmp", "any address" },
		{ "255.255.255.255:67/udp", "broadcast" },
		{ "224.0.0.1:5353/udp", "multicast" },
		{ "[ff02::1]/icmp", "multicast" },
		{ "fd00::1:80", "in brackets" },
		{ "[fd00::1]", "needs a port" },
		{ "[fd00::1:80", "is not [IP6]:PORT" },
		{ "[fd00::1]80", "is not [IP6]:PORT" },
		{ "pod/", "is empty" },
		{ "pod/Web", "cannot be a pod name" },
		{ "pod/web..1", "cannot be a pod name" },
		{ "pod/.web", "cannot be a pod name" },
		{ "pod/web.", "cannot be a pod name" },
		{ "pod/a/b/c", "too many parts" },
		{ "pod/web-1:0", "out of range" },
		{ "pod/web-1:80/icmp", "no ports" },
		{ "ingress/web", "not in this build" },
		{ "dns/kubernetes", "not in this build" },
		{ "https://example.com/", "not in this build" },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct target t = { .port = 7 };
		struct err err = { "" };

		if (target_parse(a, rows[i].text, "default", &t, &err) != -22)
			fail_msg("%s was taken", rows[i].text);
		if (!strstr(err.text, rows[i].says))
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_null(strpbrk(err.text, "\033\n"));
		assert_int_equal(t.port, 7);
	}
	assert_int_not_equal(target_parse(a, "svc/web", "Bad NS", &(struct target){ 0 }, NULL), 0);
	arena_free(a);
}

static void said(void **state)
{
	struct arena *a = arena_new();
	struct tuple t = { .dport = 80, .proto = IPPROTO_TCP };

	(void)state;
	addr_parse("fd00::1", &t.dst);
	assert_string_equal(target_say(a, &t), "[fd00::1]:80/tcp");
	t.proto = IPPROTO_ICMPV6;
	t.dport = 128 << 8;
	assert_string_equal(target_say(a, &t), "fd00::1/icmp");
	arena_free(a);
}

static void check_words(const char *bytes, const char *want)
{
	struct arena *a = arena_new();

	assert_string_equal(word_clean(a, bytes), want);
	arena_free(a);
}

static void words(void **state)
{
	char buf[WORD_SHORT];

	(void)state;
	check_words("prod/web: plain → fine", "prod/web: plain → fine");
	check_words("a\033[31mb", "a\xef\xbf\xbd[31mb");
	check_words("\xff\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	check_words("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd");		/* cut short */
	check_words("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");	/* a surrogate */
	check_words("\xc2\x9b" "31m", "\xef\xbf\xbd" "31m");		/* C1 CSI */
	assert_string_equal(word_short("a\tb", buf), "a?b");
	assert_int_equal(strlen(word_short("0123456789012345678901234567890123456789012345678901234567890123456789012345", buf)),
			 WORD_SHORT - 1);
	assert_int_equal(word_distance("web", "web"), 0);
	assert_int_equal(word_distance("web", "wbe"), 1);
	assert_int_equal(word_distance("", "web"), 3);
	assert_int_equal(word_distance("kitten", "sitting"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services),
		cmocka_unit_test(addresses),
		cmocka_unit_test(pods),
		cmocka_unit_test(refusals),
		cmocka_unit_test(said),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
