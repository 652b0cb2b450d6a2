/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The recent match: kube-proxy's session affinity, and rate limits by source. The list is read from
 * /proc/net/xt_recent; its stamps are jiffies, and /proc/timer_list tells what they are now.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nft/writes.h"
#include "nft/xt_rows.h"

#include <linux/netfilter/xt_recent.h>

struct entry {
	bool found;
	unsigned ttl;
	uint64_t *stamp;
	size_t n_stamp;
	uint64_t last;
};

struct now {
	uint64_t jiffies;
	unsigned hz;			/* 0: not known */
};

/* The number after "NAME" in text, before end if that is not NULL; *rest is where it stopped, NULL if it is not there. */
static uint64_t field(const char *text, const char *name, const char *end, const char **rest)
{
	const char *p = strstr(text, name);
	char *stop;
	uint64_t v;

	*rest = NULL;
	if (!p || (end && p >= end))
		return 0;
	p += strlen(name);
	v = strtoull(p, &stop, 10);
	if (stop != p)
		*rest = stop;
	return v;
}

static bool line_addr(const char *line, struct addr *a)
{
	size_t len = strcspn(line, " \n");
	char buf[ADDR_TEXT];

	if (len < 5 || len - 4 >= sizeof(buf) || strncmp(line, "src=", 4))
		return false;
	memcpy(buf, line + 4, len - 4);
	buf[len - 4] = 0;
	return addr_parse(buf, a);
}

/* recent_seq_show(): "src=10.0.0.1 ttl: 64 last_seen: 4295 oldest_pkt: 1 4295, 4296" */
static bool parse_stamps(struct arena *a, const char *line, const char *end, struct entry *en)
{
	size_t cap = 0;
	const char *p;
	char *stop;

	en->ttl = field(line, " ttl: ", end, &p);
	if (p)
		en->last = field(line, " last_seen: ", end, &p);
	if (p)
		field(line, " oldest_pkt: ", end, &p);
	for (en->n_stamp = 0; p && p < end; p = *stop == ',' ? stop + 1 : NULL) {
		uint64_t v = strtoull(p, &stop, 10);

		if (stop == p || stop > end)
			break;
		*VEC_PUSH(a, en->stamp, en->n_stamp, cap) = v;
	}
	return en->n_stamp > 0;
}

/* False: the list has a line for the address that does not parse. */
static bool find_entry(struct arena *a, const char *text, const struct addr *want, struct entry *en)
{
	const char *end;

	for (const char *line = text; *line; line = *end ? end + 1 : end) {
		struct addr have = { 0 };

		end = line + strcspn(line, "\n");
		if (!line_addr(line, &have) || !addr_eq(&have, want))
			continue;
		en->found = true;
		return parse_stamps(a, line, end, en);
	}
	return true;
}

/*
 * Jiffies and their frequency from /proc/timer_list. INITIAL_JIFFIES (linux/jiffies.h) is five minutes before 32 bits
 * wrap, so jiffies and the monotonic clock beside it tell which of the kernel's frequencies it has.
 */
static struct now read_now(struct nft *nft, uint32_t netns)
{
	static const unsigned rates[] = { 100, 250, 300, 1000 };
	const char *text = xt_file_of(nft, netns, "/proc/timer_list", NULL), *end;
	struct now now = { 0 };
	double seconds;

	if (!text)
		return now;
	seconds = field(text, "now at ", NULL, &end) / 1e9;
	if (!end)
		return now;
	now.jiffies = field(text, "\njiffies: ", NULL, &end);
	if (!end)
		return (struct now){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		double since = now.jiffies - (uint32_t)(-300 * (int)rates[i]);
		double error = since / rates[i] - seconds;

		if (error > -2 && error < 2)
			now.hz = rates[i];
	}
	return now;
}

static const char *list_path(struct arena *a, const char *name)
{
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return NULL;
	return arena_printf(a, "/proc/net/xt_recent/%s", name);
}

static const char *list_name(struct arena *a, const struct xt_recent_mtinfo *info)
{
	return arena_strndup(a, info->name, sizeof(info->name));
}

void xt_recent_record(struct nft *nft, uint32_t netns, const struct xt *x)
{
	const char *path = list_path(nft_arena(nft), list_name(nft_arena(nft), x->info));

	if (path)
		xt_file_of(nft, netns, path, NULL);
	xt_file_of(nft, netns, "/proc/timer_list", NULL);
}

/* The address that the list is asked for; revision 1 masks it. */
static struct addr listed(const struct eval *e, const struct xt *x)
{
	const struct xt_recent_mtinfo_v1 *info = x->info;
	struct addr a = info->side == XT_RECENT_DEST ? e->p->dst : e->p->src;

	if (x->rev == 1)
		for (unsigned i = 0; i < addr_len(&a); i++)
			a.b[i] &= ((const uint8_t *)&info->mask)[i];
	return a;
}

static void note(struct eval *e, const char *name, const struct addr *a, bool removed)
{
	write_note(e, &(struct nft_write){ .kind = WRITE_RECENT, .where = name, .key = a->b, .len = addr_len(a), .removed = removed });
}

