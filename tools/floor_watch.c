/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs a command under ptrace and notes every question that it puts to the kernel, each once. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/ptrace.h>

#include "tools/floor.h"

enum { FDS = 1024, PATH = 512 };

struct question *list;
size_t n_list;
unsigned repeated, n_bpf;

/* The command's descriptors: an index into list (its socket or namespace) or -1, and the path. */
static struct { int question; char path[PATH]; } fds[FDS];
static int here = -1;			/* the namespace entered last */

static size_t peek(pid_t pid, uint64_t at, void *to, size_t len)
{
	struct iovec mine = { to, len }, theirs = { (void *)(uintptr_t)at, len };
	ssize_t n = process_vm_readv(pid, &mine, 1, &theirs, 1, 0);

	return n < 0 ? 0 : n;
}

static void peek_path(pid_t pid, int dirfd, uint64_t at, char out[PATH])
{
	char s[PATH] = "";
	size_t i, dir;

	for (i = 0; i + 1 < PATH && peek(pid, at + i, s + i, 1) && s[i]; i++)
		;
	s[i] = 0;
	if (*s == '/' || dirfd < 0 || dirfd >= FDS) {
		memcpy(out, s, PATH);
		return;
	}
	dir = strlen(fds[dirfd].path);
	memcpy(out, fds[dirfd].path, dir + 1);
	if (dir + 1 + i + 1 <= PATH) {
		out[dir] = '/';
		memcpy(out + dir + 1, s, i + 1);
	}
}

static bool same(const struct question *p, const struct question *q)
{
	return p->kind == q->kind && p->netns == q->netns && p->a == q->a && p->b == q->b &&
	       p->c == q->c && p->len == q->len && !memcmp(p->bytes, q->bytes, q->len);
}

/* Adds q, or counts it as repeated if the same was asked before. Returns its index. */
static int add(struct question q, const void *bytes, size_t len)
{
	q.netns = q.kind == Q_NETLINK || q.kind == Q_SOCKOPT ? list[q.on].netns : here;
	q.bytes = malloc(len + 1);
	q.len = len;
	memcpy(q.bytes, bytes, len);
	q.bytes[len] = 0;
	if (q.kind >= Q_NETLINK) {
		for (size_t i = 0; i < n_list; i++) {
			if (!same(&list[i], &q))
				continue;
			repeated++;
			free(q.bytes);
			return i;
		}
	}
	list = realloc(list, (n_list + 1) * sizeof(*list));
	list[n_list] = q;
	return n_list++;
}

static int open_question(uint64_t fd)
{
	return fd < FDS ? fds[fd].question : -1;
}

static void note_request(int sock, uint8_t *buf, size_t len)
{
	/* the sequence number tells no question from another */
	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= len;) {
		struct nlmsghdr *h = (struct nlmsghdr *)(buf + at);

		h->nlmsg_seq = h->nlmsg_pid = 0;
		if (h->nlmsg_len < sizeof(*h))
			break;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	add((struct question){ .kind = Q_NETLINK, .on = sock, .c = list[sock].c }, buf, len);
}

static void note_send(pid_t pid, int sock, uint64_t at, size_t len)
{
	uint8_t *buf = malloc(len);

	note_request(sock, buf, peek(pid, at, buf, len));
	free(buf);
}

static void note_sendmsg(pid_t pid, int sock, uint64_t at)
{
	struct msghdr m;
	struct iovec v[16];
	uint8_t *buf = NULL;
	size_t len = 0;

	if (peek(pid, at, &m, sizeof(m)) != sizeof(m) || m.msg_iovlen > 16)
		die("a sendmsg that this program cannot follow");
	peek(pid, (uintptr_t)m.msg_iov, v, m.msg_iovlen * sizeof(*v));
	for (size_t i = 0; i < m.msg_iovlen; i++) {
		buf = realloc(buf, len + v[i].iov_len + 1);
		len += peek(pid, (uintptr_t)v[i].iov_base, buf + len, v[i].iov_len);
	}
	note_request(sock, buf, len);
	free(buf);
}

static bool of_kernel(const char *path)
{
	return !strncmp(path, "/proc/", 6) || !strncmp(path, "/sys/", 5) || strstr(path, "/netns/");
}

