/* SPDX-License-Identifier: GPL-2.0-only */
/* What became of each live probe on this kernel, and what it has cost so far. */
#include "bpf/probes_priv.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/live.skel.h"

static const char *const hows[] = {
	[ATTACH_TRACEPOINT] = "tracepoint", [ATTACH_FENTRY] = "fentry", [ATTACH_KPROBE] = "kprobe",
};

/* prog: NULL where a probe has none at the entry. */
static void add_statistics(struct probe_state *s, const struct bpf_program *prog)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (!prog || bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		return;
	s->hits += info.run_cnt;
	s->ns += info.run_time_ns;
}

static const struct bpf_program *program(const struct probes *p, const char *name)
{
	return name ? bpf_object__find_program_by_name(p->skel->obj, name) : NULL;
}

static struct probe_state state_of_row(const struct probes *p, size_t row)
{
	const struct candidate *c = probe_chosen(p, row);
	const struct row *r = &probe_rows[row];
	struct probe_state s = {
		.name = r->name, .function = c ? c->function : r->c[0].function, .how = c ? hows[c->how] : NULL,
		.cost = r->cost, .idle = p->idle[row],
	};

	if (c && !probe_shared(p, row)) {		/* runs count once */
		add_statistics(&s, program(p, c->program));
		add_statistics(&s, program(p, c->entry));
	}
	return s;
}

static struct probe_state state_of_xdp(const struct xdp_probe *x, struct arena *a)
{
	struct probe_state s = {
		.name = "XDP drops", .function = arena_printf(a, "XDP program %u %s", x->id, x->name),
		.how = x->link ? hows[ATTACH_FENTRY] : NULL,
		.cost = "packets that an XDP program drops in its device's driver",
	};

	if (x->link)
		add_statistics(&s, x->skel->progs.xdp_fexit);
	return s;
}

void probes_states(struct probes *p, struct arena *a, const struct probe_state **out, size_t *n)
{
	struct probe_state *v = arena_alloc(a, (n_probe_rows + p->n_xdp) * sizeof(*v));
	size_t k = 0;

	for (size_t i = 0; i < n_probe_rows; i++)
		if (p->chosen[i] != NOT_WANTED)
			v[k++] = state_of_row(p, i);
	for (size_t i = 0; i < p->n_xdp; i++)
		v[k++] = state_of_xdp(&p->xdp[i], a);
	*out = v;
	*n = k;
}
