/* SPDX-License-Identifier: GPL-2.0-only */
/* The questions that rows of the table of causes put to a path. */
#include <string.h>

#include "tracer/causes.h"
#include "tracer/owners.h"

#include <linux/netfilter.h>

static const struct evidence *deciding(const struct hop *h)
{
	const struct evidence *e;
	size_t i;

	for (i = h ? h->n_evidence : 0; i-- > 0; ) {
		e = &h->evidence[i];
		if (e->kind == EV_POLICY || (e->kind == EV_RULE && e->effect == EFFECT_VERDICT))
			return e;
	}
	return h && h->n_evidence ? &h->evidence[h->n_evidence - 1] : NULL;
}

struct view view_of(struct arena *a, const struct prediction *p, size_t trace)
{
	const struct trace *t = &p->trace[trace];
	struct view v = {
		.arena = a, .p = p, .t = t, .hop = t->n_hops ? &t->hops[t->n_hops - 1] : NULL,
		.fails = !end_reaches(t->end.kind) && t->end.kind != END_UNKNOWN && t->end.kind != END_NONE,
		.rests = { .arena = a },
	};

	v.ev = deciding(v.hop);
	v.cause = t->end.cause;
	return v;
}

const struct evidence *hop_evidence(const struct hop *h, enum evidence_kind kind)
{
	size_t i;

	for (i = h ? h->n_evidence : 0; i-- > 0; )
		if (h->evidence[i].kind == kind)
			return &h->evidence[i];
	return NULL;
}

const struct evidence *view_evidence(const struct view *v, enum evidence_kind kind)
{
	const struct evidence *e;
	size_t i;

	for (i = v->t->n_hops; i-- > 0; ) {
		e = hop_evidence(&v->t->hops[i], kind);
		if (e)
			return e;
	}
	return NULL;
}

static bool differs(const struct addr *a, const struct addr *b, uint16_t pa, uint16_t pb)
{
	return !addr_eq(a, b) || pa != pb;
}

const struct hop *view_dnat(const struct view *v)
{
	const struct hop *h;
	size_t i;

	for (i = 0; i < v->t->n_hops; i++) {
		h = &v->t->hops[i];
		if (!h->reply && differs(&h->in.dst, &h->out.dst, h->in.dport, h->out.dport))
			return h;
	}
	return NULL;
}

const struct hop *view_snat(const struct view *v)
{
	const struct hop *h;
	size_t i;

	for (i = 0; i < v->t->n_hops; i++) {
		h = &v->t->hops[i];
		/* a local process has no source before its route gave it one: that is no rewrite */
		if (!h->reply && h->in.src.family && differs(&h->in.src, &h->out.src, h->in.sport, h->out.sport))
			return h;
	}
	return NULL;
}

const struct addr *view_client(const struct view *v)
{
	const struct trace *t = v->t;

	if (t->target.src.family)
		return &t->target.src;
	return t->n_hops && t->hops[0].out.src.family ? &t->hops[0].out.src : NULL;
}

const struct ct_view *view_entry(const struct view *v)
{
	const struct hop *h;
	size_t i;

	if (v->t->share_kind != SHARE_EXISTING)
		return NULL;
	for (i = 0; i < v->t->n_hops; i++) {
		h = &v->t->hops[i];
		if (!h->reply && h->stage == STAGE_CONNTRACK && h->out.ct.existing)
			return &h->out.ct;
	}
	return NULL;
}

bool hop_meets(const struct hop *h, const char *chains)
{
	const struct evidence *e;
	size_t i;

	for (i = 0; h && i < h->n_evidence; i++) {
		e = &h->evidence[i];
		if (e->effect == EFFECT_NONE)
			continue;
		if (name_matches(e->chain, chains) || name_matches(e->jump, chains))
			return true;
	}
	return false;
}

bool view_meets(const struct view *v, const char *chains)
{
	size_t i;

	for (i = 0; i < v->t->n_hops; i++)
		if (hop_meets(&v->t->hops[i], chains))
			return true;
	return false;
}

bool evidence_is_rule(const struct evidence *e)
{
	return e && (e->kind == EV_RULE || e->kind == EV_POLICY);
}

const char *evidence_owner(const struct evidence *e)
{
	const char *owner;

	if (!evidence_is_rule(e))
		return NULL;
	owner = owner_of_chain(e->family, e->table, e->chain);
	if (!owner && e->comment && !strncmp(e->comment, "NodeLocal DNS", 13))
		return "node-local-dns";
	return owner;
}

bool evidence_says(const struct evidence *e, const char *word)
{
	return e && ((e->text && strstr(e->text, word)) || (e->comment && strstr(e->comment, word)));
}

/* Is `word` a word of its own in the rule's text, outside its quoted parts? */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	bool quoted = false;
	const char *s;

	for (s = text; s && *s; s++) {
		if (*s == '"')
			quoted = !quoted;
		else if (!quoted && (s == text || s[-1] == ' ') && !strncmp(s, word, len) &&
			 (s[len] == ' ' || s[len] == '\0'))
			return true;
	}
	return false;
}

bool evidence_accepts(const struct evidence *e)
{
	return e && e->kind == EV_RULE && e->effect == EFFECT_VERDICT &&
	       (has_word(e->text, "accept") || has_word(e->text, "ACCEPT"));
}

bool evidence_is_iptables(const struct evidence *e)
{
	if (!evidence_is_rule(e))
		return false;
	if (e->backend == BACKEND_LEGACY)
		return true;
	/* iptables' own tables, whose base chains it writes in capitals */
	return (e->family == NFPROTO_IPV4 || e->family == NFPROTO_IPV6) &&
	       name_matches(e->table, "raw|mangle|nat|filter|security") &&
	       !name_matches(e->chain, "prerouting|input|forward|output|postrouting");
}

const struct evidence *view_sysctl(const struct view *v, const char *part)
{
	const struct evidence *e;
	size_t i, k;

	for (i = v->t->n_hops; i-- > 0; )
		for (k = v->t->hops[i].n_evidence; k-- > 0; ) {
			e = &v->t->hops[i].evidence[k];
			if (e->kind == EV_SYSCTL && e->name && strstr(e->name, part))
				return e;
		}
	return NULL;
}

bool view_is_service(const struct view *v)
{
	enum target_kind kind = v->p->target.target.kind;

	return kind == TARGET_SERVICE || kind == TARGET_NODEPORT || v->p->target.service;
}

/* The ranges that the installers give to Services unless told otherwise: an address of theirs should be translated. */
static const struct { const char *net; unsigned plen; } service_ranges[] = {
	{ "10.96.0.0", 12 },		/* kubeadm */
	{ "10.43.0.0", 16 },		/* k3s, RKE */
	{ "10.152.183.0", 24 },		/* MicroK8s */
	{ "10.100.0.0", 16 },		/* EKS */
	{ "172.30.0.0", 16 },		/* OpenShift */
	{ "fd00:10:96::", 112 },	/* kind */
	{ "2001:cafe:43::", 112 },	/* k3s */
};

bool in_service_range(const struct addr *a)
{
	struct addr net;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(service_ranges); i++)
		if (addr_parse(service_ranges[i].net, &net) && addr_in(a, &net, service_ranges[i].plen))
			return true;
	return false;
}

void view_rest(struct view *v, const struct evidence *e)
{
	if (e && e != v->ev)
		*VEC_PUSH(v->arena, v->rests.v, v->rests.n, v->rests.cap) = *e;
}
