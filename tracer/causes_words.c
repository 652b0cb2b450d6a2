/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words of findings: templates whose {names} stand for what this path shows. A value that is not there makes its
 * {name|otherwise} say `otherwise`.
 */
#include <assert.h>
#include <string.h>

#include "tracer/causes.h"
#include "tracer/intended.h"

static const struct packet *packet(const struct view *v)
{
	return v->hop ? &v->hop->in : NULL;
}

static const char *addr_text(const struct view *v, const struct addr *a)
{
	char buf[ADDR_TEXT];

	return a && a->family ? arena_strdup(v->arena, addr_say(a, buf)) : NULL;
}

static const char *number(const struct view *v, unsigned n)
{
	return n ? arena_printf(v->arena, "%u", n) : NULL;
}

static const char *say_service(const struct view *v)
{
	struct service_name n = view_service(v);

	return n.name ? service_say(v->arena, &n) : NULL;
}

static const char *say_ns(const struct view *v) { return view_service(v).namespace; }
static const char *say_name(const struct view *v) { return view_service(v).name; }

/* -- addresses ------------------------------------------------------------------------------------ */

static const char *say_target(const struct view *v)
{
	return endpoint_say(v->arena, &v->t->target.dst, v->t->target.dport);
}

static const char *say_targetaddr(const struct view *v)
{
	return addr_text(v, &v->t->target.dst);
}

static const char *say_port(const struct view *v)
{
	return number(v, v->t->target.dport);
}

static const char *say_proto(const struct view *v)
{
	return proto_say(v->arena, v->t->target.proto);
}

static const char *say_src(const struct view *v)
{
	return packet(v) ? addr_text(v, &packet(v)->src) : NULL;
}

static const char *say_dst(const struct view *v)
{
	return packet(v) ? addr_text(v, &packet(v)->dst) : NULL;
}

static const char *say_client(const struct view *v)
{
	return addr_text(v, view_client(v));
}

/* "10.244.1.5 -> 10.244.0.3:8080", said of the answer where it is one. */
static const char *say_packet(const struct view *v)
{
	const struct packet *p = packet(v);
	bool reply = v->hop && v->hop->reply;

	if (!p || !p->dst.family)
		return say_target(v);
	if (!p->src.family)		/* not chosen before the route is known */
		return arena_printf(v->arena, "a packet to %s", endpoint_say(v->arena, &p->dst, p->dport));
	if (reply)
		return arena_printf(v->arena, "the answer %s -> %s", endpoint_say(v->arena, &p->src, p->sport),
				    addr_text(v, &p->dst));
	return arena_printf(v->arena, "%s -> %s", addr_text(v, &p->src), endpoint_say(v->arena, &p->dst, p->dport));
}

static const char *say_endpoint(const struct view *v)
{
	return v->t->has_endpoint ? endpoint_say(v->arena, &v->t->endpoint, v->t->endpoint_port) : NULL;
}

static const char *say_endpointaddr(const struct view *v)
{
	return v->t->has_endpoint ? addr_text(v, &v->t->endpoint) : NULL;
}

static const char *say_endpointport(const struct view *v)
{
	return v->t->has_endpoint ? number(v, v->t->endpoint_port) : say_port(v);
}

static const char *path_endpoint(const struct view *v, const struct trace *t)
{
	return t->has_endpoint ? endpoint_say(v->arena, &t->endpoint, t->endpoint_port) : NULL;
}

static const char *path_target(const struct view *v, const struct trace *t)
{
	return endpoint_say(v->arena, &t->target.dst, t->target.dport);
}

/* The words of all the finding's paths, each once, folded after three. */
static const char *say_list_of(const struct view *v, const char *(*word)(const struct view *v, const struct trace *t))
{
	const char **seen = arena_alloc(v->arena, v->n_paths * sizeof(*seen));
	struct text t = { .arena = v->arena };
	size_t i, k, n = 0;

	for (i = 0; i < v->n_paths; i++) {
		const char *w = word(v, &v->p->trace[v->paths[i]]);

		for (k = 0; w && k < n && strcmp(seen[k], w); k++)
			;
		if (!w || k < n)
			continue;
		seen[n++] = w;
		if (n <= 3)
			text_add(&t, "%s%s", n > 1 ? ", " : "", w);
	}
	if (n > 3)
		text_add(&t, " and %zu more", n - 3);
	return n ? text_get(&t) : NULL;
}

