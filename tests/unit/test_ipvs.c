/* SPDX-License-Identifier: GPL-2.0-only */
/* Virtual services out of hand-built generic netlink: which are found, what the schedulers take, what connections decide. */
#include "tests/unit/state_fixture.h"

#include <linux/genetlink.h>
#include <linux/ip_vs.h>

#include "ipvs/priv.h"

#define GENL	0x21

struct real { const char *addr; uint16_t port; int weight; uint32_t active, inactive, upper, lower; };

struct service {
	const char *addr;
	uint8_t proto;
	uint16_t port;
	uint32_t fwmark, flags;
	const char *sched;
	const struct real *real;
	size_t n;
};

static struct nlmsghdr *ask(char *buf, uint16_t type, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *h;
	struct genlmsghdr *g;

	memset(buf, 0, 512);
	h = mnl_nlmsg_put_header(buf);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->cmd = cmd;
	g->version = 1;
	return h;
}

static struct addr to_addr(const char *text)
{
	struct addr a = {};

	assert_true(addr_parse(text, &a));
	return a;
}

static void put_key(struct nlmsghdr *h, const struct service *s)
{
	struct addr a = to_addr(s->addr);
	uint8_t raw[16] = {};

	memcpy(raw, a.b, addr_len(&a));
	mnl_attr_put_u16(h, IPVS_SVC_ATTR_AF, a.family);
	if (s->fwmark) {
		mnl_attr_put_u32(h, IPVS_SVC_ATTR_FWMARK, s->fwmark);
		return;
	}
	mnl_attr_put_u16(h, IPVS_SVC_ATTR_PROTOCOL, s->proto);
	mnl_attr_put(h, IPVS_SVC_ATTR_ADDR, sizeof(raw), raw);
	mnl_attr_put_u16(h, IPVS_SVC_ATTR_PORT, htons(s->port));
}

static void reply_service(struct reply *r, const struct service *s)
{
	struct ip_vs_flags flags = { .flags = s->flags, .mask = ~0u };
	struct nlattr *nest;

	reply_start(r, GENL, sizeof(struct genlmsghdr));
	nest = mnl_attr_nest_start(r->nlh, IPVS_CMD_ATTR_SERVICE);
	put_key(r->nlh, s);
	mnl_attr_put_strz(r->nlh, IPVS_SVC_ATTR_SCHED_NAME, s->sched);
	mnl_attr_put(r->nlh, IPVS_SVC_ATTR_FLAGS, sizeof(flags), &flags);
	mnl_attr_put_u32(r->nlh, IPVS_SVC_ATTR_TIMEOUT, 600);
	mnl_attr_put_u32(r->nlh, IPVS_SVC_ATTR_NETMASK, strchr(s->addr, ':') ? 128 : ~0u);
	mnl_attr_nest_end(r->nlh, nest);
	reply_end(r);
}

static void reply_real(struct reply *r, const struct real *d)
{
	struct addr a = to_addr(d->addr);
	struct nlattr *nest;
	uint8_t raw[16] = {};

	memcpy(raw, a.b, addr_len(&a));
	reply_start(r, GENL, sizeof(struct genlmsghdr));
	nest = mnl_attr_nest_start(r->nlh, IPVS_CMD_ATTR_DEST);
	mnl_attr_put(r->nlh, IPVS_DEST_ATTR_ADDR, sizeof(raw), raw);
	mnl_attr_put_u16(r->nlh, IPVS_DEST_ATTR_PORT, htons(d->port));
	mnl_attr_put_u16(r->nlh, IPVS_DEST_ATTR_ADDR_FAMILY, a.family);
	mnl_attr_put_u32(r->nlh, IPVS_DEST_ATTR_FWD_METHOD, 0);
	mnl_attr_put_u32(r->nlh, IPVS_DEST_ATTR_WEIGHT, d->weight);
	mnl_attr_put_u32(r->nlh, IPVS_DEST_ATTR_U_THRESH, d->upper);
	mnl_attr_put_u32(r->nlh, IPVS_DEST_ATTR_L_THRESH, d->lower);
	mnl_attr_put_u32(r->nlh, IPVS_DEST_ATTR_ACTIVE_CONNS, d->active);
	mnl_attr_put_u32(r->nlh, IPVS_DEST_ATTR_INACT_CONNS, d->inactive);
	mnl_attr_nest_end(r->nlh, nest);
	reply_end(r);
}

static struct fixture f;
static struct ipvs *v;

static void file(const char *path, const char *text)
{
	fixture_put(&f, IO_FILE, path, strlen(path), text, strlen(text));
}

