/* SPDX-License-Identifier: GPL-2.0-only */
/* Where names come from in one run: the rules, then the objects at hand, then the API server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/intended.h"
#include "tracer/kube.h"
#include "tracer/names_priv.h"
#include "tracer/programmed.h"
#include "tracer/word.h"

#define ASK_ADDRS	8		/* addresses of a target without service, each a question */

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

/* NULL: there is nobody to ask. A snapshot may be another node's, so that only what was named is asked for it. */
static struct kube *api(struct names *n)
{
	if (n->o.objects)
		return NULL;
	if (!n->kube && !n->looked && !n->o.replay) {
		n->looked = true;
		kube_find(n->arena, &n->kube);
	}
	return n->kube;
}

/* Once in a run; what fails is a gap. True if the objects are at hand now. */
static bool ask(struct names *n, const struct kube_query *q)
{
	const char *key = arena_printf(n->arena, "%d %s %s %s", q->kind, q->namespace ? q->namespace : "",
				       q->field ? q->field : "", q->label ? q->label : "");
	struct err err = { "" };
	int rc;

	if (!api(n))
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

static bool ask_named(struct names *n, enum cluster_kind kind, const char *namespace, const char *name)
{
	return ask(n, &(struct kube_query){ .kind = kind, .namespace = namespace,
					    .field = arena_printf(n->arena, "metadata.name=%s", name) });
}

/* A service, and its slices: they are what tells its endpoints. */
static void ask_service(struct names *n, const char *namespace, const char *name)
{
	ask_named(n, CLUSTER_SERVICES, namespace, name);
	ask(n, &(struct kube_query){ .kind = CLUSTER_SLICES, .namespace = namespace,
				     .label = arena_printf(n->arena, "kubernetes.io/service-name=%s", name) });
}

/* By its own object; where that may not be read, by the slices that name it. */
static void ask_pod(struct names *n, const char *namespace, const char *name)
{
	if (!ask_named(n, CLUSTER_PODS, namespace, name))
		ask(n, &(struct kube_query){ .kind = CLUSTER_SLICES, .namespace = namespace });
}

const char *names_namespace(struct names *n)
{
	const char *namespace = NULL;

	if (n->o.namespace)
		return n->o.namespace;
	/* only a kubeconfig that is the user's own can mean a namespace by its context */
	if (n->o.kubeconfig || (getenv("KUBECONFIG") && api(n)))
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

static const struct pod *find_pod(struct names *n, const char *namespace, const char *name)
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
		pod = find_pod(n, t->name, t->proto_word);
	if (pod) {
		settled.namespace = t->name;
		settled.name = t->proto_word;
		settled.proto = 0;
	} else {
		pod = find_pod(n, t->namespace, t->name);
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
		ask_service(n, t->name, t->proto_word);
	ask_service(n, t->namespace, t->name);
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

	ask(n, &(struct kube_query){ .kind = CLUSTER_SERVICES });
	if (!n->cluster)
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
	pod = find_pod(n, namespace, source->pod);
	if (!pod && n->failed)
		return no_objects(n, source->input, err);
	if (!pod)
		return objects_no_pod(n->arena, n->cluster, namespace, source->pod, err);
	source->pod_namespace = pod->namespace;
	return place_pod(n, s, pod, source, err);
}

/* -- endpoints ------------------------------------------------------------------------------------ */

static const struct service *service_of(const struct names *n, const struct prediction *p, const struct trace *t)
{
	const struct target *target = &p->target.target;
	const struct service_port *sp;
	bool external;

	if (target->kind == TARGET_SERVICE)
		return cluster_service(n->cluster, target->namespace, target->name);
	return intended_service(n->cluster, p, &t->target, &sp, &external);
}

static const struct endpoint_owner *owner_of_pod(const struct names *n, const struct pod *pod)
{
	struct endpoint_owner *o = arena_alloc(n->arena, sizeof(*o));

	o->pod = arena_printf(n->arena, "%s/%s", pod->namespace, pod->name);
	o->node = pod->node;
	o->ready = answer_of(pod->ready);
	o->serving = UNKNOWN;
	o->terminating = answer_of(pod->terminating);
	return o;
}

static const struct endpoint_owner *owner_of(const struct names *n, const struct service *s, const struct addr *addr,
					     uint16_t port, uint8_t proto)
{
	const struct endpoint *e = cluster_endpoint(n->cluster, s, addr, proto, port);
	struct endpoint_owner *o;
	const struct pod *pod;

	if (e) {
		o = arena_alloc(n->arena, sizeof(*o));
		o->pod = e->pod ? arena_printf(n->arena, "%s/%s", e->namespace, e->pod) : NULL;
		o->node = e->node;
		o->ready = answer_of(e->ready);
		o->serving = answer_of(e->serving);
		o->terminating = answer_of(e->terminating);
		return o;
	}
	pod = cluster_pod_at(n->cluster, addr);
	return pod ? owner_of_pod(n, pod) : NULL;
}

/* What is sent to a Pod's own address has that for its endpoint, though it may end on its way there. */
static void name_endpoint(struct names *n, const struct prediction *p, struct trace *t)
{
	const struct target *target = &p->target.target;
	const struct service *s = service_of(n, p, t);
	const struct pod *pod = target->kind == TARGET_POD ? find_pod(n, target->namespace, target->name) : NULL;

	if (t->has_endpoint && !(pod && addr_eq(&t->endpoint, &t->target.dst))) {
		t->endpoint_owner = owner_of(n, s, &t->endpoint, t->endpoint_port, t->target.proto);
		return;
	}
	t->endpoint_owner = pod ? owner_of_pod(n, pod) :
				  owner_of(n, s && s->headless ? s : NULL, &t->target.dst, t->target.dport, t->target.proto);
	if (!t->endpoint_owner || t->has_endpoint)
		return;
	t->has_endpoint = true;
	t->endpoint = t->target.dst;
	t->endpoint_port = t->target.proto == IPPROTO_ICMP || t->target.proto == IPPROTO_ICMPV6 ? 0 : t->target.dport;
}

/* What the user's --kubeconfig is for: the service that was met, and the Pods of addresses that no service has. */
static void ask_about(struct names *n, const struct prediction *p, const struct trace *t, size_t n_trace)
{
	const struct target *target = &p->target.target;
	struct service_name name = { target->namespace, target->name, NULL };
	char buf[ADDR_TEXT];

	if (target->kind != TARGET_SERVICE && !service_of_comment(n->arena, p->target.service, &name))
		name.name = NULL;
	if (target->kind != TARGET_POD && name.name) {
		ask_service(n, name.namespace, name.name);
		return;
	}
	if (p->proxy.mode == PROXY_IPVS && target->kind != TARGET_POD) {
		ask(n, &(struct kube_query){ .kind = CLUSTER_SERVICES });
		ask(n, &(struct kube_query){ .kind = CLUSTER_SLICES });
		return;
	}
	for (size_t i = 0; i < n_trace && i < ASK_ADDRS; i++)
		if (t[i].has_endpoint && !cluster_pod_at(n->cluster, &t[i].endpoint))
			ask(n, &(struct kube_query){ .kind = CLUSTER_PODS, .field = arena_printf(n->arena, "status.podIP=%s",
							addr_say(&t[i].endpoint, buf)) });
}

/* Which node this is decides what Local policies and hints promise. */
static const struct node *this_node(struct names *n, const struct prediction *p, const struct trace *t, size_t n_trace)
{
	bool matters = false;

	for (size_t i = 0; i < n_trace && !matters; i++) {
		const struct service *s = service_of(n, p, &t[i]);
		size_t n_slice;
		const struct slice *slice = s ? cluster_slices(n->cluster, s->namespace, s->name, &n_slice) : NULL;

		matters = s && (s->external_local || s->internal_local);
		for (size_t k = 0; slice && k < n_slice && slice->n_endpoint && !matters; k++)
			matters = slice[k].n_endpoint && (slice[k].endpoint->n_zone || slice[k].endpoint->n_for_node);
	}
	if (matters)
		ask_named(n, CLUSTER_NODES, NULL, p->node);
	return cluster_node(n->cluster, p->facts.node_addr, p->facts.n_node_addr, p->node);
}

/* Services that the rules, asked by name, do not know. */
static bool is_unprogrammed(struct names *n, struct state *s, const struct prediction *p, const struct tuple *t)
{
	struct target target = { .kind = TARGET_SERVICE, .input = "" };
	const struct service_port *sp;
	const struct service *service;
	struct resolved resolved;
	bool external;

	if (p->proxy.mode != PROXY_IPTABLES && p->proxy.mode != PROXY_NFTABLES)
		return false;
	if (p->target.target.kind == TARGET_SERVICE)
		return p->target.by_objects;
	service = intended_service(n->cluster, p, t, &sp, &external);
	if (p->target.service || !service)
		return false;
	target.namespace = service->namespace;
	target.name = service->name;
	target.port = sp->port;
	target.proto = sp->proto;
	return target_resolve(s, n->arena, &p->proxy, &target, &resolved, NULL) == -ENOENT;
}

/* Only what was read whole can be held against the rules. */
static void compare(struct names *n, struct state *s, struct prediction *p, const struct trace *t, size_t n_trace)
{
	const struct node *node = this_node(n, p, t, n_trace);
	const struct intended **v;

	if (n->failed)
		return;
	v = intended_compare(n->arena, n->cluster, node, p, t, n_trace);
	for (size_t i = 0; i < n_trace; i++)
		if (v[i] && !t[i].has_endpoint && is_unprogrammed(n, s, p, &t[i].target)) {
			struct intended *in = arena_dup(n->arena, v[i], sizeof(*in));

			in->unprogrammed = true;
			v[i] = in;
		}
	p->intended = v;
}

void names_enrich(struct names *n, struct state *s, struct prediction *p, struct trace *t, size_t n_trace)
{
	if (n->always && api(n))
		ask_about(n, p, t, n_trace);
	if (!n->cluster)
		return;
	for (size_t i = 0; i < n_trace; i++)
		name_endpoint(n, p, &t[i]);
	compare(n, s, p, t, n_trace);
}
