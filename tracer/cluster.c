/* SPDX-License-Identifier: GPL-2.0-only */
/* Kubernetes objects from JSON: a table of kinds, one function each; what a field lacks takes the API's own default. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/cluster.h"
#include "tracer/word.h"

#define ZONE_LABEL	"topology.kubernetes.io/zone"
#define SERVICE_LABEL	"kubernetes.io/service-name"
#define PROXY_LABEL	"service.kubernetes.io/service-proxy-name"
#define LIST_DEPTH	4

struct cluster *cluster_new(struct arena *a, const char *origin)
{
	struct cluster *c = arena_alloc(a, sizeof(*c));

	c->arena = a;
	c->origin = origin;
	return c;
}

/* -- JSON in small ------------------------------------------------------------------------------ */

/* The string at a key, in the arena and fit to be shown; NULL if it is no string or an empty one. */
static const char *string(const struct cluster *c, const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s ? word_clean(c->arena, arena_strdup(c->arena, s)) : NULL;
}

static bool is_true(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* An optional boolean. */
static bool flag(const json_t *o, const char *key, bool otherwise)
{
	const json_t *v = json_object_get(o, key);

	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static bool is_word(const json_t *o, const char *key, const char *word)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && !strcmp(s, word);
}

static uint16_t port_number(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 && n <= 65535 ? n : 0;
}

/* 0: one that ktrace does not know. */
static uint8_t protocol(const json_t *o)
{
	static const struct { const char *name; uint8_t proto; } rows[] = {
		{ "TCP", IPPROTO_TCP }, { "UDP", IPPROTO_UDP }, { "SCTP", IPPROTO_SCTP },
	};
	const char *s = json_string_value(json_object_get(o, "protocol"));

	for (size_t i = 0; s && i < ARRAY_SIZE(rows); i++)
		if (!strcmp(s, rows[i].name))
			return rows[i].proto;
	return s ? 0 : IPPROTO_TCP;
}

struct addr_list {
	struct addr *v;
	size_t n, cap;
};

static void add_addr(const struct cluster *c, struct addr_list *l, const char *text)
{
	struct addr a;

	if (!text || !addr_parse(text, &a))
		return;
	for (size_t i = 0; i < l->n; i++)
		if (addr_eq(&l->v[i], &a))
			return;
	*VEC_PUSH(c->arena, l->v, l->n, l->cap) = a;
}

static struct addrs addrs(struct addr_list l)
{
	return (struct addrs){ l.v, l.n };
}

/* Of an array of strings, or of the strings at `key` of an array of objects; and the one at `single` before them. */
static struct addrs address_array(const struct cluster *c, const json_t *o, const char *single, const char *array,
				  const char *key)
{
	struct addr_list l = { NULL };
	json_t *item;
	size_t i;

	if (single)
		add_addr(c, &l, json_string_value(json_object_get(o, single)));
	json_array_foreach(json_object_get(o, array), i, item)
		add_addr(c, &l, json_string_value(key ? json_object_get(item, key) : item));
	return addrs(l);
}

static const char *const *name_array(const struct cluster *c, const json_t *list, size_t *n)
{
	const char **v = NULL;
	size_t i, cap = 0;
	json_t *item;

	*n = 0;
	json_array_foreach(list, i, item) {
		const char *s = string(c, item, "name");

		if (s)
			*VEC_PUSH(c->arena, v, *n, cap) = s;
	}
	return v;
}

/* -- kinds ---------------------------------------------------------------------------------------- */

static const struct service_port *service_ports(const struct cluster *c, const json_t *list, const char *number,
						const struct service_port *before, size_t *n)
{
	struct service_port *v = (struct service_port *)before;
	size_t i, cap = *n;
	json_t *item;

	json_array_foreach(list, i, item) {
		const struct service_port p = {
			.name = string(c, item, "name"), .port = port_number(item, number),
			.node_port = port_number(item, "nodePort"), .proto = protocol(item),
		};

		if (p.port && p.proto)
			*VEC_PUSH(c->arena, v, *n, cap) = p;
	}
	return v;
}

/* Load balancer addresses of ipMode Proxy are the balancer's own: nodes leave them alone. */
static struct addrs balancer_addrs(const struct cluster *c, const json_t *status)
{
	struct addr_list l = { NULL };
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(status, "loadBalancer"), "ingress"), i, item)
		if (!is_word(item, "ipMode", "Proxy"))
			add_addr(c, &l, json_string_value(json_object_get(item, "ip")));
	return addrs(l);
}

