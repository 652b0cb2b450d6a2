/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A prediction as the "ktrace/1" object. Every key is always present, null where there is nothing to say;
 * strings that the kernel holds are made valid UTF-8 first.
 */
#include <errno.h>

#include "tracer/out_json.h"
#include "tracer/word.h"

json_t *json_text(const struct json *j, const char *s)
{
	return s ? json_string(word_clean(j->a, s)) : json_null();
}

json_t *json_address(const struct addr *addr)
{
	char buf[ADDR_TEXT];

	return addr->family ? json_string(addr_say(addr, buf)) : json_null();
}

static json_t *upper_proto(const struct json *j, uint8_t proto)
{
	char *s = arena_strdup(j->a, proto_say(j->a, proto));

	for (char *c = s; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c -= 'a' - 'A';
	return json_string(s);
}

static const char *backend_name(enum backend b)
{
	static const char *const names[] = {
		[BACKEND_NONE] = NULL, [BACKEND_NF_TABLES] = "nf_tables", [BACKEND_LEGACY] = "legacy",
	};

	return names[b];
}

static const char *effect_name(enum effect e)
{
	static const char *const names[] = {
		[EFFECT_NONE] = "none", [EFFECT_PASS] = "pass", [EFFECT_JUMP] = "jump", [EFFECT_CHANGE] = "change",
		[EFFECT_VERDICT] = "verdict",
	};

	return names[e];
}

static const char *ct_name(enum ct_state s)
{
	static const char *const names[] = {
		[CT_NONE] = "none", [CT_NEW] = "new", [CT_ESTABLISHED] = "established", [CT_RELATED] = "related",
		[CT_INVALID] = "invalid", [CT_UNTRACKED] = "untracked",
	};

	return names[s];
}

static json_t *evidence(const struct json *j, const struct evidence *e)
{
	bool rule = e->kind == EV_RULE || e->kind == EV_POLICY;
	json_t *o = json_object();

	json_object_set_new(o, "kind", json_string(evidence_kind_name(e->kind)));
	json_object_set_new(o, "backend", json_text(j, rule ? backend_name(e->backend) : NULL));
	json_object_set_new(o, "family", json_text(j, rule ? word_family(e->family) : NULL));
	json_object_set_new(o, "table", json_text(j, e->table));
	json_object_set_new(o, "chain", json_text(j, e->chain));
	json_object_set_new(o, "handle", e->handle ? json_integer(e->handle) : json_null());
	json_object_set_new(o, "index", e->index ? json_integer(e->index) : json_null());
	json_object_set_new(o, "effect", json_text(j, rule ? effect_name(e->effect) : NULL));
	json_object_set_new(o, "text", json_text(j, e->text));
	json_object_set_new(o, "says", json_text(j, e->says));
	return o;
}

static json_t *evidences(const struct json *j, const struct evidence *e, size_t n, bool all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (all || (e[i].kind != EV_RULE && e[i].kind != EV_POLICY) || e[i].effect >= EFFECT_JUMP)
			json_array_append_new(list, evidence(j, &e[i]));
	return list;
}

/* The name of an interface as one hop has it, or NULL. */
static const char *ifname_in(const struct hop *h, uint32_t netns, int ifindex)
{
	if (h->out.netns != netns)
		return NULL;
	return h->out.iif == ifindex && h->iif ? h->iif : h->out.oif == ifindex ? h->oif : NULL;
}

/* Hops name the interfaces that they end with; any hop in the same namespace tells what an index means. */
static const char *ifname(const struct trace *t, const struct hop *h, const struct packet *p, int ifindex)
{
	const char *name = ifindex ? ifname_in(h, p->netns, ifindex) : NULL;

	for (size_t i = 0; ifindex && !name && i < t->n_hops; i++)
		name = ifname_in(&t->hops[i], p->netns, ifindex);
	return name;
}

static json_t *packet(const struct json *j, const struct trace *t, const struct hop *h, const struct packet *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "src", json_address(&p->src));
	json_object_set_new(o, "sport", p->sport_unknown ? json_null() : json_integer(p->sport));
	json_object_set_new(o, "dst", json_address(&p->dst));
	json_object_set_new(o, "dport", p->dport_unknown ? json_null() : json_integer(p->dport));
	json_object_set_new(o, "proto", json_string(proto_say(j->a, p->proto)));
	json_object_set_new(o, "mark", json_integer(p->mark));
	json_object_set_new(o, "iif", json_text(j, ifname(t, h, p, p->iif)));
	json_object_set_new(o, "oif", json_text(j, ifname(t, h, p, p->oif)));
	json_object_set_new(o, "ct", json_string(ct_name(p->ct.state)));
	return o;
}

