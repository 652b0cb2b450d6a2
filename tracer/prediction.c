/* SPDX-License-Identifier: GPL-2.0-only */
/* What traces amount to together. */
#include "tracer/prediction.h"

const char *outcome_name(enum outcome o)
{
	static const char *const names[] = {
		[OUTCOME_REACHES] = "reaches", [OUTCOME_PARTLY] = "partly", [OUTCOME_FAILS] = "fails",
		[OUTCOME_UNKNOWN] = "unknown",
	};

	return names[o];
}

/*
 * A trace whose share is unknown may not be possible at all, so only the others can prove that both kinds
 * of end occur; and an unknown end proves nothing.
 */
enum outcome prediction_outcome(const struct trace *t, size_t n)
{
	size_t reach = 0, fail = 0, sure_reach = 0, sure_fail = 0;

	for (size_t i = 0; i < n; i++) {
		bool sure = t[i].share_kind != SHARE_UNKNOWN;

		if (end_reaches(t[i].end.kind))
			reach++, sure_reach += sure;
		else if (t[i].end.kind != END_UNKNOWN && t[i].end.kind != END_NONE)
			fail++, sure_fail += sure;
	}
	if (sure_reach && sure_fail)
		return OUTCOME_PARTLY;
	if (n && reach == n)
		return OUTCOME_REACHES;
	if (n && fail == n)
		return OUTCOME_FAILS;
	return OUTCOME_UNKNOWN;
}

const char *prediction_finding_of(const struct prediction *p, size_t trace)
{
	for (size_t i = 0; i < p->n_finding; i++)
		for (size_t k = 0; k < p->finding[i].n_paths; k++)
			if (p->finding[i].paths[k] == trace)
				return p->finding[i].id;
	return NULL;
}
