/* SPDX-License-Identifier: GPL-2.0-only */
/* Opens the live probes: chooses each by what this kernel has, loads and attaches them, and falls back. */
#include "bpf/probes_priv.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/event.h"
#include "bpf/live.skel.h"

#define ENOTSUPP	524		/* the kernel's own, which reaches us */

/* The program of libbpf's last complaint: the one that the kernel refused. */
static char complained[64];

static int listen_to_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN && strncmp(fmt, "libbpf: prog '%s'", 17) == 0) {
		const char *name = va_arg(ap, const char *);

		strncpy(complained, name, sizeof(complained) - 1);
	}
	return 0;
}

const struct candidate *probe_chosen(const struct probes *p, size_t row)
{
	return p->chosen[row] < 0 ? NULL : &probe_rows[row].c[p->chosen[row]];
}

bool probe_shared(const struct probes *p, size_t row)
{
	for (size_t i = 0; i < row; i++)
		if (probe_chosen(p, i) && strcmp(probe_chosen(p, i)->program, probe_chosen(p, row)->program) == 0)
			return true;
	return false;
}

static bool wanted(const struct probes *p, size_t row)
{
	unsigned when = probe_rows[row].when;

	return when & p->want || (when & WANT_NO_HOOKS && p->want & WANT_FOLLOW && p->chosen[0] < 0);
}

/* All that the kernel's BTF is asked: it is large, and gone before the programs are loaded. */
static int ask_kernel(struct probes *p)
{
	struct kernel_facts f = { 0 };
	int rc = kernel_facts_read(&f);

	if (rc)
		return rc;
	for (size_t i = 0; i < n_probe_rows; i++) {
		p->idle[i] = kernel_lacks_module(&f, &probe_rows[i]);
		for (int c = 0; c < CANDIDATES; c++)
			p->has[i][c] = !p->idle[i] && kernel_has(&f, &probe_rows[i], &probe_rows[i].c[c]);
	}
	p->table_last = kernel_takes_skb(&f, "ip_tables", "ipt_do_table", 0);
	kernel_facts_free(&f);
	return 0;
}

static void choose(struct probes *p)
{
	for (size_t i = 0; i < n_probe_rows; i++) {
		p->chosen[i] = NOT_WANTED;
		if (!wanted(p, i))
			continue;
		p->chosen[i] = MISSING;
		for (int c = 0; c < CANDIDATES && p->chosen[i] < 0; c++)
			if (p->has[i][c])
				p->chosen[i] = c;
	}
}

static bool is_program(const char *name, const struct candidate *c)
{
	return c && (strcmp(name, c->program) == 0 || (c->entry && strcmp(name, c->entry) == 0));
}

static bool needed(const struct probes *p, const char *name)
{
	for (size_t i = 0; i < n_probe_rows; i++)
		if (is_program(name, probe_chosen(p, i)))
			return true;
	return false;
}

static void rule_out_all(struct probes *p, enum attach how)
{
	for (size_t i = 0; i < n_probe_rows; i++)
		for (int c = 0; c < CANDIDATES; c++)
			p->has[i][c] &= probe_rows[i].c[c].how != how;
}

/*
 * Rules out what was chosen for a row, after the error rc; all of its kind, if this kernel can attach none (it was built without
 * ftrace, or its architecture has no trampolines).
 */
static void rule_out(struct probes *p, size_t row, int rc)
{
	const struct candidate *c = probe_chosen(p, row);

	p->has[row][p->chosen[row]] = false;
	if (c->how == ATTACH_FENTRY && (rc == -EPERM || rc == -ENOTSUPP || rc == -EOPNOTSUPP))
		rule_out_all(p, ATTACH_FENTRY);
}

/* Rules out what stands on that program. False: nothing does. */
static bool rule_out_program(struct probes *p, const char *name, int rc)
{
	bool any = false;

	for (size_t i = 0; i < n_probe_rows; i++)
		if (is_program(name, probe_chosen(p, i))) {
			rule_out(p, i, rc);
			any = true;
		}
	return any;
}

/* 0, -EAGAIN: without what the kernel refused, try again; else it takes nothing. */
static int load(struct probes *p)
{
	struct bpf_program *prog;
	int rc;

	p->skel = live_bpf__open();
	if (!p->skel)
		return -errno;
	p->skel->rodata->following = p->want & WANT_FOLLOW;
	p->skel->rodata->table_last = p->table_last;
	bpf_object__for_each_program(prog, p->skel->obj)
		bpf_program__set_autoload(prog, needed(p, bpf_program__name(prog)));
	complained[0] = 0;
	rc = live_bpf__load(p->skel);
	return rc && rule_out_program(p, complained, rc) ? -EAGAIN : rc;
}

static struct bpf_link *attach_to(const struct candidate *c, struct bpf_program *prog, bool at_return)
{
	if (c->how == ATTACH_KPROBE)
		return bpf_program__attach_kprobe(prog, at_return, c->function);
	return bpf_program__attach(prog);
}

static bool add_link(struct probes *p, struct bpf_link *l)
{
	if (!l)
		return false;
	p->link[p->n_link++] = l;
	return true;
}

