/* SPDX-License-Identifier: GPL-2.0-only */
/* Causes in routes, sysctls, bridges and neighbours, on the way out and on the answer's way back. */
#include <string.h>

#include "tracer/causes.h"

#define REFUSED	(ENDS(CAUSE_NO_ROUTE) | ENDS(CAUSE_BLACKHOLE) | ENDS(CAUSE_UNREACHABLE_ROUTE) | ENDS(CAUSE_PROHIBIT) | \
		 ENDS(CAUSE_REROUTE_FAILED) | ENDS(CAUSE_REPLY_DROPPED))

/* The route, with its table: "…  table 30400 …" of `ip route`, or "… lookup 30400" of `ip rule`. Those of every node do not count. */
static const struct evidence *foreign_table(const struct view *v)
{
	static const char *const ways[] = { " table ", " lookup " };
	static const char *const usual[] = { "main", "local", "default", "254", "255", "253" };
	size_t i, k, u, len;

	for (i = v->hop ? v->hop->n_evidence : 0; i-- > 0; ) {
		const struct evidence *e = &v->hop->evidence[i];

		for (k = 0; e->kind == EV_ROUTE && e->text && k < ARRAY_SIZE(ways); k++) {
			const char *s = strstr(e->text, ways[k]);

			if (!s && e->says)
				s = strstr(e->says, ways[k]);
			if (!s)
				continue;
			s += strlen(ways[k]);
			len = strcspn(s, " \n");
			for (u = 0; u < ARRAY_SIZE(usual); u++)
				if (strlen(usual[u]) == len && !memcmp(s, usual[u], len))
					break;
			if (len && u == ARRAY_SIZE(usual))
				return e;
		}
	}
	return NULL;
}

static bool policy_routing(struct view *v)
{
	const struct evidence *e = foreign_table(v);

	if (v->cause == CAUSE_REPLY_DROPPED && evidence_is_rule(v->ev))
		return false;
	if (e)
		v->ev = e;
	return e;
}

/* A route that refuses, by its type at the head of its text, or by the cause that the walk gave. */
static bool refusing_route(struct view *v)
{
	static const char *const types[] = { "blackhole ", "unreachable ", "prohibit " };
	const struct evidence *e = hop_evidence(v->hop, EV_ROUTE);
	size_t i;

	if (v->cause == CAUSE_REPLY_DROPPED && evidence_is_rule(v->ev))
		return false;
	v->ev = e ? e : v->ev;
	if (v->cause == CAUSE_BLACKHOLE || v->cause == CAUSE_UNREACHABLE_ROUTE || v->cause == CAUSE_PROHIBIT)
		return true;
	for (i = 0; e && e->text && i < ARRAY_SIZE(types); i++)
		if (!strncmp(e->text, types[i], strlen(types[i])))
			return true;
	return false;
}

/* A local process's packet that has no route at all: nat OUTPUT would have come after. */
static bool before_nat(struct view *v)
{
	return v->hop && v->hop->stage == STAGE_ROUTE_OUTPUT && !view_dnat(v);
}

static bool after_nat(struct view *v)
{
	return view_dnat(v) && !v->hop->reply;
}

static bool to_itself(struct view *v)
{
	return v->t->has_endpoint && view_client(v) && !view_snat(v) && view_dnat(v) &&
	       addr_eq(view_client(v), &v->t->endpoint);
}

/* The answer came home without the node's IP layer ever seeing it: its bridge switched it. */
static bool past_the_node(const struct view *v)
{
	bool switched = false;
	size_t i;

	if (v->cause != CAUSE_REPLY_BYPASS || !v->hop || !v->hop->reply || v->hop->stage != STAGE_SOCKET || !v->hop->place ||
	    !view_dnat(v) || view_dnat(v)->place)
		return false;
	for (i = 0; i < v->t->n_hops; i++) {
		if (!v->t->hops[i].reply || v->t->hops[i].place)
			continue;
		if (v->t->hops[i].stage != STAGE_BRIDGE)
			return false;
		switched = true;
	}
	return switched;
}

