/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of live probes: what each is for, and the ways to it, the cheapest first. */
#include "bpf/probes_priv.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLLOW	WANT_FOLLOW
#define BOTH	(WANT_FOLLOW | WANT_DROPS)

#define TP(f, p)		{ ATTACH_TRACEPOINT, f, p, NULL }
#define FENTRY(f, p)		{ ATTACH_FENTRY, f, p, NULL }
#define KPROBE(f, p)		{ ATTACH_KPROBE, f, p, NULL }
#define KRETPROBE(f, p, e)	{ ATTACH_KPROBE, f, p, e }

const struct row probe_rows[] = {
	{ "netfilter hooks", "a packet's way from hook to hook, and its address translation", NULL, FOLLOW,
	  { FENTRY("nf_hook_slow", "hook_fentry"), KPROBE("nf_hook_slow", "hook_kprobe") } },
	{ "connections confirmed", "when a connection enters the table, and clashes there", "nf_conntrack", FOLLOW,
	  { FENTRY("__nf_conntrack_confirm", "confirm_fexit"),
	    KRETPROBE("__nf_conntrack_confirm", "confirm_kretprobe", "confirm_kprobe") } },
	{ "drops", "every drop, and its reason", NULL, BOTH,
	  { TP("kfree_skb", "drop") } },
	{ "ICMP errors sent", "IPv4 packets that this node refuses with an ICMP error", NULL, FOLLOW,
	  { FENTRY("__icmp_send", "icmp_fentry"), KPROBE("__icmp_send", "icmp_kprobe"), TP("icmp_send", "icmp_tp") } },
	{ "ICMPv6 errors sent", "IPv6 packets that this node refuses with an ICMPv6 error", NULL, FOLLOW,
	  { FENTRY("icmp6_send", "icmp6_fentry"), KPROBE("icmp6_send", "icmp6_kprobe") } },
	{ "resets sent", "TCP over IPv4 that no socket takes", NULL, FOLLOW,
	  { FENTRY("tcp_v4_send_reset", "rst_fentry"), KPROBE("tcp_v4_send_reset", "rst_kprobe"),
	    TP("tcp_send_reset", "rst_tp") } },
	{ "resets sent, IPv6", "TCP over IPv6 that no socket takes", NULL, FOLLOW,
	  { FENTRY("tcp_v6_send_reset", "rst6_fentry"), KPROBE("tcp_v6_send_reset", "rst_kprobe"),
	    TP("tcp_send_reset", "rst_tp") } },
	{ "resets by rules", "IPv4 packets that a rule rejects with a reset", "nf_reject_ipv4", FOLLOW,
	  { FENTRY("nf_send_reset", "reject_fentry"), KPROBE("nf_send_reset", "reject_kprobe") } },
	{ "resets by rules, IPv6", "IPv6 packets that a rule rejects with a reset", "nf_reject_ipv6", FOLLOW,
	  { FENTRY("nf_send_reset6", "reject6_fentry"), KPROBE("nf_send_reset6", "reject_kprobe") } },
	{ "full listeners", "connections refused by a full accept queue", NULL, BOTH,
	  { FENTRY("tcp_conn_request", "listen_fentry"), KPROBE("tcp_conn_request", "listen_kprobe") } },
	{ "IPVS connections", "which real server IPVS chose", "ip_vs", FOLLOW,
	  { FENTRY("ip_vs_schedule", "ipvs_fexit"), KRETPROBE("ip_vs_schedule", "ipvs_kretprobe", "ipvs_kprobe") } },
	{ "IPVS schedulers' words", "why a virtual service had no real server", "ip_vs", BOTH,
	  { FENTRY("ip_vs_scheduler_err", "word_fentry"), KPROBE("ip_vs_scheduler_err", "word_kprobe") } },
	{ "IPVS without a server", "packets that a virtual service had no real server for", "ip_vs", BOTH,
	  { FENTRY("ip_vs_leave", "leave_fentry"), KPROBE("ip_vs_leave", "leave_kprobe") } },
	{ "received by devices", "where a packet comes in", NULL, WANT_ALL | WANT_NO_HOOKS,
	  { TP("netif_receive_skb", "dev_in") } },
	{ "sent by devices", "where a packet goes out", NULL, WANT_ALL | WANT_NO_HOOKS,
	  { TP("net_dev_start_xmit", "dev_out") } },
	{ "nf_tables chains", "each base chain's verdict", "nf_tables", WANT_ALL,
	  { FENTRY("nft_do_chain", "nft_fexit"), KRETPROBE("nft_do_chain", "nft_kretprobe", "nft_kprobe") }, "nft_chain" },
	{ "legacy tables", "each legacy table's verdict", "ip_tables", WANT_ALL,
	  { FENTRY("ipt_do_table", "ipt_fexit"), KRETPROBE("ipt_do_table", "table_kretprobe", "table_kprobe") } },
	{ "legacy tables, IPv6", "each legacy table's verdict, IPv6", "ip6_tables", WANT_ALL,
	  { FENTRY("ip6t_do_table", "ip6t_fexit"), KRETPROBE("ip6t_do_table", "table_kretprobe", "table_kprobe") } },
};
const size_t n_probe_rows = ARRAY_SIZE(probe_rows);

