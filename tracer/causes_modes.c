/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several modes of kube-proxy side by side on one node: a mode switch without clean-up, kube-ipvs0 left behind, both backends of
 * iptables. Not an end by itself: said besides, with whom the kernel lets decide, and why.
 */
#include <string.h>

#include "tracer/causes.h"

static bool has(const struct proxy *p, const char *word)
{
	for (size_t i = 0; i < p->n_others; i++)
		if (strstr(p->others[i], word))
			return true;
	return p->name && strstr(p->name, word);
}

bool proxy_both_backends(const struct proxy *p)
{
	return has(p, "(legacy)") && has(p, "(nf_tables)");
}

/* The device that holds all virtual addresses keeps the packet here, whoever serves them now. */
static bool kept_here(const struct view *v)
{
	for (size_t i = 0; i < v->t->n_hops; i++)
		for (size_t k = 0; k < v->t->hops[i].n_evidence; k++) {
			const struct evidence *e = &v->t->hops[i].evidence[k];

			if (e->kind == EV_ROUTE && evidence_says(e, "local") && evidence_says(e, "kube-ipvs0"))
				return true;
		}
	return false;
}

#define UNMET	"This node is programmed by {proxy}, and still holds {others}. No rule or virtual service of theirs decides on {targets}."

/* Who wins, as the hooks' order has it (nf_hook_entries_grow(), nf_nat_inet_fn(), ip_vs_ops4[]). */
static const char *why_it(const struct view *v, const struct evidence *by)
{
	const struct proxy *p = &v->p->proxy;

	if (by->kind == EV_IPVS)
		return "No rule of the others translated or refused it before it came to ip_vs, which stands behind filter "
		       "in INPUT and behind NAT in OUTPUT.";
	if ((by->table && !strcmp(by->table, "filter")) || (v->fails && !view_dnat(v)))
		return "Every filter chain runs, whoever wrote it, and the first that refuses is final.";
	if (has(p, "ipvs") && p->n_others == 1)
		return "NAT in PREROUTING and OUTPUT comes before ip_vs, which gets only what no rule translates.";
	return "Their nat chains stand in one hook at one priority: the one registered last runs first, and the first to "
	       "translate is final.";
}

bool view_side_by_side(struct view *v)
{
	const struct proxy *p = &v->p->proxy;
	const struct evidence *by = NULL;
	const char *met = proxy_met_by(v->t, &by);

	v->ev = NULL;
	if (!p->n_others || p->mode == PROXY_NONE)
		return false;
	if (!met)
		v->text = UNMET;
	if (!met && kept_here(v))
		v->text = "This node is programmed by {proxy}, and still holds {others}. No rule or virtual service of theirs "
			  "decides on {targets}; but {targetaddr} is an address of kube-ipvs0, so that it ends at this node.";
	if (!met)
		return true;
	view_rest(v, by);
	v->severity = strcmp(met, p->name) && v->fails ? SEVERITY_ERROR : SEVERITY_WARNING;
	v->text = arena_printf(v->arena, "This node is programmed by {proxy}, and still holds {others}. {targets} is decided "
			       "by %s {met}{metrule|}. %s", strcmp(met, p->name) ? "what is left over:" : "the former,",
			       why_it(v, by));
	return true;
}

/* Of two backends of iptables another row speaks, iptables-legacy-and-nft, unless it has nothing to say of this end. */
static bool left_over(struct view *v)
{
	if (proxy_both_backends(&v->p->proxy) && (!v->fails || view_two_backends(v)))
		return false;
	v->rests.n = 0;
	return view_side_by_side(v);
}

static const struct cause rows[] = {
	{ .id = "stale-chains-after-mode-switch", .severity = SEVERITY_WARNING, .when = ALSO,
	  .title = "Another mode of kube-proxy left its rules", .applies = left_over, .text = UNMET,
	  .fix = "kube-proxy --cleanup   # with kube-proxy stopped; then start it again", .key = "modes {met|-}" },
};

const struct causes causes_modes = { rows, ARRAY_SIZE(rows) };
