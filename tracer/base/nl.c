/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Netlink: one question, all its answers. Framing is checked here by hand: mnl_nlmsg_ok() of libmnl 1.0.4
 * compares lengths as int and would walk off a recorded buffer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <linux/netfilter/nfnetlink.h>

#include "tracer/base/io_priv.h"

#define RECV	(256 * 1024)		/* above the largest dump message */
#define TRIES	20			/* of a dump that keeps being interrupted by writers */

struct nl_question {
	struct io *io;
	int bus;
	struct nlmsghdr *req;
	struct err *err;
	uint32_t netns;
	struct mnl_socket *socket;
};

static int open_socket(void *ctx)
{
	struct nl_question *q = ctx;
	int one = 1;

	q->socket = mnl_socket_open2(q->bus, SOCK_CLOEXEC);
	if (!q->socket)
		return -errno;
	if (mnl_socket_bind(q->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(q->socket);
		return -errno;
	}
	/* Older kernels lack these; the answers are then only poorer. */
	mnl_socket_setsockopt(q->socket, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(q->socket, NETLINK_CAP_ACK, &one, sizeof(one));
	if (q->bus == NETLINK_ROUTE)
		mnl_socket_setsockopt(q->socket, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	return 0;
}

static int get_socket(struct nl_question *q)
{
	struct netns *n;
	int rc;

	if (q->netns >= q->io->n_netns || q->bus < 0 || q->bus >= MAX_BUS)
		return -ENOENT;
	n = &q->io->netns[q->netns];
	if (!n->bus[q->bus]) {
		rc = io_in_netns(q->io, q->netns, open_socket, q);
		if (rc)
			return rc;
		n->bus[q->bus] = q->socket;
	}
	q->socket = n->bus[q->bus];
	return 0;
}

/* The kernel's own words for a refusal: NLMSGERR_ATTR_MSG behind the (capped) request. */
static void take_extack(struct err *err, const struct nlmsghdr *h, int code)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
	size_t skip = sizeof(*e);
	const struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];

	if (!err || !(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - sizeof(struct nlmsghdr);
	if (h->nlmsg_len < NLMSG_HDRLEN + skip)
		return;
	nl_attrs(h, skip, tb, NLMSGERR_ATTR_MAX);
	if (tb[NLMSGERR_ATTR_MSG])
		err_set(err, code, "%.*s", (int)nl_len(tb[NLMSGERR_ATTR_MSG]),
			(const char *)nl_data(tb[NLMSGERR_ATTR_MSG]));
}

const struct nlmsghdr *nl_next(const uint8_t **p, size_t *left)
{
	const struct nlmsghdr *h = (const void *)*p;
	size_t step;

	if (*left < sizeof(*h) || h->nlmsg_len < sizeof(*h) || h->nlmsg_len > *left)
		return NULL;
	step = MNL_ALIGN((size_t)h->nlmsg_len);
	if (step > *left)
		step = *left;
	*p += step;
	*left -= step;
	return h;
}

/* Sorts one received buffer: messages of ours stay (compacted), the end is noted. */
static bool take(struct nl_question *q, struct io_out *out, size_t n, uint32_t seq, int *code, bool *torn)
{
	uint8_t *keep = out->data + out->len;
	const uint8_t *p = keep;
	const struct nlmsghdr *h;
	bool done = false;

	while ((h = nl_next(&p, &n))) {
		size_t len = MNL_ALIGN((size_t)h->nlmsg_len);

		if (h->nlmsg_seq != seq)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			*torn = true;
		if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
			if (h->nlmsg_len >= NLMSG_HDRLEN + sizeof(int))
				*code = *(const int *)mnl_nlmsg_get_payload(h);
			if (h->nlmsg_type == NLMSG_ERROR && *code && h->nlmsg_len >= NLMSG_HDRLEN + sizeof(struct nlmsgerr))
				take_extack(q->err, h, *code);
			done = true;
			continue;
		}
		if (h->nlmsg_type < NLMSG_MIN_TYPE)
			continue;
		/* The last message of a buffer may lack its padding: it is added by the room reserved. */
		memmove(keep, h, h->nlmsg_len);
		memset(keep + h->nlmsg_len, 0, len - h->nlmsg_len);
		keep += len;
	}
	out->len = keep - out->data;
	return done;
}

static int exchange(struct nl_question *q, struct io_out *out, bool *torn)
{
	static uint32_t seq;
	int code = 0;
	ssize_t n;

	q->req->nlmsg_seq = ++seq;
	if (mnl_socket_sendto(q->socket, q->req, q->req->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		void *room = io_reserve(out, RECV + MNL_ALIGNTO);

		n = mnl_socket_recvfrom(q->socket, room, RECV);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (take(q, out, n, seq, &code, torn))
			return code;
	}
}

static int produce(void *ctx, uint32_t netns, struct io_out *out)
{
	struct nl_question *q = ctx;
	int rc;

	q->netns = netns;
	rc = get_socket(q);
	if (rc)
		return rc;
	/* A single answer is followed by the acknowledgement that ends it; a dump by NLMSG_DONE. */
	if ((q->req->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		q->req->nlmsg_flags |= NLM_F_ACK;
	for (int i = 0; i < TRIES; i++) {
		bool torn = false;

		out->len = 0;
		rc = exchange(q, out, &torn);
		if (!torn && rc != -EINTR)
			return rc;
	}
	out->len = 0;
	return -EINTR;
}

/* libmnl 1.0.4 leaves the bytes between attributes as they were: a recorded question must not depend on them. */
static void zero_padding(uint8_t *p, size_t len)
{
	while (len >= NLA_HDRLEN) {
		struct nlattr a;
		size_t whole;

		memcpy(&a, p, sizeof(a));
		whole = NLA_ALIGN(a.nla_len);
		if (a.nla_len < NLA_HDRLEN || whole > len)
			return;
		memset(p + a.nla_len, 0, whole - a.nla_len);
		if (a.nla_type & NLA_F_NESTED)
			zero_padding(p + NLA_HDRLEN, a.nla_len - NLA_HDRLEN);
		p += whole;
		len -= whole;
	}
}

int nl_ask(struct io *io, uint32_t netns, int bus, struct nlmsghdr *req, nl_cb cb, void *ctx,
	   struct err *err)
{
	struct nl_question q = { .io = io, .bus = bus, .req = req, .err = err };
	uint8_t key[8192];
	const uint8_t *p = NULL;
	const struct nlmsghdr *h;
	struct io_out mine;
	size_t left = 0;
	int rc;

	if (req->nlmsg_len > sizeof(key) - 4)
		return err_set(err, -EMSGSIZE, "netlink request of %u bytes is too long", req->nlmsg_len);
	req->nlmsg_seq = req->nlmsg_pid = 0;
	req->nlmsg_flags &= ~NLM_F_ACK;
	if (bus == NETLINK_NETFILTER && req->nlmsg_len >= NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		zero_padding((uint8_t *)req + NLMSG_HDRLEN + sizeof(struct nfgenmsg),
			     req->nlmsg_len - NLMSG_HDRLEN - sizeof(struct nfgenmsg));
	memcpy(key, &bus, 4);
	memcpy(key + 4, req, req->nlmsg_len);
	rc = io_read(io, IO_NETLINK, netns, key, 4 + req->nlmsg_len, produce, &q, false, &p, &left);
	if (rc)
		return rc;
	/* A question from within cb must not overwrite the answer that is being read. */
	mine = io_take_spare(io);
	while (rc == 0 && (h = nl_next(&p, &left)))
		rc = cb ? cb(h, ctx) : 0;
	io_give_spare(io, mine);
	return rc;
}

struct nlmsghdr *nl_nfnl(void *buf, uint8_t subsys, uint8_t cmd, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	h->nlmsg_type = subsys << 8 | cmd;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return h;
}

/* -- attributes ----------------------------------------------------------------------------------- */

static void walk_attrs(const uint8_t *p, size_t left, const struct nlattr **tb, unsigned max)
{
	memset(tb, 0, (max + 1) * sizeof(*tb));
	while (left >= sizeof(struct nlattr)) {
		const struct nlattr *a = (const void *)p;
		size_t step;

		if (a->nla_len < sizeof(*a) || a->nla_len > left)
			return;
		if ((a->nla_type & NLA_TYPE_MASK) <= max)
			tb[a->nla_type & NLA_TYPE_MASK] = a;
		step = MNL_ALIGN((size_t)a->nla_len);
		if (step >= left)
			return;
		p += step;
		left -= step;
	}
}

void nl_attrs(const struct nlmsghdr *nlh, size_t header_len, const struct nlattr **tb, unsigned max)
{
	size_t skip = NLMSG_HDRLEN + MNL_ALIGN(header_len);

	if (nlh->nlmsg_len < skip)
		memset(tb, 0, (max + 1) * sizeof(*tb));
	else
		walk_attrs((const uint8_t *)nlh + skip, nlh->nlmsg_len - skip, tb, max);
}

void nl_nested(const struct nlattr *nest, const struct nlattr **tb, unsigned max)
{
	walk_attrs(nest ? nl_data(nest) : NULL, nest ? nl_len(nest) : 0, tb, max);
}

static const void *sized(const struct nlattr *a, size_t n)
{
	return a && nl_len(a) == n ? nl_data(a) : NULL;
}

uint8_t nl_u8(const struct nlattr *a, uint8_t def)
{
	const uint8_t *p = sized(a, 1);

	return p ? *p : def;
}

uint16_t nl_u16(const struct nlattr *a, uint16_t def)
{
	const void *p = sized(a, 2);
	uint16_t v;

	if (!p)
		return def;
	memcpy(&v, p, 2);
	return v;
}

uint16_t nl_be16(const struct nlattr *a, uint16_t def)
{
	return sized(a, 2) ? ntohs(nl_u16(a, 0)) : def;
}

uint32_t nl_u32(const struct nlattr *a, uint32_t def)
{
	const void *p = sized(a, 4);
	uint32_t v;

	if (!p)
		return def;
	memcpy(&v, p, 4);
	return v;
}

uint32_t nl_be32(const struct nlattr *a, uint32_t def)
{
	return sized(a, 4) ? ntohl(nl_u32(a, 0)) : def;
}

uint64_t nl_be64(const struct nlattr *a, uint64_t def)
{
	const uint8_t *p = sized(a, 8);
	uint64_t v = 0;

	if (!p)
		return def;
	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

const char *nl_str(struct arena *ar, const struct nlattr *a)
{
	return a ? arena_strndup(ar, nl_data(a), nl_len(a)) : NULL;
}
