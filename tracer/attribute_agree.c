/* SPDX-License-Identifier: GPL-2.0-only */
/* How a journey ended as the kernel showed it, and whether a predicted end can be that one. */
#include <netinet/in.h>

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <string.h>

#include "tracer/attribute_priv.h"

#define ENDS(c)	(1ULL << (c))

#define REFUSED_BY_ROUTE	(ENDS(CAUSE_NO_ROUTE) | ENDS(CAUSE_BLACKHOLE) | ENDS(CAUSE_UNREACHABLE_ROUTE) | \
				 ENDS(CAUSE_PROHIBIT) | ENDS(CAUSE_FORWARDING_OFF) | ENDS(CAUSE_REROUTE_FAILED))
/* A port that takes no frame takes no question for its neighbour either. */
#define NOBODY_ANSWERS		(ENDS(CAUSE_NEIGHBOUR_FAILED) | ENDS(CAUSE_BRIDGE))
#define REFUSED_AS_MARTIAN	(ENDS(CAUSE_MARTIAN_SRC) | ENDS(CAUSE_MARTIAN_DST) | ENDS(CAUSE_ROUTE_LOCALNET))

/* The ends of a walk that a drop of the class can be, and what it is called where no walk tells. */
static const struct {
	uint64_t causes;
	enum stage stage;
	enum end_cause cause;
} classes[DROP_CLASSES] = {
	[DROP_UNKNOWN] = { ~0ULL, STAGE_HOOK, CAUSE_KERNEL },
	[DROP_CONSUMED] = { 0, STAGE_SOCKET, CAUSE_NONE },
	/* the hook decides, see below */
	[DROP_NETFILTER] = { ~0ULL, STAGE_HOOK, CAUSE_KERNEL },
	[DROP_CONNTRACK] = { ENDS(CAUSE_CONNTRACK_FULL) | ENDS(CAUSE_CONNTRACK_INVALID) | ENDS(CAUSE_NAT_FAILED),
			     STAGE_CONNTRACK, CAUSE_KERNEL },
	[DROP_IPVS] = { ~0ULL, STAGE_IPVS_IN, CAUSE_KERNEL },
	[DROP_BRIDGE] = { ENDS(CAUSE_BRIDGE) | ENDS(CAUSE_HAIRPIN) | ENDS(CAUSE_LINK_DOWN) | ENDS(CAUSE_NEIGHBOUR_FAILED) |
			  REFUSED_BY_ROUTE | REFUSED_AS_MARTIAN | ENDS(CAUSE_RP_FILTER), STAGE_BRIDGE, CAUSE_BRIDGE },
	[DROP_ROUTE_INPUT] = { REFUSED_BY_ROUTE | REFUSED_AS_MARTIAN | ENDS(CAUSE_RP_FILTER) | ENDS(CAUSE_NONE),
			       STAGE_ROUTE_INPUT, CAUSE_KERNEL },
	[DROP_RP_FILTER] = { ENDS(CAUSE_RP_FILTER), STAGE_ROUTE_INPUT, CAUSE_RP_FILTER },
	[DROP_MARTIAN] = { REFUSED_AS_MARTIAN | ENDS(CAUSE_RP_FILTER), STAGE_ROUTE_INPUT, CAUSE_KERNEL },
	[DROP_NO_ROUTE] = { REFUSED_BY_ROUTE, STAGE_ROUTE_INPUT, CAUSE_NO_ROUTE },
	[DROP_FORWARD] = { REFUSED_BY_ROUTE | ENDS(CAUSE_TTL) | ENDS(CAUSE_MTU), STAGE_ROUTE_INPUT, CAUSE_KERNEL },
	[DROP_TTL] = { ENDS(CAUSE_TTL), STAGE_ROUTE_INPUT, CAUSE_TTL },
	[DROP_MTU] = { ENDS(CAUSE_MTU), STAGE_ROUTE_INPUT, CAUSE_MTU },
	[DROP_NEIGHBOUR] = { NOBODY_ANSWERS | ENDS(CAUSE_LINK_DOWN), STAGE_NEIGHBOUR, CAUSE_NEIGHBOUR_FAILED },
	[DROP_NO_LISTENER] = { ENDS(CAUSE_NO_LISTENER) | ENDS(CAUSE_LISTENER_LOOPBACK) | ENDS(CAUSE_LISTENER_OTHER) |
			       ENDS(CAUSE_REPLY_BYPASS), STAGE_SOCKET, CAUSE_NO_LISTENER },
	[DROP_BACKLOG] = { 0, STAGE_SOCKET, CAUSE_LISTEN_BACKLOG },
	[DROP_RCVBUF] = { 0, STAGE_SOCKET, CAUSE_SOCKET_BUFFER },
	[DROP_TCP] = { ENDS(CAUSE_NO_LISTENER) | ENDS(CAUSE_LISTENER_LOOPBACK) | ENDS(CAUSE_LISTENER_OTHER), STAGE_SOCKET,
		       CAUSE_KERNEL },
	[DROP_SOCKET_FILTER] = { 0, STAGE_SOCKET, CAUSE_KERNEL }, [DROP_HEADER] = { 0, STAGE_ROUTE_INPUT, CAUSE_KERNEL },
	[DROP_CHECKSUM] = { 0, STAGE_SOCKET, CAUSE_KERNEL }, [DROP_FRAGMENT] = { 0, STAGE_ROUTE_INPUT, CAUSE_KERNEL },
	[DROP_OTHER_HOST] = { 0, STAGE_ROUTE_INPUT, CAUSE_KERNEL }, [DROP_XFRM] = { 0, STAGE_ROUTE_INPUT, CAUSE_KERNEL },
	[DROP_TC] = { 0, STAGE_EGRESS_TC, CAUSE_KERNEL }, [DROP_XDP] = { 0, STAGE_INGRESS_XDP, CAUSE_KERNEL },
	[DROP_QUEUE] = { ENDS(CAUSE_LINK_DOWN), STAGE_NEIGHBOUR, CAUSE_KERNEL },
	[DROP_DEVICE] = { ENDS(CAUSE_LINK_DOWN), STAGE_NEIGHBOUR, CAUSE_KERNEL },
	[DROP_TUNNEL] = { 0, STAGE_NEIGHBOUR, CAUSE_KERNEL }, [DROP_MEMORY] = { 0, STAGE_NEIGHBOUR, CAUSE_KERNEL },
};

