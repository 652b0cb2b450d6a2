/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names from kube-proxy's rules, over rules as kube-proxy 1.30 to 1.36 writes them. The rooms below are replaced here by tables,
 * so that the test needs neither kernel nor snapshot.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/programmed.h"

#include <linux/netfilter.h>
#include <net/if.h>
#include <linux/rtnetlink.h>

/* -- a node of tables ----------------------------------------------------------------------------- */

struct fake_rule { enum backend backend; uint8_t family; const char *table, *chain, *daddr; uint8_t proto; uint16_t dport; const char *comment, *jump; };
struct fake_elem { uint8_t family; const char *set, *addr; uint8_t proto; uint16_t port; const char *chain, *comment; };

static struct fake {
	struct nft_table table[8];
	size_t n_table;
	const struct fake_rule *rule;
	size_t n_rule;
	const struct fake_elem *elem;
	size_t n_elem;
	bool ipvs, default_route;
	unsigned element_dumps;
	size_t n_virtual;		/* virtual services at the addresses of kube-ipvs0 */
} node;

static struct arena *arena;

struct nft *state_nft(struct state *s)
{
	return (struct nft *)s;
}

struct ipvs *state_ipvs(struct state *s)
{
	return (struct ipvs *)s;
}

int ipvs_services(struct ipvs *v, uint32_t netns, const struct ipvs_service **out, size_t *n)
{
	struct ipvs_service *list = arena_alloc(arena, (node.n_virtual + 1) * sizeof(*list));

	(void)v, (void)netns;
	for (size_t i = 0; i < node.n_virtual; i++)
		list[i].addr = addr_v4(0x0a60ff01);
	/* a NodePort */
	addr_parse("192.168.50.12", &list[node.n_virtual].addr);
	*out = list;
	*n = node.n_virtual + 1;
	return 0;
}

int nft_tables(struct nft *nft, uint32_t netns, const struct nft_table **out, size_t *n, struct err *err)
{
	(void)nft, (void)netns, (void)err;
	*out = node.table;
	*n = node.n_table;
	return 0;
}

static bool in_chain(const struct fake_rule *r, const struct nft_table *t, const char *chain)
{
	return r->backend == t->backend && r->family == t->family && !strcmp(r->table, t->name) && !strcmp(r->chain, chain);
}

int nft_rules(struct nft *nft, uint32_t netns, const struct nft_table *t, const char *chain,
	      const struct nft_rule_view **out, size_t *n, struct err *err)
{
	struct nft_rule_view *v = arena_alloc(arena, node.n_rule * sizeof(*v));
	size_t count = 0;

	(void)nft, (void)netns, (void)err;
	for (size_t i = 0; i < node.n_rule; i++) {
		const struct fake_rule *r = &node.rule[i];

		if (!in_chain(r, t, chain))
			continue;
		v[count] = (struct nft_rule_view){ .comment = r->comment, .jump = r->jump, .proto = r->proto, .dport = r->dport };
		if (r->daddr)
			addr_parse(r->daddr, &v[count].daddr);
		count++;
	}
	*out = v;
	*n = count;
	return count ? 0 : -ENOENT;
}

enum answer nft_chain_exists(struct nft *nft, uint32_t netns, const struct nft_table *t, const char *chain)
{
	(void)nft, (void)netns;
	if (!strcmp(t->name, "kube-proxy"))
		return answer_of(!strcmp(chain, "services"));
	for (size_t i = 0; i < node.n_rule; i++)
		if (in_chain(&node.rule[i], t, chain))
			return YES;
	return NO;
}

int nft_chains(struct nft *nft, uint32_t netns, const struct nft_table *t, const char *const **out, size_t *n)
{
	static const char *const chains[] = { "services", "service-5O3K3WW6-prod/web/tcp/http" };

	(void)nft, (void)netns, (void)t;
	*out = chains;
	*n = 2;
	return 0;
}

