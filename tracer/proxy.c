/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which service proxy programmed this node, and what another mode left behind. A few questions for single chains and one
 * link; only where several modes stand side by side are their rules counted.
 */
#include <errno.h>
#include <string.h>

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
};

struct probe {
	struct nft *nft;
	const struct nft_table *table;
	size_t n_table;
	bool ipvs;			/* the link kube-ipvs0 is there */
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

static bool present(const struct probe *p, const struct kind *k)
{
	if (k->mode == PROXY_IPVS)
		return p->ipvs;
	for (size_t i = 0; i < p->n_table; i++)
		if (is_service_table(&p->table[i], k) && programmed_in(p, &p->table[i], k))
			return true;
	return false;
}

/* How many services a mode holds, roughly: to tell the mode at work from what another left. */
static size_t weight(const struct probe *p, const struct kind *k)
{
	const struct nft_rule_view *rules;
	const char *const *chains;
	size_t sum = 0, n;

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
	struct probe p = { .nft = state_nft(s), .ipvs = state_link_named(s, 0, "kube-ipvs0") };
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
		.text = best ? best->text : "no kube-proxy",
	};
	return 0;
}
