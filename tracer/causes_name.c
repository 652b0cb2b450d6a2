/* SPDX-License-Identifier: GPL-2.0-only */
/* Which service a path is about: by the target's name, or by kube-proxy's own comments and chain names. */
#include <string.h>

#include "tracer/causes.h"

/* Kubernetes names: whatever else a rule's comment holds must not get into a command. */
static bool clean(const char *s)
{
	size_t len = s ? strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") : 0;

	return len && len <= 253 && !s[len] && s[0] != '-';
}

static struct service_name checked(struct service_name n)
{
	if (!clean(n.namespace) || !clean(n.name))
		return (struct service_name){ NULL };
	if (!clean(n.port))
		n.port = NULL;
	return n;
}

static struct service_name of_comment(struct arena *a, const char *comment)
{
	struct service_name n = { NULL };

	return comment && service_of_comment(a, comment, &n) ? checked(n) : (struct service_name){ NULL };
}

static struct service_name of_evidence(struct arena *a, const struct evidence *e)
{
	struct service_name n = { NULL };
	const char *owner = evidence_owner(e);

	if (e->effect == EFFECT_NONE || !owner || strcmp(owner, "kube-proxy"))
		return n;
	if (e->table && !strcmp(e->table, "kube-proxy") &&
	    (service_of_chain(a, e->jump, &n) || service_of_chain(a, e->chain, &n)))
		return checked(n);
	return of_comment(a, e->comment);
}

static struct service_name of_hops(struct arena *a, const struct trace *t)
{
	struct service_name n = { NULL };
	size_t i, k;

	for (i = t->n_hops; i-- > 0; )
		for (k = 0; k < t->hops[i].n_evidence; k++) {
			n = of_evidence(a, &t->hops[i].evidence[k]);
			if (n.name)
				return n;
		}
	return n;
}

/* The name of the port that this path is to. */
static const char *port_name(const struct view *v)
{
	const struct resolved *r = &v->p->target;
	size_t i;

	for (i = 0; i < r->n_port; i++)
		if (r->port[i].port == v->t->target.dport && r->port[i].proto == v->t->target.proto)
			return r->port[i].name;
	return r->target.port_name;
}

struct service_name view_service(const struct view *v)
{
	const struct target *t = &v->p->target.target;
	struct service_name n;

	if (t->kind == TARGET_SERVICE)
		return checked((struct service_name){ t->namespace, t->name, port_name(v) });
	n = of_hops(v->arena, v->t);
	return n.name ? n : of_comment(v->arena, v->p->target.service);
}
