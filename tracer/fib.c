/* SPDX-License-Identifier: GPL-2.0-only */
/* Our own FIB over the dumps: rules in order, then the longest prefix. For replay, and to say who refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/base/nl.h"
#include "tracer/state_priv.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

struct table {
	uint32_t id;
	size_t start, n;		/* its routes, longest prefix first */
};

struct fib {
	int rc, rules_rc;
	bool routes_read, rules_read;
	struct state *s;
	uint32_t netns;
	uint8_t family;
	struct fib_route **route;
	size_t n_route, cap_route;
	struct table *table;
	size_t n_table, cap_table;
	const struct fib_rule *rule;
	size_t n_rule;
	bool rules_default;
};

/* Only the local table, for address types: a much smaller dump. */
struct fib_local {
	struct fib fib;
};

/* fib_props[] of net/ipv4/fib_semantics.c, fib6_prop[] of net/ipv6/route.c. */
static int type_error(uint8_t type)
{
	static const int errors[RTN_MAX + 1] = {
		[RTN_BLACKHOLE] = -EINVAL, [RTN_UNREACHABLE] = -EHOSTUNREACH, [RTN_PROHIBIT] = -EACCES,
		[RTN_THROW] = -EAGAIN, [RTN_NAT] = -EINVAL, [RTN_XRESOLVE] = -EINVAL,
	};

	return type <= RTN_MAX ? errors[type] : -EINVAL;
}

/* -- reading ------------------------------------------------------------------------------------------ */

static int take_route(const struct nlmsghdr *nlh, void *ctx)
{
	struct fib *f = ctx;
	struct fib_route r;

	if (!fib_route_parse(f->s->arena, nlh, &r) || r.family != f->family || r.flags & RTM_F_CLONED)
		return 0;
	*VEC_PUSH(f->s->arena, f->route, f->n_route, f->cap_route) = arena_dup(f->s->arena, &r, sizeof(r));
	return 0;
}

/* By table, prefix length, prefix; then as fib_find_alias() and fib6_add_rt2node() keep aliases. */
static int by_order(const struct fib_route *x, const struct fib_route *y)
{
	int rc;

	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	if (x->plen != y->plen)
		return x->plen > y->plen ? -1 : 1;
	rc = addr_cmp(&x->dst, &y->dst);
	if (rc)
		return rc;
	if (x->src_plen != y->src_plen)
		return x->src_plen > y->src_plen ? -1 : 1;
	rc = x->src_plen ? addr_cmp(&x->src, &y->src) : 0;
	if (rc)
		return rc;
	if (x->tos != y->tos)
		return x->tos > y->tos ? -1 : 1;
	return (x->priority > y->priority) - (x->priority < y->priority);
}

/* A merge sort: equals stay in the order of the dump, which is the kernel's. */
static void sort_routes(struct fib_route **v, struct fib_route **tmp, size_t n)
{
	size_t half = n / 2, a = 0, b = half, k = 0;

	if (n < 2)
		return;
	sort_routes(v, tmp, half);
	sort_routes(v + half, tmp, n - half);
	memcpy(tmp, v, n * sizeof(*v));
	while (a < half || b < n)
		v[k++] = b == n || (a < half && by_order(tmp[a], tmp[b]) <= 0) ? tmp[a++] : tmp[b++];
}

static void index_tables(struct fib *f)
{
	struct arena *a = f->s->arena;

	if (f->n_route)
		sort_routes(f->route, arena_alloc(a, f->n_route * sizeof(*f->route)), f->n_route);
	for (size_t i = 0; i < f->n_route; i++) {
		struct table *t = f->n_table ? &f->table[f->n_table - 1] : NULL;

		if (!t || t->id != f->route[i]->table) {
			t = VEC_PUSH(a, f->table, f->n_table, f->cap_table);
			*t = (struct table){ .id = f->route[i]->table, .start = i };
		}
		t->n++;
	}
}