/* How often rules set the address since they last removed it; *removed: the list's own entry is gone. */
static unsigned set_here(const struct eval *e, const char *name, const struct addr *a, bool *removed)
{
	const struct nft_write *d = write_next(e, *e->writes, WRITE_RECENT, name);
	unsigned n = 0;

	*removed = false;
	for (; d && !*removed; d = write_next(e, d->next, WRITE_RECENT, name)) {
		if (d->len != addr_len(a) || memcmp(d->key, a->b, d->len))
			continue;
		*removed = d->removed;
		n += !d->removed;
	}
	return n;
}

/* recent_mt()'s loop: stamps not older than --seconds, at least --hitcount of them. */
static enum answer fresh_enough(struct eval *e, const struct xt_recent_mtinfo *info, const struct entry *en,
				unsigned here, const char *name)
{
	unsigned need = info->hit_count ? info->hit_count : 1, hits = here;
	struct now now;

	if (hits >= need)
		return YES;
	if (!info->seconds)
		return answer_of(hits + en->n_stamp >= need);
	if (hits + en->n_stamp < need)
		return NO;
	now = read_now(e->nft, e->netns);
	if (!now.hz)
		return eval_unknown(e, "the age of an entry of recent list %s cannot be told", name);
	for (size_t i = 0; i < en->n_stamp; i++)
		hits += (int64_t)(now.jiffies - (uint64_t)info->seconds * now.hz - en->stamp[i]) <= 0;
	if (hits >= need)
		e->says = arena_printf(e->arena, "%s is in recent list %s, seen %" PRIu64 " s ago",
				       info->side == XT_RECENT_DEST ? "the destination" : "the source", name,
				       now.jiffies > en->last ? (now.jiffies - en->last) / now.hz : 0);
	return answer_of(hits >= need);
}

/* Looks the address up in the list as the kernel has it. */
static enum answer look_up(struct eval *e, const struct xt_recent_mtinfo *info, const char *name,
			   const struct addr *a, struct entry *en)
{
	const char *path = list_path(e->arena, name), *text = NULL;
	unsigned ttl = e->p->ttl;
	int rc = -EINVAL;

	if (path)
		text = xt_file(e, path, &rc);
	if (!text)
		return eval_unknown(e, "recent list %s could not be read: %s", name, strerror(-rc));
	if (!find_entry(e->arena, text, a, en))
		return eval_unknown(e, "recent list %s has a line that cannot be read", name);
	/* as seen before forwarding, where the packet has an output device and no local socket */
	if (e->run->hook >= NF_INET_FORWARD && !e->p->local)
		ttl++;
	if (en->found && info->check_set & XT_RECENT_TTL && en->ttl && en->ttl != (ttl & 0xff))
		en->found = false;
	return answer_of(en->found);
}

static enum answer recent(struct eval *e, const struct xt *x)
{
	const struct xt_recent_mtinfo *info = x->info;	/* revision 1 adds a mask at the end */
	const char *name = list_name(e->arena, info);
	struct addr a = listed(e, x);
	struct entry en = { 0 };
	bool removed;
	unsigned here = set_here(e, name, &a, &removed);
	enum answer r = NO;

	if (info->check_set & XT_RECENT_SET) {
		note(e, name, &a, false);
		return answer_of(!info->invert);
	}
	if (!removed)
		r = look_up(e, info, name, &a, &en);
	if (r == UNKNOWN)
		return UNKNOWN;
	if (r == NO)
		en = (struct entry){ 0 };
	if (r == NO && !here)
		return answer_of(info->invert);
	if (info->check_set & XT_RECENT_REMOVE) {
		note(e, name, &a, true);
		return answer_of(!info->invert);
	}
	r = fresh_enough(e, info, &en, here, name);
	if (r == YES && en.found && !info->invert)
		choice_existing(e->run->choices);
	if (r == YES && info->check_set & XT_RECENT_UPDATE && !info->invert)
		note(e, name, &a, false);
	return info->invert ? answer_not(r) : r;
}

static void recent_words(struct text *t, const struct xt *x)
{
	const struct xt_recent_mtinfo_v1 *info = x->info;
	struct addr mask;
	char buf[ADDR_TEXT];

	xt_say_not(t, info->invert);
	text_add(t, "%s%s%s%s", info->check_set & XT_RECENT_SET ? " --set" : "",
		 info->check_set & XT_RECENT_CHECK ? " --rcheck" : "",
		 info->check_set & XT_RECENT_UPDATE ? " --update" : "",
		 info->check_set & XT_RECENT_REMOVE ? " --remove" : "");
	if (info->seconds)
		text_add(t, " --seconds %u", info->seconds);
	if (info->check_set & XT_RECENT_REAP)
		text_add(t, " --reap");
	if (info->hit_count)
		text_add(t, " --hitcount %u", info->hit_count);
	if (info->check_set & XT_RECENT_TTL)
		text_add(t, " --rttl");
	text_add(t, " --name %.*s", (int)strnlen(info->name, sizeof(info->name)), info->name);
	if (x->rev == 1) {
		mask = xt_addr(x->family, &info->mask);
		text_add(t, " --mask %s", addr_say(&mask, buf));
	}
	text_add(t, info->side == XT_RECENT_DEST ? " --rdest" : " --rsource");
}

static const struct xt_row rows[] = {
	XT_MATCH_WRITES("recent", 0, 0, sizeof(struct xt_recent_mtinfo), recent, recent_words),
	XT_MATCH_WRITES("recent", 1, 0, sizeof(struct xt_recent_mtinfo_v1), recent, recent_words),
};

const struct xt_rows xt_match_recent = XT_ROWS(rows);
