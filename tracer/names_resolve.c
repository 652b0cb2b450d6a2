/* SPDX-License-Identifier: GPL-2.0-only */
/* Targets that the rules do not tell, to addresses and ports, from the cluster's objects alone. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/names_priv.h"
#include "tracer/word.h"

#define NEAREST 3

struct ports {
	struct arena *arena;
	struct target_port *v;
	size_t n, cap;
};

static void add_addr(struct ports *l, struct target_port *tp, const struct addr *addr)
{
	struct addr *list;

	for (size_t i = 0; i < tp->n_addr; i++)
		if (addr_eq(&tp->addr[i], addr))
			return;
	list = arena_alloc(l->arena, (tp->n_addr + 1) * sizeof(*list));
	if (tp->n_addr)
		memcpy(list, tp->addr, tp->n_addr * sizeof(*list));
	list[tp->n_addr++] = *addr;
	tp->addr = list;
}

static struct target_port *port_of(struct ports *l, const char *name, uint16_t port, uint8_t proto)
{
	struct target_port *tp;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].port == port && l->v[i].proto == proto)
			return &l->v[i];
	tp = VEC_PUSH(l->arena, l->v, l->n, l->cap);
	tp->name = name;
	tp->port = port;
	tp->proto = proto;
	return tp;
}

static int found(const struct ports *l, const struct target *t, struct resolved *out)
{
	*out = (struct resolved){ .target = *t, .port = l->v, .n_port = l->n, .by_objects = true };
	return 0;
}

static bool wants(const struct target *t, const char *name, uint16_t port, uint8_t proto)
{
	if (t->proto && t->proto != proto)
		return false;
	if (t->port_name)
		return name && !strcmp(t->port_name, name);
	return !t->port || t->port == port;
}

/* "80/tcp (http), 443/tcp". */
static const char *say_ports(struct arena *a, const struct service_port *v, size_t n)
{
	struct text t = { .arena = a };

	for (size_t i = 0; i < n; i++)
		text_add(&t, "%s%u/%s%s%s%s", i ? ", " : "", v[i].port, proto_say(a, v[i].proto), v[i].name ? " (" : "",
			 v[i].name ? v[i].name : "", v[i].name ? ")" : "");
	return n ? text_get(&t) : "none";
}

static const char *say_wanted(struct arena *a, const struct target *t)
{
	const char *port = t->port_name ? t->port_name : t->port ? arena_printf(a, "%u", t->port) : "";

	return t->proto ? arena_printf(a, "%s/%s", port, proto_say(a, t->proto)) : port;
}

/* -- services ------------------------------------------------------------------------------------- */

/*
 * DNS gives the Pods' own addresses for a headless service, and nothing translates ports: a number is dialled as it is, a name
 * (by SRV records) or none leads to the port that the endpoint has.
 */
static int headless(struct arena *a, const struct cluster *c, const struct service *s, const struct target *t,
		    struct resolved *out, struct err *err)
{
	struct ports l = { .arena = a };
	const struct slice *slice;
	size_t n, ready = 0;

	slice = cluster_slices(c, s->namespace, s->name, &n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < slice[i].n_endpoint; k++) {
			const struct endpoint *e = &slice[i].endpoint[k];
			uint16_t port = t->port ? t->port : e->port;

			if (!e->ready || (t->proto && t->proto != e->proto))
				continue;
			ready++;
			if (port && (!t->port_name || (e->port_name && !strcmp(e->port_name, t->port_name))))
				add_addr(&l, port_of(&l, t->port ? NULL : e->port_name, port, e->proto), &e->addr);
		}
	if (l.n)
		return found(&l, t, out);
	if (!ready)
		return err_set(err, -ENOENT, "%s/%s is a headless service without a ready endpoint (%s): DNS has no address for it, and nothing is sent",
			       s->namespace, s->name, c->origin);
	return err_set(err, -ENOENT, "headless service %s/%s has no port %s; its ports are %s", s->namespace, s->name,
		       say_wanted(a, t), say_ports(a, s->port, s->n_port));
}

int objects_service(struct arena *a, const struct cluster *c, const struct service *s, const struct target *t,
		    struct resolved *out, struct err *err)
{
	const struct addrs *lists[] = { &s->cluster_ip, &s->lb_ip, &s->external_ip };
	struct ports l = { .arena = a };

	if (!strcmp(s->type, "ExternalName"))
		return err_set(err, -ENOENT, "%s/%s is an ExternalName service: DNS answers with the name %s, and no packet is ever sent to the service; give what that resolves to, IP:PORT",
			       s->namespace, s->name, s->external_name ? s->external_name : "(none)");
	if (s->headless)
		return headless(a, c, s, t, out, err);
	for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
		for (size_t i = 0; i < s->n_port; i++)
			for (size_t m = 0; m < lists[k]->n; m++) {
				const struct service_port *p = &s->port[i];

				if (wants(t, p->name, p->port, p->proto))
					add_addr(&l, port_of(&l, p->name, p->port, p->proto), &lists[k]->v[m]);
			}
	if (l.n)
		return found(&l, t, out);
	return err_set(err, -ENOENT, "service %s/%s has no port %s; its ports are %s", s->namespace, s->name,
		       say_wanted(a, t), say_ports(a, s->port, s->n_port));
}

