/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What it means that the kernel freed a packet: its reason (by name, where it gives one) and the functions that did it, as a class of
 * place and plain words. For drops that no model of the rules can tell, and for kernels that know no reasons. Pure.
 */
#ifndef KTRACE_MEANING_H
#define KTRACE_MEANING_H

#include "bpf/probes.h"

/* How this kernel calls things: over probes_reason() and probes_symbol(); tables in tests. Either may be NULL. */
struct kernel_words {
	void *ctx;
	const char *(*reason)(void *ctx, uint32_t reason);	/* "NETFILTER_DROP", with or without SKB_DROP_REASON_ before; NULL: none */
	const char *(*symbol)(void *ctx, uint64_t address);	/* "nft_do_chain [nf_tables]"; NULL: not known */
};

/* Where in the stack a packet died. */
enum drop_class {
	DROP_UNKNOWN,
	DROP_CONSUMED,			/* no loss: it has done its work (an RST that was taken, a duplicate) */
	DROP_NETFILTER,			/* a rule, a policy or another hook function */
	DROP_CONNTRACK, DROP_IPVS, DROP_BRIDGE,
	DROP_ROUTE_INPUT,		/* input routing refused it, by which check is not told */
	DROP_RP_FILTER, DROP_MARTIAN, DROP_NO_ROUTE,
	DROP_FORWARD,			/* forwarding refused it */
	DROP_TTL, DROP_MTU, DROP_NEIGHBOUR,
	DROP_NO_LISTENER, DROP_BACKLOG, DROP_RCVBUF, DROP_TCP, DROP_SOCKET_FILTER,
	DROP_HEADER, DROP_CHECKSUM, DROP_FRAGMENT, DROP_OTHER_HOST,
	DROP_XFRM, DROP_TC, DROP_XDP, DROP_QUEUE, DROP_DEVICE, DROP_TUNNEL, DROP_MEMORY,
	DROP_CLASSES,
};
const char *drop_class_name(enum drop_class c);	/* "netfilter", "rp-filter" …: stable, for JSON and counters */

#define MEANING_NO_HOOK	0xff

struct meaning {
	enum drop_class class;
	const char *says;		/* one clause: "rp_filter: the way back to the sender is another one". Never NULL */
	const char *reason;		/* the kernel's own name without its prefix, or NULL */
	const char *function;		/* the kernel function that the class rests on, else where it was freed; NULL: no symbols */
	uint8_t pf, hook;		/* the netfilter hook that the stack says it was in (NF_INET_*, NF_BR_*, NF_NETDEV_*), or MEANING_NO_HOOK */
	bool modelled;			/* the walk predicts drops of this class: one that it did not foresee is a disagreement */
};

/* Of a PLACE_DROP sighting. Strings live as long as those of w. */
struct meaning meaning_of(const struct kernel_words *w, const struct sighting *s);

#endif