static bool attach_row(struct probes *p, size_t row)
{
	const struct candidate *c = probe_chosen(p, row);
	struct bpf_program *entry = c->entry ? bpf_object__find_program_by_name(p->skel->obj, c->entry) : NULL;
	struct bpf_program *prog = bpf_object__find_program_by_name(p->skel->obj, c->program);

	if (c->how == ATTACH_TRACEPOINT && probe_shared(p, row))
		return true;
	if (!prog || (c->entry && !entry) || p->n_link + 2 > LINKS)
		return false;
	if (entry && !add_link(p, attach_to(c, entry, false)))
		return false;
	return add_link(p, attach_to(c, prog, entry != NULL));
}

/* 0, or -EAGAIN where the kernel refused some: what else it may take is tried from the start. */
static int attach(struct probes *p)
{
	int rc = 0;

	for (size_t i = 0; i < n_probe_rows; i++)
		if (probe_chosen(p, i) && !attach_row(p, i)) {
			rule_out(p, i, -errno);
			rc = -EAGAIN;
		}
	return rc;
}

static void detach(struct probes *p)
{
	for (size_t i = 0; i < p->n_link; i++)
		bpf_link__destroy(p->link[i]);
	xdp_probes_close(p->xdp, p->n_xdp);
	p->n_link = p->n_xdp = 0;
	ring_buffer__free(p->ring);
	p->ring = NULL;
	live_bpf__destroy(p->skel);
	p->skel = NULL;
}

static bool none_chosen(const struct probes *p)
{
	for (size_t i = 0; i < n_probe_rows; i++)
		if (probe_chosen(p, i))
			return false;
	return true;
}

static int refused(struct err *err, int rc)
{
	if (rc == -EPERM || rc == -EACCES)
		return err_set(err, -EPERM, "live tracing needs BPF: run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN, on a kernel that is not locked down");
	return err_set(err, -ENOTSUP, "this kernel took none of the live probes: %s", strerror(-rc));
}

static int follow_all(struct probes *p, const struct probes_options *o)
{
	int rc = 0;

	for (size_t i = 0; i < o->n_filter && !rc; i++)
		rc = probes_follow(p, &o->filter[i]);
	return rc;
}

/* Once with what is chosen; -EAGAIN after the choice has become smaller. Filters are there before the first packet is seen. */
static int open_once(struct probes *p, const struct probes_options *o)
{
	int rc;

	choose(p);
	if (none_chosen(p))
		return -ENOENT;
	rc = load(p);
	if (!rc)
		rc = follow_all(p, o);
	if (!rc)
		rc = attach(p);
	if (rc)
		return rc;
	p->n_xdp = xdp_probes_open(p->xdp, XDPS, p->skel);
	p->ring = ring_buffer__new(bpf_map__fd(p->skel->maps.ring), probes_handle, p, NULL);
	return p->ring ? 0 : -errno;
}

int probes_open(const struct probes_options *o, struct probes **out, struct err *err)
{
	struct probes *p = calloc(1, sizeof(*p));
	libbpf_print_fn_t old;
	int rc;

	if (!p)
		return err_set(err, -ENOMEM, "no memory is left");
	p->want = (o->n_filter ? WANT_FOLLOW : WANT_DROPS) | (o->all ? WANT_ALL : 0);
	old = libbpf_set_print(listen_to_libbpf);
	if (ask_kernel(p)) {
		rc = err_set(err, -ENOTSUP, "live tracing needs BTF, and this kernel has no /sys/kernel/btf/vmlinux");
		goto out;
	}
	do {
		detach(p);
		p->n_filter = 0;
		rc = open_once(p, o);
	} while (rc == -EAGAIN);
	if (rc == -E2BIG)
		err_set(err, rc, "at most %d addresses and ports can be followed at once", LIVE_FILTERS);
	else if (rc)
		rc = refused(err, rc);
out:
	libbpf_set_print(old);
	malloc_trim(0);			/* BTF is large */
	if (rc)
		probes_close(p);
	else
		*out = p;
	return rc;
}

void probes_close(struct probes *p)
{
	if (!p)
		return;
	detach(p);
	reasons_free(p->reasons);
	symbols_free(p->symbols);
	free(p);
}

int probes_follow(struct probes *p, const struct probe_filter *f)
{
	struct live_key key = { .port = __builtin_bswap16(f->port), .family = f->addr.family, .proto = f->proto };
	int fd = bpf_map__fd(p->skel->maps.filters);
	uint8_t flags = 0;

	memcpy(key.addr, f->addr.b, addr_len(&f->addr));
	if (bpf_map_lookup_elem(fd, &key, &flags) && p->n_filter >= LIVE_FILTERS)
		return -E2BIG;
	if (!flags)
		p->n_filter++;
	flags |= f->addressed ? LIVE_ADDRESSED : LIVE_ENDPOINT;
	if (bpf_map_update_elem(fd, &key, &flags, BPF_ANY))
		return -errno;
	p->skel->bss->port_known[key.port] = 1;
	return 0;
}
