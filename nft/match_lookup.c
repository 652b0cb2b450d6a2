/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches that ask something else: the FIB, a set, the socket table. */
#include <string.h>

#include "nft/ipset.h"
#include "nft/writes.h"
#include "nft/xt_rows.h"

#include <linux/if.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_rpfilter.h>
#include <linux/netfilter/xt_set.h>
#include <linux/netfilter/xt_socket.h>
#include <linux/rtnetlink.h>

/* -- addrtype -- */

/* match_type(): inet_dev_addr_type() in the mask? */
static enum answer type_in4(struct eval *e, int dev, const struct addr *a, uint16_t mask)
{
	char buf[ADDR_TEXT];
	uint8_t type;

	if (e->ask->addr_type(e->ask->ctx, e->netns, a, dev, &type))
		return eval_unknown(e, "the type of address %s could not be read", addr_say(a, buf));
	return answer_of(type < 16 && mask & 1 << type);
}

/* match_type6() and match_lookup_rt6(): the address's own form first, then the FIB. */
static enum answer type_in6(struct eval *e, int dev, const struct addr *a, uint16_t mask)
{
	const uint16_t by_route = XT_ADDRTYPE_ANYCAST | XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_PROHIBIT |
				  XT_ADDRTYPE_UNREACHABLE;
	char buf[ADDR_TEXT];
	uint8_t type;

	if ((mask & XT_ADDRTYPE_MULTICAST && !addr_is_multicast(a)) ||
	    (mask & XT_ADDRTYPE_UNICAST && (addr_is_multicast(a) || addr_is_any(a))) ||
	    (mask & XT_ADDRTYPE_UNSPEC && !addr_is_any(a)))
		return NO;
	if (!(mask & by_route))
		return YES;
	if (e->ask->addr_type(e->ask->ctx, e->netns, a, dev, &type))
		return eval_unknown(e, "the type of address %s could not be read", addr_say(a, buf));
	if (type == RTN_BLACKHOLE || type == RTN_PROHIBIT)
		type = RTN_UNREACHABLE;		/* RTF_REJECT */
	return answer_of(type < 16 && mask & by_route & 1 << type);
}

static enum answer type_in(struct eval *e, int dev, const struct addr *a, uint16_t mask, bool invert)
{
	enum answer r;

	if (!mask)
		return YES;
	r = packet_family(e->p) == AF_INET ? type_in4(e, dev, a, mask) : type_in6(e, dev, a, mask);
	return invert ? answer_not(r) : r;
}

/* addrtype_mt_v1() */
static enum answer addrtype1(struct eval *e, const struct xt *x)
{
	const struct xt_addrtype_info_v1 *info = x->info;
	int dev = info->flags & XT_ADDRTYPE_LIMIT_IFACE_IN ? e->p->iif :
		  info->flags & XT_ADDRTYPE_LIMIT_IFACE_OUT ? e->p->oif : 0;
	enum answer r = type_in(e, dev, &e->p->src, info->source, info->flags & XT_ADDRTYPE_INVERT_SOURCE);

	return r == NO ? NO : answer_and(r, type_in(e, dev, &e->p->dst, info->dest,
						    info->flags & XT_ADDRTYPE_INVERT_DEST));
}

static enum answer addrtype0(struct eval *e, const struct xt *x)
{
	const struct xt_addrtype_info *info = x->info;
	enum answer r = type_in(e, 0, &e->p->src, info->source, info->invert_source);

	return r == NO ? NO : answer_and(r, type_in(e, 0, &e->p->dst, info->dest, info->invert_dest));
}

static void type_words(struct text *t, const char *option, uint16_t mask, bool invert)
{
	static const char *const name[] = { "UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST",
					    "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE" };
	const char *sep = " ";

	if (!mask)
		return;
	xt_say_not(t, invert);
	text_add(t, " --%s", option);
	for (size_t i = 0; i < ARRAY_SIZE(name); i++)
		if (mask & 1 << i) {
			text_add(t, "%s%s", sep, name[i]);
			sep = ",";
		}
}