static const char *say_endpoints(const struct view *v)
{
	return say_list_of(v, path_endpoint);
}

static const char *say_targets(const struct view *v)
{
	return say_list_of(v, path_target);
}

/* Where the packet was: "on this node", or in a pod's namespace, "in namespace kt-pb". */
static const char *say_where(const struct view *v)
{
	const char *place = v->hop && v->hop->place ? v->hop->place : NULL;

	return place ? arena_printf(v->arena, "in namespace %s", place) : "on this node";
}

/* What a command begins with to run there: nothing on the node itself. */
static const char *say_in(const struct view *v)
{
	const char *place = v->hop ? v->hop->place : NULL;

	if (!place)
		return NULL;
	if (!strncmp(place, "pid ", 4))
		return arena_printf(v->arena, "nsenter -n -t %s ", place + 4);
	return arena_printf(v->arena, "ip netns exec %s ", place);
}

static const char *usable_addr(const struct view *v, const struct addr *a, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (a[i].family == v->t->target.dst.family && !addr_is_loopback(&a[i]) && !addr_is_linklocal(&a[i]))
			return addr_text(v, &a[i]);
	return NULL;
}

static const char *say_nodeaddr(const struct view *v)
{
	const struct node_facts *f = &v->p->facts;
	const struct resolved *r = &v->p->target;
	const char *addr = NULL;
	size_t i;

	/* those that NodePorts are programmed at, before any other */
	for (i = 0; i < r->n_port && r->target.kind == TARGET_NODEPORT && !addr; i++)
		addr = usable_addr(v, r->port[i].addr, r->port[i].n_addr);
	return addr ? addr : usable_addr(v, f->node_addr, f->n_node_addr);
}

/* -- rules ---------------------------------------------------------------------------------------- */

static const char *say_chain(const struct view *v) { return rule_chain(v, v->ev); }
static const char *say_iptables(const struct view *v) { return rule_iptables(v); }
static const char *say_allow(const struct view *v) { return rule_allow(v, say_in(v)); }
static const char *say_list(const struct view *v) { return rule_list(v, say_in(v)); }

static const char *say_rule(const struct view *v)
{
	const char *rule = rule_place(v, v->ev);

	return rule && v->hop->place ? arena_printf(v->arena, "%s of namespace %s", rule, v->hop->place) : rule;
}

static const char *say_chainname(const struct view *v)
{
	return evidence_is_rule(v->ev) ? v->ev->chain : NULL;
}

static const char *say_comment(const struct view *v)
{
	return v->ev ? v->ev->comment : NULL;
}

/* What the deciding evidence says, in its own tool's words. */
static const char *say_ip(const struct view *v) { return v->t->target.dst.family == AF_INET6 ? "ip -6" : "ip"; }

static const char *say_bridgenf(const struct view *v)
{
	return v->t->target.dst.family == AF_INET6 ? "bridge-nf-call-ip6tables" : "bridge-nf-call-iptables";
}

static const char *say_ruletext(const struct view *v)
{
	return v->ev ? v->ev->text : NULL;
}

static const char *say_owner(const struct view *v)
{
	return evidence_owner(v->ev);
}

/* The rule that v->rests begins with: what else a row found. */
static const char *say_otherrule(const struct view *v)
{
	return v->rests.n ? rule_place(v, &v->rests.v[0]) : NULL;
}

/* -- the rest ------------------------------------------------------------------------------------- */

static const char *say_why(const struct view *v)
{
	return v->t->end.why;
}

/* Of "nat/PREROUTING rule 1 drops it: veth3 has no address to translate to". */
static const char *say_because(const struct view *v)
{
	const char *why = say_why(v), *reason = why ? strstr(why, "drops it: ") : NULL;

	return reason ? reason + strlen("drops it: ") : why;
}

static const char *say_iif(const struct view *v)
{
	return v->hop ? v->hop->iif : NULL;
}

static const char *say_oif(const struct view *v)
{
	return v->hop ? v->hop->oif : NULL;
}

