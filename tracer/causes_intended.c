/* SPDX-License-Identifier: GPL-2.0-only */
/* Causes in what kube-proxy programmed, seen beside what Services and EndpointSlices promise; without objects none applies. */
#include <string.h>

#include "tracer/causes.h"
#include "tracer/intended.h"

/* Chains of kube-proxy's that lead to endpoints. */
#define BALANCING "KUBE-SVC-*|KUBE-SVL-*|KUBE-SEP-*|service-*|local-*|endpoint-*"

const struct intended *view_intended(const struct view *v)
{
	return v->p->intended ? v->p->intended[v->t - v->p->trace] : NULL;
}

/* Did kube-proxy's rules or IPVS choose the endpoint, and not some other translation? */
static bool is_balanced(const struct view *v)
{
	return hop_meets(view_dnat(v), BALANCING) || view_evidence(v, EV_IPVS);
}

static bool not_ready(struct view *v)
{
	const struct intended *in = view_intended(v);

	if (v->cause == CAUSE_IPVS_NO_SERVER)
		v->text = "No endpoint of {promised} is ready ({unready}), so ip_vs has nobody to send {targets} to, and "
			  "refuses: {why}.";
	return in && (view_no_endpoints(v) || v->cause == CAUSE_IPVS_NO_SERVER) && !in->n_usable && in->n_unready;
}

bool view_refused_too_late(const struct view *v)
{
	const struct intended *in = view_intended(v);

	return in && (view_no_endpoints(v) || v->cause == CAUSE_IPVS_NO_SERVER || v->cause == CAUSE_IPVS_WEIGHT_ZERO) &&
	       in->n_usable && in->missing;
}

bool view_endpoint_gone(const struct view *v)
{
	const struct intended *in = view_intended(v);

	return in && in->gone && is_balanced(v);
}

static bool is_behind(struct view *v)
{
	const struct intended *in = view_intended(v);

	if (view_refused_too_late(v)) {
		v->severity = SEVERITY_ERROR;
		v->text = v->hop->stage == STAGE_IPVS_IN ?
			"{targets} is refused because {why}, but {promised} has {missing} by now ({origin}): kube-proxy on this "
			"node has not caught up." :
			"The rules refuse {targets} because {promised} has no endpoints ({rule}), but by "
			"now it has {missing} ({origin}): kube-proxy on this node has not caught up.";
		return true;
	}
	if (!in || !is_balanced(v) || (!in->out && !in->missing))
		return false;
	if (!in->missing)
		v->text = "The rules of {promised} still lead to {extra}, which packets are no longer to be "
			  "sent to ({origin}): kube-proxy on this node has not caught up with the EndpointSlices.";
	else if (in->extra)
		v->text = "The rules of {promised} lead to {extra}, but to clients of this node {origin} promise "
			  "{missing} instead: kube-proxy has not caught up with the EndpointSlices.";
	return true;
}

/* Without objects: the address that does not resolve is the endpoint itself, as of a Pod on this node, and no namespace here holds it. */
static bool does_not_resolve(struct view *v)
{
	const struct evidence *e = hop_evidence(v->hop, EV_NEIGHBOUR), *route = view_evidence(v, EV_ROUTE);
	char buf[ADDR_TEXT];
	size_t len;

	if (v->cause != CAUSE_NEIGHBOUR_FAILED || !v->fails || view_intended(v) || !view_dnat(v) || !v->t->has_endpoint ||
	    v->t->endpoint_place || v->hop->reply)
		return false;
	/* this host's own address, which IPVS sends by the way that the packet had before */
	if (route && route->text && !strncmp(route->text, "local ", strlen("local ")))
		return false;
	if (!e)		/* never asked for: on-link, the next hop is the address itself */
		return route && route->text && !strstr(route->text, " via ") &&
		       addr_eq(&v->hop->in.dst, &v->t->endpoint);
	addr_say(&v->t->endpoint, buf);
	len = strlen(buf);
	v->ev = e;
	return e->text && !strncmp(e->text, buf, len) && (e->text[len] == ' ' || !e->text[len]);
}

#define DEAD (ENDS(CAUSE_NEIGHBOUR_FAILED) | ENDS(CAUSE_NO_ROUTE) | ENDS(CAUSE_REROUTE_FAILED) | ENDS(CAUSE_NO_LISTENER) | \
	      ENDS(CAUSE_BLACKHOLE) | ENDS(CAUSE_UNREACHABLE_ROUTE))

/* What fails for a reason of its own is left to that. */
static bool dead_pod(struct view *v)
{
	if (!view_endpoint_gone(v))
		return does_not_resolve(v);
	if (v->fails) {
		v->text = "{endpoint} is still an endpoint of {promised} in the rules, but no EndpointSlice "
			  "has it any more ({origin}), and packets to it end: {why}.";
		return DEAD & ENDS(v->cause);
	}
	v->severity = SEVERITY_WARNING;
	v->text = "{endpoint} is still an endpoint of {promised} in the rules, but no EndpointSlice has it "
		  "any more ({origin}): whoever has that address now gets the packets.";
	return true;
}

static bool is_unprogrammed(struct view *v)
{
	const struct intended *in = view_intended(v);

	return in && in->unprogrammed && !view_dnat(v);
}

#define LOG "kubectl -n kube-system logs -l k8s-app=kube-proxy --tail=50   # of the Pod on this node: does it sync, and what does it complain of?"

static const struct cause rows[] = {
	{ .id = "endpoints-not-ready", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The Service has endpoints, but none is ready", .applies = not_ready,
	  .text = "No endpoint of {promised} is ready ({unready}), so kube-proxy refuses {targets} "
		  "({rule}).",
	  .fix = "kubectl -n {ns|NAMESPACE} get pods -o wide   # describe those that are not ready: which probe fails, and why?",
	  .key = "{promised}" },
	{ .id = "stale-dnat-dead-pod", .severity = SEVERITY_ERROR, .when = FAILS | REACHES,
	  .title = "The Service sends to a Pod that is not there", .applies = dead_pod,
	  .text = "{endpoint} is still an endpoint of {service|the Service} in the rules, but nothing "
		  "on its network answers for it ({neigh|no entry}) and no namespace of this node holds it.",
	  .fix = "kubectl get pods -A -o wide | grep -w {endpointaddr}   # no such Pod: kube-proxy is "
		  "behind, restart it and read its log",
	  .key = "{endpoint}" },
	{ .id = "kube-proxy-restore-fails", .severity = SEVERITY_ERROR, .when = FAILS | REACHES,
	  .title = "kube-proxy has no rule for the Service", .applies = is_unprogrammed,
	  .text = "{promised} exists ({origin}), but no rule of this node knows it, though other "
		  "services have theirs: {target} is routed like any other address. Either "
		  "kube-proxy has not come to it yet, or one line that the kernel refuses blocks every update.",
	  .fix = LOG, .key = "{promised}" },
	{ .id = "kube-proxy-sync-slow", .severity = SEVERITY_WARNING, .when = ALSO,
	  .title = "kube-proxy is behind the Service's EndpointSlices", .applies = is_behind,
	  .text = "No rule of {promised} leads to {missing}, which {origin} promise to clients of "
		  "this node: kube-proxy has not caught up with the EndpointSlices.",
	  .fix = LOG, .key = "{promised}" },
};

const struct causes causes_intended = { rows, ARRAY_SIZE(rows) };