static void addrtype1_words(struct text *t, const struct xt *x)
{
	const struct xt_addrtype_info_v1 *info = x->info;

	type_words(t, "src-type", info->source, info->flags & XT_ADDRTYPE_INVERT_SOURCE);
	type_words(t, "dst-type", info->dest, info->flags & XT_ADDRTYPE_INVERT_DEST);
	if (info->flags & XT_ADDRTYPE_LIMIT_IFACE_IN)
		text_add(t, " --limit-iface-in");
	if (info->flags & XT_ADDRTYPE_LIMIT_IFACE_OUT)
		text_add(t, " --limit-iface-out");
}

static void addrtype0_words(struct text *t, const struct xt *x)
{
	const struct xt_addrtype_info *info = x->info;

	type_words(t, "src-type", info->source, info->invert_source);
	type_words(t, "dst-type", info->dest, info->invert_dest);
}

/* -- rpfilter -- */

static bool is_v4(const struct addr *a, uint32_t host, unsigned plen)
{
	struct addr net = addr_v4(host);

	return addr_in(a, &net, plen);
}

/* rpfilter_lookup_reverse() of ipt_rpfilter.c, rpfilter_lookup_reverse6() of ip6t_rpfilter.c */
static enum answer reverse_route(struct eval *e, uint8_t flags)
{
	const struct packet *p = e->p;
	struct route_key key = { .dst = p->src, .mark = flags & XT_RPFILTER_VALID_MARK ? p->mark : 0 };
	bool v6 = packet_family(p) == AF_INET6;
	struct route rt = { 0 };
	char buf[ADDR_TEXT];

	if (v6 && (addr_is_linklocal(&p->src) || !(flags & XT_RPFILTER_LOOSE)))
		key.oif = p->iif;
	if (e->ask->route(e->ask->ctx, e->netns, &key, &rt))
		return eval_unknown(e, "the route back to %s could not be read", addr_say(&p->src, buf));
	if (rt.error || rt.type == RTN_ANYCAST)
		return NO;
	if (rt.type == RTN_LOCAL && (v6 || !(flags & XT_RPFILTER_ACCEPT_LOCAL)))
		return answer_of(flags & XT_RPFILTER_ACCEPT_LOCAL);
	if (rt.type != RTN_UNICAST && rt.type != RTN_LOCAL)
		return NO;
	if (flags & XT_RPFILTER_LOOSE || rt.oif == p->iif)
		return YES;
	if (rt.n_nexthops > 1)
		return eval_unknown(e, "whether one of several next hops back to %s uses the interface is not known",
				    addr_say(&p->src, buf));
	return NO;
}

static enum answer rpfilter(struct eval *e, const struct xt *x)
{
	const struct xt_rpfilter_info *info = x->info;
	bool invert = info->flags & XT_RPFILTER_INVERT;
	const struct packet *p = e->p;
	const struct link *in = p->iif ? e->ask->link(e->ask->ctx, e->netns, p->iif) : NULL;
	enum answer r;

	if (!in)
		return eval_unknown(e, "the input interface could not be read");
	if (in->flags & IFF_LOOPBACK)
		return answer_of(!invert);
	if (packet_family(p) == AF_INET6 && addr_is_any(&p->src))
		return answer_of(!invert);
	if (packet_family(p) == AF_INET && is_v4(&p->src, 0, 8) &&
	    (is_v4(&p->dst, 0xffffffff, 32) || is_v4(&p->dst, 0xe0000000, 24)))
		return answer_of(!invert);
	r = reverse_route(e, info->flags);
	return invert ? answer_not(r) : r;
}

static void rpfilter_words(struct text *t, const struct xt *x)
{
	static const char *const option[] = { "loose", "validmark", "accept-local", "invert" };
	const struct xt_rpfilter_info *info = x->info;

	for (size_t i = 0; i < ARRAY_SIZE(option); i++)
		if (info->flags & 1 << i)
			text_add(t, " --%s", option[i]);
}

/* -- socket -- */

