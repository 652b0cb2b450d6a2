/* SPDX-License-Identifier: GPL-2.0-only */
/* Where names come from in one run: the rules, then the objects at hand, then the API server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/kube.h"
#include "tracer/names_priv.h"
#include "tracer/word.h"

int names_open(struct arena *a, const struct names_options *o, struct gaps *gaps, struct names **out, struct err *err)
{
	struct names *n = arena_alloc(a, sizeof(*n));
	int rc = 0;

	n->arena = a;
	n->o = *o;
	n->gaps = gaps;
	n->always = o->objects || o->kubeconfig;
	if (o->kubeconfig)
		rc = kube_open(a, o->kubeconfig, &n->kube, err);
	if (!rc && o->objects)
		rc = kube_read_objects(a, o->objects, &n->cluster, err);
	if (!rc)
		*out = n;
	return rc;
}

void names_close(struct names *n)
{
	if (n)
		kube_close(n->kube);
}

/* -- asking the API ------------------------------------------------------------------------------- */

struct kube *names_api(struct names *n)
{
	if (n->o.objects)
		return NULL;
	if (!n->kube && !n->looked && !n->o.replay) {
		n->looked = true;
		kube_find(n->arena, &n->kube);
	}
	return n->kube;
}

bool names_ask(struct names *n, const struct kube_query *q)
{
	const char *key = arena_printf(n->arena, "%d %s %s %s", q->kind, q->namespace ? q->namespace : "",
				       q->field ? q->field : "", q->label ? q->label : "");
	struct err err = { "" };
	int rc;

	if (!names_api(n))
		return n->cluster;
	for (size_t i = 0; i < n->n_asked; i++)
		if (!strcmp(n->asked[i], key))
			return n->cluster && n->cluster->known[q->kind];
	if (n->silent)
		return false;
	*VEC_PUSH(n->arena, n->asked, n->n_asked, n->cap_asked) = key;
	if (!n->cluster)
		n->cluster = cluster_new(n->arena, "what the API server says");
	rc = kube_list(n->kube, q, n->cluster, &err);
	cluster_sort(n->cluster);
	if (!rc)
		return true;
	if (!n->failed)
		n->failed = arena_strdup(n->arena, err.text);
	n->silent = rc != -EPERM && rc != -EACCES;
	gap_add(n->gaps, "%s", err.text);
	return false;
}

bool names_ask_named(struct names *n, enum cluster_kind kind, const char *namespace, const char *name)
{
	return names_ask(n, &(struct kube_query){ .kind = kind, .namespace = namespace,
					    .field = arena_printf(n->arena, "metadata.name=%s", name) });
}

void names_ask_service(struct names *n, const char *namespace, const char *name)
{
	names_ask_named(n, CLUSTER_SERVICES, namespace, name);
	names_ask(n, &(struct kube_query){ .kind = CLUSTER_SLICES, .namespace = namespace,
				     .label = arena_printf(n->arena, "kubernetes.io/service-name=%s", name) });
}

/* By its own object; where that may not be read, by the slices that name it. */
static void ask_pod(struct names *n, const char *namespace, const char *name)
{
	if (!names_ask_named(n, CLUSTER_PODS, namespace, name))
		names_ask(n, &(struct kube_query){ .kind = CLUSTER_SLICES, .namespace = namespace });
}

const char *names_namespace(struct names *n)
{
	const char *namespace = NULL;

	if (n->o.namespace)
		return n->o.namespace;
	/* only a kubeconfig that is the user's own can mean a namespace by its context */
	if (n->o.kubeconfig || (getenv("KUBECONFIG") && names_api(n)))
		namespace = kube_namespace(n->kube);
	return namespace ? namespace : "default";
}

/* -- targets -------------------------------------------------------------------------------------- */

