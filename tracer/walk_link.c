/* SPDX-License-Identifier: GPL-2.0-only */
/* Below IP: neighbours, devices, veth pairs between namespaces, and bridges with br_netfilter. */
#include <netinet/in.h>
#include <net/if.h>

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "tracer/walk_priv.h"

const char *device_name(struct walk *w, int ifindex)
{
	const struct link *l = ifindex ? state_link(w->state, w->p.netns, ifindex) : NULL;

	return l ? l->name : NULL;
}

static struct evidence *link_evidence(struct walk *w, const char *text)
{
	struct evidence *e = evidence_add(&w->ev, EV_LINK);

	e->text = text;
	e->effect = EFFECT_VERDICT;
	return e;
}

/* -- leaving this node ---------------------------------------------------------------------------- */

bool is_local(struct walk *w, uint32_t netns, const struct addr *a)
{
	uint8_t type;

	return !state_addr_type(w->state, netns, a, 0, &type) && type == RTN_LOCAL;
}

/*
 * The answer to what leaves this node: it comes back here if it is addressed to this node or to a pod on it.
 * Where the destination was rewritten here and the sender is neither, nobody undoes it.
 */
static bool answer_bypasses(struct walk *w)
{
	struct tuple now = packet_tuple(&w->p);
	uint32_t pod;

	return !w->reply && !addr_eq(&now.dst, &w->sent.dst) && !is_local(w, w->p.netns, &now.src) &&
	       state_netns_of_addr(w->state, &now.src, &pod);
}

static enum flow leaves(struct walk *w, const struct link *l)
{
	char hop[ADDR_TEXT];
	const char *why;
	uint8_t type = 0;

	if (w->reply && !state_addr_type(w->state, w->p.netns, &w->p.dst, 0, &type) && type == RTN_LOCAL)
		return end_simple(w, STAGE_NEIGHBOUR, END_DROP, CAUSE_REPLY_BYPASS,
				  arena_printf(w->arena, "the answer leaves by %s, and its receiver is here", l->name));
	if (w->reply && w->diverted)
		return end_simple(w, STAGE_NEIGHBOUR, END_UNKNOWN, CAUSE_UNREADABLE,
				  arena_printf(w->arena, "a rule forwards the answer out of %s: whether it gets to its receiver is not known",
					       l->name));
	addr_say(&w->nexthop, hop);
	if (w->reply)
		return answer_ends(w, STAGE_NEIGHBOUR, END_SENT, "the answer is on its way");
	why = w->onlink ? arena_printf(w->arena, "leaves by %s", l->name) :
			  arena_printf(w->arena, "leaves by %s via %s", l->name, hop);
	return end_simple(w, STAGE_NEIGHBOUR, END_SENT, answer_bypasses(w) ? CAUSE_REPLY_BYPASS : CAUSE_NONE, why);
}

/* -- neighbours ----------------------------------------------------------------------------------- */

static enum flow unresolved(struct walk *w, const struct link *l, const char *text)
{
	char hop[ADDR_TEXT];

	addr_say(&w->nexthop, hop);
	if (text) {
		struct evidence *e = evidence_add(&w->ev, EV_NEIGHBOUR);

		e->text = text;
		e->effect = EFFECT_VERDICT;
	}
	return end_simple(w, STAGE_NEIGHBOUR, END_DROP, CAUSE_NEIGHBOUR_FAILED,
			  arena_printf(w->arena, "nobody answers for %s on %s", hop, l->name));
}

