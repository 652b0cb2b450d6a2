/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which endpoints kube-proxy should have programmed, from the documentation of Services, traffic policies, topology aware
 * routing and EndpointSlice conditions; kubernetes pkg/proxy/topology.go, versions 1.30 to 1.36, takes them so.
 */
#include <string.h>

#include "tracer/intended.h"

#define NAMED 3				/* endpoints that a sentence names */

struct set {
	const struct endpoint **v;
	size_t n, cap;
};

/* Traces of one address and port. */
struct group {
	struct arena *arena;
	const struct cluster *cluster;
	const struct node *node;
	const struct trace *t;
	size_t n;
	const struct service *service;
	const struct service_port *port;
	bool external;
	const struct real_servers *real;	/* or NULL */
	struct set every, usable;
};

static bool is_node_addr(const struct prediction *p, const struct addr *a)
{
	for (size_t i = 0; i < p->facts.n_node_addr; i++)
		if (addr_eq(&p->facts.node_addr[i], a))
			return true;
	return false;
}

const struct service *intended_service(const struct cluster *c, const struct prediction *p, const struct tuple *target,
				       const struct service_port **sp, bool *external)
{
	const struct service *s = cluster_service_at(c, &target->dst, target->proto, target->dport, sp);

	*external = true;
	for (size_t i = 0; s && i < s->cluster_ip.n; i++)
		if (addr_eq(&s->cluster_ip.v[i], &target->dst))
			*external = false;
	if (!s && (p->target.target.kind == TARGET_NODEPORT || is_node_addr(p, &target->dst)))
		s = cluster_service_of_node_port(c, target->proto, target->dport, sp);
	return s;
}

/* -- sets of endpoints ---------------------------------------------------------------------------- */

static bool same(const struct endpoint *e, const struct addr *addr, uint16_t port)
{
	return addr_eq(&e->addr, addr) && (!e->port || !port || e->port == port);
}

static bool has(const struct set *s, const struct addr *addr, uint16_t port)
{
	for (size_t i = 0; i < s->n; i++)
		if (same(s->v[i], addr, port))
			return true;
	return false;
}

static void add(struct group *g, struct set *s, const struct endpoint *e)
{
	if (!has(s, &e->addr, e->port))
		*VEC_PUSH(g->arena, s->v, s->n, s->cap) = e;
}

static bool same_name(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : !a && !b;
}

/* All of this service port, whatever their conditions. */
static void find_every(struct group *g)
{
	const struct slice *slice;
	size_t n;

	slice = cluster_slices(g->cluster, g->service->namespace, g->service->name, &n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < slice[i].n_endpoint; k++) {
			const struct endpoint *e = &slice[i].endpoint[k];

			if (e->addr.family == g->t->target.dst.family && e->proto == g->port->proto &&
			    (!e->port || same_name(e->port_name, g->port->name)))
				add(g, &g->every, e);
		}
}

static bool is_here(const struct group *g, const struct endpoint *e)
{
	return e->node && g->node && !strcmp(e->node, g->node->name);
}

/* Those that are ready; if there is none, those that terminate and still serve. */
static struct set usable(struct group *g, bool here)
{
	struct set s = { NULL };

	for (int terminating = 0; terminating < 2 && !s.n; terminating++)
		for (size_t i = 0; i < g->every.n; i++) {
			const struct endpoint *e = g->every.v[i];

			if ((!here || is_here(g, e)) && (terminating ? e->serving && e->terminating : e->ready))
				add(g, &s, e);
		}
	return s;
}

static bool is_hinted(const struct endpoint *e, const char *name, bool node)
{
	const char *const *v = node ? e->for_node : e->zone;

	for (size_t i = 0; i < (node ? e->n_for_node : e->n_zone); i++)
		if (!strcmp(v[i], name))
			return true;
	return false;
}

