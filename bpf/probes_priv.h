/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the live probes share: the table of probes, those that are open, and how an event becomes a sighting. */
#ifndef KTRACE_BPF_PROBES_PRIV_H
#define KTRACE_BPF_PROBES_PRIV_H

#include "bpf/probes.h"

struct bpf_link;
struct btf;
struct event;
struct fold;
struct fold_key;
struct live_bpf;
struct ring_buffer;

/* Ways to attach, in the order of preference; fentry stands for fexit, kprobe for kretprobe too. */
enum attach { ATTACH_NONE, ATTACH_TRACEPOINT, ATTACH_FENTRY, ATTACH_KPROBE };

struct candidate {
	enum attach how;
	const char *function;
	const char *program;		/* of the object */
	const char *entry;		/* the program at the entry, where `program` sits at the return; or NULL */
};

#define CANDIDATES	3

/* When a row is wanted. */
#define WANT_FOLLOW	1
#define WANT_DROPS	2
#define WANT_ALL	4
#define WANT_NO_HOOKS	8		/* where netfilter's hooks cannot be seen */

struct row {
	const char *name, *cost;
	const char *module;		/* that the function lives in, unless it is built in */
	unsigned when;			/* WANT_* */
	struct candidate c[CANDIDATES];
	const char *type;		/* a struct without which nothing is to be told, or NULL */
};

extern const struct row probe_rows[];
extern const size_t n_probe_rows;	/* the first is netfilter's hooks */

/* What this kernel has, from its BTF. */
struct kernel_facts {
	struct btf *vmlinux;
	bool kprobes;			/* there is a perf device for them */
};

int kernel_facts_read(struct kernel_facts *f);
void kernel_facts_free(struct kernel_facts *f);
/* The row's module is neither built in nor loaded. */
bool kernel_lacks_module(const struct kernel_facts *f, const struct row *r);
bool kernel_has(const struct kernel_facts *f, const struct row *r, const struct candidate *c);
/* Is parameter i (from 0) of a function a struct sk_buff *? Where BTF does not say: is the kernel older than 5.17? */
bool kernel_takes_skb(const struct kernel_facts *f, const char *module, const char *function, int i);

/* e has len bytes. False: no event of ours. */
bool sighting_from_event(struct sighting *s, const struct event *e, size_t len);
void sighting_from_fold(struct sighting *s, const struct fold_key *key, const struct fold *f);

/* Behind an XDP program: what it drops in a driver. */
struct xdp_probe {
	uint32_t id;			/* of the XDP program */
	char name[16];
	struct live_bpf *skel;
	struct bpf_link *link;		/* NULL: this kernel lets none on it */
};

/* One for each XDP program that there is, max at most; over the maps of first, which is loaded. Returns their number. */
size_t xdp_probes_open(struct xdp_probe *v, size_t max, const struct live_bpf *first);
void xdp_probes_close(struct xdp_probe *v, size_t n);

/* Names of reasons and addresses, read when first asked for. */
struct reasons;
struct symbols;
const char *reasons_name(struct reasons **r, uint32_t reason);
void reasons_free(struct reasons *r);
const char *symbols_name(struct symbols **s, uint64_t address);
void symbols_free(struct symbols *s);

#define ROWS		32
#define MISSING		(-1)
#define NOT_WANTED	(-2)
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
	int chosen[ROWS];		/* candidate of each row, MISSING or NOT_WANTED */
	bool has[ROWS][CANDIDATES];	/* this kernel seems to have it, and has not refused it yet */
	bool idle[ROWS];		/* its module is not loaded */
	bool table_last;		/* of live_chain.bpf.h */
	size_t n_filter;
	struct reasons *reasons;
	struct symbols *symbols;
	uint64_t swept;			/* when folded drops were looked through */
	sighting_fn fn;			/* of the poll that is going on */
	void *ctx;
	int result, handled;
	struct sighting s;
};

/* What was chosen for a row of the table; NULL: nothing, or it is not wanted. */
const struct candidate *probe_chosen(const struct probes *p, size_t row);
/* Does its program stand for a row before it too? */
bool probe_shared(const struct probes *p, size_t row);
/* A ring_buffer_sample_fn: an event to the fn of the poll that is going on. ctx: struct probes. */
int probes_handle(void *ctx, void *data, size_t len);

#endif
