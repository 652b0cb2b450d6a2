/* SPDX-License-Identifier: GPL-2.0-only */
/* Connections and their translations, as nf_conntrack_core.c and nf_nat_core.c (6.12) make them. */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nf_nat.h>
#include <string.h>

#include "tracer/walk_priv.h"

/* Addresses or ports of a range that are walked one by one; a wider one is left unknown. */
#define MAX_WAYS	64

/* nf_conntrack_tcp.h names only the first; the states after it are CLOSE and SYN_SENT2. */
#define TCP_LAST_LIVE	TCP_CONNTRACK_LAST_ACK

#define TH_FIN	0x01
#define TH_SYN	0x02
#define TH_RST	0x04
#define TH_ACK	0x10

/* HOOK2MANIP(): PREROUTING and OUTPUT change the destination, INPUT and POSTROUTING the source. */
static bool manip_dst(uint8_t hook)
{
	return hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT;
}

static struct conn *known_conn(struct walk *w, const struct tuple *t, bool *reply)
{
	for (size_t i = w->n_conn; i-- > 0;) {
		struct conn *c = &w->conn[i];

		if (c->netns != w->p.netns || c->ct.zone != w->p.ct.zone)
			continue;
		*reply = tuple_eq(&c->ct.back, t);
		if (*reply || tuple_eq(&c->ct.orig, t))
			return c;
	}
	return NULL;
}

static void set_new(struct walk *w, const struct tuple *t)
{
	struct ct_view *ct = &w->p.ct;
	uint16_t zone = ct->zone;

	*ct = (struct ct_view){ .state = CT_NEW, .zone = zone, .orig = *t, .back = tuple_invert(t) };
}

/* A SYN on a closing or closed connection opens a new one (tcp_packet(), "attempt to reopen"). */
static bool reopens(const struct packet *p, const struct ct_view *ct)
{
	return p->proto == IPPROTO_TCP && (p->tcp_flags & 0x12) == 0x02 && ct->tcp_state > TCP_LAST_LIVE;
}

/*
 * tcp_new(): a SYN begins a connection, and where nf_conntrack_tcp_loose allows, an ACK in the midst of one (the first column of
 * tcp_conntracks[IP_CT_DIR_ORIGINAL], get_conntrack_index()).
 */
static bool begins_nothing(struct walk *w)
{
	uint8_t flags = w->p.tcp_flags & (TH_FIN | TH_SYN | TH_RST | TH_ACK);
	long loose = 1;

	if (w->p.proto != IPPROTO_TCP || (flags & ~TH_FIN) == TH_SYN)
		return false;
	if (flags != TH_ACK)
		return true;
	state_sysctl(w->state, w->p.netns, "net/netfilter/nf_conntrack_tcp_loose", NULL, &loose);
	return !loose;
}

static enum flow table_full(struct walk *w)
{
	long count, max;

	if (state_ct_enabled(w->state, w->p.netns, packet_family(&w->p)) != YES ||
	    state_ct_fill(w->state, w->p.netns, &count, &max) || max <= 0 || count < max)
		return GO;
	state_sysctl_evidence(w->state, w->p.netns, "net/netfilter/nf_conntrack_count", NULL, &w->ev);
	state_sysctl_evidence(w->state, w->p.netns, "net/netfilter/nf_conntrack_max", NULL, &w->ev);
	/* early_drop() may evict an unassured entry of the same bucket: only the kernel can tell. */
	if (!choice_unknown(w->choices, 2, "the conntrack table is full; whether an unassured entry can be "
			    "evicted for this connection is not visible from outside"))
		return end_simple(w, STAGE_CONNTRACK, END_DROP, CAUSE_CONNTRACK_FULL,
				  arena_printf(w->arena, "the conntrack table is full (%ld of %ld)", count, max));
	return GO;
}

/* tcp_conntracks[]: the column of a connection whose SYN has had no answer that conntrack saw. */
static bool comes_too_early(const struct packet *p, const struct ct_view *ct)
{
	uint8_t too_early = ct->reply ? TH_FIN : TH_FIN | TH_ACK;

	return p->proto == IPPROTO_TCP && ct->tcp_state == TCP_CONNTRACK_SYN_SENT && !(p->tcp_flags & (TH_SYN | TH_RST)) &&
	       p->tcp_flags & too_early;
}

/* tcp_packet(), sctp_packet(): a request that comes again while nobody has answered is neither counted nor renews its entry. */
static bool comes_again(const struct packet *p)
{
	const struct ct_view *ct = &p->ct;

	if (p->proto == IPPROTO_SCTP)
		return ct->sctp_state == SCTP_CONNTRACK_CLOSED;		/* of packets ktrace follows SCTP's INIT */
	return p->proto == IPPROTO_TCP && ct->tcp_state == TCP_CONNTRACK_SYN_SENT && !(ct->status & IPS_SEEN_REPLY) &&
	       (p->tcp_flags & (TH_SYN | TH_ACK | TH_RST | TH_FIN)) == TH_SYN;
}

