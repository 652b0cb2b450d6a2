/* SPDX-License-Identifier: GPL-2.0-only */
/* A parsed target to the addresses and ports that are traced; a name that is not there to the nearest ones. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/programmed.h"
#include "tracer/word.h"

#include <linux/rtnetlink.h>

#define NEAREST 3

struct resolve {
	struct state *s;
	struct arena *a;
	const struct proxy *proxy;
	const struct target *t;
	struct err *err;
	const struct programmed *p;
	size_t n;
	struct target_port *port;
	size_t n_port, cap_port;
};

static int no_names(struct resolve *r, const char *what)
{
	if (r->proxy->mode == PROXY_IPVS)
		return err_set(r->err, -ENOENT, "kube-proxy runs in IPVS mode here, and its kernel objects hold no service names; give the %s address, IP:PORT",
			       what);
	return err_set(r->err, -ENOENT, "no kube-proxy programmed this node (no KUBE-SERVICES chain, no kube-proxy table), so %s is not to be found; give an address, IP:PORT",
		       r->t->input);
}

/* -- nearest names -------------------------------------------------------------------------------- */

struct near {
	const struct programmed *p;
	unsigned distance;
};

static int compare_near(const void *va, const void *vb)
{
	const struct near *a = va, *b = vb;

	if (a->distance != b->distance)
		return a->distance < b->distance ? -1 : 1;
	return a->p < b->p ? -1 : a->p > b->p;
}

static bool same_service(const struct programmed *a, const struct programmed *b)
{
	return !strcmp(a->service.namespace, b->service.namespace) && !strcmp(a->service.name, b->service.name);
}

/* The same name in another namespace is nearest of all; then likeness, with one's own namespace ahead. */
static unsigned name_distance(const struct target *t, const struct programmed *p)
{
	unsigned d = word_distance(t->name, p->service.name) * 4;

	if (d && strstr(p->service.name, t->name))
		d = d > 8 ? 8 : d;
	if (strcmp(t->namespace, p->service.namespace))
		d += 1 + word_distance(t->namespace, p->service.namespace) / 2;
	return d;
}

static int no_service(struct resolve *r)
{
	struct near *near = arena_alloc(r->a, r->n * sizeof(*near));
	struct text names = { .arena = r->a };
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (!i || !same_service(&r->p[i - 1], &r->p[i]))
			near[n++] = (struct near){ &r->p[i], name_distance(r->t, &r->p[i]) };
	if (!n)
		return err_set(r->err, -ENOENT, "there is no service %s/%s here: kube-proxy programmed no service at all",
			       r->t->namespace, r->t->name);
	qsort(near, n, sizeof(*near), compare_near);
	for (size_t i = 0; i < n && i < NEAREST; i++)
		text_add(&names, "%ssvc/%s/%s", i ? ", " : "", near[i].p->service.namespace, near[i].p->service.name);
	return err_set(r->err, -ENOENT, "kube-proxy programmed no service %s/%s here (headless and ExternalName services have no rules); the nearest %s %s",
		       r->t->namespace, r->t->name, n > 1 ? "are" : "is", text_get(&names));
}

/* -- services ------------------------------------------------------------------------------------- */

static bool is_target_port(const struct target *t, const struct programmed *p)
{
	if (t->proto && t->proto != p->proto)
		return false;
	if (t->port_name)
		return p->service.port && !strcmp(t->port_name, p->service.port);
	return !t->port || t->port == p->port;
}

/* Copies of the target's own entries, cluster IPs first; which of them are cluster IPs is asked where the rules do not tell. */
static size_t own_entries(struct resolve *r, struct programmed **out)
{
	struct programmed *own = arena_alloc(r->a, r->n * sizeof(*own));
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->p[i].role != ROLE_NODEPORT)
			own[n++] = r->p[i];
	for (size_t i = 0; n > 1 && i < n; i++)
		if (own[i].role == ROLE_UNTOLD)
			own[i].role = programmed_is_cluster_ip(r->s, r->proxy, &own[i].addr) == YES ? ROLE_CLUSTER :
				      ROLE_EXTERNAL;
	*out = own;
	return n;
}

