/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names that the kernel does not hold: from a file of objects or from the API server. The rules come first; the API is asked
 * only for what they do not tell, or for everything where the user named a file or a kubeconfig.
 */
#ifndef KTRACE_NAMES_H
#define KTRACE_NAMES_H

#include "tracer/cluster.h"
#include "tracer/prediction.h"

struct names;

struct names_options {
	const char *objects, *kubeconfig;	/* --objects, --kubeconfig, or NULL */
	const char *namespace;		/* -n, or NULL */
	bool replay;			/* of another node perhaps: nothing is asked that was not named */
};

/* Reads the file of objects or the kubeconfig that was named; -EINVAL or -ENOENT if it cannot be used. */
int names_open(struct arena *a, const struct names_options *o, struct gaps *gaps, struct names **out, struct err *err);
/* NULL is fine. */
void names_close(struct names *n);
/* The namespace of a bare name. */
const char *names_namespace(struct names *n);
/* target_resolve(), and Pods, headless services and whatever else the rules do not know. */
int names_resolve(struct names *n, struct state *s, const struct proxy *proxy, const struct target *t,
		  struct resolved *out, struct err *err);
/* A source that is a Pod: where its packet starts. Other sources stay as they are. */
int names_source(struct names *n, struct state *s, struct source *source, struct err *err);
/* Puts names to the prediction's endpoints, and the objects' word beside the rules'. */
void names_enrich(struct names *n, struct state *s, struct prediction *p, struct trace *t, size_t n_trace);

/* -- names_at.c: for traffic that nobody named before. From the objects at hand; a is where the words are made. */
/* Has Services, EndpointSlices and Pods at hand, where the user named who knows them. Once, before the first packet. */
void names_ask_all(struct names *n);
/* "prod/web:http" of a service's address or NodePort; "pod prod/web-1" of a Pod's own address; NULL: nobody known. */
const char *names_service_at(const struct names *n, struct arena *a, const struct addr *addr, uint8_t proto, uint16_t port);
const char *names_pod_at(const struct names *n, struct arena *a, const struct addr *addr);
/* Who has an endpoint, or NULL. */
const struct endpoint_owner *names_owner_at(const struct names *n, struct arena *a, const struct addr *addr, uint8_t proto,
					    uint16_t port);

#endif
