/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A probe behind each XDP program of this machine. What it probes is fixed when it is loaded, so each has an object of its own
 * that shares the maps of the first.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/probes_priv.h"

#include "bpf/live.skel.h"

/* An XDP program as the kernel has it. */
struct target {
	int fd;
	uint64_t address;		/* 0: not told */
	char *function;
};

/* The name of its first function, which the kernel's own name for it may cut. NULL: it has no BTF. Caller frees. */
static char *function_of(int fd, const struct bpf_prog_info *info)
{
	struct bpf_func_info func = { 0 };
	struct bpf_prog_info ask = { .nr_func_info = 1, .func_info_rec_size = sizeof(func), .func_info = (uintptr_t)&func };
	uint32_t len = sizeof(ask);
	const struct btf_type *t;
	struct btf *btf;
	char *name = NULL;

	if (!info->btf_id || bpf_obj_get_info_by_fd(fd, &ask, &len) || !ask.nr_func_info)
		return NULL;
	btf = btf__load_from_kernel_by_id(info->btf_id);
	t = btf ? btf__type_by_id(btf, func.type_id) : NULL;
	if (t && btf__name_by_offset(btf, t->name_off))
		name = strdup(btf__name_by_offset(btf, t->name_off));
	btf__free(btf);
	return name;
}

/* False: it is no XDP program, or gone. */
static bool look_at(uint32_t id, struct target *t, struct bpf_prog_info *info)
{
	uint32_t len = sizeof(*info);

	*t = (struct target){ .fd = bpf_prog_get_fd_by_id(id) };
	memset(info, 0, sizeof(*info));
	info->nr_jited_ksyms = 1;
	info->jited_ksyms = (uintptr_t)&t->address;
	if (t->fd < 0)
		return false;
	if (bpf_obj_get_info_by_fd(t->fd, info, &len) || info->type != BPF_PROG_TYPE_XDP) {
		close(t->fd);
		return false;
	}
	t->function = function_of(t->fd, info);
	return true;
}

static int share_maps(struct live_bpf *skel, const struct live_bpf *first)
{
	struct bpf_map *m, *other;
	int rc = 0;

	bpf_object__for_each_map(m, skel->obj) {
		other = bpf_object__find_map_by_name(first->obj, bpf_map__name(m));
		if (m != skel->maps.rodata && !rc)
			rc = bpf_map__reuse_fd(m, bpf_map__fd(other));
	}
	return rc;
}

static struct live_bpf *load_behind(const struct target *t, const struct live_bpf *first)
{
	struct live_bpf *skel = live_bpf__open();
	struct bpf_program *prog;

	if (!skel)
		return NULL;
	*skel->rodata = *first->rodata;
	skel->rodata->xdp_program = t->address;
	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, prog == skel->progs.xdp_fexit);
	if (!share_maps(skel, first) && !bpf_program__set_attach_target(skel->progs.xdp_fexit, t->fd, t->function) &&
	    !live_bpf__load(skel))
		return skel;
	live_bpf__destroy(skel);
	return NULL;
}

static void attach_behind(struct xdp_probe *x, const struct target *t, const struct live_bpf *first)
{
	x->skel = t->function ? load_behind(t, first) : NULL;
	x->link = x->skel ? bpf_program__attach_trace(x->skel->progs.xdp_fexit) : NULL;
}

size_t xdp_probes_open(struct xdp_probe *v, size_t max, const struct live_bpf *first)
{
	struct bpf_prog_info info;
	struct target t;
	uint32_t id = 0;
	size_t n = 0;

	while (n < max && !bpf_prog_get_next_id(id, &id)) {
		if (!look_at(id, &t, &info))
			continue;
		v[n] = (struct xdp_probe){ .id = id };
		memcpy(v[n].name, info.name, sizeof(v[n].name) - 1);
		attach_behind(&v[n++], &t, first);
		free(t.function);
		close(t.fd);
	}
	return n;
}

void xdp_probes_close(struct xdp_probe *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bpf_link__destroy(v[i].link);
		live_bpf__destroy(v[i].skel);
	}
}
