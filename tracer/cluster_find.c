/* SPDX-License-Identifier: GPL-2.0-only */
/* Look-ups in a cluster: sorted arrays, by name and by address. */
#include <stdlib.h>
#include <string.h>

#include "tracer/cluster.h"

struct key { const char *namespace, *name; };

static int compare_key(const struct key *a, const struct key *b)
{
	int d = strcmp(a->namespace, b->namespace);

	return d ? d : strcmp(a->name, b->name);
}

/* Services, slices (by their service) and Pods begin with the two words that they are sorted by. */
_Static_assert(offsetof(struct service, namespace) == 0 && offsetof(struct service, name) == sizeof(char *), "a key first");
_Static_assert(offsetof(struct slice, namespace) == 0 && offsetof(struct slice, service) == sizeof(char *), "a key first");
_Static_assert(offsetof(struct pod, namespace) == 0 && offsetof(struct pod, name) == sizeof(char *), "a key first");

static int compare_object(const void *a, const void *b)
{
	return compare_key(a, b);
}

static int compare_ref(const void *a, const void *b)
{
	const struct addr_ref *x = a, *y = b;
	int d = addr_cmp(&x->addr, &y->addr);

	return d ? d : x->endpoint < y->endpoint ? -1 : x->endpoint > y->endpoint;
}

/* The first of those that are equal to key, or NULL; n objects of `size` bytes. */
static const void *first_of(const void *v, size_t n, size_t size, const void *key, int (*compare)(const void *, const void *))
{
	const char *base = v;
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(base + mid * size, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && !compare(base + low * size, key) ? base + low * size : NULL;
}

/* -- sorting -------------------------------------------------------------------------------------- */

struct refs {
	struct arena *arena;
	struct addr_ref *v;
	size_t n, cap;
};

static void add_refs(struct refs *r, const struct addrs *a, const void *owner)
{
	for (size_t i = 0; i < a->n; i++)
		*VEC_PUSH(r->arena, r->v, r->n, r->cap) = (struct addr_ref){ a->v[i], owner, NULL };
}

static void sort_refs(struct refs *r)
{
	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), compare_ref);
}

/* Pods that have ended keep their last address, which may be another's by now. */
static bool has_ended(const struct pod *p)
{
	return p->phase && (!strcmp(p->phase, "Succeeded") || !strcmp(p->phase, "Failed"));
}

void cluster_sort(struct cluster *c)
{
	struct refs services = { c->arena }, endpoints = { c->arena }, pods = { c->arena };

	if (c->n_service)
		qsort(c->service, c->n_service, sizeof(*c->service), compare_object);
	if (c->n_slice)
		qsort(c->slice, c->n_slice, sizeof(*c->slice), compare_object);
	if (c->n_pod)
		qsort(c->pod, c->n_pod, sizeof(*c->pod), compare_object);
	for (size_t i = 0; i < c->n_service; i++) {
		add_refs(&services, &c->service[i].cluster_ip, &c->service[i]);
		add_refs(&services, &c->service[i].external_ip, &c->service[i]);
		add_refs(&services, &c->service[i].lb_ip, &c->service[i]);
	}
	for (size_t i = 0; i < c->n_slice; i++)
		for (size_t k = 0; k < c->slice[i].n_endpoint; k++) {
			const struct endpoint *e = &c->slice[i].endpoint[k];

			*VEC_PUSH(c->arena, endpoints.v, endpoints.n, endpoints.cap) =
				(struct addr_ref){ e->addr, &c->slice[i], e };
		}
	for (size_t i = 0; i < c->n_pod; i++)
		if (!c->pod[i].host_network && !has_ended(&c->pod[i]))
			add_refs(&pods, &c->pod[i].ip, &c->pod[i]);
	sort_refs(&services);
	sort_refs(&endpoints);
	sort_refs(&pods);
	c->service_at.v = services.v, c->service_at.n = services.n;
	c->endpoint_at.v = endpoints.v, c->endpoint_at.n = endpoints.n;
	c->pod_at.v = pods.v, c->pod_at.n = pods.n;
}

/* -- by name -------------------------------------------------------------------------------------- */