int nft_elements(struct nft *nft, uint32_t netns, const struct nft_table *t, const char *set,
		 const struct nft_elem_view **out, size_t *n, struct err *err)
{
	struct nft_elem_view *v = arena_alloc(arena, node.n_elem * sizeof(*v));
	size_t count = 0;

	(void)nft, (void)netns, (void)err;
	node.element_dumps++;
	for (size_t i = 0; i < node.n_elem; i++) {
		const struct fake_elem *e = &node.elem[i];
		uint8_t *key = arena_alloc(arena, 24), *k = key;
		struct addr addr = { 0 };

		if (e->family != t->family || strcmp(e->set, set))
			continue;
		if (e->addr && addr_parse(e->addr, &addr)) {
			memcpy(k, addr.b, addr_len(&addr));
			k += addr_len(&addr);
		}
		if (e->proto) {
			k[0] = e->proto;
			k[4] = e->port >> 8;
			k[5] = e->port & 0xff;
			k += 8;
		}
		v[count++] = (struct nft_elem_view){ .key = key, .key_len = k - key, .chain = e->chain, .comment = e->comment };
	}
	*out = v;
	*n = count;
	return count ? 0 : -ENOENT;
}

static const struct link eth0 = { .ifindex = 2, .name = "eth0", .kind = "veth", .flags = IFF_UP };
static const struct link cni0 = { .ifindex = 5, .name = "cni0", .kind = "bridge", .flags = IFF_UP };
static const struct link ipvs0 = { .ifindex = 9, .name = "kube-ipvs0", .kind = "dummy" };

const struct link *state_link(struct state *s, uint32_t netns, int ifindex)
{
	(void)s, (void)netns;
	return ifindex == 2 ? &eth0 : ifindex == 5 ? &cni0 : NULL;
}

const struct link *state_link_named(struct state *s, uint32_t netns, const char *name)
{
	(void)s, (void)netns;
	return node.ipvs && !strcmp(name, "kube-ipvs0") ? &ipvs0 : NULL;
}

int state_route(struct state *s, uint32_t netns, const struct route_key *key, struct route *out)
{
	(void)s, (void)netns;
	*out = (struct route){ .error = node.default_route ? 0 : -ENETUNREACH, .type = RTN_UNICAST };
	addr_parse(key->dst.family == AF_INET6 ? "fd50::11" : "192.168.50.11", &out->prefsrc);
	return 0;
}

int state_addrs(struct state *s, uint32_t netns, const struct if_addr **out, size_t *n)
{
	static struct if_addr v[4] = { { .ifindex = 1 }, { .ifindex = 5 }, { .ifindex = 2 }, { .ifindex = 9 } };

	(void)s, (void)netns;
	addr_parse("127.0.0.1", &v[0].addr);
	addr_parse("10.244.1.1", &v[1].addr);
	addr_parse("192.168.50.12", &v[2].addr);
	addr_parse("10.96.255.1", &v[3].addr);
	*out = v;
	*n = node.ipvs ? 4 : 3;
	return 0;
}

/* -- what is programmed --------------------------------------------------------------------------- */

