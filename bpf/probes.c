/* SPDX-License-Identifier: GPL-2.0-only */
/* Opens the live probes: chooses each by what this kernel has, loads and attaches, falls back, and hands events on. */
#include "bpf/probes_priv.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpf/event.h"
#include "bpf/live.skel.h"

#define ROWS		32
#define ENOTSUPP	524		/* the kernel's own, which reaches us */
#define LINKS		(2 * ROWS)
#define XDPS		16		/* XDP programs looked behind */

struct probes {
	struct live_bpf *skel;
	struct ring_buffer *ring;
	struct bpf_link *link[LINKS];
	size_t n_link;
	struct xdp_probe xdp[XDPS];
	size_t n_xdp;
	unsigned want;			/* WANT_* */
	int chosen[ROWS];		/* candidate of each row; -1: missing, -2: not wanted */
	bool has[ROWS][CANDIDATES];	/* this kernel seems to have it, and has not refused it yet */
	bool idle[ROWS];		/* its module is not loaded */
	bool table_last;		/* of live.bpf.c */
	size_t n_filter;
	struct reasons *reasons;
	struct symbols *symbols;
	uint64_t swept;			/* when folded drops were looked through */
	sighting_fn fn;			/* of the poll that is going on */
	void *ctx;
	int result, handled;
	struct sighting s;
};

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

static const struct candidate *chosen(const struct probes *p, size_t row)
{
	return p->chosen[row] < 0 ? NULL : &probe_rows[row].c[p->chosen[row]];
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
		p->chosen[i] = -2;
		if (!wanted(p, i))
			continue;
		p->chosen[i] = -1;
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
		if (is_program(name, chosen(p, i)))
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
	const struct candidate *c = chosen(p, row);

	p->has[row][p->chosen[row]] = false;
	if (c->how == ATTACH_FENTRY && (rc == -EPERM || rc == -ENOTSUPP || rc == -EOPNOTSUPP))
		rule_out_all(p, ATTACH_FENTRY);
}

