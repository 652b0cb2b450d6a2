/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kubernetes objects from outside: a file, or the API server by a kubeconfig or a service account. What is read here never goes
 * through io.h, so that no token or key can get into a snapshot; none gets into a sentence either.
 */
#ifndef KTRACE_KUBE_H
#define KTRACE_KUBE_H

#include "tracer/cluster.h"

/* JSON or YAML as kubectl prints it. -EINVAL or what open() said, with a sentence. */
int kube_read_objects(struct arena *a, const char *path, struct cluster **out, struct err *err);

/* A connection to come: nothing is asked before the first kube_list(). */
struct kube;

/* path: a kubeconfig that must be usable (-EINVAL, -ENOENT). */
int kube_open(struct arena *a, const char *path, struct kube **out, struct err *err);
/* $KUBECONFIG, the kubelet's and kube-proxy's own, the service account; *out is NULL if there is none of them. */
void kube_find(struct arena *a, struct kube **out);
/* NULL is fine. */
void kube_close(struct kube *k);
/* The namespace of the current context, or NULL. */
const char *kube_namespace(const struct kube *k);

struct kube_query {
	enum cluster_kind kind;
	const char *namespace;		/* NULL: all */
	const char *field, *label;	/* selectors, or NULL */
};
/*
 * Lists objects into c, page after page. All calls together take at most 2 seconds. -errno with a sentence that says what is
 * missing and why; c may hold some of them then.
 */
int kube_list(struct kube *k, const struct kube_query *q, struct cluster *c, struct err *err);

#endif