#define RULES(backend) \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-SERVICES", "10.96.10.1", 6, 80, "prod/web:http cluster IP", "KUBE-SVC-A" }, \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-SERVICES", "10.96.10.4", 6, 443, "prod/multi:https cluster IP", "KUBE-SVC-B" }, \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-SERVICES", "10.96.10.4", 6, 80, "prod/multi:http cluster IP", "KUBE-SVC-C" }, \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-SERVICES", "203.0.113.10", 6, 80, "prod/lb:http loadbalancer IP", "KUBE-FW-D" }, \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-SERVICES", "10.96.40.1", 6, 80, "prod/lb:http cluster IP", "KUBE-SVC-D" }, \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-SERVICES", "198.51.100.50", 6, 80, "prod/lb:http external IP", "KUBE-EXT-D" }, \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-SERVICES", "10.96.10.3", 6, 80, "prod/web-unnamed cluster IP", "KUBE-SVC-E" }, \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-SERVICES", "10.96.10.2", 6, 80, "staging/web:http cluster IP", "KUBE-SVC-F" }, \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-SERVICES", "10.96.0.10", 17, 53, "kube-system/kube-dns:dns cluster IP", "KUBE-SVC-G" }, \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-SERVICES", "10.96.0.10", 6, 53, "kube-system/kube-dns:dns-tcp cluster IP", "KUBE-SVC-H" }, \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-SERVICES", NULL, 0, 0, "kubernetes service nodeports; NOTE: this must be the last rule in this chain", "KUBE-NODEPORTS" }, \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-NODEPORTS", NULL, 6, 30080, "prod/web:http", "KUBE-EXT-A" }, \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-NODEPORTS", NULL, 6, 30054, "prod/both:t", "KUBE-EXT-I" }, \
	{ backend, NFPROTO_IPV4, "nat", "KUBE-NODEPORTS", NULL, 17, 30054, "prod/both:u", "KUBE-EXT-J" }, \
	{ backend, NFPROTO_IPV4, "filter", "KUBE-SERVICES", "10.96.10.6", 6, 80, "prod/empty:http has no endpoints", NULL }, \
	{ backend, NFPROTO_IPV4, "filter", "KUBE-EXTERNAL-SERVICES", "203.0.113.14", 6, 80, "prod/empty:http has no endpoints", NULL }, \
	{ backend, NFPROTO_IPV4, "filter", "KUBE-EXTERNAL-SERVICES", NULL, 6, 30083, "prod/empty:http has no endpoints", NULL }, \
	{ backend, NFPROTO_IPV4, "filter", "KUBE-NODEPORTS", NULL, 6, 30998, "prod/lb:http health check node port", NULL }, \
	{ backend, NFPROTO_IPV6, "nat", "KUBE-SERVICES", "fd00:10:96::1", 6, 80, "prod/web:http cluster IP", "KUBE-SVC-A" }

static const struct fake_rule nft_rows[] = { RULES(BACKEND_NF_TABLES) };
static const struct fake_rule both_rows[] = {
	RULES(BACKEND_LEGACY),
	{ BACKEND_NF_TABLES, NFPROTO_IPV4, "nat", "KUBE-SERVICES", NULL, 0, 0, NULL, NULL },
	{ BACKEND_NF_TABLES, NFPROTO_IPV4, "nat", "KUBE-NODEPORTS", NULL, 0, 0, NULL, NULL },
};
static const struct fake_rule listed_rows[] = {
	{ BACKEND_NF_TABLES, NFPROTO_IPV4, "nat", "KUBE-SERVICES", "192.168.50.11", 0, 0, "kubernetes service nodeports", "KUBE-NODEPORTS" },
	{ BACKEND_NF_TABLES, NFPROTO_IPV4, "nat", "KUBE-SERVICES", "10.9.9.9", 0, 0, "kubernetes service nodeports", "KUBE-NODEPORTS" },
	{ BACKEND_NF_TABLES, NFPROTO_IPV4, "nat", "KUBE-NODEPORTS", NULL, 6, 30080, "prod/web:http", "KUBE-EXT-A" },
};
static const struct fake_rule ipvs_rows[] = {
	{ BACKEND_NF_TABLES, NFPROTO_IPV4, "nat", "KUBE-SERVICES", NULL, 0, 0, NULL, NULL },
	{ BACKEND_NF_TABLES, NFPROTO_IPV4, "nat", "KUBE-NODE-PORT", NULL, 0, 0, NULL, NULL },
};

/* IPVS mode's rules on both backends. */
static const struct fake_rule ipvs_both_rows[] = {
	{ BACKEND_NF_TABLES, NFPROTO_IPV4, "nat", "KUBE-SERVICES", NULL, 0, 0, NULL, NULL },
	{ BACKEND_NF_TABLES, NFPROTO_IPV4, "nat", "KUBE-NODE-PORT", NULL, 0, 0, NULL, NULL },
	{ BACKEND_LEGACY, NFPROTO_IPV4, "nat", "KUBE-SERVICES", NULL, 0, 0, NULL, NULL },
	{ BACKEND_LEGACY, NFPROTO_IPV4, "nat", "KUBE-NODE-PORT", NULL, 0, 0, NULL, NULL },
};

