/* SPDX-License-Identifier: GPL-2.0-only */
/* With --all: what runs at each hook of this node, in the kernel's own order. */
#include <limits.h>

#include "tracer/out_text.h"
#include "tracer/word.h"

#define PRIORITY_COLUMN	15
#define NAME_COLUMN	23

static const char *row_words(struct pen *p, const struct nft_hook_row *r)
{
	struct text t = { .arena = p->a };

	if (r->in_nat)
		text_add(&t, "  ");
	if (r->backend == BACKEND_LEGACY)
		text_add(&t, "iptables-legacy %s", r->table);
	else if (r->table && r->chain)
		text_add(&t, "%s %s %s", word_family(r->family), r->table, r->chain);
	else
		text_add(&t, "%s", r->function ? r->function : "a function without a name");
	if (r->backend == BACKEND_NONE && r->module)
		text_add(&t, " [%s]", r->module);
	if (r->bpf_prog)
		text_add(&t, " (BPF program %u)", r->bpf_prog);
	return text_get(&t);
}

static void write_hook(struct pen *p, const struct node_hook *h)
{
	pen_to(p, 3);
	pen_put(p, STYLE_PLAIN, h->name);
	for (size_t i = 0; i < h->list->n; i++) {
		const struct nft_hook_row *r = &h->list->row[i];

		pen_to(p, PRIORITY_COLUMN);
		if (r->priority == INT_MIN || r->priority == INT_MAX)
			pen_put(p, STYLE_DIM, r->priority < 0 ? "first" : " last");
		else
			pen_printf(p, STYLE_DIM, "%5d", r->priority);
		pen_to(p, NAME_COLUMN);
		pen_wrap(p, STYLE_PLAIN, NAME_COLUMN, row_words(p, r));
		pen_end(p);
	}
	if (!h->list->n) {
		pen_to(p, PRIORITY_COLUMN);
		pen_put(p, STYLE_DIM, "nothing");
		pen_end(p);
	}
}

void write_hooks(struct pen *p, const struct prediction *pr)
{
	for (size_t i = 0; i < pr->n_hook; i++) {
		const struct node_hook *h = &pr->hook[i];

		if (!i || h->pf != h[-1].pf) {
			pen_end(p);
			pen_put(p, STYLE_BOLD, arena_printf(p->a, "hooks of %s on this node", word_family(h->pf)));
			pen_printf(p, STYLE_DIM, ", in the order that %s tells", h->list->source);
			pen_end(p);
		}
		write_hook(p, h);
	}
}