/* Nobody could be asked, or nobody answered: then it cannot be told whether there is such a name. */
static int no_objects(const struct names *n, const char *what, struct err *err)
{
	if (n->failed)
		return err_set(err, -ENODATA, "%s is a name that only the API tells, and that could not be asked: %s", what,
			       n->failed);
	return err_set(err, -EINVAL, "%s is a name that only Kubernetes objects tell: give --objects FILE or --kubeconfig FILE, or an address instead",
		       what);
}

/* Credentials that may not read Pods often may read EndpointSlices: a Pod behind a Service is told by those too. */
static const struct pod *pod_of_slices(struct names *n, const char *namespace, const char *name)
{
	struct pod *pod = arena_alloc(n->arena, sizeof(*pod));
	struct service_port *port = NULL;
	struct addr *ip = NULL;
	size_t cap_port = 0, cap_ip = 0;

	*pod = (struct pod){ .namespace = namespace, .name = name };
	for (size_t i = 0; i < n->cluster->n_slice; i++)
		for (size_t k = 0; k < n->cluster->slice[i].n_endpoint; k++) {
			const struct endpoint *e = &n->cluster->slice[i].endpoint[k];
			bool seen = false;

			if (!e->pod || strcmp(e->pod, name) || strcmp(e->namespace, namespace))
				continue;
			for (size_t m = 0; m < pod->ip.n && !seen; m++)
				seen = addr_eq(&ip[m], &e->addr);
			if (!seen)
				*VEC_PUSH(n->arena, ip, pod->ip.n, cap_ip) = e->addr;
			if (e->port)
				*VEC_PUSH(n->arena, port, pod->n_port, cap_port) =
					(struct service_port){ e->port_name, e->port, 0, e->proto };
			pod->node = e->node;
			pod->ready = e->ready;
			pod->terminating = e->terminating;
		}
	pod->ip.v = ip;
	pod->port = port;
	return pod->ip.n ? pod : NULL;
}

const struct pod *names_find_pod(struct names *n, const char *namespace, const char *name)
{
	const struct pod *pod = cluster_pod(n->cluster, namespace, name);

	return pod ? pod : pod_of_slices(n, namespace, name);
}

/* "pod/prod/tcp" is Pod tcp of namespace prod if there is one, else the TCP ports of Pod prod. */
static int resolve_pod(struct names *n, const struct target *t, struct resolved *out, struct err *err)
{
	struct target settled = *t;
	const struct pod *pod = NULL;

	if (t->proto_word)
		ask_pod(n, t->name, t->proto_word);
	ask_pod(n, t->namespace, t->name);
	if (!n->cluster)
		return no_objects(n, t->input, err);
	if (t->proto_word)
		pod = names_find_pod(n, t->name, t->proto_word);
	if (pod) {
		settled.namespace = t->name;
		settled.name = t->proto_word;
		settled.proto = 0;
	} else {
		pod = names_find_pod(n, t->namespace, t->name);
	}
	if (!pod && n->failed)
		return no_objects(n, t->input, err);
	if (!pod)
		return objects_no_pod(n->arena, n->cluster, t->namespace, t->name, err);
	return objects_pod(n->arena, pod, &settled, out, err);
}

static int resolve_service(struct names *n, const struct target *t, struct resolved *out, struct err *err)
{
	struct target settled = *t;
	const struct service *s = NULL;

	if (t->proto_word)
		names_ask_service(n, t->name, t->proto_word);
	names_ask_service(n, t->namespace, t->name);
	if (t->proto_word)
		s = cluster_service(n->cluster, t->name, t->proto_word);
	if (s) {
		settled.namespace = t->name;
		settled.name = t->proto_word;
		settled.proto = 0;
	} else {
		s = cluster_service(n->cluster, t->namespace, t->name);
	}
	if (!s)
		return -ENOENT;
	return objects_service(n->arena, n->cluster, s, &settled, out, err);
}

