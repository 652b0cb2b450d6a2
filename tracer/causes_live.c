/* SPDX-License-Identifier: GPL-2.0-only */
/* Causes that no prediction can know: what the kernel was seen to do to a packet that rules and routes let pass. */
#include <netinet/in.h>
#include <string.h>

#include "tracer/causes.h"

static bool is_udp(struct view *v)
{
	return v->t->target.proto == IPPROTO_UDP;
}

/* As the table of tracer/meaning.c has it. */
static bool by_queue(struct view *v)
{
	return v->t->end.why && strstr(v->t->end.why, "program behind a queue");
}

static const struct cause rows[] = {
	{ .id = "listen-backlog-overflow", .severity = SEVERITY_ERROR, .when = FAILS, .title = "The accept queue is full",
	  .ends = ENDS(CAUSE_LISTEN_BACKLOG),
	  .text = "{packet} reached its listener {where}, but {why}.",
	  .fix = "{in|}ss -lnt   # Recv-Q over Send-Q: accept faster, listen() with a larger backlog (and net.core.somaxconn), or more "
		 "replicas", .key = "{where}{target}" },
	{ .id = "udp-socket-buffer", .severity = SEVERITY_ERROR, .when = FAILS, .title = "The UDP socket's buffer is full",
	  .ends = ENDS(CAUSE_SOCKET_BUFFER), .applies = is_udp,
	  .text = "{packet} reached its socket {where}, but {why}.",
	  .fix = "{in|}ss -lnum   # the server reads too slowly: a larger SO_RCVBUF (and net.core.rmem_max), or more replicas",
	  .key = "{where}{target}" },
	{ .id = "socket-buffer-full", .severity = SEVERITY_ERROR, .when = FAILS, .title = "The socket's buffer is full",
	  .ends = ENDS(CAUSE_SOCKET_BUFFER),
	  .text = "{packet} reached its socket {where}, but {why}.",
	  .fix = "{in|}ss -tnm   # the application reads too slowly", .key = "{where}{target}" },
	{ .id = "queue-drop", .severity = SEVERITY_ERROR, .when = FAILS, .title = "A program that reads a queue dropped it",
	  .ends = ENDS(CAUSE_KERNEL), .applies = by_queue,
	  .text = "A rule {where} queued {packet} to a program, and that dropped it: why, the program alone can tell.",
	  .fix = "{in|}cat /proc/net/netfilter/nfnetlink_queue   # a line is a queue, its second column the netlink port of the program, "
		 "as a rule its process number; see its log" },
	{ .id = "kernel-drop", .severity = SEVERITY_ERROR, .when = FAILS, .title = "The kernel dropped it",
	  .ends = ENDS(CAUSE_KERNEL),
	  .text = "The kernel dropped {packet} {where}: {why}.",
	  .fix = "{in|}nstat -as   # which counter grows with it?" },
};

const struct causes causes_live = { rows, ARRAY_SIZE(rows) };
