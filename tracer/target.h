/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Targets and sources: "svc/ns/name:port" to the tuples that a client would send to. target_parse() is
 * pure; target_resolve() finds names in the kernel's own rules.
 */
#ifndef KTRACE_TARGET_H
#define KTRACE_TARGET_H

#include "tracer/state.h"

enum target_kind { TARGET_SERVICE, TARGET_NODEPORT, TARGET_ADDRESS, TARGET_POD, TARGET_ICMP };
const char *target_kind_name(enum target_kind k);	/* "service", "nodeport", "address", "pod", "icmp" */

struct target {
	const char *input;
	enum target_kind kind;
	const char *namespace, *name;	/* service, pod */
	const char *port_name;		/* of svc/NAME:http, or NULL */
	uint16_t port;			/* 0: every port */
	uint8_t proto;			/* 0: not said */
	const char *proto_word;		/* of "svc/prod/sctp": the last word may as well be a service of namespace prod; else NULL */
	struct addr addr;		/* TARGET_ADDRESS, TARGET_ICMP */
};

/* One port of the resolved target and the addresses that it is reached at. */
struct target_port {
	const char *name;		/* port name or NULL */
	uint16_t port;			/* service port or node port */
	uint8_t proto;
	const struct addr *addr;	/* to trace: cluster, load balancer and external addresses, node addresses for a NodePort */
	size_t n_addr;
};

struct resolved {
	struct target target;
	const struct target_port *port;
	size_t n_port;
	/* of an address target that belongs to a service: its name from the rules, else NULL */
	const char *service;
	bool by_objects;		/* the rules do not know it: addresses and ports are those of the API's objects */
};

enum source_kind { SOURCE_NODE, SOURCE_ADDRESS, SOURCE_NETNS };
struct source {
	const char *input;
	enum source_kind kind;
	uint32_t netns;			/* where the packet starts: 0 for node and outside */
	struct addr addr;		/* SOURCE_ADDRESS */
	const char *iface;		/* SOURCE_ADDRESS: %IFACE, or NULL */
	/* "pod/NAME": the Pod, NULL for other sources. What kind it is of, and where, only names_source() knows */
	const char *pod, *pod_namespace;	/* pod_namespace: NULL for a bare name */
};

/* "10.96.0.1:80/tcp", "[fd00::1]:53/udp", "10.0.0.1/icmp". In arena. */
const char *target_say(struct arena *a, const struct tuple *t);

/* What kube-proxy (or another service proxy) programmed here. */
enum proxy_mode { PROXY_NONE, PROXY_IPTABLES, PROXY_NFTABLES, PROXY_IPVS };
struct proxy {
	enum proxy_mode mode;
	enum backend backend;		/* iptables mode */
	const char *const *others;	/* leftovers, "iptables (legacy)", "nftables" … */
	size_t n_others;
	const char *text;		/* "kube-proxy iptables on nf_tables" */
	const char *name;		/* the same as one of others would be called, NULL: none */
	const char *const *met;		/* whose rules or virtual services decided on the packet's ways, by such names */
	size_t n_met;
};
const char *proxy_mode_name(enum proxy_mode m);		/* "none", "iptables", "nftables", "ipvs" */

/* Syntax only. ns is the namespace of a bare name. -EINVAL with what would be right. */
int target_parse(struct arena *a, const char *text, const char *ns, struct target *out, struct err *err);
/* "node", IP[%IFACE], "netns/NAME", "pid/N", "pod/NAME": opens namespaces, hence needs the state; s NULL: syntax only. */
int source_parse(struct state *s, struct arena *a, const char *text, struct source *out, struct err *err);
/* -ENOENT with the nearest names if there is no such service, NodePort or port. */
int target_resolve(struct state *s, struct arena *a, const struct proxy *proxy, const struct target *t,
		   struct resolved *out, struct err *err);
/* The service that the packet met, "prod/web:http", from the rules in the traces' evidence; NULL if there was none. */
const char *target_service_of(struct arena *a, const struct trace *t, size_t n);
/* What kube-proxy's rules have for an address and port that they did not translate; the larger, the nearer. */
enum served {
	SERVED_NOT,
	SERVED_OTHER_PORT,		/* a service with this address has other ports */
	SERVED_NODEPORT,		/* it is a NodePort, perhaps of other addresses of the node */
	SERVED_REFUSED,			/* a service without endpoints */
	SERVED_HERE,			/* a rule that the packet should have met */
};
/* That service, by its name; NULL: SERVED_NOT. local: the address is one of the node's own, so that NodePorts count. */
const char *target_service_at(struct state *s, struct arena *a, const struct proxy *proxy, const struct tuple *t, bool local,
			      enum served *how);
/* The address that stands for the node among all of its own, as kubelet takes it; false if it has none of the family. */
bool target_node_addr(struct state *s, uint8_t family, struct addr *out);
int proxy_detect(struct state *s, struct arena *a, struct proxy *out, struct err *err);
/*
 * Of the modes that may stand side by side, the one whose rule or virtual service translated or ended this way's request, as
 * struct proxy names it; NULL: none did, or an old connection. *by (may be NULL): the rule or service.
 */
const char *proxy_met_by(const struct trace *t, const struct evidence **by);
/* Fills out->met from finished traces. */
void proxy_meet(struct proxy *out, struct arena *a, const struct trace *t, size_t n);

#endif
