/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's routing decisions step by step, over fib_lookup(): they answer for a snapshot, and live they say
 * which check refused, since -EINVAL and -EHOSTUNREACH each stand for several.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "tracer/state_priv.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

struct decision {
	struct state *s;
	uint32_t netns;
	const struct route_key *key;
	struct evidences *ev;		/* NULL: nobody wants it */
	const char *iif;
	int rc;				/* what could not be read */
	enum end_cause cause;
	struct fib_hit hit;		/* of the destination */
};

/* -- what the checks rest on ---------------------------------------------------------------------------- */

static long value(struct decision *d, const char *path, const char *dev)
{
	long v = 0;
	int rc = state_sysctl(d->s, d->netns, path, dev, &v);

	/* A kernel without the switch has it off. */
	if (rc && rc != -ENOENT)
		d->rc = rc;
	return v;
}

/* IN_DEV_ORCONF() of include/linux/inetdevice.h. */
static bool either(struct decision *d, const char *path, const char *dev)
{
	return value(d, path, "all") || value(d, path, dev);
}

static void say_sysctl(struct decision *d, const char *path, const char *dev)
{
	state_sysctl_evidence(d->s, d->netns, path, dev, d->ev);
}

static const char *text_of(struct decision *d, const struct fib_hit *h, const struct addr *dst)
{
	char buf[ADDR_TEXT];

	if (h->route)
		return fib_route_say(d->s, d->netns, h->route);
	if (h->rule)
		return fib_rule_say(d->s->arena, h->rule);
	return arena_printf(d->s->arena, "no route to %s", addr_say(dst, buf));
}

static void say_hit(struct decision *d, const struct fib_hit *h, const struct addr *dst)
{
	struct evidence *e;

	if (!d->ev)
		return;
	e = evidence_add(d->ev, EV_ROUTE);
	e->text = text_of(d, h, dst);
	/* A rule that is not one of the usual three decided which table was asked. */
	if (h->rule && h->route && fib_has_rules(d->s, d->netns, dst->family))
		e->says = arena_printf(d->s->arena, "by rule %s", fib_rule_say(d->s->arena, h->rule));
}

static enum end_cause cause_of(const struct fib_hit *h)
{
	uint8_t type = h->route ? h->route->type : RTN_UNSPEC;
	uint8_t action = !h->route && h->rule ? h->rule->action : FR_ACT_UNSPEC;

	if (type == RTN_BLACKHOLE || action == FR_ACT_BLACKHOLE)
		return CAUSE_BLACKHOLE;
	if (type == RTN_UNREACHABLE || action == FR_ACT_UNREACHABLE)
		return CAUSE_UNREACHABLE_ROUTE;
	if (type == RTN_PROHIBIT || action == FR_ACT_PROHIBIT)
		return CAUSE_PROHIBIT;
	return CAUSE_NO_ROUTE;
}

static int refuse(struct decision *d, enum end_cause cause, int error)
{
	d->cause = cause;
	return error;
}

static bool in_net(const struct addr *a, uint32_t net, unsigned plen)
{
	struct addr n = addr_v4(net);

	return a->family == AF_INET && addr_in(a, &n, plen);
}

/* ipv4_is_zeronet(): the whole of 0/8 until 5.3, then 0.0.0.0 alone. */
static bool is_zeronet(const struct decision *d, const struct addr *a)
{
	return in_net(a, 0, d->s->version >= KERNEL(5, 3) ? 32 : 8);
}

static bool is_lbcast(const struct addr *a)
{
	return in_net(a, 0xffffffff, 32);
}

/* DSCP counts in full since 6.12, before that only IPTOS_RT_MASK. */
static uint8_t route_tos(const struct decision *d)
{
	return d->key->tos & (d->s->version >= KERNEL(6, 12) ? 0xfc : 0x1c);
}

static struct fib_flow flow_of(const struct decision *d)
{
	const struct route_key *k = d->key;

	return (struct fib_flow){
		.dst = k->dst, .src = k->src, .has_src = k->src.family && !addr_is_any(&k->src),
		.iif = k->iif ? k->iif : 1, .oif = k->iif ? 0 : k->oif, .mark = k->mark,
		.tos = route_tos(d), .proto = k->proto, .sport = k->sport, .dport = k->dport,
		.uid = k->has_uid ? k->uid : 0,
	};
}