/* Rules out what stands on that program. False: nothing does. */
static bool rule_out_program(struct probes *p, const char *name, int rc)
{
	bool any = false;

	for (size_t i = 0; i < n_probe_rows; i++)
		if (is_program(name, chosen(p, i))) {
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

/* One program may stand for several rows. */
static bool shared(const struct probes *p, size_t row)
{
	for (size_t i = 0; i < row; i++)
		if (chosen(p, i) && strcmp(chosen(p, i)->program, chosen(p, row)->program) == 0)
			return true;
	return false;
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
	const struct candidate *c = chosen(p, row);
	struct bpf_program *entry = c->entry ? bpf_object__find_program_by_name(p->skel->obj, c->entry) : NULL;
	struct bpf_program *prog = bpf_object__find_program_by_name(p->skel->obj, c->program);

	if (c->how == ATTACH_TRACEPOINT && shared(p, row))
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
		if (chosen(p, i) && !attach_row(p, i)) {
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
		if (chosen(p, i))
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

/* left_over() of live_drop.bpf.h, for kernels without a reason for it. */
static bool left_over(struct probes *p, uint64_t location)
{
	static const char *const purge[] = { "skb_queue_purge", "sk_stream_kill_queues", "inet_sock_destruct" };
	const char *name = probes_symbol(p, location);

	for (size_t i = 0; name && i < ARRAY_SIZE(purge); i++)
		if (strcmp(name, purge[i]) == 0)
			return true;
	return false;
}

static int handle(void *ctx, void *data, size_t len)
{
	const struct event *e = data;
	struct probes *p = ctx;

	if (!sighting_from_event(&p->s, e, len) || (e->flags & EVENT_QUEUED && left_over(p, e->location)))
		return 0;
	p->handled++;
	p->result = p->fn(p->ctx, &p->s);
	return p->result ? -ECANCELED : 0;
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
	p->ring = ring_buffer__new(bpf_map__fd(p->skel->maps.ring), handle, p, NULL);
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

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * LIVE_SECOND + t.tv_nsec;
}

/*
 * Tells what was folded and never told, of entries that had no drop for `idle` ns, and drops those from the map. own: the
 * sighting counts for one drop itself.
 */
static int tell_folded(struct probes *p, uint64_t idle, bool own)
{
	int fd = bpf_map__fd(p->skel->maps.folds);
	struct fold_key key, next;
	struct fold f;
	uint64_t t = now();
	int rc = bpf_map_get_next_key(fd, NULL, &next);

	for (; !rc && !p->result; ) {
		key = next;
		rc = bpf_map_get_next_key(fd, &key, &next);
		if (bpf_map_lookup_elem(fd, &key, &f) || t - f.told_at < idle || bpf_map_delete_elem(fd, &key))
			continue;
		if (f.n <= f.told || key.location < PLACES || (f.queued && left_over(p, key.location)))
			continue;
		sighting_from_fold(&p->s, &key, &f);
		p->s.folded = f.n - f.told - own;
		p->handled++;
		p->result = p->fn(p->ctx, &p->s);
	}
	return 0;
}

int probes_poll(struct probes *p, int timeout_ms, sighting_fn fn, void *ctx)
{
	int rc;

	p->fn = fn;
	p->ctx = ctx;
	p->result = p->handled = 0;
	rc = timeout_ms ? ring_buffer__poll(p->ring, timeout_ms) : ring_buffer__consume(p->ring);
	if (rc < 0 && rc != -ECANCELED)
		return rc;
	if (!(p->want & WANT_FOLLOW) && !p->result && now() - p->swept > LIVE_SECOND) {
		p->swept = now();
		tell_folded(p, 2 * LIVE_SECOND, true);
	}
	return p->result < 0 ? p->result : p->handled;
}

int probes_folded(struct probes *p, sighting_fn fn, void *ctx)
{
	p->fn = fn;
	p->ctx = ctx;
	p->result = p->handled = 0;
	if (!(p->want & WANT_FOLLOW))
		tell_folded(p, 0, false);
	return p->result < 0 ? p->result : p->handled;
}

int probes_fd(const struct probes *p)
{
	return ring_buffer__epoll_fd(p->ring);
}

uint64_t probes_lost(const struct probes *p)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *each, sum = 0;
	uint32_t zero = 0;

	each = cpus > 0 ? calloc(cpus, sizeof(*each)) : NULL;
	if (each && !bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.lost), &zero, each))
		for (int i = 0; i < cpus; i++)
			sum += each[i];
	free(each);
	return sum;
}

static void add_statistics(struct probe_state *s, const struct probes *p, const char *program)
{
	struct bpf_program *prog = program ? bpf_object__find_program_by_name(p->skel->obj, program) : NULL;
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (!prog || bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		return;
	s->hits += info.run_cnt;
	s->ns += info.run_time_ns;
}

void probes_states(struct probes *p, struct arena *a, const struct probe_state **out, size_t *n)
{
	static const char *const hows[] = {
		[ATTACH_TRACEPOINT] = "tracepoint", [ATTACH_FENTRY] = "fentry", [ATTACH_KPROBE] = "kprobe",
	};
	struct probe_state *v = arena_alloc(a, (n_probe_rows + p->n_xdp) * sizeof(*v));
	size_t k = 0;

	for (size_t i = 0; i < n_probe_rows; i++) {
		const struct row *r = &probe_rows[i];
		const struct candidate *c = chosen(p, i);

		if (p->chosen[i] == -2)
			continue;
		v[k] = (struct probe_state){ .name = r->name, .function = c ? c->function : r->c[0].function, .cost = r->cost,
						.idle = p->idle[i] };
		if (c) {
			v[k].how = hows[c->how];
		}
		if (c && !shared(p, i)) {		/* runs count once */
			add_statistics(&v[k], p, c->program);
			add_statistics(&v[k], p, c->entry);
		}
		k++;
	}
	for (size_t i = 0; i < p->n_xdp; i++, k++) {
		v[k] = (struct probe_state){
			.name = "XDP drops", .function = arena_printf(a, "XDP program %u %s", p->xdp[i].id, p->xdp[i].name),
			.how = p->xdp[i].link ? hows[ATTACH_FENTRY] : NULL,
			.cost = "packets that an XDP program drops in its device's driver",
		};
		xdp_probe_statistics(&p->xdp[i], &v[k]);
	}
	*out = v;
	*n = k;
}

const char *probes_reason(struct probes *p, uint32_t reason)
{
	return reasons_name(&p->reasons, reason);
}

const char *probes_symbol(struct probes *p, uint64_t address)
{
	return symbols_name(&p->symbols, address);
}
