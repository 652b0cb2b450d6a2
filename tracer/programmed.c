/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kube-proxy's rules back to services. Names of chains, maps and comments are those of
 * kubernetes pkg/proxy/iptables/proxier.go and pkg/proxy/nftables/proxier.go, versions 1.30 to 1.36.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/programmed.h"

#include <linux/netfilter.h>

struct list {
	struct state *s;
	struct arena *a;
	const struct proxy *proxy;
	struct err *err;
	const char *only;		/* "prod/web", or NULL */
	size_t only_len;
	const struct addr *at;		/* nothing of other addresses, or NULL */
	struct programmed *v;
	size_t n, cap;
};

bool service_of_comment(struct arena *a, const char *comment, struct service_name *out)
{
	size_t len = comment ? strcspn(comment, " ") : 0;
	const char *slash = len ? memchr(comment, '/', len) : NULL, *colon;

	if (!slash || slash == comment || slash + 1 == comment + len || memchr(slash + 1, '/', comment + len - slash - 1))
		return false;
	colon = memchr(slash, ':', comment + len - slash);
	out->namespace = arena_strndup(a, comment, slash - comment);
	out->name = arena_strndup(a, slash + 1, (colon ? colon : comment + len) - slash - 1);
	out->port = colon ? arena_strndup(a, colon + 1, comment + len - colon - 1) : NULL;
	return *out->name;
}

/* KIND-HASH-NS/NAME/PROTO/PORT; a port without a name leaves the last part empty. */
bool service_of_chain(struct arena *a, const char *chain, struct service_name *out)
{
	static const char *const kinds[] = { "service-", "local-", "external-", "firewall-" };
	const char *rest = NULL, *name, *proto, *port;

	for (size_t i = 0; chain && i < ARRAY_SIZE(kinds) && !rest; i++)
		if (!strncmp(chain, kinds[i], strlen(kinds[i])))
			rest = strchr(chain + strlen(kinds[i]), '-');
	if (!rest)
		return false;
	rest++;
	name = strchr(rest, '/');
	proto = name ? strchr(name + 1, '/') : NULL;
	port = proto ? strchr(proto + 1, '/') : NULL;
	if (!port || name == rest || proto == name + 1 || strchr(port + 1, '/'))
		return false;
	out->namespace = arena_strndup(a, rest, name - rest);
	out->name = arena_strndup(a, name + 1, proto - name - 1);
	out->port = port[1] ? arena_strdup(a, port + 1) : NULL;
	return true;
}

const char *service_say(struct arena *a, const struct service_name *n)
{
	return arena_printf(a, "%s/%s%s%s", n->namespace, n->name, n->port ? ":" : "", n->port ? n->port : "");
}

static uint8_t af_of(const struct nft_table *t)
{
	return t->family == NFPROTO_IPV6 ? AF_INET6 : AF_INET;
}

/* The table of kube-proxy's mode and backend by family and name, or NULL. */
static const struct nft_table *find_table(struct list *l, uint8_t nfproto, const char *name)
{
	enum backend backend = l->proxy->mode == PROXY_NFTABLES ? BACKEND_NF_TABLES : l->proxy->backend;
	const struct nft_table *t;
	size_t n;

	if (nft_tables(state_nft(l->s), 0, &t, &n, NULL))
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (t[i].family == nfproto && t[i].backend == backend && !strcmp(t[i].name, name))
			return &t[i];
	return NULL;
}

/* Could this comment or chain name, from its namespace on, be the one service asked for? */
static bool wanted(const struct list *l, const char *name)
{
	return !l->only || (!strncmp(name, l->only, l->only_len) && strchr("/: ", name[l->only_len]));
}

/* Where the namespace begins in KIND-HASH-NS/NAME/..., or the whole. */
static const char *past_hash(const char *chain)
{
	const char *dash = strchr(chain, '-');

	dash = dash ? strchr(dash + 1, '-') : NULL;
	return dash ? dash + 1 : chain;
}

/* -- iptables mode -------------------------------------------------------------------------------- */

static const struct { const char *table, *chain; unsigned want; } iptables_rows[] = {
	{ "nat", "KUBE-SERVICES", PROGRAMMED_SERVICES },
	{ "nat", "KUBE-NODEPORTS", PROGRAMMED_NODEPORTS },
	{ "filter", "KUBE-SERVICES", PROGRAMMED_SERVICES },	/* cluster IPs without endpoints */
	{ "filter", "KUBE-EXTERNAL-SERVICES", PROGRAMMED_SERVICES | PROGRAMMED_NODEPORTS },
};