static int lookup(struct decision *d, const struct fib_flow *f, struct fib_hit *hit)
{
	int rc = fib_lookup(d->s, d->netns, f, hit);
	char buf[ADDR_TEXT];

	if (rc)
		d->rc = rc;
	else if (hit->unknown)
		gap_add(d->s->gaps, "the route to %s in %s rests on %s", addr_say(&f->dst, buf),
			io_netns_name(d->s->io, d->netns), hit->unknown);
	return rc;
}

/* -- IPv4 input: the source ------------------------------------------------------------------------------ */

/* SKB_DROP_REASON_IP_RPFILTER: -EXDEV to RTM_GETROUTE until 6.12, then -EINVAL. */
static int rpf_error(const struct decision *d)
{
	return d->s->version >= KERNEL(6, 13) ? -EINVAL : -EXDEV;
}

static int refuse_rpf(struct decision *d, const struct fib_hit *reverse)
{
	long all = value(d, "net/ipv4/conf/%s/rp_filter", "all");
	long dev = value(d, "net/ipv4/conf/%s/rp_filter", d->iif);

	say_sysctl(d, "net/ipv4/conf/%s/rp_filter", dev >= all ? d->iif : "all");
	if (d->key->mark && !either(d, "net/ipv4/conf/%s/src_valid_mark", d->iif) &&
	    fib_has_rules(d->s, d->netns, AF_INET))
		say_sysctl(d, "net/ipv4/conf/%s/src_valid_mark", d->iif);
	say_hit(d, reverse, &d->key->src);
	return refuse(d, CAUSE_RP_FILTER, rpf_error(d));
}

static int refuse_source(struct decision *d, const struct fib_hit *reverse)
{
	say_hit(d, reverse, &d->key->src);
	if (reverse->route && reverse->route->type == RTN_LOCAL)
		say_sysctl(d, "net/ipv4/conf/%s/accept_local", d->iif);
	return refuse(d, CAUSE_MARTIAN_SRC, -EINVAL);
}

/* fib_info_nh_uses_dev(), with nhc_l3mdev_matches_dev(). */
static bool uses_dev(struct decision *d, const struct fib_route *r)
{
	for (unsigned i = 0; i < r->n_nh; i++)
		if (r->nh[i].oif == d->key->iif || link_l3_master(d->s, d->netns, r->nh[i].oif) == d->key->iif)
			return true;
	return r->type == RTN_LOCAL && d->key->iif == 1;
}

/* __fib_validate_source() of net/ipv4/fib_frontend.c. */
static int full_check(struct decision *d, int oif, bool any_dst, long rpf)
{
	struct fib_flow f = flow_of(d);
	struct fib_hit hit;
	int no_oif = 0;

	f.iif = oif ? oif : 1;
	f.oif = no_oif;
	f.l3mdev = link_l3_master(d->s, d->netns, d->key->iif);
	f.dst = d->key->src;
	f.src = d->key->dst;
	f.has_src = !any_dst;
	f.sport = d->key->dport;
	f.dport = d->key->sport;
	if (!either(d, "net/ipv4/conf/%s/src_valid_mark", d->iif))
		f.mark = 0;
	if (lookup(d, &f, &hit))
		return d->rc;
	if (hit.error)
		return rpf ? refuse_rpf(d, &hit) : 0;
	if (hit.route->type != RTN_UNICAST &&
	    (hit.route->type != RTN_LOCAL || !either(d, "net/ipv4/conf/%s/accept_local", d->iif)))
		return refuse_source(d, &hit);
	if (uses_dev(d, hit.route))
		return 0;
	if (!dev_has_addrs(d->s, d->netns, d->key->iif, AF_INET))
		return rpf ? refuse_rpf(d, &hit) : 0;
	return rpf == 1 ? refuse_rpf(d, &hit) : 0;
}

/* fib_validate_source(). oif: the way out, 0 for local delivery. */
static int validate_source(struct decision *d, int oif, bool any_dst)
{
	long all = value(d, "net/ipv4/conf/%s/rp_filter", "all");
	long dev = value(d, "net/ipv4/conf/%s/rp_filter", d->iif);
	long rpf = dev > all ? dev : all;
	struct fib_hit own = {};

	if (rpf || (d->key->iif == oif && either(d, "net/ipv4/conf/%s/send_redirects", d->iif)))
		return full_check(d, oif, any_dst, rpf);
	if (either(d, "net/ipv4/conf/%s/accept_local", d->iif))
		return 0;
	if (fib_has_rules(d->s, d->netns, AF_INET) || fib_has_local_routes(d->s, d->netns))
		return full_check(d, oif, any_dst, rpf);
	if (addr_is_ours(d->s, d->netns, &d->key->src)) {
		struct fib_flow f = { .dst = d->key->src, .iif = 1 };

		lookup(d, &f, &own);
		return refuse_source(d, &own);
	}
	return 0;
}