static const struct evidence *sysctl(const struct view *v)
{
	return v->ev && v->ev->kind == EV_SYSCTL ? v->ev : view_evidence(v, EV_SYSCTL);
}

static const char *say_sysctl(const struct view *v)
{
	return sysctl(v) ? sysctl(v)->name : NULL;
}

static const char *say_value(const struct view *v)
{
	return sysctl(v) ? arena_printf(v->arena, "%ld", sysctl(v)->value) : NULL;
}

static const char *text_of(const struct view *v, enum evidence_kind kind)
{
	const struct evidence *e = hop_evidence(v->hop, kind);

	if (!e)
		e = view_evidence(v, kind);
	return e ? e->text : NULL;
}

static const char *say_route(const struct view *v) { return text_of(v, EV_ROUTE); }
static const char *say_neigh(const struct view *v) { return text_of(v, EV_NEIGHBOUR); }
static const char *say_entry(const struct view *v) { return text_of(v, EV_CONNTRACK); }
static const char *say_link(const struct view *v) { return text_of(v, EV_LINK); }
static const char *say_socket(const struct view *v) { return text_of(v, EV_SOCKET); }

/* Of "port vpb of bridge cni0: hairpin off". */
static const char *say_bridgeport(const struct view *v)
{
	const char *text = say_link(v);

	if (!text || strncmp(text, "port ", 5))
		return NULL;
	return arena_strndup(v->arena, text + 5, strcspn(text + 5, " "));
}

/* "its listeners are 8080, 9090", in the words that the walk left. */
static const char *say_listeners(const struct view *v)
{
	const struct evidence *e = hop_evidence(v->hop, EV_SOCKET);

	return e ? e->says : NULL;
}

static const char *say_timeout(const struct view *v)
{
	const struct ct_view *ct = view_entry(v);

	return ct && ct->timeout ? arena_printf(v->arena, "%u s left", ct->timeout) : NULL;
}

static const char *say_listener(const struct view *v)
{
	return v->p->facts.listener ? v->p->facts.listener->text : NULL;
}

static const char *say_fill(const struct view *v)
{
	const struct node_facts *f = &v->p->facts;

	return f->ct_max > 0 && f->ct_count >= 0 ? arena_printf(v->arena, "%ld/%ld", f->ct_count, f->ct_max) : NULL;
}

static const char *say_ctmax(const struct view *v)
{
	return v->p->facts.ct_max > 0 ? arena_printf(v->arena, "%ld", 2 * v->p->facts.ct_max) : NULL;
}

static const char *say_node(const struct view *v) { return v->p->node; }
static const char *say_proxy(const struct view *v) { return v->p->proxy.text; }

static const char *say_others(const struct view *v)
{
	struct text t = { .arena = v->arena };
	size_t i;

	for (i = 0; i < v->p->proxy.n_others; i++)
		text_add(&t, "%s%s", i ? " and " : "", v->p->proxy.others[i]);
	return i ? text_get(&t) : NULL;
}

/* Of modes side by side, whose word it was, and which. */
static const char *say_met(const struct view *v) { return proxy_met_by(v->t, NULL); }

static const char *say_metrule(const struct view *v)
{
	const struct evidence *by = NULL;

	if (!proxy_met_by(v->t, &by))
		return NULL;
	return arena_printf(v->arena, " (%s)", evidence_is_rule(by) ? rule_place(v, by) : by->text);
}

/* The target's other addresses at which this port is served. */
static const char *say_served(const struct view *v)
{
	struct text t = { .arena = v->arena };
	size_t i, n = 0;

	for (i = 0; i < v->p->n_trace; i++) {
		const struct tuple *other = &v->p->trace[i].target;
		const struct view o = view_of(v->arena, v->p, i);

		if (other->dport != v->t->target.dport || addr_eq(&other->dst, &v->t->target.dst) || !view_dnat(&o) ||
		    (i && addr_eq(&other->dst, &v->p->trace[i - 1].target.dst)))
			continue;
		if (n++ < 3)
			text_add(&t, "%s%s", n > 1 ? ", " : "", addr_text(v, &other->dst));
	}
	if (n > 3)
		text_add(&t, " and %zu more", n - 3);
	return n ? text_get(&t) : NULL;
}

/* -- what the objects promise --------------------------------------------------------------------- */

