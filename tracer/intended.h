/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programmed against intended: the endpoints that the paths show, beside those that Services, EndpointSlices and traffic policies
 * promise for this node. Pure. Where a promise depends on what is not known (kube-proxy's version and configuration,
 * the node's zone), every reading of it counts as kept.
 */
#ifndef KTRACE_INTENDED_H
#define KTRACE_INTENDED_H

#include "tracer/cluster.h"
#include "tracer/prediction.h"

/* For one path. */
struct intended {
	const char *service;		/* "prod/web:http" */
	const char *origin;		/* whose word it is: "the objects of all.json" */
	bool unprogrammed;		/* no rule knows the service; names.c says so, not the comparison */
	size_t n_usable;		/* endpoints of this port and family that packets may be sent to, on any node */
	size_t n_unready;		/* and those that they may not */
	const char *unready;		/* these in words, "prod/web-0 on node-a and 2 more"; NULL: none */
	bool gone;			/* no EndpointSlice of the service has this path's endpoint */
	bool out;			/* one has it, but not as one to send packets to */
	const char *extra;		/* the endpoints of all paths that are so, in words; NULL: none */
	const char *missing;		/* endpoints promised that no path leads to, in words; NULL: none */
};

/* The real servers of a virtual service: a scheduler that looks at loads or hashes leads this packet to one of them only. */
struct real_servers {
	const struct ipvs_dest *dest;
	size_t n;
};

/*
 * One for each trace, NULL where nothing is promised. node is this one, or NULL. real (may be NULL): for each trace the real
 * servers that were to choose from, NULL where the paths themselves show all endpoints.
 */
const struct intended **intended_compare(struct arena *a, const struct cluster *c, const struct node *node,
					 const struct prediction *p, const struct trace *t, size_t n,
					 const struct real_servers *const *real);
/* The service and port that a packet is addressed to; external: by another address than a cluster IP. NULL: none. */
const struct service *intended_service(const struct cluster *c, const struct prediction *p, const struct tuple *target,
				       const struct service_port **sp, bool *external);

#endif