/* A node with these services; conns: lines of /proc/net/ip_vs_conn; the sysctls that are not 0. */
static void node(const struct service *s, size_t n, const char *conns, const char *const *on)
{
	static struct reply r;
	struct nlmsghdr *h;
	char buf[512];

	fixture_open(&f);
	file("/proc/net/ip_vs_stats", "   Total Incoming Outgoing         Incoming         Outgoing\n");
	r.len = 0;
	reply_start(&r, GENL_ID_CTRL, sizeof(struct genlmsghdr));
	mnl_attr_put_u16(r.nlh, CTRL_ATTR_FAMILY_ID, GENL);
	reply_end(&r);
	h = ask(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(h, CTRL_ATTR_FAMILY_NAME, "IPVS");
	fixture_netlink(&f, NETLINK_GENERIC, h, &r);
	r.len = 0;
	for (size_t i = 0; i < n; i++)
		reply_service(&r, &s[i]);
	fixture_netlink(&f, NETLINK_GENERIC, ask(buf, GENL, IPVS_CMD_GET_SERVICE, NLM_F_DUMP), &r);
	for (size_t i = 0; i < n; i++) {
		struct nlattr *nest;

		r.len = 0;
		for (size_t k = 0; k < s[i].n; k++)
			reply_real(&r, &s[i].real[k]);
		h = ask(buf, GENL, IPVS_CMD_GET_DEST, NLM_F_DUMP);
		nest = mnl_attr_nest_start(h, IPVS_CMD_ATTR_SERVICE);
		put_key(h, &s[i]);
		mnl_attr_nest_end(h, nest);
		fixture_netlink(&f, NETLINK_GENERIC, h, &r);
	}
	file("/proc/net/ip_vs_conn", arena_printf(f.arena, "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires "
						  "PEName PEData\n%s", conns ? conns : ""));
	for (; on && *on; on++)
		fixture_sysctl(&f, arena_printf(f.arena, "net/ipv4/vs/%s", *on), "1\n");
	fixture_replay(&f);
	v = ipvs_open(f.io, f.arena);
}

static struct packet packet(const char *src, uint16_t sport, const char *dst, uint16_t dport, uint8_t proto)
{
	return (struct packet){ .src = to_addr(src), .dst = to_addr(dst), .sport = sport, .dport = dport, .proto = proto,
				.tcp_flags = proto == IPPROTO_TCP ? 2 : 0, .ttl = 64 };
}

/* Every way out of one packet, as "verdict server share; …". */
static const char *ways(const struct packet *p)
{
	static const char *const names[] = { "pass", "send", "leave", "refuse", "drop", "unknown" };
	struct choices *c = choices_new(f.arena, 64);
	struct text t = { .arena = f.arena };

	do {
		struct evidences ev = { .arena = f.arena };
		struct ipvs_run run = { .p = p, .choices = c, .evidence = &ev };
		enum ipvs_verdict got;

		choices_rewind(c);
		got = ipvs_run(v, 0, &run);
		text_add(&t, "%s%s", t.len ? "; " : "", names[got]);
		if (got == IPVS_SEND)
			text_add(&t, " %s", endpoint_say(f.arena, &run.conn.server, run.conn.server_port));
		else if (got != IPVS_PASS)
			assert_non_null(run.why);
		if (choices_kind(c) != SHARE_CERTAIN)
			text_add(&t, " %s %.3f", share_kind_name(choices_kind(c)), choices_share(c));
	} while (choices_next(c));
	return text_get(&t);
}

static void tcp_goes(const char *want, const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct packet p = packet(src, sport, dst, dport, IPPROTO_TCP);

	assert_string_equal(ways(&p), want);
}

#define REALS(...) .real = (const struct real[]){ __VA_ARGS__ }, .n = sizeof((const struct real[]){ __VA_ARGS__ }) / sizeof(struct real)
#define THREE(a, b, c) REALS({ "10.2.0.13", 80, a }, { "10.2.0.12", 80, b }, { "10.2.0.11", 80, c })
#define SERVICE(name, fl, ...) { "10.96.0.1", IPPROTO_TCP, 80, 0, fl, name, __VA_ARGS__ }

static void one(struct service s)
{
	node(&s, 1, NULL, NULL);
}

static void taking_turns(void **state)
{
	(void)state;
	one((struct service)SERVICE("rr", 0, THREE(1, 0, 3)));
	tcp_goes("send 10.2.0.13:80 random 0.500; send 10.2.0.11:80 random 0.500", "10.3.0.2", 40000, "10.96.0.1", 80);
	tcp_goes("pass", "10.3.0.2", 40000, "10.96.0.1", 81);
	tcp_goes("pass", "10.3.0.2", 40000, "10.96.0.2", 80);
	fixture_close(&f);
	one((struct service)SERVICE("wrr", 0, THREE(1, 0, 3)));
	tcp_goes("send 10.2.0.13:80 random 0.250; send 10.2.0.11:80 random 0.750", "10.3.0.2", 40000, "10.96.0.1", 80);
	fixture_close(&f);
	one((struct service)SERVICE("lblc", 0, THREE(1, 0, 3)));
	tcp_goes("send 10.2.0.13:80 unknown 0.500; send 10.2.0.11:80 unknown 0.500", "10.3.0.2", 40000, "10.96.0.1", 80);
	fixture_close(&f);
}

static void refusing(void **state)
{
	(void)state;
	one((struct service)SERVICE("rr", 0, .n = 0));
	tcp_goes("refuse", "10.3.0.2", 40000, "10.96.0.1", 80);
	fixture_close(&f);
	one((struct service)SERVICE("rr", 0, THREE(0, 0, 0)));
	tcp_goes("refuse", "10.3.0.2", 40000, "10.96.0.1", 80);
	fixture_close(&f);
	/* a threshold reached; one between its thresholds; one below */
	one((struct service)SERVICE("rr", 0, REALS({ "10.2.0.1", 80, 1, 5, 5, 10, 4 }, { "10.2.0.2", 80, 1, 5, 0, 10, 4 }, { "10.2.0.3", 80, 1, 1, 0, 10, 4 })));
	tcp_goes("send 10.2.0.2:80 unknown 0.250; send 10.2.0.3:80 unknown 0.250; send 10.2.0.3:80 unknown 0.500", "10.3.0.2", 40000, "10.96.0.1", 80);
	fixture_close(&f);
}

/* What a kernel took: sh with sh-port, 10.3.0.2 from 40000 on. */
static void by_source(void **state)
{
	static const unsigned taken[] = { 13, 12, 11, 12, 11, 12 };

	(void)state;
	one((struct service)SERVICE("sh", IP_VS_SVC_F_SCHED_SH_PORT, THREE(1, 1, 1)));
	for (unsigned i = 0; i < 6; i++)
		tcp_goes(arena_printf(f.arena, "send 10.2.0.%u:80", taken[i]), "10.3.0.2", 40000 + i, "10.96.0.1", 80);
	fixture_close(&f);
}

/* What a 6.12 kernel took: mh with mh-port, 10.3.0.2 from 40800 on. */
static void by_maglev(void **state)
{
	static const unsigned taken[] = { 13, 11, 13, 12, 11, 12, 12, 12 };

	(void)state;
	one((struct service)SERVICE("mh", IP_VS_SVC_F_SCHED2, REALS({ "10.2.0.13", 8080, 1 }, { "10.2.0.12", 8080, 5 }, { "10.2.0.11", 8080, 2 })));
	for (unsigned i = 0; i < 8; i++)
		tcp_goes(arena_printf(f.arena, "send 10.2.0.%u:8080", taken[i]), "10.3.0.2", 40800 + i, "10.96.0.1", 80);
	fixture_close(&f);
}

static void by_load(void **state)
{
	static const struct real real[] = {
		{ "10.2.0.1", 80, 1, 2, 0 }, { "10.2.0.2", 80, 4, 3, 9 }, { "10.2.0.3", 80, 2, 0, 600 },
	};
	static const struct { const char *sched, *want; } rows[] = {
		{ "lc", "send 10.2.0.1:80" }, { "wlc", "send 10.2.0.2:80" }, { "sed", "send 10.2.0.3:80" },
		{ "nq", "send 10.2.0.3:80" }, { "fo", "send 10.2.0.2:80" }, { "ovf", "send 10.2.0.2:80" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		one((struct service){ "10.96.0.1", IPPROTO_TCP, 80, 0, 0, rows[i].sched, real, ARRAY_SIZE(real) });
		tcp_goes(rows[i].want, "10.3.0.2", 40000, "10.96.0.1", 80);
		fixture_close(&f);
	}
}

static void by_mark(void **state)
{
	static const struct real real[] = { { "10.2.0.1", 0, 1 } };
	struct service s = { "10.96.0.1", 0, 0, 7, 0, "rr", real, 1 };
	struct packet p;

	(void)state;
	node(&s, 1, NULL, NULL);
	p = packet("10.3.0.2", 40000, "192.0.2.9", 8443, IPPROTO_TCP);
	assert_string_equal(ways(&p), "pass");
	p.mark = 7;
	assert_string_equal(ways(&p), "send 10.2.0.1:8443");
	p.proto = IPPROTO_ICMP;
	assert_string_equal(ways(&p), "pass");
	fixture_close(&f);
}

/* A service by mark without server, and cache_bypass: past it, if the walk finds that the address is elsewhere. */
static void past_all(void **state)
{
	static const char conns[] = "TCP 0A030002 9C40 C0000209 20FB 00000000 0000 SYN_RECV         60\n";
	struct service s = { "10.96.0.1", 0, 0, 7, 0, "rr", NULL, 0 };
	struct packet p;

	(void)state;
	node(&s, 1, conns, NULL);
	p = packet("10.3.0.2", 40001, "192.0.2.9", 8443, IPPROTO_TCP);
	p.mark = 7;
	assert_string_equal(ways(&p), "refuse");
	/* its first packet went so: the others do */
	p.sport = 40000;
	assert_string_equal(ways(&p), "send 192.0.2.9:8443 existing 1.000");
	fixture_close(&f);
	node(&s, 1, conns, (const char *const[]){ "cache_bypass", NULL });
	p.sport = 40001;
	assert_string_equal(ways(&p), "leave");
	fixture_close(&f);
}

static enum answer refused(const char *src, uint16_t sport, uint8_t proto)
{
	struct packet p = packet(src, sport, "10.3.0.2", 40000, proto);
	struct evidences ev = { .arena = f.arena };
	enum answer a = ipvs_refuses_answer(v, 0, &p, &ev);

	assert_int_equal(ev.n, a == YES ? 2 : 0);
	return a;
}

/* ip_vs_out_hook(): what a real server sends that belongs to no connection. */
static void unasked_answers(void **state)
{
	struct service s = SERVICE("rr", 0, THREE(1, 1, 0));
	struct packet reset = packet("10.2.0.13", 80, "10.3.0.2", 40000, IPPROTO_TCP);
	struct evidences ev = { .arena = NULL };

	(void)state;
	node(&s, 1, NULL, NULL);
	assert_int_equal(refused("10.2.0.13", 80, IPPROTO_TCP), NO);
	fixture_close(&f);
	node(&s, 1, NULL, (const char *const[]){ "nat_icmp_send", NULL });
	assert_int_equal(refused("10.2.0.13", 80, IPPROTO_TCP), YES);
	assert_int_equal(refused("10.2.0.11", 80, IPPROTO_TCP), YES);	/* silenced, but a real server */
	assert_int_equal(refused("10.2.0.13", 81, IPPROTO_TCP), NO);
	assert_int_equal(refused("10.2.0.14", 80, IPPROTO_TCP), NO);
	assert_int_equal(refused("10.2.0.13", 80, IPPROTO_UDP), NO);
	assert_int_equal(refused("10.2.0.13", 80, IPPROTO_ICMP), NO);
	reset.tcp_flags = 0x04;
	ev.arena = f.arena;
	assert_int_equal(ipvs_refuses_answer(v, 0, &reset, &ev), NO);
	fixture_close(&f);
}

static void connections(void **state)
{
	static const char conns[] = "TCP 0A030002 9C40 0A600001 0050 0A02000B 0050 ESTABLISHED     900\n"
				    "TCP 0A030002 9C41 0A600001 0050 0A02000B 0050 TIME_WAIT        90\n"
				    "TCP 0A030002 9C42 0A600001 0050 0A0200FF 0050 ESTABLISHED     900\n"
				    "TCP fd00:0000:0000:0000:0000:0000:0000:0002 9C40 fd96:0000:0000:0000:0000:0000:0000:0001 0050 "
				    "fd44:0000:0000:0000:0000:0000:0000:0002 1F90 ESTABLISHED     900\n";
	struct service s[] = { SERVICE("rr", 0, THREE(1, 0, 0)),
		{ "fd96::1", IPPROTO_TCP, 80, 0, 0, "rr", REALS({ "fd44::3", 8080, 1 }, { "fd44::2", 8080, 1 }) } };
	struct packet p;

	(void)state;
	node(s, 2, conns, NULL);
	/* a silenced server keeps its connections; one that is gone drops them */
	tcp_goes("send 10.2.0.11:80 existing 1.000", "10.3.0.2", 40000, "10.96.0.1", 80);
	tcp_goes("drop", "10.3.0.2", 40002, "10.96.0.1", 80);
	tcp_goes("send [fd44::2]:8080 existing 1.000", "fd00::2", 40000, "fd96::1", 80);
	p = packet("10.3.0.2", 40001, "10.96.0.1", 80, IPPROTO_TCP);
	assert_string_equal(ways(&p), "send 10.2.0.11:80 existing 1.000");
	fixture_close(&f);
	node(s, 2, conns, (const char *const[]){ "conn_reuse_mode", "expire_nodest_conn", "conntrack", NULL });
	tcp_goes("send 10.2.0.13:80", "10.3.0.2", 40001, "10.96.0.1", 80);
	tcp_goes("send 10.2.0.13:80", "10.3.0.2", 40002, "10.96.0.1", 80);
	p.ct.existing = true;
	assert_string_equal(ways(&p), "drop");
	p.tcp_flags = 0x10;
	assert_string_equal(ways(&p), "send 10.2.0.11:80 existing 1.000");
	p.sport = 40010;
	assert_string_equal(ways(&p), "pass");
	fixture_close(&f);
}

/* A connection stays with its service when the packet's mark is that of another by now. */
static void connections_by_mark(void **state)
{
	static const char conns[] = "TCP 0A030002 9C40 0A600001 0050 0A02000B 0050 ESTABLISHED     900\n"
				    "TCP 0A030002 9C41 0A600001 0050 0A020001 1F90 ESTABLISHED     900\n"
				    "TCP 0A030002 9C42 0A600001 0050 0A0200FF 0050 ESTABLISHED     900\n";
	struct service s[] = { SERVICE("rr", 0, THREE(1, 1, 1)),
			       { "10.96.0.1", 0, 0, 7, 0, "rr", REALS({ "10.2.0.1", 8080, 1 }) } };
	struct packet p = packet("10.3.0.2", 40000, "10.96.0.1", 80, IPPROTO_TCP);

	(void)state;
	node(s, 2, conns, (const char *const[]){ "expire_nodest_conn", "conntrack", NULL });
	p.ct.existing = true;
	p.tcp_flags = 0x10;
	p.mark = 7;
	assert_string_equal(ways(&p), "send 10.2.0.11:80 existing 1.000");
	p.mark = 0;
	p.sport = 40001;
	assert_string_equal(ways(&p), "send 10.2.0.1:8080 existing 1.000");
	p.sport = 40002;
	assert_string_equal(ways(&p), "drop");
	fixture_close(&f);
}

static void templates(void **state)
{
	static const char conns[] = "TCP 0A030002 0000 0A600001 0050 0A02000C 0050 NONE            599\n"
				    "TCP 0A030003 0000 0A600001 0050 0A02000B 0050 NONE            599\n";
	struct service s = SERVICE("rr", IP_VS_SVC_F_PERSISTENT, THREE(1, 1, 0));

	(void)state;
	node(&s, 1, conns, NULL);
	tcp_goes("send 10.2.0.12:80 existing 1.000", "10.3.0.2", 40000, "10.96.0.1", 80);
	tcp_goes("send 10.2.0.11:80 existing 1.000", "10.3.0.3", 40000, "10.96.0.1", 80);
	tcp_goes("send 10.2.0.13:80 random 0.500; send 10.2.0.12:80 random 0.500", "10.3.0.4", 40000, "10.96.0.1", 80);
	fixture_close(&f);
	node(&s, 1, conns, (const char *const[]){ "expire_quiescent_template", NULL });
	tcp_goes("send 10.2.0.13:80 random 0.500; send 10.2.0.12:80 random 0.500", "10.3.0.3", 40000, "10.96.0.1", 80);
	fixture_close(&f);
}

static void without_ipvs(void **state)
{
	struct packet p = packet("10.3.0.2", 40000, "10.96.0.1", 80, IPPROTO_TCP);

	(void)state;
	fixture_open(&f);
	fixture_missing(&f, "/proc/net/ip_vs_stats");
	fixture_replay(&f);
	v = ipvs_open(f.io, f.arena);
	assert_string_equal(ways(&p), "pass");
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taking_turns), cmocka_unit_test(refusing), cmocka_unit_test(by_source), cmocka_unit_test(by_maglev),
		cmocka_unit_test(by_load), cmocka_unit_test(by_mark), cmocka_unit_test(past_all),
		cmocka_unit_test(unasked_answers), cmocka_unit_test(connections),
		cmocka_unit_test(connections_by_mark),
		cmocka_unit_test(templates), cmocka_unit_test(without_ipvs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
