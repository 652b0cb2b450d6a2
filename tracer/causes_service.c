/* SPDX-License-Identifier: GPL-2.0-only */
/* Causes in the Service itself, as kube-proxy's rules and the endpoint's sockets show them. */
#include <string.h>

#include "tracer/causes.h"
#include "tracer/owners.h"

#include <linux/netfilter.h>

static bool in_kube_table(const struct evidence *e)
{
	return evidence_is_rule(e) && e->table && !strcmp(e->table, "kube-proxy");
}

bool view_no_endpoints(const struct view *v)
{
	return evidence_says(v->ev, "has no endpoints") || (in_kube_table(v->ev) && name_matches(v->ev->chain, "reject-chain"));
}

static bool no_endpoints(struct view *v)
{
	return view_no_endpoints(v) && !view_refused_too_late(v);
}

/* kube-proxy before 1.24: dropped by mark, at KUBE-FIREWALL */
static bool marked_in(const struct view *v, const char *chains)
{
	return name_matches(v->ev->chain, "KUBE-FIREWALL") && view_meets(v, "KUBE-MARK-DROP") && view_meets(v, chains);
}

static bool no_local_endpoints(const struct view *v)
{
	return evidence_says(v->ev, "has no local endpoints") || marked_in(v, "KUBE-XLB-*") ||
	       (in_kube_table(v->ev) && name_matches(v->ev->chain, "*endpoints-check"));
}

/* Does a rule say that the address is a ClusterIP? */
static bool says_cluster_ip(const struct view *v)
{
	size_t i, k;

	for (i = 0; i < v->t->n_hops; i++)
		for (k = 0; k < v->t->hops[i].n_evidence; k++) {
			const struct evidence *e = &v->t->hops[i].evidence[k];

			if (e->kind == EV_RULE && e->effect != EFFECT_NONE && in_kube_table(e) && e->text &&
			    strstr(e->text, "@cluster-ips"))
				return true;
		}
	return false;
}

static bool from_outside(const struct view *v)
{
	return v->p->source.kind == SOURCE_ADDRESS && !(v->t->n_hops && v->t->hops[0].in.local);
}

/*
 * Whose traffic policy is it? iptables mode keeps the two in chains of their own. In nftables mode one map holds both; but a
 * packet from this node or a pod reaches the check un-NATed only at a ClusterIP, since for external addresses the
 * external-* chains lead it to all endpoints.
 */
static bool internal_policy(const struct view *v)
{
	if (!in_kube_table(v->ev))
		return name_matches(v->ev->chain, "KUBE-SERVICES");
	return name_matches(v->ev->chain, "service-endpoints-check") && v->p->target.target.kind != TARGET_NODEPORT &&
	       (!from_outside(v) || says_cluster_ip(v));
}

static bool itp_local(struct view *v)
{
	return no_local_endpoints(v) && internal_policy(v);
}

static bool etp_local(struct view *v)
{
	return no_local_endpoints(v) && !internal_policy(v);
}

static bool source_ranges(struct view *v)
{
	return name_matches(v->ev->chain, "KUBE-PROXY-FIREWALL|KUBE-SOURCE-RANGES-FIREWALL|KUBE-FW-*|firewall-*") || marked_in(v, "KUBE-FW-*");
}