/* table 0: all of them. */
static int read_routes(struct fib *f, uint8_t table)
{
	char buf[256] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *m;
	int rc;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));
	m->rtm_family = f->family;
	m->rtm_table = table;
	rc = nl_ask(f->s->io, f->netns, NETLINK_ROUTE, nlh, take_route, f, NULL);
	/* No such table yet; or no IPv6 in this kernel. */
	if (rc == -ENOENT || rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP)
		rc = 0;
	if (!rc)
		index_tables(f);
	return rc;
}

static void note(struct fib *f, const char *what, int rc)
{
	if (rc)
		gap_add(f->s->gaps, "the %s of %s could not be read: %s", what,
			io_netns_name(f->s->io, f->netns), strerror(-rc));
}

/* The rules alone: few, and often all that is needed. */
static struct fib *get_rules(struct state *s, uint32_t netns, uint8_t family)
{
	struct ns *ns = state_ns(s, netns);
	struct fib **slot = &ns->fib[family_index(family)], *f = *slot;

	if (!f)
		f = *slot = arena_alloc(s->arena, sizeof(*f));
	if (f->rules_read)
		return f;
	f->rules_read = true;
	f->s = s;
	f->netns = netns;
	f->family = family;
	f->rules_rc = fib_rules_read(s, netns, family, &f->rule, &f->n_rule, &f->rules_default);
	note(f, "routing rules", f->rules_rc);
	return f;
}

static struct fib *get_fib(struct state *s, uint32_t netns, uint8_t family)
{
	struct fib *f = get_rules(s, netns, family);

	if (f->routes_read)
		return f;
	f->routes_read = true;
	f->rc = f->rules_rc ? f->rules_rc : read_routes(f, 0);
	note(f, "routes", f->rc);
	return f;
}

int fib_read_all(struct state *s, uint32_t netns)
{
	int rc = get_fib(s, netns, AF_INET)->rc;

	return rc ? rc : get_fib(s, netns, AF_INET6)->rc;
}

bool fib_has_rules(struct state *s, uint32_t netns, uint8_t family)
{
	return !get_rules(s, netns, family)->rules_default;
}

bool fib_has_local_routes(struct state *s, uint32_t netns)
{
	struct fib *f = get_fib(s, netns, AF_INET);

	for (size_t i = 0; i < f->n_route; i++)
		if (f->route[i]->type == RTN_LOCAL && f->route[i]->protocol != RTPROT_KERNEL)
			return true;
	return false;
}

/* -- one table ---------------------------------------------------------------------------------------- */

static const struct table *find_table(const struct fib *f, uint32_t id)
{
	for (size_t i = 0; i < f->n_table; i++)
		if (f->table[i].id == id)
			return &f->table[i];
	return NULL;
}

