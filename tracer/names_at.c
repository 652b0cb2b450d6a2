/* SPDX-License-Identifier: GPL-2.0-only */
/* Who has an address, by the objects at hand. */
#include "tracer/names_priv.h"
#include "tracer/programmed.h"

const struct endpoint_owner *names_owner_of_pod(struct arena *a, const struct pod *pod)
{
	struct endpoint_owner *o = arena_alloc(a, sizeof(*o));

	o->pod = arena_printf(a, "%s/%s", pod->namespace, pod->name);
	o->node = pod->node;
	o->ready = answer_of(pod->ready);
	o->serving = UNKNOWN;
	o->terminating = answer_of(pod->terminating);
	return o;
}

const struct endpoint_owner *names_owner_of(const struct cluster *c, struct arena *a, const struct service *s,
					    const struct addr *addr, uint16_t port, uint8_t proto)
{
	const struct endpoint *e = cluster_endpoint(c, s, addr, proto, port);
	struct endpoint_owner *o;
	const struct pod *pod;

	if (e) {
		o = arena_alloc(a, sizeof(*o));
		o->pod = e->pod ? arena_printf(a, "%s/%s", e->namespace, e->pod) : NULL;
		o->node = e->node;
		o->ready = answer_of(e->ready);
		o->serving = answer_of(e->serving);
		o->terminating = answer_of(e->terminating);
		return o;
	}
	pod = cluster_pod_at(c, addr);
	return pod ? names_owner_of_pod(a, pod) : NULL;
}

void names_ask_all(struct names *n)
{
	static const enum cluster_kind kinds[] = { CLUSTER_SERVICES, CLUSTER_SLICES, CLUSTER_PODS };

	if (!n->always || !names_api(n))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		names_ask(n, &(struct kube_query){ .kind = kinds[i] });
}

const char *names_service_at(const struct names *n, struct arena *a, const struct addr *addr, uint8_t proto, uint16_t port)
{
	const struct service_port *sp = NULL;
	const struct service *s = cluster_service_at(n->cluster, addr, proto, port, &sp);
	const struct node *node;

	/* a NodePort is one at a node's addresses alone */
	if (!s && n->cluster) {
		node = cluster_node(n->cluster, addr, 1, NULL);
		s = node ? cluster_service_of_node_port(n->cluster, proto, port, &sp) : NULL;
	}
	return s ? service_say(a, &(struct service_name){ s->namespace, s->name, sp ? sp->name : NULL }) : NULL;
}

const char *names_pod_at(const struct names *n, struct arena *a, const struct addr *addr)
{
	const struct pod *pod = cluster_pod_at(n->cluster, addr);

	return pod ? arena_printf(a, "pod %s/%s", pod->namespace, pod->name) : NULL;
}

const struct endpoint_owner *names_owner_at(const struct names *n, struct arena *a, const struct addr *addr, uint8_t proto,
					    uint16_t port)
{
	return names_owner_of(n->cluster, a, NULL, addr, port, proto);
}
