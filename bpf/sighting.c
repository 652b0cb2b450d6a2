/* SPDX-License-Identifier: GPL-2.0-only */
/* An event of the live probes as a sighting: headers from the packet's bytes, ports in host order. */
#include <arpa/inet.h>
#include <string.h>

#include "bpf/probes_priv.h"

#include "bpf/event.h"

#define CONFIRMED	(1 << 3)	/* IPS_CONFIRMED */
#define EXTENSIONS	6		/* as in live_look.bpf.h */

_Static_assert((int)PLACE_HOOK == EVENT_HOOK && (int)PLACE_CONFIRM == EVENT_CONFIRM && (int)PLACE_DROP == EVENT_DROP &&
	       PLACE_DROP + 1 == PLACES, "enum place and the wire's places are the same");
_Static_assert(SIGHTING_BYTES == EVENT_BYTES, "a sighting holds what the wire carries");

const char *place_name(enum place p)
{
	static const char *const names[] = {
		[PLACE_HOOK] = "hook", [PLACE_CHAIN] = "chain", [PLACE_CONFIRM] = "confirm", [PLACE_DEV_IN] = "device-in",
		[PLACE_DEV_OUT] = "device-out", [PLACE_IPVS_CONN] = "ipvs-connection", [PLACE_IPVS_NONE] = "ipvs-no-server",
		[PLACE_ICMP_SENT] = "icmp-sent", [PLACE_RST_SENT] = "reset-sent", [PLACE_LISTEN_FULL] = "listener-full",
		[PLACE_DROP] = "drop",
	};

	return p < PLACES ? names[p] : "?";
}

static uint16_t get16(const uint8_t *b)
{
	return b[0] << 8 | b[1];
}

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT || next == IPPROTO_AH ||
	       next == IPPROTO_DSTOPTS;
}

/* The transport header at off, as much of it as was kept. */
static void read_transport(struct packet *p, const uint8_t *b, size_t n, size_t off)
{
	if (is_icmp(p->proto)) {
		if (off + 2 <= n)
			p->dport = get16(b + off);
		if (off + 6 <= n)
			p->sport = get16(b + off + 4);
		return;
	}
	if (off + 4 > n)
		return;
	switch (p->proto) {
	case IPPROTO_TCP:
		if (off + 14 <= n)
			p->tcp_flags = b[off + 13];
		/* fall through */
	case IPPROTO_UDP: case IPPROTO_UDPLITE: case IPPROTO_SCTP: case IPPROTO_DCCP:
		p->sport = get16(b + off);
		p->dport = get16(b + off + 2);
	}
}

static void read_ipv4(struct packet *p, const uint8_t *b, size_t n)
{
	if (n < 20)
		return;
	p->src = addr_from(b + 12, 4);
	p->dst = addr_from(b + 16, 4);
	p->proto = b[9];
	p->ttl = b[8];
	p->tos = b[1];
	if ((get16(b + 6) & 0x1fff) == 0)
		read_transport(p, b, n, (b[0] & 15) * 4);
}

static void read_ipv6(struct packet *p, const uint8_t *b, size_t n)
{
	size_t off = 40;
	uint8_t next;

	if (n < 40)
		return;
	p->src = addr_from(b + 8, 16);
	p->dst = addr_from(b + 24, 16);
	p->ttl = b[7];
	p->tos = (b[0] & 15) << 4 | b[1] >> 4;
	next = b[6];
	for (int i = 0; i < EXTENSIONS && is_extension(next); i++) {
		p->proto = next;
		if (off + 8 > n)
			return;
		next = b[off];
		if (p->proto == IPPROTO_FRAGMENT && get16(b + off + 2) & 0xfff8) {
			p->proto = next;
			return;
		}
		off += p->proto == IPPROTO_FRAGMENT ? 8 : p->proto == IPPROTO_AH ? (b[off + 1] + 2) * 4 : (b[off + 1] + 1) * 8;
	}
	p->proto = next;
	read_transport(p, b, n, off);
}

static struct tuple tuple_from(const struct event_tuple *t)
{
	size_t len = t->family == AF_INET ? 4 : 16;
	size_t dst_len = t->dst_family == AF_INET ? 4 : t->dst_family == AF_INET6 ? 16 : len;

	if (t->family != AF_INET && t->family != AF_INET6)
		return (struct tuple){ 0 };
	return (struct tuple){
		.src = addr_from(t->src, len), .dst = addr_from(t->dst, dst_len),
		.sport = ntohs(t->sport), .dport = ntohs(t->dport), .proto = t->proto,
	};
}

/* enum ip_conntrack_info of linux/netfilter/nf_conntrack_common.h */
static void read_info(struct ct_view *ct, uint8_t info)
{
	static const enum ct_state states[] = { CT_ESTABLISHED, CT_RELATED, CT_NEW, CT_ESTABLISHED, CT_RELATED };

	if (info < ARRAY_SIZE(states))
		ct->state = states[info];
	else if (info == 7)
		ct->state = CT_UNTRACKED;
	ct->reply = info == 3 || info == 4;
}