/* nf_ct_refresh_acct(): rules see the connection with this packet counted. An answer is taken to be as long as its request. */
static void account(struct walk *w)
{
	if (comes_again(&w->p))
		return;
	w->p.ct.packets++;
	w->p.ct.bytes += w->p.len;
}

static enum flow found(struct walk *w, const struct ct_view *ct, const char *text)
{
	struct evidence *e = evidence_add(&w->ev, EV_CONNTRACK);

	e->text = text;
	e->effect = EFFECT_CHANGE;
	if (comes_too_early(&w->p, ct)) {
		e->says = "invalid: its connection's SYN has had no answer";
		w->p.ct = (struct ct_view){ .state = CT_INVALID, .zone = w->p.ct.zone };
		hop_done(w, STAGE_CONNTRACK, 0, 0, false);
		return GO;
	}
	e->says = "a live connection entry decides: NAT rules are not asked again";
	w->p.ct = *ct;
	w->p.ct.existing = true;
	account(w);
	choice_existing(w->choices);
	/* nf_flow_offload_ip_hook() takes most of its packets past every hook, but not those that it hands back. */
	if (ct->status & IPS_OFFLOAD)
		return end_simple(w, STAGE_CONNTRACK, END_UNKNOWN, CAUSE_UNREADABLE,
				  "this connection is in a flowtable: which of its packets still pass the hooks is not known");
	hop_done(w, STAGE_CONNTRACK, 0, 0, false);
	return GO;
}

/* The answer meets the connection that its request made in this namespace, one that an earlier answer made, or none. */
static enum flow track_reply(struct walk *w, const struct tuple *t)
{
	bool reply = false;
	struct conn *c = known_conn(w, t, &reply);
	const char *text = NULL;
	struct ct_view ct = {};

	if (!c && state_ct_get(w->state, w->p.netns, t, w->p.ct.zone, &ct, &text) > 0)
		return found(w, &ct, text);
	if (c) {
		w->p.ct = c->ct;
		w->p.ct.state = CT_ESTABLISHED;
		w->p.ct.reply = reply;
		w->p.ct.status |= IPS_SEEN_REPLY;
		account(w);
	} else {
		set_new(w, t);
		/* Nothing begins with a SYN-ACK (tcp_new()) or an echo reply (valid_new[] of icmp_new(), icmpv6_new()). */
		if (w->p.proto == IPPROTO_TCP || w->p.proto == IPPROTO_ICMP || w->p.proto == IPPROTO_ICMPV6)
			w->p.ct.state = CT_INVALID;
	}
	hop_done(w, STAGE_CONNTRACK, 0, 0, false);
	return GO;
}

/* The kernel showed what its conntrack had. */
static enum flow track_seen(struct walk *w, const struct tuple *t, const struct ct_view *ct)
{
	struct evidence *e;

	if (ct->state == CT_NEW) {
		set_new(w, t);
	} else {
		w->p.ct = *ct;
		choice_existing(w->choices);
		e = evidence_add(&w->ev, EV_CONNTRACK);
		e->text = arena_printf(w->arena, "%s, answered as %s", tuple_say(w->arena, &ct->orig),
				       tuple_say(w->arena, &ct->back));
		e->effect = EFFECT_CHANGE;
		e->says = "the connection was there already: NAT rules are not asked again";
	}
	hop_done(w, STAGE_CONNTRACK, 0, 0, false);
	return GO;
}

enum flow track(struct walk *w)
{
	struct tuple t = packet_tuple(&w->p);
	const char *text = NULL;
	struct ct_view ct = {};
	enum answer on;
	int rc;

	hop_begin(w);
	if (w->p.ct.state != CT_NONE && !w->p.ct.template)
		return GO;		/* seen before (loopback) or notrack */
	if (w->p.ct.zone_is_mark)
		w->p.ct.zone = w->p.mark;
	if (resume_ct(w))
		return track_seen(w, &t, resume_ct(w));
	on = state_ct_enabled(w->state, w->p.netns, packet_family(&w->p));
	if (on == NO)
		return GO;
	if (w->reply)
		return track_reply(w, &t);
	rc = state_ct_get(w->state, w->p.netns, &t, w->p.ct.zone, &ct, &text);
	if (rc > 0 && !reopens(&w->p, &ct))
		return found(w, &ct, text);
	if (rc < 0 && on == YES &&
	    choice_unknown(w->choices, 2, "whether conntrack already has this connection could not be asked"))
		return end_simple(w, STAGE_CONNTRACK, END_UNKNOWN, CAUSE_UNREADABLE,
				  "an entry of conntrack may decide; it could not be asked");
	set_new(w, &t);
	if (begins_nothing(w))
		w->p.ct.state = CT_INVALID;
	else if (table_full(w) == END)
		return END;
	hop_done(w, STAGE_CONNTRACK, 0, 0, false);
	return GO;
}

