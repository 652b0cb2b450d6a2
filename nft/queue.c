/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queues to user space: nf_queue() gives the packet to the program that reads the queue (nfqnl_enqueue_packet()), and what comes of it
 * only that program tells. Without one the packet is dropped, or goes on where the rule says "bypass".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nft/queue.h"
#include "nft/xt_rows.h"

#define READERS	"/proc/net/netfilter/nfnetlink_queue"
#define ALWAYS	"/proc/net/netfilter/nf_log"	/* netfilter_log_init(): there wherever netfilter is */

struct readers {
	unsigned n, deaf;		/* queues of the range that a program reads; and of those, how many get no packet */
	unsigned portid;		/* who reads the last of them */
};

/* One line a queue, seq_show() of nfnetlink_queue.c: number, netlink port of the reader, waiting, copy mode … */
static void count(const char *line, unsigned first, unsigned total, struct readers *r)
{
	unsigned queue, portid, mode;

	for (; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (sscanf(line, "%u %u %*u %u", &queue, &portid, &mode) != 3 || queue < first || queue - first >= total)
			continue;
		r->n++;
		r->deaf += !mode;	/* NFQNL_COPY_NONE is refused, with bypass too */
		r->portid = portid;
	}
}

/* The file of readers, NULL where there is none to be. *rc: 0, or why that could not be told. */
static const char *readers(struct nft *nft, uint32_t netns, int *rc)
{
	const char *text = xt_file_of(nft, netns, READERS, rc);

	/* A /proc that shows no network (subset=pid) is silent, a kernel without nfnetlink_queue has no such file. */
	if (*rc == -ENOENT)
		xt_file_of(nft, netns, ALWAYS, rc);
	return text;
}

static const char *name(struct eval *e, unsigned first, unsigned total)
{
	if (total == QUEUES)
		return "any queue";
	if (total == 1)
		return arena_printf(e->arena, "queue %u", first);
	return arena_printf(e->arena, "queues %u to %u", first, first + total - 1);
}

/* The NAT hook ends with whatever its chain says but accept: nf_nat_inet_fn(). What is left of NAT then is not followed. */
static enum step_kind goes_on(struct eval *e, enum step_kind k)
{
	if (e->base->type != NFT_BASE_NAT)
		return k;
	e->unknown = "what NAT is left undone after a packet was queued is not evaluated";
	return STEP_UNTOLD;
}

enum step_kind queue_verdict(struct eval *e, unsigned first, unsigned total, bool bypass)
{
	struct readers r = { 0 };
	const char *queue, *text;
	int rc;

	total = total ?: 1;
	queue = name(e, first, total);
	text = readers(e->nft, e->netns, &rc);
	if (rc) {
		e->says = arena_printf(e->arena, "queues it to user space (%s; whether a program reads there could not be read)", queue);
		return goes_on(e, STEP_QUEUE);
	}
	count(text, first, total, &r);
	if (!r.n && bypass) {
		e->says = arena_printf(e->arena, "lets it go on, since no program reads %s", queue);
		return goes_on(e, STEP_ACCEPT);
	}
	if (r.deaf == r.n && (!bypass || r.n == total)) {
		e->says = arena_printf(e->arena, "drops it: no program %s %s", r.n ? "takes packets from" : "reads", queue);
		return STEP_DROP;
	}
	if (total == QUEUES)
		e->says = "queues it to user space, and which queue is not known";
	else if (total == 1)
		e->says = arena_printf(e->arena, "queues it to the program that reads %s (netlink port %u)", queue, r.portid);
	else
		e->says = arena_printf(e->arena, "queues it to the programs that read %s (%u of %u %s one)", queue, r.n, total, r.n == 1 ? "has" : "have");
	return goes_on(e, STEP_QUEUE);
}

void queue_record(struct nft *nft, uint32_t netns)
{
	int rc;

	readers(nft, netns, &rc);
}