static bool is_ip(const struct sighting *s)
{
	return s->pf == NFPROTO_IPV4 || s->pf == NFPROTO_IPV6;
}

static struct meaning drop_meaning(const struct kernel_words *w, const struct sighting *s)
{
	struct meaning m = { .class = DROP_NETFILTER, .says = "a rule or policy dropped it", .modelled = true,
			     .pf = s->pf, .hook = s->hook };

	if (s->place == PLACE_DROP)
		return meaning_of(w, s);
	if (s->place == PLACE_CONFIRM) {
		m.class = DROP_CONNTRACK;
		m.says = "another connection took its conntrack entry meanwhile (a clash)";
		m.pf = m.hook = MEANING_NO_HOOK;
		m.modelled = false;
	}
	return m;
}

struct seen_end seen_end_of(const struct kernel_words *w, const struct journey *j)
{
	struct seen_end e = { .kind = SEEN_NOTHING, .hook = MEANING_NO_HOOK, .at = j->refused ? j->refused : j->drop };
	static const enum seen_kind kinds[PLACES] = {
		[PLACE_ICMP_SENT] = SEEN_ICMP, [PLACE_RST_SENT] = SEEN_RESET, [PLACE_IPVS_NONE] = SEEN_NO_SERVER,
		[PLACE_LISTEN_FULL] = SEEN_LISTEN_FULL,
	};

	if (j->refused)
		e.kind = kinds[j->refused->place];
	else if (j->drop)
		e.kind = SEEN_DROP;
	for (size_t i = 0; i < j->n; i++) {
		const struct sighting *s = j->seen[i];

		if (s->place == PLACE_HOOK && is_ip(s))
			e.hook = s->hook;
		if (s->place == PLACE_CHAIN && s->verdict == NF_DROP && s->text[0])
			e.chain = s->text;
		/* a clash is dropped as any other packet: by nf_hook_slow() */
		if (s->place == PLACE_CONFIRM && s->verdict == NF_DROP && j->drop) {
			e.m = drop_meaning(w, s);
			e.dropped = true;
		}
	}
	if (j->drop && !e.dropped) {
		e.m = drop_meaning(w, j->drop);
		e.dropped = true;
	}
	if (e.hook == MEANING_NO_HOOK && e.dropped && (e.m.pf == NFPROTO_IPV4 || e.m.pf == NFPROTO_IPV6))
		e.hook = e.m.hook;
	return e;
}

/* -- agreement -------------------------------------------------------------------------------------- */

static const struct hop *last_hop(const struct trace *t)
{
	return t->n_hops ? &t->hops[t->n_hops - 1] : NULL;
}

