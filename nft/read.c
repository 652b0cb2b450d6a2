/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nf_tables over netlink: tables, chains, objects, and rules one chain at a time. A dump of all rules of a
 * family is quadratic in the kernel (nf_tables_dump_rules() walks from the start at each resume); one of a
 * chain is not.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/request.h"
#include "nft/ruleset.h"
#include "nft/xt.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

#define DEVICE_PREFIX	2		/* NFTA_DEVICE_PREFIX, 6.16 */

static const char *family_name(uint8_t family)
{
	static const char *const name[FAMILIES] = {
		[NFPROTO_INET] = "inet", [NFPROTO_IPV4] = "ip", [NFPROTO_ARP] = "arp",
		[NFPROTO_NETDEV] = "netdev", [NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6",
	};

	return family < FAMILIES && name[family] ? name[family] : "?";
}

static int ask(struct ruleset *r, struct nlmsghdr *req, nl_cb cb, void *ctx)
{
	return nl_ask(nft_io(r->nft), r->netns, NETLINK_NETFILTER, req, cb, ctx, NULL);
}

/* -- tables -- */

static int table_cb(const struct nlmsghdr *nlh, void *ctx)
{
	struct ruleset *r = ctx;
	const struct nlattr *tb[NFTA_TABLE_MAX + 1];
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);
	struct nft_table *t;

	nl_attrs(nlh, sizeof(*g), tb, NFTA_TABLE_MAX);
	if (!tb[NFTA_TABLE_NAME])
		return 0;
	t = VEC_PUSH(r->arena, r->table, r->n_table, r->cap_table);
	t->backend = BACKEND_NF_TABLES;
	t->family = g->nfgen_family;
	t->name = nl_str(r->arena, tb[NFTA_TABLE_NAME]);
	t->flags = nl_be32(tb[NFTA_TABLE_FLAGS], 0);
	if (tb[NFTA_TABLE_OWNER])
		t->owner = arena_printf(r->arena, "netlink port %u", nl_be32(tb[NFTA_TABLE_OWNER], 0));
	return 0;
}

static void legacy_add(struct ruleset *r, uint8_t family)
{
	for (const char *const *name = legacy_tables(r->nft, r->netns, family); name && *name; name++) {
		struct nft_table *t = VEC_PUSH(r->arena, r->table, r->n_table, r->cap_table);

		t->backend = BACKEND_LEGACY;
		t->family = family;
		t->name = *name;
	}
}

int read_tables(struct ruleset *r, struct err *err)
{
	char buf[256];
	int rc = 0;

	if (r->tables_read)
		return r->tables_rc ? err_set(err, r->tables_rc, "cannot read the tables of nf_tables: %s",
					      strerror(-r->tables_rc)) : 0;
	r->tables_read = true;
	if (r->present != NO)
		rc = ask(r, nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE, NLM_F_DUMP, NFPROTO_UNSPEC),
			 table_cb, r);
	r->tables_rc = rc;
	if (rc)
		return err_set(err, rc, "cannot read the tables of nf_tables: %s", strerror(-rc));
	legacy_add(r, NFPROTO_IPV4);
	legacy_add(r, NFPROTO_IPV6);
	return 0;
}

static bool has_tables(const struct ruleset *r, uint8_t family)
{
	for (size_t i = 0; i < r->n_table; i++)
		if (r->table[i].backend == BACKEND_NF_TABLES && r->table[i].family == family)
			return true;
	return false;
}

/* -- chains without their rules -- */

struct chains_ctx {
	struct ruleset *r;
	struct family *f;
	bool names;
	const char *table;		/* the last one's name, shared */
};

static void base_add(struct chains_ctx *c, const struct nft_base *b, uint64_t handle)
{
	struct family *f = c->f;

	*VEC_PUSH(c->r->arena, f->base, f->n_base, f->cap_base) = *b;
	f->n_base--;
	*VEC_PUSH(c->r->arena, f->base_handle, f->n_base, f->cap_handle) = handle;
}

/* One row for each device that the chain is bound to (nft_dump_basechain_hook()). */
static void base_devices(struct chains_ctx *c, struct nft_base *b, uint64_t handle, const struct nlattr *devs)
{
	const struct nlattr *a;

	NL_EACH(a, devs) {
		const char *name = nl_str(c->r->arena, a);

		if (nl_type(a) == NFTA_DEVICE_NAME)
			b->dev = name;
		else if (nl_type(a) == DEVICE_PREFIX)
			b->dev = arena_printf(c->r->arena, "%s*", name);
		else
			continue;
		base_add(c, b, handle);
	}
}

