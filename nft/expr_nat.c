/* SPDX-License-Identifier: GPL-2.0-only */
/* Expressions that translate: nat, masq, redir, and tproxy, which hands to a local socket. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

#include <linux/netfilter/nf_nat.h>
#include <linux/rtnetlink.h>

enum { UAPI_SNAT, UAPI_DNAT };		/* enum nft_nat_types */

static enum step_kind nat_end(struct eval *e, enum nft_nat_kind kind, bool dst, const struct nft_nat *n)
{
	e->run->nat = *n;
	e->run->nat.kind = kind;
	e->run->nat.dst = dst;
	return STEP_NAT;
}

/* The registers with ports: one is the other where the dump has only one. */
static bool nat_ports(struct eval *e, uint8_t min, uint8_t max, struct nft_nat *n)
{
	if (!min)
		return true;
	if (!reg_known(e, min, 2) || !reg_known(e, max, 2))
		return false;
	n->port_min = reg_load16be(e, min);
	n->port_max = reg_load16be(e, max);
	n->flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
	return true;
}

static const char *range_say(struct eval *e, const struct nft_nat *n)
{
	char a[ADDR_TEXT], b[ADDR_TEXT];
	const char *addr = "", *port = "";
	bool six = n->min.family == AF_INET6;

	if (n->flags & NF_NAT_RANGE_MAP_IPS)
		addr = addr_eq(&n->min, &n->max) ? arena_strdup(e->arena, addr_say(&n->min, a)) :
		       arena_printf(e->arena, "%s-%s", addr_say(&n->min, a), addr_say(&n->max, b));
	if (n->flags & NF_NAT_RANGE_PROTO_SPECIFIED)
		port = n->port_min == n->port_max ? arena_printf(e->arena, "%u", n->port_min) :
		       arena_printf(e->arena, "%u-%u", n->port_min, n->port_max);
	if (!*port)
		return addr;
	if (!*addr)
		return arena_printf(e->arena, "port %s", port);
	return arena_printf(e->arena, six ? "[%s]:%s" : "%s:%s", addr, port);
}

/* -- nat -- */

/* nft_nat_setup_netmap(): the host part of the packet's own address under the network of the range. */
static void netmap(struct eval *e, const struct nat_data *d, struct nft_nat *n)
{
	const struct addr *own = d->type == UAPI_SNAT ? &e->p->src : &e->p->dst;

	for (unsigned i = 0; i < addr_len(own); i++) {
		uint8_t mask = ~(n->min.b[i] ^ n->max.b[i]);

		n->min.b[i] = (own->b[i] & ~mask) | (n->min.b[i] & mask);
	}
	n->max = n->min;
}

/* nft_nat_eval(), nft_nat_inet_eval() */
static enum step_kind nat_run(struct eval *e, const struct step *s)
{
	const struct nat_data *d = s->data;
	struct nft_nat n = { .flags = d->flags };
	uint8_t pf = packet_family(e->p) == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	unsigned len = pf == NFPROTO_IPV4 ? 4 : 16;

	if (d->family != pf && d->family != NFPROTO_INET)
		return STEP_NEXT;
	if (d->addr_min) {
		if (!reg_known(e, d->addr_min, len) || !reg_known(e, d->addr_max, len))
			return unknown(e, e->unknown ?: "translates to an address that is not known");
		n.min = addr_from(e->regs.b + d->addr_min, len);
		n.max = addr_from(e->regs.b + d->addr_max, len);
		n.flags |= NF_NAT_RANGE_MAP_IPS;
	}
	if (!nat_ports(e, d->port_min, d->port_max, &n))
		return unknown(e, e->unknown ?: "translates to a port that is not known");
	if (n.flags & NF_NAT_RANGE_NETMAP)
		netmap(e, d, &n);
	e->says = arena_printf(e->arena, "%s %s", d->type == UAPI_DNAT ? "translates to" : "translates the source to",
			       range_say(e, &n));
	return nat_end(e, n.flags & NF_NAT_RANGE_NETMAP ? NFT_NAT_NETMAP :
			  d->type == UAPI_DNAT ? NFT_NAT_DNAT : NFT_NAT_SNAT, d->type == UAPI_DNAT, &n);
}

static const char *nat_flags_say(struct words *w, uint32_t flags)
{
	return arena_printf(w->arena, "%s%s%s", flags & NF_NAT_RANGE_PROTO_RANDOM ? " random" : "",
			    flags & NF_NAT_RANGE_PROTO_RANDOM_FULLY ? " fully-random" : "",
			    flags & NF_NAT_RANGE_PERSISTENT ? " persistent" : "");
}

