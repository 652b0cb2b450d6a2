/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One real probe, sent from a namespace of this node, and what came back to its sender. TCP: a SYN, and a reset once it is
 * answered. UDP: a DNS query to port 53, else an empty datagram. ICMP: an echo request. SCTP: an INIT. Its identity is its
 * tuple; the socket is all there is of it in user space.
 */
#ifndef KTRACE_SEND_H
#define KTRACE_SEND_H

#include "tracer/base/err.h"
#include "tracer/base/io.h"
#include "tracer/base/packet.h"

struct sender;

struct send_options {
	uint32_t netns;			/* io.h's number: whose process sends */
	struct tuple tuple;		/* dst, dport, proto; src family 0: the kernel's choice; sport 0: an ephemeral one */
	uint32_t mark, uid;
	bool has_uid;
	uint8_t tos;
};

enum sent_result {
	SENT_NOTHING,			/* no answer (yet) */
	SENT_ANSWERED,			/* SYN-ACK, a datagram, an echo reply, INIT-ACK */
	SENT_RESET,			/* TCP RST, SCTP ABORT */
	SENT_ICMP,			/* an ICMP error: type, code and from */
	SENT_REFUSED,			/* the kernel did not send it at all: error */
};

struct sent {
	enum sent_result result;
	uint8_t icmp_type, icmp_code;
	struct addr icmp_from;
	int error;			/* errno, 0: none */
	uint64_t took_ns;		/* from sending to the answer */
	const char *answer;		/* "SYN-ACK", "DNS answer REFUSED", "port unreachable" …; static, NULL: none */
};

/*
 * Makes the socket, so that the tuple is known before it is sent: out->sport is filled in. 0, or -errno with a sentence
 * (port taken, no such address here, this kernel lacks the protocol).
 */
int send_open(struct io *io, const struct send_options *o, struct sender **out, uint16_t *sport, struct err *err);
/* Sends it. What the kernel says at once is in the answer: see send_answer(). */
void send_start(struct sender *s);
/* Readable when there may be an answer. */
int send_fd(const struct sender *s);
/* What is known by now; true: more will not come. Never waits. */
bool send_answer(struct sender *s, struct sent *out);
/* Ends the connection by a reset, if one was made. NULL is fine. */
void send_close(struct sender *s);

#endif
