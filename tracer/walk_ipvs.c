/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ip_vs in the hooks (ip_vs_core.c and ip_vs_xmit.c, 6.1): requests are balanced at the end of INPUT and early in OUTPUT, and go
 * on from OUTPUT, never through FORWARD; answers are translated back at the end of FORWARD and INPUT, and early in OUTPUT.
 */
#include <netinet/in.h>

#include <limits.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "tracer/walk_priv.h"

/* ip_vs_ops4[], ip_vs_ops6[]: ip_vs_out_hook() one before, alone in FORWARD. */
int ipvs_priority(uint8_t hook)
{
	switch (hook) {
	case NF_INET_LOCAL_IN: return 99;
	case NF_INET_LOCAL_OUT: return -98;
	case NF_INET_FORWARD: return 100;
	default: return INT_MAX;
	}
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
	w->p.len += v6 ? 40 : 20;
	w->p.ct = (struct ct_view){};
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

/* __ip_vs_get_out_rt(): may a packet from here go there, and does it fit? */
static enum flow may_send(struct walk *w, const struct ipvs_conn *c, const struct route *r, bool local)
{
	const struct link *out = state_link(w->state, w->p.netns, r->oif);
	const char *server = endpoint_say(w->arena, &c->server, 0);
	unsigned header = c->method != IPVS_TUNNEL ? 0 : c->server.family == AF_INET6 ? 40 : 20;
	uint32_t mtu = r->mtu ? r->mtu : out ? out->mtu : 0;

	if (local && addr_is_loopback(&c->server) && !w->p.local && packet_family(&w->p) == AF_INET)
		return ends(w, END_DROP, CAUSE_MARTIAN_DST,
			    arena_printf(w->arena, "IPVS sends nothing from outside to the loopback address %s", server));
	if (local)
		return GO;
	/* crosses_local_route_boundary() */
	if (addr_is_loopback(&w->p.src))
		return ends(w, END_DROP, CAUSE_MARTIAN_SRC,
			    arena_printf(w->arena, "IPVS sends nothing from a loopback address to the real server %s", server));
	if (w->p.ttl <= 1)
		return ends(w, END_REJECT, CAUSE_TTL, "its time to live is over");
	if (mtu && w->p.len + header > mtu)
		return ends(w, END_REJECT, CAUSE_MTU, arena_printf(w->arena, "%u bytes do not fit into the MTU of %u towards %s",
								    w->p.len + header, mtu, server));
	return GO;
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

static enum flow to_server(struct walk *w, const struct ipvs_conn *c)
{
	struct route_key key = { .dst = c->server };
	struct route r = {};
	bool local;
	int rc;

	if (c->method > IPVS_ROUTE)
		return ends(w, END_UNKNOWN, CAUSE_UNREADABLE, "IPVS lets it bypass its real servers, which is not followed");
	rc = state_route(w->state, w->p.netns, &key, &r);
	if (rc || r.error)
		return no_way(w, c, &r, rc);
	local = r.type == RTN_LOCAL;
	if (may_send(w, c, &r, local) == END)
		return END;
	add_route(w, &r);
	if (!local)
		return send_on(w, c, &r);
	/* the hook's next functions have it, translated; its old route leads to this host as well */
	balance(w, c);
	hop_done(w, STAGE_IPVS_IN, 0, 0, false);
	return GO;
}

static enum flow request(struct walk *w)
{
	struct ipvs_run run = { .p = &w->p, .choices = w->choices, .evidence = &w->ev };

	hop_begin(w);
	switch (ipvs_run(state_ipvs(w->state), w->p.netns, &run)) {
	case IPVS_PASS:
		return GO;
	case IPVS_SEND:
		return to_server(w, &run.conn);
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

/* handle_response(): from the virtual address again, and routed anew as such. */
static enum flow answer(struct walk *w, uint8_t hook, int *oif)
{
	const struct ipvs_conn *c = answered(w);
	long reroutes = 1;
	uint8_t type = 0;

	if (!c)
		return GO;
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

enum flow ipvs_hook(struct walk *w, uint8_t hook, int *oif)
{
	if (w->p.ipvs.set || !ipvs_present(state_ipvs(w->state), w->p.netns))
		return GO;
	if (w->reply || (w->at && w->at->balanced))
		return answer(w, hook, oif);
	return hook == NF_INET_FORWARD ? GO : request(w);
}