int kernel_facts_read(struct kernel_facts *f)
{
	f->vmlinux = btf__load_vmlinux_btf();
	if (!f->vmlinux)
		return -errno;
	f->kprobes = access("/sys/bus/event_source/devices/kprobe", F_OK) == 0;
	return 0;
}

void kernel_facts_free(struct kernel_facts *f)
{
	btf__free(f->vmlinux);
	f->vmlinux = NULL;
}

/* The id of a function or struct in vmlinux, else in its module, whose BTF the caller frees. Negative: neither has it. */
static int find(const struct kernel_facts *f, const char *module, const char *name, uint32_t kind, struct btf **in)
{
	int id = btf__find_by_name_kind(f->vmlinux, name, kind);

	*in = NULL;
	if (id > 0 || !module)
		return id;
	*in = btf__load_module_btf(module, f->vmlinux);
	return *in ? btf__find_by_name_kind(*in, name, kind) : -ENOENT;
}

static bool found(const struct kernel_facts *f, const char *module, const char *name, uint32_t kind)
{
	struct btf *in;
	int id = find(f, module, name, kind, &in);

	btf__free(in);
	return id > 0;
}

static bool module_loaded(const char *module)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	return access(path, F_OK) == 0;
}

bool kernel_lacks_module(const struct kernel_facts *f, const struct row *r)
{
	return r->module && !module_loaded(r->module) && !found(f, NULL, r->c[0].function, BTF_KIND_FUNC);
}

bool kernel_has(const struct kernel_facts *f, const struct row *r, const struct candidate *c)
{
	char name[64];

	if (c->how != ATTACH_NONE && r->type && !found(f, r->module, r->type, BTF_KIND_STRUCT))
		return false;
	switch (c->how) {
	case ATTACH_TRACEPOINT:
		snprintf(name, sizeof(name), "btf_trace_%s", c->function);
		return btf__find_by_name_kind(f->vmlinux, name, BTF_KIND_TYPEDEF) > 0;
	case ATTACH_FENTRY:
		return found(f, r->module, c->function, BTF_KIND_FUNC);
	case ATTACH_KPROBE:
		return f->kprobes;
	case ATTACH_NONE:
		break;
	}
	return false;
}

static bool is_skb(const struct btf *btf, uint32_t type)
{
	const struct btf_type *t = btf__type_by_id(btf, type);

	if (!t || !btf_is_ptr(t))
		return false;
	for (t = btf__type_by_id(btf, t->type); t && btf_is_mod(t); t = btf__type_by_id(btf, t->type))
		;
	return t && btf_is_struct(t) && strcmp(btf__name_by_offset(btf, t->name_off), "sk_buff") == 0;
}

bool kernel_takes_skb(const struct kernel_facts *f, const char *module, const char *function, int i)
{
	struct btf *in;
	int id = find(f, module, function, BTF_KIND_FUNC, &in);
	const struct btf *btf = in ? in : f->vmlinux;
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, id) : NULL;
	bool yes = btf__find_by_name_kind(f->vmlinux, "skb_drop_reason", BTF_KIND_ENUM) < 0;

	if (t)
		t = btf__type_by_id(btf, t->type);
	if (t && btf_is_func_proto(t))
		yes = i < btf_vlen(t) && is_skb(btf, btf_params(t)[i].type);
	btf__free(in);
	return yes;
}
