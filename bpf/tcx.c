/* SPDX-License-Identifier: GPL-2.0-only */
/* BPF_PROG_QUERY for tcx programs, and their names. */
#include "bpf/tcx.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* BPF_TCX_INGRESS, BPF_TCX_EGRESS of linux/bpf.h since 6.6 */
enum { TCX_INGRESS = 46, TCX_EGRESS = 47 };
#define TCX_MAX	64			/* BPF_MPROG_MAX */

/* What is asked, as it is recorded. */
struct question { uint32_t attach, ifindex; };

struct job {
	struct io *io;
	struct question q;
	uint32_t id[TCX_MAX], n;
};

/* No function of net/core or kernel/bpf has that name where there is no tcx; -1: the kernel's functions cannot be read. */
static int kernel_knows_tcx(void)
{
	static int knows = -2;
	char line[512];
	FILE *f;

	if (knows != -2)
		return knows;
	knows = -1;
	f = fopen("/proc/kallsyms", "re");
	while (f && knows < 1 && fgets(line, sizeof(line), f))
		knows = !!strstr(line, " tcx_");
	if (f)
		fclose(f);
	return knows;
}

/* In the namespace asked about. */
static int query(void *ctx)
{
	struct job *j = ctx;

	j->n = TCX_MAX;
	/* target_fd and target_ifindex are one */
	if (!bpf_prog_query(j->q.ifindex, j->q.attach, 0, NULL, j->id, &j->n))
		return 0;
	/* refused before the kernel looks whether it knows what is asked for */
	return errno == EPERM && !kernel_knows_tcx() ? -EINVAL : -errno;
}

static struct tcx_prog look_up(uint32_t id)
{
	struct tcx_prog p = { .id = id };
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0)
		return p;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len))
		memcpy(p.name, info.name, sizeof(p.name));
	close(fd);
	return p;
}

static int produce(void *ctx, uint32_t netns, struct io_out *out)
{
	struct job *j = ctx;
	int rc = io_in_netns(j->io, netns, query, j);

	for (uint32_t i = 0; !rc && i < j->n && i < TCX_MAX; i++) {
		struct tcx_prog p = look_up(j->id[i]);

		io_put(out, &p, sizeof(p));
	}
	return rc;
}

int bpf_tcx_read(struct io *io, struct arena *a, uint32_t netns, int ifindex, bool egress, const struct tcx_prog **out, size_t *n)
{
	struct job j = { .io = io, .q = { egress ? TCX_EGRESS : TCX_INGRESS, ifindex } };
	struct tcx_prog *v;
	const uint8_t *data;
	size_t len;
	int rc = io_read(io, IO_BPF, netns, &j.q, sizeof(j.q), produce, &j, false, &data, &len);

	/* bpf_prog_query(): no such attach type, no such system call; the first kernels with tcx on a device that has none */
	if (rc == -EINVAL || rc == -ENOSYS || rc == -ENOENT)
		rc = len = 0;
	if (rc)
		return rc;
	if (len % sizeof(*v))
		return -EINVAL;
	*n = len / sizeof(*v);
	v = arena_alloc(a, len + 1);
	if (len)
		memcpy(v, data, len);
	for (size_t i = 0; i < *n; i++)
		v[i].name[sizeof(v[i].name) - 1] = 0;
	*out = v;
	return 0;
}
