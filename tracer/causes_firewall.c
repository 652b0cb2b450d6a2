/* SPDX-License-Identifier: GPL-2.0-only */
/* Causes in rules that others than kube-proxy wrote: host firewalls, network policies, a second rule set. */
#include <string.h>

#include "tracer/causes.h"
#include "tracer/owners.h"

#include <linux/netfilter.h>

#define RULED	(ENDS(CAUSE_NONE) | ENDS(CAUSE_RULE) | ENDS(CAUSE_POLICY) | ENDS(CAUSE_REPLY_DROPPED))
#define HOST	(HOOK(NF_INET_LOCAL_IN) | HOOK(NF_INET_FORWARD) | HOOK(NF_INET_LOCAL_OUT))

/*
 * Docker 28's guard of container addresses: raw PREROUTING, "-d ADDRESS ! -i BRIDGE -j DROP", in iptables' or nft's words. It has no
 * chain of its own.
 */
static bool docker_raw(struct view *v)
{
	const struct evidence *e = v->ev;

	return e->kind == EV_RULE && name_matches(e->table, "raw") && name_matches(e->chain, "PREROUTING") &&
	       (evidence_says(e, "-d ") || evidence_says(e, "daddr ")) &&
	       (evidence_says(e, "! -i ") || evidence_says(e, "iifname != ")) && !evidence_says(e, "rpfilter");
}

static bool ufw(struct view *v)
{
	return name_matches(evidence_owner(v->ev), "ufw") || hop_meets(v->hop, "ufw-*|ufw6-*");
}

static bool cgnat(struct view *v)
{
	struct addr net = addr_v4(0x64400000);

	return addr_in(&v->hop->in.src, &net, 10);
}

static bool raw_rpf(struct view *v)
{
	return v->ev->kind == EV_RULE && name_matches(v->ev->table, "raw|calico|cali*") &&
	       (evidence_says(v->ev, "rpfilter") || evidence_says(v->ev, "fib saddr"));
}

static bool unknown_interface(struct view *v)
{
	return evidence_says(v->ev, "Unknown interface") || evidence_says(v->ev, "unknown interface") ||
	       name_matches(v->ev->chain, "*cali-from-wl-dispatch*|*cali-to-wl-dispatch*");
}

static bool dns_egress(struct view *v)
{
	return !v->hop->reply && v->hop->in.dport == 53;
}

/* Rules of both backends decided about this packet: the one that ended it, and the last that had let it go or changed it. */
bool view_two_backends(struct view *v)
{
	const struct evidence *other = NULL;
	size_t i, k;

	if (!v->fails || !evidence_is_rule(v->ev) || !evidence_is_iptables(v->ev))
		return false;
	for (i = 0; i < v->t->n_hops; i++)
		for (k = 0; k < v->t->hops[i].n_evidence; k++) {
			const struct evidence *e = &v->t->hops[i].evidence[k];

			if (e->kind == EV_RULE && e->effect >= EFFECT_CHANGE && evidence_is_iptables(e) &&
			    e->backend != v->ev->backend && (!other || e->effect >= other->effect))
				other = e;
		}
	view_rest(v, other);
	return other;
}


/* Two sets of kube-proxy's rules are worth a word though all goes well. */
static bool legacy_and_nft(struct view *v)
{
	return v->fails ? view_two_backends(v) : proxy_both_backends(&v->p->proxy) && view_side_by_side(v);
}

/* Accepted by a rule of an earlier base chain at this very hook. */
static bool accepted_before(struct view *v)
{
	const struct hop *at = v->hop;
	size_t i;

	for (i = v->t->n_hops - 1; i-- > 0; ) {
		const struct hop *h = &v->t->hops[i];
		size_t k;

		if (h->stage != STAGE_HOOK || h->hook != at->hook || h->reply != at->reply)
			break;
		if (h->nat || h->priority <= -150)	/* accepting in raw or mangle says nothing of filtering */
			continue;
		for (k = h->n_evidence; k-- > 0; )
			if (evidence_accepts(&h->evidence[k])) {
				view_rest(v, &h->evidence[k]);
				return true;
			}
	}
	return false;
}

static bool firewalld(struct view *v)
{
	if (v->hop->stage == STAGE_HOOK && accepted_before(v))
		v->text = "{otherrule} accepted {packet}, then firewalld refused it in {rule} "
			  "(`{ruletext}`): its zone for this traffic is not a trusted one, and an "
			  "accept ends its own base chain only.";
	return true;
}

