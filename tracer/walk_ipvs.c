/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ip_vs in the hooks (ip_vs_core.c and ip_vs_xmit.c, 6.1): requests are balanced at the end of INPUT and early in OUTPUT, and go
 * on from OUTPUT, never through FORWARD; answers are translated back at the end of FORWARD and INPUT, and early in OUTPUT.
 */
#include <netinet/in.h>

#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "tracer/walk_priv.h"

#define IPVS_OUT	"ip_vs_out_hook"
#define IPVS_IN		"ip_vs_in_hook"

/* ip_vs_ops4[], ip_vs_ops6[]; ip_vs_forward_icmp() looks at ICMP errors alone. */
static const struct function {
	uint8_t hook;
	int priority;
	const char *name;
} functions[] = {
	{ NF_INET_LOCAL_IN, 98, IPVS_OUT }, { NF_INET_LOCAL_IN, 99, IPVS_IN }, { NF_INET_LOCAL_OUT, -99, IPVS_OUT },
	{ NF_INET_LOCAL_OUT, -98, IPVS_IN }, { NF_INET_FORWARD, 100, IPVS_OUT },
};

const char *ipvs_function(uint8_t hook, unsigned i, int *priority)
{
	for (size_t k = 0; k < ARRAY_SIZE(functions); k++)
		if (functions[k].hook == hook && !i--) {
			*priority = functions[k].priority;
			return functions[k].name;
		}
	return NULL;
}

static bool tracked(const struct walk *w)
{
	return w->p.ct.state != CT_NONE && w->p.ct.state != CT_INVALID && w->p.ct.state != CT_UNTRACKED;
}

/* ip_vs_update_conntrack() towards the server, or ip_vs_notrack() where net.ipv4.vs.conntrack is off. */
static void update_conntrack(struct walk *w, const struct ipvs_conn *c)
{
	struct ct_view *ct = &w->p.ct;

	if (!c->tracked) {
		if (tracked(w))
			ct->state = CT_UNTRACKED;
		return;
	}
	if (!tracked(w) || ct->existing || ct->reply || c->method != IPVS_MASQ || c->once)
		return;
	ct->back.src = c->server;
	ct->back.sport = c->server_port;
}

static void balance(struct walk *w, const struct ipvs_conn *c)
{
	w->p.ipvs.set = true;
	w->p.ipvs.reply = false;
	w->p.ipvs.method = c->method;
	w->p.ipvs.vip = c->vip;
	w->p.ipvs.port = c->vip_port;
	update_conntrack(w, c);
	if (c->method == IPVS_BYPASS)
		return;
	if (c->method != IPVS_MASQ) {
		w->server = c->server;
		w->server_port = c->server_port;
		return;
	}
	w->p.dst = c->server;
	w->p.dport = c->server_port;
	if (!c->once)
		*VEC_PUSH(w->arena, w->balanced, w->n_balanced, w->cap_balanced) =
			(struct balanced){ .netns = w->p.netns, .conn = *c };
}

static enum flow ends(struct walk *w, enum end_kind kind, enum end_cause cause, const char *why)
{
	return end_simple(w, STAGE_IPVS_IN, kind, cause, why);
}

/* ip_vs_tunnel_xmit(): an outer header, and no connection. */
static void encapsulate(struct walk *w, const struct ipvs_conn *c, const struct route *r)
{
	static const uint8_t protos[] = { 0, IPPROTO_UDP, IPPROTO_GRE };
	bool v6 = c->server.family == AF_INET6;

	w->p.proto = c->tunnel && c->tunnel < ARRAY_SIZE(protos) ? protos[c->tunnel] :
		     packet_family(&w->p) == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	w->p.src = r->prefsrc;
	w->p.dst = c->server;
	w->p.sport = 0;
	w->p.dport = w->p.proto == IPPROTO_UDP ? c->tunnel_port : 0;
	w->p.tcp_flags = 0;
	w->p.len += (v6 ? 40 : 20) + c->tunnel_len;
	w->p.ct = (struct ct_view){};
	w->tunnelled = true;
}

static enum flow no_way(struct walk *w, const struct ipvs_conn *c, const struct route *r, int rc)
{
	const char *server = endpoint_say(w->arena, &c->server, 0);

	if (rc)
		return ends(w, END_UNKNOWN, CAUSE_UNREADABLE,
			    arena_printf(w->arena, "the routing table could not be asked: %s", strerror(-rc)));
	add_route(w, r);
	return ends(w, END_REJECT, CAUSE_NO_ROUTE, arena_printf(w->arena, "no route to the real server %s", server));
}

/* __ip_vs_is_local_route6(), RTCF_LOCAL: of the way that the packet has so far. */
static bool was_local(const struct walk *w, uint8_t hook)
{
	const struct link *l = state_link(w->state, w->p.netns, w->p.oif);

	return hook == NF_INET_LOCAL_IN || (l && l->flags & IFF_LOOPBACK);
}