/* "10.0.0.1:80", "ip daddr map { … }": one register range. */
static const char *range_words(struct words *w, uint8_t min, uint8_t max, enum datatype t, unsigned len)
{
	const char *a = words_value(w, min, t, len), *b = words_value(w, max, t, len);

	return min == max || !strcmp(a, b) || !words_reg(w, max)->text ? a : arena_printf(w->arena, "%s-%s", a, b);
}

static void nat_words(struct words *w, const struct step *s)
{
	const struct nat_data *d = s->data;
	bool six = d->family == NFPROTO_IPV6, inet = w->chain && w->chain->family == NFPROTO_INET;
	enum datatype t = six ? DT_IPV6 : DT_IPV4;
	const char *addr = NULL, *port = NULL, *fam = inet ? six ? " ip6" : " ip" : "";
	const struct word *r = d->addr_min ? words_reg(w, d->addr_min) : NULL;

	if (d->addr_min)
		addr = range_words(w, d->addr_min, d->addr_max, t, six ? 16 : 4);
	/* a map of addresses and ports fills both registers: its text stands in the first */
	if (d->port_min && (!r || r->constant || words_reg(w, d->port_min)->text))
		port = range_words(w, d->port_min, d->port_max, DT_PORT, 2);
	if (addr && d->port_min && !port)
		fam = six ? " ip6" : " ip";	/* as nft prints a map of both */
	words_flush(w);
	words_add(w, "%s%s%s to ", d->type == UAPI_DNAT ? "dnat" : "snat", fam,
		  d->flags & NF_NAT_RANGE_NETMAP ? " prefix" : "");
	if (addr && port)
		text_add(&w->t, six && r->constant ? "[%s]:%s" : "%s:%s", addr, port);
	else
		text_add(&w->t, "%s%s", port ? ":" : "", port ? port : addr ? addr : "?");
	text_add(&w->t, "%s", nat_flags_say(w, d->flags));
}

const struct expr_ops expr_ops_nat = EXPR_OPS("nat", nat_run, nat_words, .changes = true);

/* A pair of registers; the second defaults to the first (nft_nat_init()). */
static bool reg_pair(const struct nlattr *min, const struct nlattr *max, unsigned len, uint8_t *a, uint8_t *b)
{
	if (!min)
		return !max;
	if (!expr_reg(min, len, a))
		return false;
	*b = *a;
	return !max || expr_reg(max, len, b);
}

static bool nat_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_NAT_MAX + 1];
	struct nat_data *n;
	uint32_t family, type;

	if (!expr_attrs(data, tb, NFTA_NAT_MAX))
		return false;
	family = nl_be32(tb[NFTA_NAT_FAMILY], 0);
	type = nl_be32(tb[NFTA_NAT_TYPE], 99);
	if (type > UAPI_DNAT || (family != NFPROTO_IPV4 && family != NFPROTO_IPV6 && family != NFPROTO_INET))
		return false;
	n = step_new(d, s, &expr_ops_nat, sizeof(*n));
	n->type = type;
	n->family = family;
	n->flags = nl_be32(tb[NFTA_NAT_FLAGS], 0);
	if (n->flags & ~NF_NAT_RANGE_MASK)
		return false;
	return reg_pair(tb[NFTA_NAT_REG_ADDR_MIN], tb[NFTA_NAT_REG_ADDR_MAX], family == NFPROTO_IPV6 ? 16 : 4,
			&n->addr_min, &n->addr_max) &&
	       reg_pair(tb[NFTA_NAT_REG_PROTO_MIN], tb[NFTA_NAT_REG_PROTO_MAX], 2, &n->port_min, &n->port_max);
}

/* -- masq and redir: a range of ports and flags -- */

struct redir_data {
	uint8_t port_min, port_max;
	uint32_t flags;
};

/* The next hop guides inet_select_addr() in nf_nat_masquerade_ipv4(). */
static int masquerade_addr(struct eval *e, struct addr *out)
{
	struct route_key key = {
		.dst = e->p->dst, .oif = e->p->oif, .mark = e->p->mark, .tos = e->p->tos, .proto = e->p->proto,
		.sport = e->p->sport, .dport = e->p->dport,
	};
	struct route r = { 0 };
	struct addr next = e->p->dst;

	if (!e->ask || !e->ask->dev_addr)
		return -ENOTSUP;
	if (packet_family(e->p) == AF_INET && e->ask->route && !e->ask->route(e->ask->ctx, e->netns, &key, &r) &&
	    !r.error && r.gateway.family == AF_INET)
		next = r.gateway;
	return e->ask->dev_addr(e->ask->ctx, e->netns, e->p->oif, &next, out);
}

