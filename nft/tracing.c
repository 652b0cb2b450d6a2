/* SPDX-License-Identifier: GPL-2.0-only */
/* nf_tables' own trace of chosen packets: installs the table that asks for it, reads what the kernel tells. */
#include "nft/tracing.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nft/request_trace.h"
#include "tracer/base/nl.h"

#define NAME		"ktrace-"
#define RECEIVE		(8 << 20)	/* bytes that may wait for us */
#define ANSWER		1000		/* ms for the kernel to answer a transaction */

struct nft_tracing {
	struct mnl_socket *table;	/* owns it: closed, it is gone */
	struct mnl_socket *events;
};

bool nft_tracing_table(const char *name)
{
	size_t n = sizeof(NAME) - 1;

	return !strncmp(name, NAME, n) && name[n] && !name[n + strspn(name + n, "0123456789")];
}

/* ip_tables writes a packet that has nf_trace to the log (trace_packet() in ip_tables.c), if one is there to write to. */
static int legacy_would_log(struct io *io, uint32_t netns, struct err *err)
{
	static const struct { const char *tables, *log; } families[] = {
		{ "/proc/net/ip_tables_names", "/proc/sys/net/netfilter/nf_log/2" },
		{ "/proc/net/ip6_tables_names", "/proc/sys/net/netfilter/nf_log/10" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const char *tables, *log;

		if (io_file(io, netns, families[i].tables, &tables, NULL) || !*tables)
			continue;
		if (io_file(io, netns, families[i].log, &log, NULL) || !strncmp(log, "NONE", 4))
			continue;
		return err_set(err, -EBUSY, "nf_tables' trace is left out: iptables-legacy has tables here too, and would write every traced packet "
			       "to the kernel's log (%s)", families[i].log + strlen("/proc/sys/"));
	}
	return 0;
}

/* In the namespace traced. */
static int open_sockets(void *ctx)
{
	struct nft_tracing *t = ctx;
	int group = NFNLGRP_NFTRACE, bytes = RECEIVE;

	t->table = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	t->events = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!t->table || !t->events || mnl_socket_bind(t->table, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_bind(t->events, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(t->events, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	setsockopt(mnl_socket_get_fd(t->events), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return 0;
}

/* Until the last message of the transaction is acknowledged; the first refusal is its result. */
static int wait_for_acks(struct nft_tracing *t, uint32_t last)
{
	struct pollfd pfd = { mnl_socket_get_fd(t->table), POLLIN, 0 };
	uint8_t buf[16384] __attribute__((aligned(NLMSG_ALIGNTO)));

	while (poll(&pfd, 1, ANSWER) > 0) {
		ssize_t n = mnl_socket_recvfrom(t->table, buf, sizeof(buf));
		const struct nlmsghdr *h;
		const uint8_t *p = buf;
		size_t left = n;

		if (n < 0)
			return -errno;
		while ((h = nl_next(&p, &left))) {
			int code;

			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_len < NLMSG_HDRLEN + sizeof(struct nlmsgerr))
				continue;
			memcpy(&code, mnl_nlmsg_get_payload(h), sizeof(code));
			if (code || h->nlmsg_seq == last)
				return code;
		}
	}
	return -ETIMEDOUT;
}

static int install(struct nft_tracing *t, const struct nft_traced_tuple *tuples, size_t n)
{
	char name[32], *buf = malloc(TRACE_BATCH);
	uint32_t last;
	size_t len;
	int rc;

	if (!buf)
		return -ENOMEM;
	snprintf(name, sizeof(name), NAME "%d", getpid());
	len = request_trace_table(buf, name, tuples, n, &last);
	rc = mnl_socket_sendto(t->table, buf, len) < 0 ? -errno : wait_for_acks(t, last);
	free(buf);
	return rc;
}

static int refused(struct err *err, int rc)
{
	switch (rc) {
	case -EPERM:
		return err_set(err, -EPERM, "nf_tables' trace needs CAP_NET_ADMIN: run as root");
	case -EINVAL:
	case -EOPNOTSUPP:
		return err_set(err, -EOPNOTSUPP, "nf_tables' trace is left out: this kernel has no tables with an owner (it needs 5.12), and one without "
			       "would outlive a killed ktrace");
	default:
		return err_set(err, rc, "nf_tables' trace could not be started: %s", strerror(-rc));
	}
}

int nft_tracing_open(struct io *io, uint32_t netns, const struct nft_traced_tuple *tuples, size_t n, struct nft_tracing **out,
		     struct err *err)
{
	struct nft_tracing *t;
	int rc;

	if (n > TRACE_MAX)
		return err_set(err, -E2BIG, "nf_tables' trace can follow at most %d addresses and ports, not %zu", TRACE_MAX, n);
	rc = legacy_would_log(io, netns, err);
	if (rc)
		return rc;
	t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(err, -ENOMEM, "out of memory");
	rc = io_in_netns(io, netns, open_sockets, t);
	if (!rc)
		rc = install(t, tuples, n);
	if (rc) {
		nft_tracing_close(t);
		return refused(err, rc);
	}
	*out = t;
	return 0;
}

void nft_tracing_close(struct nft_tracing *t)
{
	if (!t)
		return;
	if (t->table)
		mnl_socket_close(t->table);
	if (t->events)
		mnl_socket_close(t->events);
	free(t);
}

int nft_tracing_fd(const struct nft_tracing *t)
{
	return mnl_socket_get_fd(t->events);
}

static uint16_t port_at(const struct nlattr *a, size_t offset)
{
	const uint8_t *p = a && nl_len(a) >= offset + 2 ? (const uint8_t *)nl_data(a) + offset : NULL;

	return p ? p[0] << 8 | p[1] : 0;
}

/* From the headers that nf_trace_fill_pkt_info() copies: what of them is there. */
static bool read_packet(const struct nlattr *nh, const struct nlattr *th, struct tuple *out)
{
	const uint8_t *p = nh ? nl_data(nh) : NULL;
	size_t len = nh ? nl_len(nh) : 0;

	if (len >= 20 && p[0] >> 4 == 4) {
		out->src = addr_from(p + 12, 4);
		out->dst = addr_from(p + 16, 4);
		out->proto = p[9];
	} else if (len >= 40 && p[0] >> 4 == 6) {
		out->src = addr_from(p + 8, 16);
		out->dst = addr_from(p + 24, 16);
		out->proto = p[6];
	} else {
		return false;
	}
	if (out->proto == IPPROTO_ICMP || out->proto == IPPROTO_ICMPV6) {
		out->sport = port_at(th, 4);
		out->dport = port_at(th, 0);
	} else {
		out->sport = port_at(th, 0);
		out->dport = port_at(th, 2);
	}
	return true;
}

static bool parse(struct arena *a, const struct nlmsghdr *nlh, struct nft_traced *out)
{
	static const enum nft_traced_kind kinds[] = {
		[NFT_TRACETYPE_POLICY] = NFT_TRACED_POLICY, [NFT_TRACETYPE_RETURN] = NFT_TRACED_RETURN,
		[NFT_TRACETYPE_RULE] = NFT_TRACED_RULE,
	};
	const struct nlattr *tb[NFTA_TRACE_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1] = {};
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);
	uint32_t type;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE) || nlh->nlmsg_len < NLMSG_HDRLEN + sizeof(*g))
		return false;
	nl_attrs(nlh, sizeof(*g), tb, NFTA_TRACE_MAX);
	type = nl_be32(tb[NFTA_TRACE_TYPE], 0);
	if (type < NFT_TRACETYPE_POLICY || type >= ARRAY_SIZE(kinds))
		return false;
	if (tb[NFTA_TRACE_VERDICT])
		nl_nested(tb[NFTA_TRACE_VERDICT], verdict, NFTA_VERDICT_MAX);
	*out = (struct nft_traced){
		.id = nl_be32(tb[NFTA_TRACE_ID], 0), .kind = kinds[type], .family = g->nfgen_family,
		.table = nl_str(a, tb[NFTA_TRACE_TABLE]), .chain = nl_str(a, tb[NFTA_TRACE_CHAIN]),
		.handle = nl_be64(tb[NFTA_TRACE_RULE_HANDLE], 0), .jump = nl_str(a, verdict[NFTA_VERDICT_CHAIN]),
		.mark = nl_be32(tb[NFTA_TRACE_MARK], 0), .iif = nl_be32(tb[NFTA_TRACE_IIF], 0),
		.oif = nl_be32(tb[NFTA_TRACE_OIF], 0),
		.verdict = type == NFT_TRACETYPE_POLICY ? nl_be32(tb[NFTA_TRACE_POLICY], NF_ACCEPT) :
							  (int)nl_be32(verdict[NFTA_VERDICT_CODE], NFT_CONTINUE),
	};
	out->has_packet = read_packet(tb[NFTA_TRACE_NETWORK_HEADER], tb[NFTA_TRACE_TRANSPORT_HEADER], &out->packet);
	if (out->has_packet && out->packet.proto == IPPROTO_TCP)
		out->tcp_flags = port_at(tb[NFTA_TRACE_TRANSPORT_HEADER], 12) & 0xff;
	/*
	 * Before 6.4 a rule that returned was told as the chain's end, but with its handle; since then a chain's end may be told as a
	 * rule's, but without one.
	 */
	if (out->kind != NFT_TRACED_POLICY)
		out->kind = out->handle ? NFT_TRACED_RULE : NFT_TRACED_RETURN;
	/* the rules that ask for the trace are no part of the node's own */
	return out->table && out->chain && !nft_tracing_table(out->table);
}

int nft_tracing_poll(struct nft_tracing *t, struct arena *a, int timeout_ms, nft_traced_fn fn, void *ctx)
{
	struct pollfd pfd = { nft_tracing_fd(t), POLLIN, 0 };
	uint8_t buf[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
	int count = 0, rc = poll(&pfd, 1, timeout_ms);

	if (rc <= 0)
		return rc < 0 ? -errno : 0;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(t->events, buf, sizeof(buf));
		const struct nlmsghdr *h;
		const uint8_t *p = buf;
		size_t left = n;
		struct nft_traced e;

		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? count : -errno;
		while ((h = nl_next(&p, &left))) {
			if (!parse(a, h, &e))
				continue;
			fn(ctx, &e);
			count++;
		}
	}
}