/* crosses_local_route_boundary() where the server is this host. */
static enum flow may_stay(struct walk *w, const struct ipvs_conn *c, uint8_t hook)
{
	const char *server = endpoint_say(w->arena, &c->server, 0);

	if (addr_is_loopback(&c->server) && !w->p.local)
		return ends(w, END_DROP, CAUSE_MARTIAN_DST,
			    arena_printf(w->arena, "IPVS sends nothing from outside to the loopback address %s", server));
	if (c->method == IPVS_BYPASS || (c->method != IPVS_MASQ && !was_local(w, hook)))
		return ends(w, END_DROP, CAUSE_NONE,
			    arena_printf(w->arena, "IPVS drops it: %s is an address of this host, and the packet was on its way "
					 "elsewhere", server));
	return GO;
}

/* Does it fit? Tunnels fragment instead where net.ipv4.vs.pmtu_disc is off. */
static enum flow fits(struct walk *w, const struct ipvs_conn *c, const struct route *r)
{
	const struct link *out = state_link(w->state, w->p.netns, r->oif);
	unsigned header = c->method != IPVS_TUNNEL ? 0 : (c->server.family == AF_INET6 ? 40 : 20) + c->tunnel_len;
	uint32_t mtu = r->mtu ? r->mtu : out ? out->mtu : 0;
	long discover = 1;

	if (!mtu || w->p.len + header <= mtu)
		return GO;
	if (header && packet_family(&w->p) == AF_INET)
		(void)state_sysctl(w->state, w->p.netns, "net/ipv4/vs/pmtu_disc", NULL, &discover);
	if (!discover)
		return GO;
	return ends(w, END_REJECT, CAUSE_MTU, arena_printf(w->arena, "%u bytes do not fit into the MTU of %u towards %s",
							    w->p.len + header, mtu, endpoint_say(w->arena, &c->server, 0)));
}

/* __ip_vs_get_out_rt(): may a packet from here go there? */
static enum flow may_send(struct walk *w, const struct ipvs_conn *c, const struct route *r)
{
	const char *server = endpoint_say(w->arena, &c->server, 0);

	if (addr_is_loopback(&w->p.src))
		return ends(w, END_DROP, CAUSE_MARTIAN_SRC,
			    arena_printf(w->arena, "IPVS sends nothing from a loopback address to the real server %s", server));
	if (w->p.ttl <= 1)
		return ends(w, END_REJECT, CAUSE_TTL, "its time to live is over");
	return fits(w, c, r);
}

/* ip_vs_nat_xmit(), ip_vs_dr_xmit(), ip_vs_tunnel_xmit() to a server elsewhere. */
static enum flow send_on(struct walk *w, const struct ipvs_conn *c, const struct route *r)
{
	int iif = w->p.iif;

	w->p.ttl--;
	w->p.iif = 0;
	w->p.oif = r->oif;
	balance(w, c);
	if (c->method == IPVS_TUNNEL)
		encapsulate(w, c, r);
	hop_done(w, STAGE_IPVS_IN, 0, 0, false);
	take_way(w, r);
	if (w->onlink)
		w->nexthop = c->server;
	if (run_hook(w, NF_INET_LOCAL_OUT) == END)
		return END;
	/* ip_output() gives POSTROUTING the device that the packet came in by */
	w->p.iif = iif;
	return post_routing(w);
}

/* The hook's next functions have it; its old route stays, and with it the device where the new address is looked for. */
static enum flow goes_on(struct walk *w, const struct ipvs_conn *c)
{
	balance(w, c);
	if (w->onlink)
		w->nexthop = w->p.dst;
	hop_done(w, STAGE_IPVS_IN, 0, 0, false);
	return GO;
}

static enum flow to_server(struct walk *w, const struct ipvs_conn *c, uint8_t hook)
{
	struct route_key key = { .dst = c->server };
	struct route r = {};
	bool local;
	int rc;

	/* ip_vs_null_xmit() */
	if (c->method == IPVS_LOCALNODE)
		return goes_on(w, c);
	rc = state_route(w->state, w->p.netns, &key, &r);
	if (rc || r.error)
		return no_way(w, c, &r, rc);
	local = r.type == RTN_LOCAL;
	if ((local ? may_stay(w, c, hook) : may_send(w, c, &r)) == END)
		return END;
	add_route(w, &r);
	return local ? goes_on(w, c) : send_on(w, c, &r);
}

/* ip_vs_addr_is_unicast(): IPv6 does not ask whether the address is this host's own. */
static bool unicast_elsewhere(struct walk *w)
{
	uint8_t type = 0;

	if (w->p.dst.family == AF_INET6)
		return !addr_is_multicast(&w->p.dst);
	return !state_addr_type(w->state, w->p.netns, &w->p.dst, 0, &type) && type == RTN_UNICAST;
}