/* -- IPv4 input ------------------------------------------------------------------------------------------- */

static int refuse_forwarding(struct decision *d)
{
	if (!value(d, "net/ipv4/ip_forward", NULL))
		say_sysctl(d, "net/ipv4/ip_forward", NULL);
	else
		say_sysctl(d, "net/ipv4/conf/%s/forwarding", d->iif);
	return refuse(d, CAUSE_FORWARDING_OFF, -EHOSTUNREACH);
}

/* The first half of ip_route_input_slow(): addresses that no table is asked for. */
static int check_weird(struct decision *d)
{
	const struct addr *src = &d->key->src, *dst = &d->key->dst;

	if (addr_is_multicast(src) || is_lbcast(src))
		return refuse(d, CAUSE_MARTIAN_SRC, -EINVAL);
	if (is_lbcast(dst) || (addr_is_any(src) && addr_is_any(dst)))
		return 0;
	if (is_zeronet(d, src))
		return refuse(d, CAUSE_MARTIAN_SRC, -EINVAL);
	if (is_zeronet(d, dst))
		return refuse(d, CAUSE_MARTIAN_DST, -EINVAL);
	if ((addr_is_loopback(dst) || addr_is_loopback(src)) &&
	    !either(d, "net/ipv4/conf/%s/route_localnet", d->iif)) {
		say_sysctl(d, "net/ipv4/conf/%s/route_localnet", d->iif);
		return refuse(d, addr_is_loopback(dst) ? CAUSE_ROUTE_LOCALNET : CAUSE_MARTIAN_SRC, -EINVAL);
	}
	return 0;
}

static int input_v4(struct decision *d)
{
	struct fib_flow f = flow_of(d);
	bool forward = value(d, "net/ipv4/conf/%s/forwarding", d->iif);
	int rc = check_weird(d);

	if (rc)
		return rc;
	/* Group membership is not read. */
	if (addr_is_multicast(&d->key->dst))
		return d->rc = -EAGAIN;
	if (is_lbcast(&d->key->dst))
		return validate_source(d, 0, true);
	if (lookup(d, &f, &d->hit))
		return d->rc;
	if (d->hit.error) {
		int error = d->hit.error;

		say_hit(d, &d->hit, &d->key->dst);
		return forward ? refuse(d, cause_of(&d->hit), error) : refuse_forwarding(d);
	}
	if (d->hit.route->type == RTN_BROADCAST)
		return validate_source(d, 0, true);
	if (d->hit.route->type == RTN_LOCAL)
		return validate_source(d, 0, false);
	if (!forward) {
		say_hit(d, &d->hit, &d->key->dst);
		return refuse_forwarding(d);
	}
	if (d->hit.route->type != RTN_UNICAST) {
		say_hit(d, &d->hit, &d->key->dst);
		return refuse(d, CAUSE_MARTIAN_DST, -EINVAL);
	}
	return validate_source(d, d->hit.nh ? d->hit.nh->oif : 0, false);
}

/* -- output ------------------------------------------------------------------------------------------------ */

/* "Assume, that the destination is on link": ip_route_output_key_hash_rcu() with a device and no route. */
static void assume_onlink(struct decision *d)
{
	struct fib_route *r = arena_alloc(d->s->arena, sizeof(*r));
	struct fib_nh *nh = arena_alloc(d->s->arena, sizeof(*nh));

	*nh = (struct fib_nh){ .oif = d->key->oif, .weight = 1 };
	*r = (struct fib_route){ .family = AF_INET, .type = RTN_UNICAST, .plen = 32, .dst = d->key->dst,
				 .scope = RT_SCOPE_LINK, .nh = nh, .n_nh = 1 };
	d->hit = (struct fib_hit){ .route = r, .nh = nh };
}