/* Topology: those that hints give to this zone or node, if every one carries such hints. Empty: hints do not count. */
static struct set hinted(struct group *g, bool node)
{
	const char *name = !g->node ? NULL : node ? g->node->name : g->node->zone;
	struct set s = { NULL };

	for (size_t i = 0; i < g->usable.n; i++) {
		const struct endpoint *e = g->usable.v[i];

		if (node ? !e->n_for_node : !e->n_zone)
			return (struct set){ NULL };
		if (name && is_hinted(e, name, node))
			add(g, &s, e);
	}
	return s;
}

/* -- what the paths show -------------------------------------------------------------------------- */

/* Was it sent on to an endpoint? A host's own may have the address that was addressed, at another port. */
static bool is_translated(const struct trace *t)
{
	return t->has_endpoint && !(addr_eq(&t->endpoint, &t->target.dst) && t->endpoint_port == t->target.dport);
}

/* All ways of a choice among endpoints made anew, none of them left out. */
static bool shows_all(const struct group *g)
{
	double sum = 0;

	if (g->real)
		return true;
	for (size_t i = 0; i < g->n; i++) {
		const struct trace *t = &g->t[i];

		if (!is_translated(t) || (t->share_kind != SHARE_RANDOM && t->share_kind != SHARE_CERTAIN))
			return false;
		sum += t->share;
	}
	return sum > 0.999;
}

/* Weight 0 is what kube-proxy gives those that are to get nothing new. */
static bool is_served(const struct group *g, const struct endpoint *e)
{
	for (size_t i = 0; i < g->real->n; i++)
		if (g->real->dest[i].weight > 0 && same(e, &g->real->dest[i].addr, g->real->dest[i].port))
			return true;
	return false;
}

static bool is_shown(const struct group *g, const struct endpoint *e)
{
	if (g->real)
		return is_served(g, e);
	for (size_t i = 0; i < g->n; i++)
		if (same(e, &g->t[i].endpoint, g->t[i].endpoint_port))
			return true;
	return false;
}

/* How far the paths are from a promise: endpoints too few and too many. */
static size_t distance(const struct group *g, const struct set *s)
{
	size_t d = 0;

	for (size_t i = 0; i < s->n; i++)
		d += !is_shown(g, s->v[i]);
	for (size_t i = 0; !g->real && i < g->n; i++)
		d += !has(s, &g->t[i].endpoint, g->t[i].endpoint_port);
	for (size_t i = 0; g->real && i < g->real->n; i++)
		d += g->real->dest[i].weight > 0 && !has(s, &g->real->dest[i].addr, g->real->dest[i].port);
	return d;
}

/*
 * The promise that the paths come nearest to. False: it hangs on what is not known, which node this is and in
 * which zone.
 */
static bool nearest(struct group *g, struct set *out)
{
	bool local = g->external ? g->service->external_local : g->service->internal_local;
	struct set readings[] = { g->usable, hinted(g, false), hinted(g, true), { NULL } };
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < g->usable.n; i++)
		if (!g->node && (local || g->usable.v[i]->n_zone || g->usable.v[i]->n_for_node))
			return false;
	if (local)
		readings[3] = usable(g, true);
	/* an external address answers to clients inside the cluster as if its policy were Cluster */
	for (size_t i = local && !g->external ? 3 : 0; i < ARRAY_SIZE(readings); i++) {
		size_t d = distance(g, &readings[i]);

		if (readings[i].n && d < best) {
			best = d;
			*out = readings[i];
		}
	}
	return true;
}

/* -- words ---------------------------------------------------------------------------------------- */

/* "10.244.1.40:8080 of prod/web-0 on node-a". */
static const char *say_endpoint(struct arena *a, const struct endpoint *e)
{
	const char *of = e->pod ? arena_printf(a, " of %s/%s", e->namespace, e->pod) : "";

	return arena_printf(a, "%s%s%s%s", endpoint_say(a, &e->addr, e->port), of, e->node ? " on " : "",
			    e->node ? e->node : "");
}