/* An address of a Service at a port that no rule knows: it left untranslated, or nftables mode refused it. */
static bool not_a_service_port(struct view *v)
{
	bool on_ipvs0 = v->cause == CAUSE_NO_LISTENER && evidence_says(view_evidence(v, EV_ROUTE), "kube-ipvs0");
	enum served served = v->p->facts.served;

	if (in_kube_table(v->ev) && name_matches(v->ev->chain, "cluster-ips-check"))
		return v->fails && v->t->end.kind == END_REJECT;
	if (v->p->target.target.kind != TARGET_ADDRESS || view_dnat(v) || (served != SERVED_NOT && served != SERVED_OTHER_PORT))
		return false;
	/* the node has the address itself where IPVS mode is, or was */
	if (on_ipvs0) {
		v->text = "{target} is not a port of {service|the Service at that address}: nothing translates it, the node "
			  "itself has the address (on kube-ipvs0), and nothing listens there.";
		return true;
	}
	if (!v->p->target.service || v->t->has_endpoint || view_entry(v) ||
	    view_meets(v, "KUBE-SVC-*|KUBE-SVL-*|KUBE-EXT-*|KUBE-FW-*|KUBE-XLB-*|service-*|external-*|local-*"))
		return false;
	v->text = "{target} is not a port of {service|the Service at that address}: no rule "
		  "translates it, and the packet is routed like any other ({route|by the default "
		  "route}).";
	return v->t->end.kind == END_SENT || v->cause == CAUSE_NO_ROUTE;
}

/* Its address is refused, but this packet was accepted before it came to that. */
static bool reject_shadowed(struct view *v)
{
	size_t i, k;

	if (v->p->facts.served != SERVED_REFUSED || (v->fails && evidence_is_rule(v->ev)) || (!v->fails && v->t->end.kind != END_SENT))
		return false;
	for (i = v->t->n_hops; i-- > 0; ) {
		const struct hop *h = &v->t->hops[i];

		for (k = h->n_evidence; !h->reply && !h->nat && h->priority >= 0 && k-- > 0; )
			if (evidence_accepts(&h->evidence[k])) {
				v->ev = &h->evidence[k];
				v->hop = h;
				return true;
			}
	}
	v->ev = NULL;
	return true;
}

static bool is_nodeport(const struct view *v)
{
	return v->p->target.target.kind == TARGET_NODEPORT || v->p->facts.served == SERVED_NODEPORT;
}

static bool unallocated(struct view *v)
{
	if (v->fails)
		return v->t->end.kind == END_DROP && evidence_owner(v->ev) && !strcmp(evidence_owner(v->ev), "kube-proxy") &&
		       name_matches(v->ev->chain, "cluster-ips-check");
	/* Which range is the Services' no rule says in the other modes: what only the default route wants may be of it. */
	if (v->p->proxy.mode == PROXY_NONE || v->p->proxy.mode == PROXY_NFTABLES || v->p->target.target.kind != TARGET_ADDRESS ||
	    v->p->target.service || v->t->end.kind != END_SENT || view_dnat(v) || !in_service_range(&v->t->target.dst) ||
	    !evidence_says(view_evidence(v, EV_ROUTE), "default "))
		return false;
	v->severity = SEVERITY_WARNING;
	v->text = "{targetaddr} is of a range that installers give to Services, but kube-proxy has nothing for it here: the "
		  "packet is routed like any other ({route|by the default route}).";
	v->ev = NULL;
	return true;
}

static bool localnet(struct view *v)
{
	return evidence_says(v->ev, "localnet");
}

static bool by_mark(struct view *v)
{
	return evidence_says(v->ev, "mark") && !localnet(v) && !view_meets(v, "KUBE-MARK-DROP");
}

static bool markless(struct view *v)
{
	return v->ev->kind == EV_RULE && !evidence_says(v->ev, "mark 0x") && !evidence_says(v->ev, "--mark") &&
	       !localnet(v) && !evidence_says(v->ev, "! -s") && !evidence_says(v->ev, "saddr");
}

static bool localhost(struct view *v)
{
	static const uint64_t refused = ENDS(CAUSE_ROUTE_LOCALNET) | ENDS(CAUSE_REROUTE_FAILED) | ENDS(CAUSE_MARTIAN_SRC) |
					ENDS(CAUSE_MARTIAN_DST);

	if (!addr_is_loopback(&v->t->target.dst))
		return false;
	if (refused & ENDS(v->cause)) {
		v->ev = view_sysctl(v, "route_localnet");
		if (!v->ev)
			v->text = "{target} is translated to {endpoint|the endpoint}, but a packet "
				  "from a loopback address cannot leave this node: {why}. Use "
				  "{nodeaddr|an address of the node}:{port}.";
		return view_is_service(v) || view_dnat(v);
	}
	if (v->cause != CAUSE_NO_LISTENER || view_dnat(v) || !is_nodeport(v))
		return false;
	v->text = "No rule serves NodePort {port} on {targetaddr} ({proxy}); use {nodeaddr|an address "
		  "of the node}:{port}.";
	return true;
}

