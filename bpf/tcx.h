/* SPDX-License-Identifier: GPL-2.0-only */
/* The tcx programs of a device (since 6.6), which no netlink dump shows. */
#ifndef KTRACE_BPF_TCX_H
#define KTRACE_BPF_TCX_H

#include "tracer/base/arena.h"
#include "tracer/base/io.h"

struct tcx_prog {
	uint32_t id;
	char name[16];			/* NUL-terminated; "": not told (it takes CAP_SYS_ADMIN) */
};

/*
 * Those of ifindex in netns in running order, *out in arena, recorded through io (IO_BPF). A kernel without tcx has none; where
 * it refuses before it looks for the attach type, /proc/kallsyms tells. -EPERM, -ENODEV …: could not be asked; -ENODATA: not recorded; -EINVAL: the record is damaged. tcx_prog_query(), kernel/bpf/tcx.c.
 */
int bpf_tcx_read(struct io *io, struct arena *a, uint32_t netns, int ifindex, bool egress, const struct tcx_prog **out, size_t *n);

#endif
