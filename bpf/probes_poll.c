/* SPDX-License-Identifier: GPL-2.0-only */
/* Hands on what the live probes tell: each event as it comes, and folded drops that no later one told of. */
#include "bpf/probes_priv.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bpf/event.h"
#include "bpf/live.skel.h"

/* left_over() of live_drop.bpf.h, for kernels without a reason for it. */
static bool left_over(struct probes *p, uint64_t location)
{
	static const char *const purge[] = { "skb_queue_purge", "sk_stream_kill_queues", "inet_sock_destruct" };
	const char *name = probes_symbol(p, location);

	for (size_t i = 0; name && i < ARRAY_SIZE(purge); i++)
		if (strcmp(name, purge[i]) == 0)
			return true;
	return false;
}

int probes_handle(void *ctx, void *data, size_t len)
{
	const struct event *e = data;
	struct probes *p = ctx;

	if (!sighting_from_event(&p->s, e, len) || (e->flags & EVENT_QUEUED && left_over(p, e->location)))
		return 0;
	p->handled++;
	p->result = p->fn(p->ctx, &p->s);
	return p->result ? -ECANCELED : 0;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * LIVE_SECOND + t.tv_nsec;
}

/*
 * Tells what was folded and never told, of entries that had no drop for `idle` ns, and drops those from the map. own: the
 * sighting counts for one drop itself.
 */
static int tell_folded(struct probes *p, uint64_t idle, bool own)
{
	int fd = bpf_map__fd(p->skel->maps.folds);
	struct fold_key key, next;
	struct fold f;
	uint64_t t = now();
	int rc = bpf_map_get_next_key(fd, NULL, &next);

	for (; !rc && !p->result; ) {
		key = next;
		rc = bpf_map_get_next_key(fd, &key, &next);
		if (bpf_map_lookup_elem(fd, &key, &f) || t - f.told_at < idle || bpf_map_delete_elem(fd, &key))
			continue;
		if (f.n <= f.told || key.location < PLACES || (f.queued && left_over(p, key.location)))
			continue;
		sighting_from_fold(&p->s, &key, &f);
		p->s.folded = f.n - f.told - own;
		p->handled++;
		p->result = p->fn(p->ctx, &p->s);
	}
	return 0;
}

int probes_poll(struct probes *p, int timeout_ms, sighting_fn fn, void *ctx)
{
	int rc;

	p->fn = fn;
	p->ctx = ctx;
	p->result = p->handled = 0;
	rc = timeout_ms ? ring_buffer__poll(p->ring, timeout_ms) : ring_buffer__consume(p->ring);
	if (rc < 0 && rc != -ECANCELED)
		return rc;
	if (!(p->want & WANT_FOLLOW) && !p->result && now() - p->swept > LIVE_SECOND) {
		p->swept = now();
		tell_folded(p, 2 * LIVE_SECOND, true);
	}
	return p->result < 0 ? p->result : p->handled;
}

int probes_folded(struct probes *p, sighting_fn fn, void *ctx)
{
	p->fn = fn;
	p->ctx = ctx;
	p->result = p->handled = 0;
	if (!(p->want & WANT_FOLLOW))
		tell_folded(p, 0, false);
	return p->result < 0 ? p->result : p->handled;
}

int probes_fd(const struct probes *p)
{
	return ring_buffer__epoll_fd(p->ring);
}

uint64_t probes_lost(const struct probes *p)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *each, sum = 0;
	uint32_t zero = 0;

	each = cpus > 0 ? calloc(cpus, sizeof(*each)) : NULL;
	if (each && !bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.lost), &zero, each))
		for (int i = 0; i < cpus; i++)
			sum += each[i];
	free(each);
	return sum;
}

const char *probes_reason(struct probes *p, uint32_t reason)
{
	return reasons_name(&p->reasons, reason);
}

const char *probes_symbol(struct probes *p, uint64_t address)
{
	return symbols_name(&p->symbols, address);
}
