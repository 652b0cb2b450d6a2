/* SPDX-License-Identifier: GPL-2.0-only */
/* A finished prediction gets its names, and the objects' promises beside what the rules do. */
#include <errno.h>
#include <string.h>

#include "tracer/intended.h"
#include "tracer/names_priv.h"
#include "tracer/programmed.h"

#define ASK_ADDRS	8		/* addresses of a target without service, each a question */

static const struct service *service_of(const struct names *n, const struct prediction *p, const struct trace *t)
{
	const struct target *target = &p->target.target;
	const struct service_port *sp;
	bool external;

	if (target->kind == TARGET_SERVICE)
		return cluster_service(n->cluster, target->namespace, target->name);
	return intended_service(n->cluster, p, &t->target, &sp, &external);
}

/* What is sent to a Pod's own address has that for its endpoint, though it may end on its way there. */
static void name_endpoint(struct names *n, const struct prediction *p, struct trace *t)
{
	const struct target *target = &p->target.target;
	const struct service *s = service_of(n, p, t);
	const struct pod *pod = target->kind == TARGET_POD ? names_find_pod(n, target->namespace, target->name) : NULL;

	if (t->has_endpoint && !(pod && addr_eq(&t->endpoint, &t->target.dst))) {
		t->endpoint_owner = names_owner_of(n->cluster, n->arena, s, &t->endpoint, t->endpoint_port, t->target.proto);
		return;
	}
	t->endpoint_owner = pod ? names_owner_of_pod(n->arena, pod) :
				  names_owner_of(n->cluster, n->arena, s && s->headless ? s : NULL, &t->target.dst, t->target.dport, t->target.proto);
	if (!t->endpoint_owner || t->has_endpoint)
		return;
	t->has_endpoint = true;
	t->endpoint = t->target.dst;
	t->endpoint_port = t->target.proto == IPPROTO_ICMP || t->target.proto == IPPROTO_ICMPV6 ? 0 : t->target.dport;
}

/* What the user's --kubeconfig is for: the service that was met, and the Pods of addresses that no service has. */
static void ask_about(struct names *n, const struct prediction *p, const struct trace *t, size_t n_trace)
{
	const struct target *target = &p->target.target;
	struct service_name name = { target->namespace, target->name, NULL };
	char buf[ADDR_TEXT];

	if (target->kind != TARGET_SERVICE && !service_of_comment(n->arena, p->target.service, &name))
		name.name = NULL;
	if (target->kind != TARGET_POD && name.name) {
		names_ask_service(n, name.namespace, name.name);
		return;
	}
	if (p->proxy.mode == PROXY_IPVS && target->kind != TARGET_POD) {
		names_ask(n, &(struct kube_query){ .kind = CLUSTER_SERVICES });
		names_ask(n, &(struct kube_query){ .kind = CLUSTER_SLICES });
		return;
	}
	for (size_t i = 0; i < n_trace && i < ASK_ADDRS; i++)
		if (t[i].has_endpoint && !cluster_pod_at(n->cluster, &t[i].endpoint))
			names_ask(n, &(struct kube_query){ .kind = CLUSTER_PODS, .field = arena_printf(n->arena, "status.podIP=%s",
							addr_say(&t[i].endpoint, buf)) });
}

/* Which node this is decides what Local policies and hints promise. */
static const struct node *this_node(struct names *n, const struct prediction *p, const struct trace *t, size_t n_trace)
{
	bool matters = false;

	for (size_t i = 0; i < n_trace && !matters; i++) {
		const struct service *s = service_of(n, p, &t[i]);
		size_t n_slice;
		const struct slice *slice = s ? cluster_slices(n->cluster, s->namespace, s->name, &n_slice) : NULL;

		matters = s && (s->external_local || s->internal_local);
		for (size_t k = 0; slice && k < n_slice && slice->n_endpoint && !matters; k++)
			matters = slice[k].n_endpoint && (slice[k].endpoint->n_zone || slice[k].endpoint->n_for_node);
	}
	if (matters)
		names_ask_named(n, CLUSTER_NODES, NULL, p->node);
	return cluster_node(n->cluster, p->facts.node_addr, p->facts.n_node_addr, p->node);
}

