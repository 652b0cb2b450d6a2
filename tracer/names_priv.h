/* SPDX-License-Identifier: GPL-2.0-only */
/* What names*.c share. */
#ifndef KTRACE_NAMES_PRIV_H
#define KTRACE_NAMES_PRIV_H

#include "tracer/kube.h"
#include "tracer/names.h"

struct names {
	struct arena *arena;
	struct names_options o;
	struct gaps *gaps;
	struct cluster *cluster;	/* NULL: nothing is known */
	struct kube *kube;
	bool looked;			/* for a kubeconfig in the usual places */
	bool always;			/* the user named where objects are: everything gets its names */
	const char **asked;		/* queries made, each once */
	size_t n_asked, cap_asked;
	const char *failed;		/* the first sentence of a query that failed, or NULL */
	bool silent;			/* the server is of no use: it is not asked again */
};

/* -- names.c -------------------------------------------------------------------------------------- */
/* NULL: there is nobody to ask. A snapshot may be another node's, so that only what was named is asked for it. */
struct kube *names_api(struct names *n);
/* Once in a run; what fails is a gap. True if the objects are at hand now. */
bool names_ask(struct names *n, const struct kube_query *q);
bool names_ask_named(struct names *n, enum cluster_kind kind, const char *namespace, const char *name);
/* A service, and its slices: they are what tells its endpoints. */
void names_ask_service(struct names *n, const char *namespace, const char *name);
/* A Pod at hand, by its own object or by the EndpointSlices that name it; or NULL. */
const struct pod *names_find_pod(struct names *n, const char *namespace, const char *name);

/* -- names_resolve.c: targets by the objects alone. -ENOENT with a sentence where the objects say that it is not there. */
int objects_service(struct arena *a, const struct cluster *c, const struct service *s, const struct target *t,
		    struct resolved *out, struct err *err);
/* addr: the node's own, of the families that it has. */
int objects_nodeport(struct arena *a, const struct cluster *c, const struct target *t, const struct addrs *addr,
		     struct resolved *out, struct err *err);
int objects_pod(struct arena *a, const struct pod *pod, const struct target *t, struct resolved *out, struct err *err);
/* There is no such Pod: the nearest ones are named. */
int objects_no_service(struct arena *a, const struct cluster *c, const char *namespace, const char *name, struct err *err);
int objects_no_pod(struct arena *a, const struct cluster *c, const char *namespace, const char *name, struct err *err);

/* -- names_at.c: who has an endpoint of s (NULL: of any service), or the Pod's own word; NULL: nobody known. In a. */
const struct endpoint_owner *names_owner_of(const struct cluster *c, struct arena *a, const struct service *s,
					    const struct addr *addr, uint16_t port, uint8_t proto);
const struct endpoint_owner *names_owner_of_pod(struct arena *a, const struct pod *pod);

#endif