static struct target_port *find_port(struct resolve *r, const struct programmed *p)
{
	struct target_port *tp;

	for (size_t i = 0; i < r->n_port; i++)
		if (r->port[i].port == p->port && r->port[i].proto == p->proto)
			return &r->port[i];
	tp = VEC_PUSH(r->a, r->port, r->n_port, r->cap_port);
	tp->name = p->service.port;
	tp->port = p->port;
	tp->proto = p->proto;
	return tp;
}

static void add_addr(struct resolve *r, struct target_port *tp, const struct addr *addr)
{
	struct addr *list;

	for (size_t i = 0; i < tp->n_addr; i++)
		if (addr_eq(&tp->addr[i], addr))
			return;
	list = arena_alloc(r->a, (tp->n_addr + 1) * sizeof(*list));
	if (tp->n_addr)
		memcpy(list, tp->addr, tp->n_addr * sizeof(*list));
	list[tp->n_addr++] = *addr;
	tp->addr = list;
}

static int no_port(struct resolve *r, const struct programmed *own, size_t n)
{
	struct text ports = { .arena = r->a };
	const char *wanted = r->t->port_name;

	for (size_t i = 0; i < n; i++)
		if (!i || own[i - 1].port != own[i].port || own[i - 1].proto != own[i].proto)
			text_add(&ports, "%s%u/%s%s%s%s", i ? ", " : "", own[i].port, proto_say(r->a, own[i].proto),
				 own[i].service.port ? " (" : "", own[i].service.port ? own[i].service.port : "",
				 own[i].service.port ? ")" : "");
	if (!wanted)
		wanted = r->t->port ? arena_printf(r->a, "%u", r->t->port) : "";
	if (!n)
		text_add(&ports, "none at an address of its own");
	return err_set(r->err, -ENOENT, "service %s/%s has no port %s%s%s; its ports are %s", r->t->namespace, r->t->name,
		       wanted, r->t->proto ? "/" : "", r->t->proto ? proto_say(r->a, r->t->proto) : "", text_get(&ports));
}

static int read_services(struct resolve *r, const struct service_name *only)
{
	return programmed_read(r->s, r->a, r->proxy, PROGRAMMED_SERVICES, only, &r->p, &r->n, r->err);
}

/* "svc/prod/sctp" is a service called sctp if there is one, else port protocol sctp of service prod. */
static int settle_proto_word(struct resolve *r, struct target *t)
{
	const struct service_name name = { t->name, t->proto_word, NULL };
	int rc;

	if (!t->proto_word || (r->proxy->mode != PROXY_IPTABLES && r->proxy->mode != PROXY_NFTABLES))
		return 0;
	rc = read_services(r, &name);
	if (rc || !r->n)
		return rc;
	t->namespace = name.namespace;
	t->name = name.name;
	t->proto = 0;
	r->n = 0;
	return 0;
}

static int resolve_service(struct resolve *r)
{
	static const enum role order[] = { ROLE_CLUSTER, ROLE_UNTOLD, ROLE_EXTERNAL };
	const struct service_name name = { r->t->namespace, r->t->name, NULL };
	struct programmed *own;
	size_t n;
	int rc;

	if (r->proxy->mode != PROXY_IPTABLES && r->proxy->mode != PROXY_NFTABLES)
		return no_names(r, "service's");
	rc = read_services(r, &name);
	if (rc)
		return rc;
	if (!r->n) {
		rc = read_services(r, NULL);
		return rc ? rc : no_service(r);
	}
	n = own_entries(r, &own);
	for (size_t o = 0; o < ARRAY_SIZE(order); o++)
		for (size_t i = 0; i < n; i++)
			if (own[i].role == order[o] && is_target_port(r->t, &own[i]))
				add_addr(r, find_port(r, &own[i]), &own[i].addr);
	return r->n_port ? 0 : no_port(r, own, n);
}

/* -- NodePorts ------------------------------------------------------------------------------------ */