static json_t *hop(const struct json *j, const struct trace *t, const struct hop *h)
{
	json_t *o = json_object();

	json_object_set_new(o, "stage", json_text(j, hop_stage_name(j->a, h)));
	json_object_set_new(o, "reply", json_boolean(h->reply));
	json_object_set_new(o, "netns", json_text(j, h->place));
	json_object_set_new(o, "in", packet(j, t, h, &h->in));
	json_object_set_new(o, "out", packet(j, t, h, &h->out));
	json_object_set_new(o, "verdict",
			    json_string(h->verdict.kind == END_NONE ? "continue" : end_kind_name(h->verdict.kind)));
	json_object_set_new(o, "evidence", evidences(j, h->evidence, h->n_evidence, j->o->all));
	return o;
}

static json_t *answer(const struct endpoint_owner *w, enum answer a)
{
	return !w || a == UNKNOWN ? json_null() : json_boolean(a == YES);
}

static json_t *endpoint(const struct json *j, const struct trace *t)
{
	const struct endpoint_owner *w = t->endpoint_owner;
	json_t *o;

	if (!t->has_endpoint)
		return json_null();
	o = json_object();
	json_object_set_new(o, "address", json_address(&t->endpoint));
	json_object_set_new(o, "port", json_integer(t->endpoint_port));
	json_object_set_new(o, "pod", json_text(j, w ? w->pod : NULL));
	json_object_set_new(o, "node", json_text(j, w ? w->node : NULL));
	json_object_set_new(o, "ready", answer(w, w ? w->ready : UNKNOWN));
	json_object_set_new(o, "serving", answer(w, w ? w->serving : UNKNOWN));
	json_object_set_new(o, "terminating", answer(w, w ? w->terminating : UNKNOWN));
	json_object_set_new(o, "place", json_text(j, t->endpoint_place));
	return o;
}

static json_t *end(const struct json *j, const struct trace *t, const char *finding)
{
	json_t *o = json_object();

	json_object_set_new(o, "kind", json_string(end_kind_name(t->end.kind)));
	json_object_set_new(o, "why", json_text(j, t->end.why));
	json_object_set_new(o, "finding", json_text(j, finding));
	return o;
}

json_t *json_path(const struct json *j, const struct trace *t, const char *finding)
{
	json_t *o = json_object(), *hops = json_array();

	json_object_set_new(o, "share", json_real(t->share));
	json_object_set_new(o, "share_kind", json_string(share_kind_name(t->share_kind)));
	json_object_set_new(o, "target", json_text(j, target_say(j->a, &t->target)));
	json_object_set_new(o, "endpoint", endpoint(j, t));
	json_object_set_new(o, "end", end(j, t, finding));
	for (size_t k = 0; k < t->n_hops; k++)
		if (j->o->all || hop_matters(&t->hops[k]))
			json_array_append_new(hops, hop(j, t, &t->hops[k]));
	json_object_set_new(o, "hops", hops);
	return o;
}

json_t *json_node(const struct json *j)
{
	json_t *o = json_object(), *proxy = json_object(), *others = json_array(), *met = json_array();
	const struct proxy *x = &j->p->proxy;

	for (size_t i = 0; i < x->n_others; i++)
		json_array_append_new(others, json_text(j, x->others[i]));
	for (size_t i = 0; i < x->n_met; i++)
		json_array_append_new(met, json_text(j, x->met[i]));
	json_object_set_new(proxy, "mode", json_string(proxy_mode_name(x->mode)));
	json_object_set_new(proxy, "backend", json_text(j, backend_name(x->backend)));
	json_object_set_new(proxy, "others", others);
	json_object_set_new(proxy, "name", json_text(j, x->name));
	json_object_set_new(proxy, "met", met);
	json_object_set_new(o, "name", json_text(j, j->p->node));
	json_object_set_new(o, "kernel", json_text(j, j->p->kernel));
	json_object_set_new(o, "proxy", proxy);
	return o;
}

