/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own list of what runs at a hook: nfnetlink_hook's where this kernel has it, else the BPF reader's. The first does
 * not show whose table an entry of iptables-legacy runs, nor the chains inside the NAT function: what is known of them is put in.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "nft/ruleset.h"
#include "nft/state.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

#define SUBSYS_HOOK	12		/* NFNL_SUBSYS_HOOK, 5.14 */
enum { HOOK_NUM = 1, HOOK_PRIO, HOOK_DEV, HOOK_FUNCTION, HOOK_MODULE, HOOK_INFO };	/* NFNLA_HOOK_* */
enum { INFO_DESC = 1, INFO_TYPE };
enum { TYPE_CHAIN = 1, TYPE_BPF };
enum { DESC_TABLE = 1, DESC_FAMILY, DESC_NAME, DESC_BPF_ID = 1 };

struct rows {
	struct ruleset *r;
	struct nft_hook_row *v;
	size_t n, cap;
};

static struct nft_hook_row *row_add(struct rows *l)
{
	return VEC_PUSH(l->r->arena, l->v, l->n, l->cap);
}

/* -- nfnetlink_hook -- */

static void take_chain(struct rows *l, struct nft_hook_row *row, const struct nlattr *desc)
{
	const struct nlattr *tb[DESC_NAME + 1];

	nl_nested(desc, tb, DESC_NAME);
	row->table = nl_str(l->r->arena, tb[DESC_TABLE]);
	row->chain = nl_str(l->r->arena, tb[DESC_NAME]);
	row->family = nl_u8(tb[DESC_FAMILY], 0);
	if (row->table && row->chain)
		row->backend = BACKEND_NF_TABLES;
}

static int take_row(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[HOOK_INFO + 1], *info[INFO_TYPE + 1], *desc[DESC_NAME + 1];
	struct rows *l = ctx;
	struct nft_hook_row *row = row_add(l);
	uint32_t type;

	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, HOOK_INFO);
	nl_nested(tb[HOOK_INFO], info, INFO_TYPE);
	type = nl_be32(info[INFO_TYPE], 0);
	*row = (struct nft_hook_row){
		.priority = (int)nl_be32(tb[HOOK_PRIO], 0),
		.function = nl_str(l->r->arena, tb[HOOK_FUNCTION]), .module = nl_str(l->r->arena, tb[HOOK_MODULE]),
	};
	if (type == TYPE_CHAIN && info[INFO_DESC])
		take_chain(l, row, info[INFO_DESC]);
	if (type == TYPE_BPF && info[INFO_DESC]) {
		nl_nested(info[INFO_DESC], desc, DESC_NAME);
		row->bpf_prog = nl_be32(desc[DESC_BPF_ID], 0);
	}
	return 0;
}

int hook_list_ask(struct ruleset *r, uint8_t pf, uint8_t hook, const char *dev, struct nft_hook_list *out)
{
	struct rows l = { .r = r };
	char buf[256];
	struct nlmsghdr *h;
	int rc;

	if (nft_module_present(r->nft, "nfnetlink_hook ", "/nfnetlink_hook.ko") == NO)
		return -EOPNOTSUPP;
	h = nl_nfnl(buf, SUBSYS_HOOK, 0, NLM_F_DUMP, pf);
	mnl_attr_put_u32(h, HOOK_NUM, htonl(hook));
	if (dev)
		mnl_attr_put_strz(h, HOOK_DEV, dev);
	rc = nl_ask(nft_io(r->nft), r->netns, NETLINK_NETFILTER, h, take_row, &l, NULL);
	if (!rc)
		*out = (struct nft_hook_list){ .row = l.v, .n = l.n, .source = "nfnetlink_hook" };
	return rc;
}

/* -- what it does not tell -- */

static bool runs_legacy(const struct nft_hook_row *row)
{
	/* iptable_mangle.c has a function of its own around it */
	static const char *const functions[] = { "ipt_do_table", "ip6t_do_table", "iptable_mangle_hook", "ip6table_mangle_hook" };

	for (size_t i = 0; row->function && i < ARRAY_SIZE(functions); i++)
		if (!strcmp(row->function, functions[i]))
			return true;
	return false;
}

/* A built-in table by the priority that it has there, if no other has the same. */
static void name_legacy(struct nft_hook_row *row, const struct nft_hook *h)
{
	const struct nft_base *found = NULL;

	for (size_t i = 0; i < h->n_base; i++)
		if (h->base[i]->backend == BACKEND_LEGACY && h->base[i]->type != NFT_BASE_NAT &&
		    h->base[i]->priority == row->priority) {
			if (found)
				return;
			found = h->base[i];
		}
	if (!found)
		return;
	row->backend = BACKEND_LEGACY;
	row->family = found->family;
	row->table = found->table;
}