static int resolve_nodeport(struct names *n, struct state *s, const struct target *t, struct resolved *out,
			    struct err *err)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct addr v[ARRAY_SIZE(families)];
	struct addrs addr = { v, 0 };

	if (!names_ask(n, &(struct kube_query){ .kind = CLUSTER_SERVICES }) || !n->cluster)
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		addr.n += target_node_addr(s, families[i], &v[addr.n]);
	return objects_nodeport(n->arena, n->cluster, t, &addr, out, err);
}

int names_resolve(struct names *n, struct state *s, const struct proxy *proxy, const struct target *t,
		  struct resolved *out, struct err *err)
{
	struct err second = { "" };
	int rc;

	if (t->kind == TARGET_POD)
		return resolve_pod(n, t, out, err);
	rc = target_resolve(s, n->arena, proxy, t, out, err);
	if (rc != -ENOENT || (t->kind != TARGET_SERVICE && t->kind != TARGET_NODEPORT))
		return rc;
	rc = t->kind == TARGET_SERVICE ? resolve_service(n, t, out, &second) : resolve_nodeport(n, s, t, out, &second);
	/* the objects' own sentence is the better one, where they know the name */
	if (rc && second.text[0])
		*err = second;
	/* in IPVS mode they are the only ones that could */
	else if (rc && proxy->mode == PROXY_IPVS && t->kind == TARGET_SERVICE && n->cluster && n->cluster->known[CLUSTER_SERVICES])
		objects_no_service(n->arena, n->cluster, t->namespace, t->name, err);
	else if (rc && n->failed)
		err_set(err, rc, "%s; nor could the API be asked: %s", arena_strdup(n->arena, err->text), n->failed);
	return rc;
}

/* -- sources -------------------------------------------------------------------------------------- */

/* A Pod of this node sends from its namespace; one of the host network from the node's; another's packet comes from outside. */
static int place_pod(struct names *n, struct state *s, const struct pod *pod, struct source *source, struct err *err)
{
	char buf[ADDR_TEXT];

	if (!pod->ip.n)
		return err_set(err, -ENOENT, "pod %s/%s has no address yet, so it cannot send (%s)", pod->namespace, pod->name,
			       n->cluster->origin);
	for (size_t i = 0; !pod->host_network && i < pod->ip.n; i++)
		if (!state_netns_of_addr(s, &pod->ip.v[i], &source->netns)) {
			source->kind = SOURCE_NETNS;
			return 0;
		}
	for (size_t i = 0; pod->host_network && i < pod->ip.n; i++) {
		const struct if_addr *addrs;
		size_t count;

		if (state_addrs(s, 0, &addrs, &count))
			break;
		for (size_t k = 0; k < count; k++)
			if (addr_eq(&addrs[k].addr, &pod->ip.v[i])) {
				source->kind = SOURCE_NODE;
				return 0;
			}
	}
	if (!pod->host_network && pod->node && !strcmp(pod->node, state_node_name(s)))
		return err_set(err, -ESRCH, "pod %s/%s (%s) should be on this node, but no network namespace here holds its address",
			       pod->namespace, pod->name, addr_say(&pod->ip.v[0], buf));
	source->kind = SOURCE_ADDRESS;
	source->addr = pod->ip.v[0];
	return 0;
}

int names_source(struct names *n, struct state *s, struct source *source, struct err *err)
{
	const char *namespace = source->pod_namespace ? source->pod_namespace : names_namespace(n);
	const struct pod *pod;

	if (!source->pod)
		return 0;
	ask_pod(n, namespace, source->pod);
	if (!n->cluster)
		return no_objects(n, source->input, err);
	pod = names_find_pod(n, namespace, source->pod);
	if (!pod && n->failed)
		return no_objects(n, source->input, err);
	if (!pod)
		return objects_no_pod(n->arena, n->cluster, namespace, source->pod, err);
	source->pod_namespace = pod->namespace;
	return place_pod(n, s, pod, source, err);
}