json_t *json_target(const struct json *j)
{
	const struct target *t = &j->p->target.target;
	json_t *o = json_object(), *ports = json_array();

	for (size_t i = 0; i < j->p->target.n_port; i++) {
		const struct target_port *tp = &j->p->target.port[i];
		json_t *port = json_object(), *addresses = json_array();

		for (size_t k = 0; k < tp->n_addr; k++)
			json_array_append_new(addresses, json_address(&tp->addr[k]));
		json_object_set_new(port, "name", json_text(j, tp->name));
		json_object_set_new(port, "port", tp->port ? json_integer(tp->port) : json_null());
		json_object_set_new(port, "protocol", upper_proto(j, tp->proto));
		json_object_set_new(port, "addresses", addresses);
		json_array_append_new(ports, port);
	}
	json_object_set_new(o, "input", json_text(j, t->input));
	json_object_set_new(o, "kind", json_string(target_kind_name(t->kind)));
	json_object_set_new(o, "namespace", json_text(j, t->namespace));
	json_object_set_new(o, "name", json_text(j, t->name));
	json_object_set_new(o, "service", json_text(j, j->p->target.service));
	json_object_set_new(o, "ports", ports);
	return o;
}

json_t *json_source(const struct json *j)
{
	static const char *const kinds[] = {
		[SOURCE_NODE] = "node", [SOURCE_ADDRESS] = "address", [SOURCE_NETNS] = "netns",
	};
	const struct source *s = &j->p->source;
	json_t *o = json_object();

	json_object_set_new(o, "input", json_text(j, s->input));
	json_object_set_new(o, "kind", json_string(kinds[s->kind]));
	json_object_set_new(o, "pod", json_text(j, s->pod ? arena_printf(j->a, "%s/%s", s->pod_namespace, s->pod) : NULL));
	json_object_set_new(o, "address", json_address(&j->p->source_addr));
	json_object_set_new(o, "iface", json_text(j, j->p->source_iface));
	return o;
}

json_t *json_finding(const struct json *j, const struct finding *f)
{
	static const char *const severities[] = {
		[SEVERITY_ERROR] = "error", [SEVERITY_WARNING] = "warning", [SEVERITY_NOTE] = "note",
	};
	json_t *o = json_object(), *paths = json_array();

	for (size_t i = 0; i < f->n_paths; i++)
		json_array_append_new(paths, json_integer(f->paths[i]));
	json_object_set_new(o, "id", json_text(j, f->id));
	json_object_set_new(o, "severity", json_string(severities[f->severity]));
	json_object_set_new(o, "title", json_text(j, f->title));
	json_object_set_new(o, "text", json_text(j, f->text));
	json_object_set_new(o, "evidence", evidences(j, f->evidence, f->n_evidence, true));
	json_object_set_new(o, "fix", json_text(j, f->fix));
	json_object_set_new(o, "paths", paths);
	return o;
}

json_t *json_tuple(const struct json *j, const struct tuple *t)
{
	json_t *o;

	if (!t->dst.family)
		return json_null();
	o = json_object();
	json_object_set_new(o, "src", json_address(&t->src));
	json_object_set_new(o, "sport", json_integer(t->sport));
	json_object_set_new(o, "dst", json_address(&t->dst));
	json_object_set_new(o, "dport", json_integer(t->dport));
	json_object_set_new(o, "proto", json_string(proto_say(j->a, t->proto)));
	return o;
}

static json_t *agrees(enum answer a)
{
	return a == UNKNOWN ? json_null() : json_boolean(a == YES);
}

static json_t *observed_probe(const struct json *j, const struct observed_probe *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "tuple", json_tuple(j, &p->tuple));
	json_object_set_new(o, "result", json_text(j, p->result));
	json_object_set_new(o, "agrees", agrees(p->agrees));
	json_object_set_new(o, "differs_at", json_text(j, p->differs_at));
	json_object_set_new(o, "differs", json_text(j, p->differs));
	json_object_set_new(o, "basis", json_text(j, p->basis));
	json_object_set_new(o, "followed", json_boolean(p->followed));
	return o;
}

