/* SPDX-License-Identifier: GPL-2.0-only */
/* What floor_watch.c notes and floor.c asks again. */
#ifndef KTRACE_FLOOR_H
#define KTRACE_FLOOR_H

#include <stddef.h>
#include <stdint.h>

enum question_kind {
	Q_SOCKET, Q_SETSOCKOPT, Q_NETNS, Q_ENTER,	/* prepare */
	Q_NETLINK, Q_SOCKOPT, Q_FILE, Q_DIR, Q_LINK,	/* ask */
};

/* One system call of the command that asks the kernel something, or prepares to. */
struct question {
	enum question_kind kind;
	int on;				/* index of the question that opened it */
	int netns;			/* index of the namespace entered last, -1: the first one */
	int a, b, c;			/* domain, type, protocol, or level, option, length */
	size_t len;
	uint8_t *bytes;			/* request, argument or path, and a NUL */
	double *ms;			/* of each run */
	uint64_t received;
};

extern struct question *list;
extern size_t n_list;
extern unsigned repeated, n_bpf;

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Runs the command under ptrace, fills list, returns its exit status. */
int watch(char **argv);

#endif
