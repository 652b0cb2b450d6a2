/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kube-proxy programmed, read back from its own rules: the address, protocol and port of each service
 * with its name. iptables mode carries names in comments, nftables mode in chain names and element comments.
 */
#ifndef KTRACE_PROGRAMMED_H
#define KTRACE_PROGRAMMED_H

#include "tracer/target.h"

enum role { ROLE_CLUSTER, ROLE_UNTOLD, ROLE_EXTERNAL, ROLE_NODEPORT };	/* ROLE_UNTOLD: cluster or external */

struct service_name { const char *namespace, *name, *port; };	/* port: NULL if it has no name */

struct programmed {
	struct service_name service;
	enum role role;
	uint8_t family;			/* AF_* */
	struct addr addr;		/* family 0 for a NodePort */
	uint8_t proto;
	uint16_t port;
	bool refused;			/* all that its rules do is turn packets away */
};

/* "prod/web:http cluster IP" or "prod/web" to its parts; false for a comment that names no service port. */
bool service_of_comment(struct arena *a, const char *comment, struct service_name *out);
/* "service-5O3K3WW6-prod/web/tcp/http", local-, external-, firewall- alike. */
bool service_of_chain(struct arena *a, const char *chain, struct service_name *out);
/* "prod/web:http", "prod/web". */
const char *service_say(struct arena *a, const struct service_name *n);

enum programmed_want {
	PROGRAMMED_SERVICES = 1, PROGRAMMED_NODEPORTS = 2,
	PROGRAMMED_NO_ENDPOINTS = 4,	/* nftables mode: those without endpoints, which two small maps alone name */
};
/*
 * Sorted by namespace, name, port, protocol, role, family, address; each once. only: nothing but this service (its port is not
 * looked at), or NULL; that spares taking ten thousand names apart for one.
 */
int programmed_read(struct state *s, struct arena *a, const struct proxy *proxy, unsigned want,
		    const struct service_name *only, const struct programmed **out, size_t *n, struct err *err);
/* The same of one address alone; ports of the node have none and are given too. Cheap where there are many services. */
int programmed_at(struct state *s, struct arena *a, const struct proxy *proxy, unsigned want, const struct addr *addr,
		  const struct programmed **out, size_t *n);
/*
 * The addresses that NodePorts are programmed at, of one family: those that the rules list, or with *all set
 * every local one but loopback.
 */
int programmed_node_addrs(struct state *s, struct arena *a, const struct proxy *proxy, uint8_t family, bool *all,
			  const struct addr **out, size_t *n, struct err *err);
/* In nftables mode: is addr a cluster IP? UNKNOWN in other modes or where the set is not there. */
enum answer programmed_is_cluster_ip(struct state *s, const struct proxy *proxy, const struct addr *addr);

#endif