/* __mkroute_output(): a loopback source leaves by lo only. */
static int check_loopback(struct decision *d)
{
	const char *out;

	if (!d->key->src.family || !addr_is_loopback(&d->key->src) || d->hit.route->type == RTN_LOCAL || !d->hit.nh)
		return 0;
	out = link_name(d->s, d->netns, d->hit.nh->oif);
	if (d->hit.nh->oif == 1 || either(d, "net/ipv4/conf/%s/route_localnet", out))
		return 0;
	say_sysctl(d, "net/ipv4/conf/%s/route_localnet", out);
	return refuse(d, CAUSE_ROUTE_LOCALNET, -EINVAL);
}

static int output_v4(struct decision *d)
{
	const struct addr *src = &d->key->src;
	struct fib_flow f = flow_of(d);
	const struct link *out;

	if (src->family && (addr_is_multicast(src) || is_lbcast(src)))
		return refuse(d, CAUSE_MARTIAN_SRC, -EINVAL);
	if (d->key->oif) {
		out = state_link(d->s, d->netns, d->key->oif);
		if (!out)
			return d->rc = -ENODEV;
		if (!(out->flags & IFF_UP))
			return refuse(d, CAUSE_LINK_DOWN, -ENETUNREACH);
	}
	if (lookup(d, &f, &d->hit))
		return d->rc;
	if (d->hit.error) {
		if (!d->key->oif || link_l3_master(d->s, d->netns, d->key->oif)) {
			say_hit(d, &d->hit, &d->key->dst);
			return refuse(d, cause_of(&d->hit), d->hit.error);
		}
		assume_onlink(d);
	}
	if (is_zeronet(d, &d->key->dst))
		return refuse(d, CAUSE_MARTIAN_DST, -EINVAL);
	return check_loopback(d);
}

/* -- IPv6 -------------------------------------------------------------------------------------------------- */

int route_check_v6(struct state *s, uint32_t netns, const struct route_key *key, uint8_t type,
		   enum end_cause *cause, struct evidences *ev)
{
	const struct link *in = state_link(s, netns, key->iif);
	struct decision d = { .s = s, .netns = netns, .key = key, .ev = ev, .iif = link_name(s, netns, key->iif) };
	int error = 0;

	/* ip6_rcv_core() of net/ipv6/ip6_input.c. */
	if (value(&d, "net/ipv6/conf/%s/disable_ipv6", d.iif)) {
		say_sysctl(&d, "net/ipv6/conf/%s/disable_ipv6", d.iif);
		error = -ENETUNREACH;
	} else if (addr_is_multicast(&key->src)) {
		error = refuse(&d, CAUSE_MARTIAN_SRC, -EINVAL);
	} else if (in && !(in->flags & IFF_LOOPBACK) && strcmp(in->kind, "vrf") &&
		   (addr_is_loopback(&key->src) || addr_is_loopback(&key->dst))) {
		error = refuse(&d, addr_is_loopback(&key->dst) ? CAUSE_MARTIAN_DST : CAUSE_MARTIAN_SRC, -EINVAL);
	} else if (type == RTN_UNICAST) {
		/* ip6_forward() of net/ipv6/ip6_output.c. */
		if (!value(&d, "net/ipv6/conf/%s/forwarding", "all") &&
		    !value(&d, "net/ipv6/conf/%s/force_forwarding", d.iif)) {
			say_sysctl(&d, "net/ipv6/conf/%s/forwarding", "all");
			error = refuse(&d, CAUSE_FORWARDING_OFF, -EHOSTUNREACH);
		} else if (!key->src.family || addr_is_any(&key->src) || addr_is_linklocal(&key->src)) {
			error = refuse(&d, CAUSE_MARTIAN_SRC, -EINVAL);
		}
	}
	*cause = d.cause;
	return error;
}

/* rt6_need_strict(). */
static bool need_strict(const struct addr *a)
{
	return addr_is_multicast(a) || addr_is_linklocal(a) || addr_is_loopback(a);
}

/* ip6_route_input_lookup(), ip6_route_output_flags_noref(). */
static int route_v6(struct decision *d)
{
	const struct route_key *k = d->key;
	struct fib_flow f = flow_of(d);

	f.prefer = k->iif ? k->iif : k->oif;
	f.strict_oif = need_strict(&k->dst) || (!k->iif && k->oif && !f.has_src);
	f.reachable = !value(d, "net/ipv6/conf/%s/forwarding", "all");
	if (lookup(d, &f, &d->hit))
		return d->rc;
	if (d->hit.error) {
		say_hit(d, &d->hit, &k->dst);
		return refuse(d, cause_of(&d->hit), d->hit.error);
	}
	if (!k->iif)
		return 0;
	return route_check_v6(d->s, d->netns, k, d->hit.route->type, &d->cause, d->ev);
}