static void base_decode(struct chains_ctx *c, const struct nlattr **tb, struct nft_base *b)
{
	const struct nlattr *hook[NFTA_HOOK_MAX + 1];
	const char *type = nl_str(c->r->arena, tb[NFTA_CHAIN_TYPE]);
	uint64_t handle = nl_be64(tb[NFTA_CHAIN_HANDLE], 0);

	nl_nested(tb[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_MAX);
	b->backend = BACKEND_NF_TABLES;
	b->type = !type || !strcmp(type, "filter") ? NFT_BASE_FILTER :
		  !strcmp(type, "nat") ? NFT_BASE_NAT : NFT_BASE_ROUTE;
	b->hook = nl_be32(hook[NFTA_HOOK_HOOKNUM], 0);
	b->priority = (int)nl_be32(hook[NFTA_HOOK_PRIORITY], 0);
	b->policy = nl_be32(tb[NFTA_CHAIN_POLICY], NF_ACCEPT);
	b->order_known = true;
	if (hook[NFTA_HOOK_DEVS]) {
		base_devices(c, b, handle, hook[NFTA_HOOK_DEVS]);
		return;
	}
	b->dev = nl_str(c->r->arena, hook[NFTA_HOOK_DEV]);
	base_add(c, b, handle);
}

static int chains_cb(const struct nlmsghdr *nlh, void *ctx)
{
	struct chains_ctx *c = ctx;
	struct family *f = c->f;
	const struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);
	struct nft_base b = { .family = g->nfgen_family };

	nl_attrs(nlh, sizeof(*g), tb, NFTA_CHAIN_MAX);
	if (!tb[NFTA_CHAIN_NAME] || !tb[NFTA_CHAIN_TABLE] || !nl_len(tb[NFTA_CHAIN_TABLE]))
		return 0;
	if (!c->names && !tb[NFTA_CHAIN_HOOK])
		return 0;
	if (!c->table || strncmp(c->table, nl_data(tb[NFTA_CHAIN_TABLE]),
				 nl_len(tb[NFTA_CHAIN_TABLE])))
		c->table = nl_str(c->r->arena, tb[NFTA_CHAIN_TABLE]);
	b.table = c->table;
	if (mnl_attr_validate(tb[NFTA_CHAIN_NAME], MNL_TYPE_NUL_STRING) < 0)
		return 0;
	b.chain = ruleset_str(c->r, nl_data(tb[NFTA_CHAIN_NAME]));
	if (tb[NFTA_CHAIN_HOOK] && !f->base_read)
		base_decode(c, tb, &b);
	if (c->names) {
		*VEC_PUSH(c->r->arena, f->name, f->n_name, f->cap_name) = b.chain;
		f->n_name--;
		*VEC_PUSH(c->r->arena, f->table, f->n_name, f->cap_table) = c->table;
	}
	return 0;
}

int read_family(struct ruleset *r, uint8_t family, bool names, struct err *err)
{
	struct family *f = &r->family[family % FAMILIES];
	struct chains_ctx c = { .r = r, .f = f, .names = names };
	char buf[256];
	int rc = read_tables(r, err);

	if (rc)
		return rc;
	if (f->base_read && (f->names_read || !names || f->rc))
		return f->rc ? err_set(err, f->rc, "cannot read the %s chains of nf_tables: %s",
				       family_name(family), strerror(-f->rc)) : 0;
	if (has_tables(r, family))
		rc = ask(r, nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETCHAIN, NLM_F_DUMP, family),
			 chains_cb, &c);
	f->base_read = true;
	f->names_read = names;
	f->rc = rc;
	if (rc)
		return err_set(err, rc, "cannot read the %s chains of nf_tables: %s", family_name(family),
			       strerror(-rc));
	return 0;
}

static int nothing_cb(const struct nlmsghdr *nlh UNUSED, void *ctx UNUSED)
{
	return 0;
}

static int ask_chain(struct ruleset *r, uint8_t family, const char *table, const char *name)
{
	char buf[REQUEST_SIZE];

	return ask(r, request_chain(buf, family, table, name), nothing_cb, NULL);
}

/* In a snapshot the whole dump answers, since nobody could record the names that do not exist. */
static enum answer exists_in_dump(struct ruleset *r, uint8_t family, const char *table, const char *name)
{
	const struct family *f = &r->family[family % FAMILIES];

	if (read_family(r, family, true, NULL))
		return UNKNOWN;
	for (size_t i = 0; i < f->n_name; i++)
		if (!strcmp(f->name[i], name) && !strcmp(f->table[i], table))
			return YES;
	return NO;
}