static void add_service(struct cluster *c, const json_t *o, const char *namespace, const char *name)
{
	const json_t *spec = json_object_get(o, "spec"), *meta = json_object_get(o, "metadata");
	struct service *s = VEC_PUSH(c->arena, c->service, c->n_service, c->cap_service);

	s->namespace = namespace;
	s->name = name;
	s->type = string(c, spec, "type");
	if (!s->type)
		s->type = "ClusterIP";
	s->external_name = string(c, spec, "externalName");
	s->headless = is_word(spec, "clusterIP", "None");
	s->foreign = json_object_get(json_object_get(meta, "labels"), PROXY_LABEL);
	s->external_local = is_word(spec, "externalTrafficPolicy", "Local");
	s->internal_local = is_word(spec, "internalTrafficPolicy", "Local");
	s->cluster_ip = address_array(c, spec, "clusterIP", "clusterIPs", NULL);
	s->external_ip = address_array(c, spec, NULL, "externalIPs", NULL);
	s->lb_ip = balancer_addrs(c, json_object_get(o, "status"));
	s->port = service_ports(c, json_object_get(spec, "ports"), "port", NULL, &s->n_port);
}

/* Once for every port of the slice; kube-proxy takes the first address of each endpoint alone. */
static void add_endpoint(const struct cluster *c, struct slice *s, size_t *cap, const json_t *item, const json_t *ports)
{
	const json_t *conditions = json_object_get(item, "conditions"), *ref = json_object_get(item, "targetRef");
	const json_t *hints = json_object_get(item, "hints");
	bool pod = is_word(ref, "kind", "Pod");
	struct endpoint e = { .proto = IPPROTO_TCP };
	struct endpoint *v = (struct endpoint *)s->endpoint;
	const char *text = json_string_value(json_array_get(json_object_get(item, "addresses"), 0));
	json_t *port;
	size_t i;

	if (!text || !addr_parse(text, &e.addr) || e.addr.family != s->family)
		return;
	e.ready = flag(conditions, "ready", true);
	e.serving = flag(conditions, "serving", e.ready);
	e.terminating = flag(conditions, "terminating", false);
	e.namespace = pod ? string(c, ref, "namespace") : NULL;
	e.pod = pod ? string(c, ref, "name") : NULL;
	if (e.pod && !e.namespace)
		e.namespace = s->namespace;
	e.node = string(c, item, "nodeName");
	e.zone = name_array(c, json_object_get(hints, "forZones"), &e.n_zone);
	e.for_node = name_array(c, json_object_get(hints, "forNodes"), &e.n_for_node);
	if (!json_array_size(ports))
		*VEC_PUSH(c->arena, v, s->n_endpoint, *cap) = e;
	json_array_foreach(ports, i, port) {
		e.port_name = string(c, port, "name");
		e.port = port_number(port, "port");
		e.proto = protocol(port);
		if (e.proto)
			*VEC_PUSH(c->arena, v, s->n_endpoint, *cap) = e;
	}
	s->endpoint = v;
}

static void add_slice(struct cluster *c, const json_t *o, const char *namespace, const char *name UNUSED)
{
	const json_t *labels = json_object_get(json_object_get(o, "metadata"), "labels");
	const char *service = string(c, labels, SERVICE_LABEL);
	const json_t *ports = json_object_get(o, "ports");
	struct slice *s;
	size_t i, cap = 0;
	json_t *item;

	if (!service)
		return;			/* of no Service */
	s = VEC_PUSH(c->arena, c->slice, c->n_slice, c->cap_slice);
	s->namespace = namespace;
	s->service = service;
	s->family = is_word(o, "addressType", "IPv4") ? AF_INET : is_word(o, "addressType", "IPv6") ? AF_INET6 : 0;
	json_array_foreach(json_object_get(o, "endpoints"), i, item)
		add_endpoint(c, s, &cap, item, ports);
}

static bool has_condition(const json_t *status, const char *type)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(status, "conditions"), i, item)
		if (is_word(item, "type", type))
			return is_word(item, "status", "True");
	return false;
}

static void add_pod(struct cluster *c, const json_t *o, const char *namespace, const char *name)
{
	const json_t *spec = json_object_get(o, "spec"), *status = json_object_get(o, "status");
	struct pod *p = VEC_PUSH(c->arena, c->pod, c->n_pod, c->cap_pod);
	json_t *container;
	size_t i;

	p->namespace = namespace;
	p->name = name;
	p->node = string(c, spec, "nodeName");
	p->phase = string(c, status, "phase");
	p->host_network = is_true(spec, "hostNetwork");
	p->ready = has_condition(status, "Ready");
	p->terminating = string(c, json_object_get(o, "metadata"), "deletionTimestamp");
	p->ip = address_array(c, status, "podIP", "podIPs", "ip");
	json_array_foreach(json_object_get(spec, "containers"), i, container)
		p->port = service_ports(c, json_object_get(container, "ports"), "containerPort", p->port, &p->n_port);
}