static void add_rule(struct list *l, uint8_t family, const char *table, const struct nft_rule_view *r, unsigned want)
{
	struct programmed p = { .family = family, .addr = r->daddr, .proto = r->proto, .port = r->dport };
	const char *suffix = r->comment ? strchr(r->comment, ' ') : NULL;

	if (l->at && r->daddr.family && !addr_eq(&r->daddr, l->at))
		return;
	if (!r->dport || !r->proto || !r->comment || !wanted(l, r->comment) || !service_of_comment(l->a, r->comment, &p.service))
		return;
	if (!r->daddr.family)
		p.role = ROLE_NODEPORT;
	else if (!strcmp(table, "nat"))
		p.role = suffix && !strcmp(suffix, " cluster IP") ? ROLE_CLUSTER : ROLE_EXTERNAL;
	else
		p.role = want & PROGRAMMED_NODEPORTS ? ROLE_EXTERNAL : ROLE_CLUSTER;
	p.refused = !strcmp(table, "filter");
	*VEC_PUSH(l->a, l->v, l->n, l->cap) = p;
}

static int read_iptables(struct list *l, uint8_t nfproto, unsigned want)
{
	for (size_t i = 0; i < ARRAY_SIZE(iptables_rows); i++) {
		const struct nft_table *t = find_table(l, nfproto, iptables_rows[i].table);
		const struct nft_rule_view *r;
		size_t n;
		int rc;

		if (!t || !(iptables_rows[i].want & want))
			continue;
		rc = nft_rules(state_nft(l->s), 0, t, iptables_rows[i].chain, &r, &n, l->err);
		if (rc == -ENOENT)
			continue;
		if (rc)
			return rc;
		for (size_t k = 0; k < n; k++)
			add_rule(l, af_of(t), iptables_rows[i].table, &r[k], iptables_rows[i].want);
	}
	return 0;
}

/* -- nftables mode -------------------------------------------------------------------------------- */

static const struct { const char *map; unsigned want; } nftables_rows[] = {
	{ "service-ips", PROGRAMMED_SERVICES },
	{ "service-nodeports", PROGRAMMED_NODEPORTS },
	{ "no-endpoint-services", PROGRAMMED_SERVICES | PROGRAMMED_NO_ENDPOINTS },
	{ "no-endpoint-nodeports", PROGRAMMED_NODEPORTS | PROGRAMMED_NO_ENDPOINTS },
};

/* Keys are [address .] protocol . port, each padded to a register. */
static void add_element(struct list *l, uint8_t family, const struct nft_elem_view *e, unsigned want)
{
	size_t addr_size = family == AF_INET6 ? 16 : 4;
	struct programmed p = { .family = family, .refused = want & PROGRAMMED_NO_ENDPOINTS };
	const uint8_t *key = e->key;

	if (e->key_len != addr_size + 8 && e->key_len != 8)
		return;
	if (!(e->chain && wanted(l, past_hash(e->chain))) && !(e->comment && wanted(l, e->comment)))
		return;
	if (e->key_len == 8) {
		p.role = ROLE_NODEPORT;
	} else {
		p.addr = addr_from(key, addr_size);
		if (l->at && !addr_eq(&p.addr, l->at))
			return;
		key += addr_size;
		p.role = !e->chain ? ROLE_UNTOLD : !strncmp(e->chain, "external-", 9) ? ROLE_EXTERNAL : ROLE_CLUSTER;
	}
	p.proto = key[0];
	p.port = key[4] << 8 | key[5];
	if (!service_of_chain(l->a, e->chain, &p.service)) {
		if (!service_of_comment(l->a, e->comment, &p.service))
			return;
		if (p.role == ROLE_CLUSTER)
			p.role = ROLE_UNTOLD;	/* goto reject-chain */
	}
	*VEC_PUSH(l->a, l->v, l->n, l->cap) = p;
}

static int read_nftables(struct list *l, uint8_t nfproto, unsigned want)
{
	const struct nft_table *t = find_table(l, nfproto, "kube-proxy");

	for (size_t i = 0; t && i < ARRAY_SIZE(nftables_rows); i++) {
		const struct nft_elem_view *e;
		size_t n;
		int rc;

		if (!(nftables_rows[i].want & want))
			continue;
		rc = nft_elements(state_nft(l->s), 0, t, nftables_rows[i].map, &e, &n, l->err);
		if (rc == -ENOENT)
			continue;
		if (rc)
			return rc;
		for (size_t k = 0; k < n; k++)
			add_element(l, af_of(t), &e[k], nftables_rows[i].want);
	}
	return 0;
}

/* -- both ----------------------------------------------------------------------------------------- */

static int compare(const void *va, const void *vb)
{
	const struct programmed *a = va, *b = vb;
	int d = strcmp(a->service.namespace, b->service.namespace);

	if (!d)
		d = strcmp(a->service.name, b->service.name);
	if (!d)
		d = (a->port > b->port) - (a->port < b->port);
	if (!d)
		d = (a->proto > b->proto) - (a->proto < b->proto);
	if (!d)
		d = (a->role > b->role) - (a->role < b->role);
	if (!d)
		d = (a->family > b->family) - (a->family < b->family);
	return d ? d : addr_cmp(&a->addr, &b->addr);
}