/* ip_vs_schedule() takes no answer of a server on this host for a new connection. */
static bool answers_one(const struct walk *w, uint8_t hook)
{
	for (size_t i = 0; i < w->n_balanced; i++) {
		const struct ipvs_conn *c = &w->balanced[i].conn;

		if (hook == NF_INET_LOCAL_OUT && w->balanced[i].netns == w->p.netns && c->proto == w->p.proto &&
		    c->vip_port == w->p.sport && c->client_port == w->p.dport && addr_eq(&c->vip, &w->p.src) &&
		    addr_eq(&c->client, &w->p.dst))
			return true;
	}
	return false;
}

/* ip_vs_in_hook(), which takes answers to other connections for new ones too. */
static enum flow request(struct walk *w, uint8_t hook)
{
	struct ipvs_run run = { .p = &w->p, .choices = w->choices, .evidence = &w->ev };

	if (answers_one(w, hook))
		return GO;
	hop_begin(w);
	switch (ipvs_run(state_ipvs(w->state), w->p.netns, &run)) {
	case IPVS_PASS:
		return GO;
	case IPVS_SEND:
		return to_server(w, &run.conn, hook);
	case IPVS_LEAVE:
		if (unicast_elsewhere(w))
			return to_server(w, &run.conn, hook);
		return ends(w, END_REJECT, run.cause, run.why);
	case IPVS_REFUSE:
		return ends(w, END_REJECT, run.cause, run.why);
	case IPVS_DROP:
		return ends(w, END_DROP, run.cause, run.why);
	case IPVS_UNKNOWN:
		break;
	}
	return ends(w, END_UNKNOWN, CAUSE_UNREADABLE, run.why);
}

/* ip_vs_conn_out_get() */
static const struct ipvs_conn *answered(const struct walk *w)
{
	for (size_t i = 0; i < w->n_balanced; i++) {
		const struct ipvs_conn *c = &w->balanced[i].conn;

		if (w->balanced[i].netns == w->p.netns && c->proto == w->p.proto && c->server_port == w->p.sport &&
		    c->client_port == w->p.dport && addr_eq(&c->server, &w->p.src) && addr_eq(&c->client, &w->p.dst))
			return c;
	}
	return NULL;
}

/* What a real server sends outside of connections (net.ipv4.vs.nat_icmp_send). */
static enum flow unasked(struct walk *w)
{
	enum answer refused;

	hop_begin(w);
	refused = ipvs_refuses_answer(state_ipvs(w->state), w->p.netns, &w->p, &w->ev);
	if (refused == NO)
		return GO;
	if (refused == UNKNOWN)
		return end_simple(w, STAGE_IPVS_OUT, END_UNKNOWN, CAUSE_UNREADABLE, "the IPVS services could not be read");
	return end_simple(w, STAGE_IPVS_OUT, END_REJECT, CAUSE_NONE,
			  arena_printf(w->arena, "%s is a real server, and this is of no IPVS connection: it is refused "
				       "(net.ipv4.vs.nat_icmp_send)", endpoint_say(w->arena, &w->p.src, w->p.sport)));
}

/* ip_vs_out_hook() and handle_response(): from the virtual address again, and routed anew as such. */
static enum flow answer(struct walk *w, uint8_t hook, int *oif)
{
	const struct ipvs_conn *c = answered(w);
	long reroutes = 1;
	uint8_t type = 0;

	if (!c)
		return unasked(w);
	hop_begin(w);
	w->p.src = c->vip;
	w->p.sport = c->vip_port;
	w->p.ipvs.set = w->p.ipvs.reply = true;
	w->p.ipvs.method = c->method;
	w->p.ipvs.vip = c->vip;
	w->p.ipvs.port = c->vip_port;
	if (!c->tracked && tracked(w))
		w->p.ct.state = CT_UNTRACKED;
	hop_done(w, STAGE_IPVS_OUT, 0, 0, false);
	/* ip_vs_route_me_harder() */
	(void)state_sysctl(w->state, w->p.netns, "net/ipv4/vs/snat_reroute", NULL, &reroutes);
	if (hook == NF_INET_LOCAL_IN || !reroutes ||
	    (!state_addr_type(w->state, w->p.netns, &w->p.dst, 0, &type) && type == RTN_LOCAL))
		return GO;
	return reroute(w, oif);
}

enum flow ipvs_hook(struct walk *w, uint8_t hook, const char *function, int *oif)
{
	if (w->p.ipvs.set || !ipvs_present(state_ipvs(w->state), w->p.netns))
		return GO;
	return strcmp(function, IPVS_IN) ? answer(w, hook, oif) : request(w, hook);
}
