/* SPDX-License-Identifier: GPL-2.0-only */
/* The probe of --send: a row a protocol for how it is sent and how its answer is known. */
#include <netinet/in.h>

#include <errno.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tracer/send.h"
#include "tracer/send_wire.h"

struct protocol;

struct sender {
	struct send_options o;
	const struct protocol *protocol;
	int fd;
	uint64_t started;
	struct sent sent;
	bool ended;
};

struct protocol {
	uint8_t proto;
	int type;
	bool raw;			/* ports are ours to write, not the socket's */
	size_t (*build)(const struct tuple *t, uint8_t *buf);	/* NULL: connect() sends it */
	/* Is it the answer? Sets result and answer. */
	bool (*answer)(const struct tuple *t, const uint8_t *buf, size_t len, struct sent *out);
};

static const struct protocol protocols[] = {
	{ IPPROTO_TCP, SOCK_STREAM, false, NULL, NULL },
	{ IPPROTO_UDP, SOCK_DGRAM, false, wire_udp, wire_udp_answer },
	{ IPPROTO_ICMP, SOCK_RAW, true, wire_echo, wire_echo_answer },
	{ IPPROTO_ICMPV6, SOCK_RAW, true, wire_echo, wire_echo_answer },
	{ IPPROTO_SCTP, SOCK_RAW, true, wire_sctp, wire_sctp_answer },
};