/* nf_sk_lookup_slow_v4(): the answer of a source-translated connection is looked up untranslated. */
static void untranslate(struct packet *p)
{
	if (p->ct.reply && p->ct.status & IPS_SRC_NAT &&
	    (p->ct.state == CT_ESTABLISHED || p->ct.state == CT_RELATED)) {
		p->dst = p->ct.orig.src;
		p->dport = p->ct.orig.sport;
	}
}

/* socket_match() and socket_mt6_v1_v2_v3() */
static enum answer socket_mt(struct eval *e, const struct xt *x)
{
	const uint8_t flags = x->rev ? *(const uint8_t *)x->info : 0;
	struct packet p = *e->p;
	struct sock_info sk = { 0 };
	enum answer found = YES;

	if (p.local)
		return eval_unknown(e, "the sending process's socket is not known");
	if (packet_family(&p) == AF_INET)
		untranslate(&p);
	if (p.given.set)
		sk = *p.given.sk;
	else
		found = e->ask->socket(e->ask->ctx, e->netns, &p, &sk);
	if (found == UNKNOWN)
		return eval_unknown(e, "the sockets of this namespace could not be read");
	if (found == NO)
		return NO;
	if (!(flags & XT_SOCKET_NOWILDCARD) && sk.wildcard)
		return NO;
	if (flags & XT_SOCKET_TRANSPARENT && !sk.transparent)
		return NO;
	if (flags & XT_SOCKET_RESTORESKMARK) {
		e->p->mark = sk.mark;
		eval_changed(e);
	}
	return YES;
}

static void socket_words(struct text *t, const struct xt *x)
{
	static const char *const option[] = { "transparent", "nowildcard", "restore-skmark" };
	const uint8_t flags = x->rev ? *(const uint8_t *)x->info : 0;

	for (size_t i = 0; i < ARRAY_SIZE(option); i++)
		if (flags & 1 << i)
			text_add(t, " --%s", option[i]);
}

/* -- set -- */

/* NO: no rule wrote into the set on the packet's way. What it wrote is not compared with the set's own idea of a key. */
static enum answer ipset_written(struct eval *e, const char *name)
{
	if (!*e->writes || !write_next(e, *e->writes, WRITE_IPSET, name))
		return NO;
	return eval_unknown(e, "whether it is in ipset %s depends on what rules wrote into it on the packet's way", name);
}

/* match_set() */
static enum answer in_set(struct eval *e, const struct xt *x, const struct xt_set_info *info)
{
	const char *name = x->set && x->set[0] ? x->set[0] : ipset_name(e->nft, e->netns, info->index);
	enum answer r;

	if (!name)
		return eval_unknown(e, "the name of ipset %u could not be read", info->index);
	r = ipset_written(e, name);
	if (r == NO)
		r = ipset_test(e, name, info->dim, info->flags);
	return info->flags & IPSET_INV_MATCH ? answer_not(r) : r;
}

static enum answer set1(struct eval *e, const struct xt *x)
{
	const struct xt_set_info_match_v1 *info = x->info;

	if (x->rev == 2 && info->match_set.flags & IPSET_RETURN_NOMATCH)
		return eval_unknown(e, "the nomatch flag of an ipset element is not read");
	return in_set(e, x, &info->match_set);
}

/* Counters of an element (op 0: none asked) and nomatch flags change what a hit means: not evaluated. */
static enum answer set_special(struct eval *e, const struct xt *x, uint8_t packets_op, uint8_t bytes_op, uint32_t flags)
{
	if (packets_op || bytes_op || flags & IPSET_FLAG_RETURN_NOMATCH)
		return eval_unknown(e, "the counters of an ipset element, or its nomatch flag, are not read");
	return in_set(e, x, x->info);	/* match_set is the first member of every revision */
}

static enum answer set3(struct eval *e, const struct xt *x)
{
	const struct xt_set_info_match_v3 *info = x->info;

	return set_special(e, x, info->packets.op, info->bytes.op, info->flags);
}

static enum answer set4(struct eval *e, const struct xt *x)
{
	const struct xt_set_info_match_v4 *info = x->info;

	return set_special(e, x, info->packets.op, info->bytes.op, info->flags);
}

