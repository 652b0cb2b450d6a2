/* SPDX-License-Identifier: GPL-2.0-only */
/* Names for numbers: drop reasons from the kernel's BTF, addresses from /proc/kallsyms. Read once, when first asked. */
#include <bpf/btf.h>
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/probes_priv.h"

#define BTF_DIR		"/sys/kernel/btf"
#define SUBSYSTEM	0xffff0000u	/* SKB_DROP_REASON_SUBSYS_MASK */

struct reason {
	uint32_t value;
	const char *name;
};

struct reasons {
	struct arena *arena;
	struct reason *v;
	size_t n, cap;
};

static bool ends_with(const char *s, const char *end)
{
	size_t a = strlen(s), b = strlen(end);

	return a >= b && strcmp(s + a - b, end) == 0;
}

static const char *find_reason(const struct reasons *r, uint32_t value)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].value == value)
			return r->v[i].name;
	return NULL;
}

/* An enumerator without the prefix that all of its enum have. */
static void add_reason(struct reasons *r, uint32_t value, const char *name)
{
	static const char prefix[] = "SKB_DROP_REASON_";
	struct reason *e;

	if (find_reason(r, value))
		return;
	while (*name == '_')
		name++;
	if (strncmp(name, prefix, sizeof(prefix) - 1) == 0)
		name += sizeof(prefix) - 1;
	e = VEC_PUSH(r->arena, r->v, r->n, r->cap);
	e->value = value;
	e->name = arena_strdup(r->arena, name);
}

/*
 * The reasons of enums called …drop_reason, from type `first` on. A subsystem's enum (mac80211, openvswitch, qdisc) has
 * its number in the upper half of each value (since 6.4); what has none there is the core's, if the enum is the core's.
 */
static void scan_reasons(struct reasons *r, const struct btf *btf, uint32_t first)
{
	for (uint32_t id = first; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		const char *name = btf__name_by_offset(btf, t->name_off);
		bool core;

		if (!btf_is_enum(t) || !name || !ends_with(name, "drop_reason"))
			continue;
		core = strcmp(name, "skb_drop_reason") == 0;
		for (int i = 0; i < btf_vlen(t); i++) {
			uint32_t value = btf_enum(t)[i].val;

			if (core || value & SUBSYSTEM)
				add_reason(r, value, btf__name_by_offset(btf, btf_enum(t)[i].name_off));
		}
	}
}

static void scan_modules(struct reasons *r, struct btf *vmlinux)
{
	DIR *dir = opendir(BTF_DIR);
	struct dirent *d;
	struct btf *btf;

	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] == '.' || strcmp(d->d_name, "vmlinux") == 0)
			continue;
		btf = btf__load_module_btf(d->d_name, vmlinux);
		if (btf)
			scan_reasons(r, btf, btf__type_cnt(vmlinux));
		btf__free(btf);
	}
	if (dir)
		closedir(dir);
}

static struct reasons *read_reasons(void)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	struct arena *a = arena_new();
	struct reasons *r = arena_alloc(a, sizeof(*r));

	r->arena = a;
	if (vmlinux) {
		scan_reasons(r, vmlinux, 1);
		scan_modules(r, vmlinux);
	}
	btf__free(vmlinux);
	malloc_trim(0);
	return r;
}

const char *reasons_name(struct reasons **r, uint32_t reason)
{
	if (!reason)
		return NULL;
	if (!*r)
		*r = read_reasons();
	return find_reason(*r, reason);
}

void reasons_free(struct reasons *r)
{
	if (r)
		arena_free(r->arena);
}

/* Symbols of code, by address: name is an offset in `names`. Packed: there are more than a hundred thousand. */
struct symbol {
	uint64_t address;
	uint32_t name;
} __attribute__((packed));

struct symbols {
	struct symbol *v;
	size_t n, cap;
	char *names;
	size_t len, room;
};

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

/* Room for one more element of size; false: no memory. */
static bool grow(void **v, size_t need, size_t *cap, size_t size)
{
	void *more;
	size_t n = *cap ? *cap : 4096;

	if (need <= *cap)
		return true;
	while (n < need)
		n *= 2;
	more = realloc(*v, n * size);
	if (!more)
		return false;
	*v = more;
	*cap = n;
	return true;
}

/* As much as is used, and nothing kept of what growing left behind. */
static void fit(struct symbols *s)
{
	void *v = realloc(s->v, s->n * sizeof(*s->v)), *names = realloc(s->names, s->len);

	s->v = v ? v : s->v;
	s->names = names ? names : s->names;
	malloc_trim(0);
}

/* "name" or "name [module]" */
static bool add_symbol(struct symbols *s, uint64_t address, const char *name, const char *module)
{
	size_t room = strlen(name) + strlen(module) + 4;

	if (!grow((void **)&s->v, s->n + 1, &s->cap, sizeof(*s->v)) || !grow((void **)&s->names, s->len + room, &s->room, 1))
		return false;
	s->v[s->n++] = (struct symbol){ .address = address, .name = s->len };
	s->len += snprintf(s->names + s->len, room, *module ? "%s %s" : "%s", name, module) + 1;
	return true;
}

/* Lines are "address type name" and, of a module, "\t[module]". All addresses are 0 where they may not be known. */
static struct symbols *read_symbols(void)
{
	struct symbols *s = calloc(1, sizeof(*s));
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], name[256], module[128], type;
	unsigned long long address;

	while (s && f && fgets(line, sizeof(line), f)) {
		module[0] = 0;
		if (sscanf(line, "%llx %c %255s %127s", &address, &type, name, module) < 3 || !address)
			continue;
		if (!strchr("tTwW", type))
			continue;
		if (!add_symbol(s, address, name, module))
			break;
	}
	if (f)
		fclose(f);
	if (s && s->n) {
		qsort(s->v, s->n, sizeof(*s->v), by_address);
		fit(s);
	}
	return s;
}

const char *symbols_name(struct symbols **s, uint64_t address)
{
	size_t low = 0, high;

	if (!*s)
		*s = read_symbols();
	if (!*s || !address)
		return NULL;
	/* the last one that is not above */
	for (high = (*s)->n; low < high; ) {
		size_t mid = low + (high - low) / 2;

		if ((*s)->v[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? (*s)->names + (*s)->v[low - 1].name : NULL;
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	free(s->v);
	free(s->names);
	free(s);
}
