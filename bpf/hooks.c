/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads the hook reader, runs it once inside a namespace, and turns its rows into the door's. */
#include "bpf/hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bpf/hooks_wire.h"
#include "bpf/hooks.skel.h"

#define BTF_PATH	"/sys/kernel/btf/vmlinux"

/* What is recorded of a row: this head, then function, table and chain without their NULs. */
struct head {
	uint32_t ifindex;
	int32_t priority;
	uint8_t kind, pf, hook, in_nat, family, pad;
	uint16_t len[3];
};

struct job {
	struct io *io;
	struct io_out *out;
};

static int silent(enum libbpf_print_level level UNUSED, const char *fmt UNUSED, va_list ap UNUSED)
{
	return 0;
}

static void put_row(struct io_out *out, const struct hook_wire *w)
{
	const char *s[3] = { w->function, w->table, w->chain };
	const size_t size[3] = { sizeof(w->function), sizeof(w->table), sizeof(w->chain) };
	struct head h = {
		.ifindex = w->ifindex, .priority = w->priority, .kind = w->kind,
		.pf = w->pf, .hook = w->hook, .in_nat = w->in_nat, .family = w->family,
	};
	int i;

	for (i = 0; i < 3; i++)
		h.len[i] = strnlen(s[i], size[i]);
	io_put(out, &h, sizeof(h));
	for (i = 0; i < 3; i++)
		io_put(out, s[i], h.len[i]);
}

/* Runs the program: an iterator does its work when its descriptor is read. */
static int trigger(struct hooks_bpf *skel)
{
	struct bpf_link *link = bpf_program__attach_iter(skel->progs.read_hooks, NULL);
	char buf[64];
	ssize_t n;
	int fd, rc = 0;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		rc = -errno;
		goto out;
	}
	do
		n = read(fd, buf, sizeof(buf));
	while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	if (n < 0)
		rc = -errno;
	close(fd);
out:
	bpf_link__destroy(link);
	return rc;
}

/* In the namespace asked about. */
static int read_live(void *ctx)
{
	struct job *j = ctx;
	struct hooks_bpf *skel = hooks_bpf__open_and_load();
	uint32_t i, n;
	int rc;

	if (!skel)
		return -errno;
	rc = trigger(skel);
	if (rc)
		goto out;
	n = skel->bss->n_row;
	if (!skel->bss->done || skel->bss->cut || n > HOOK_WIRE_ROWS) {
		rc = -E2BIG;
		goto out;
	}
	for (i = 0; i < n; i++)
		put_row(j->out, &skel->bss->row[i]);
out:
	hooks_bpf__destroy(skel);
	return rc;
}

/* -EPERM: privileges; -ENOENT: no BTF; -E2BIG: too many hooks; anything else: the kernel cannot. */
static int produce(void *ctx, uint32_t netns, struct io_out *out)
{
	struct job *j = ctx;
	libbpf_print_fn_t old;
	int rc;

	if (access(BTF_PATH, R_OK))
		return -ENOENT;
	j->out = out;
	old = libbpf_set_print(silent);
	rc = io_in_netns(j->io, netns, read_live, j);
	libbpf_set_print(old);
	return rc == -ENOENT ? -EOPNOTSUPP : rc;
}

static int refused(struct err *err, int rc)
{
	switch (rc) {
	case -EPERM:
		return err_set(err, -EPERM, "the kernel's own hook order needs BPF: run as root, or with CAP_BPF and CAP_PERFMON");
	case -ENOENT:
		return err_set(err, -ENOTSUP, "the kernel's own hook order needs BTF, and this kernel has no " BTF_PATH);
	case -E2BIG:
		return err_set(err, -ENOTSUP, "this namespace has more than %d hook functions", HOOK_WIRE_ROWS);
	case -ENODATA:
		return err_set(err, -ENODATA, "the snapshot does not hold the kernel's hook order");
	default:
		return err_set(err, -ENOTSUP, "this kernel refused the BPF program that reads its hook order (it needs 5.17): %s",
			       strerror(-rc));
	}
}

static const char *take(struct arena *a, const uint8_t **at, size_t n)
{
	const char *s = n ? arena_strndup(a, (const char *)*at, n) : NULL;

	*at += n;
	return s;
}

/* Rows from recorded bytes, which may be anybody's. */
static int parse(struct arena *a, const uint8_t *data, size_t len, struct hook_row **out, size_t *n)
{
	static const enum hook_row_kind kinds[] = {
		[HOOK_WIRE_OTHER] = HOOK_ROW_OTHER, [HOOK_WIRE_NFT] = HOOK_ROW_NFT,
		[HOOK_WIRE_LEGACY] = HOOK_ROW_LEGACY,
	};
	const uint8_t *at = data, *end = at + len;
	size_t cap = 0;

	while (at < end) {
		struct hook_row *r;
		struct head h;

		if ((size_t)(end - at) < sizeof(h))
			return -EINVAL;
		memcpy(&h, at, sizeof(h));
		at += sizeof(h);
		if (h.kind >= ARRAY_SIZE(kinds) || (size_t)(end - at) < (size_t)h.len[0] + h.len[1] + h.len[2])
			return -EINVAL;
		r = VEC_PUSH(a, *out, *n, cap);
		r->kind = kinds[h.kind];
		r->pf = h.pf;
		r->hook = h.hook;
		r->ifindex = h.ifindex;
		r->priority = h.priority;
		r->in_nat = h.in_nat != 0;
		r->family = h.family;
		r->function = take(a, &at, h.len[0]);
		r->table = take(a, &at, h.len[1]);
		r->chain = take(a, &at, h.len[2]);
		if (r->kind == HOOK_ROW_NFT && (!r->table || !r->chain))
			return -EINVAL;
		if (r->kind == HOOK_ROW_LEGACY && !r->table)
			return -EINVAL;
	}
	return 0;
}

int bpf_hooks_read(struct io *io, struct arena *a, uint32_t netns, const struct hook_row **out, size_t *n,
		   struct err *err)
{
	struct job j = { .io = io };
	struct hook_row *rows = NULL;
	const uint8_t *data;
	size_t len, count = 0;
	int rc = io_read(io, IO_HOOKS, netns, "hooks", 5, produce, &j, false, &data, &len);

	if (rc)
		return refused(err, rc);
	if (parse(a, data, len, &rows, &count))
		return err_set(err, -EINVAL, "the recorded hook order is damaged");
	*out = rows;
	*n = count;
	return 0;
}