static bool bridged_reply(struct view *v)
{
	const struct evidence *e = view_sysctl(v, "bridge-nf-call");

	if (e && e->value == 0) {
		v->ev = e;
		v->text = "{sysctl} is {value}: the answer of {endpoint|the endpoint} is switched by "
			  "the bridge straight to {client}, past the connection tracking that must "
			  "undo the translation, so the client sees it come from "
			  "{endpointaddr|another address} and not from {targetaddr}.";
		v->fix = "sysctl -w {sysctl}=1   # keep it in /etc/sysctl.d";
		return true;
	}
	return past_the_node(v);
}

/* kube-proxy's own rule, which set the mark by which its POSTROUTING rules masquerade. */
static bool marks_for_masquerade(const struct hop *h)
{
	size_t i;

	for (i = 0; i < h->n_evidence; i++)
		if (h->evidence[i].effect == EFFECT_CHANGE && evidence_owner(&h->evidence[i]) &&
		    !strcmp(evidence_owner(&h->evidence[i]), "kube-proxy"))
			return h->out.mark & ~h->in.mark;
	return false;
}

/* The rule of somebody else's in that hop, the last that changed anything. */
static const struct evidence *foreign_change(const struct hop *h)
{
	size_t i;

	for (i = h->n_evidence; i-- > 0; ) {
		const struct evidence *e = &h->evidence[i];

		if (e->kind == EV_RULE && e->effect == EFFECT_CHANGE)
			return evidence_owner(e) && !strcmp(evidence_owner(e), "kube-proxy") ? NULL : e;
	}
	return NULL;
}

static bool mark_lost(struct view *v)
{
	uint32_t mark = 0;
	size_t i;

	if ((v->cause == CAUSE_REPLY_DROPPED && evidence_is_rule(v->ev)) || view_snat(v))
		return false;
	for (i = 0; i < v->t->n_hops; i++) {
		const struct hop *h = &v->t->hops[i];

		if (h->reply || h->place)
			continue;
		if (marks_for_masquerade(h))
			mark = h->out.mark & ~h->in.mark;
		if (!(mark & h->in.mark & ~h->out.mark) || !foreign_change(h))
			continue;
		v->ev = foreign_change(h);
		v->hop = h;
		if (!v->fails)
			v->severity = SEVERITY_WARNING;
		return true;
	}
	return false;
}

/* Translated to a loopback address, whoever did. */
static bool to_loopback(struct view *v)
{
	const struct evidence *e = view_sysctl(v, "route_localnet");

	if (e)
		v->ev = e;
	return view_dnat(v) && addr_is_loopback(&v->hop->in.dst);
}

/* Nobody on the answer's way undoes the translation, or it has no way. */
static bool reply_route(struct view *v)
{
	if (!v->fails) {
		v->severity = SEVERITY_WARNING;
		v->text = "The packet leaves this node for {endpoints|the endpoint} with the source "
			  "{src|of the client}, not masqueraded: unless the answer is routed back "
			  "through this node, nobody translates it, and {client|the client} sees it "
			  "come from an address that it never called.";
	}
	if (v->cause == CAUSE_REPLY_BYPASS)
		return true;
	/* it came back, and the sender no longer wanted it */
	if (v->hop && v->hop->stage == STAGE_SOCKET)
		return false;
	v->text = "The packet comes to {endpoints|its destination}, but {why|its answer does not come back} ({where}).";
	return v->hop && !evidence_is_rule(v->ev);
}

static bool rp_filter(struct view *v)
{
	const struct evidence *e = view_sysctl(v, "rp_filter");

	if (v->cause == CAUSE_REPLY_DROPPED && (!e || e != hop_evidence(v->hop, EV_SYSCTL)))
		return false;
	if (e)
		v->ev = e;
	/* __fib_validate_source(): loose asks for any unicast way back */
	if (e && e->value == 2) {
		v->text = "No interface leads back to {src}, and {sysctl} is {value} (loose): {packet} is dropped "
			  "before any forwarding.";
		v->fix = "{in|}{ip} route get {src}   # who has this address? give it a route";
	}
	return true;
}

static bool forwarding(struct view *v, uint8_t family, const char *name)
{
	const struct evidence *e = view_sysctl(v, name);

	if (v->t->target.dst.family != family)
		return false;
	if (v->cause == CAUSE_REPLY_DROPPED && (!e || e->value != 0 || e != hop_evidence(v->hop, EV_SYSCTL)))
		return false;
	if (e)
		v->ev = e;
	return true;
}