static void note_open(uint64_t fd, const char *path, int flags)
{
	struct question q = { .kind = Q_FILE };

	if (fd >= FDS)
		return;
	fds[fd].question = -1;
	memcpy(fds[fd].path, path, PATH);
	if (strstr(path, "/ns/net") || strstr(path, "/netns/")) {
		q.kind = Q_NETNS;
		fds[fd].question = add(q, path, strlen(path));
	} else if (of_kernel(path)) {
		q.kind = flags & O_DIRECTORY ? Q_DIR : Q_FILE;
		add(q, path, strlen(path));
	}
}

/* A call that has returned r; a[] are its arguments. */
static void note(pid_t pid, uint64_t nr, const uint64_t *a, int64_t r)
{
	int q = open_question(a[0]);
	bool nl = q >= 0 && list[q].kind == Q_SOCKET && list[q].a == AF_NETLINK;
	char path[PATH];
	uint8_t arg[256] = "";

	switch (nr) {
	case SYS_socket:
		if (r >= 0 && r < FDS && a[0] != AF_UNIX) {
			struct question s = { .kind = Q_SOCKET, .a = a[0], .b = a[1], .c = a[2] };

			fds[r].question = add(s, "", 0);
		}
		break;
	case SYS_close:
		if (a[0] < FDS)
			fds[a[0]].question = -1;
		break;
	case SYS_setns:
		if (r == 0 && q >= 0) {
			add((struct question){ .kind = Q_ENTER, .on = q }, "", 0);
			here = q;
		}
		break;
	case SYS_setsockopt:
		if (q >= 0 && a[4] <= sizeof(arg)) {
			struct question s = { .kind = Q_SETSOCKOPT, .on = q, .a = a[1], .b = a[2] };

			add(s, arg, peek(pid, a[3], arg, a[4]));
		}
		break;
	case SYS_sendto:
	case SYS_write:
		if (nl)
			note_send(pid, q, a[1], a[2]);
		break;
	case SYS_sendmsg:
		if (nl)
			note_sendmsg(pid, q, a[1]);
		break;
	case SYS_openat:
		if (r >= 0) {
			peek_path(pid, a[0], a[1], path);
			note_open(r, path, a[2]);
		}
		break;
	case SYS_readlinkat:
		peek_path(pid, a[0], a[1], path);
		if (r >= 0 && of_kernel(path))
			add((struct question){ .kind = Q_LINK }, path, strlen(path));
		break;
#ifdef SYS_readlink
	case SYS_readlink:
		peek_path(pid, AT_FDCWD, a[0], path);
		if (r >= 0 && of_kernel(path))
			add((struct question){ .kind = Q_LINK }, path, strlen(path));
		break;
#endif
	case SYS_bpf:
		n_bpf++;
		break;
	}
}

/* getsockopt overwrites its argument, so it is noted when it is entered. */
static void note_getsockopt(pid_t pid, const uint64_t *a)
{
	int q = open_question(a[0]), len = 0;
	uint8_t arg[256] = "";
	struct question s = { .kind = Q_SOCKOPT, .on = q, .a = a[1], .b = a[2] };

	if (q < 0 || a[1] == SOL_SOCKET || peek(pid, a[4], &len, sizeof(len)) != sizeof(len))
		return;
	s.c = len;
	add(s, arg, peek(pid, a[3], arg, len < (int)sizeof(arg) ? len : (int)sizeof(arg)));
}

int watch(char **argv)
{
	struct ptrace_syscall_info in = { 0 }, out;
	int status;
	pid_t pid;

	for (size_t i = 0; i < FDS; i++)
		fds[i].question = -1;
	pid = fork();
	if (pid == 0) {
		dup2(open("/dev/null", O_WRONLY), 1);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execvp(*argv, argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	if (!WIFSTOPPED(status))
		die("cannot run %s", *argv);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (int sig = 0;;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, sig) || waitpid(pid, &status, 0) < 0)
			die("ptrace: %s", strerror(errno));
		if (WIFEXITED(status) || WIFSIGNALED(status))
			break;
		sig = (WSTOPSIG(status) & ~0x80) == SIGTRAP ? 0 : WSTOPSIG(status);
		if (WSTOPSIG(status) != (SIGTRAP | 0x80) ||
		    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(out), &out) <= 0)
			continue;
		if (out.op == PTRACE_SYSCALL_INFO_ENTRY) {
			in = out;
			if (in.entry.nr == SYS_getsockopt)
				note_getsockopt(pid, (const uint64_t *)in.entry.args);
		} else if (out.op == PTRACE_SYSCALL_INFO_EXIT) {
			note(pid, in.entry.nr, (const uint64_t *)in.entry.args, out.exit.rval);
		}
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
