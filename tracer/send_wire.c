/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes of the probes, of their answers, and names of ICMP errors. */
#include "tracer/send_wire.h"

#include <string.h>

#define DNS_ID		0x6b74
#define SEQUENCE	1
#define SCTP_TAG	0x6b747263

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

/* -- UDP ------------------------------------------------------------------------------------------ */

/* The name servers of the root: every DNS server has something to say to that. */
size_t wire_udp(const struct tuple *t, uint8_t *buf)
{
	static const uint8_t query[] = {
		DNS_ID >> 8, DNS_ID & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0,	/* recursion desired, one question */
		0, 0, 2, 0, 1,							/* ".", NS, IN */
	};

	if (t->dport != 53)
		return 0;
	memcpy(buf, query, sizeof(query));
	return sizeof(query);
}

bool wire_udp_answer(const struct tuple *t, const uint8_t *buf, size_t len, struct sent *out)
{
	static const char *const codes[] = { "DNS answer", "DNS answer FORMERR", "DNS answer SERVFAIL", "DNS answer NXDOMAIN",
					     "DNS answer NOTIMP", "DNS answer REFUSED" };

	out->result = SENT_ANSWERED;
	out->answer = "a datagram";
	if (t->dport == 53 && len >= 12 && get16(buf) == DNS_ID && (buf[3] & 15) < ARRAY_SIZE(codes))
		out->answer = codes[buf[3] & 15];
	return true;
}

/* -- ICMP ----------------------------------------------------------------------------------------- */

/* RFC 1071; the kernel computes ICMPv6's itself. */
static uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get16(p + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

size_t wire_echo(const struct tuple *t, uint8_t *buf)
{
	memset(buf, 0, 16);
	buf[0] = t->proto == IPPROTO_ICMPV6 ? 128 : 8;
	put16(buf + 4, t->sport);
	put16(buf + 6, SEQUENCE);
	memcpy(buf + 8, "ktrace\0", 8);
	if (t->proto == IPPROTO_ICMP)
		put16(buf + 2, checksum(buf, 16));
	return 16;
}

bool wire_echo_answer(const struct tuple *t, const uint8_t *buf, size_t len, struct sent *out)
{
	uint8_t reply = t->proto == IPPROTO_ICMPV6 ? 129 : 0;

	if (len < 8 || buf[0] != reply || get16(buf + 4) != t->sport || get16(buf + 6) != SEQUENCE)
		return false;
	out->result = SENT_ANSWERED;
	out->answer = "echo reply";
	return true;
}

/* -- SCTP ----------------------------------------------------------------------------------------- */

/* RFC 9260 appendix A, bit by bit: there is one probe to sum. */
static uint32_t crc32c(const uint8_t *p, size_t n)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

size_t wire_sctp(const struct tuple *t, uint8_t *buf)
{
	enum { HEADER = 12, INIT = 20 };
	uint32_t crc;

	memset(buf, 0, HEADER + INIT);
	put16(buf, t->sport);
	put16(buf + 2, t->dport);
	buf[HEADER] = 1;			/* INIT */
	put16(buf + HEADER + 2, INIT);
	put32(buf + HEADER + 4, SCTP_TAG);
	put32(buf + HEADER + 8, 65536);		/* receive window */
	put16(buf + HEADER + 12, 1);		/* streams each way */
	put16(buf + HEADER + 14, 1);
	put32(buf + HEADER + 16, 1);		/* TSN */
	crc = crc32c(buf, HEADER + INIT);
	for (int i = 0; i < 4; i++)		/* the one field of the network that is little endian */
		buf[8 + i] = crc >> 8 * i;
	return HEADER + INIT;
}

bool wire_sctp_answer(const struct tuple *t, const uint8_t *buf, size_t len, struct sent *out)
{
	if (len < 16 || get16(buf) != t->dport || get16(buf + 2) != t->sport)
		return false;
	if (buf[12] != 2 && buf[12] != 6)
		return false;
	out->result = buf[12] == 2 ? SENT_ANSWERED : SENT_RESET;
	out->answer = buf[12] == 2 ? "INIT-ACK" : "ABORT";
	return true;
}

/* -- ICMP errors ---------------------------------------------------------------------------------- */

const char *wire_icmp_name(bool v6, uint8_t type, uint8_t code)
{
	static const struct { bool v6; uint8_t type; int16_t code; const char *name; } rows[] = {
		{ false, 3, 0, "network unreachable" }, { false, 3, 1, "host unreachable" },
		{ false, 3, 2, "protocol unreachable" }, { false, 3, 3, "port unreachable" },
		{ false, 3, 4, "fragmentation needed" }, { false, 3, 9, "network administratively prohibited" },
		{ false, 3, 10, "host administratively prohibited" }, { false, 3, 13, "administratively prohibited" },
		{ false, 3, -1, "destination unreachable" }, { false, 11, -1, "time exceeded" },
		{ false, 12, -1, "parameter problem" },
		{ true, 1, 0, "no route to destination" }, { true, 1, 1, "administratively prohibited" },
		{ true, 1, 3, "address unreachable" }, { true, 1, 4, "port unreachable" },
		{ true, 1, 5, "source address failed policy" }, { true, 1, 6, "route rejected" },
		{ true, 1, -1, "destination unreachable" }, { true, 2, -1, "packet too big" },
		{ true, 3, -1, "time exceeded" }, { true, 4, -1, "parameter problem" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].v6 == v6 && rows[i].type == type && (rows[i].code < 0 || rows[i].code == code))
			return rows[i].name;
	return "ICMP error";
}
