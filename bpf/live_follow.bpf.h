/* SPDX-License-Identifier: GPL-2.0-only */
/* Is a packet followed? By its headers, by its connection, or by its data. */
#ifndef KTRACE_BPF_LIVE_FOLLOW_BPF_H
#define KTRACE_BPF_LIVE_FOLLOW_BPF_H

#include "bpf/live_filter.bpf.h"
#include "bpf/live_known.bpf.h"

const volatile bool following;		/* false: every drop is told, and nothing else */

/*
 * Is the packet followed? k has skb, head, nh, protocol, conn and info. An endpoint's own traffic (pod to pod, without the
 * service) is told from translated traffic by the original destination of its connection; before conntrack has
 * seen it, it counts, but is not remembered. Nor is what carries a followed packet: a tunnel's connection has others' packets too.
 */
static __noinline bool followed(struct look *k)
{
	bool same = true, ip = look_headers(k);
	__u8 flags = ip ? by_headers(k) : 0;

	if (!conn_followed(k)) {
		if (flags == LIVE_ENDPOINT) {
			if (!k->conn)
				return true;
			if (!conn_addressed(k))
				return false;
		} else if (!flags) {
			if (!head_followed(k, &same))
				return ip && quotes_followed(k);
			if (!same)
				return true;
		}
		adopt_conn(k);
	}
	if (ip)
		adopt_head(k);
	return true;
}

/* Looks, and says whether the packet is followed. */
#define WANTED(k, skb, look)	({ look(&(k), skb); followed(&(k)); })

#endif