static void add_node(struct cluster *c, const json_t *o, const char *namespace UNUSED, const char *name)
{
	const json_t *meta = json_object_get(o, "metadata"), *status = json_object_get(o, "status");
	struct node *n = VEC_PUSH(c->arena, c->node, c->n_node, c->cap_node);

	n->name = name;
	n->zone = string(c, json_object_get(meta, "labels"), ZONE_LABEL);
	n->ready = has_condition(status, "Ready");
	n->addr = address_array(c, status, NULL, "addresses", "address");
}

static const struct kind_row {
	const char *kind;
	bool namespaced;
	void (*add)(struct cluster *c, const json_t *o, const char *namespace, const char *name);
} kind_rows[CLUSTER_KINDS] = {
	[CLUSTER_SERVICES] = { "Service", true, add_service },
	[CLUSTER_SLICES] = { "EndpointSlice", true, add_slice },
	[CLUSTER_PODS] = { "Pod", true, add_pod },
	[CLUSTER_NODES] = { "Node", false, add_node },
};

/* -- lists and documents ------------------------------------------------------------------------ */

struct reading {
	struct cluster *c;
	const char *more;
	bool any;			/* an object of a known kind, or a list that could hold some */
	struct err *err;
};

/* NULL if len bytes of kind are not a kind known here. */
static const struct kind_row *kind_of(const char *kind, size_t len)
{
	for (size_t i = 0; i < CLUSTER_KINDS; i++)
		if (strlen(kind_rows[i].kind) == len && !memcmp(kind_rows[i].kind, kind, len))
			return &kind_rows[i];
	return NULL;
}

static void add_object(struct reading *r, const json_t *o, const struct kind_row *k)
{
	const json_t *meta = json_object_get(o, "metadata");
	const char *namespace = string(r->c, meta, "namespace"), *name = string(r->c, meta, "name");

	if (!name)
		return;
	r->any = true;
	r->c->known[k - kind_rows] = true;
	k->add(r->c, o, namespace ? namespace : "default", name);
}

static int add_value(struct reading *r, const json_t *v, const struct kind_row *listed, unsigned depth);

static int add_items(struct reading *r, const json_t *items, const struct kind_row *listed, unsigned depth)
{
	json_t *item;
	size_t i;
	int rc;

	if (depth >= LIST_DEPTH)
		return err_set(r->err, -EINVAL, "lists stand in lists more than %d deep", LIST_DEPTH);
	json_array_foreach(items, i, item) {
		rc = add_value(r, item, listed, depth + 1);
		if (rc)
			return rc;
	}
	return 0;
}

/* listed: the kind that the list around it is of; its items need not say it again. */
static int add_value(struct reading *r, const json_t *v, const struct kind_row *listed, unsigned depth)
{
	const char *kind = json_string_value(json_object_get(v, "kind")), *more;
	const json_t *items = json_object_get(v, "items");
	size_t len = kind ? strlen(kind) : 0;

	if (json_is_array(v))
		return add_items(r, v, NULL, depth);
	if (!json_is_object(v))
		return json_is_null(v) ? 0 : err_set(r->err, -EINVAL, "it holds a bare value where an object should be");
	if (kind && len >= 4 && !strcmp(kind + len - 4, "List")) {
		const struct kind_row *of = kind_of(kind, len - 4);

		if (of)
			r->c->known[of - kind_rows] = true;
		r->any |= of || len == 4;
		more = string(r->c, json_object_get(v, "metadata"), "continue");
		r->more = more ? more : r->more;
		/* an empty list of Go's has no items at all */
		return items && !json_is_null(items) ? add_items(r, items, of, depth) : 0;
	}
	if (kind)
		listed = kind_of(kind, len);
	if (listed)
		add_object(r, v, listed);
	return 0;
}

int cluster_add(struct cluster *c, const char *json, size_t len, const char **more, bool *any, struct err *err)
{
	struct reading r = { .c = c, .err = err };
	json_error_t where;
	bool empty = true;
	json_t *v;
	int rc = 0;

	while (!rc) {
		while (len && strchr(" \t\r\n", *json) && *json)
			json++, len--;
		if (!len)
			break;
		v = json_loadb(json, len, JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY, &where);
		if (!v)
			return err_set(err, -EINVAL, "it is not JSON at line %d, column %d", where.line, where.column);
		/* of a text that is fine, position is where it ended */
		json += where.position;
		len -= where.position;
		empty = false;
		rc = add_value(&r, v, NULL, 0);
		json_decref(v);
	}
	if (rc)
		return rc;
	if (empty)
		return err_set(err, -EINVAL, "it is empty");
	if (more)
		*more = r.more;
	if (any)
		*any = r.any;
	return 0;
}