static const void *by_name(const void *v, size_t n, size_t size, const char *namespace, const char *name)
{
	const struct key key = { namespace, name };

	return n ? first_of(v, n, size, &key, compare_object) : NULL;
}

const struct service *cluster_service(const struct cluster *c, const char *namespace, const char *name)
{
	return c ? by_name(c->service, c->n_service, sizeof(*c->service), namespace, name) : NULL;
}

const struct pod *cluster_pod(const struct cluster *c, const char *namespace, const char *name)
{
	return c ? by_name(c->pod, c->n_pod, sizeof(*c->pod), namespace, name) : NULL;
}

const struct slice *cluster_slices(const struct cluster *c, const char *namespace, const char *service, size_t *n)
{
	const struct slice *s = c ? by_name(c->slice, c->n_slice, sizeof(*s), namespace, service) : NULL;

	for (*n = 0; s && s + *n < c->slice + c->n_slice && !compare_object(s, s + *n); )
		++*n;
	return s;
}

const struct node *cluster_node(const struct cluster *c, const struct addr *addr, size_t n, const char *name)
{
	for (size_t i = 0; c && i < c->n_node; i++)
		for (size_t k = 0; k < c->node[i].addr.n; k++)
			for (size_t m = 0; m < n; m++)
				if (addr_eq(&c->node[i].addr.v[k], &addr[m]))
					return &c->node[i];
	for (size_t i = 0; c && name && i < c->n_node; i++)
		if (!strcmp(c->node[i].name, name))
			return &c->node[i];
	return NULL;
}

/* -- by address ----------------------------------------------------------------------------------- */

/* The first of all that have an address; NULL: nobody has. */
static const struct addr_ref *refs_of(const struct addr_ref *v, size_t n, const struct addr *addr)
{
	const struct addr_ref key = { .addr = *addr };
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (addr_cmp(&v[mid].addr, &key.addr) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && addr_eq(&v[low].addr, addr) ? &v[low] : NULL;
}

static const struct service_port *port_of(const struct service *s, uint8_t proto, uint16_t port)
{
	for (size_t i = 0; i < s->n_port; i++)
		if (s->port[i].proto == proto && s->port[i].port == port)
			return &s->port[i];
	return NULL;
}

const struct service *cluster_service_at(const struct cluster *c, const struct addr *addr, uint8_t proto, uint16_t port,
					 const struct service_port **sp)
{
	const struct addr_ref *r = c ? refs_of(c->service_at.v, c->service_at.n, addr) : NULL;

	for (; r && r < c->service_at.v + c->service_at.n && addr_eq(&r->addr, addr); r++) {
		*sp = port_of(r->owner, proto, port);
		if (*sp)
			return r->owner;
	}
	return NULL;
}

const struct service *cluster_service_of_node_port(const struct cluster *c, uint8_t proto, uint16_t port,
						   const struct service_port **sp)
{
	for (size_t i = 0; c && i < c->n_service; i++)
		for (size_t k = 0; k < c->service[i].n_port; k++) {
			*sp = &c->service[i].port[k];
			if (port && (*sp)->node_port == port && (*sp)->proto == proto)
				return &c->service[i];
		}
	return NULL;
}

const struct endpoint *cluster_endpoint(const struct cluster *c, const struct service *s, const struct addr *addr,
					uint8_t proto, uint16_t port)
{
	const struct addr_ref *r = c ? refs_of(c->endpoint_at.v, c->endpoint_at.n, addr) : NULL;

	for (; r && r < c->endpoint_at.v + c->endpoint_at.n && addr_eq(&r->addr, addr); r++) {
		const struct slice *slice = r->owner;

		if (s && (strcmp(slice->namespace, s->namespace) || strcmp(slice->service, s->name)))
			continue;
		if (!port || !r->endpoint->port || (r->endpoint->port == port && r->endpoint->proto == proto))
			return r->endpoint;
	}
	return NULL;
}

const struct pod *cluster_pod_at(const struct cluster *c, const struct addr *addr)
{
	const struct addr_ref *r = c ? refs_of(c->pod_at.v, c->pod_at.n, addr) : NULL;

	return r ? r->owner : NULL;
}
