/* SPDX-License-Identifier: GPL-2.0-only */
/* Causes in connection tracking: entries that outlived the rules, tables that are full, packets left untracked. */
#include <string.h>

#include "tracer/causes.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

/* Ends at the endpoint, or on the way to it: what an endpoint that is gone looks like. */
#define GONE	(ENDS(CAUSE_NEIGHBOUR_FAILED) | ENDS(CAUSE_NO_ROUTE) | ENDS(CAUSE_REROUTE_FAILED) | ENDS(CAUSE_BLACKHOLE) | \
		 ENDS(CAUSE_UNREACHABLE_ROUTE) | ENDS(CAUSE_PROHIBIT) | ENDS(CAUSE_LINK_DOWN) | ENDS(CAUSE_NO_LISTENER) | \
		 ENDS(CAUSE_LISTENER_OTHER) | ENDS(CAUSE_LISTENER_LOOPBACK))

/* The entry translated its connection: the answer comes from elsewhere than what was addressed. */
static bool translated(const struct ct_view *ct)
{
	return !addr_eq(&ct->orig.dst, &ct->back.src) || ct->orig.dport != ct->back.sport;
}

static const struct ct_view *entry(struct view *v, uint8_t proto)
{
	const struct ct_view *ct = view_entry(v);

	if (!ct || v->t->target.proto != proto)
		return NULL;
	v->ev = view_evidence(v, EV_CONNTRACK);
	return ct;
}

static bool stale_udp(struct view *v)
{
	const struct ct_view *ct = entry(v, IPPROTO_UDP);

	return ct && translated(ct);
}

static bool half_open(const struct ct_view *ct)
{
	return ct->tcp_state == TCP_CONNTRACK_SYN_SENT || ct->tcp_state == TCP_CONNTRACK_SYN_RECV;
}

static bool stale_synsent(struct view *v)
{
	const struct ct_view *ct = entry(v, IPPROTO_TCP);

	return ct && translated(ct) && half_open(ct);
}

static bool stale_established(struct view *v)
{
	const struct ct_view *ct = entry(v, IPPROTO_TCP);

	return ct && translated(ct) && !half_open(ct);
}

static bool unnatted_udp(struct view *v)
{
	const struct ct_view *ct = entry(v, IPPROTO_UDP);

	return ct && !translated(ct) && view_is_service(v) && !view_dnat(v) &&
	       (v->fails || v->t->end.kind == END_SENT);
}

/* A hop where a rule took the packet out of tracking, so that no nat chain ran for it. */
static bool notrack(struct view *v)
{
	size_t i;

	if (!(view_is_service(v) || in_service_range(&v->t->target.dst)) || view_dnat(v) || (!v->fails && v->t->end.kind != END_SENT))
		return false;
	for (i = 0; i < v->t->n_hops; i++) {
		const struct hop *h = &v->t->hops[i];
		const struct evidence *e = hop_evidence(h, EV_RULE);

		if (h->reply || h->out.ct.state != CT_UNTRACKED || h->in.ct.state == CT_UNTRACKED || !e)
			continue;
		v->hop = h;
		v->ev = e;
		if (!v->fails)
			v->severity = SEVERITY_WARNING;
		return true;
	}
	return false;
}

/* ip_vs_nat_xmit() and its kin take what they send out of conntrack unless net.ipv4.vs.conntrack is set. */
static bool ipvs_untracks(const struct view *v)
{
	size_t i;

	for (i = 0; i < v->t->n_hops; i++)
		if (v->t->hops[i].stage == STAGE_IPVS_IN && v->t->hops[i].out.ct.state == CT_UNTRACKED)
			return true;
	return false;
}

static bool invalid_drop(struct view *v)
{
	if (ipvs_untracks(v)) {
		v->text = "ip_vs keeps its connections out of conntrack here (net.ipv4.vs.conntrack is 0), to which "
			  "{packet} is then INVALID: {rule|conntrack} drops it.";
		v->fix = "sysctl -w net.ipv4.vs.conntrack=1   # as kube-proxy sets it";
	}
	if (v->cause == CAUSE_CONNTRACK_INVALID)
		return true;
	return evidence_is_rule(v->ev) && v->hop->in.ct.state == CT_INVALID &&
	       (evidence_says(v->ev, "INVALID") || evidence_says(v->ev, "invalid"));
}

