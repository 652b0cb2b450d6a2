/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wire between the live probes and probes*.c: what they are told to follow, and one event a sighting. Both sides include
 * this. Ports and addresses in network order, all else in host order.
 */
#ifndef KTRACE_BPF_EVENT_H
#define KTRACE_BPF_EVENT_H

#include <linux/types.h>

#define EVENT_BYTES	128		/* of a packet, from its IP header on */
#define EVENT_STACK	16		/* frames, the probe's own included */
#define EVENT_NAME	32
#define EVENT_RING	(4 << 20)	/* bytes; one event has 800 */

#define LIVE_FILTERS	4096		/* addresses and ports followed */
#define LIVE_CONNS	16384		/* connections followed at once */
#define LIVE_HEADS	1024		/* packets followed at once, where their headers alone do not say so */
#define LIVE_FOLDS	8192		/* drops told apart at once */
#define LIVE_SECOND	1000000000ull

/* As enum place of probes.h has them. */
enum event_place {
	EVENT_HOOK, EVENT_CHAIN, EVENT_CONFIRM, EVENT_DEV_IN, EVENT_DEV_OUT, EVENT_IPVS_CONN, EVENT_IPVS_NONE,
	EVENT_ICMP_SENT, EVENT_RST_SENT, EVENT_LISTEN_FULL, EVENT_DROP,
};

/* A filter, by what packets have in their headers. ICMP: port 0. */
struct live_key {
	__u8 addr[16];
	__be16 port;
	__u8 family, proto;		/* AF_*, IPPROTO_* */
};

#define LIVE_ADDRESSED	1
#define LIVE_ENDPOINT	2

/* Drops that are told once a second: all that agree in this. port: the lower one, a client's own port does not count. */
struct fold_key {
	__u64 location;			/* a refusal that goes with a drop: EVENT_* */
	__u32 reason, netns;
	__u8 src[16], dst[16];
	__u16 port;			/* host order */
	__u8 family, proto;
};

struct fold {
	__u64 told_at;			/* ns */
	__u64 n, told;			/* drops so far, and how many of them are told of */
	__be16 sport, dport;		/* the first one's */
	__u8 queued, pad[3];		/* EVENT_QUEUED */
};

struct event_tuple {
	__u8 src[16], dst[16];
	__be16 sport, dport;		/* ICMP: the id, and type and code as bytes */
	__u8 family, proto;
	__u8 dst_family;		/* IPVS alone: a tunnel's real server may be of the other */
	__u8 pad;
};

#define EVENT_CT_INFO	1		/* skb->_nfct: info */
#define EVENT_CT_ENTRY	2		/* the entry: tuples, status, mark, zone */
#define EVENT_CT_ACCT	4
#define EVENT_CT_LABELS	8

struct event_ct {
	struct event_tuple orig, back;
	__u64 packets, bytes;
	__u32 status, mark;
	__u16 zone;
	__u8 has;			/* EVENT_CT_* */
	__u8 info;			/* enum ip_conntrack_info */
	__u8 tcp_state;
	__u8 pad[3];
	__u8 labels[16];
	char helper[16];
};

#define EVENT_TASK	1		/* pid and comm are the sender's */
#define EVENT_OWNER	2		/* uid and gid are the socket's */
#define EVENT_LOCAL	4		/* made by a socket of this netns */
#define EVENT_MAC	8
#define EVENT_IPVS	16		/* skb->ipvs_property */
#define EVENT_IP	32		/* bytes begin with an IP header */
#define EVENT_QUEUED	64		/* came in through a device, and was a socket's when it was freed */

struct event {
	__u64 time, id, conn, location, folded;
	struct event_ct ct;
	struct event_tuple ipvs;
	__u32 netns, mark, priority, reason, len, pid, uid, gid;
	__s32 iif, oif, physin, physout, verdict;
	__u16 n_bytes;
	__u8 place, pf, hook, icmp_type, icmp_code, flags;
	__u8 mac[12];			/* destination, source */
	char ifname[16], comm[16];
	char text[2 * EVENT_NAME];	/* two names, or one sentence */
	__u8 bytes[EVENT_BYTES];
	__u64 stack[EVENT_STACK];	/* of a drop; other events end before it */
};

#define EVENT_SHORT	offsetof(struct event, stack)

#endif
