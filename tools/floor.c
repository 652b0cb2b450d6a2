/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The floor under a program that only asks the kernel: the time that its answers alone cost.
 *
 *   floor ask RUNS COMMAND...    runs COMMAND once under ptrace and notes every question that it
 *                                puts to the kernel (netlink, getsockopt, files of /proc and /sys,
 *                                namespaces). Then by turns runs the command again, timed from
 *                                outside, and asks each different question again, throwing
 *                                the replies away unread, RUNS times; prints the medians
 *   floor list RUNS COMMAND...   the same with a line for each question
 *   floor time RUNS COMMAND...   the whole command from outside: median wall time, peak memory
 *
 * A question asked twice counts once; eBPF is not replayed, only counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "tools/floor.h"

static const char *const kind_name[] = {
	"socket", "setsockopt", "namespace", "setns",
	"netlink", "getsockopt", "file", "directory", "readlink",
};

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("floor: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *v, int n)
{
	double *s = malloc(n * sizeof(*s));
	double m;

	memcpy(s, v, n * sizeof(*s));
	qsort(s, n, sizeof(*s), by_value);
	m = n % 2 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2;
	free(s);
	return m;
}

/* -- asking ------------------------------------------------------------------------------------ */

enum { REPLY = 1 << 18 };

static int *opened;			/* descriptors, by index into list */
static uint8_t reply[REPLY];
static unsigned silent;			/* requests that got no answer */

/* Receives until the last request of the payload has its last answer. */
static uint64_t receive(int fd, const struct nlmsghdr *req)
{
	bool dump = req->nlmsg_flags & NLM_F_DUMP, ack = req->nlmsg_flags & NLM_F_ACK;
	uint64_t got = 0;

	for (;;) {
		ssize_t n = recv(fd, reply, sizeof(reply), 0);
		struct nlmsghdr *h = (struct nlmsghdr *)reply;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			silent++;
			return got;
		}
		got += n;
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return got;
		if (!dump && !ack)
			return got;
	}
}

static uint64_t ask_netlink(int fd, const struct question *q)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	uint64_t got = 0;

	if (sendto(fd, q->bytes, q->len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return 0;
	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= q->len;) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(q->bytes + at);

		if (h->nlmsg_len < sizeof(*h))
			break;
		got += receive(fd, h);
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	return got;
}

static uint64_t ask_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t got = 0;
	ssize_t n;

	while (fd >= 0 && (n = read(fd, reply, sizeof(reply))) > 0)
		got += n;
	if (fd >= 0)
		close(fd);
	return got;
}

static uint64_t ask_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t got = 0;
	long n;

	while (fd >= 0 && (n = syscall(SYS_getdents64, fd, reply, sizeof(reply))) > 0)
		got += n;
	if (fd >= 0)
		close(fd);
	return got;
}

static uint64_t ask_sockopt(int fd, const struct question *q)
{
	socklen_t len = q->c;
	uint8_t *buf = malloc(q->c + 1);

	memcpy(buf, q->bytes, q->len);
	if (getsockopt(fd, q->a, q->b, buf, &len) < 0)
		len = 0;
	free(buf);
	return len;
}