int objects_nodeport(struct arena *a, const struct cluster *c, const struct target *t, const struct addrs *addr,
		     struct resolved *out, struct err *err)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	struct ports l = { .arena = a };
	const char *name = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
		const struct service_port *p;
		const struct service *s = cluster_service_of_node_port(c, protos[i], t->port, &p);

		if (!s || (t->proto && t->proto != protos[i]))
			continue;
		for (size_t k = 0; k < addr->n; k++)
			for (size_t m = 0; m < s->cluster_ip.n; m++)
				if (s->cluster_ip.v[m].family == addr->v[k].family)
					add_addr(&l, port_of(&l, p->name, t->port, protos[i]), &addr->v[k]);
		name = arena_printf(a, "%s/%s%s%s", s->namespace, s->name, p->name ? ":" : "", p->name ? p->name : "");
	}
	if (!l.n)
		return err_set(err, -ENOENT, "no service has NodePort %u (%s)", t->port, c->origin);
	found(&l, t, out);
	out->service = name;
	return 0;
}

/* -- pods ----------------------------------------------------------------------------------------- */

static void add_pod_addrs(struct ports *l, const struct pod *pod, const char *name, uint16_t port, uint8_t proto)
{
	for (size_t i = 0; i < pod->ip.n; i++) {
		uint8_t p = proto == IPPROTO_ICMP && pod->ip.v[i].family == AF_INET6 ? IPPROTO_ICMPV6 : proto;

		add_addr(l, port_of(l, name, port, p), &pod->ip.v[i]);
	}
}

int objects_pod(struct arena *a, const struct pod *pod, const struct target *t, struct resolved *out, struct err *err)
{
	struct ports l = { .arena = a };

	if (!pod->ip.n)
		return err_set(err, -ENOENT, "pod %s/%s has no address yet (%s)", pod->namespace, pod->name,
			       pod->phase ? pod->phase : "its phase is unknown");
	if (t->proto == IPPROTO_ICMP) {
		add_pod_addrs(&l, pod, NULL, 0, t->proto);
		return found(&l, t, out);
	}
	for (size_t i = 0; i < pod->n_port; i++)
		if (wants(t, pod->port[i].name, pod->port[i].port, pod->port[i].proto))
			add_pod_addrs(&l, pod, pod->port[i].name, pod->port[i].port, pod->port[i].proto);
	/* a port that is not declared is a port all the same */
	if (!l.n && t->port)
		add_pod_addrs(&l, pod, NULL, t->port, t->proto ? t->proto : IPPROTO_TCP);
	if (l.n)
		return found(&l, t, out);
	if (t->port_name || pod->n_port)
		return err_set(err, -ENOENT, "pod %s/%s declares no port %s; its ports are %s", pod->namespace, pod->name,
			       say_wanted(a, t), say_ports(a, pod->port, pod->n_port));
	return err_set(err, -ENOENT, "pod %s/%s declares no port: give one, pod/%s/%s:PORT", pod->namespace, pod->name,
		       pod->namespace, pod->name);
}

/* -- names that nobody has ------------------------------------------------------------------------ */

struct near {
	const char *namespace, *name;
	unsigned distance;
};

static int compare_near(const void *va, const void *vb)
{
	const struct near *a = va, *b = vb;
	int d = strcmp(a->namespace, b->namespace);

	if (a->distance != b->distance)
		return a->distance < b->distance ? -1 : 1;
	return d ? d : strcmp(a->name, b->name);
}

static struct near near_of(const char *namespace, const char *name, const char *of_namespace, const char *of_name)
{
	unsigned d = word_distance(name, of_name) * 4;

	/* a Deployment's name begins those of its Pods */
	if (d > 8 && !strncmp(of_name, name, strlen(name)))
		d = 8;
	if (strcmp(namespace, of_namespace))
		d += 1 + word_distance(namespace, of_namespace);
	return (struct near){ of_namespace, of_name, d };
}

/* "; the nearest are svc/prod/web, svc/prod/api", or "". Sorts. */
static const char *say_near(struct arena *a, const char *kind, struct near *near, size_t n)
{
	struct text t = { .arena = a };

	if (!n)
		return "";
	qsort(near, n, sizeof(*near), compare_near);
	for (size_t i = 0; i < n && i < NEAREST; i++)
		text_add(&t, "%s%s/%s/%s", i ? ", " : n > 1 ? "; the nearest are " : "; the nearest is ", kind, near[i].namespace,
			 near[i].name);
	return text_get(&t);
}

int objects_no_service(struct arena *a, const struct cluster *c, const char *namespace, const char *name, struct err *err)
{
	struct near *near = arena_alloc(a, c->n_service * sizeof(*near));

	for (size_t i = 0; i < c->n_service; i++)
		near[i] = near_of(namespace, name, c->service[i].namespace, c->service[i].name);
	return err_set(err, -ENOENT, "there is no service %s/%s (%s)%s", namespace, name, c->origin,
		       say_near(a, "svc", near, c->n_service));
}

int objects_no_pod(struct arena *a, const struct cluster *c, const char *namespace, const char *name, struct err *err)
{
	struct near *near = arena_alloc(a, c->n_pod * sizeof(*near));

	for (size_t i = 0; i < c->n_pod; i++)
		near[i] = near_of(namespace, name, c->pod[i].namespace, c->pod[i].name);
	if (!c->known[CLUSTER_PODS])
		return err_set(err, -ENOENT, "%s hold no Pods, and no EndpointSlice names pod %s/%s", c->origin, namespace, name);
	return err_set(err, -ENOENT, "there is no pod %s/%s (%s)%s", namespace, name, c->origin,
		       say_near(a, "pod", near, c->n_pod));
}