static const struct evidence *deciding(const struct hop *h)
{
	for (size_t i = h ? h->n_evidence : 0; i-- > 0;)
		if (h->evidence[i].kind == EV_POLICY ||
		    (h->evidence[i].kind == EV_RULE && h->evidence[i].effect == EFFECT_VERDICT))
			return &h->evidence[i];
	return NULL;
}

/* The chain that dropped it, as PLACE_CHAIN named it: its table is the first word. */
static bool same_table(const char *chain, const struct hop *h)
{
	const struct evidence *e = deciding(h);
	size_t n = strcspn(chain, " ");

	return !e || !e->table || (strlen(e->table) == n && !memcmp(e->table, chain, n));
}

static bool at_hook(const struct seen_end *e, const struct hop *h)
{
	switch (h->stage) {
	case STAGE_HOOK:
		if (e->hook != MEANING_NO_HOOK && h->hook != e->hook)
			return false;
		return !e->chain || same_table(e->chain, h);
	case STAGE_BRIDGE:
	case STAGE_INGRESS_NFT:
	case STAGE_EGRESS_NFT:
	case STAGE_CONNTRACK:
	case STAGE_IPVS_IN:
	case STAGE_REROUTE:
		return true;
	default:
		return false;
	}
}

static bool drop_agrees(const struct seen_end *e, const struct trace *t)
{
	const struct hop *h = last_hop(t);

	if (!h || (t->end.kind != END_DROP && t->end.kind != END_REJECT && t->end.kind != END_NO_LISTENER))
		return false;
	if (e->m.class == DROP_NETFILTER)
		return at_hook(e, h);
	if (e->m.class == DROP_IPVS)
		return h->stage == STAGE_IPVS_IN;
	return classes[e->m.class].causes & ENDS(t->end.cause);
}

bool seen_beyond(const struct seen_end *e, const struct trace *t)
{
	if (!end_reaches(t->end.kind))
		return false;
	return e->kind == SEEN_LISTEN_FULL || (e->kind == SEEN_DROP && !e->m.modelled);
}

/* arp_error_report(), ndisc_error_report() */
static bool is_unresolved(const struct sighting *s)
{
	return s->p.dst.family == AF_INET6 ? s->icmp_type == ICMPV6_DEST_UNREACH && s->icmp_code == ICMPV6_ADDR_UNREACH :
					     s->icmp_type == ICMP_DEST_UNREACH && s->icmp_code == ICMP_HOST_UNREACH;
}

bool end_agrees(const struct seen_end *e, const struct trace *t, bool last)
{
	if (!last)
		return t->end.kind == END_SENT || t->end.kind == END_UNKNOWN;
	if (t->end.kind == END_UNKNOWN || seen_beyond(e, t))
		return true;
	switch (e->kind) {
	case SEEN_NOTHING:
		/* __neigh_event_send(): it waits in the neighbour's queue, and is dropped when nobody has answered for seconds */
		return end_reaches(t->end.kind) || (ENDS(t->end.cause) & NOBODY_ANSWERS);
	case SEEN_DROP:
		return drop_agrees(e, t);
	case SEEN_ICMP:
		if (is_unresolved(e->at) && (ENDS(t->end.cause) & NOBODY_ANSWERS))
			return true;
		/* fall through */
	case SEEN_RESET:
		return t->end.kind == END_REJECT || t->end.kind == END_NO_LISTENER;
	case SEEN_NO_SERVER:
		return last_hop(t) && last_hop(t)->stage == STAGE_IPVS_IN && !end_reaches(t->end.kind);
	case SEEN_LISTEN_FULL:
		return false;
	}
	return false;
}

/* -- words ------------------------------------------------------------------------------------------ */

/* RFC 792, RFC 4443: what the node answered. */
static const char *icmp_say(struct arena *a, const struct sighting *s)
{
	static const char *const v4[] = {
		"net unreachable", "host unreachable", "protocol unreachable", "port unreachable", "fragmentation needed",
		[9] = "net prohibited", "host prohibited", [13] = "administratively prohibited",
	};
	static const char *const v6[] = {
		"no route", "administratively prohibited", "beyond scope", "address unreachable", "port unreachable",
		"source address failed policy", "route rejected",
	};
	bool six = s->p.dst.family == AF_INET6;
	const char *const *words = six ? v6 : v4;
	size_t n = six ? ARRAY_SIZE(v6) : ARRAY_SIZE(v4);

	if (s->icmp_type == (six ? 1 : 3) && s->icmp_code < n && words[s->icmp_code])
		return words[s->icmp_code];
	if (s->icmp_type == (six ? 3 : 11))
		return s->icmp_code ? "reassembly time exceeded" : "time exceeded";
	if (six && s->icmp_type == 2)
		return "packet too big";
	return arena_printf(a, "type %u code %u", s->icmp_type, s->icmp_code);
}