/* nft_masq_eval() */
static enum step_kind masq_run(struct eval *e, const struct step *s)
{
	const struct redir_data *d = s->data;
	struct nft_nat n = { .flags = d->flags };
	char buf[ADDR_TEXT];
	int rc = masquerade_addr(e, &n.min);

	if (rc == -ENOENT) {
		e->says = "drops it: the outgoing interface has no address to masquerade as";
		return STEP_DROP;
	}
	if (rc)
		return unknown(e, "masquerades as an address that could not be read");
	if (!nat_ports(e, d->port_min, d->port_max, &n))
		return unknown(e, e->unknown ?: "translates to a port that is not known");
	n.max = n.min;
	n.flags |= NF_NAT_RANGE_MAP_IPS;
	e->says = arena_printf(e->arena, "masquerades as %s", addr_say(&n.min, buf));
	return nat_end(e, NFT_NAT_MASQUERADE, false, &n);
}

/* nf_nat_redirect_ipv4() and _ipv6(): loopback for what is sent from here, else the address that it came in on. */
static int redirect_addr(struct eval *e, struct addr *out)
{
	bool six = packet_family(e->p) == AF_INET6;

	if (e->run->hook == NF_INET_LOCAL_OUT)
		return addr_parse(six ? "::1" : "127.0.0.1", out) ? 0 : -EINVAL;
	if (!e->ask || !e->ask->redirect_addr)
		return -ENOTSUP;
	return e->ask->redirect_addr(e->ask->ctx, e->netns, e->p->iif, &e->p->dst, out);
}

/* nft_redir_eval() */
static enum step_kind redir_run(struct eval *e, const struct step *s)
{
	const struct redir_data *d = s->data;
	struct nft_nat n = { .flags = d->flags };
	int rc = redirect_addr(e, &n.min);

	if (rc == -ENOENT) {
		e->says = "drops it: the incoming interface has no address to redirect to";
		return STEP_DROP;
	}
	if (rc)
		return unknown(e, "redirects to an address that could not be read");
	if (!nat_ports(e, d->port_min, d->port_max, &n))
		return unknown(e, e->unknown ?: "translates to a port that is not known");
	n.max = n.min;
	n.flags |= NF_NAT_RANGE_MAP_IPS;
	e->says = arena_printf(e->arena, "redirects to %s", range_say(e, &n));
	return nat_end(e, NFT_NAT_REDIRECT, true, &n);
}

static void redir_words(struct words *w, const struct step *s)
{
	const struct redir_data *d = s->data;

	words_flush(w);
	words_add(w, "%s", s->ops->name);
	if (d->port_min)
		words_add(w, "to :%s", range_words(w, d->port_min, d->port_max, DT_PORT, 2));
	text_add(&w->t, "%s", nat_flags_say(w, d->flags));
}

static const struct expr_ops masq_ops = EXPR_OPS("masquerade", masq_run, redir_words, .changes = true);
static const struct expr_ops redir_ops = EXPR_OPS("redirect", redir_run, redir_words, .changes = true);

static bool masq_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_MASQ_MAX + 1];
	struct redir_data *r = step_new(d, s, &masq_ops, sizeof(*r));

	if (!expr_attrs(data, tb, NFTA_MASQ_MAX))
		return false;
	r->flags = nl_be32(tb[NFTA_MASQ_FLAGS], 0);
	return reg_pair(tb[NFTA_MASQ_REG_PROTO_MIN], tb[NFTA_MASQ_REG_PROTO_MAX], 2, &r->port_min, &r->port_max);
}

static bool redir_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_REDIR_MAX + 1];
	struct redir_data *r = step_new(d, s, &redir_ops, sizeof(*r));

	if (!expr_attrs(data, tb, NFTA_REDIR_MAX))
		return false;
	r->flags = nl_be32(tb[NFTA_REDIR_FLAGS], 0);
	return reg_pair(tb[NFTA_REDIR_REG_PROTO_MIN], tb[NFTA_REDIR_REG_PROTO_MAX], 2, &r->port_min, &r->port_max);
}