static void set_name_words(struct text *t, const struct xt *x, const char *option, const struct xt_set_info *info)
{
	xt_say_not(t, info->flags & IPSET_INV_MATCH);
	if (x->set && x->set[0])
		text_add(t, " --%s %s", option, x->set[0]);
	else
		text_add(t, " --%s [set %u]", option, info->index);
	for (int i = 1; i <= info->dim && i <= IPSET_DIM_MAX; i++)
		text_add(t, "%c%s", i == 1 ? ' ' : ',', info->flags & 1 << i ? "src" : "dst");
}

static void set_counter_words(struct text *t, const char *what, uint8_t op, uint64_t value)
{
	if (op == IPSET_COUNTER_NE)
		text_add(t, " !");
	if (op == IPSET_COUNTER_EQ || op == IPSET_COUNTER_NE)
		text_add(t, " --%s-eq %llu", what, (unsigned long long)value);
	else if (op == IPSET_COUNTER_LT || op == IPSET_COUNTER_GT)
		text_add(t, " --%s-%s %llu", what, op == IPSET_COUNTER_LT ? "lt" : "gt", (unsigned long long)value);
}

static void set_flag_words(struct text *t, uint32_t flags)
{
	if (flags & IPSET_FLAG_RETURN_NOMATCH)
		text_add(t, " --return-nomatch");
	if (flags & IPSET_FLAG_SKIP_COUNTER_UPDATE)
		text_add(t, " ! --update-counters");
	if (flags & IPSET_FLAG_SKIP_SUBCOUNTER_UPDATE)
		text_add(t, " ! --update-subcounters");
}

static void set1_words(struct text *t, const struct xt *x)
{
	const struct xt_set_info_match_v1 *info = x->info;

	set_name_words(t, x, "match-set", &info->match_set);
	if (x->rev == 2 && info->match_set.flags & IPSET_RETURN_NOMATCH)
		text_add(t, " --return-nomatch");
}

static void set3_words(struct text *t, const struct xt *x)
{
	const struct xt_set_info_match_v3 *info = x->info;

	set_name_words(t, x, "match-set", &info->match_set);
	set_flag_words(t, info->flags);
	set_counter_words(t, "packets", info->packets.op, info->packets.value);
	set_counter_words(t, "bytes", info->bytes.op, info->bytes.value);
}

static void set4_words(struct text *t, const struct xt *x)
{
	const struct xt_set_info_match_v4 *info = x->info;

	set_name_words(t, x, "match-set", &info->match_set);
	set_flag_words(t, info->flags);
	set_counter_words(t, "packets", info->packets.op, info->packets.value);
	set_counter_words(t, "bytes", info->bytes.op, info->bytes.value);
}

static const struct xt_row rows[] = {
	XT_MATCH("addrtype", 0, NFPROTO_IPV4, sizeof(struct xt_addrtype_info), addrtype0, addrtype0_words),
	XT_MATCH("addrtype", 1, 0, sizeof(struct xt_addrtype_info_v1), addrtype1, addrtype1_words),
	XT_MATCH("rpfilter", 0, 0, sizeof(struct xt_rpfilter_info), rpfilter, rpfilter_words),
	XT_MATCH("socket", 0, NFPROTO_IPV4, 0, socket_mt, socket_words),
	XT_MATCH("socket", 1, 0, sizeof(struct xt_socket_mtinfo1), socket_mt, socket_words),
	XT_MATCH("socket", 2, 0, sizeof(struct xt_socket_mtinfo2), socket_mt, socket_words),
	XT_MATCH("socket", 3, 0, sizeof(struct xt_socket_mtinfo3), socket_mt, socket_words),
	XT_MATCH("set", 1, 0, sizeof(struct xt_set_info_match_v1), set1, set1_words),
	XT_MATCH("set", 2, 0, sizeof(struct xt_set_info_match_v1), set1, set1_words),
	XT_MATCH("set", 3, 0, sizeof(struct xt_set_info_match_v3), set3, set3_words),
	XT_MATCH("set", 4, 0, sizeof(struct xt_set_info_match_v4), set4, set4_words),
};

const struct xt_rows xt_match_lookup = XT_ROWS(rows);
