/* SPDX-License-Identifier: GPL-2.0-only */
/* From traces to findings: each path is held against the table of causes, and paths of one cause share a finding. */
#include <stdlib.h>
#include <string.h>

#include "tracer/causes.h"
#include "tracer/owners.h"
#include "tracer/word.h"

const struct causes *const causes_all[] = {
	&causes_flow, &causes_intended, &causes_service, &causes_ipvs, &causes_firewall, &causes_path, &causes_live,
	&causes_other, &causes_modes, NULL,
};

/* A finding in the making. */
struct found {
	const struct cause *row;
	const char *key;
	struct view view;		/* of its first path */
	size_t *paths;
	size_t n, cap;
};

struct explaining {
	struct arena *arena;
	const struct prediction *p;
	struct found *found;
	size_t n, cap;
};

static bool row_applies(const struct cause *c, struct view *v)
{
	bool reach = end_reaches(v->t->end.kind);
	unsigned when = v->fails ? FAILS : reach ? REACHES : 0;

	if (!(c->when & (when | ALSO)))
		return false;
	if (c->ends && !(c->ends & ENDS(v->cause)))
		return false;
	if ((c->owner || c->chains || c->hooks) && !evidence_is_rule(v->ev))
		return false;
	if (c->owner && (!evidence_owner(v->ev) || strcmp(c->owner, evidence_owner(v->ev))))
		return false;
	if (c->chains && !name_matches(v->ev->chain, c->chains))
		return false;
	if (c->hooks && (v->hop->stage != STAGE_HOOK || !(c->hooks & HOOK(v->hop->hook))))
		return false;
	v->severity = c->severity;
	v->text = c->text;
	v->fix = c->fix;
	return !c->applies || c->applies(v);
}

static void add_path(struct explaining *x, const struct cause *c, const struct view *v, size_t trace)
{
	struct view key_view = *v;
	const char *key;
	struct found *f;
	size_t i;

	key_view.paths = &trace;
	key_view.n_paths = 1;
	key = view_say(&key_view, c->key ? c->key : "{ref}", false, NULL);
	for (i = 0; i < x->n; i++)
		if (x->found[i].row == c && !strcmp(x->found[i].key, key))
			break;
	if (i == x->n) {
		f = VEC_PUSH(x->arena, x->found, x->n, x->cap);
		f->row = c;
		f->key = key;
		f->view = *v;
	}
	f = &x->found[i];
	*VEC_PUSH(x->arena, f->paths, f->n, f->cap) = trace;
	if (v->severity < f->view.severity)
		f->view.severity = v->severity;
}

static void explain_path(struct explaining *x, size_t trace)
{
	bool explained = false;
	size_t i, k;

	for (k = 0; causes_all[k]; k++)
		for (i = 0; i < causes_all[k]->n; i++) {
			const struct cause *c = &causes_all[k]->row[i];
			struct view v = view_of(x->arena, x->p, trace);

			if ((explained && !(c->when & ALSO)) || !row_applies(c, &v))
				continue;
			add_path(x, c, &v, trace);
			explained |= !(c->when & ALSO);
		}
}

static struct finding finish(struct explaining *x, struct found *f)
{
	struct view *v = &f->view;
	struct evidences all = { .arena = x->arena };
	bool perhaps = true;
	size_t i;

	for (i = 0; i < f->n; i++)
		perhaps &= x->p->trace[f->paths[i]].share_kind == SHARE_UNKNOWN;
	v->paths = f->paths;
	v->n_paths = f->n;
	if (v->ev)
		*VEC_PUSH(x->arena, all.v, all.n, all.cap) = *v->ev;
	for (i = 0; i < v->rests.n; i++)
		*VEC_PUSH(x->arena, all.v, all.n, all.cap) = v->rests.v[i];
	return (struct finding) {
		.id = f->row->id, .severity = v->severity, .title = f->row->title,
		.text = word_clean(x->arena, view_say(v, v->text, false, NULL)), .fix = view_say(v, v->fix, true, NULL),
		.evidence = all.v, .n_evidence = all.n, .paths = f->paths, .n_paths = f->n, .perhaps = perhaps,
	};
}

/* Most severe first, then as the paths come. */
static int by_severity(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->severity != y->severity)
		return x->severity < y->severity ? -1 : 1;
	if (x->paths[0] != y->paths[0])
		return x->paths[0] < y->paths[0] ? -1 : 1;
	return strcmp(x->id, y->id);
}

void explain(struct arena *a, struct prediction *p)
{
	struct explaining x = { .arena = a, .p = p };
	struct finding *list;
	size_t i;

	for (i = 0; i < p->n_trace; i++)
		explain_path(&x, i);
	list = arena_alloc(a, x.n * sizeof(*list));
	for (i = 0; i < x.n; i++)
		list[i] = finish(&x, &x.found[i]);
	if (x.n)
		qsort(list, x.n, sizeof(*list), by_severity);
	p->finding = list;
	p->n_finding = x.n;
}
