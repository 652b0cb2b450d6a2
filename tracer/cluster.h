/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cluster as its API tells it: Services, EndpointSlices, Pods and Nodes, as far as a packet is concerned. Pure: it is
 * given JSON texts, whatever they came from, and answers look-ups. What was not given is not known, never absent.
 */
#ifndef KTRACE_CLUSTER_H
#define KTRACE_CLUSTER_H

#include "tracer/base/addr.h"
#include "tracer/base/arena.h"
#include "tracer/base/err.h"

struct addrs {
	const struct addr *v;
	size_t n;
};

struct service_port {
	const char *name;		/* or NULL */
	uint16_t port, node_port;	/* node_port 0: none */
	uint8_t proto;
};

struct service {
	const char *namespace, *name, *type;	/* "ClusterIP", "NodePort", "LoadBalancer", "ExternalName" */
	const char *external_name;	/* or NULL */
	bool headless;
	bool foreign;			/* labelled service-proxy-name: another proxy's business */
	bool external_local, internal_local;	/* traffic policies: Local */
	struct addrs cluster_ip, external_ip;
	struct addrs lb_ip;		/* load balancer addresses that nodes translate (ipMode VIP) */
	const struct service_port *port;
	size_t n_port;
};

/* One address and port of an EndpointSlice. */
struct endpoint {
	struct addr addr;
	uint16_t port;			/* 0: of every port */
	uint8_t proto;
	const char *port_name;		/* or NULL */
	bool ready, serving, terminating;	/* as kube-proxy takes conditions that are not there */
	const char *namespace, *pod;	/* of the Pod behind it, or NULLs */
	const char *node;		/* or NULL */
	const char *const *zone;	/* hints.forZones */
	size_t n_zone;
	const char *const *for_node;	/* hints.forNodes */
	size_t n_for_node;
};

struct slice {
	const char *namespace, *service;
	uint8_t family;			/* 0: of domain names */
	const struct endpoint *endpoint;
	size_t n_endpoint;
};

struct pod {
	const char *namespace, *name;
	const char *node;		/* NULL: not scheduled */
	const char *phase;
	bool host_network, ready, terminating;
	struct addrs ip;
	const struct service_port *port;	/* its containers' declared ports */
	size_t n_port;
};

struct node {
	const char *name, *zone;	/* zone: or NULL */
	bool ready;
	struct addrs addr;
};

/* Who has an address. */
struct addr_ref {
	struct addr addr;
	const void *owner;		/* struct service, slice or pod */
	const struct endpoint *endpoint;	/* of a slice */
};

enum cluster_kind { CLUSTER_SERVICES, CLUSTER_SLICES, CLUSTER_PODS, CLUSTER_NODES, CLUSTER_KINDS };

/* Sorted by namespace and name once cluster_sort() has run. */
struct cluster {
	struct arena *arena;
	const char *origin;		/* "the objects of FILE", "the API server": for sentences */
	bool known[CLUSTER_KINDS];	/* objects of this kind were given, if only an empty list */
	struct service *service;
	struct slice *slice;
	struct pod *pod;
	struct node *node;
	size_t n_service, cap_service, n_slice, cap_slice, n_pod, cap_pod, n_node, cap_node;
	struct { const struct addr_ref *v; size_t n; } service_at, endpoint_at, pod_at;	/* by address */
};

struct cluster *cluster_new(struct arena *a, const char *origin);
/*
 * Adds the objects of a JSON text: single objects, lists (kind List, or ServiceList and its kin), arrays of these, one after
 * another; other kinds are passed over. *more (may be NULL) is the `continue` token of a list that has more, else NULL; *any
 * (may be NULL): was there an object or list of a kind known here? -EINVAL with a sentence if it is no such text.
 */
int cluster_add(struct cluster *c, const char *json, size_t len, const char **more, bool *any, struct err *err);
/* After the last cluster_add(), before the first look-up. */
void cluster_sort(struct cluster *c);

/* All NULL if there is none, and c may be NULL. */
const struct service *cluster_service(const struct cluster *c, const char *namespace, const char *name);
const struct pod *cluster_pod(const struct cluster *c, const char *namespace, const char *name);
/* The service that has addr as cluster, external or load balancer address with this port, and the port. */
const struct service *cluster_service_at(const struct cluster *c, const struct addr *addr, uint8_t proto, uint16_t port,
					 const struct service_port **sp);
const struct service *cluster_service_of_node_port(const struct cluster *c, uint8_t proto, uint16_t port,
						   const struct service_port **sp);
/* The slices of a service: the first, and how many follow one another. */
const struct slice *cluster_slices(const struct cluster *c, const char *namespace, const char *service, size_t *n);
/* An endpoint of this service (NULL: of any) at an address; port 0: at any port. */
const struct endpoint *cluster_endpoint(const struct cluster *c, const struct service *s, const struct addr *addr,
					uint8_t proto, uint16_t port);
/* The running Pod that has an address to itself: not one of the host network. */
const struct pod *cluster_pod_at(const struct cluster *c, const struct addr *addr);
/* The Node that has one of these addresses, else the one called so. */
const struct node *cluster_node(const struct cluster *c, const struct addr *addr, size_t n, const char *name);

#endif
