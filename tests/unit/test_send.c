/* SPDX-License-Identifier: GPL-2.0-only */
/* The bytes of the probes that --send sends, and which packets count as their answer. */
#include <netinet/in.h>

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/send_wire.h"

static struct tuple tuple(uint8_t proto, uint16_t sport, uint16_t dport)
{
	struct tuple t = { .proto = proto, .sport = sport, .dport = dport };

	t.src = addr_v4(0x0a000001);
	t.dst = addr_v4(0x0a600001);
	return t;
}

static void test_udp(void **state UNUSED)
{
	struct tuple dns = tuple(IPPROTO_UDP, 40000, 53), other = tuple(IPPROTO_UDP, 40000, 8080);
	uint8_t buf[WIRE_MAX], answer[17];
	struct sent sent = {};

	assert_int_equal(wire_udp(&other, buf), 0);
	assert_int_equal(wire_udp(&dns, buf), 17);
	memcpy(answer, buf, sizeof(answer));
	answer[2] |= 0x80;
	answer[3] = 5;
	assert_true(wire_udp_answer(&dns, answer, sizeof(answer), &sent));
	assert_int_equal(sent.result, SENT_ANSWERED);
	assert_string_equal(sent.answer, "DNS answer REFUSED");
	assert_true(wire_udp_answer(&other, answer, 1, &sent));
	assert_string_equal(sent.answer, "a datagram");
	answer[0] ^= 1;
	assert_true(wire_udp_answer(&dns, answer, sizeof(answer), &sent));
	assert_string_equal(sent.answer, "a datagram");
}

static void test_echo(void **state UNUSED)
{
	struct tuple t = tuple(IPPROTO_ICMP, 0x1234, 8 << 8), v6 = tuple(IPPROTO_ICMPV6, 0x1234, 128 << 8);
	uint8_t buf[WIRE_MAX];
	struct sent sent = {};
	uint32_t sum = 0;
	size_t n = wire_echo(&t, buf);

	assert_int_equal(buf[0], 8);
	for (size_t i = 0; i < n; i += 2)
		sum += buf[i] << 8 | buf[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
	/* its own request coming back is no answer */
	assert_false(wire_echo_answer(&t, buf, n, &sent));
	buf[0] = 0;
	assert_true(wire_echo_answer(&t, buf, n, &sent));
	assert_false(wire_echo_answer(&t, buf, 7, &sent));
	buf[4] ^= 1;
	assert_false(wire_echo_answer(&t, buf, n, &sent));
	assert_int_equal(wire_echo(&v6, buf), 16);
	assert_int_equal(buf[0], 128);
	buf[0] = 129;
	assert_true(wire_echo_answer(&v6, buf, 16, &sent));
}

static void test_sctp(void **state UNUSED)
{
	struct tuple t = tuple(IPPROTO_SCTP, 40000, 9);
	/* the checksum as another implementation of CRC-32C computes it */
	static const uint8_t crc[] = { 0xe6, 0xe6, 0xc3, 0x79 };
	uint8_t buf[WIRE_MAX];
	struct sent sent = {};

	assert_int_equal(wire_sctp(&t, buf), 32);
	assert_memory_equal(buf + 8, crc, sizeof(crc));
	assert_false(wire_sctp_answer(&t, buf, 32, &sent));
	buf[0] = 0, buf[1] = 9;
	buf[2] = 40000 >> 8, buf[3] = 40000 & 255;
	assert_false(wire_sctp_answer(&t, buf, 32, &sent));
	buf[12] = 2;
	assert_true(wire_sctp_answer(&t, buf, 32, &sent));
	assert_int_equal(sent.result, SENT_ANSWERED);
	buf[12] = 6;
	assert_true(wire_sctp_answer(&t, buf, 16, &sent));
	assert_int_equal(sent.result, SENT_RESET);
	assert_false(wire_sctp_answer(&t, buf, 15, &sent));
}

static void test_icmp_names(void **state UNUSED)
{
	assert_string_equal(wire_icmp_name(false, 3, 3), "port unreachable");
	assert_string_equal(wire_icmp_name(false, 3, 200), "destination unreachable");
	assert_string_equal(wire_icmp_name(false, 11, 0), "time exceeded");
	assert_string_equal(wire_icmp_name(true, 3, 0), "time exceeded");
	assert_string_equal(wire_icmp_name(true, 1, 4), "port unreachable");
	assert_string_equal(wire_icmp_name(true, 99, 0), "ICMP error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp), cmocka_unit_test(test_echo), cmocka_unit_test(test_sctp),
		cmocka_unit_test(test_icmp_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