/* -- tproxy -- */

struct tproxy_data {
	uint8_t family, addr, port;
};

/* nf_tproxy_laddr4(): the address given, else the first of the incoming device. */
static int tproxy_addr(struct eval *e, const struct tproxy_data *d, struct addr *out)
{
	unsigned len = addr_len(&e->p->dst);

	if (d->addr) {
		if (!reg_known(e, d->addr, len))
			return -EINVAL;
		*out = addr_from(e->regs.b + d->addr, len);
		if (!addr_is_any(out))
			return 0;
	}
	if (!e->ask || !e->ask->dev_addr)
		return -ENOTSUP;
	if (e->ask->dev_addr(e->ask->ctx, e->netns, e->p->iif, &e->p->dst, out))
		*out = e->p->dst;
	return 0;
}

static enum answer tproxy_socket(struct eval *e, const struct packet *p, struct sock_info *sk)
{
	enum answer found = e->ask && e->ask->socket ? e->ask->socket(e->ask->ctx, e->netns, p, sk) : UNKNOWN;

	return found == YES ? answer_of(sk->transparent) : found;
}

/* nft_tproxy_eval_v4() and _v6() */
static enum step_kind tproxy_run(struct eval *e, const struct step *s)
{
	const struct tproxy_data *d = s->data;
	uint8_t pf = packet_family(e->p) == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	struct packet to = *e->p;
	struct sock_info sk = { 0 };
	enum answer found;

	if ((d->family && d->family != pf) || (e->p->proto != IPPROTO_TCP && e->p->proto != IPPROTO_UDP))
		return STEP_BREAK;
	if (tproxy_addr(e, d, &to.dst) || (d->port && !reg_known(e, d->port, 2)))
		return unknown(e, "hands it to a local socket whose address is not known");
	if (d->port && reg_load16be(e, d->port))
		to.dport = reg_load16be(e, d->port);
	found = tproxy_socket(e, &to, &sk);
	if (found == UNKNOWN)
		return unknown(e, "depends on a transparent socket that could not be looked up");
	if (found == NO)
		return STEP_BREAK;
	e->p->given.set = true;
	e->p->given.sk = arena_dup(e->arena, &sk, sizeof(sk));
	e->run->tproxy.set = true;
	e->run->tproxy.addr = to.dst;
	e->run->tproxy.port = to.dport;
	e->says = arena_printf(e->arena, "hands it to the local socket %s",
			       endpoint_say(e->arena, &to.dst, to.dport));
	return STEP_NEXT;
}

static void tproxy_words(struct words *w, const struct step *s)
{
	const struct tproxy_data *d = s->data;
	bool six = d->family == NFPROTO_IPV6, inet = w->chain && w->chain->family == NFPROTO_INET;

	words_flush(w);
	words_add(w, "tproxy%s to ", inet && d->family ? six ? " ip6" : " ip" : "");
	if (d->addr)
		text_add(&w->t, six ? "[%s]" : "%s", words_value(w, d->addr, six ? DT_IPV6 : DT_IPV4, six ? 16 : 4));
	if (d->port)
		text_add(&w->t, ":%s", words_value(w, d->port, DT_PORT, 2));
}

static const struct expr_ops tproxy_ops = EXPR_OPS("tproxy", tproxy_run, tproxy_words, .changes = true);

static bool tproxy_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_TPROXY_MAX + 1];
	struct tproxy_data *t;
	uint32_t family;

	if (!expr_attrs(data, tb, NFTA_TPROXY_MAX))
		return false;
	family = nl_be32(tb[NFTA_TPROXY_FAMILY], 99);
	if (family != NFPROTO_UNSPEC && family != NFPROTO_IPV4 && family != NFPROTO_IPV6)
		return false;
	t = step_new(d, s, &tproxy_ops, sizeof(*t));
	t->family = family;
	return (!tb[NFTA_TPROXY_REG_ADDR] ||
		expr_reg(tb[NFTA_TPROXY_REG_ADDR], family == NFPROTO_IPV6 ? 16 : 4, &t->addr)) &&
	       (!tb[NFTA_TPROXY_REG_PORT] || expr_reg(tb[NFTA_TPROXY_REG_PORT], 2, &t->port));
}

static const struct expr rows[] = {
	{ "nat", nat_decode }, { "masq", masq_decode }, { "redir", redir_decode }, { "tproxy", tproxy_decode },
};
const struct exprs expr_nat = EXPRS(rows);