bool nat_wanted(const struct walk *w, uint8_t hook)
{
	uint32_t done = manip_dst(hook) ? IPS_DST_NAT_DONE : IPS_SRC_NAT_DONE;

	return (w->p.ct.state == CT_NEW || w->p.ct.state == CT_RELATED) && !(w->p.ct.status & done);
}


static uint64_t addr_low(const struct addr *a)
{
	uint64_t v = 0;
	unsigned len = addr_len(a);

	for (unsigned i = len >= 8 ? len - 8 : 0; i < len; i++)
		v = v << 8 | a->b[i];
	return v;
}

static struct addr addr_plus(const struct addr *a, uint64_t n)
{
	struct addr r = *a;

	for (unsigned i = addr_len(a); i-- > 0 && n;) {
		n += r.b[i];
		r.b[i] = n;
		n >>= 8;
	}
	return r;
}

/* find_best_ips_proto(): among several addresses a keyed hash of the tuple picks one. */
static struct addr pick_addr(struct walk *w, const struct nft_nat *nat, const struct addr *old, const char **doubt)
{
	unsigned high;
	uint64_t n;

	if (!(nat->flags & NF_NAT_RANGE_MAP_IPS))
		return *old;
	if (nat->flags & NF_NAT_RANGE_NETMAP) {
		struct addr r = nat->min;

		/* nf_nat_setup_info(): the network's bits from the range, the host's from the packet. */
		for (unsigned i = 0; i < addr_len(&r); i++) {
			uint8_t mask = ~(nat->min.b[i] ^ nat->max.b[i]);

			r.b[i] = (nat->min.b[i] & mask) | (old->b[i] & ~mask);
		}
		return r;
	}
	if (addr_eq(&nat->min, &nat->max))
		return nat->min;
	/* 0 where the range is wider than 64 bits */
	high = addr_len(&nat->min) > 8 ? addr_len(&nat->min) - 8 : 0;
	n = memcmp(nat->min.b, nat->max.b, high) ? 0 : addr_low(&nat->max) - addr_low(&nat->min) + 1;
	if (n && n <= MAX_WAYS)
		return addr_plus(&nat->min, choice_random(w->choices, n, NULL));
	*doubt = "which address of its range the NAT rule picks is not known";
	return nat->min;
}

static bool port_used(struct walk *w, const struct ct_view *ct)
{
	struct ct_view other;
	const char *text;

	/* its own old entry, closed, was removed before it began anew: nf_conntrack_tcp_packet() */
	return state_ct_get(w->state, w->p.netns, &ct->back, ct->zone, &other, &text) > 0 && !tuple_eq(&other.orig, &ct->orig);
}

