/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which service proxy programmed this node, what another mode left behind, and which of them a packet meets. A few questions
 * for single chains and one link; only where several modes stand side by side are their rules and services counted.
 */
#include <errno.h>
#include <string.h>

#include "tracer/owners.h"
#include "tracer/target.h"

#include <linux/netfilter.h>

static const struct kind {
	enum proxy_mode mode;
	enum backend backend;
	const char *name;		/* as a leftover */
	const char *text;
} kinds[] = {
	{ PROXY_NFTABLES, BACKEND_NF_TABLES, "nftables", "kube-proxy nftables" },
	{ PROXY_IPTABLES, BACKEND_NF_TABLES, "iptables (nf_tables)", "kube-proxy iptables on nf_tables" },
	{ PROXY_IPTABLES, BACKEND_LEGACY, "iptables (legacy)", "kube-proxy iptables on legacy" },
	{ PROXY_IPVS, BACKEND_NONE, "ipvs (kube-ipvs0)", "kube-proxy ipvs" },
	/* its rules, where both backends have them: one of them is not kept any more, as a rule the elder */
	{ PROXY_IPVS, BACKEND_LEGACY, "rules of ipvs (legacy)", "kube-proxy ipvs" },
};

/* The chains in which iptables mode decides on a packet; those that only mark and masquerade are IPVS mode's too. */
#define DECIDES	"KUBE-SERVICES|KUBE-NODEPORTS|KUBE-EXTERNAL-SERVICES|KUBE-PROXY-FIREWALL|KUBE-SVC-*|KUBE-SVL-*|KUBE-SEP-*|" \
		"KUBE-EXT-*|KUBE-XLB-*|KUBE-FW-*"

struct probe {
	struct state *s;
	struct nft *nft;
	const struct nft_table *table;
	size_t n_table;
	const struct link *ipvs;	/* kube-ipvs0, or NULL */
};

static bool is_service_table(const struct nft_table *t, const struct kind *k)
{
	const char *name = k->mode == PROXY_NFTABLES ? "kube-proxy" : "nat";

	return t->backend == k->backend && (t->family == NFPROTO_IPV4 || t->family == NFPROTO_IPV6) &&
	       !strcmp(t->name, name);
}

/*
 * The chain that holds each mode's entry. IPVS mode has a nat KUBE-SERVICES too, but its node port chain is
 * KUBE-NODE-PORT; iptables mode's is KUBE-NODEPORTS.
 */
static bool programmed_in(const struct probe *p, const struct nft_table *t, const struct kind *k)
{
	if (k->mode == PROXY_NFTABLES)
		return nft_chain_exists(p->nft, 0, t, "services") == YES;
	return nft_chain_exists(p->nft, 0, t, "KUBE-SERVICES") == YES &&
	       (!p->ipvs || nft_chain_exists(p->nft, 0, t, "KUBE-NODEPORTS") == YES);
}

/* The nat chains that are IPVS mode's own. */
static bool has_ipvs_rules(const struct probe *p, enum backend backend)
{
	const struct kind k = { .mode = PROXY_IPTABLES, .backend = backend };

	for (size_t i = 0; i < p->n_table; i++)
		if (is_service_table(&p->table[i], &k) && nft_chain_exists(p->nft, 0, &p->table[i], "KUBE-NODE-PORT") == YES)
			return true;
	return false;
}

static bool present(const struct probe *p, const struct kind *k)
{
	if (k->mode == PROXY_IPVS && k->backend != BACKEND_NONE)
		return p->ipvs && has_ipvs_rules(p, BACKEND_LEGACY) && has_ipvs_rules(p, BACKEND_NF_TABLES);
	if (k->mode == PROXY_IPVS)
		return p->ipvs;
	for (size_t i = 0; i < p->n_table; i++)
		if (is_service_table(&p->table[i], k) && programmed_in(p, &p->table[i], k))
			return true;
	return false;
}

/* Virtual services at addresses of kube-ipvs0; those at the node's own are NodePorts, once for each. */
static size_t virtual_services(const struct probe *p)
{
	const struct ipvs_service *service;
	const struct if_addr *addr;
	size_t n, n_addr, sum = 0;

	if (ipvs_services(state_ipvs(p->s), 0, &service, &n) || !n || state_addrs(p->s, 0, &addr, &n_addr))
		return 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n_addr; k++)
			if (addr[k].ifindex == p->ipvs->ifindex && addr_eq(&addr[k].addr, &service[i].addr)) {
				sum++;
				break;
			}
	return sum;
}