enum answer read_chain_exists(struct ruleset *r, uint8_t family, const char *table, const char *name)
{
	char key[RULESET_KEY];
	void **slot;
	int rc;

	if (strlen(table) >= NFT_NAME_MAXLEN || strlen(name) >= NFT_NAME_MAXLEN)
		return NO;
	if (io_mode(nft_io(r->nft)) != IO_LIVE)
		return exists_in_dump(r, family, table, name);
	slot = map_slot(&r->exists, key, ruleset_key(key, family, table, name));
	if (!*slot) {
		rc = r->present == NO ? -ENOENT : ask_chain(r, family, table, name);
		*slot = arena_dup(r->arena, &rc, sizeof(rc));
	}
	rc = *(int *)*slot;
	return !rc ? YES : rc == -ENOENT ? NO : UNKNOWN;
}

bool table_is_iptables(struct ruleset *r, uint8_t family, const char *table)
{
	static const char *const tables[] = { "filter", "nat", "mangle", "raw", "security" };
	static const char *const chains[] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING" };
	const struct family *f = &r->family[family % FAMILIES];
	bool known = false;

	if (family != NFPROTO_IPV4 && family != NFPROTO_IPV6)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		known |= !strcmp(table, tables[i]);
	for (size_t i = 0; known && i < f->n_base; i++)
		for (size_t j = 0; j < ARRAY_SIZE(chains); j++)
			if (!strcmp(f->base[i].table, table) && !strcmp(f->base[i].chain, chains[j]))
				return true;
	return false;
}

/* -- the rules of one chain -- */

struct rules_ctx {
	struct ruleset *r;
	struct native_chain *c;
	size_t cap;
	struct decode decode;
};

/* NFTNL_UDATA_RULE_COMMENT is 0: type, length, text. */
static const char *udata_comment(struct arena *a, const struct nlattr *attr)
{
	const uint8_t *p = attr ? nl_data(attr) : NULL;
	size_t left = attr ? nl_len(attr) : 0;

	while (left >= 2 && left - 2 >= p[1]) {
		if (p[0] == 0)
			return arena_strndup(a, (const char *)p + 2, p[1]);
		left -= 2 + p[1];
		p += 2 + p[1];
	}
	return NULL;
}

static int rules_cb(const struct nlmsghdr *nlh, void *ctx)
{
	struct rules_ctx *x = ctx;
	struct chain *c = &x->c->chain;
	const struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct rule *rule;

	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX);
	rule = VEC_PUSH(x->r->arena, c->rule, c->n_rule, x->cap);
	rule->handle = nl_be64(tb[NFTA_RULE_HANDLE], 0);
	rule->index = c->n_rule;
	rule->comment = udata_comment(x->r->arena, tb[NFTA_RULE_USERDATA]);
	if (tb[NFTA_RULE_EXPRESSIONS])
		expr_decode_rule(&x->decode, tb[NFTA_RULE_EXPRESSIONS], rule);
	x->c->iptables |= x->decode.xt;
	return 0;
}

static int ask_rules(struct ruleset *r, struct native_chain *c)
{
	char buf[REQUEST_SIZE];
	struct rules_ctx x = {
		.r = r, .c = c,
		.decode = { .arena = r->arena, .ruleset = r, .family = c->chain.family, .table = c->chain.table },
	};

	return ask(r, request_rules(buf, c->chain.family, c->chain.table, c->chain.name), rules_cb, &x);
}

const struct native_chain *read_chain(struct ruleset *r, uint8_t family, const char *table, const char *name)
{
	char key[RULESET_KEY];
	void **slot = map_slot(&r->chain, key, ruleset_key(key, family, table, name));
	struct native_chain *c = *slot;

	if (c)
		return c;
	c = *slot = arena_alloc(r->arena, sizeof(*c));
	c->chain.table = ruleset_str(r, table);
	c->chain.name = ruleset_str(r, name);
	c->chain.family = family;
	c->chain.backend = BACKEND_NF_TABLES;
	c->ruleset = r;
	if (strlen(table) >= NFT_NAME_MAXLEN || strlen(name) >= NFT_NAME_MAXLEN || r->present == NO) {
		c->rc = -ENOENT;
		return c;
	}
	c->rc = ask_rules(r, c);
	/* A dump of a chain that is not there is empty (nf_tables_dump_rules()). */
	if (!c->rc && !c->chain.n_rule) {
		enum answer there = read_chain_exists(r, family, table, name);

		c->rc = there == YES ? 0 : there == NO ? -ENOENT : -EIO;
	}
	c->iptables |= table_is_iptables(r, family, table);
	return c;
}