union address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t address(union address *out, const struct addr *a, uint8_t family, uint16_t port)
{
	memset(out, 0, sizeof(*out));
	out->sa.sa_family = family;
	if (family == AF_INET6) {
		out->v6.sin6_port = htons(port);
		if (a->family)
			out->v6.sin6_addr = a->v6;
		return sizeof(out->v6);
	}
	out->v4.sin_port = htons(port);
	if (a->family)
		out->v4.sin_addr = a->v4;
	return sizeof(out->v4);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint8_t family_of(const struct sender *s)
{
	return s->o.tuple.dst.family;
}

/* -- opening -------------------------------------------------------------------------------------- */

/* What rules can see of the sender, and that errors are told. */
static int dress(struct sender *s)
{
	bool v6 = family_of(s) == AF_INET6;
	int one = 1, tos = s->o.tos, mark = s->o.mark;
	struct linger linger = { .l_onoff = 1 };

	if (mark && setsockopt(s->fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		return -errno;
	if (tos && setsockopt(s->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, &tos, sizeof(tos)))
		return -errno;
	if (setsockopt(s->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &one, sizeof(one)))
		return -errno;
	if (s->protocol->type == SOCK_STREAM) {
		/* nobody waits for it in TIME_WAIT, and its port may have been used a moment ago */
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	}
	return 0;
}

static int bind_to(struct sender *s)
{
	union address a;
	socklen_t len = address(&a, &s->o.tuple.src, family_of(s), s->protocol->raw ? 0 : s->o.tuple.sport);
	int one = 1;

	if (family_of(s) == AF_INET6)
		setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(s->fd, &a.sa, len))
		return -errno;
	if (s->protocol->raw) {
		/* no socket owns an ICMP id or an SCTP port of ours: taken as ephemeral ports are */
		if (!s->o.tuple.sport)
			s->o.tuple.sport = 32768 + now() / 1000 % 28000;
		return 0;
	}
	len = sizeof(a);
	if (getsockname(s->fd, &a.sa, &len))
		return -errno;
	s->o.tuple.sport = ntohs(family_of(s) == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
	return 0;
}

/* In the sender's namespace, and as its user: a socket's owner is its maker's fsuid (sock_alloc_inode()). */
static int make(void *ctx)
{
	struct sender *s = ctx;
	uid_t uid = 0;
	gid_t gid = 0;
	int rc;

	if (s->o.has_uid) {
		gid = setfsgid(s->o.uid);
		uid = setfsuid(s->o.uid);
	}
	s->fd = socket(family_of(s), s->protocol->type | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       s->protocol->raw ? s->protocol->proto : 0);
	rc = s->fd < 0 ? -errno : 0;
	if (s->o.has_uid) {
		setfsuid(uid);
		setfsgid(gid);
	}
	if (!rc)
		rc = dress(s);
	return rc ? rc : bind_to(s);
}

static int not_made(const struct send_options *o, int rc, struct err *err)
{
	char src[ADDR_TEXT];

	switch (rc) {
	case -EADDRINUSE:
		return err_set(err, -EINVAL, "source port %u is taken by another socket; leave --sport out for a free one", o->tuple.sport);
	case -EADDRNOTAVAIL:
		return err_set(err, -EINVAL, "%s is no address of the namespace that is to send", addr_say(&o->tuple.src, src));
	case -EPERM:
	case -EACCES:
		return err_set(err, -EPERM, "--send needs CAP_NET_RAW and CAP_NET_ADMIN: run as root");
	default:
		return err_set(err, rc, "no probe can be sent from here: %s", strerror(-rc));
	}
}

int send_open(struct io *io, const struct send_options *o, struct sender **out, uint16_t *sport, struct err *err)
{
	struct sender *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	s->o = *o;
	s->fd = -1;
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].proto == o->tuple.proto)
			s->protocol = &protocols[i];
	if (!s->protocol) {
		send_close(s);
		return err_set(err, -EINVAL, "--send can send TCP, UDP, SCTP and ICMP, not protocol %u", o->tuple.proto);
	}
	rc = io_in_netns(io, o->netns, make, s);
	if (rc) {
		send_close(s);
		return not_made(o, rc, err);
	}
	*sport = s->o.tuple.sport;
	*out = s;
	return 0;
}

void send_close(struct sender *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

int send_fd(const struct sender *s)
{
	return s->fd;
}

/* -- sending, and what comes back ----------------------------------------------------------------- */

static void finish(struct sender *s, enum sent_result result, const char *answer)
{
	s->sent.result = result;
	s->sent.answer = answer;
	s->sent.took_ns = now() - s->started;
	s->ended = true;
}

/* The error queue says who sent what; the socket's own error is only its number. */
static bool read_icmp(struct sender *s)
{
	union { char buf[512]; struct cmsghdr align; } control;
	char quoted[256];
	struct iovec iov = { quoted, sizeof(quoted) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf) };

	if (recvmsg(s->fd, &m, MSG_ERRQUEUE) < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct sock_extended_err e;
		union address from;
		size_t len = c->cmsg_len - CMSG_LEN(0);

		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			continue;
		if (len < sizeof(e))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		if (e.ee_origin != SO_EE_ORIGIN_ICMP && e.ee_origin != SO_EE_ORIGIN_ICMP6)
			continue;
		s->sent.icmp_type = e.ee_type;
		s->sent.icmp_code = e.ee_code;
		s->sent.error = e.ee_errno;
		memset(&from, 0, sizeof(from));
		memcpy(&from, CMSG_DATA(c) + sizeof(e), len - sizeof(e) < sizeof(from) ? len - sizeof(e) : sizeof(from));
		if (from.sa.sa_family == AF_INET)
			s->sent.icmp_from = addr_from(&from.v4.sin_addr, 4);
		else if (from.sa.sa_family == AF_INET6)
			s->sent.icmp_from = addr_from(&from.v6.sin6_addr, 16);
		finish(s, SENT_ICMP, wire_icmp_name(e.ee_origin == SO_EE_ORIGIN_ICMP6, e.ee_type, e.ee_code));
		return true;
	}
	return false;
}

/* An error number without an ICMP error behind it: a reset, or this kernel's own refusal. */
static void take_error(struct sender *s, int error)
{
	if (read_icmp(s))
		return;
	s->sent.error = error;
	if (error == ECONNREFUSED && s->protocol->type == SOCK_STREAM)
		finish(s, SENT_RESET, "RST");
	else
		finish(s, SENT_REFUSED, NULL);
}

void send_start(struct sender *s)
{
	const struct tuple *t = &s->o.tuple;
	uint8_t buf[WIRE_MAX];
	union address to;
	socklen_t len = address(&to, &t->dst, family_of(s), s->protocol->raw ? 0 : t->dport);
	ssize_t n;

	s->started = now();
	if (connect(s->fd, &to.sa, len) && errno != EINPROGRESS) {
		take_error(s, errno);
		return;
	}
	if (!s->protocol->build)
		return;
	n = s->protocol->build(t, buf);
	if (send(s->fd, buf, n, MSG_NOSIGNAL) < 0)
		take_error(s, errno);
}

static void read_stream(struct sender *s)
{
	struct pollfd pfd = { s->fd, POLLOUT, 0 };
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(&pfd, 1, 0) <= 0)
		return;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error)
		take_error(s, error);
	else if (pfd.revents & POLLOUT)
		finish(s, SENT_ANSWERED, "SYN-ACK");
}

/* A raw IPv4 socket gives the IP header too. */
static size_t skip_header(const struct sender *s, const uint8_t *buf, size_t len)
{
	size_t skip = s->protocol->raw && family_of(s) == AF_INET && len ? (buf[0] & 15) * 4 : 0;

	return skip < len ? skip : len;
}

static void read_packets(struct sender *s)
{
	uint8_t buf[2048];
	ssize_t n;

	while (!s->ended) {
		n = recv(s->fd, buf, sizeof(buf), 0);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			read_icmp(s);
			return;
		}
		if (n < 0) {
			take_error(s, errno);
			return;
		}
		size_t skip = skip_header(s, buf, n);

		if (s->protocol->answer(&s->o.tuple, buf + skip, n - skip, &s->sent))
			finish(s, s->sent.result, s->sent.answer);
	}
}

bool send_answer(struct sender *s, struct sent *out)
{
	if (!s->ended && s->protocol->type == SOCK_STREAM)
		read_stream(s);
	else if (!s->ended)
		read_packets(s);
	*out = s->sent;
	return s->ended;
}