struct words {
	struct text text;
	size_t n;
};

static void say(struct words *w, const struct endpoint *e)
{
	if (w->n++ < NAMED)
		text_add(&w->text, "%s%s", w->n > 1 ? ", " : "", say_endpoint(w->text.arena, e));
}

static const char *said(struct words *w)
{
	if (w->n > NAMED)
		text_add(&w->text, " and %zu more", w->n - NAMED);
	return w->n ? text_get(&w->text) : NULL;
}

/* -- comparison ----------------------------------------------------------------------------------- */

static void compare(struct group *g, const struct intended **out)
{
	struct words missing = { { .arena = g->arena }, 0 }, unready = { { .arena = g->arena }, 0 };
	struct words extra = { { .arena = g->arena }, 0 };
	struct intended common = { .origin = g->cluster->origin };
	const char *port = g->port->name;
	struct set promised = { NULL };
	bool all = shows_all(g), known = nearest(g, &promised), refused = false;

	for (size_t i = 0; i < g->n; i++)
		refused |= !g->t[i].has_endpoint;
	common.service = arena_printf(g->arena, "%s/%s%s%s", g->service->namespace, g->service->name, port ? ":" : "",
				      port ? port : "");
	common.n_usable = g->usable.n;
	for (size_t i = 0; i < g->every.n; i++)
		if (!has(&g->usable, &g->every.v[i]->addr, g->every.v[i]->port)) {
			common.n_unready++;
			say(&unready, g->every.v[i]);
		}
	common.unready = said(&unready);
	for (size_t i = 0; known && (all || refused) && i < promised.n; i++)
		if (refused || !is_shown(g, promised.v[i]))
			say(&missing, promised.v[i]);
	common.missing = said(&missing);
	for (size_t i = 0; known && all && i < g->every.n; i++)
		if (is_shown(g, g->every.v[i]) && !has(&promised, &g->every.v[i]->addr, g->every.v[i]->port))
			say(&extra, g->every.v[i]);
	common.extra = said(&extra);
	for (size_t i = 0; i < g->n; i++) {
		const struct trace *t = &g->t[i];
		struct intended *in = arena_dup(g->arena, &common, sizeof(common));
		bool anew = is_translated(t) && t->share_kind != SHARE_EXISTING;

		in->gone = anew && !has(&g->every, &t->endpoint, t->endpoint_port);
		in->out = anew && all && known && !in->gone && !has(&promised, &t->endpoint, t->endpoint_port);
		out[i] = in;
	}
}

static bool same_target(const struct tuple *a, const struct tuple *b)
{
	return addr_eq(&a->dst, &b->dst) && a->dport == b->dport && a->proto == b->proto;
}

/* Does kube-proxy serve it, and are its endpoints known? A Service has at least one slice, though that may be empty. */
static bool is_judged(const struct cluster *c, const struct service *s)
{
	size_t n;

	return s && c->known[CLUSTER_SLICES] && !s->headless && !s->foreign && strcmp(s->type, "ExternalName") &&
	       cluster_slices(c, s->namespace, s->name, &n);
}

const struct intended **intended_compare(struct arena *a, const struct cluster *c, const struct node *node,
					 const struct prediction *p, const struct trace *t, size_t n,
					 const struct real_servers *const *real)
{
	const struct intended **out = arena_alloc(a, n * sizeof(*out));

	for (size_t i = 0, end; i < n; i = end) {
		struct group g = { .arena = a, .cluster = c, .node = node, .t = &t[i],
				   .real = real ? real[i] : NULL };

		for (end = i + 1; end < n && same_target(&t[i].target, &t[end].target); end++)
			;
		g.n = end - i;
		g.service = intended_service(c, p, &t[i].target, &g.port, &g.external);
		if (!is_judged(c, g.service))
			continue;
		find_every(&g);
		g.usable = usable(&g, false);
		compare(&g, &out[i]);
	}
	return out;
}