/* -- objects -- */

struct object_ctx {
	struct arena *arena;
	struct object *o;
};

static int object_cb(const struct nlmsghdr *nlh, void *ctx)
{
	struct object_ctx *x = ctx;
	const struct nlattr *tb[NFTA_OBJ_MAX + 1];

	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_OBJ_MAX);
	x->o->type = nl_be32(tb[NFTA_OBJ_TYPE], 0);
	if (tb[NFTA_OBJ_DATA])
		x->o->data = arena_dup(x->arena, tb[NFTA_OBJ_DATA], tb[NFTA_OBJ_DATA]->nla_len);
	return 0;
}

const struct object *read_object(struct ruleset *r, uint8_t family, const char *table, const char *name,
				 uint32_t type, int *rc)
{
	char key[RULESET_KEY], buf[1024];
	size_t len = ruleset_key(key, family, table, name);
	struct object_ctx x = { .arena = r->arena };
	struct nlmsghdr *h;
	void **slot;

	key[len++] = type;
	slot = map_slot(&r->object, key, len);
	*rc = 0;
	if (*slot)
		return *slot;
	if (strlen(table) >= NFT_NAME_MAXLEN || strlen(name) >= NFT_NAME_MAXLEN) {
		*rc = -ENOENT;
		return NULL;
	}
	x.o = arena_alloc(r->arena, sizeof(*x.o));
	x.o->name = ruleset_str(r, name);
	h = nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETOBJ, 0, family);
	mnl_attr_put_strz(h, NFTA_OBJ_TABLE, table);
	mnl_attr_put_strz(h, NFTA_OBJ_NAME, name);
	mnl_attr_put_u32(h, NFTA_OBJ_TYPE, htonl(type));
	*rc = ask(r, h, object_cb, &x);
	if (*rc)
		return NULL;
	*slot = x.o;
	return x.o;
}

/* -- a snapshot -- */

/* What matches and targets will ask when they are run. */
static void record_xt(struct ruleset *r, const struct native_chain *c)
{
	for (size_t i = 0; i < c->chain.n_rule; i++)
		for (size_t j = 0; j < c->chain.rule[i].n_step; j++)
			if (c->chain.rule[i].step[j].ops->say != expr_say)
				xt_step_record(r->nft, r->netns, (struct step *)&c->chain.rule[i].step[j]);
}

struct objects_ctx {
	struct ruleset *r;
	uint8_t family;
	struct object_id {
		const char *table, *name;
		uint32_t type;
	} *v;
	size_t n, cap;
};

static int objects_cb(const struct nlmsghdr *nlh, void *ctx)
{
	struct objects_ctx *x = ctx;
	const struct nlattr *tb[NFTA_OBJ_MAX + 1];
	struct object_id *id;

	nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_OBJ_MAX);
	if (!tb[NFTA_OBJ_TABLE] || !tb[NFTA_OBJ_NAME])
		return 0;
	id = VEC_PUSH(x->r->arena, x->v, x->n, x->cap);
	id->table = nl_str(x->r->arena, tb[NFTA_OBJ_TABLE]);
	id->name = nl_str(x->r->arena, tb[NFTA_OBJ_NAME]);
	id->type = nl_be32(tb[NFTA_OBJ_TYPE], 0);
	return 0;
}

static int read_objects_all(struct ruleset *r, uint8_t family, struct err *err)
{
	struct objects_ctx x = { .r = r, .family = family };
	char buf[256];
	int rc = ask(r, nl_nfnl(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETOBJ, NLM_F_DUMP, family), objects_cb, &x);

	for (size_t i = 0; !rc && i < x.n; i++) {
		read_object(r, family, x.v[i].table, x.v[i].name, x.v[i].type, &rc);
		if (rc == -ENOENT)
			rc = 0;
	}
	return rc ? err_set(err, rc, "cannot read the objects of nf_tables: %s", strerror(-rc)) : 0;
}

int read_family_all(struct ruleset *r, uint8_t family, struct err *err)
{
	struct family *f = &r->family[family % FAMILIES];
	int rc = read_family(r, family, true, err);

	for (size_t i = 0; !rc && i < f->n_name; i++) {
		const struct native_chain *c = read_chain(r, family, f->table[i], f->name[i]);

		record_xt(r, c);
		if (c->rc && c->rc != -ENOENT)
			rc = err_set(err, c->rc, "cannot read chain %s %s %s: %s", family_name(family),
				     f->table[i], f->name[i], strerror(-c->rc));
	}
	return rc ?: read_objects_all(r, family, err);
}