static const struct fake_elem elems[] = {
	{ NFPROTO_IPV4, "service-ips", "10.96.10.1", 6, 80, "service-5O3K3WW6-prod/web/tcp/http", NULL },
	{ NFPROTO_IPV4, "service-ips", "203.0.113.10", 6, 80, "external-JGKCLSXF-prod/lb/tcp/http", NULL },
	{ NFPROTO_IPV4, "service-ips", "10.96.40.1", 6, 80, "service-JGKCLSXF-prod/lb/tcp/http", NULL },
	{ NFPROTO_IPV4, "service-ips", "10.96.30.1", 6, 80, "local-N3EAMVCQ-prod/itp/tcp/http", NULL },
	{ NFPROTO_IPV4, "service-ips", "10.96.10.3", 6, 80, "service-C23BTIOC-prod/web-unnamed/tcp/", NULL },
	{ NFPROTO_IPV4, "service-ips", "10.96.0.10", 17, 53, "service-FY5PMXPG-kube-system/kube-dns/udp/dns", NULL },
	{ NFPROTO_IPV4, "no-endpoint-services", "203.0.113.14", 6, 80, "reject-chain", "prod/empty:http" },
	{ NFPROTO_IPV4, "no-endpoint-services", "10.96.10.6", 6, 80, "reject-chain", "prod/empty:http" },
	{ NFPROTO_IPV4, "no-endpoint-services", "10.96.30.2", 6, 80, NULL, "prod/itp-local-without:http" },
	{ NFPROTO_IPV4, "service-nodeports", NULL, 6, 30080, "external-5O3K3WW6-prod/web/tcp/http", NULL },
	{ NFPROTO_IPV4, "no-endpoint-nodeports", NULL, 6, 30082, NULL, "prod/np-local-without:http" },
	{ NFPROTO_IPV4, "nodeport-ips", "192.168.50.11", 0, 0, NULL, NULL },
	{ NFPROTO_IPV4, "cluster-ips", "10.96.10.1", 0, 0, NULL, NULL },
	{ NFPROTO_IPV4, "cluster-ips", "10.96.10.6", 0, 0, NULL, NULL },
	{ NFPROTO_IPV6, "service-ips", "fd00:10:96::1", 6, 80, "service-5O3K3WW6-prod/web/tcp/http", NULL },
	{ NFPROTO_IPV6, "service-nodeports", NULL, 6, 30080, "external-5O3K3WW6-prod/web/tcp/http", NULL },
	{ NFPROTO_IPV6, "nodeport-ips", "fd50::11", 0, 0, NULL, NULL },
};

static void add_table(enum backend backend, uint8_t family, const char *name)
{
	node.table[node.n_table++] = (struct nft_table){ .backend = backend, .family = family, .name = name };
}

static void add_iptables(enum backend backend)
{
	add_table(backend, NFPROTO_IPV4, "nat");
	add_table(backend, NFPROTO_IPV4, "filter");
	add_table(backend, NFPROTO_IPV6, "nat");
}

#define USE(rows) (node.rule = (rows), node.n_rule = ARRAY_SIZE(rows))

static void use_iptables(void)
{
	node = (struct fake){ .default_route = true };
	add_iptables(BACKEND_NF_TABLES);
	USE(nft_rows);
}

static void use_nftables(void)
{
	node = (struct fake){ .default_route = true, .elem = elems, .n_elem = ARRAY_SIZE(elems) };
	add_table(BACKEND_NF_TABLES, NFPROTO_IPV4, "kube-proxy");
	add_table(BACKEND_NF_TABLES, NFPROTO_IPV6, "kube-proxy");
}

/* -- resolving ------------------------------------------------------------------------------------ */

static int resolve(const char *text, struct resolved *r, struct err *err)
{
	struct proxy proxy;
	struct target t;
	int rc;

	err->text[0] = 0;
	assert_int_equal(proxy_detect(NULL, arena, &proxy, err), 0);
	rc = target_parse(arena, text, "prod", &t, err);
	return rc ? rc : target_resolve(NULL, arena, &proxy, &t, r, err);
}

