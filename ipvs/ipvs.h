/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The door of the IPVS room: virtual services, their real servers, live connections, and what ip_vs does with one packet.
 * Live, one service is asked at a time; a snapshot is answered from the dumps that it holds.
 */
#ifndef KTRACE_IPVS_H
#define KTRACE_IPVS_H

#include "tracer/base/choice.h"
#include "tracer/base/io.h"
#include "tracer/base/packet.h"
#include "tracer/base/trace.h"

struct ipvs;

struct ipvs *ipvs_open(struct io *io, struct arena *a);
/* Forgets all that was read of every namespace. */
void ipvs_forget(struct ipvs *v);
/* Reads everything of a namespace, for a snapshot. 0 where there is no IPVS. */
int ipvs_read_all(struct ipvs *v, uint32_t netns);

/* IP_VS_CONN_F_FWD_MASK of linux/ip_vs.h. */
enum ipvs_method { IPVS_MASQ, IPVS_LOCALNODE, IPVS_TUNNEL, IPVS_ROUTE, IPVS_BYPASS };

struct ipvs_dest {
	struct addr addr;
	uint16_t port;			/* 0: the packet's own */
	enum ipvs_method method;
	int weight;
	uint32_t active, inactive, persistent;	/* connections */
	uint32_t upper, lower;		/* thresholds, 0: none */
	uint8_t tunnel;			/* IP_VS_CONN_F_TUNNEL_TYPE_* */
	uint16_t tunnel_port, tunnel_flags;	/* IP_VS_TUNNEL_ENCAP_FLAG_* */
};

struct ipvs_service {
	uint8_t family, proto;
	struct addr addr;		/* family 0: by mark */
	uint16_t port;
	uint32_t fwmark;
	const char *scheduler, *engine;	/* engine: of persistence, or NULL */
	uint32_t flags;			/* IP_VS_SVC_F_* */
	uint32_t timeout;		/* of persistence, in seconds */
	uint32_t netmask;		/* of persistence: network order for IPv4, a length for IPv6 */
};

/* Is IPVS loaded here, so that its hooks may stand in this namespace? Never loads it. */
bool ipvs_present(struct ipvs *v, uint32_t netns);
/* All services, in the kernel's order; the real servers of one, in the order of its own list. 0 or -errno. */
int ipvs_services(struct ipvs *v, uint32_t netns, const struct ipvs_service **out, size_t *n);
int ipvs_dests(struct ipvs *v, uint32_t netns, const struct ipvs_service *s, const struct ipvs_dest **out, size_t *n);

/* A connection as ip_vs keeps it: who asks, what it asked for, who serves it. */
struct ipvs_conn {
	uint8_t proto;
	struct addr client, vip, server;
	uint16_t client_port, vip_port, server_port;
	enum ipvs_method method;	/* IPVS_BYPASS: server is where it was going anyway */
	uint8_t tunnel;
	uint16_t tunnel_port;
	uint8_t tunnel_len;		/* of the headers between the outer and the inner IP header */
	bool tracked;			/* IP_VS_CONN_F_NFCT: conntrack keeps it too */
	bool once;			/* one-packet scheduling: forgotten at once */
};

enum ipvs_verdict {
	IPVS_PASS,			/* not for ip_vs: the hook's next function has it */
	IPVS_SEND,			/* to conn's server */
	IPVS_LEAVE,			/* the same with IPVS_BYPASS if it was going to a unicast address elsewhere, else IPVS_REFUSE */
	IPVS_REFUSE,			/* ip_vs_leave(): ICMP port unreachable */
	IPVS_DROP,
	IPVS_UNKNOWN,			/* could not be read: why */
};

/* ip_vs_in_hook() over one packet: the first part is asked, the second answered. */
struct ipvs_run {
	const struct packet *p;
	struct choices *choices;
	struct evidences *evidence;

	struct ipvs_conn conn;		/* IPVS_SEND */
	enum end_cause cause;
	const char *why;		/* one clause, for all but IPVS_PASS and IPVS_SEND */
};
enum ipvs_verdict ipvs_run(struct ipvs *v, uint32_t netns, struct ipvs_run *run);
/*
 * ip_vs_out_hook() over a packet of no connection: YES if a real server sends it and net.ipv4.vs.nat_icmp_send has it refused
 * for that; the evidence is added. UNKNOWN: could not be read.
 */
enum answer ipvs_refuses_answer(struct ipvs *v, uint32_t netns, const struct packet *p, struct evidences *ev);

#endif
