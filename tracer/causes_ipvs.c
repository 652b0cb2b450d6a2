/* SPDX-License-Identifier: GPL-2.0-only */
/* Causes in virtual services: real servers that are missing, silenced, or gone while connections still lead to them. */
#include "tracer/causes.h"

static bool is_tcp(struct view *v)
{
	return v->t->target.proto == IPPROTO_TCP;
}

static bool is_not_tcp(struct view *v)
{
	return !is_tcp(v);
}

/* A Service that has endpoints by now is kube-proxy's failure to keep up: that is said instead. */
static bool as_promised(struct view *v)
{
	return !view_refused_too_late(v);
}

#define LIST "{in|}ipvsadm -Ln   # the virtual services and their real servers"

static const struct cause rows[] = {
	{ .id = "ipvs-no-real-server", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "IPVS has no endpoint for the Service", .ends = ENDS(CAUSE_IPVS_NO_SERVER),
	  .applies = as_promised,
	  .text = "{targets} is a virtual service of this node, but {why}: ip_vs answers with an ICMP port "
		  "unreachable. In kube-proxy's IPVS mode that means that the Service has no ready endpoint, or, where a "
		  "traffic policy is Local, none on this node.",
	  .fix = LIST "\nkubectl get endpointslices -A   # does the Service have ready endpoints, and here?",
	  .key = "{service|-}{target}" },
	{ .id = "ipvs-weight-zero", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "IPVS takes no new connections for the Service", .ends = ENDS(CAUSE_IPVS_WEIGHT_ZERO),
	  .applies = as_promised,
	  .text = "All real servers of {targets} have weight 0: they keep their connections and take no new one, so ip_vs "
		  "refuses. kube-proxy gives weight 0 to endpoints that terminate; one that is left so after a restart of "
		  "kube-proxy stays silenced.",
	  .fix = LIST "\nkubectl get endpointslices -A   # are these endpoints ready? then restart kube-proxy on this node",
	  .key = "{service|-}{target}" },
	{ .id = "ipvs-old-conn-to-removed-rs", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "An old IPVS connection leads to a real server that is gone", .ends = ENDS(CAUSE_IPVS_STALE),
	  .applies = is_tcp,
	  .text = "The client's address and port belong to a connection that ip_vs still has: {why}.",
	  .fix = "{in|}sysctl -w net.ipv4.vs.expire_nodest_conn=1 net.ipv4.vs.conn_reuse_mode=1\n"
		 "{in|}ipvsadm -Lnc   # the connections", .key = "{target}" },
	{ .id = "ipvs-udp-stale", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "A live IPVS connection leads to a real server that is gone", .ends = ENDS(CAUSE_IPVS_STALE),
	  .applies = is_not_tcp,
	  .text = "{why}: every packet of this client's port is dropped until the entry has been silent for its timeout.",
	  .fix = "{in|}sysctl -w net.ipv4.vs.expire_nodest_conn=1\n{in|}ipvsadm -Lnc   # the connections",
	  .key = "{target}" },
};

const struct causes causes_ipvs = { rows, ARRAY_SIZE(rows) };