static void read_conn(struct ct_view *ct, const struct event_ct *c)
{
	if (!(c->has & EVENT_CT_INFO))
		return;
	read_info(ct, c->info);
	if (!(c->has & EVENT_CT_ENTRY))
		return;
	ct->existing = c->status & CONFIRMED;
	ct->orig = tuple_from(&c->orig);
	ct->back = tuple_from(&c->back);
	ct->status = c->status;
	ct->mark = c->mark;
	ct->zone = c->zone;
	ct->tcp_state = c->tcp_state;
	ct->has_acct = c->has & EVENT_CT_ACCT;
	ct->packets = c->packets;
	ct->bytes = c->bytes;
	memcpy(ct->labels, c->labels, sizeof(ct->labels));
	memcpy(ct->helper, c->helper, sizeof(ct->helper));
	ct->helper[sizeof(ct->helper) - 1] = 0;
}

static void read_packet(struct packet *p, const struct event *e, size_t n)
{
	if (e->flags & EVENT_IP && n)
		(e->bytes[0] >> 4 == 6 ? read_ipv6 : read_ipv4)(p, e->bytes, n);
	p->len = e->len;
	p->mark = e->mark;
	p->priority = e->priority;
	p->iif = e->iif;
	p->oif = e->oif;
	p->physin = e->physin;
	p->physout = e->physout;
	p->local = e->flags & EVENT_LOCAL;
	p->sk_known = e->flags & EVENT_OWNER;
	p->uid = e->uid;
	p->gid = e->gid;
	p->ipvs.set = e->flags & EVENT_IPVS;
	if (e->flags & EVENT_MAC) {
		p->dmac.known = p->smac.known = true;
		memcpy(p->dmac.b, e->mac, 6);
		memcpy(p->smac.b, e->mac + 6, 6);
	}
	read_conn(&p->ct, &e->ct);
}

/* From where the packet was freed on: what lies before is the probe's own. */
static void read_stack(struct sighting *s, const struct event *e)
{
	size_t n = 0, at = 0;

	while (at < EVENT_STACK && e->stack[at] && e->stack[at] != e->location)
		at++;
	if (at == EVENT_STACK || !e->stack[at]) {
		s->stack[0] = e->location;
		return;
	}
	for (; at < EVENT_STACK && n < SIGHTING_STACK; at++)
		s->stack[n++] = e->stack[at];
}

static void read_text(struct sighting *s, const struct event *e)
{
	const char *second = e->text + EVENT_NAME;
	size_t a = strnlen(e->text, EVENT_NAME), b = strnlen(second, EVENT_NAME);

	if (s->place == PLACE_IPVS_NONE) {
		a = strnlen(e->text, sizeof(s->text) - 1);
		b = 0;
	}
	memcpy(s->text, e->text, a);
	if (b && a + 1 < sizeof(s->text)) {
		s->text[a++] = ' ';
		memcpy(s->text + a, second, b < sizeof(s->text) - 1 - a ? b : sizeof(s->text) - 1 - a);
	}
}

bool sighting_from_event(struct sighting *s, const struct event *e, size_t len)
{
	if (len < EVENT_SHORT || e->place >= PLACES || (e->place == EVENT_DROP && len < sizeof(*e)))
		return false;
	memset(s, 0, sizeof(*s));
	s->place = e->place;
	s->time = e->time;
	s->id = e->id;
	s->conn = e->conn;
	s->netns = e->netns;
	s->pf = e->pf;
	s->hook = e->hook;
	s->verdict = e->verdict;
	s->icmp_type = e->icmp_type;
	s->icmp_code = e->icmp_code;
	s->reason = e->reason;
	s->location = e->location;
	s->folded = e->folded;
	s->ipvs = tuple_from(&e->ipvs);
	s->pid = e->pid;
	s->task = e->flags & EVENT_TASK;
	s->n_bytes = e->n_bytes > SIGHTING_BYTES ? SIGHTING_BYTES : e->n_bytes;
	memcpy(s->bytes, e->bytes, s->n_bytes);
	memcpy(s->ifname, e->ifname, sizeof(s->ifname) - 1);
	memcpy(s->comm, e->comm, sizeof(s->comm) - 1);
	if (s->place == PLACE_DROP)
		read_stack(s, e);
	read_text(s, e);
	read_packet(&s->p, e, s->n_bytes);
	return true;
}

void sighting_from_fold(struct sighting *s, const struct fold_key *key, const struct fold *f)
{
	struct event_tuple t = { .sport = f->sport, .dport = f->dport, .family = key->family, .proto = key->proto };
	struct tuple tuple;

	memcpy(t.src, key->src, 16);
	memcpy(t.dst, key->dst, 16);
	tuple = tuple_from(&t);
	memset(s, 0, sizeof(*s));
	s->place = PLACE_DROP;
	s->time = f->told_at;
	s->netns = key->netns;
	s->reason = key->reason;
	s->location = s->stack[0] = key->location;
	s->p.src = tuple.src;
	s->p.dst = tuple.dst;
	s->p.sport = tuple.sport;
	s->p.dport = tuple.dport;
	s->p.proto = tuple.proto;
}