/* Is this very port translated at another address of the target? */
static bool served_elsewhere(const struct view *v)
{
	size_t i;

	for (i = 0; i < v->p->n_trace; i++) {
		struct view o = view_of(v->arena, v->p, i);

		if (o.t->target.dport == v->t->target.dport && o.t->target.proto == v->t->target.proto &&
		    o.t->target.dst.family == v->t->target.dst.family && view_dnat(&o))
			return true;
	}
	return false;
}

static bool other_address(struct view *v)
{
	if (v->p->facts.served == SERVED_NODEPORT) {
		v->text = "NodePort {port} of {service|a Service} is not served on {targetaddr}, where no socket takes it "
			  "either: kube-proxy serves NodePorts on its nodePortAddresses only, in nftables mode on the "
			  "node's primary address unless told otherwise.";
		v->fix = "# use {nodeaddr|another address of the node}, or add {targetaddr} to kube-proxy's nodePortAddresses "
			 "and restart it";
		return true;
	}
	return v->p->target.target.kind == TARGET_NODEPORT && !view_dnat(v) && served_elsewhere(v);
}

/* Translated by what belongs to a Service, not by a rule of the host's own. */
static bool by_service(struct view *v)
{
	return view_dnat(v) && (view_is_service(v) || view_service(v).name || view_evidence(v, EV_IPVS));
}

/* A socket of this node, bound to what the Service takes away from it. */
static bool shadowed(struct view *v)
{
	const struct evidence *l = v->p->facts.listener;
	const char *port = arena_printf(v->arena, ":%u", v->t->target.dport);
	const struct node_facts *f = &v->p->facts;
	const char *at;
	size_t i;

	if (!l || !l->text || strstr(l->text, "kube-proxy") || !by_service(v))
		return false;
	at = strstr(l->text, port);	/* the facts hold one listener for all the ports traced */
	if (!at || (at[strlen(port)] >= '0' && at[strlen(port)] <= '9'))
		return false;
	for (i = 0; i < f->n_node_addr; i++)
		if (addr_eq(&f->node_addr[i], &v->t->target.dst)) {
			v->ev = l;
			return true;
		}
	return false;
}

static bool translated(struct view *v)
{
	if (v->t->target.proto != IPPROTO_TCP)
		v->text = "NAT is right ({targets} -> {endpoints}) but nothing {where} takes "
			  "{proto} port {endpointport}; {listeners|it has no such socket}. The sender "
			  "gets an ICMP port unreachable.";
	return by_service(v);
}

static bool no_proxy(struct view *v)
{
	if (v->p->proxy.mode != PROXY_NONE || v->p->proxy.n_others || view_dnat(v) || v->t->has_endpoint)
		return false;
	if (!v->fails && v->t->end.kind != END_SENT)
		return false;
	return view_is_service(v) || in_service_range(&v->t->target.dst);
}

#define RULED	(ENDS(CAUSE_NONE) | ENDS(CAUSE_RULE) | ENDS(CAUSE_POLICY))
#define DESCRIBE "kubectl -n {ns|NAMESPACE} describe service {name|SERVICE}"