/* How many services a mode holds, roughly: to tell the mode at work from what another left. */
static size_t weight(const struct probe *p, const struct kind *k)
{
	const struct nft_rule_view *rules;
	const char *const *chains;
	size_t sum = 0, n;

	if (k->mode == PROXY_IPVS)
		return k->backend == BACKEND_NONE ? virtual_services(p) : 0;
	for (size_t i = 0; i < p->n_table; i++) {
		const struct nft_table *t = &p->table[i];

		if (!is_service_table(t, k))
			continue;
		if (k->mode == PROXY_NFTABLES && !nft_chains(p->nft, 0, t, &chains, &n))
			for (size_t c = 0; c < n; c++)
				sum += strchr(chains[c], '/') != NULL;
		else if (k->mode == PROXY_IPTABLES && !nft_rules(p->nft, 0, t, "KUBE-SERVICES", &rules, &n, NULL))
			sum += n;
	}
	return sum;
}

int proxy_detect(struct state *s, struct arena *a, struct proxy *out, struct err *err)
{
	struct probe p = { .s = s, .nft = state_nft(s), .ipvs = state_link_named(s, 0, "kube-ipvs0") };
	const struct kind *found[ARRAY_SIZE(kinds)], *best = NULL;
	size_t n = 0, n_others = 0, most = 0;
	const char **others;
	int rc;

	rc = nft_tables(p.nft, 0, &p.table, &p.n_table, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (present(&p, &kinds[i]))
			found[n++] = &kinds[i];
	for (size_t i = 0; i < n; i++) {
		size_t w = n > 1 ? weight(&p, found[i]) : 1;

		if (!best || w > most)
			best = found[i], most = w;
	}
	others = arena_alloc(a, n * sizeof(*others));
	for (size_t i = 0; i < n; i++)
		if (found[i] != best)
			others[n_others++] = found[i]->name;
	*out = (struct proxy){
		.mode = best ? best->mode : PROXY_NONE, .backend = best ? best->backend : BACKEND_NONE,
		.others = others, .n_others = n_others,
		.text = best ? best->text : "no kube-proxy", .name = best ? best->name : NULL,
	};
	return 0;
}

/* -- whom a packet meets --------------------------------------------------------------------------- */

static const struct kind *kind_of(const struct evidence *e)
{
	enum proxy_mode mode;
	enum backend backend = e->backend;

	if (e->effect < EFFECT_VERDICT)
		return NULL;
	if (e->kind == EV_IPVS)
		mode = PROXY_IPVS, backend = BACKEND_NONE;
	else if ((e->kind != EV_RULE && e->kind != EV_POLICY) || !e->table)
		return NULL;
	else if (!strcmp(e->table, "kube-proxy"))
		mode = PROXY_NFTABLES;
	else if (name_matches(e->chain, DECIDES))
		mode = PROXY_IPTABLES;
	else
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].mode == mode && kinds[i].backend == backend)
			return &kinds[i];
	return NULL;
}

/* Accepting and masquerading decide nothing about where it goes. */
static bool decides(const struct hop *h)
{
	return h->verdict.kind != END_NONE || h->stage == STAGE_IPVS_IN || !addr_eq(&h->in.dst, &h->out.dst) ||
	       h->in.dport != h->out.dport;
}

const char *proxy_met_by(const struct trace *t, const struct evidence **by)
{
	for (size_t i = 0; i < t->n_hops; i++) {
		const struct hop *h = &t->hops[i];

		/* what happens in a pod's own namespace is no work of the node's proxy */
		if (h->reply || h->place || !decides(h))
			continue;
		for (size_t k = h->n_evidence; k-- > 0;) {
			const struct kind *kind = kind_of(&h->evidence[k]);

			if (kind && by)
				*by = &h->evidence[k];
			if (kind)
				return kind->name;
		}
	}
	return NULL;
}

void proxy_meet(struct proxy *out, struct arena *a, const struct trace *t, size_t n)
{
	const char **met = arena_alloc(a, ARRAY_SIZE(kinds) * sizeof(*met));

	out->met = met;
	out->n_met = 0;
	for (size_t i = 0; i < n; i++) {
		const char *name = proxy_met_by(&t[i], NULL);
		size_t k = 0;

		while (name && k < out->n_met && strcmp(met[k], name))
			k++;
		if (name && k == out->n_met)
			met[out->n_met++] = name;
	}
}
