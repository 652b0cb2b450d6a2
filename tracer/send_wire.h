/* SPDX-License-Identifier: GPL-2.0-only */
/* The bytes of --send's probes behind the IP header, and how an answer is told from other packets. Pure. */
#ifndef KTRACE_SEND_WIRE_H
#define KTRACE_SEND_WIRE_H

#include "tracer/send.h"

#define WIRE_MAX	64

/* Each writes a probe of at most WIRE_MAX bytes and returns its length. */
size_t wire_udp(const struct tuple *t, uint8_t *buf);		/* a DNS query (RFC 1035) to port 53, else empty */
size_t wire_echo(const struct tuple *t, uint8_t *buf);		/* ICMP (RFC 792) or ICMPv6 (RFC 4443) echo request, id t->sport */
size_t wire_sctp(const struct tuple *t, uint8_t *buf);		/* common header and INIT chunk (RFC 9260) */

/* Is this, behind the IP header, the answer to the probe of t? Then result and answer of out are set. */
bool wire_udp_answer(const struct tuple *t, const uint8_t *buf, size_t len, struct sent *out);
bool wire_echo_answer(const struct tuple *t, const uint8_t *buf, size_t len, struct sent *out);
bool wire_sctp_answer(const struct tuple *t, const uint8_t *buf, size_t len, struct sent *out);

/* "port unreachable", "administratively prohibited", "time exceeded" …: static. */
const char *wire_icmp_name(bool v6, uint8_t type, uint8_t code);

#endif
