/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's list of one hook, as nfnetlink_hook tells it or the BPF reader: functions, rule chains, and what nobody tells. */
#include "tests/unit/state_fixture.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

enum { NUM = 1, PRIO, DEV, FUNCTION, MODULE, INFO };		/* NFNLA_HOOK_* */
enum { INFO_DESC = 1, INFO_TYPE };
enum { TYPE_CHAIN = 1, TYPE_BPF };
enum { DESC_TABLE = 1, DESC_FAMILY, DESC_NAME, DESC_BPF_ID = 1 };

/* As bpf/hooks.c records a row. */
struct head {
	uint32_t ifindex;
	int32_t priority;
	uint8_t kind, pf, hook, in_nat, family, pad;
	uint16_t len[3];
};

static struct fixture f;
static struct reply r;

static struct nlattr *row_start(int priority, const char *function, const char *module)
{
	reply_start(&r, 12 << 8, sizeof(struct nfgenmsg));
	mnl_attr_put_u32(r.nlh, PRIO, htonl(priority));
	if (function)
		mnl_attr_put_strz(r.nlh, FUNCTION, function);
	if (module)
		mnl_attr_put_strz(r.nlh, MODULE, module);
	return mnl_attr_nest_start(r.nlh, INFO);
}

static void row_end(struct nlattr *info)
{
	mnl_attr_nest_end(r.nlh, info);
	reply_end(&r);
}

static void function(int priority, const char *name, const char *module)
{
	row_end(row_start(priority, name, module));
}

static void chain(int priority, uint8_t family, const char *table, const char *name)
{
	struct nlattr *info = row_start(priority, "nft_do_chain_inet", "nf_tables"), *desc;

	desc = mnl_attr_nest_start(r.nlh, INFO_DESC);
	mnl_attr_put_strz(r.nlh, DESC_TABLE, table);
	mnl_attr_put_strz(r.nlh, DESC_NAME, name);
	mnl_attr_put_u8(r.nlh, DESC_FAMILY, family);
	mnl_attr_nest_end(r.nlh, desc);
	mnl_attr_put_u32(r.nlh, INFO_TYPE, htonl(TYPE_CHAIN));
	row_end(info);
}

static void bpf(int priority, uint32_t id)
{
	struct nlattr *info = row_start(priority, "nf_hook_run_bpf", NULL), *desc;

	desc = mnl_attr_nest_start(r.nlh, INFO_DESC);
	mnl_attr_put_u32(r.nlh, DESC_BPF_ID, htonl(id));
	mnl_attr_nest_end(r.nlh, desc);
	mnl_attr_put_u32(r.nlh, INFO_TYPE, htonl(TYPE_BPF));
	row_end(info);
}

/* A node without rules; modules: what is loaded. */
static void node_open(const char *modules)
{
	static const char builtin[] = "/lib/modules/6.12.0/modules.builtin";

	r.len = 0;
	fixture_open(&f);
	fixture_put(&f, IO_FILE, "/proc/modules", 13, modules, strlen(modules));
	fixture_put(&f, IO_FILE, "/proc/sys/kernel/osrelease", 26, "6.12.0\n", 7);
	fixture_put(&f, IO_FILE, builtin, strlen(builtin), "", 0);
	fixture_missing(&f, "/proc/net/ip_tables_names");
}

static void listed_by_netlink(void)
{
	char buf[256];
	struct nlmsghdr *h;

	memset(buf, 0, sizeof(buf));
	h = nl_nfnl(buf, 12, 0, NLM_F_DUMP, NFPROTO_IPV4);
	mnl_attr_put_u32(h, NUM, htonl(NF_INET_LOCAL_IN));
	fixture_netlink(&f, NETLINK_NETFILTER, h, &r);
	fixture_replay(&f);
}

static int list(const struct nft_hook_list **out, struct err *err)
{
	return nft_hook_list(state_nft(f.s), 0, NFPROTO_IPV4, NF_INET_LOCAL_IN, 0, out, err);
}

static void by_netlink(void **state)
{
	const struct nft_hook_list *l;
	struct err err = { "" };

	(void)state;
	node_open("nfnetlink_hook 16384 0 - Live 0x0\n");
	chain(-1, NFPROTO_INET, "host", "in");
	function(98, "ip_vs_out_hook", "ip_vs");
	function(99, "ip_vs_in_hook", "ip_vs");
	bpf(99, 41);
	function(2147483647, NULL, NULL);
	listed_by_netlink();
	if (list(&l, &err))
		fail_msg("%s", err.text);
	assert_string_equal(l->source, "nfnetlink_hook");
	assert_int_equal(l->n, 5);
	assert_int_equal(l->row[0].backend, BACKEND_NF_TABLES);
	assert_int_equal(l->row[0].family, NFPROTO_INET);
	assert_int_equal(l->row[0].priority, -1);
	assert_string_equal(l->row[0].table, "host");
	assert_string_equal(l->row[0].chain, "in");
	assert_string_equal(l->row[1].function, "ip_vs_out_hook");
	assert_string_equal(l->row[2].module, "ip_vs");
	assert_int_equal(l->row[2].priority, 99);
	assert_int_equal(l->row[2].backend, BACKEND_NONE);
	assert_int_equal(l->row[3].bpf_prog, 41);
	assert_null(l->row[4].function);
	fixture_close(&f);
}