/* The address that kubelet would take for the node's: the source towards the default route. */
static bool default_source(struct state *s, uint8_t family, struct addr *out)
{
	struct route_key key = { 0 };
	struct route route;

	/* TEST-NET-1 and the documentation prefix: covered by a default route alone */
	addr_parse(family == AF_INET6 ? "2001:db8::1" : "192.0.2.1", &key.dst);
	if (state_route(s, 0, &key, &route) || route.error || route.type != RTN_UNICAST || !route.prefsrc.family)
		return false;
	*out = route.prefsrc;
	return true;
}

static bool is_host_link(const struct link *l)
{
	return l && !(l->flags & IFF_LOOPBACK) && strcmp(l->kind, "bridge") && strcmp(l->kind, "dummy");
}

/* Of all local addresses one stands for the node: towards the default route, else the first that no bridge holds. */
bool target_node_addr(struct state *s, uint8_t family, struct addr *out)
{
	const struct if_addr *v, *found = NULL;
	size_t n;

	if (default_source(s, family, out))
		return true;
	if (state_addrs(s, 0, &v, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		bool host = is_host_link(state_link(s, 0, v[i].ifindex));

		if (v[i].addr.family != family || addr_is_loopback(&v[i].addr) || addr_is_linklocal(&v[i].addr))
			continue;
		if (!found || (host && !is_host_link(state_link(s, 0, found->ifindex))))
			found = &v[i];
	}
	if (found)
		*out = found->addr;
	return found;
}

static int nearest_nodeports(struct resolve *r)
{
	struct near *near = arena_alloc(r->a, r->n * sizeof(*near));
	struct text list = { .arena = r->a };
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct programmed *p = &r->p[i];
		bool again = false;

		if (p->role != ROLE_NODEPORT)
			continue;
		for (size_t k = 0; k < n && !again; k++)
			again = near[k].p->port == p->port && near[k].p->proto == p->proto;
		if (!again)
			near[n++] = (struct near){ p, abs((int)p->port - (int)r->t->port) };
	}
	if (!n)
		return err_set(r->err, -ENOENT, "no NodePort %u is programmed here; there is none at all", r->t->port);
	qsort(near, n, sizeof(*near), compare_near);
	for (size_t i = 0; i < n && i < NEAREST; i++)
		text_add(&list, "%s%u/%s (%s)", i ? ", " : "", near[i].p->port, proto_say(r->a, near[i].p->proto),
			 service_say(r->a, &near[i].p->service));
	return err_set(r->err, -ENOENT, "no NodePort %u%s%s is programmed here; the nearest %s %s", r->t->port,
		       r->t->proto ? "/" : "", r->t->proto ? proto_say(r->a, r->t->proto) : "", n > 1 ? "are" : "is",
		       text_get(&list));
}

/* The addresses that take this NodePort, of the family that it is programmed in. */
static int add_node_addrs(struct resolve *r, const struct programmed *p)
{
	struct target_port *tp = find_port(r, p);
	const struct addr *list;
	struct addr one;
	bool all;
	size_t n;
	int rc;

	rc = programmed_node_addrs(r->s, r->a, r->proxy, p->family, &all, &list, &n, r->err);
	if (rc)
		return rc;
	if (all && target_node_addr(r->s, p->family, &one))
		add_addr(r, tp, &one);
	for (size_t i = 0; !all && i < n; i++)
		add_addr(r, tp, &list[i]);
	return 0;
}

/* "prod/web:http"; where two protocols share the number, "prod/web" of both. */
static const char *nodeport_service(struct resolve *r, const struct service_name *name, const char *before)
{
	struct service_name whole = *name;

	if (!before || !strcmp(before, service_say(r->a, name)))
		return service_say(r->a, name);
	whole.port = NULL;
	return service_say(r->a, &whole);
}

