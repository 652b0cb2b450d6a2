/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules and elements as the door shows them: what a rule matches on plainly and where it leads. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/uapi.h"
#include "nft/xt.h"

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

/* What a register was last loaded with, as far as a view cares. */
struct loaded {
	enum { OTHER, DADDR, PROTO, DPORT, CONSTANT } what;
	const struct immediate_data *imm;
};

struct view {
	struct nft_rule_view *v;
	uint8_t family;
	struct loaded reg[20];
};

static struct loaded *reg_of(struct view *x, unsigned off)
{
	return &x->reg[off / 4 % ARRAY_SIZE(x->reg)];
}

static void see_payload(struct view *x, const struct payload_data *p)
{
	struct loaded *r = reg_of(x, p->reg);
	bool six = p->len == 16;

	r->what = OTHER;
	if (p->base == NFT_PAYLOAD_NETWORK_HEADER && ((p->offset == 16 && p->len == 4) || (p->offset == 24 && six)))
		r->what = DADDR;
	else if (p->base == NFT_PAYLOAD_NETWORK_HEADER && p->len == 1 &&
		 p->offset == (x->family == NFPROTO_IPV6 ? 6 : 9))
		r->what = PROTO;
	else if (p->base == NFT_PAYLOAD_TRANSPORT_HEADER && p->offset == 2 && p->len == 2)
		r->what = DPORT;
}

static void see_cmp(struct view *x, const struct cmp_data *c)
{
	if (c->op != NFT_CMP_EQ)
		return;
	switch (reg_of(x, c->reg)->what) {
	case DADDR:
		if (c->len == 4 || c->len == 16)
			x->v->daddr = addr_from(c->value, c->len);
		break;
	case PROTO:
		if (c->len == 1)
			x->v->proto = c->value[0];
		break;
	case DPORT:
		if (c->len == 2)
			x->v->dport = c->value[0] << 8 | c->value[1];
		break;
	default:
		break;
	}
}

static void see_nat(struct view *x, const struct nat_data *n)
{
	const struct immediate_data *addr = n->addr_min ? reg_of(x, n->addr_min)->imm : NULL;
	const struct immediate_data *max = n->addr_max ? reg_of(x, n->addr_max)->imm : NULL;
	const struct immediate_data *port = n->port_min ? reg_of(x, n->port_min)->imm : NULL;

	if (n->type != 1 || !addr || !max || addr->len != max->len || memcmp(addr->value, max->value, addr->len))
		return;
	if (addr->len != 4 && addr->len != 16)
		return;
	x->v->dnat = addr_from(addr->value, addr->len);
	if (port && port->len == 2 && n->port_min == n->port_max)
		x->v->dnat_port = port->value[0] << 8 | port->value[1];
}

/* The destination port that a match of xt asks for alone; 0: none. */
static uint16_t xt_dport(const char *name, const struct xt *m)
{
	const struct xt_tcp *tcp = m->info;
	const struct xt_udp *udp = m->info;
	const struct xt_sctp_info *sctp = m->info;

	if (!strcmp(name, "tcp") && m->size >= sizeof(*tcp))
		return tcp->dpts[0] == tcp->dpts[1] && !(tcp->invflags & XT_TCP_INV_DSTPT) ? tcp->dpts[0] : 0;
	if (!strcmp(name, "udp") && m->size >= sizeof(*udp))
		return udp->dpts[0] == udp->dpts[1] && !(udp->invflags & XT_UDP_INV_DSTPT) ? udp->dpts[0] : 0;
	if (!strcmp(name, "sctp") && m->size >= sizeof(*sctp))
		return sctp->flags & XT_SCTP_DEST_PORTS && !(sctp->invflags & XT_SCTP_DEST_PORTS) &&
		       sctp->dpts[0] == sctp->dpts[1] ? sctp->dpts[0] : 0;
	return 0;
}

/* Matches and targets of xt, where iptables-nft or legacy did not write native expressions. */
static void see_xt(struct view *x, const struct step *s)
{
	struct addr dnat;
	uint16_t port;

	if (xt_dnat(s, &dnat, &port)) {
		x->v->dnat = dnat;
		x->v->dnat_port = port;
		return;
	}
	if (s->size != sizeof(struct xt))
		return;
	port = xt_dport(s->ops->name, s->data);
	if (port)
		x->v->dport = port;
}

static bool whole(const void *mask, size_t len)
{
	const uint8_t *m = mask;

	while (len && *m == 0xff)
		m++, len--;
	return !len;
}

/* The IP header part of a legacy entry, and its jumps: legacy_rule.c's rows. */
static void see_legacy(struct view *x, const struct step *s)
{
	bool v4 = s->size == sizeof(struct ipt_ip), header = v4 || s->size == sizeof(struct ip6t_ip6);
	const struct ipt_ip *ip = s->data;
	const struct ip6t_ip6 *ip6 = s->data;
	uint8_t inv = !header ? 0 : v4 ? ip->invflags : ip6->invflags;

	if (header && !strcmp(s->ops->name, "dst") && !(inv & IPT_INV_DSTIP)) {
		if (v4 && whole(&ip->dmsk, 4))
			x->v->daddr = addr_from(&ip->dst, 4);
		else if (!v4 && whole(&ip6->dmsk, 16))
			x->v->daddr = addr_from(&ip6->dst, 16);
	} else if (header && !strcmp(s->ops->name, "proto") && !(inv & XT_INV_PROTO)) {
		x->v->proto = v4 ? ip->proto : ip6->proto;
	} else if (!s->size && (!strcmp(s->ops->name, "jump") || !strcmp(s->ops->name, "goto"))) {
		x->v->jump = s->data;
	}
}