const char *seen_say(struct arena *a, const struct seen_end *e)
{
	switch (e->kind) {
	case SEEN_NOTHING:
		return "the kernel drops nothing there";
	case SEEN_DROP:
		return arena_printf(a, "the kernel dropped it (%s)", e->m.says);
	case SEEN_ICMP:
		return arena_printf(a, "the kernel answered with an ICMP error (%s)", icmp_say(a, e->at));
	case SEEN_RESET:
		return "the kernel answered with a reset";
	case SEEN_NO_SERVER:
		return "IPVS had no real server for it";
	case SEEN_LISTEN_FULL:
		return "the listener's queue was full";
	}
	return "";
}

static struct verdict seen_nothing(const struct seen_end *e, bool is_out, enum stage *stage)
{
	*stage = is_out ? STAGE_NEIGHBOUR : STAGE_SOCKET;
	if (e->hook == NF_INET_LOCAL_IN && !is_out)
		return (struct verdict){ END_DELIVERED, CAUSE_NONE, "it was handed up, and nothing dropped it" };
	if (is_out || e->hook == NF_INET_POST_ROUTING) {
		*stage = STAGE_NEIGHBOUR;
		return (struct verdict){ END_SENT, CAUSE_NONE, "it left, and nothing dropped it" };
	}
	return (struct verdict){ END_UNKNOWN, CAUSE_UNREADABLE, "nothing more was seen of it" };
}

struct verdict seen_verdict(struct arena *a, const struct seen_end *e, bool is_out, enum stage *stage)
{
	enum drop_class class = e->dropped ? e->m.class : DROP_UNKNOWN;
	enum end_cause cause = classes[class].cause;

	*stage = classes[class].stage;
	if (class == DROP_TC && !is_out)
		*stage = STAGE_INGRESS_TC;
	if (*stage == STAGE_HOOK && e->hook == MEANING_NO_HOOK)
		*stage = is_out ? STAGE_NEIGHBOUR : STAGE_ROUTE_INPUT;
	switch (e->kind) {
	case SEEN_NOTHING:
		return seen_nothing(e, is_out, stage);
	case SEEN_DROP:
		break;
	case SEEN_ICMP:
	case SEEN_RESET:
		if (class == DROP_NO_LISTENER || (class == DROP_TCP && e->hook == NF_INET_LOCAL_IN))
			return (struct verdict){ END_NO_LISTENER, CAUSE_NO_LISTENER, e->m.says };
		return (struct verdict){ END_REJECT, cause, e->kind == SEEN_RESET ? "the node answered with a reset" :
					 arena_printf(a, "the node answered with an ICMP error: %s", icmp_say(a, e->at)) };
	case SEEN_NO_SERVER:
		*stage = STAGE_IPVS_IN;
		return (struct verdict){ END_REJECT, CAUSE_IPVS_NO_SERVER, "IPVS has no real server for it" };
	case SEEN_LISTEN_FULL:
		*stage = STAGE_SOCKET;
		return (struct verdict){ END_DROP, CAUSE_LISTEN_BACKLOG,
					 "the listener's queue is full: the application accepts too slowly" };
	}
	return (struct verdict){ END_DROP, cause, e->m.says };
}

const char *seen_event(struct arena *a, const struct seen_end *e)
{
	const char *function = e->dropped ? e->m.function : NULL;

	switch (e->kind) {
	case SEEN_NOTHING:
		return NULL;
	case SEEN_ICMP:
		return arena_printf(a, "ICMP error sent: %s", icmp_say(a, e->at));
	case SEEN_RESET:
		return "TCP reset sent";
	case SEEN_NO_SERVER:
		return e->at->text[0] ? arena_printf(a, "IPVS: no real server (%s)", e->at->text) : "IPVS: no real server";
	case SEEN_LISTEN_FULL:
		return "tcp_conn_request: accept queue full";
	case SEEN_DROP:
		break;
	}
	if (e->chain)
		return arena_printf(a, "dropped in %s%s%s", e->chain, e->m.reason ? ": " : "", e->m.reason ? e->m.reason : "");
	if (!function && !e->m.reason)
		return "dropped";
	return arena_printf(a, "dropped by %s%s%s", function ? function : "the kernel", e->m.reason ? ": " : "",
			    e->m.reason ? e->m.reason : "");
}
