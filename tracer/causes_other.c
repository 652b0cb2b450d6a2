/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What no row before explains: plain findings, with ids of their own, so that no path fails without one that names what
 * decided.
 */
#include <string.h>

#include "tracer/causes.h"

static bool policy(struct view *v)
{
	return v->ev && v->ev->kind == EV_POLICY;
}

static bool rejected(struct view *v)
{
	return v->ev && v->ev->kind == EV_RULE && v->t->end.kind == END_REJECT;
}

static bool no_listener(struct view *v)
{
	const struct evidence *by = hop_evidence(view_dnat(v), EV_RULE);

	view_rest(v, by);
	if (by)
		v->text = "{otherrule} translates {target} to {endpoint|another port}, but nothing {where} listens there; "
			  "{listeners|it has no such socket}.";
	return true;
}

static bool dropped(struct view *v)
{
	if (!v->ev || v->ev->kind != EV_RULE || v->t->end.kind != END_DROP)
		return false;
	/* a target that cannot do its work: no accept before it would help */
	if (v->ev->says && strstr(v->ev->says, "drops it: ")) {
		v->text = "{rule} (`{ruletext}`) cannot do its work on {packet}, and drops it instead: {because}.";
		v->fix = "{list|# see the chain}";
	}
	return true;
}

#define RULED	(ENDS(CAUSE_NONE) | ENDS(CAUSE_RULE) | ENDS(CAUSE_POLICY) | ENDS(CAUSE_REPLY_DROPPED))

static const struct cause rows[] = {
	{ .id = "policy-drop", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "A chain drops what no rule of it accepts", .ends = RULED, .applies = policy,
	  .text = "No rule accepts {packet}; {rule} DROP discards it.",
	  .fix = "{allow|# accept it in this chain}" },
	{ .id = "rule-reject", .severity = SEVERITY_ERROR, .when = FAILS, .title = "A firewall rule rejects",
	  .ends = RULED, .applies = rejected,
	  .text = "{owner|A firewall}'s rule rejects {packet}: {rule}, `{ruletext}`.",
	  .fix = "{list|# see the chain}\n{allow|# accept the packet before that rule}" },
	{ .id = "rule-drop", .severity = SEVERITY_ERROR, .when = FAILS, .title = "A firewall rule drops",
	  .ends = RULED, .applies = dropped,
	  .text = "{owner|A firewall}'s rule drops {packet}: {rule}, `{ruletext}`.",
	  .fix = "{list|# see the chain}\n{allow|# accept the packet before that rule}" },
	{ .id = "no-route", .severity = SEVERITY_ERROR, .when = FAILS, .title = "No route",
	  .ends = ENDS(CAUSE_NO_ROUTE) | ENDS(CAUSE_REROUTE_FAILED),
	  .text = "{packet} finds no way {where}: {why}.",
	  .fix = "{in|}ip route get {dst}", .key = "{where}{dst}" },
	{ .id = "no-listener", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "Nothing listens there", .ends = ENDS(CAUSE_NO_LISTENER), .applies = no_listener,
	  .text = "Nothing {where} listens for {packet}; {listeners|it has no such socket}.",
	  .fix = "{in|}ss -lnp   # {where}: is the server running, and on "
		  "which port?", .key = "{where}{target}" },
	{ .id = "listener-other-address", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The server listens on another address",
	  .ends = ENDS(CAUSE_LISTENER_OTHER),
	  .text = "The server {where} listens on another address or device only ({socket}); "
		  "{packet} is refused.",
	  .fix = "# make the server bind {dst}, or the any address", .key = "{where}{target}" },
	{ .id = "martian-source", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The source address cannot come from there",
	  .ends = ENDS(CAUSE_MARTIAN_SRC),
	  .text = "{src} is no address that may arrive by {iif|this interface} (one of the node's "
		  "own, loopback, or no unicast one): {packet} is dropped as a martian.",
	  .fix = "{in|}ip route get {src}; ip -4 addr; ip -6 addr   # who else has this address?" },
	{ .id = "martian-destination", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The destination address cannot be reached from there",
	  .ends = ENDS(CAUSE_MARTIAN_DST),
	  .text = "{dst} is no address that a packet arriving by {iif|this interface} may have: {why}.",
	  .fix = "{in|}ip route get {dst}" },
	{ .id = "ttl-exceeded", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The hop limit is used up", .ends = ENDS(CAUSE_TTL),
	  .text = "{packet} has no hops left to be forwarded: {why}.",
	  .fix = "# look for the rule that sets the TTL, or for a routing loop" },
	{ .id = "packet-too-big", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The packet does not fit", .ends = ENDS(CAUSE_MTU),
	  .text = "{packet} is larger than {oif|the way} takes: {why}.",
	  .fix = "{in|}ip link show dev {oif|IFACE}   # the route's mtu counts too: ip route get {dst}" },
	{ .id = "link-down", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The interface is down", .ends = ENDS(CAUSE_LINK_DOWN),
	  .text = "{packet} would leave by {oif|an interface} that is down: {why}.",
	  .fix = "{in|}ip link set dev {oif|IFACE} up", .key = "{oif}" },
	{ .id = "bridge-refuses", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The bridge does not pass the frame", .ends = ENDS(CAUSE_BRIDGE),
	  .text = "The bridge does not pass {packet}: {why}.",
	  .fix = "bridge -d link show; bridge vlan show" },
	{ .id = "no-free-nat-port", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "No free address or port to translate to",
	  .ends = ENDS(CAUSE_NAT_FAILED),
	  .text = "{packet} could not be translated: {why}.",
	  .fix = "{in|}conntrack -S; conntrack -L -p {proto}" },
	{ .id = "forwarding-loop", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The packet goes round in circles", .ends = ENDS(CAUSE_LOOP),
	  .text = "{packet} comes back to where it was: {why}.",
	  .fix = "{in|}ip route get {dst}" },
	{ .id = "path-fails", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The packet does not arrive",
	  .text = "{packet} does not arrive: {why|the reason is not known}.",
	  .fix = "# ktrace --all shows every rule that it met" },
};

const struct causes causes_other = { rows, ARRAY_SIZE(rows) };