static bool host_prohibited(struct view *v)
{
	/* icmpv6_err_convert(), icmp_err_convert[] */
	if (v->t->target.dst.family == AF_INET6)
		v->text = "{rule} rejects {packet} as prohibited, which the client reports as \"Permission denied\": "
			  "`{ruletext}`.";
	return v->t->end.kind == END_REJECT && v->ev->kind == EV_RULE &&
	       (evidence_says(v->ev, "host-prohib") || evidence_says(v->ev, "admin-prohib") || evidence_says(v->ev, "adm-prohib"));
}

static bool filter_policy(struct view *v)
{
	if (v->ev->kind != EV_POLICY)
		return false;
	if (hop_meets(v->hop, "DOCKER|DOCKER-*"))
		v->text = "No rule accepts {packet}; {rule} DROP (set by Docker: its chains stand "
			  "there) discards it.";
	return true;
}

/* As nft/queue.c says it. */
static bool queue_unread(struct view *v)
{
	return evidence_is_rule(v->ev) && v->ev->says && strstr(v->ev->says, "drops it: no program reads ");
}

static const struct cause rows[] = {
	{ .id = "queue-unread", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The program that should decide is not there", .ends = RULED, .applies = queue_unread,
	  .text = "{rule} (`{ruletext}`) leaves it to a program what becomes of {packet}; it is dropped, since {because}: the "
		  "program has ended, or has not started yet.",
	  .fix = "cat /proc/net/netfilter/nfnetlink_queue   # the queues that are read; start {owner|the program} again. With "
		  "\"bypass\" in the rule packets pass as long as it is away" },
	{ .id = "iptables-legacy-and-nft", .severity = SEVERITY_ERROR, .when = FAILS | REACHES,
	  .title = "iptables-legacy and iptables-nft both hold rules", .ends = RULED,
	  .applies = legacy_and_nft,
	  .text = "Two rule sets act on this packet: {otherrule} let {packet} go on, and {rule} ended "
		  "it (`{ruletext}`).",
	  .fix = "iptables-legacy-save; iptables-nft-save   # find out which is stale and flush "
		  "that one (-F and -X in each of its tables)" },
	{ .id = "firewalld-zone-drop", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "firewalld refuses the traffic", .ends = RULED, .owner = "firewalld",
	  .applies = firewalld,
	  .text = "firewalld refused {packet} in {rule} (`{ruletext}`): its zone for this traffic is not "
		  "a trusted one.",
	  .fix = "firewall-cmd --permanent --zone=trusted --add-source=POD-CIDR && firewall-cmd --reload   "
		  "# what Pods send; what others send to them needs a policy between the two zones" },
	{ .id = "docker28-raw-drop", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "Docker drops direct access to a container address", .ends = RULED,
	  .hooks = HOOK(NF_INET_PRE_ROUTING), .applies = docker_raw,
	  .text = "{rule} (as Docker 28 guards container addresses against direct access) drops what "
		  "is routed to {dst} from another interface: `{ruletext}`. It runs before every nat "
		  "and filter rule.",
	  .fix = "# in Docker: gateway mode nat-unprotected, or trusted_host_interfaces for this "
		  "network; or\n{allow|# accept it above this rule}" },
	{ .id = "docker-chain-drop", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "A chain of Docker's drops the traffic", .ends = RULED, .owner = "Docker",
	  .text = "Docker's {rule} drops {packet}: `{ruletext}`.",
	  .fix = "iptables -I DOCKER-USER -s {src} -d {dst} -j ACCEPT   # Docker leaves DOCKER-USER "
		  "to you; see {list}" },
	{ .id = "tailscale-cgnat-drop", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "Tailscale drops 100.64.0.0/10 that does not come from it", .ends = RULED,
	  .owner = "Tailscale", .applies = cgnat,
	  .text = "{src} falls in Tailscale's range 100.64.0.0/10 and came by {iif|another "
		  "interface}; {rule} drops it.",
	  .fix = "{allow|# accept it above this rule}   # an ip-pool for Tailscale, or a pod CIDR, "
		  "outside of that range helps too" },
	{ .id = "calico-rpf-raw-drop", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "A reverse-path rule drops, whatever the sysctl says", .ends = RULED,
	  .hooks = HOOK(NF_INET_PRE_ROUTING), .applies = raw_rpf,
	  .text = "The way back to {src} is not by {iif|the interface it came by}: {owner|a rule}'s "
		  "reverse-path check in {rule} drops it (not the kernel's rp_filter): `{ruletext}`.",
	  .fix = "# if the source is right, route {src} by {iif|that interface}; with Calico, "
		  "allowSpoofedSourcePrefixes lets a Pod use it" },
	{ .id = "calico-unknown-interface-drop", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "Calico does not know the pod's interface", .ends = RULED, .owner = "Calico",
	  .applies = unknown_interface,
	  .text = "Interface {iif|of this pod} is not programmed in Calico's dispatch chains (Felix "
		  "is behind): {rule} drops every packet of the pod.",
	  .fix = "kubectl -n kube-system delete pod -l k8s-app=calico-node --field-selector "
		  "spec.nodeName={node|NODE}" },
	{ .id = "dns-egress-policy-deny", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "An egress policy does not allow DNS", .ends = RULED,
	  .chains = "cali-fw-*|*-cali-fw-*|WEAVE-NPC-EGRESS*", .applies = dns_egress,
	  .text = "The egress policy of the pod behind {iif|this interface} has no rule that allows "
		  "{proto}/53 to {dst}: dropped by {rule} (`{ruletext}`).",
	  .fix = "# add to its NetworkPolicy an egress rule for UDP and TCP port 53 to the DNS pods" },
	{ .id = "calico-policy-drop", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "A Calico policy denies the traffic", .ends = RULED, .owner = "Calico",
	  .text = "A Calico policy denies {packet}, or none allows it: {rule} drops it (`{ruletext}`).",
	  .fix = "kubectl get networkpolicies -A; calicoctl get globalnetworkpolicy,networkpolicy "
		  "-A   # one must allow {src} to port {endpointport}" },
	{ .id = "kube-router-podfw-reject", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "kube-router refuses the traffic by NetworkPolicy", .ends = RULED,
	  .owner = "kube-router",
	  .text = "Refused by NetworkPolicy, not by the application: {rule} refuses {packet} "
		  "({comment|no policy allows it}).",
	  .fix = "kubectl get networkpolicies -A   # one must allow {src} to {dst} port "
		  "{endpointport}" },
	{ .id = "ufw-routed-deny", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "ufw denies routed traffic", .ends = RULED, .hooks = HOOK(NF_INET_FORWARD),
	  .applies = ufw,
	  .text = "ufw's routed policy drops {packet} in FORWARD ({rule}).",
	  .fix = "ufw route allow from {src} to {dst}   # for the whole pod CIDR: ufw route "
		  "allow in on {iif|cni0}; ufw allow from PODCIDR" },
	{ .id = "ufw-input-deny", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "ufw denies the traffic", .ends = RULED,
	  .hooks = HOOK(NF_INET_LOCAL_IN) | HOOK(NF_INET_LOCAL_OUT), .applies = ufw,
	  .text = "ufw drops {packet} ({rule}).",
	  .fix = "ufw allow from {src} to any port {endpointport} proto {proto}" },
	{ .id = "nft-accept-not-final", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "Accepted in one base chain, dropped in a later one", .ends = RULED, .hooks = HOST,
	  .applies = accepted_before,
	  .text = "{otherrule} accepts {packet}, but an accept ends its own base chain only: {rule} "
		  "runs later at the same hook and ends it (`{ruletext}`).",
	  .fix = "{allow|# accept it above this rule}   # it must be accepted in every base chain" },
	{ .id = "input-reject-host-prohibited", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "A host firewall rejects the traffic as prohibited", .ends = RULED,
	  .hooks = HOOK(NF_INET_LOCAL_IN) | HOOK(NF_INET_FORWARD), .applies = host_prohibited,
	  .text = "{rule} rejects {packet} as prohibited, which the client reports as \"No route to "
		  "host\": `{ruletext}`.",
	  .fix = "{allow|# accept it above this rule}   # for the whole pod CIDR, it must stand above the "
		  "REJECT" },
	{ .id = "forward-policy-drop", .severity = SEVERITY_ERROR, .when = FAILS,
	  .title = "The FORWARD chain drops what no rule of it accepts", .ends = RULED, .hooks = HOOK(NF_INET_FORWARD),
	  .applies = filter_policy,
	  .text = "No rule accepts {packet}; {rule} DROP discards it.",
	  .fix = "{allow|# accept it above this rule}   # the CNI's own accept rules are better, for the "
		  "whole pod CIDR; not a blanket policy ACCEPT" },
};

const struct causes causes_firewall = { rows, ARRAY_SIZE(rows) };