/* "80/6 http 10.96.10.1 fd00:10:96::1; ..." */
static const char *said(const struct resolved *r)
{
	struct text t = { .arena = arena };
	char buf[ADDR_TEXT];

	for (size_t i = 0; i < r->n_port; i++) {
		const struct target_port *p = &r->port[i];

		text_add(&t, "%s%u/%u %s", i ? "; " : "", p->port, p->proto, p->name ? p->name : "-");
		for (size_t k = 0; k < p->n_addr; k++)
			text_add(&t, " %s", addr_say(&p->addr[k], buf));
	}
	return text_get(&t);
}

static void check_resolved(const char *text, const char *want)
{
	struct resolved r;
	struct err err;

	if (resolve(text, &r, &err))
		fail_msg("%s: %s", text, err.text);
	assert_string_equal(said(&r), want);
}

static void check_refused(const char *text, const char *says)
{
	struct resolved r;
	struct err err;

	assert_int_equal(resolve(text, &r, &err), -ENOENT);
	if (!strstr(err.text, says))
		fail_msg("%s: %s", text, err.text);
}

static void services_of_iptables(void **state)
{
	(void)state;
	use_iptables();
	check_resolved("svc/web", "80/6 http 10.96.10.1 fd00:10:96::1");
	check_resolved("svc/web:http", "80/6 http 10.96.10.1 fd00:10:96::1");
	check_resolved("svc/staging/web:80", "80/6 http 10.96.10.2");
	check_resolved("svc/multi", "80/6 http 10.96.10.4; 443/6 https 10.96.10.4");
	check_resolved("svc/multi:https", "443/6 https 10.96.10.4");
	check_resolved("svc/lb", "80/6 http 10.96.40.1 198.51.100.50 203.0.113.10");
	check_resolved("svc/web-unnamed", "80/6 - 10.96.10.3");
	check_resolved("svc/empty", "80/6 http 10.96.10.6 203.0.113.14");
	check_resolved("svc/kube-system/kube-dns", "53/6 dns-tcp 10.96.0.10; 53/17 dns 10.96.0.10");
	check_resolved("svc/kube-system/kube-dns:53/udp", "53/17 dns 10.96.0.10");
	check_resolved("10.1.2.3:80", "80/6 - 10.1.2.3");
}

static void services_of_nftables(void **state)
{
	(void)state;
	use_nftables();
	check_resolved("svc/web", "80/6 http 10.96.10.1 fd00:10:96::1");
	check_resolved("svc/lb", "80/6 http 10.96.40.1 203.0.113.10");
	check_resolved("svc/itp", "80/6 http 10.96.30.1");
	check_resolved("svc/web-unnamed", "80/6 - 10.96.10.3");
	check_resolved("svc/itp-local-without", "80/6 http 10.96.30.2");
	/* which of the two is the cluster IP stands in the set cluster-ips alone */
	check_resolved("svc/empty", "80/6 http 10.96.10.6 203.0.113.14");
	node.element_dumps = 0;
	check_resolved("10.96.10.1:80", "80/6 - 10.96.10.1");
	assert_int_equal(node.element_dumps, 0);
}

/* No rule that such a packet meets carries the name. */
static void services_without_endpoints(void **state)
{
	struct tuple t = { .proto = IPPROTO_TCP, .dport = 80 };
	struct proxy proxy;
	enum served how;
	struct err err;

	(void)state;
	use_nftables();
	assert_int_equal(proxy_detect(NULL, arena, &proxy, &err), 0);
	addr_parse("10.96.10.6", &t.dst);
	assert_string_equal(target_service_at(NULL, arena, &proxy, &t, false, &how), "prod/empty:http");
	assert_int_equal(how, SERVED_REFUSED);
	t.proto = IPPROTO_UDP;
	assert_string_equal(target_service_at(NULL, arena, &proxy, &t, false, &how), "prod/empty");
	assert_int_equal(how, SERVED_OTHER_PORT);
	t.proto = IPPROTO_TCP;
	addr_parse("192.168.50.11", &t.dst);
	assert_null(target_service_at(NULL, arena, &proxy, &t, true, &how));
	assert_int_equal(how, SERVED_NOT);
	t.dport = 30082;
	assert_null(target_service_at(NULL, arena, &proxy, &t, false, &how));
	assert_string_equal(target_service_at(NULL, arena, &proxy, &t, true, &how), "prod/np-local-without:http");
	assert_int_equal(how, SERVED_REFUSED);
}

