/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prints what the live probes tell, one line a sighting, for the tests.
 *
 *   sightings [-a] [-s] [-t SECONDS] [-n COUNT] [-q] [FILTER…]
 *
 * FILTER: PROTO,ADDRESS,PORT is addressed; with a "~" before it an endpoint. No filter: all drops. -a: also devices and
 * chains. -s: the table of probes at the end. -q: count, do not print. "ready" is printed when all is attached.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpf/probes.h"

static volatile sig_atomic_t stop;

struct run {
	struct probes *p;
	bool quiet;
	uint64_t n, drops, limit;
};

static void on_signal(int sig UNUSED)
{
	stop = 1;
}

static uint8_t proto_of(const char *s)
{
	return strcmp(s, "tcp") == 0 ? IPPROTO_TCP : strcmp(s, "udp") == 0 ? IPPROTO_UDP :
	       strcmp(s, "icmp") == 0 ? IPPROTO_ICMP : strcmp(s, "icmpv6") == 0 ? IPPROTO_ICMPV6 :
	       strcmp(s, "sctp") == 0 ? IPPROTO_SCTP : 0;
}

static bool parse_filter(const char *s, struct probe_filter *f)
{
	char proto[16], address[64];
	unsigned port;

	f->addressed = *s != '~';
	if (sscanf(s + !f->addressed, "%15[^,],%63[^,],%u", proto, address, &port) != 3)
		return false;
	f->proto = proto_of(proto);
	f->port = port;
	return f->proto && addr_parse(address, &f->addr);
}

static const char *ct_words(struct arena *a, const struct ct_view *ct)
{
	static const char *const states[] = { "none", "new", "established", "related", "invalid", "untracked" };

	if (ct->state == CT_NONE || !ct->orig.src.family)
		return arena_printf(a, "ct %s%s", states[ct->state], ct->reply ? " reply" : "");
	return arena_printf(a, "ct %s%s%s %s back %s", states[ct->state], ct->reply ? " reply" : "",
			    ct->existing ? " existing" : "", tuple_say(a, &ct->orig), tuple_say(a, &ct->back));
}

static const char *place_words(struct arena *a, struct run *r, const struct sighting *s)
{
	static const char *const hooks[] = { "prerouting", "input", "forward", "output", "postrouting" };
	const char *reason;

	switch (s->place) {
	case PLACE_HOOK:
		return arena_printf(a, " pf %u %s", s->pf, s->hook < 5 ? hooks[s->hook] : "?");
	case PLACE_CHAIN:
		return arena_printf(a, " pf %u %s \"%s\" verdict %d", s->pf, s->hook < 5 ? hooks[s->hook] : "?", s->text, s->verdict);
	case PLACE_CONFIRM:
		return arena_printf(a, " verdict %d", s->verdict);
	case PLACE_ICMP_SENT:
		return arena_printf(a, " %u/%u", s->icmp_type, s->icmp_code);
	case PLACE_IPVS_CONN:
		return arena_printf(a, " %s", tuple_say(a, &s->ipvs));
	case PLACE_IPVS_NONE:
		return arena_printf(a, " \"%s\"", s->text);
	case PLACE_DROP:
		reason = probes_reason(r->p, s->reason);
		return arena_printf(a, " %s at %s by %s folded %llu", reason ? reason : "-", probes_symbol(r->p, s->location),
				    s->stack[1] ? probes_symbol(r->p, s->stack[1]) : "-", (unsigned long long)s->folded);
	default:
		return "";
	}
}

static int print(void *ctx, const struct sighting *s)
{
	struct run *r = ctx;
	struct arena *a;
	struct tuple t = packet_tuple(&s->p);

	r->n++;
	r->drops += s->place == PLACE_DROP ? 1 + s->folded : 0;
	if (r->quiet)
		return r->limit && r->n >= r->limit;
	a = arena_new();
	printf("%s%s | %s flags %02x ttl %u len %u | %s | iif %d oif %d dev %s mark %#x ns %u | id %llx conn %llx | %s %u%s%s\n",
	       place_name(s->place), place_words(a, r, s), s->p.dst.family ? tuple_say(a, &t) : "-", s->p.tcp_flags, s->p.ttl, s->p.len,
	       ct_words(a, &s->p.ct), s->p.iif, s->p.oif, *s->ifname ? s->ifname : "-", s->p.mark, s->netns,
	       (unsigned long long)s->id, (unsigned long long)s->conn, s->comm, s->pid, s->task ? " sender" : "",
	       s->p.sk_known ? arena_printf(a, " uid %u", s->p.uid) : "");
	arena_free(a);
	fflush(stdout);
	return r->limit && r->n >= r->limit;
}

static void print_states(struct probes *p)
{
	struct arena *a = arena_new();
	const struct probe_state *v;
	size_t n;

	probes_states(p, a, &v, &n);
	for (size_t i = 0; i < n; i++)
		printf("probe %-26s %-24s %-10s hits %llu ns %llu%s%s\n", v[i].name, v[i].function, v[i].how ? v[i].how : v[i].idle ? "idle" : "MISSING",
		       (unsigned long long)v[i].hits, (unsigned long long)v[i].ns, v[i].how || v[i].idle ? "" : " | not seen: ",
		       v[i].how || v[i].idle ? "" : v[i].cost);
	arena_free(a);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int folded(void *ctx, const struct sighting *s)
{
	struct tuple t = packet_tuple(&s->p);
	struct arena *a = arena_new();
	struct run *r = ctx;

	r->drops += s->folded;
	if (!r->quiet)
		printf("rest %llu | %s\n", (unsigned long long)s->folded, tuple_say(a, &t));
	arena_free(a);
	return 0;
}

int main(int argc, char **argv)
{
	struct probe_filter filter[64];
	struct probes_options o = { .filter = filter };
	struct run r = { 0 };
	bool states = false;
	double until = 1e18, began = seconds();
	struct err err = { "" };
	int c, rc;

	while ((c = getopt(argc, argv, "asqt:n:")) != -1)
		switch (c) {
		case 'a': o.all = true; break;
		case 's': states = true; break;
		case 'q': r.quiet = true; break;
		case 't': until = seconds() + atof(optarg); break;
		case 'n': r.limit = strtoull(optarg, NULL, 10); break;
		default: return 2;
		}
	for (; optind < argc && o.n_filter < 64; optind++)
		if (!parse_filter(argv[optind], &filter[o.n_filter++])) {
			fprintf(stderr, "what is %s?\n", argv[optind]);
			return 2;
		}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	rc = probes_open(&o, &r.p, &err);
	if (rc) {
		printf("cannot: %s\n", err.text);
		return rc == -ENOTSUP ? 4 : 1;
	}
	printf("ready %.3f\n", seconds() - began);
	fflush(stdout);
	while (!stop && seconds() < until && (!r.limit || r.n < r.limit))
		probes_poll(r.p, 100, print, &r);
	probes_folded(r.p, folded, &r);
	if (states)
		print_states(r.p);
	printf("told %llu drops %llu lost %llu\n", (unsigned long long)r.n, (unsigned long long)r.drops,
	       (unsigned long long)probes_lost(r.p));
	probes_close(r.p);
	return 0;
}