/* The virtual service of this very address and port; *out NULL: none. 0 or -errno. */
static int virtual_service(struct state *s, const struct tuple *t, const struct ipvs_service **out)
{
	const struct ipvs_service *v;
	size_t n;
	int rc = ipvs_services(state_ipvs(s), 0, &v, &n);

	*out = NULL;
	for (size_t i = 0; !rc && i < n; i++)
		if (!v[i].fwmark && v[i].proto == t->proto && v[i].port == t->dport && addr_eq(&v[i].addr, &t->dst))
			*out = &v[i];
	return rc;
}

/* Services that the rules, asked by name, do not know. */
static bool is_unprogrammed(struct names *n, struct state *s, const struct prediction *p, const struct tuple *t)
{
	struct target target = { .kind = TARGET_SERVICE, .input = "" };
	const struct ipvs_service *virtual;
	const struct service_port *sp;
	const struct service *service;
	struct resolved resolved;
	bool external;

	if (p->proxy.mode == PROXY_IPVS)
		return !virtual_service(s, t, &virtual) && !virtual;
	if (p->proxy.mode == PROXY_NONE)
		return false;
	if (p->target.target.kind == TARGET_SERVICE)
		return p->target.by_objects;
	service = intended_service(n->cluster, p, t, &sp, &external);
	if (p->target.service || !service)
		return false;
	target.namespace = service->namespace;
	target.name = service->name;
	target.port = sp->port;
	target.proto = sp->proto;
	return target_resolve(s, n->arena, &p->proxy, &target, &resolved, NULL) == -ENOENT;
}

static bool came_to_ipvs(const struct trace *t)
{
	for (size_t i = 0; i < t->n_hops; i++)
		if (t->hops[i].stage == STAGE_IPVS_IN && !t->hops[i].reply)
			return true;
	return false;
}

/* A scheduler may show one real server alone: what was to choose from is asked. */
static const struct real_servers *const *real_servers(struct names *n, struct state *s, const struct trace *t, size_t n_trace)
{
	const struct real_servers **out = arena_alloc(n->arena, n_trace * sizeof(*out));

	for (size_t i = 0; i < n_trace; i++) {
		struct real_servers *r = arena_alloc(n->arena, sizeof(*r));
		const struct ipvs_service *v = NULL;

		if (came_to_ipvs(&t[i]) && !virtual_service(s, &t[i].target, &v) && v && !ipvs_dests(state_ipvs(s), 0, v, &r->dest, &r->n))
			out[i] = r;
	}
	return out;
}

/* Only what was read whole can be held against the rules. */
static void compare(struct names *n, struct state *s, struct prediction *p, const struct trace *t, size_t n_trace)
{
	const struct node *node = this_node(n, p, t, n_trace);
	const struct intended **v;

	if (n->failed)
		return;
	v = intended_compare(n->arena, n->cluster, node, p, t, n_trace, real_servers(n, s, t, n_trace));
	for (size_t i = 0; i < n_trace; i++)
		if (v[i] && !t[i].has_endpoint && is_unprogrammed(n, s, p, &t[i].target)) {
			struct intended *in = arena_dup(n->arena, v[i], sizeof(*in));

			in->unprogrammed = true;
			v[i] = in;
		}
	p->intended = v;
}

/* In IPVS mode the kernel knows no name of an address: the objects' is the only one. */
static void name_service(struct names *n, struct prediction *p, const struct trace *t)
{
	const struct service_port *sp;
	const struct service *s;
	bool external;

	if (p->proxy.mode != PROXY_IPVS || p->target.service || p->target.target.kind != TARGET_ADDRESS)
		return;
	s = intended_service(n->cluster, p, &t->target, &sp, &external);
	if (s && !s->foreign && !s->headless)
		p->target.service = service_say(n->arena, &(struct service_name){ s->namespace, s->name, sp->name });
}

void names_enrich(struct names *n, struct state *s, struct prediction *p, struct trace *t, size_t n_trace)
{
	if (n->always && names_api(n))
		ask_about(n, p, t, n_trace);
	if (!n->cluster)
		return;
	for (size_t i = 0; i < n_trace; i++)
		name_endpoint(n, p, &t[i]);
	compare(n, s, p, t, n_trace);
	if (n_trace)
		name_service(n, p, t);
}