static bool holds(struct walk *w, uint32_t netns, const struct addr *a)
{
	const struct if_addr *v = NULL;
	size_t n = 0;

	if (state_addrs(w->state, netns, &v, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (addr_eq(&v[i].addr, a))
			return true;
	return false;
}

/* -- veth ----------------------------------------------------------------------------------------- */

/* skb_scrub_packet() on the way into another namespace: mark, connection and owner stay behind. */
static enum flow cross(struct walk *w, uint32_t netns, int ifindex)
{
	if (w->at && w->at->alone) {
		hop_begin(w);
		return end_simple(w, STAGE_NEIGHBOUR, END_SENT, CAUSE_NONE,
				  arena_printf(w->arena, "goes on in %s", io_netns_name(state_io(w->state), netns)));
	}
	if (++w->forwards > MAX_FORWARDS) {
		hop_begin(w);
		return end_simple(w, STAGE_NEIGHBOUR, END_LOOP, CAUSE_LOOP, "it goes round in a circle");
	}
	if (netns != w->p.netns)
		w->p.mark = 0;
	w->p.netns = netns;
	w->p.ct = (struct ct_view){};
	w->p.ipvs.set = false;
	w->p.local = w->p.sk_known = false;
	w->p.priority = 0;
	w->p.iif = w->p.oif = w->p.physin = w->p.physout = 0;
	w->prerouted = false;
	w->tproxy.set = false;
	w->p.given.set = false;
	return receive(w, ifindex);
}

/* From the node: into a pod that holds the address, else it leaves. From a pod: always to its other end. */
static enum flow through_veth(struct walk *w, const struct link *l, const char *neigh, enum answer resolved)
{
	uint32_t peer;
	int ifindex;
	int rc = state_peer(w->state, w->p.netns, l, &peer, &ifindex);

	if (rc || (w->p.netns == 0 && (state_is_uplink(w->state, 0, l) || !w->onlink || !holds(w, peer, &w->p.dst))))
		return resolved == NO ? unresolved(w, l, neigh) : leaves(w, l);
	return cross(w, peer, ifindex);
}

/* -- bridge --------------------------------------------------------------------------------------- */

/* Whose port is behind this address: by neighbour and FDB, else by the namespace that holds it. */
static int port_of(struct walk *w, const struct link *br, const struct addr *a)
{
	struct mac mac = {};
	const char *text;
	int port = 0;

	if (state_neigh(w->state, w->p.netns, br->ifindex, a, &mac, &text) == YES && mac.known)
		port = state_fdb_port(w->state, w->p.netns, br->ifindex, &mac);
	/* The bridge's own address in its FDB is no port. */
	if (port && port != br->ifindex)
		return port;
	return state_port_of_addr(w->state, w->p.netns, br->ifindex, a);
}

/* Are all ports veths whose other ends are known? Then an address that none holds is nobody's. */
static bool all_ports_known(struct walk *w, const struct link *br)
{
	const struct link *const *v = NULL;
	size_t n = 0, ports = 0;

	if (state_links(w->state, w->p.netns, &v, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint32_t peer;
		int ifindex;

		if (v[i]->master != br->ifindex)
			continue;
		ports++;
		if (state_peer(w->state, w->p.netns, v[i], &peer, &ifindex))
			return false;
	}
	return ports > 0;
}

/* Frame out of a bridge port, past all hooks. */
static enum flow out_of_port(struct walk *w, const struct link *port)
{
	uint32_t peer;
	int ifindex;

	/* br_dev_queue_push_xmit() */
	if (leave_device(w, port) == END)
		return END;
	if (!state_peer(w->state, w->p.netns, port, &peer, &ifindex))
		return cross(w, peer, ifindex);
	hop_begin(w);
	return leaves(w, port);
}

static enum flow port_refuses(struct walk *w, const struct link *port, const char *what, enum end_cause cause,
			      const char *why)
{
	link_evidence(w, arena_printf(w->arena, "port %s of bridge %s: %s", port->name,
				      device_name(w, port->master), what));
	return end_path(w, STAGE_BRIDGE, NF_BR_FORWARD, 0, false, END_DROP, cause, why);
}

static bool port_forwards(const struct link *port)
{
	return port->port_state == BR_STATE_FORWARDING;
}

/*
 * Hairpin off, but not surely so: the port's switch was not read, or the bridge is promiscuous and takes the frame up
 * as well (kubelet's old promiscuous-bridge mode).
 */
static bool hairpin_open(struct walk *w, const struct link *port)
{
	const struct link *br = state_link(w->state, w->p.netns, port->master);

	if (port->hairpin == YES || (port->hairpin == NO && !(br && br->flags & IFF_PROMISC)))
		return false;
	return choice_unknown(w->choices, 2, arena_printf(w->arena, "port %s: whether hairpin works there (%s)", port->name,
				port->hairpin == NO ? "off, but its bridge is promiscuous" : "the switch was not read"));
}

/* br_port_state_selection(): a port whose device is down or has no carrier is disabled. */
static const char *why_closed(const struct link *port)
{
	if (!(port->flags & IFF_UP))
		return "down";
	return port->carrier ? "not forwarding (spanning tree)" : "without carrier (its other end is down)";
}

/* should_deliver() of br_forward.c. from: the port that the frame came in by, 0 for the bridge itself. */
static enum flow may_forward(struct walk *w, const struct link *port, int from)
{
	const struct link *in = from ? state_link(w->state, w->p.netns, from) : NULL;

	hop_begin(w);
	if (!port_forwards(port))
		return port_refuses(w, port, why_closed(port), CAUSE_BRIDGE,
				    arena_printf(w->arena, "bridge port %s is %s", port->name, why_closed(port)));
	if (from == port->ifindex && hairpin_open(w, port))
		return end_path(w, STAGE_BRIDGE, NF_BR_FORWARD, 0, false, END_UNKNOWN, CAUSE_UNREADABLE,
				"whether the frame comes back out of its own bridge port is not known");
	if (from == port->ifindex && port->hairpin != YES)
		return port_refuses(w, port, "hairpin off", CAUSE_HAIRPIN,
				    arena_printf(w->arena, "bridge port %s has hairpin off: a frame does not go back "
						 "out of the port it came in by", port->name));
	if (in && in->isolated == YES && port->isolated == YES)
		return port_refuses(w, port, "isolated", CAUSE_BRIDGE,
				    arena_printf(w->arena, "bridge ports %s and %s are isolated from each other",
						 in->name, port->name));
	return GO;
}

/* IP leaves through a bridge device: br_dev_xmit(). */
static enum flow through_bridge(struct walk *w, const struct link *br, const char *neigh, enum answer resolved)
{
	int port = port_of(w, br, &w->nexthop);
	const struct link *l = port ? state_link(w->state, w->p.netns, port) : NULL;

	if (!l && (resolved == NO || all_ports_known(w, br)))
		return unresolved(w, br, neigh);
	if (!l)
		return leaves(w, br);
	if (may_forward(w, l, 0) == END)
		return END;
	/* __br_forward() names the port, not the bridge */
	w->p.oif = l->ifindex;
	if (run_bridge_hook(w, NF_BR_LOCAL_OUT, BRNF_ALL) == END || run_bridge_hook(w, NF_BR_POST_ROUTING, BRNF_ALL) == END)
		return END;
	return out_of_port(w, l);
}

bool calls_iptables(struct walk *w, const struct link *br)
{
	bool v4 = packet_family(&w->p) == AF_INET;
	long on = 0;

	if ((v4 ? br->nf_call_iptables : br->nf_call_ip6tables) == YES)
		return true;
	return !state_sysctl(w->state, w->p.netns, v4 ? "net/bridge/bridge-nf-call-iptables" :
			     "net/bridge/bridge-nf-call-ip6tables", NULL, &on) && on;
}

static enum flow pass_up(struct walk *w, const struct link *br, const struct link *port)
{
	if (run_bridge_hook(w, NF_BR_LOCAL_IN, BRNF_ALL) == END)
		return END;
	w->p.iif = br->ifindex;
	/* only br_netfilter remembers the port (nf_bridge_info) */
	w->p.physin = w->prerouted ? port->ifindex : 0;
	/* br_netif_receive_skb() */
	if (enter_device(w, br) == END)
		return END;
	return ip_receive(w);
}

/* br_nf_forward(), br_nf_post_routing(): the IP hooks see it with the bridge as both devices. */
static enum flow bridged_ip_hook(struct walk *w, uint8_t hook, int br, int in, int out)
{
	w->p.iif = w->p.oif = br;
	w->p.physin = in;
	w->p.physout = out;
	if (run_hook(w, hook) == END)
		return END;
	w->p.iif = in;
	w->p.oif = out;
	return GO;
}

/* Port to port. With br_netfilter the IP hooks run inside the bridge's: FORWARD at its priority, POSTROUTING at the end. */
static enum flow switch_to(struct walk *w, const struct link *br, const struct link *in, const struct link *out,
			   bool netfilter)
{
	struct evidence *e;

	if (may_forward(w, out, in->ifindex) == END)
		return END;
	e = link_evidence(w, arena_printf(w->arena, "bridge %s: port %s to port %s", br->name, in->name, out->name));
	e->says = netfilter ? "switched, and shown to the IP rules (br_netfilter)" :
			      "switched, past the IP rules";
	hop_done(w, STAGE_BRIDGE, NF_BR_FORWARD, 0, false);
	w->p.iif = in->ifindex;
	w->p.oif = out->ifindex;
	if (run_bridge_hook(w, NF_BR_FORWARD, netfilter ? BRNF_BEFORE : BRNF_ALL) == END)
		return END;
	if (netfilter && (bridged_ip_hook(w, NF_INET_FORWARD, br->ifindex, in->ifindex, out->ifindex) == END ||
			  run_bridge_hook(w, NF_BR_FORWARD, BRNF_AFTER) == END))
		return END;
	if (run_bridge_hook(w, NF_BR_POST_ROUTING, BRNF_ALL) == END)
		return END;
	if (netfilter && bridged_ip_hook(w, NF_INET_POST_ROUTING, br->ifindex, in->ifindex, out->ifindex) == END)
		return END;
	return out_of_port(w, out);
}

static enum flow bridged(struct walk *w, const struct link *br, const struct link *in, bool netfilter)
{
	const struct link *out;
	int to;

	if (!addr_len(&w->nexthop) || is_local(w, w->p.netns, &w->nexthop))
		return pass_up(w, br, in);
	to = port_of(w, br, &w->nexthop);
	out = to ? state_link(w->state, w->p.netns, to) : NULL;
	hop_begin(w);
	if (!out && all_ports_known(w, br))
		return unresolved(w, br, NULL);
	if (!out)
		return end_path(w, STAGE_BRIDGE, NF_BR_FORWARD, 0, false, END_UNKNOWN, CAUSE_UNREADABLE,
				arena_printf(w->arena, "the port of bridge %s behind %s is not known", br->name,
					     endpoint_say(w->arena, &w->nexthop, 0)));
	return switch_to(w, br, in, out, netfilter);
}

/*
 * br_nf_pre_routing(): ip PREROUTING from inside the bridge. A rewritten destination is routed at once; if that
 * leads back out of the same bridge the frame is switched (br_nf_pre_routing_finish), else it goes up.
 */
static enum flow bridge_netfilter(struct walk *w, const struct link *br, const struct link *port)
{
	struct addr before = w->p.dst;
	struct route_key key;
	struct route r = {};
	const char *text;
	bool changed, up;

	w->p.iif = br->ifindex;
	w->p.physin = port->ifindex;
	if (run_hook(w, NF_INET_PRE_ROUTING) == END)
		return END;
	w->prerouted = true;
	changed = !addr_eq(&before, &w->p.dst);
	key = route_question(w, true);
	up = changed && (state_route(w->state, w->p.netns, &key, &r) || r.error || r.type != RTN_UNICAST || r.oif != br->ifindex);
	if (up)
		w->p.dmac = br->mac;
	w->p.iif = port->ifindex;
	if (run_bridge_hook(w, NF_BR_PRE_ROUTING, BRNF_AFTER) == END)
		return END;
	w->p.iif = br->ifindex;
	if (!changed)
		return bridged(w, br, port, true);
	/* br_nf_pre_routing_finish_ipv6() frees what has no route; its IPv4 kin lets ip_error() answer. */
	if (r.error && packet_family(&w->p) == AF_INET6) {
		hop_begin(w);
		return route_refused(w, &key, &r, STAGE_ROUTE_INPUT, true);
	}
	if (up)
		return pass_up(w, br, port);
	w->onlink = !addr_len(&r.gateway);
	w->nexthop = w->onlink ? w->p.dst : r.gateway;
	/* br_nf_pre_routing_finish_bridge() */
	if (state_neigh(w->state, w->p.netns, br->ifindex, &w->nexthop, &w->p.dmac, &text) != YES)
		w->p.dmac.known = false;
	return bridged(w, br, port, true);
}

static enum flow into_bridge(struct walk *w, const struct link *br, const struct link *port)
{
	bool netfilter;

	hop_begin(w);
	if (!(br->flags & IFF_UP))
		return end_path(w, STAGE_BRIDGE, NF_BR_PRE_ROUTING, 0, false, END_DROP, CAUSE_LINK_DOWN,
				arena_printf(w->arena, "bridge %s is down", br->name));
	if (!port_forwards(port))
		return port_refuses(w, port, why_closed(port), CAUSE_BRIDGE,
				    arena_printf(w->arena, "bridge port %s is %s", port->name, why_closed(port)));
	netfilter = calls_iptables(w, br);
	if (run_bridge_hook(w, NF_BR_PRE_ROUTING, netfilter ? BRNF_BEFORE : BRNF_ALL) == END)
		return END;
	return netfilter ? bridge_netfilter(w, br, port) : bridged(w, br, port, false);
}

/* -- devices -------------------------------------------------------------------------------------- */

enum flow receive(struct walk *w, int ifindex)
{
	const struct link *l = state_link(w->state, w->p.netns, ifindex);
	const struct link *master;

	hop_begin(w);
	if (!l)
		return end_simple(w, STAGE_ROUTE_INPUT, END_UNKNOWN, CAUSE_UNREADABLE,
				  arena_printf(w->arena, "device %d could not be read", ifindex));
	w->p.iif = ifindex;
	w->diverted = false;
	if (!(l->flags & IFF_UP)) {
		link_evidence(w, arena_printf(w->arena, "%s: state DOWN", l->name));
		return end_simple(w, STAGE_ROUTE_INPUT, END_DROP, CAUSE_LINK_DOWN,
				  arena_printf(w->arena, "%s is down", l->name));
	}
	if (enter_device(w, l) == END)
		return END;
	master = l->master ? state_link(w->state, w->p.netns, l->master) : NULL;
	if (master && !strcmp(master->kind, "bridge"))
		return into_bridge(w, master, l);
	if (master && (!strcmp(master->kind, "bond") || !strcmp(master->kind, "team")))
		return receive(w, master->ifindex);
	return ip_receive(w);
}

static enum flow over_loopback(struct walk *w, const struct link *l)
{
	if (leave_device(w, l) == END)
		return END;
	w->p.iif = w->p.oif;
	if (enter_device(w, l) == END)
		return END;
	if (++w->forwards > MAX_FORWARDS) {
		hop_begin(w);
		return end_simple(w, STAGE_NEIGHBOUR, END_LOOP, CAUSE_LOOP, "it goes round in a circle");
	}
	return ip_receive(w);
}

/* Can the device send at all? END: no, and the path has ended. */
static enum flow ready(struct walk *w, const struct link *l)
{
	if (!l)
		return end_simple(w, STAGE_NEIGHBOUR, END_UNKNOWN, CAUSE_UNREADABLE,
				  arena_printf(w->arena, "device %d could not be read", w->p.oif));
	if (l->flags & IFF_UP && l->carrier)
		return GO;
	link_evidence(w, arena_printf(w->arena, "%s: %s", l->name, l->flags & IFF_UP ? "no carrier" : "state DOWN"));
	return end_simple(w, STAGE_NEIGHBOUR, END_DROP, CAUSE_LINK_DOWN,
			  arena_printf(w->arena, "%s %s", l->name, l->flags & IFF_UP ? "has no carrier" : "is down"));
}

enum flow transmit_frame(struct walk *w)
{
	const struct link *l = state_link(w->state, w->p.netns, w->p.oif), *far;
	const struct mac *to = &w->p.dmac;
	uint32_t peer;
	int ifindex;

	hop_begin(w);
	if (ready(w, l) == END || leave_device(w, l) == END)
		return END;
	hop_begin(w);
	if (strcmp(l->kind, "veth") || (w->p.netns == 0 && state_is_uplink(w->state, 0, l)) ||
	    state_peer(w->state, w->p.netns, l, &peer, &ifindex))
		return end_simple(w, STAGE_NEIGHBOUR, END_UNKNOWN, CAUSE_UNREADABLE,
				  arena_printf(w->arena, "who takes a frame that is not for its own address, behind %s, is not known",
					       l->name));
	/* eth_type_trans(): PACKET_OTHERHOST, which ip_rcv_core() drops; a bridge takes it */
	far = state_link(w->state, peer, ifindex);
	if (far && !far->master && far->mac.known && !to->known)
		return end_simple(w, STAGE_NEIGHBOUR, END_UNKNOWN, CAUSE_UNREADABLE,
				  arena_printf(w->arena, "whom the frame that goes on out of %s is addressed to is not known", l->name));
	if (far && !far->master && far->mac.known && memcmp(to->b, far->mac.b, sizeof(to->b)))
		return end_simple(w, STAGE_NEIGHBOUR, END_DROP, CAUSE_NONE,
				  arena_printf(w->arena, "the frame keeps its addresses, and is not for whom %s leads to", l->name));
	return cross(w, peer, ifindex);
}

enum flow transmit(struct walk *w)
{
	const struct link *l = state_link(w->state, w->p.netns, w->p.oif);
	enum answer resolved = UNKNOWN;
	uint8_t type = 0;
	const char *neigh = NULL;
	struct mac mac = {};

	hop_begin(w);
	if (l && l->flags & IFF_LOOPBACK)
		return over_loopback(w, l);
	if (ready(w, l) == END)
		return END;
	if (!strcmp(l->kind, "dummy"))
		return end_simple(w, STAGE_NEIGHBOUR, END_DROP, CAUSE_NONE,
				  arena_printf(w->arena, "%s is a dummy device: what it sends is gone", l->name));
	w->p.smac = l->mac;
	w->p.dmac = (struct mac){};
	if (!(l->flags & (IFF_NOARP | IFF_POINTOPOINT)))
		resolved = state_neigh(w->state, w->p.netns, l->ifindex, &w->nexthop, &mac, &neigh);
	/* IPVS may send to this host by a way that leads out, where nobody else answers for its address */
	if (resolved == UNKNOWN && w->p.ipvs.set && !state_addr_type(w->state, w->p.netns, &w->nexthop, 0, &type) &&
	    type == RTN_LOCAL)
		resolved = NO;
	if (resolved == YES)
		w->p.dmac = mac;
	/* neigh_resolve_output(): the frame is whole before the device gets it */
	if (leave_device(w, l) == END)
		return END;
	hop_begin(w);
	if (!strcmp(l->kind, "bridge"))
		return through_bridge(w, l, neigh, resolved);
	if (!strcmp(l->kind, "veth"))
		return through_veth(w, l, neigh, resolved);
	return resolved == NO ? unresolved(w, l, neigh) : leaves(w, l);
}