/* All probes must agree; the first difference stands for all. */
static json_t *observed(const struct json *j, const struct observed *ob)
{
	json_t *o, *paths, *probes, *unseen;
	const struct observed_probe *differs = NULL;
	enum answer all = YES;

	if (!ob)
		return json_null();
	o = json_object();
	paths = json_array();
	probes = json_array();
	unseen = json_array();
	for (size_t i = 0; i < ob->n_probe; i++) {
		const struct observed_probe *p = &ob->probe[i];

		json_array_append_new(probes, observed_probe(j, p));
		if (p->trace)
			json_array_append_new(paths, json_path(j, p->trace, NULL));
		if (p->agrees == NO && !differs)
			differs = p;
		all = all == NO || p->agrees == NO ? NO : all == UNKNOWN || p->agrees == UNKNOWN ? UNKNOWN : YES;
	}
	for (size_t i = 0; i < ob->n_unseen; i++)
		json_array_append_new(unseen, json_text(j, ob->unseen[i]));
	json_object_set_new(o, "agrees", agrees(all));
	json_object_set_new(o, "differs_at", json_text(j, differs ? differs->differs_at : NULL));
	json_object_set_new(o, "probes", probes);
	json_object_set_new(o, "paths", paths);
	json_object_set_new(o, "unseen", unseen);
	return o;
}

static json_t *hook_row(const struct json *j, const struct nft_hook_row *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "priority", json_integer(r->priority));
	json_object_set_new(o, "function", json_text(j, r->function));
	json_object_set_new(o, "module", json_text(j, r->module));
	json_object_set_new(o, "backend", json_text(j, backend_name(r->backend)));
	json_object_set_new(o, "family", json_text(j, r->family ? word_family(r->family) : NULL));
	json_object_set_new(o, "table", json_text(j, r->table));
	json_object_set_new(o, "chain", json_text(j, r->chain));
	json_object_set_new(o, "in_nat", json_boolean(r->in_nat));
	json_object_set_new(o, "bpf_prog", r->bpf_prog ? json_integer(r->bpf_prog) : json_null());
	return o;
}

static json_t *hooks(const struct json *j)
{
	json_t *list;

	if (!j->o->all)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < j->p->n_hook; i++) {
		const struct node_hook *h = &j->p->hook[i];
		json_t *o = json_object(), *rows = json_array();

		for (size_t k = 0; k < h->list->n; k++)
			json_array_append_new(rows, hook_row(j, &h->list->row[k]));
		json_object_set_new(o, "family", json_text(j, word_family(h->pf)));
		json_object_set_new(o, "hook", json_text(j, h->name));
		json_object_set_new(o, "source", json_text(j, h->list->source));
		json_object_set_new(o, "functions", rows);
		json_array_append_new(list, o);
	}
	return list;
}

int out_json(FILE *f, struct arena *a, const struct prediction *p, const struct out_options *o)
{
	const struct json j = { .a = a, .p = p, .o = o };
	json_t *root = json_object(), *node = json_node(&j), *paths = json_array(), *findings = json_array(), *gaps = json_array();
	int rc;

	json_object_set_new(node, "hooks", hooks(&j));
	for (size_t i = 0; i < p->n_trace; i++)
		json_array_append_new(paths, json_path(&j, &p->trace[i], prediction_finding_of(p, i)));
	for (size_t i = 0; i < p->n_finding; i++)
		json_array_append_new(findings, json_finding(&j, &p->finding[i]));
	for (size_t i = 0; i < p->n_gap; i++) {
		json_t *gap = json_object();

		json_object_set_new(gap, "text", json_text(&j, p->gap[i]));
		json_array_append_new(gaps, gap);
	}
	json_object_set_new(root, "schema", json_string("ktrace/1"));
	json_object_set_new(root, "node", node);
	json_object_set_new(root, "target", json_target(&j));
	json_object_set_new(root, "source", json_source(&j));
	json_object_set_new(root, "verdict", json_string(outcome_name(p->outcome)));
	json_object_set_new(root, "paths", paths);
	json_object_set_new(root, "findings", findings);
	json_object_set_new(root, "gaps", gaps);
	json_object_set_new(root, "observed", observed(&j, p->observed));
	rc = json_dumpf(root, f, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) || fputc('\n', f) == EOF ? -EIO : 0;
	json_decref(root);
	return rc;
}