static int read_all(struct list *l, unsigned want, const struct programmed **out, size_t *n)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	size_t kept = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(families); i++) {
		if (l->proxy->mode == PROXY_IPTABLES)
			rc = read_iptables(l, families[i], want);
		else if (l->proxy->mode == PROXY_NFTABLES)
			rc = read_nftables(l, families[i], want);
	}
	if (rc)
		return rc;
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare);
	for (size_t i = 0; i < l->n; i++) {
		if (!kept || compare(&l->v[kept - 1], &l->v[i]))
			l->v[kept++] = l->v[i];
		l->v[kept - 1].refused &= l->v[i].refused;
	}
	*out = l->v;
	*n = kept;
	return 0;
}

int programmed_read(struct state *s, struct arena *a, const struct proxy *proxy, unsigned want,
		    const struct service_name *only, const struct programmed **out, size_t *n, struct err *err)
{
	struct list l = { .s = s, .a = a, .proxy = proxy, .err = err };

	if (only) {
		l.only = arena_printf(a, "%s/%s", only->namespace, only->name);
		l.only_len = strlen(l.only);
	}
	return read_all(&l, want, out, n);
}

int programmed_at(struct state *s, struct arena *a, const struct proxy *proxy, unsigned want, const struct addr *addr,
		  const struct programmed **out, size_t *n)
{
	struct list l = { .s = s, .a = a, .proxy = proxy, .at = addr };

	return read_all(&l, want, out, n);
}

/* The jumps from KUBE-SERVICES to KUBE-NODEPORTS: one with `addrtype --dst-type LOCAL`, or one an address. */
static int iptables_node_addrs(struct list *l, uint8_t nfproto, bool *all, struct addr **out, size_t *n)
{
	const struct nft_table *t = find_table(l, nfproto, "nat");
	const struct nft_rule_view *r;
	size_t n_rule, cap = 0;
	int rc;

	rc = t ? nft_rules(state_nft(l->s), 0, t, "KUBE-SERVICES", &r, &n_rule, l->err) : -ENOENT;
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	for (size_t i = 0; i < n_rule; i++) {
		if (!r[i].jump || strcmp(r[i].jump, "KUBE-NODEPORTS"))
			continue;
		if (r[i].daddr.family)
			*VEC_PUSH(l->a, *out, *n, cap) = r[i].daddr;
		else
			*all = true;
	}
	return 0;
}

/* The set nodeport-ips; without it the rules take every local address (`fib daddr type local`). */
static int nftables_node_addrs(struct list *l, uint8_t nfproto, bool *all, struct addr **out, size_t *n)
{
	const struct nft_table *t = find_table(l, nfproto, "kube-proxy");
	const struct nft_elem_view *e;
	size_t n_elem, cap = 0;
	int rc;

	if (!t)
		return 0;
	rc = nft_elements(state_nft(l->s), 0, t, "nodeport-ips", &e, &n_elem, l->err);
	if (rc == -ENOENT)
		*all = true;
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	for (size_t i = 0; i < n_elem; i++)
		*VEC_PUSH(l->a, *out, *n, cap) = addr_from(e[i].key, e[i].key_len);
	return 0;
}

int programmed_node_addrs(struct state *s, struct arena *a, const struct proxy *proxy, uint8_t family, bool *all,
			  const struct addr **out, size_t *n, struct err *err)
{
	struct list l = { .s = s, .a = a, .proxy = proxy, .err = err };
	uint8_t nfproto = family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	struct addr *list = NULL;
	size_t count = 0;
	int rc = 0;

	*all = false;
	if (proxy->mode == PROXY_IPTABLES)
		rc = iptables_node_addrs(&l, nfproto, all, &list, &count);
	else if (proxy->mode == PROXY_NFTABLES)
		rc = nftables_node_addrs(&l, nfproto, all, &list, &count);
	*out = list;
	*n = count;
	return rc;
}

enum answer programmed_is_cluster_ip(struct state *s, const struct proxy *proxy, const struct addr *addr)
{
	struct list l = { .s = s, .proxy = proxy };
	const struct nft_table *t;
	const struct nft_elem_view *e;
	size_t n;

	if (proxy->mode != PROXY_NFTABLES)
		return UNKNOWN;
	t = find_table(&l, addr->family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4, "kube-proxy");
	if (!t || nft_elements(state_nft(s), 0, t, "cluster-ips", &e, &n, NULL))
		return UNKNOWN;
	for (size_t i = 0; i < n; i++) {
		struct addr a = addr_from(e[i].key, e[i].key_len);

		if (addr_eq(&a, addr))
			return YES;
	}
	return NO;
}
