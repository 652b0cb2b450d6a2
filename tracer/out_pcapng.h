/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets as a pcapng file (draft-ietf-opsawg-pcapng), for Wireshark and tshark: raw IP, one interface block for each device and
 * namespace, what ktrace says of a packet as its comment. Each packet is on disk once written, so a file is whole whatever ends ktrace.
 */
#ifndef KTRACE_OUT_PCAPNG_H
#define KTRACE_OUT_PCAPNG_H

#include "tracer/base/err.h"

struct pcapng;

struct pcapng_packet {
	uint64_t time;			/* ns since 1970 */
	const char *interface;		/* "eth0", "eth0 in pod-1"; "": none */
	const uint8_t *bytes;		/* from the IP header on */
	uint32_t n, len;		/* kept; whole */
	const char *comment;		/* UTF-8 */
};

/* Makes or empties the file. system: whose packets, "Linux 6.12.9 on worker-1". -errno with a sentence. */
int pcapng_open(const char *path, const char *system, struct pcapng **out, struct err *err);
/* 0, or -errno with a sentence (disk full); nothing is written after that. */
int pcapng_write(struct pcapng *p, const struct pcapng_packet *packet, struct err *err);
void pcapng_close(struct pcapng *p);	/* NULL is fine */

#endif
