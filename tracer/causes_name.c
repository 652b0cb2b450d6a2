/* SPDX-License-Identifier: GPL-2.0-only */
/* Which service a path is about: by the target's name, or by kube-proxy's own comments and chain names. */
#include <string.h>

#include "tracer/causes.h"
#include "tracer/owners.h"

/* Kubernetes names: whatever else a rule's comment holds must not get into a command. */
static const char *clean_name(struct arena *a, const char *s, size_t len)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";

	return len && len <= 253 && s[0] != '-' && strspn(s, ok) >= len ? arena_strndup(a, s, len) : NULL;
}

/* "ns/name:port words", as kube-proxy's comments begin. */
static struct service_name from_comment(struct arena *a, const char *s)
{
	struct service_name n = { NULL };
	const char *slash, *colon, *end;

	if (!s)
		return n;
	end = strchrnul(s, ' ');
	slash = memchr(s, '/', end - s);
	if (!slash)
		return n;
	colon = memchr(slash, ':', end - slash);
	n.namespace = clean_name(a, s, slash - s);
	n.name = clean_name(a, slash + 1, (colon ? colon : end) - slash - 1);
	n.port = colon ? clean_name(a, colon + 1, end - colon - 1) : NULL;
	return n;
}

/* "service-HASH-ns/name/proto/port", as kube-proxy names its nftables chains. */
static struct service_name from_chain(struct arena *a, const char *s)
{
	struct service_name n = { NULL };
	const char *part[4] = { NULL };
	size_t len[4] = { 0 }, i;

	if (!name_matches(s, "service-*|external-*|local-*|firewall-*|endpoint-*"))
		return n;
	s = strchr(strchr(s, '-') + 1, '-');
	if (!s)
		return n;
	for (i = 0, s++; i < 4 && s; i++) {
		part[i] = s;
		len[i] = strcspn(s, "/_");
		s = s[len[i]] == '/' ? s + len[i] + 1 : NULL;
	}
	if (!part[2])
		return n;
	n.namespace = clean_name(a, part[0], len[0]);
	n.name = clean_name(a, part[1], len[1]);
	n.port = part[3] ? clean_name(a, part[3], len[3]) : NULL;
	return n;
}

static bool whole(const struct service_name *n)
{
	return n->namespace && n->name;
}

/* A path's rules name its service: in the words of a comment of kube-proxy's, or in a chain. */
static struct service_name from_hop(struct arena *a, const struct hop *h)
{
	struct service_name n = { NULL };
	size_t i;

	for (i = 0; i < h->n_evidence && !whole(&n); i++) {
		const struct evidence *e = &h->evidence[i];

		if (e->effect == EFFECT_NONE)
			continue;
		if (e->kind == EV_RULE && e->comment && evidence_owner(e) && !strcmp(evidence_owner(e), "kube-proxy"))
			n = from_comment(a, e->comment);
		if (!whole(&n) && e->table && !strcmp(e->table, "kube-proxy"))
			n = from_chain(a, e->jump);
		if (!whole(&n) && e->table && !strcmp(e->table, "kube-proxy"))
			n = from_chain(a, e->chain);
	}
	return n;
}

struct service_name view_service(const struct view *v)
{
	const struct target *t = &v->p->target.target;
	struct service_name n = { NULL };
	size_t i;

	if (t->kind == TARGET_SERVICE) {
		n.namespace = t->namespace ? clean_name(v->arena, t->namespace, strlen(t->namespace)) : NULL;
		n.name = t->name ? clean_name(v->arena, t->name, strlen(t->name)) : NULL;
		n.port = t->port_name ? clean_name(v->arena, t->port_name, strlen(t->port_name)) : NULL;
		for (i = 0; !n.port && i < v->p->target.n_port; i++) {
			const struct target_port *p = &v->p->target.port[i];

			if (p->name && p->port == v->t->target.dport && p->proto == v->t->target.proto)
				n.port = clean_name(v->arena, p->name, strlen(p->name));
		}
		return n;
	}
	for (i = v->t->n_hops; i-- > 0 && !whole(&n); )
		n = from_hop(v->arena, &v->t->hops[i]);
	return whole(&n) ? n : from_comment(v->arena, v->p->target.service);
}
