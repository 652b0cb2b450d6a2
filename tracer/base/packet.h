/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What travels: one packet with all that rules can see of it, small and copied by value.
 * Ports and ICMP fields are in host byte order, addresses in network order.
 */
#ifndef KTRACE_BASE_PACKET_H
#define KTRACE_BASE_PACKET_H

#include "addr.h"
#include "util.h"

struct arena;
struct sock_info;

/* One direction of a connection. For ICMP echo: sport = id, dport = type << 8 | code. */
struct tuple {
	struct addr src, dst;
	uint16_t sport, dport;
	uint8_t proto;			/* IPPROTO_* */
};

enum ct_state {
	CT_NONE,			/* conntrack has not seen it (before its hook, or off in this netns) */
	CT_NEW, CT_ESTABLISHED, CT_RELATED, CT_INVALID, CT_UNTRACKED,
};

/* The conntrack entry as rules can see it. status: IPS_* of linux/netfilter/nf_conntrack_common.h. */
struct ct_view {
	enum ct_state state;
	bool reply;			/* this packet travels in the reply direction */
	bool existing;			/* the entry is in the kernel now; false: predicted by this walk */
	bool template;			/* no entry yet, but a rule has said how to make it (zone, helper): looks new */
	bool zone_is_mark;		/* of a template: the zone is the packet's mark when conntrack looks (nf_ct_zone_tmpl()) */
	uint8_t tcp_state;		/* TCP_CONNTRACK_*, 0 if unknown or not TCP */
	uint8_t sctp_state;		/* SCTP_CONNTRACK_*, 0 if unknown or not SCTP */
	uint16_t zone;
	uint32_t status;
	uint32_t mark;
	uint32_t mark_untold;		/* its bits that a template may have from packets before */
	uint32_t id;
	uint32_t timeout;		/* seconds left, 0: unknown */
	uint64_t packets, bytes;	/* both directions; valid only if existing and accounting is on */
	bool has_acct;
	uint8_t labels[16];
	char helper[16];
	struct tuple orig, back;	/* original and reply tuple, NAT applied in back */
};

/* link-layer address known? */
struct mac {
	bool known;
	uint8_t b[6];
};

struct packet {
	struct addr src, dst;
	uint16_t sport, dport;		/* for ICMP: sport = id, dport = type << 8 | code */
	bool sport_unknown;		/* the kernel picks the source port (masquerade --random-fully) */
	bool dport_unknown;		/* of the answer to such a packet: dport is as if the port had been kept */
	uint8_t proto;			/* IPPROTO_* */
	uint8_t tcp_flags;		/* TH_*: 0x02 SYN, 0x10 ACK */
	uint8_t ttl, tos;
	uint32_t len;			/* bytes from the IP header on */
	uint32_t mark;
	uint32_t priority;		/* skb->priority */
	uint32_t netns;			/* io.h's number of the namespace it is in */
	int iif, oif;			/* ifindex in that netns, 0: none */
	int physin, physout;		/* bridge ports under br_netfilter, 0: none */
	bool local;			/* made by a socket in this netns: owner matches can see it */
	bool comes_back;		/* its route leads to this host, and over loopback stays attached: no other is looked up, and no socket */
	bool answer;			/* sent back to whom the walk's first packet came from: a connected socket may wait for it */
	bool sk_known;			/* uid and gid below are the sending socket's */
	uint32_t uid, gid;
	/* skb->sk: the transparent proxy's socket that a rule gave it, until the next ip_rcv_core() takes it away */
	struct { bool set; const struct sock_info *sk; } given;
	struct mac smac, dmac;
	struct ct_view ct;
	/* skb->ipvs_property: IPVS has handled it, for this virtual service */
	struct {
		bool set, reply;
		uint8_t method;		/* IP_VS_CONN_F_MASQ … */
		struct addr vip;
		uint16_t port;
	} ipvs;
};

/* family of the packet: AF_INET or AF_INET6. */
static inline uint8_t packet_family(const struct packet *p)
{
	return p->dst.family;
}

/* The packet's own tuple as its headers have it now. */
struct tuple packet_tuple(const struct packet *p);
struct tuple tuple_invert(const struct tuple *t);
bool tuple_eq(const struct tuple *a, const struct tuple *b);
/* "10.0.0.11:40000 > 10.96.0.1:443/tcp"; IPv6 in brackets; ICMP "a > b/icmp type 8". In arena. */
const char *tuple_say(struct arena *a, const struct tuple *t);
/* "tcp", "udp", "sctp", "icmp", "icmpv6", or the number. Static or arena memory. */
const char *proto_say(struct arena *a, uint8_t proto);
/* "10.0.0.1:80" or "[fd00::1]:80"; port 0: the address alone. */
const char *endpoint_say(struct arena *a, const struct addr *addr, uint16_t port);

/*
 * The packet's bytes as a rule loads them. known has a 1 for each bit that the packet
 * determines; checksums, IP id, sequence numbers, options and payload are unknown.
 */
struct image {
	uint8_t ll[14], ll_known[14];	/* Ethernet header */
	uint8_t nh[40], nh_known[40];	/* network header */
	uint8_t th[20], th_known[20];	/* transport header */
	unsigned nh_len, th_len;	/* th_len 0: none */
};
void packet_image(const struct packet *p, struct image *im);

#endif