static bool forwarding4(struct view *v)
{
	return forwarding(v, AF_INET, "forward");
}

static bool forwarding6(struct view *v)
{
	return forwarding(v, AF_INET6, "forward");
}

static const struct cause rows[] = {
	{ .id = "hairpin-off", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The bridge does not send a Pod's packet back to it", .ends = ENDS(CAUSE_HAIRPIN),
	  .text = "The Service picked the caller itself ({endpointaddr|the same Pod}), and bridge port "
		  "{bridgeport|it is behind} has hairpin off: a frame does not go back out of the port it "
		  "came in by.",
	  .fix = "bridge link set dev {bridgeport|PORT} hairpin on   # "
		  "lasting: hairpinMode in the CNI's bridge configuration", .key = "{endpoint}" },
	{ .id = "hairpin-no-masq", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "A Pod that reaches itself through its Service is not masqueraded",
	  .ends = ENDS(CAUSE_REPLY_BYPASS) | ENDS(CAUSE_MARTIAN_SRC) | ENDS(CAUSE_REPLY_DROPPED) | ENDS(CAUSE_RP_FILTER), .applies = to_itself,
	  .text = "The Service picked the caller itself ({endpoint}) and no rule changed the source: "
		  "the packet comes back to {client} from its own address, and the answer never "
		  "passes the translation.",
	  .fix = "# find the rule that clears or does not set the masquerade "
		  "mark (0x4000): {iptables} -t nat -S KUBE-POSTROUTING", .key = "{endpoint}" },
	{ .id = "ip-forward-off", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "IPv4 forwarding is off",
	  .ends = ENDS(CAUSE_FORWARDING_OFF) | ENDS(CAUSE_REPLY_DROPPED), .applies = forwarding4,
	  .text = "{sysctl|net.ipv4.ip_forward} is {value|0}: {packet} would have to be forwarded, "
		  "and is dropped by the route lookup.",
	  .fix = "{in|}sysctl -w {sysctl|net.ipv4.ip_forward}=1   # to keep "
		  "it: grep -rn forward /etc/sysctl.d /etc/sysctl.conf", .key = "{sysctl|forward}" },
	{ .id = "ipv6-forwarding-off", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "IPv6 forwarding is off",
	  .ends = ENDS(CAUSE_FORWARDING_OFF) | ENDS(CAUSE_REPLY_DROPPED), .applies = forwarding6,
	  .text = "{sysctl|net.ipv6.conf.all.forwarding} is {value|0}: {packet} would have to be "
		  "forwarded, and is dropped. IPv6 has a switch of its own.",
	  .fix = "{in|}sysctl -w {sysctl|net.ipv6.conf.all.forwarding}=1   # accept_ra=2 too, where the "
		  "default route comes from router advertisements",
	  .key = "{sysctl|forward}" },
	{ .id = "rp-filter-strict", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "Reverse-path filtering drops",
	  .ends = ENDS(CAUSE_RP_FILTER) | ENDS(CAUSE_REPLY_DROPPED), .applies = rp_filter,
	  .text = "The way back to {src} is not by {iif|the interface it came by}, and "
		  "{sysctl|rp_filter} is {value|1} (strict): {packet} is dropped before any "
		  "forwarding.",
	  .fix = "{in|}sysctl -w {sysctl|net.ipv4.conf.all.rp_filter}=2   # the larger of conf.all and "
		  "the interface's own counts" },
	{ .id = "bridge-nf-off", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The bridge's traffic does not pass netfilter",
	  .ends = ENDS(CAUSE_REPLY_BYPASS) | ENDS(CAUSE_REPLY_DROPPED), .applies = bridged_reply,
	  .text = "br_netfilter does not hand the bridge's packets to netfilter (it is not loaded, or "
		  "{bridgenf} is 0): the answer of {endpoint|the endpoint} is switched straight to {client} "
		  "and never translated back; {why}.",
	  .fix = "modprobe br_netfilter && sysctl -w "
		  "net.bridge.bridge-nf-call-iptables=1 "
		  "net.bridge.bridge-nf-call-ip6tables=1", .key = "bridge" },
	{ .id = "policy-routing-hijack", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "A policy routing rule sends the packet to another table", .ends = REFUSED,
	  .applies = policy_routing,
	  .text = "Policy routing leads {packet} to a table of its own, which refuses it: {ruletext}.",
	  .fix = "{in|}{ip} rule show; {in|}{ip} route get {dst} from {src}   # disable what made the rule "
		  "(nm-cloud-setup, Tailscale, a CNI), or add the route to its table" },
	{ .id = "blackhole-route", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "A route refuses the address", .ends = REFUSED, .applies = refusing_route,
	  .text = "{dst} hits `{route|a refusing route}` and no more exact route exists here.",
	  .fix = "{in|}{ip} route show match {dst}   # delete the stale route, or repair what owns it "
		  "(BIRD, the CNI's block affinity)" },
	{ .id = "masq-mark-lost", .severity = SEVERITY_ERROR, .when = FAILS | REACHES,
	  .title = "Another rule takes kube-proxy's masquerade mark away",
	  .ends = ENDS(CAUSE_REPLY_BYPASS) | ENDS(CAUSE_REPLY_DROPPED), .applies = mark_lost,
	  .text = "kube-proxy marked the packet for masquerade, but {rule} overwrote the mark (`{ruletext}`): it went "
		  "to {endpoint|the endpoint} with the source {src|of the client}, and {why|its answer may not come back}.",
	  .fix = "{list|# see the chain}   # let that rule set no bits of the mark but its own" },
	{ .id = "dnat-to-loopback", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "Translated to a loopback address, which no device takes",
	  .ends = ENDS(CAUSE_ROUTE_LOCALNET), .applies = to_loopback,
	  .text = "{target} is translated to {dst}, and {sysctl|route_localnet} is {value|0}: {packet} comes by "
		  "{iif|a device}, and is dropped by the route lookup.",
	  .fix = "# translate to an address of the node instead; or, for everybody on that network to reach what "
		  "listens on loopback (CVE-2020-8558):\n{in|}sysctl -w {sysctl|net.ipv4.conf.all.route_localnet}=1" },
	{ .id = "masq-missing-return-path", .severity = SEVERITY_ERROR, .when = FAILS | REACHES,
	  .title = "The answer has no sure way back",
	  .ends = ENDS(CAUSE_REPLY_BYPASS) | ENDS(CAUSE_REPLY_DROPPED), .applies = reply_route,
	  .text = "The packet comes to {endpoints|its destination}, but {why|its answer does not come back}.",
	  .fix = "# route the answer through this node, or let it be "
		  "masqueraded (externalTrafficPolicy: Cluster; "
		  "kube-proxy's clusterCIDR); in the Pod: ip route get "
		  "{client}", .key = "{service|-}{target}{where}" },
	{ .id = "missing-podcidr-route", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "No route to the endpoint",
	  .ends = ENDS(CAUSE_NO_ROUTE) | ENDS(CAUSE_REROUTE_FAILED), .applies = after_nat,
	  .text = "The Service's endpoint {endpoint|of its choice} is not routed on this node: {why}. "
		  "The CNI's route to the Pods of its node is missing.",
	  .fix = "ip route get {endpointaddr|ENDPOINT}   # the CNI's "
		  "or cloud's routes: is its agent running here?", .key = "{endpointaddr}" },
	{ .id = "no-default-route", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "No route: it fails before any rule", .ends = ENDS(CAUSE_NO_ROUTE),
	  .applies = before_nat,
	  .text = "There is no route to {targetaddr} {where}, and a local process needs one before "
		  "nat OUTPUT can translate it: the call fails at once (network is unreachable).",
	  .fix = "{in|}{ip} route add default via GATEWAY   # a route to the Services' range will do, by any "
		  "interface: ip route add {targetaddr} dev IFACE",
	  .key = "{where}" },
	{ .id = "neigh-failed", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The next hop does not answer ARP or neighbour discovery",
	  .ends = ENDS(CAUSE_NEIGHBOUR_FAILED),
	  .text = "The next hop towards {dst} does not resolve ({neigh|no entry; nothing answers}): "
		  "the sender sees \"No route to host\" after 3 seconds.",
	  .fix = "{in|}ip neigh show dev {oif|IFACE}; ip -s link show dev "
		  "{oif|IFACE}   # is the peer up, and does it own that address?", .key = "{neigh}{dst}" },
};

const struct causes causes_path = { rows, ARRAY_SIZE(rows) };
