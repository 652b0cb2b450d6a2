// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is seen live: events of the probes with the first bytes of packets, nf_tables' trace messages, and answers off a raw
 * socket. The first byte of the input says which: 'e', 't', or 'u', 'i', 's' for UDP, ICMP and SCTP.
 */
#include "nft/uapi.h"

#include "nft/tracing.c"

#include "bpf/event.h"
#include "bpf/probes_priv.h"
#include "tests/fuzz/fuzz.h"
#include "tracer/out_live.h"
#include "tracer/out_pcapng.h"
#include "tracer/send_wire.h"
#include "tracer/stitch.h"

#define EVENTS 64

static const char *reason(void *ctx UNUSED, uint32_t number)
{
	static const char *const words[] = { NULL, "NETFILTER_DROP", "SKB_DROP_REASON_NO_SOCKET", "IP_RPFILTER", "CONSUMED" };

	return number < ARRAY_SIZE(words) ? words[number] : NULL;
}

static const char *symbol(void *ctx UNUSED, uint64_t address)
{
	static const char *const words[] = { "nf_hook_slow", "tcp_v4_rcv", "ip_rcv_finish_core", "nft_do_chain [nf_tables]", "icmp_rcv" };

	return address && address <= ARRAY_SIZE(words) ? words[address - 1] : NULL;
}

static void tell_connection(const struct live_out *out, struct arena *a, const struct connection *c)
{
	struct told told = { .time = c->last, .connection = c, .count = 1 };

	news_name(c->news);
	out_live_told(out, a, &told);
}

static void tell_drop(const struct live_out *out, struct arena *a, const struct kernel_words *w, const struct sighting *s)
{
	struct told told = { .time = s->time, .drop = s, .count = s->folded };

	drop_class_name(meaning_of(w, s).class);
	out_live_told(out, a, &told);
}

static void run_events(struct arena *a, const uint8_t *data, size_t len)
{
	static const struct kernel_words words = { NULL, reason, symbol };
	static struct pcapng *file;
	struct stitch_options o = { .words = words, .quiet = 1000, .max_connections = 16, .max_sightings = 64 };
	struct stitch *st = stitch_new(&o);
	struct live_out out = { .f = stdout, .json = len & 1, .lines = len & 2 };
	const struct connection *c;
	struct err err = { "" };
	struct event e;
	uint64_t now = 0;

	if (!file && pcapng_open("/dev/null", "Linux", &file, &err))
		abort();
	for (int i = 0; len && i < EVENTS; i++) {
		size_t n = len < sizeof(e) ? len : sizeof(e);
		struct sighting s;

		memset(&e, 0, sizeof(e));
		memcpy(&e, data, n);
		data += n;
		len -= n;
		if (!sighting_from_event(&s, &e, n))
			continue;
		place_name(s.place);
		if (s.place == PLACE_DROP)
			tell_drop(&out, a, &words, &s);
		pcapng_write(file, &(struct pcapng_packet){ s.time, s.ifname, s.bytes, s.n_bytes, s.p.len, s.text }, &err);
		stitch_add(st, &s);
		now = s.time;
		while ((c = stitch_next(st, now)))
			tell_connection(&out, a, c);
	}
	stitch_due(st);
	while ((c = stitch_next(st, UINT64_MAX)))
		tell_connection(&out, a, c);
	stitch_counts(st);
	stitch_free(st);
}

static void run_trace(struct arena *a, const uint8_t *data, size_t len)
{
	/* as it comes off a socket: aligned, and nothing behind it */
	uint8_t *copy = malloc(len + !len);
	const uint8_t *p = copy;
	const struct nlmsghdr *h;
	struct nft_traced t;

	memcpy(copy, data, len);
	while ((h = nl_next(&p, &len)))
		if (parse(a, h, &t))
			tuple_say(a, &t.packet);
	free(copy);
}

static void run_wire(char which, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len + !len);
	struct sent sent = { 0 };
	struct tuple t = { .sport = 40000, .dport = 53 };

	memcpy(copy, data, len);
	addr_parse(len & 1 ? "fd00::1" : "10.0.0.1", &t.src);
	addr_parse(len & 1 ? "fd00::2" : "10.0.0.2", &t.dst);
	if (which == 'u')
		wire_udp_answer(&t, copy, len, &sent);
	else if (which == 's')
		wire_sctp_answer(&t, copy, len, &sent);
	else
		wire_echo_answer(&t, copy, len, &sent);
	wire_icmp_name(len & 1, sent.icmp_type, sent.icmp_code);
	free(copy);
}

void run_live(const struct fuzz *f UNUSED, const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();

	if (len && *data == 'e')
		run_events(a, data + 1, len - 1);
	else if (len && *data == 't')
		run_trace(a, data + 1, len - 1);
	else if (len)
		run_wire(*data, data + 1, len - 1);
	arena_free(a);
}
