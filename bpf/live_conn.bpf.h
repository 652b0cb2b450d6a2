/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet's connection: its entry in conntrack's table, with all that rules can see of it. */
#ifndef KTRACE_BPF_LIVE_CONN_BPF_H
#define KTRACE_BPF_LIVE_CONN_BPF_H

#include "bpf/event.h"
#include "bpf/live_look.bpf.h"

#define CT_UNTRACKED	7		/* enum ip_conntrack_info */

static __always_inline void put_tuple(struct event_tuple *to, const struct nf_conntrack_tuple *t)
{
	to->family = BPF_CORE_READ(t, src.l3num);
	to->proto = BPF_CORE_READ(t, dst.protonum);
	to->sport = BPF_CORE_READ(t, src.u.all);
	to->dport = BPF_CORE_READ(t, dst.u.all);
	BPF_CORE_READ_INTO(&to->src, t, src.u3);
	BPF_CORE_READ_INTO(&to->dst, t, dst.u3);
}

/* nf_ct_ext_find(); 0: the entry has none of that kind. */
static __always_inline __u64 extension(const struct nf_conn *ct, __u32 id)
{
	char *ext = (char *)BPF_CORE_READ(ct, ext);
	__u8 offset = 0;

	if (ext)
		bpf_probe_read_kernel(&offset, 1, ext + bpf_core_field_offset(struct nf_ct_ext, offset) + id);
	return offset ? (__u64)ext + offset : 0;
}

static __always_inline void tell_extensions(struct event_ct *c, const struct nf_conn *ct)
{
	const struct nf_conn_acct *acct;
	const struct nf_conn_help *help;
	__u64 at;

	if (bpf_core_enum_value_exists(enum nf_ct_ext_id, NF_CT_EXT_LABELS)) {
		at = extension(ct, bpf_core_enum_value(enum nf_ct_ext_id, NF_CT_EXT_LABELS));
		if (at && !bpf_probe_read_kernel(c->labels, sizeof(c->labels), (void *)at))
			c->has |= EVENT_CT_LABELS;
	}
	if (bpf_core_type_exists(struct nf_conn_help)) {
		help = (void *)extension(ct, bpf_core_enum_value(enum nf_ct_ext_id, NF_CT_EXT_HELPER));
		if (help)
			BPF_CORE_READ_INTO(&c->helper, help, helper, name);
	}
	if (bpf_core_type_exists(struct nf_conn_acct)) {
		acct = (void *)extension(ct, bpf_core_enum_value(enum nf_ct_ext_id, NF_CT_EXT_ACCT));
		if (!acct)
			return;
		c->packets = BPF_CORE_READ(acct, counter[0].packets.counter) + BPF_CORE_READ(acct, counter[1].packets.counter);
		c->bytes = BPF_CORE_READ(acct, counter[0].bytes.counter) + BPF_CORE_READ(acct, counter[1].bytes.counter);
		c->has |= EVENT_CT_ACCT;
	}
}

static __always_inline void tell_conn(struct event_ct *c, const struct look *k)
{
	const struct nf_conn *ct = (void *)k->conn;

	if (!ct && k->info != CT_UNTRACKED)
		return;
	c->has = EVENT_CT_INFO;
	c->info = k->info;
	if (!ct || !bpf_core_type_exists(struct nf_conn))
		return;
	c->has |= EVENT_CT_ENTRY;
	put_tuple(&c->orig, &ct->tuplehash[0].tuple);
	put_tuple(&c->back, &ct->tuplehash[1].tuple);
	c->status = BPF_CORE_READ(ct, status);
	if (bpf_core_field_exists(ct->mark))
		c->mark = BPF_CORE_READ(ct, mark);
	if (bpf_core_field_exists(ct->zone))
		c->zone = BPF_CORE_READ(ct, zone.id);
	if (c->orig.proto == TCP)
		c->tcp_state = BPF_CORE_READ(ct, proto.tcp.state);
	tell_extensions(c, ct);
}

#endif