/* nf_nat_l4proto_unique_tuple() for the destination: only a range can change it. */
static uint16_t pick_dport(struct walk *w, const struct nft_nat *nat, uint16_t old, const char **doubt)
{
	unsigned n = nat->port_max - nat->port_min + 1u;

	if (!(nat->flags & NF_NAT_RANGE_PROTO_SPECIFIED))
		return old;
	if (nat->port_min >= nat->port_max)
		return nat->port_min;
	if (nat->flags & NF_NAT_RANGE_PROTO_OFFSET)
		return nat->port_min + (uint16_t)(old - nat->port_base) % n;
	if (!(nat->flags & NF_NAT_RANGE_PROTO_RANDOM_ALL) && old >= nat->port_min && old <= nat->port_max)
		return old;
	if (n <= MAX_WAYS)
		return nat->port_min + choice_random(w->choices, n, NULL);
	*doubt = arena_printf(w->arena, "which port of %u-%u the NAT range picks is not known", nat->port_min, nat->port_max);
	return nat->port_min;
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

static void setup_dst(struct walk *w, const struct nft_nat *nat, const char **doubt)
{
	struct ct_view *ct = &w->p.ct;
	struct tuple before = ct->back;

	ct->back.src = pick_addr(w, nat, &ct->back.src, doubt);
	if (has_ports(w->p.proto))
		ct->back.sport = pick_dport(w, nat, ct->back.sport, doubt);
	if (!tuple_eq(&before, &ct->back))
		ct->status |= IPS_DST_NAT;
}

/* get_unique_tuple(): the source port stays if the range allows it and the answer's tuple is free. */
static void setup_src(struct walk *w, const struct nft_nat *nat, const char **doubt)
{
	struct ct_view *ct = &w->p.ct;
	struct tuple before = ct->back;
	bool random = nat->flags & NF_NAT_RANGE_PROTO_RANDOM_ALL;
	bool ranged = nat->flags & NF_NAT_RANGE_PROTO_SPECIFIED;
	uint16_t port = ct->back.dport;

	ct->back.dst = pick_addr(w, nat, &ct->back.dst, doubt);
	if (has_ports(w->p.proto)) {
		if (ranged && nat->port_min == nat->port_max) {
			ct->back.dport = nat->port_min;
			if (port_used(w, ct))
				*doubt = arena_printf(w->arena, "source port %u, the only one that the rule allows, is taken by another "
						      "connection", nat->port_min);
		} else if (random || (ranged && (port < nat->port_min || port > nat->port_max)) || port_used(w, ct)) {
			w->p.sport_unknown = true;
		}
	}
	if (!tuple_eq(&before, &ct->back) || w->p.sport_unknown)
		ct->status |= IPS_SRC_NAT;
}

static void nat_done(struct walk *w, uint8_t hook)
{
	w->p.ct.status |= manip_dst(hook) ? IPS_DST_NAT_DONE : IPS_SRC_NAT_DONE;
}

/* nf_nat_alloc_null_binding(): another source port where a connection has the answer's tuple already. */
void nat_none(struct walk *w, uint8_t hook)
{
	struct ct_view *ct = &w->p.ct;

	if (!manip_dst(hook) && !(ct->status & IPS_SRC_NAT_DONE) && has_ports(w->p.proto) &&
	    state_ct_enabled(w->state, w->p.netns, packet_family(&w->p)) == YES && port_used(w, ct)) {
		w->p.sport_unknown = true;
		ct->status |= IPS_SRC_NAT;
	}
	nat_done(w, hook);
}

enum flow nat_setup(struct walk *w, uint8_t hook, const struct nft_nat *nat)
{
	const char *doubt = NULL;

	if (nat->dst != manip_dst(hook))
		return end_path(w, STAGE_HOOK, hook, 0, true, END_UNKNOWN, CAUSE_UNREADABLE,
				"a translation of the other direction than this hook makes");
	if (nat->dst)
		setup_dst(w, nat, &doubt);
	else
		setup_src(w, nat, &doubt);
	nat_done(w, hook);
	if ((doubt || w->p.sport_unknown) && resume_mapping(w, nat->dst))
		doubt = NULL;
	return doubt ? end_path(w, STAGE_HOOK, hook, 0, true, END_UNKNOWN, CAUSE_UNREADABLE, doubt) : GO;
}

/* nf_nat_packet(): what the inverse of the other direction's tuple says. */
bool nat_apply(struct walk *w, uint8_t hook)
{
	struct tuple was = packet_tuple(&w->p), want, now;
	const struct ct_view *ct = &w->p.ct;
	bool dst = manip_dst(hook), open = w->p.dport_unknown;

	if (ct->state == CT_NONE || ct->state == CT_UNTRACKED || ct->state == CT_INVALID)
		return false;
	/* In the answer's direction source translation is undone where destinations change, and vice versa. */
	if (!(ct->status & (dst != ct->reply ? IPS_DST_NAT : IPS_SRC_NAT)))
		return false;
	want = tuple_invert(ct->reply ? &ct->orig : &ct->back);
	/* icmp_manip_pkt(): the id, whichever address changes */
	if (w->p.proto == IPPROTO_ICMP || w->p.proto == IPPROTO_ICMPV6)
		w->p.sport = want.sport;
	if (dst) {
		/* nf_nat_ipv4_pre_routing(), nf_nat_ipv6_in(): skb_dst_drop() */
		if (hook == NF_INET_PRE_ROUTING && !addr_eq(&w->p.dst, &want.dst))
			w->p.comes_back = false;
		w->p.dst = want.dst;
		if (has_ports(w->p.proto))
			w->p.dport = want.dport;
		w->p.dport_unknown = false;
	} else {
		w->p.src = want.src;
		if (has_ports(w->p.proto) && !w->p.sport_unknown)
			w->p.sport = want.sport;
	}
	now = packet_tuple(&w->p);
	return !tuple_eq(&was, &now) || open != w->p.dport_unknown;
}

void confirm(struct walk *w)
{
	struct tuple none = {};
	bool reply;
	struct conn *c;

	if (w->p.ct.state == CT_NONE || w->p.ct.state == CT_UNTRACKED || w->p.ct.state == CT_INVALID)
		return;
	if (tuple_eq(&w->p.ct.orig, &none))
		return;
	w->p.ct.status |= IPS_CONFIRMED;
	c = known_conn(w, &w->p.ct.orig, &reply);
	if (!c) {
		c = VEC_PUSH(w->arena, w->conn, w->n_conn, w->cap_conn);
		c->netns = w->p.netns;
	}
	c->ct = w->p.ct;
}