static bool full(struct view *v)
{
	const struct node_facts *f = &v->p->facts;

	if (v->cause == CAUSE_CONNTRACK_FULL)
		return true;
	if (v->fails || f->ct_max <= 0 || f->ct_count < f->ct_max - f->ct_max / 20)
		return false;
	v->severity = SEVERITY_WARNING;
	v->text = "The conntrack table is nearly full ({fill}): when it is, new connections die in "
		  "conntrack before any rule.";
	v->ev = view_sysctl(v, "nf_conntrack_max");
	return true;
}

static const struct cause rows[] = {
	{ .id = "notrack-breaks-service", .severity = SEVERITY_ERROR, .when = FAILS | REACHES,
	  .title = "An untracked packet cannot be translated", .applies = notrack,
	  .text = "{rule} takes {target} out of connection tracking, so the Service's DNAT is never "
		  "consulted for it: `{ruletext}`.",
	  .fix = "{list}   # narrow this rule so that it spares {target}" },
	{ .id = "conntrack-stale-udp", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "A UDP flow is pinned to a dead endpoint", .ends = GONE, .applies = stale_udp,
	  .text = "{client} -> {target} is pinned to {endpoint|an endpoint} by a conntrack entry "
		  "({timeout|its time is renewed by each packet}), which decides before any rule: "
		  "{entry}; {why}.",
	  .fix = "conntrack -D -p udp --orig-dst {targetaddr} --reply-src "
		  "{endpointaddr}", .key = "{endpoint}" },
	{ .id = "conntrack-stale-tcp-synsent", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "A half-open TCP entry keeps sending retries to a dead endpoint", .ends = GONE,
	  .applies = stale_synsent,
	  .text = "{client} -> {target} has an unanswered conntrack entry to {endpoint|an endpoint} "
		  "({timeout|not expired}), so a retry from the same source port goes there again, "
		  "whatever the rules say: {entry}; {why}.",
	  .fix = "conntrack -D -p tcp --orig-dst {targetaddr} --reply-src "
		  "{endpointaddr}", .key = "{endpoint}" },
	{ .id = "conntrack-established-to-removed", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "A TCP entry leads to an endpoint that is gone", .ends = GONE,
	  .applies = stale_established,
	  .text = "{client} -> {target} belongs to a connection with {endpoint|an endpoint} that conntrack "
		  "still holds ({timeout|not expired}); it decides before any rule: {entry}; {why}.",
	  .fix = "conntrack -D -p tcp --orig-dst {targetaddr} --reply-src {endpointaddr}",
	  .key = "{endpoint}" },
	{ .id = "conntrack-unnatted-udp", .severity = SEVERITY_ERROR, .when = FAILS | REACHES,
	  .title = "A UDP entry is older than the Service's rules", .applies = unnatted_udp,
	  .text = "The flow {client} -> {target} was recorded without translation before the "
		  "Service's rules appeared; the DNAT rule is skipped for it as long as the entry "
		  "lives: {entry}.",
	  .fix = "conntrack -D -p udp --orig-dst {targetaddr}", .key = "{target}" },
	{ .id = "conntrack-invalid-drop-asymmetric", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "Conntrack calls the packet INVALID and it is dropped", .applies = invalid_drop,
	  .text = "Conntrack sees {packet} as INVALID, as happens when only one direction of a "
		  "connection passes this node; {rule|conntrack} drops it.",
	  .fix = "sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1   # before a restart of "
		  "kube-proxy; or make the routing symmetric" },
	{ .id = "conntrack-full", .severity = SEVERITY_ERROR, .when = FAILS | REACHES,
	  .title = "The conntrack table is full", .applies = full,
	  .text = "The conntrack table is full ({fill|count and limit are not readable here}): new "
		  "connections die in conntrack before any rule.",
	  .fix = "sysctl -w net.netfilter.nf_conntrack_max={ctmax|524288}   # also shorten the "
		  "timeouts of what fills it: conntrack -L",
	  .key = "full" },
};

const struct causes causes_flow = { rows, ARRAY_SIZE(rows) };