static void put_row(char *to, size_t *n, struct head h, const char *function, const char *table, const char *name)
{
	const char *s[3] = { function, table, name };

	for (unsigned i = 0; i < 3; i++)
		h.len[i] = strlen(s[i]);
	memcpy(to + *n, &h, sizeof(h));
	*n += sizeof(h);
	for (unsigned i = 0; i < 3; i++) {
		memcpy(to + *n, s[i], h.len[i]);
		*n += h.len[i];
	}
}

/* Without nfnetlink_hook; rows of other hooks and families stay out. */
static void by_bpf(void **state)
{
	const struct nft_hook_list *l;
	struct err err = { "" };
	char rows[1024];
	size_t n = 0;

	(void)state;
	node_open("x_tables 1 0 - Live 0x0\n");
	put_row(rows, &n, (struct head){ .priority = 0, .kind = 2, .pf = NFPROTO_IPV4, .hook = NF_INET_LOCAL_IN },
		"ipt_do_table [ip_tables]", "filter", "");
	put_row(rows, &n, (struct head){ .priority = 99, .pf = NFPROTO_IPV4, .hook = NF_INET_LOCAL_IN }, "ip_vs_in_hook [ip_vs]", "", "");
	put_row(rows, &n, (struct head){ .priority = 99, .pf = NFPROTO_IPV6, .hook = NF_INET_LOCAL_IN }, "ip_vs_in_hook [ip_vs]", "", "");
	put_row(rows, &n, (struct head){ .priority = 7, .kind = 1, .pf = NFPROTO_IPV4, .hook = NF_INET_FORWARD, .family = NFPROTO_IPV4 },
		"nft_do_chain_ipv4 [nf_tables]", "t", "c");
	put_row(rows, &n, (struct head){ .priority = 100, .pf = NFPROTO_IPV4, .hook = NF_INET_LOCAL_IN }, "nf_nat_ipv4_local_in [nf_nat]", "", "");
	put_row(rows, &n, (struct head){ .priority = 100, .kind = 1, .pf = NFPROTO_IPV4, .hook = NF_INET_LOCAL_IN, .in_nat = 1,
					 .family = NFPROTO_INET }, "nft_nat_do_chain [nft_chain_nat]", "mine", "in");
	fixture_put(&f, IO_HOOKS, "hooks", 5, rows, n);
	fixture_replay(&f);
	if (list(&l, &err))
		fail_msg("%s", err.text);
	assert_string_equal(l->source, "BPF");
	assert_int_equal(l->n, 4);
	assert_int_equal(l->row[0].backend, BACKEND_LEGACY);
	assert_string_equal(l->row[0].table, "filter");
	assert_string_equal(l->row[0].module, "ip_tables");
	assert_string_equal(l->row[1].function, "ip_vs_in_hook");
	assert_string_equal(l->row[1].module, "ip_vs");
	assert_null(l->row[1].table);
	assert_true(l->row[3].in_nat);
	assert_int_equal(l->row[3].family, NFPROTO_INET);
	fixture_close(&f);
}

static void by_nobody(void **state)
{
	const struct nft_hook_list *l = NULL;
	struct err err = { "" };

	(void)state;
	node_open("x_tables 1 0 - Live 0x0\n");
	fixture_replay(&f);
	assert_int_equal(list(&l, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "no nfnetlink_hook"));
	assert_null(l);
	fixture_close(&f);
}

/* Attributes too short, of no type, or none at all are functions that nobody names. */
static void nonsense(void **state)
{
	const struct nft_hook_list *l;
	struct nlattr *info;
	struct err err = { "" };

	(void)state;
	node_open("nfnetlink_hook 16384 0 - Live 0x0\n");
	reply_start(&r, 12 << 8, sizeof(struct nfgenmsg));
	mnl_attr_put_u8(r.nlh, PRIO, 1);
	reply_end(&r);
	info = row_start(5, "nft_do_chain", NULL);
	mnl_attr_put_u32(r.nlh, INFO_TYPE, htonl(TYPE_CHAIN));
	mnl_attr_put_u8(r.nlh, INFO_DESC, 0);
	row_end(info);
	listed_by_netlink();
	assert_int_equal(list(&l, &err), 0);
	assert_int_equal(l->n, 2);
	assert_null(l->row[0].function);
	assert_int_equal(l->row[1].backend, BACKEND_NONE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_netlink), cmocka_unit_test(by_bpf), cmocka_unit_test(by_nobody), cmocka_unit_test(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
