/* SPDX-License-Identifier: GPL-2.0-only */
/* Drops and refusals where no packet is followed: each is told, but like ones once a second, with their number. */
#ifndef KTRACE_BPF_LIVE_FOLD_BPF_H
#define KTRACE_BPF_LIVE_FOLD_BPF_H

#include "bpf/live_tell.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIVE_FOLDS);
	__type(key, struct fold_key);
	__type(value, struct fold);
} folds SEC(".maps");

/* Is this drop to be told, and of how many like it does it tell? With no room left in the map every one is told. */
static __always_inline bool unfolded(const struct look *k, __u64 location, __u32 reason, __u32 netns, bool queued, __u64 *like)
{
	struct fold_key key = { .location = location, .reason = reason, .netns = netns, .family = k->family, .proto = k->proto };
	struct fold first = { .told_at = bpf_ktime_get_ns(), .n = 1, .told = 1, .sport = k->sport, .dport = k->dport,
			      .queued = queued };
	__u16 sport = __builtin_bswap16(k->sport), dport = __builtin_bswap16(k->dport);
	struct fold *f;
	__u64 n;

	__builtin_memcpy(key.src, k->src, 16);
	__builtin_memcpy(key.dst, k->dst, 16);
	key.port = sport < dport ? sport : dport;
	*like = 0;
	f = bpf_map_lookup_elem(&folds, &key);
	if (!f) {
		if (bpf_map_update_elem(&folds, &key, &first, BPF_NOEXIST) != -17)	/* EEXIST: another CPU was first */
			return true;
		f = bpf_map_lookup_elem(&folds, &key);
		if (!f)
			return true;
	}
	__sync_fetch_and_add(&f->n, 1);
	if (first.told_at - f->told_at < LIVE_SECOND)
		return false;
	f->told_at = first.told_at;
	n = f->n;
	*like = n - f->told - 1;
	f->told = n;
	return true;
}

/* A refusal that goes with a drop: told if its packet is followed, or like drops where all of them are told. */
static __always_inline bool refusal_wanted(struct look *k, __u8 place, __u64 *like)
{
	*like = 0;
	if (following)
		return followed(k);
	look_headers(k);
	return unfolded(k, place, 0, 0, false, like);
}

#endif