static const struct cause rows[] = {
	{ .id = "no-endpoints-selector", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The Service has no endpoints", .ends = RULED, .owner = "kube-proxy",
	  .applies = no_endpoints,
	  .text = "Service {service|at this address} has no endpoints: no ready Pod matches its "
		  "selector (or its EndpointSlices are empty), so kube-proxy refuses {targets} "
		  "({rule}).",
	  .fix = DESCRIBE "   # its selector and endpoints\n"
		 "kubectl -n {ns|NAMESPACE} get pods --show-labels   # some Pod must carry every label of the selector and be Ready",
	  .key = "{service|-}{port}" },
	{ .id = "no-endpoints-reject-shadowed", .severity = SEVERITY_ERROR, .when = FAILS | REACHES,
	  .title = "The Service has no endpoints, and its refusal is not met", .applies = reject_shadowed,
	  .text = "{service|The Service at this address} has no endpoints, and kube-proxy's filter rules would refuse "
		  "{target}; but {rule|no rule} accepts {packet} before it comes to them, so it is routed like any other "
		  "({route|no route}): the client waits instead of being refused.",
	  .fix = DESCRIBE "   # its selector and endpoints\n{list|# see the chains}   # and the accept belongs after the jump to "
		 "KUBE-SERVICES", .key = "{service|-}{port}" },
	{ .id = "itp-local-no-local-endpoint", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "internalTrafficPolicy: Local, and no endpoint on this node", .ends = RULED,
	  .owner = "kube-proxy", .applies = itp_local,
	  .text = "internalTrafficPolicy of {service|this Service} is Local and none of its endpoints "
		  "is on this node: {targets} is dropped by {rule}, though it has endpoints on others.",
	  .fix = "kubectl -n {ns|NAMESPACE} edit service {name|SERVICE}   # internalTrafficPolicy: "
		  "Cluster, or run one of its Pods on every node",
	  .key = "{service|-}{port}" },
	{ .id = "etp-local-no-local-endpoint", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "externalTrafficPolicy: Local, and no endpoint on this node", .ends = RULED,
	  .owner = "kube-proxy", .applies = etp_local,
	  .text = "externalTrafficPolicy of {service|this Service} is Local and none of its endpoints "
		  "is on this node: external packets to {targets} are dropped by {rule}.",
	  .fix = "kubectl -n {ns|NAMESPACE} edit service {name|SERVICE}   # externalTrafficPolicy: "
		  "Cluster, or send traffic only to nodes whose healthCheckNodePort answers 200",
	  .key = "{service|-}{port}" },
	{ .id = "lb-source-ranges", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "loadBalancerSourceRanges does not include the client", .ends = RULED,
	  .owner = "kube-proxy", .applies = source_ranges,
	  .text = "Client {client} is in none of the loadBalancerSourceRanges of {service|this "
		  "Service}: dropped by {rule}, `{ruletext}`.",
	  .fix = "kubectl -n {ns|NAMESPACE} edit service {name|SERVICE}   # add {client} to "
		  "spec.loadBalancerSourceRanges" },
	{ .id = "vip-port-not-a-service-port", .severity = SEVERITY_ERROR, .when = FAILS | REACHES,
	  .title = "The Service has no such port", .applies = not_a_service_port,
	  .text = "{target} is not a port of {service|the Service at that address}: refused by {rule}.",
	  .fix = "kubectl get services -A -o wide | grep -w {targetaddr}   # use "
		  "a port that is declared", .key = "{target}" },
	{ .id = "vip-not-allocated", .severity = SEVERITY_ERROR, .when = FAILS | REACHES,
	  .title = "No Service has this ClusterIP", .ends = RULED, .applies = unallocated,
	  .text = "{targetaddr} lies in the Services' range, but no Service that kube-proxy knows has "
		  "it: dropped by {rule}.",
	  .fix = "kubectl get services -A -o wide | grep -w {targetaddr}", .key = "{target}" },
	{ .id = "kube-firewall-localnet-drop", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "KUBE-FIREWALL blocks packets from elsewhere to 127.0.0.0/8", .ends = RULED,
	  .chains = "KUBE-FIREWALL", .applies = localnet,
	  .text = "{packet} is addressed to a loopback address and does not come from one: {rule} "
		  "drops it (the guard against CVE-2020-8558).",
	  .fix = "# bind the server to a real address of the node, and translate to that instead of "
		  "{dst}" },
	{ .id = "mark-0x8000-collision", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "Something else sets the mark that kubelet drops by", .ends = RULED,
	  .chains = "KUBE-FIREWALL", .applies = by_mark,
	  .text = "{packet} carries the mark that {rule} drops (`{ruletext}`), but no KUBE-MARK-DROP "
		  "rule set it: another program uses the same bit.",
	  .fix = "{in|}iptables-save | grep -i mark   # who else sets bit 0x8000? give it another one" },
	{ .id = "kube-firewall-markless-drop", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "KUBE-FIREWALL drops without asking for its mark", .ends = RULED,
	  .chains = "KUBE-FIREWALL", .applies = markless,
	  .text = "{rule} drops every packet that comes there, {packet} too: its match on the mark "
		  "was lost, as when two versions of iptables rewrite each other's rules.",
	  .fix = "{in|}{iptables} -D KUBE-FIREWALL -j DROP   # use one version of iptables on host and in "
		  "kubelet's and kube-proxy's images" },
	{ .id = "nodeport-localhost", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "A NodePort does not work on a loopback address", .applies = localhost,
	  .text = "{targetaddr} NodePorts need {sysctl} = 1 (it is {value}) and kube-proxy's iptables "
		  "mode; use {nodeaddr|an address of the node}:{port}.",
	  .fix = "# use {nodeaddr|an address of the node}:{port}", .key = "{target}" },
	{ .id = "nodeport-addresses-limit", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The NodePort is served on other addresses of the node",
	  .ends = ENDS(CAUSE_NO_LISTENER) | ENDS(CAUSE_LISTENER_OTHER) |
	  ENDS(CAUSE_LISTENER_LOOPBACK), .applies = other_address,
	  .text = "{port} is served on {served} only (nodePortAddresses); you addressed {targetaddr}, "
		  "where no rule and no socket takes it.",
	  .fix = "# use {served}, or add {targetaddr} to kube-proxy's "
		  "nodePortAddresses and restart it", .key = "{target}" },
	{ .id = "nodeport-local-listener-shadowed", .severity = SEVERITY_WARNING, .when = ALSO,
	  .title = "A process of this node listens where the Service takes the packets",
	  .applies = shadowed,
	  .text = "Port {port} is both of Service {service|here} and of a listener on this node "
		  "({listener}); what arrives at {target} goes to the Service. (kube-proxy itself "
		  "shows no listening socket: that is normal.)",
	  .fix = "# move one of them to another port: ss -lnp 'sport = "
		  "{port}'", .key = "{port}{proto}" },
	{ .id = "app-bound-loopback", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The application listens on loopback only", .ends = ENDS(CAUSE_LISTENER_LOOPBACK),
	  .text = "The server {where} listens on loopback only ({socket}); {packet} is refused.",
	  .fix = "# make the server bind 0.0.0.0 or [::], not "
		  "127.0.0.1 or ::1", .key = "{service}{endpointport}" },
	{ .id = "targetport-mismatch", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "Nothing listens at the port that the Service sends to",
	  .ends = ENDS(CAUSE_NO_LISTENER), .applies = translated,
	  .text = "NAT is right ({targets} -> {endpoints}) but nothing {where} listens on "
		  "{endpointport}; {listeners|it has no such socket}. It answers with a reset.",
	  .fix = "kubectl -n {ns|NAMESPACE} edit service {name|SERVICE}   # set targetPort to a port "
		  "that the Pod listens on",
	  .key = "{service|-}{endpointport}" },
	{ .id = "kube-proxy-not-running", .severity = SEVERITY_ERROR, .when = FAILS | REACHES,
	  .title = "kube-proxy has programmed nothing on this node", .applies = no_proxy,
	  .text = "No kube-proxy rules exist on this node in any backend; {target} is routed like any "
		  "other address ({route|no route}).",
	  .fix = "kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide   # "
		  "start it here, and read its log", .key = "proxy" },
};

const struct causes causes_service = { rows, ARRAY_SIZE(rows) };