static int resolve_nodeport(struct resolve *r, const char **service)
{
	size_t n_addr = 0;
	int rc;

	if (r->proxy->mode != PROXY_IPTABLES && r->proxy->mode != PROXY_NFTABLES)
		return no_names(r, "node's");
	rc = programmed_read(r->s, r->a, r->proxy, PROGRAMMED_NODEPORTS, NULL, &r->p, &r->n, r->err);
	for (size_t i = 0; !rc && i < r->n; i++) {
		const struct programmed *p = &r->p[i];

		if (p->role != ROLE_NODEPORT || p->port != r->t->port || (r->t->proto && p->proto != r->t->proto))
			continue;
		rc = add_node_addrs(r, p);
		*service = nodeport_service(r, &p->service, *service);
	}
	if (rc)
		return rc;
	for (size_t i = 0; i < r->n_port; i++)
		n_addr += r->port[i].n_addr;
	if (!r->n_port)
		return nearest_nodeports(r);
	if (!n_addr)
		return err_set(r->err, -ENOENT, "NodePort %u belongs to %s, but this node has no address that the rules take it at",
			       r->t->port, *service);
	return 0;
}

/* ------------------------------------------------------------------------------------------------- */

int target_resolve(struct state *s, struct arena *a, const struct proxy *proxy, const struct target *t,
		   struct resolved *out, struct err *err)
{
	struct target settled = *t;
	struct resolve r = { .s = s, .a = a, .proxy = proxy, .t = &settled, .err = err };
	const char *service = NULL;
	struct target_port *tp;
	int rc = 0;

	switch (t->kind) {
	case TARGET_SERVICE:
		rc = settle_proto_word(&r, &settled);
		if (!rc)
			rc = resolve_service(&r);
		break;
	case TARGET_NODEPORT:
		rc = resolve_nodeport(&r, &service);
		break;
	default:
		tp = VEC_PUSH(a, r.port, r.n_port, r.cap_port);
		tp->port = t->port;
		tp->proto = t->proto;
		add_addr(&r, tp, &t->addr);
		break;
	}
	if (rc)
		return rc;
	*out = (struct resolved){ .target = settled, .port = r.port, .n_port = r.n_port, .service = service };
	return 0;
}

/* -- the other way: from what the packet met ------------------------------------------------------- */

static bool service_of_evidence(struct arena *a, const struct evidence *e, struct service_name *out)
{
	if (e->kind != EV_RULE && e->kind != EV_SET)
		return false;
	if (service_of_chain(a, e->jump, out) || service_of_chain(a, e->chain, out))
		return true;
	if (e->table && !strcmp(e->table, "kube-proxy"))
		return service_of_comment(a, e->comment, out);
	return e->effect >= EFFECT_JUMP && e->chain && !strncmp(e->chain, "KUBE-", 5) &&
	       service_of_comment(a, e->comment, out);
}

const char *target_service_of(struct arena *a, const struct trace *t, size_t n)
{
	struct service_name name;

	for (size_t i = 0; i < n; i++)
		for (size_t h = 0; h < t[i].n_hops; h++)
			for (size_t e = 0; e < t[i].hops[h].n_evidence; e++)
				if (service_of_evidence(a, &t[i].hops[h].evidence[e], &name))
					return service_say(a, &name);
	return NULL;
}

/* How near an entry is to the packet: the larger, the nearer. */
static enum served served_by(const struct programmed *p, const struct tuple *t, bool local)
{
	bool same = p->proto == t->proto && p->port == t->dport;

	if (p->family != t->dst.family || (p->role == ROLE_NODEPORT && !(same && local)))
		return SERVED_NOT;
	if (p->role == ROLE_NODEPORT)
		return p->refused ? SERVED_REFUSED : SERVED_NODEPORT;
	return !same ? SERVED_OTHER_PORT : p->refused ? SERVED_REFUSED : SERVED_HERE;
}

const char *target_service_at(struct state *s, struct arena *a, const struct proxy *proxy, const struct tuple *t, bool local,
			      enum served *how)
{
	unsigned want = PROGRAMMED_SERVICES | (local ? PROGRAMMED_NODEPORTS : 0);
	const struct programmed *p, *best = NULL;
	struct service_name name;
	size_t n;

	*how = SERVED_NOT;
	if (programmed_at(s, a, proxy, want, &t->dst, &p, &n))
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (served_by(&p[i], t, local) > *how) {
			best = &p[i];
			*how = served_by(best, t, local);
		}
	if (!best)
		return NULL;
	name = best->service;
	if (*how == SERVED_OTHER_PORT)
		name.port = NULL;
	return service_say(a, &name);
}