static const char *say_origin(const struct view *v)
{
	return view_intended(v) ? view_intended(v)->origin : NULL;
}

static const char *say_unready(const struct view *v)
{
	return view_intended(v) ? view_intended(v)->unready : NULL;
}

static const char *say_missing(const struct view *v)
{
	return view_intended(v) ? view_intended(v)->missing : NULL;
}

static const char *say_extra(const struct view *v)
{
	return view_intended(v) ? view_intended(v)->extra : NULL;
}

static const char *say_promised(const struct view *v)
{
	return view_intended(v) ? view_intended(v)->service : NULL;
}

/* Tells apart what different evidence decided. */
static const char *say_ref(const struct view *v)
{
	const struct evidence *e = v->ev;

	if (!e)
		return arena_printf(v->arena, "%d", v->cause);
	if (!evidence_is_rule(e))
		return e->text ? e->text : e->name;
	return arena_printf(v->arena, "%d %d %s %s %llu %u", e->backend, e->family, e->table ? e->table : "",
			    e->chain ? e->chain : "", (unsigned long long)e->handle, e->index);
}

static const struct {
	const char *name;
	const char *(*say)(const struct view *v);
} names[] = {
	{ "service", say_service }, { "ns", say_ns }, { "name", say_name },
	{ "target", say_target }, { "targetaddr", say_targetaddr }, { "port", say_port },
	{ "proto", say_proto }, { "src", say_src }, { "dst", say_dst },
	{ "client", say_client }, { "packet", say_packet }, { "endpoint", say_endpoint },
	{ "endpointaddr", say_endpointaddr }, { "endpointport", say_endpointport },
	{ "endpoints", say_endpoints }, { "targets", say_targets }, { "where", say_where },
	{ "in", say_in }, { "nodeaddr", say_nodeaddr }, { "rule", say_rule },
	{ "chain", say_chain }, { "chainname", say_chainname }, { "comment", say_comment },
	{ "ruletext", say_ruletext }, { "owner", say_owner }, { "otherrule", say_otherrule },
	{ "iptables", say_iptables }, { "allow", say_allow }, { "list", say_list },
	{ "node", say_node }, { "why", say_why }, { "iif", say_iif }, { "oif", say_oif },
	{ "sysctl", say_sysctl }, { "value", say_value }, { "route", say_route },
	{ "neigh", say_neigh }, { "entry", say_entry }, { "link", say_link },
	{ "bridgeport", say_bridgeport }, { "socket", say_socket },
	{ "listeners", say_listeners }, { "timeout", say_timeout },
	{ "listener", say_listener }, { "fill", say_fill }, { "ctmax", say_ctmax },
	{ "proxy", say_proxy }, { "others", say_others }, { "served", say_served },
	{ "met", say_met }, { "metrule", say_metrule },
	{ "origin", say_origin }, { "unready", say_unready }, { "missing", say_missing }, { "extra", say_extra },
	{ "promised", say_promised }, { "ip", say_ip }, { "because", say_because }, { "bridgenf", say_bridgenf }, { "ref", say_ref },
};

static const char *value_of(const struct view *v, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i].name) == len && !memcmp(names[i].name, name, len))
			return names[i].say(v);
	assert(!"a name of the table");
	return NULL;
}

/* Names of a hostile ruleset must not become commands. */
static bool fit_for_shell(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || strchr(";|&$`\\\"'<>(){}*?!#~\x7f", *s))
			return false;
	return true;
}

const char *view_say(const struct view *v, const char *template, bool command, unsigned *missing)
{
	struct text t = { .arena = v->arena };
	const char *s, *open, *close, *bar, *value;

	for (s = template; (open = strchr(s, '{')) && (close = strchr(open, '}')); s = close + 1) {
		bar = memchr(open, '|', close - open);
		value = value_of(v, open + 1, (bar ? bar : close) - open - 1);
		text_add(&t, "%.*s", (int)(open - s), s);
		if (value && *value && (!command || fit_for_shell(value)))
			text_add(&t, "%s", value);
		else if (bar)
			text_add(&t, "%.*s", (int)(close - bar - 1), bar + 1);
		else if (missing)
			(*missing)++;
	}
	text_add(&t, "%s", s);
	return text_get(&t);
}