/* What the packet would have met at another port, or on another address. */
static void services_nearby(void **state)
{
	struct tuple t = { .proto = IPPROTO_TCP, .dport = 81 };
	struct proxy proxy;
	enum served how;
	struct err err;

	(void)state;
	use_iptables();
	assert_int_equal(proxy_detect(NULL, arena, &proxy, &err), 0);
	addr_parse("10.96.10.1", &t.dst);
	assert_string_equal(target_service_at(NULL, arena, &proxy, &t, false, &how), "prod/web");
	assert_int_equal(how, SERVED_OTHER_PORT);
	t.dport = 80;
	assert_string_equal(target_service_at(NULL, arena, &proxy, &t, false, &how), "prod/web:http");
	assert_int_equal(how, SERVED_HERE);
	addr_parse("10.96.10.6", &t.dst);
	assert_string_equal(target_service_at(NULL, arena, &proxy, &t, false, &how), "prod/empty:http");
	assert_int_equal(how, SERVED_REFUSED);
	addr_parse("192.168.50.99", &t.dst);
	assert_null(target_service_at(NULL, arena, &proxy, &t, true, &how));
	t.dport = 30080;
	assert_null(target_service_at(NULL, arena, &proxy, &t, false, &how));
	assert_string_equal(target_service_at(NULL, arena, &proxy, &t, true, &how), "prod/web:http");
	assert_int_equal(how, SERVED_NODEPORT);
}

static void nodeports(void **state)
{
	struct resolved r;
	struct err err;

	(void)state;
	use_iptables();
	check_resolved("nodeport/30080", "30080/6 http 192.168.50.11");
	check_resolved("nodeport/30054", "30054/6 t 192.168.50.11; 30054/17 u 192.168.50.11");
	check_resolved("nodeport/30054/udp", "30054/17 u 192.168.50.11");
	check_resolved("nodeport/30083", "30083/6 http 192.168.50.11");
	assert_int_equal(resolve("nodeport/30080", &r, &err), 0);
	assert_string_equal(r.service, "prod/web:http");
	assert_int_equal(resolve("nodeport/30054", &r, &err), 0);
	assert_string_equal(r.service, "prod/both");
	check_refused("nodeport/30998", "no NodePort 30998");
	check_refused("nodeport/30081", "nearest are 30080/tcp (prod/web:http)");
	check_refused("nodeport/30080/udp", "no NodePort 30080/udp");
	/* no default route: the address that no bridge holds */
	node.default_route = false;
	check_resolved("nodeport/30080", "30080/6 http 192.168.50.12");
	USE(listed_rows);
	check_resolved("nodeport/30080", "30080/6 http 192.168.50.11 10.9.9.9");
	use_nftables();
	check_resolved("nodeport/30080", "30080/6 http 192.168.50.11 fd50::11");
	check_resolved("nodeport/30082", "30082/6 http 192.168.50.11");
}

static void refusals(void **state)
{
	(void)state;
	use_iptables();
	check_refused("svc/wbe", "svc/prod/web,");
	check_refused("svc/default/web", "svc/prod/web");
	check_refused("svc/default/web", "svc/staging/web");
	check_refused("svc/web:81", "its ports are 80/tcp (http)");
	check_refused("svc/web:https", "no port https");
	check_refused("svc/web/udp", "/udp; its ports are 80/tcp");
	use_nftables();
	check_refused("svc/webb", "svc/prod/web");
	node = (struct fake){ 0 };
	check_refused("svc/web", "no kube-proxy programmed this node");
	check_refused("nodeport/30080", "no kube-proxy programmed this node");
	add_iptables(BACKEND_NF_TABLES);
	USE(ipvs_rows);
	node.ipvs = true;
	check_refused("svc/web", "IPVS mode");
	check_resolved("10.96.10.1:80", "80/6 - 10.96.10.1");
}

/* -- modes ---------------------------------------------------------------------------------------- */