/* The NAT function's own chains, in the order that nft_hook() found out. */
static void add_nat_chains(struct rows *l, const struct nft_hook *h)
{
	for (size_t i = 0; i < h->n_base; i++) {
		const struct nft_base *b = h->base[i];

		if (b->type == NFT_BASE_NAT)
			*row_add(l) = (struct nft_hook_row){
				.priority = b->priority, .backend = b->backend, .family = b->family, .table = b->table,
				.chain = b->backend == BACKEND_LEGACY ? NULL : b->chain, .in_nat = true,
			};
	}
}

static struct rows complete(struct ruleset *r, const struct nft_hook_list *list, const struct nft_hook *h)
{
	struct rows l = { .r = r };

	for (size_t i = 0; i < list->n; i++) {
		struct nft_hook_row *row = row_add(&l);

		*row = list->row[i];
		if (runs_legacy(row))
			name_legacy(row, h);
		if (row->function && !strncmp(row->function, "nf_nat_ipv", 10))
			add_nat_chains(&l, h);
	}
	return l;
}

/* -- BPF -- */

void hook_order_ask(struct ruleset *r)
{
	if (r->order_asked)
		return;
	r->order_asked = true;
	r->order_rc = nft_order_ask(r->nft, r->netns, &r->order, &r->n_order);
}

/* "ip_vs_in_hook [ip_vs]" */
static void split_symbol(struct arena *a, const char *symbol, struct nft_hook_row *row)
{
	const char *open = symbol ? strstr(symbol, " [") : NULL, *close = open ? strchr(open, ']') : NULL;

	row->function = close ? arena_strndup(a, symbol, open - symbol) : symbol;
	row->module = close ? arena_strndup(a, open + 2, close - open - 2) : NULL;
}

static struct rows by_order(struct ruleset *r, uint8_t pf, uint8_t hook, int ifindex)
{
	struct rows l = { .r = r };

	for (size_t i = 0; i < r->n_order; i++) {
		const struct nft_order *o = &r->order[i];
		struct nft_hook_row *row;

		if (o->pf != pf || o->hook != hook || (pf == NFPROTO_NETDEV && o->ifindex != ifindex))
			continue;
		row = row_add(&l);
		*row = (struct nft_hook_row){
			.priority = o->priority, .family = o->legacy ? pf : o->family, .table = o->table, .chain = o->chain,
			.in_nat = o->in_nat,
			.backend = !o->table ? BACKEND_NONE : o->legacy ? BACKEND_LEGACY : BACKEND_NF_TABLES,
		};
		split_symbol(r->arena, o->function, row);
	}
	return l;
}

/* -- the answer -- */

static int told(struct ruleset *r, const struct rows *l, const char *source, const struct nft_hook_list **out)
{
	const struct nft_hook_list list = { .row = l->v, .n = l->n, .source = source };

	*out = arena_dup(r->arena, &list, sizeof(list));
	return 0;
}

int nft_hook_list(struct nft *nft, uint32_t netns, uint8_t pf, uint8_t hook, int ifindex,
		  const struct nft_hook_list **out, struct err *err)
{
	struct ruleset *r = ruleset_get(nft, netns);
	const struct ask *ask = nft_ask_table(nft);
	const struct link *dev = ifindex && ask && ask->link ? ask->link(ask->ctx, netns, ifindex) : NULL;
	struct nft_hook_list list;
	const struct nft_hook *h;
	struct rows l;
	int rc = nft_hook(nft, netns, pf, hook, ifindex, &h, err);

	if (rc)
		return rc;
	if (h->list)
		list = *h->list;
	else
		rc = hook_list_ask(r, pf, hook, dev ? dev->name : NULL, &list);
	if (!rc) {
		l = complete(r, &list, h);
		return told(r, &l, list.source, out);
	}
	hook_order_ask(r);
	if (r->order_rc)
		return err_set(err, -ENOTSUP, "the kernel's own order of hook functions cannot be read: it has no nfnetlink_hook "
			       "(CONFIG_NETFILTER_NETLINK_HOOK, 5.14 and later), and no BPF program may ask it (5.17 and "
			       "later, as root)");
	l = by_order(r, pf, hook, ifindex);
	return told(r, &l, "BPF", out);
}