/* -- the answer ---------------------------------------------------------------------------------------------- */

/* fib_result_prefsrc(), ip6_route_get_saddr(). */
static void choose_source(struct decision *d, struct route *out)
{
	const struct route_key *k = d->key;
	const struct fib_route *r = d->hit.route;

	if (k->iif || (k->src.family && !addr_is_any(&k->src)))
		return;
	if (r->prefsrc.family)
		out->prefsrc = r->prefsrc;
	else if (r->type == RTN_LOCAL && k->dst.family == AF_INET)
		out->prefsrc = k->dst;
	else if (k->dst.family == AF_INET6)
		state_dev_addr(d->s, d->netns, d->hit.nh ? d->hit.nh->oif : out->oif, &k->dst, &out->prefsrc);
	else if (d->hit.nh)
		addr_select_v4(d->s, d->netns, d->hit.nh->oif, &d->hit.nh->gw, r->scope, &out->prefsrc);
}

static void fill(struct decision *d, int error, struct route *out)
{
	const struct fib_route *r = d->hit.route;
	int lo = 1;

	memset(out, 0, sizeof(*out));
	out->error = error;
	out->text = text_of(d, &d->hit, &d->key->dst);
	out->unknown = d->hit.unknown;
	if (!r)
		return;
	out->type = r->type;
	out->protocol = r->protocol;
	out->scope = r->scope;
	out->table = r->table;
	out->prefix = r->dst;
	out->plen = r->plen;
	out->mtu = r->mtu;
	out->n_nexthops = r->n_nh;
	if (error || !d->hit.nh)
		return;
	out->oif = d->hit.nh->oif;
	out->gateway = d->hit.nh->gw;
	/* Local delivery is by the loopback device, or that of the VRF: ip_rt_get_dev(), ip6_rt_get_dev_rcu(). */
	if (r->type == RTN_LOCAL || (r->type == RTN_BROADCAST && d->key->iif) || r->type == RTN_ANYCAST) {
		int master = link_l3_master(d->s, d->netns, out->oif);

		out->oif = master ? master : lo;
	}
	choose_source(d, out);
}

int route_model(struct state *s, uint32_t netns, const struct route_key *key, struct route *out,
		enum end_cause *cause, struct evidences *ev)
{
	struct decision d = { .s = s, .netns = netns, .key = key, .ev = ev };
	int error;

	if (key->iif) {
		if (!state_link(s, netns, key->iif))
			return -ENODEV;
		d.iif = link_name(s, netns, key->iif);
	}
	if (key->dst.family == AF_INET6)
		error = route_v6(&d);
	else
		error = key->iif ? input_v4(&d) : output_v4(&d);
	if (d.rc)
		return d.rc;
	fill(&d, error, out);
	*cause = d.cause;
	return 0;
}

/* Could the kernel's errno come from this cause? */
static bool fits(enum end_cause cause, int error)
{
	switch (cause) {
	case CAUSE_PROHIBIT:
		return error == -EACCES;
	case CAUSE_NO_ROUTE:
		return error == -ENETUNREACH;
	case CAUSE_UNREACHABLE_ROUTE:
		return error == -EHOSTUNREACH || error == -ENETUNREACH;
	case CAUSE_FORWARDING_OFF:
		return error == -EHOSTUNREACH;
	case CAUSE_RP_FILTER:
		return error == -EXDEV || error == -EINVAL;
	case CAUSE_LINK_DOWN:
		return error == -ENETUNREACH;
	default:
		return error == -EINVAL;
	}
}

enum end_cause state_route_refusal(struct state *s, uint32_t netns, const struct route_key *key,
				   const struct route *r, struct evidences *ev)
{
	size_t before = ev->n;
	enum end_cause cause = CAUSE_NONE;
	struct route model;

	if (!route_model(s, netns, key, &model, &cause, ev) && model.error && fits(cause, r->error))
		return cause;
	ev->n = before;
	return CAUSE_NONE;
}