static void check_mode(enum proxy_mode mode, enum backend backend, const char *others)
{
	struct text t = { .arena = arena };
	struct proxy p;
	struct err err;

	assert_int_equal(proxy_detect(NULL, arena, &p, &err), 0);
	assert_string_equal(proxy_mode_name(p.mode), proxy_mode_name(mode));
	assert_int_equal(p.backend, backend);
	for (size_t i = 0; i < p.n_others; i++)
		text_add(&t, "%s%s", i ? ", " : "", p.others[i]);
	assert_string_equal(text_get(&t), others);
}

static void modes(void **state)
{
	(void)state;
	node = (struct fake){ 0 };
	check_mode(PROXY_NONE, BACKEND_NONE, "");
	use_iptables();
	check_mode(PROXY_IPTABLES, BACKEND_NF_TABLES, "");
	node.ipvs = true;
	check_mode(PROXY_IPTABLES, BACKEND_NF_TABLES, "ipvs (kube-ipvs0)");
	node.n_virtual = 100;
	check_mode(PROXY_IPVS, BACKEND_NONE, "iptables (nf_tables)");
	use_nftables();
	check_mode(PROXY_NFTABLES, BACKEND_NF_TABLES, "");
	add_iptables(BACKEND_LEGACY);
	USE(both_rows);
	check_mode(PROXY_IPTABLES, BACKEND_LEGACY, "nftables");
	/* both backends: the one that holds the services is the mode */
	node = (struct fake){ 0 };
	add_iptables(BACKEND_NF_TABLES);
	add_iptables(BACKEND_LEGACY);
	USE(both_rows);
	check_mode(PROXY_IPTABLES, BACKEND_LEGACY, "iptables (nf_tables)");
	node = (struct fake){ .ipvs = true };
	add_iptables(BACKEND_NF_TABLES);
	USE(ipvs_rows);
	check_mode(PROXY_IPVS, BACKEND_NONE, "");
	add_iptables(BACKEND_LEGACY);
	check_mode(PROXY_IPVS, BACKEND_NONE, "");
	USE(ipvs_both_rows);
	check_mode(PROXY_IPVS, BACKEND_NONE, "rules of ipvs (legacy)");
}

/* -- names ---------------------------------------------------------------------------------------- */

static void names(void **state)
{
	static const struct { const char *comment, *want; } comments[] = {
		{ "prod/web:http cluster IP", "prod/web:http" }, { "prod/web", "prod/web" },
		{ "prod/web:http -> 10.244.1.10:8080", "prod/web:http" },
		{ "kubernetes service portals", NULL }, { "/web", NULL }, { "prod/", NULL }, { "a/b/c", NULL }, { "", NULL },
	}, chains[] = {
		{ "service-5O3K3WW6-prod/web/tcp/http", "prod/web:http" }, { "local-N3EAMVCQ-a-b/c-d/udp/", "a-b/c-d" },
		{ "endpoint-2ZSAZ545-prod/sticky/tcp/http__10.244.1.10/8080", NULL }, { "services", NULL },
		{ "service-X", NULL }, { "service-X-a", NULL }, { "service-X-a/b", NULL }, { "service-X-/b/tcp/c", NULL },
	};
	struct service_name n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(comments); i++) {
		bool found = service_of_comment(arena, comments[i].comment, &n);

		assert_int_equal(found, comments[i].want != NULL);
		if (found)
			assert_string_equal(service_say(arena, &n), comments[i].want);
	}
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		bool found = service_of_chain(arena, chains[i].comment, &n);

		assert_int_equal(found, chains[i].want != NULL);
		if (found)
			assert_string_equal(service_say(arena, &n), chains[i].want);
	}
	assert_false(service_of_comment(arena, NULL, &n));
	assert_false(service_of_chain(arena, NULL, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_of_iptables),
		cmocka_unit_test(services_of_nftables),
		cmocka_unit_test(services_without_endpoints), cmocka_unit_test(services_nearby),
		cmocka_unit_test(nodeports),
		cmocka_unit_test(refusals),
		cmocka_unit_test(modes),
		cmocka_unit_test(names),
	};
	int failed;

	arena = arena_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(arena);
	return failed;
}