/* The first route at or after i that does not stand before (plen, key) in the table's order. */
static size_t lower_bound(const struct fib *f, size_t lo, size_t hi, unsigned plen, const struct addr *key)
{
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct fib_route *r = f->route[mid];

		if (r->plen > plen || (r->plen == plen && key && addr_cmp(&r->dst, key) < 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct addr masked(const struct addr *a, unsigned plen)
{
	struct addr m = { .family = a->family };

	for (unsigned i = 0; i < addr_len(a) && i * 8 < plen; i++)
		m.b[i] = plen - i * 8 >= 8 ? a->b[i] : a->b[i] & (0xff00 >> (plen - i * 8));
	return m;
}

/*
 * The next group of routes with one prefix that holds a, longest first. *at starts at the table's start; false: no more.
 */
static bool next_group(const struct fib *f, const struct table *t, const struct addr *a, size_t *at, size_t *n)
{
	size_t end = t->start + t->n, i = *at + *n;

	while (i < end) {
		unsigned plen = f->route[i]->plen;
		struct addr key = masked(a, plen);
		size_t k = lower_bound(f, i, end, plen, &key), first = k;

		while (k < end && f->route[k]->plen == plen && addr_eq(&f->route[k]->dst, &key))
			k++;
		if (k > first) {
			*at = first;
			*n = k - first;
			return true;
		}
		/* Past all of this length. */
		i = plen ? lower_bound(f, i, end, plen - 1, NULL) : end;
	}
	return false;
}

static bool nexthop_alive(const struct fib *f, const struct fib_nh *nh, const struct fib_flow *fl)
{
	const char *path = f->family == AF_INET ? "net/ipv4/conf/%s/ignore_routes_with_linkdown" :
			   "net/ipv6/conf/%s/ignore_routes_with_linkdown";
	long dev = 0, all = 0;

	if (nh->flags & RTNH_F_DEAD)
		return false;
	if (!(nh->flags & RTNH_F_LINKDOWN) || fl->ignore_linkstate)
		return true;
	state_sysctl(f->s, f->netns, path, link_name(f->s, f->netns, nh->oif), &dev);
	if (f->family == AF_INET)
		state_sysctl(f->s, f->netns, path, "all", &all);
	return !dev && !all;
}

static bool hit_route(struct fib_hit *hit, const struct fib_route *r, const struct fib_nh *nh)
{
	hit->route = r;
	hit->nh = nh;
	hit->error = type_error(r->type);
	return true;
}

/* fib_table_lookup() of net/ipv4/fib_trie.c for the aliases of one prefix. */
static bool select_v4(const struct fib *f, size_t at, size_t n, const struct fib_flow *fl, struct fib_hit *hit)
{
	for (size_t i = at; i < at + n; i++) {
		const struct fib_route *r = f->route[i];
		unsigned usable = 0;

		if (r->tos && r->tos != fl->tos)
			continue;
		if (type_error(r->type))
			return hit_route(hit, r, NULL);
		if (!r->n_nh && r->nh_id) {
			hit->unknown = "a route whose next hop object was not read";
			return hit_route(hit, r, NULL);
		}
		for (unsigned k = 0; k < r->n_nh; k++) {
			if (!nexthop_alive(f, &r->nh[k], fl) || (fl->oif && fl->oif != r->nh[k].oif))
				continue;
			if (!usable++)
				hit_route(hit, r, &r->nh[k]);
		}
		if (usable > 1 && !fl->oif)
			hit->unknown = "which of its next hops the kernel's hash picks";
		if (usable)
			return true;
	}
	return false;
}

/* rt6_score_route() of net/ipv6/route.c: below 0 it cannot be taken. */
static int score_v6(const struct fib *f, const struct fib_route *r, const struct fib_nh *nh,
		    const struct fib_flow *fl, bool reachable)
{
	/* IPV6_DECODE_PREF(): 0 medium, 1 high, 3 low become 2, 3 and 1 ordered. */
	int m = !fl->prefer || nh->oif == fl->prefer ? 2 : 0;
	struct mac mac;

	if (!nexthop_alive(f, nh, fl) || (!m && fl->strict_oif))
		return -1;
	m |= (r->pref ^ 2) << 2;
	if (reachable && nh->gw.family &&
	    state_neigh(f->s, f->netns, nh->oif, &nh->gw, &mac, NULL) == NO)
		return -1;
	return m;
}

/* find_rr_leaf(): the lowest metric that has a usable route, the best score within it. */
static bool select_v6(const struct fib *f, size_t at, size_t n, const struct fib_flow *fl, bool reachable,
		      struct fib_hit *hit)
{
	uint32_t metric = 0;
	int best = -1;
	bool found = false;

	for (size_t i = at; i < at + n; i++) {
		const struct fib_route *r = f->route[i];
		unsigned usable = 0;

		if (r->src_plen && (!fl->has_src || !addr_in(&fl->src, &r->src, r->src_plen)))
			continue;
		if (found && r->priority != metric)
			break;
		for (unsigned k = 0; k < r->n_nh; k++) {
			int m = score_v6(f, r, &r->nh[k], fl, reachable);

			usable += m >= 0;
			if (m <= best)
				continue;
			best = m;
			metric = r->priority;
			hit->unknown = NULL;
			found = hit_route(hit, r, &r->nh[k]);
		}
		if (found && hit->route == r && usable > 1)
			hit->unknown = "which of its next hops the kernel's hash picks";
		if (!r->n_nh && type_error(r->type) && best < 0) {
			best = 2;
			metric = r->priority;
			found = hit_route(hit, r, NULL);
		}
	}
	return found;
}

static bool lookup_table(const struct fib *f, uint32_t id, const struct fib_flow *fl, struct fib_hit *hit)
{
	const struct table *t = find_table(f, id);
	bool reachable = fl->reachable;

	if (!t)
		return false;
	for (;;) {
		size_t at = t->start, n = 0;

		while (next_group(f, t, &fl->dst, &at, &n))
			if (f->family == AF_INET ? select_v4(f, at, n, fl, hit) :
			    select_v6(f, at, n, fl, reachable, hit))
				return true;
		/* fib6_table_lookup(): routers that are not reachable come last. */
		if (!reachable)
			return false;
		reachable = false;
	}
}

/* -- rules -------------------------------------------------------------------------------------------- */

static bool lookup_merged(const struct fib *f, const struct fib_flow *fl, struct fib_hit *hit)
{
	struct fib_hit local = {}, main = {};
	bool a = lookup_table(f, RT_TABLE_LOCAL, fl, &local);
	bool b = lookup_table(f, RT_TABLE_MAIN, fl, &main);

	if (!a && !b)
		return false;
	*hit = a && (!b || local.route->plen >= main.route->plen) ? local : main;
	return true;
}

/* Without rules of its own a namespace has local and main in one trie: fib_trie_unmerge(), fib_lookup(). */
static void lookup_default(const struct fib *f, const struct fib_flow *fl, struct fib_hit *hit)
{
	if (lookup_merged(f, fl, hit) && hit->error != -EAGAIN)
		return;
	memset(hit, 0, sizeof(*hit));
	if (lookup_table(f, RT_TABLE_DEFAULT, fl, hit) && hit->error != -EAGAIN)
		return;
	*hit = (struct fib_hit){ .error = -ENETUNREACH };
}

/* fib4_rule_suppress() looks at the first next hop, fib6_rule_suppress() at the one chosen. */
static bool suppressed(const struct fib *f, const struct fib_rule *r, const struct fib_hit *hit)
{
	const struct link *l;

	if (hit->error || !hit->route)
		return false;
	if (r->suppress_plen >= 0 && hit->route->plen <= r->suppress_plen)
		return true;
	if (r->suppress_group < 0 || !hit->nh)
		return false;
	l = state_link(f->s, f->netns, f->family == AF_INET ? hit->route->nh[0].oif : hit->nh->oif);
	return l && (int)l->group == r->suppress_group;
}

/* What a rule that matched does: true if the lookup ends with it. */
static bool rule_acts(const struct fib *f, const struct fib_rule *r, const struct fib_flow *fl, struct fib_hit *hit)
{
	static const int refusals[] = {
		[FR_ACT_BLACKHOLE] = -EINVAL, [FR_ACT_UNREACHABLE] = -ENETUNREACH, [FR_ACT_PROHIBIT] = -EACCES,
	};
	struct fib_hit h = {};

	if (r->action != FR_ACT_TO_TBL) {
		h.error = r->action < ARRAY_SIZE(refusals) && refusals[r->action] ? refusals[r->action] : -EINVAL;
	} else {
		uint32_t table = r->l3mdev ? link_vrf_table(f->s, f->netns, fl->l3mdev) : r->table;

		if (!lookup_table(f, table, fl, &h) || h.error == -EAGAIN)
			return false;
		if (h.unknown && r->suppress_group >= 0)
			hit->unknown = h.unknown;
		if (suppressed(f, r, &h))
			return false;
	}
	h.rule = r;
	if (hit->unknown)
		h.unknown = hit->unknown;
	*hit = h;
	return true;
}

/* fib_rules_lookup() of net/core/fib_rules.c. */
static void lookup_rules(const struct fib *f, const struct fib_flow *fl, struct fib_hit *hit)
{
	for (size_t i = 0; i < f->n_rule; i++) {
		const struct fib_rule *r = &f->rule[i];
		enum answer match = fib_rule_matches(f->s, f->netns, r, fl);

		if (match == UNKNOWN)
			hit->unknown = "a rule with a match that is not evaluated";
		if (match != YES || r->action == FR_ACT_NOP)
			continue;
		if (r->action == FR_ACT_GOTO) {
			size_t k = i + 1;

			while (k < f->n_rule && f->rule[k].priority < r->target)
				k++;
			/* An unresolved goto does nothing. */
			if (k < f->n_rule && f->rule[k].priority == r->target)
				i = k - 1;
			continue;
		}
		if (rule_acts(f, r, fl, hit))
			return;
	}
	hit->error = -ENETUNREACH;
	hit->route = NULL;
	hit->nh = NULL;
}

/* l3mdev_update_flow(). */
static void update_l3mdev(struct state *s, uint32_t netns, struct fib_flow *fl)
{
	if (fl->oif) {
		if (!fl->l3mdev)
			fl->l3mdev = link_l3_master(s, netns, fl->oif);
		if (link_is_l3_master(s, netns, fl->oif))
			fl->oif = 0;
	} else if (fl->iif > 1 && !fl->l3mdev) {
		fl->l3mdev = link_l3_master(s, netns, fl->iif);
	}
}

int fib_lookup(struct state *s, uint32_t netns, const struct fib_flow *flow, struct fib_hit *out)
{
	struct fib *f = get_fib(s, netns, flow->dst.family);
	struct fib_flow fl = *flow;

	memset(out, 0, sizeof(*out));
	if (f->rc)
		return f->rc;
	update_l3mdev(s, netns, &fl);
	/* No rule at all: a kernel without policy routing. */
	if (f->rules_default && (f->family == AF_INET || !f->n_rule))
		lookup_default(f, &fl, out);
	else
		lookup_rules(f, &fl, out);
	return 0;
}

/* -- address types -------------------------------------------------------------------------------------- */

static struct fib *get_local(struct state *s, uint32_t netns)
{
	struct ns *ns = state_ns(s, netns);
	struct fib_local *l = ns->local;

	if (ns->fib[FAMILY_V4] && ns->fib[FAMILY_V4]->routes_read)
		return ns->fib[FAMILY_V4];
	if (!l) {
		l = ns->local = arena_alloc(s->arena, sizeof(*l));
		l->fib.s = s;
		l->fib.netns = netns;
		l->fib.family = AF_INET;
		l->fib.rc = read_routes(&l->fib, RT_TABLE_LOCAL);
	}
	/* A snapshot holds the dump of all tables. */
	return l->fib.rc == -ENODATA ? get_fib(s, netns, AF_INET) : &l->fib;
}

int fib_table_type(struct state *s, uint32_t netns, uint32_t table, const struct addr *a, int ifindex, uint8_t *rtn)
{
	struct fib *f = table == RT_TABLE_LOCAL ? get_local(s, netns) : get_fib(s, netns, AF_INET);
	struct fib_flow fl = { .dst = *a, .iif = 1 };
	struct fib_hit hit = {};

	if (f->rc)
		return f->rc;
	*rtn = RTN_UNICAST;
	if (!lookup_table(f, table, &fl, &hit) || hit.error)
		return 0;
	/* fib_info_nhc(fi, 0): the first next hop's device. */
	if (!ifindex || (hit.route->n_nh && hit.route->nh[0].oif == ifindex))
		*rtn = hit.route->type;
	return 0;
}