static uint64_t ask(struct question *q, int index)
{
	struct timeval patience = { .tv_sec = 5 };
	ssize_t n;

	switch (q->kind) {
	case Q_SOCKET:
		opened[index] = socket(q->a, q->b | SOCK_CLOEXEC, q->c);
		if (opened[index] < 0)
			die("socket: %s", strerror(errno));
		setsockopt(opened[index], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		return 0;
	case Q_SETSOCKOPT:
		setsockopt(opened[q->on], q->a, q->b, q->bytes, q->len);
		return 0;
	case Q_NETNS:
		opened[index] = open((char *)q->bytes, O_RDONLY | O_CLOEXEC);
		return 0;
	case Q_ENTER:
		if (setns(opened[q->on], CLONE_NEWNET))
			die("setns %s: %s", list[q->on].bytes, strerror(errno));
		return 0;
	case Q_NETLINK:
		return ask_netlink(opened[q->on], q);
	case Q_SOCKOPT:
		return ask_sockopt(opened[q->on], q);
	case Q_FILE:
		return ask_file((char *)q->bytes);
	case Q_DIR:
		return ask_dir((char *)q->bytes);
	case Q_LINK:
		n = readlink((char *)q->bytes, (char *)reply, sizeof(reply));
		return n < 0 ? 0 : n;
	}
	return 0;
}

static double ask_all(int run, int home)
{
	double start = now_ms(), before = start, after;

	for (size_t i = 0; i < n_list; i++) {
		list[i].received = ask(&list[i], i);
		after = now_ms();
		list[i].ms[run] = after - before;
		before = after;
	}
	for (size_t i = 0; i < n_list; i++)
		if (list[i].kind == Q_SOCKET || list[i].kind == Q_NETNS)
			close(opened[i]);
	setns(home, CLONE_NEWNET);
	return before - start;
}

/* -- saying ------------------------------------------------------------------------------------ */

/* The first two strings of an nf_tables request: table and chain, or table and set. */
static void say_strings(const struct nlmsghdr *h)
{
	const uint8_t *at = (const uint8_t *)h + NLMSG_HDRLEN + sizeof(struct nfgenmsg);
	const uint8_t *end = (const uint8_t *)h + h->nlmsg_len;

	while (at + sizeof(struct nlattr) <= end) {
		const struct nlattr *a = (const struct nlattr *)at;

		if (a->nla_len < sizeof(*a) || at + a->nla_len > end)
			break;
		if ((a->nla_type & ~(NLA_F_NESTED | NLA_F_NET_BYTEORDER)) <= 3 && a->nla_len > 5 &&
		    !at[a->nla_len - 1])
			printf(" %s", (const char *)(a + 1));
		at += NLA_ALIGN(a->nla_len);
	}
}

static void say(const struct question *q)
{
	static const char *const nft[] = {
		[NFT_MSG_GETTABLE] = " tables", [NFT_MSG_GETCHAIN] = " chains",
		[NFT_MSG_GETRULE] = " rules", [NFT_MSG_GETSET] = " sets",
		[NFT_MSG_GETSETELEM] = " elements", [NFT_MSG_GETGEN] = " generation",
	};
	static const char *const bus[] = {
		[NETLINK_ROUTE] = "route", [NETLINK_SOCK_DIAG] = "sock_diag",
		[NETLINK_NETFILTER] = "netfilter", [NETLINK_GENERIC] = "generic",
	};
	const struct nlmsghdr *h = (const struct nlmsghdr *)q->bytes;
	unsigned cmd;

	switch (q->kind) {
	case Q_NETLINK:
		cmd = NFNL_MSG_TYPE(h->nlmsg_type);
		printf("%s %s", q->c <= NETLINK_GENERIC && bus[q->c] ? bus[q->c] : "netlink",
		       h->nlmsg_flags & NLM_F_DUMP ? "dump" : "get");
		if (q->c != NETLINK_NETFILTER ||
		    NFNL_SUBSYS_ID(h->nlmsg_type) != NFNL_SUBSYS_NFTABLES) {
			printf(" %#x", h->nlmsg_type);
			break;
		}
		fputs(cmd < sizeof(nft) / sizeof(*nft) && nft[cmd] ? nft[cmd] : "", stdout);
		say_strings(h);
		break;
	case Q_SOCKOPT:
		printf("getsockopt %d %d %s", q->a, q->b, q->bytes);
		break;
	default:
		printf("%s %s", kind_name[q->kind], q->bytes);
	}
}

/* One run of the command as a whole. Returns its wall time. */
static double run_command(char **argv, int *status, struct rusage *usage)
{
	double start = now_ms();
	pid_t pid = fork();

	if (pid == 0) {
		dup2(open("/dev/null", O_WRONLY), 1);
		execvp(*argv, argv);
		_exit(127);
	}
	if (wait4(pid, status, 0, usage) != pid)
		die("wait: %s", strerror(errno));
	*status = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
	return now_ms() - start;
}

static void ask_command(int runs, char **argv, bool verbose)
{
	double *total = calloc(runs, sizeof(*total)), *whole = calloc(runs, sizeof(*whole));
	double *ratio = calloc(runs, sizeof(*ratio));
	struct rusage usage;
	long kib = 0;
	int status;
	uint64_t bytes = 0;
	unsigned n[Q_LINK + 1] = { 0 };
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	printf("exit %d\n", watch(argv));
	opened = calloc(n_list + 1, sizeof(*opened));
	for (size_t i = 0; i < n_list; i++)
		list[i].ms = calloc(runs, sizeof(double));
	for (int r = 0; r < runs; r++) {
		whole[r] = run_command(argv, &status, &usage);
		total[r] = ask_all(r, home);
		ratio[r] = whole[r] / total[r];
		kib = usage.ru_maxrss > kib ? usage.ru_maxrss : kib;
	}
	for (size_t i = 0; i < n_list; i++) {
		bytes += list[i].received;
		n[list[i].kind]++;
		if (verbose) {
			printf("# %8.3f ms %9llu bytes  ", median(list[i].ms, runs),
			       (unsigned long long)list[i].received);
			say(&list[i]);
			putchar('\n');
		}
	}
	printf("command %.3f\nkib %ld\nms %.3f\nratio %.2f\nbytes %llu\n", median(whole, runs), kib,
	       median(total, runs), median(ratio, runs), (unsigned long long)bytes);
	printf("netlink %u\nsockopt %u\nfiles %u\n", n[Q_NETLINK], n[Q_SOCKOPT],
	       n[Q_FILE] + n[Q_DIR] + n[Q_LINK]);
	printf("repeated %u\nbpf %u\nsilent %u\n", repeated, n_bpf, silent);
}

static void time_command(int runs, char **argv)
{
	double *ms = calloc(runs, sizeof(*ms));
	struct rusage usage;
	long kib = 0;
	int status = 0;

	for (int r = 0; r < runs; r++) {
		ms[r] = run_command(argv, &status, &usage);
		kib = usage.ru_maxrss > kib ? usage.ru_maxrss : kib;
	}
	printf("exit %d\nms %.3f\nkib %ld\n", status, median(ms, runs), kib);
}

int main(int argc, char **argv)
{
	int runs = argc > 3 ? atoi(argv[2]) : 0;

	if (runs > 0 && !strcmp(argv[1], "time"))
		time_command(runs, argv + 3);
	else if (runs > 0 && (!strcmp(argv[1], "ask") || !strcmp(argv[1], "list")))
		ask_command(runs, argv + 3, !strcmp(argv[1], "list"));
	else
		die("usage: floor ask|list|time RUNS COMMAND...");
	return 0;
}