static void see_step(struct view *x, const struct step *s)
{
	if (s->ops == &expr_ops_payload.ops) {
		see_payload(x, s->data);
	} else if (s->ops == &expr_ops_meta.ops) {
		const struct meta_data *m = s->data;

		*reg_of(x, m->reg) = (struct loaded){ .what = m->key == NFT_META_L4PROTO ? PROTO : OTHER };
	} else if (s->ops == &expr_ops_immediate.ops) {
		const struct immediate_data *i = s->data;

		*reg_of(x, i->reg) = (struct loaded){ .what = CONSTANT, .imm = i };
	} else if (s->ops == &expr_ops_bitwise.ops) {
		*reg_of(x, ((const struct bitwise_data *)s->data)->dreg) = (struct loaded){ .what = OTHER };
	} else if (s->ops == &expr_ops_cmp.ops) {
		see_cmp(x, s->data);
	} else if (s->ops == &expr_ops_verdict.ops) {
		x->v->jump = ((const struct nft_verdict_data *)s->data)->chain;
	} else if (s->ops == &expr_ops_nat.ops) {
		see_nat(x, s->data);
	} else if (s->ops->say != expr_say) {
		see_legacy(x, s);
		see_xt(x, s);
	}
}

static void view_rule(const struct chain *c, const struct rule *r, struct nft_rule_view *v)
{
	struct view x = { .v = v, .family = c->family };

	v->comment = r->comment;
	v->handle = r->handle;
	v->index = r->index;
	for (size_t i = 0; i < r->n_step; i++) {
		see_step(&x, &r->step[i]);
		if (!v->comment)
			v->comment = r->step[i].ops->say == expr_say ? NULL : xt_comment(&r->step[i]);
	}
}

struct views {
	struct nft_rule_view *v;
	size_t n;
};

int nft_rules(struct nft *nft, uint32_t netns, const struct nft_table *t, const char *chain,
	      const struct nft_rule_view **out, size_t *n, struct err *err)
{
	struct ruleset *r = ruleset_get(nft, netns);
	const struct chain *c;
	struct views *views;
	char key[RULESET_KEY];
	size_t len;
	void **slot;
	int rc = 0;

	c = chain_get(nft, netns, t->backend, t->family, t->name, chain, &rc);
	if (!c)
		return err_set(err, rc ?: -ENOENT, "cannot read chain %s %s: %s", t->name, chain,
			       strerror(rc ? -rc : ENOENT));
	len = ruleset_key(key, t->family, t->name, chain);
	key[len++] = t->backend;
	slot = map_slot(&r->view, key, len);
	if (!*slot) {
		views = *slot = arena_alloc(r->arena, sizeof(*views));
		views->n = c->n_rule;
		views->v = arena_alloc(r->arena, c->n_rule * sizeof(*views->v));
		for (size_t i = 0; i < c->n_rule; i++)
			view_rule(c, &c->rule[i], &views->v[i]);
	}
	views = *slot;
	*out = views->v;
	*n = views->n;
	return 0;
}

/* -- elements -- */

struct elem_views {
	struct nft_elem_view *v;
	size_t n;
};

static void view_elem(const struct set_elem *el, struct nft_elem_view *v)
{
	v->key = el->key;
	v->key_len = el->key_len;
	v->chain = el->chain;
	v->verdict = el->verdict;
	v->comment = el->comment;
}

static struct elem_views *view_set(struct ruleset *r, const struct set *s)
{
	struct elem_views *views = arena_alloc(r->arena, sizeof(*views));

	views->v = arena_alloc(r->arena, (s->n_elem + 1) * sizeof(*views->v));
	for (size_t i = 0; i < s->n_elem; i++)
		if (!(s->elem[i].flags & NFT_SET_ELEM_INTERVAL_END))
			view_elem(&s->elem[i], &views->v[views->n++]);
	if (s->catchall)
		view_elem(s->catchall, &views->v[views->n++]);
	return views;
}

int nft_elements(struct nft *nft, uint32_t netns, const struct nft_table *t, const char *set,
		 const struct nft_elem_view **out, size_t *n, struct err *err)
{
	struct ruleset *r = ruleset_get(nft, netns);
	struct elem_views *views;
	char key[RULESET_KEY];
	size_t len;
	struct set *s;
	void **slot;
	int rc = -ENOENT;

	s = t->backend == BACKEND_NF_TABLES ? set_get(r, t->family, t->name, set, &rc) : NULL;
	if (s)
		rc = set_dump(r, s);
	if (!s || rc)
		return err_set(err, rc, "cannot read set %s %s: %s", t->name, set, strerror(-rc));
	len = ruleset_key(key, t->family, t->name, set);
	key[len++] = 'e';
	slot = map_slot(&r->view, key, len);
	if (!*slot)
		*slot = view_set(r, s);
	views = *slot;
	*out = views->v;
	*n = views->n;
	return 0;
}
