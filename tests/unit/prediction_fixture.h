/* SPDX-License-Identifier: GPL-2.0-only */
/* Predictions made by hand, for the printers' tests; each is what a walk over such a node would leave. */
#ifndef KTRACE_TESTS_PREDICTION_FIXTURE_H
#define KTRACE_TESTS_PREDICTION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/out.h"

#include <linux/netfilter.h>

/* One path under construction. */
struct path {
	struct arena *a;
	struct packet now;
	struct hop *hop;
	size_t n, cap;
	struct evidences ev;
	const char *iif, *oif, *place;
	bool reply;
};

static inline struct addr fixture_addr(const char *s)
{
	struct addr a = { 0 };

	assert_true(addr_parse(s, &a));
	return a;
}

static inline struct path path_new(struct arena *a, const char *src, const char *dst, uint16_t dport, uint8_t proto)
{
	struct path p = { .a = a, .ev = { .arena = a } };

	p.now.src = fixture_addr(src);
	p.now.dst = fixture_addr(dst);
	p.now.sport = 40000;
	p.now.dport = dport;
	p.now.proto = proto;
	return p;
}

static inline struct evidence *path_rule(struct path *p, enum effect effect, const char *table, const char *chain,
					 uint32_t index, uint64_t handle, const char *text)
{
	struct evidence *e = evidence_add(&p->ev, EV_RULE);

	e->effect = effect;
	e->backend = BACKEND_NF_TABLES;
	e->family = p->now.dst.family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	e->table = table;
	e->chain = chain;
	e->index = index;
	e->handle = handle;
	e->text = text;
	return e;
}

static inline void path_jump(struct path *p, const char *table, const char *chain, uint32_t index, uint64_t handle,
			     const char *to, const char *text)
{
	path_rule(p, EFFECT_JUMP, table, chain, index, handle, text)->jump = to;
}

static inline struct evidence *path_other(struct path *p, enum evidence_kind kind, const char *text)
{
	struct evidence *e = evidence_add(&p->ev, kind);

	e->text = text;
	return e;
}

/* Ends the hop: what changed since before is in p->now. */
static inline struct hop *path_hop(struct path *p, enum stage stage, uint8_t hook, int priority, bool nat,
				   const struct packet *before)
{
	struct hop *h = VEC_PUSH(p->a, p->hop, p->n, p->cap);

	*h = (struct hop){
		.stage = stage, .hook = hook, .priority = priority, .nat = nat, .reply = p->reply, .place = p->place,
		.iif = p->iif, .oif = p->oif, .in = *before, .out = p->now,
		.evidence = p->ev.v, .n_evidence = p->ev.n,
	};
	p->ev = (struct evidences){ .arena = p->a };
	return h;
}

static inline void path_route(struct path *p, enum stage stage, const char *oif, int ifindex, const char *text)
{
	struct packet before = p->now;

	p->now.oif = ifindex;
	p->oif = oif;
	path_other(p, EV_ROUTE, text);
	path_hop(p, stage, 0, 0, false, &before);
}

static inline void path_to(struct path *p, const char *addr, uint16_t port)
{
	p->now.dst = fixture_addr(addr);
	p->now.dport = port;
}

static inline struct trace path_end(struct path *p, enum end_kind kind, enum end_cause cause, const char *why,
				    double share)
{
	struct hop *last = &p->hop[p->n - 1];

	last->verdict = (struct verdict){ kind, cause, why };
	return (struct trace){
		.target = { .src = p->hop[0].in.src, .dst = p->hop[0].in.dst, .sport = p->hop[0].in.sport,
			    .dport = p->hop[0].in.dport, .proto = p->now.proto },
		.share = share, .share_kind = share < 1 ? SHARE_RANDOM : SHARE_CERTAIN,
		.has_endpoint = true, .endpoint = p->now.dst, .endpoint_port = p->now.dport,
		.end = last->verdict, .hops = p->hop, .n_hops = p->n,
	};
}

/* From the node through KUBE-SERVICES to endpoint i of n on cni0, at its socket; blocked by FORWARD's policy if drop. */
static inline struct trace service_path(struct arena *a, unsigned i, unsigned n, bool drop)
{
	const char *endpoint = arena_printf(a, "10.244.%u.%u", 1 + i / 200, 10 + i % 200);
	const char *sep = arena_printf(a, "KUBE-SEP-%c%c%cEXAMPLE", 'A' + i / 26 % 26, 'A' + i % 26, 'X');
	struct path p = path_new(a, "192.168.50.11", "10.96.10.1", 80, IPPROTO_TCP);
	struct packet before;

	path_route(&p, STAGE_ROUTE_OUTPUT, "eth0", 2, "default via 192.168.50.10 dev eth0");
	p.now.ct.state = CT_NEW;
	before = p.now;
	path_jump(&p, "nat", "OUTPUT", 1, 12, "KUBE-SERVICES", "-m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES");
	path_jump(&p, "nat", "KUBE-SERVICES", 7, 140, "KUBE-SVC-5O3K3WW6EXAMPLE1",
		  "-d 10.96.10.1/32 -p tcp -m comment --comment \"prod/web:http cluster IP\" -m tcp --dport 80 -j KUBE-SVC-5O3K3WW6EXAMPLE1");
	path_jump(&p, "nat", "KUBE-SVC-5O3K3WW6EXAMPLE1", i + 2, 300 + i, sep,
		  arena_printf(a, "-m comment --comment \"prod/web:http -> %s:8080\" -m statistic --mode random --probability %.5f -j %s",
			       endpoint, 1.0 / (n - i), sep));
	path_to(&p, endpoint, 8080);
	path_rule(&p, EFFECT_VERDICT, "nat", sep, 2, 500 + i,
		  arena_printf(a, "-p tcp -m comment --comment prod/web:http -m tcp -j DNAT --to-destination %s:8080", endpoint));
	path_hop(&p, STAGE_HOOK, NF_INET_LOCAL_OUT, -100, true, &before);
	path_route(&p, STAGE_REROUTE, "cni0", 5, arena_printf(a, "10.244.%u.0/24 dev cni0", 1 + i / 200));
	before = p.now;
	if (drop) {
		struct evidence *e = evidence_add(&p.ev, EV_POLICY);

		e->effect = EFFECT_VERDICT;
		e->backend = BACKEND_NF_TABLES;
		e->family = NFPROTO_IPV4;
		e->table = "filter";
		e->chain = "OUTPUT";
		e->text = "policy DROP";
		path_hop(&p, STAGE_HOOK, NF_INET_LOCAL_OUT, 0, false, &before);
		return path_end(&p, END_DROP, CAUSE_POLICY, "OUTPUT policy drop", 1.0 / n);
	}
	p.place = arena_printf(a, "web-%u", i + 1);
	p.oif = NULL;
	path_other(&p, EV_SOCKET, "LISTEN 0 128 0.0.0.0:8080");
	path_hop(&p, STAGE_SOCKET, 0, 0, false, &before);
	{
		struct trace t = path_end(&p, END_DELIVERED, CAUSE_NONE, arena_printf(a, "a socket of %s takes it", p.place),
					  1.0 / n);

		t.endpoint_place = p.place;
		return t;
	}
}

static inline struct prediction fixture_base(struct arena *a, const char *input, struct trace *t, size_t n)
{
	struct target_port *port = arena_alloc(a, sizeof(*port));
	struct addr *addr = arena_alloc(a, sizeof(*addr));
	struct prediction p = {
		.node = "worker-1", .kernel = "6.12.95", .sport = 40000,
		.proxy = { PROXY_IPTABLES, BACKEND_NF_TABLES, NULL, 0, "kube-proxy iptables on nf_tables", "iptables (nf_tables)", NULL, 0 },
		.source = { .input = "node", .kind = SOURCE_NODE }, .source_addr = t[0].target.src,
		.facts = { .ct_count = -1, .ct_max = -1 }, .trace = t, .n_trace = n,
	};

	*addr = t[0].target.dst;
	*port = (struct target_port){ .name = "http", .port = t[0].target.dport, .proto = t[0].target.proto,
				      .addr = addr, .n_addr = 1 };
	p.target = (struct resolved){
		.target = { .input = input, .kind = TARGET_SERVICE, .namespace = "prod", .name = "web" },
		.port = port, .n_port = 1,
	};
	p.outcome = prediction_outcome(t, n);
	return p;
}

static inline struct prediction fixture_service(struct arena *a, unsigned n, unsigned dropped)
{
	struct trace *t = arena_alloc(a, n * sizeof(*t));

	for (unsigned i = 0; i < n; i++)
		t[i] = service_path(a, i, n, i + dropped >= n);
	return fixture_base(a, "svc/prod/web", t, n);
}

/* Three endpoints, the last behind a policy that drops; with its finding. */
static inline struct prediction fixture_partly(struct arena *a)
{
	struct prediction p = fixture_service(a, 3, 1);
	struct finding *f = arena_alloc(a, sizeof(*f));
	size_t *paths = arena_alloc(a, sizeof(*paths));
	const struct hop *last = &p.trace[2].hops[p.trace[2].n_hops - 1];

	*paths = 2;
	*f = (struct finding){
		.id = "output-policy-drop", .severity = SEVERITY_ERROR, .title = "The OUTPUT chain drops what no rule accepts",
		.text = "No rule of ip filter OUTPUT accepts this packet, and the chain's policy is DROP, so it ends there without an answer.",
		.fix = "iptables -I OUTPUT -d 10.244.0.0/16 -j ACCEPT\niptables -P OUTPUT ACCEPT   # or let the chain accept all that no rule of the host firewall refuses",
		.evidence = last->evidence, .n_evidence = last->n_evidence, .paths = paths, .n_paths = 1,
	};
	p.finding = f;
	p.n_finding = 1;
	return p;
}

/* A set that could not be read decides between drop and delivery; a control sequence in a rule's comment. */
static inline struct prediction fixture_unknown(struct arena *a)
{
	static const char *const gaps[] = { "ipset \033[31mblocked\033[0m could not be read: Operation not permitted" };
	struct trace *t = arena_alloc(a, 2 * sizeof(*t));

	for (int i = 0; i < 2; i++) {
		struct path p = path_new(a, "192.168.50.11", "10.96.10.1", 80, IPPROTO_TCP);
		struct packet before = p.now;

		path_route(&p, STAGE_ROUTE_OUTPUT, "eth0", 2, "default via 192.168.50.10 dev eth0");
		before = p.now;
		path_rule(&p, i ? EFFECT_NONE : EFFECT_VERDICT, "filter", "OUTPUT", 1, 9,
			  "-m set --match-set blocked dst -m comment --comment \"\xff\xfe\033]0;x\" -j DROP");
		path_hop(&p, STAGE_HOOK, NF_INET_LOCAL_OUT, 0, false, &before);
		if (i) {
			before = p.now;
			path_other(&p, EV_NEIGHBOUR, "192.168.50.10 dev eth0 lladdr 02:00:00:00:00:01 REACHABLE");
			path_hop(&p, STAGE_NEIGHBOUR, 0, 0, false, &before);
		}
		t[i] = i ? path_end(&p, END_SENT, CAUSE_NONE, "it leaves by eth0 towards 192.168.50.10", 0.5) :
			   path_end(&p, END_DROP, CAUSE_RULE, "rule 1 of filter OUTPUT drops it", 0.5);
		t[i].share_kind = SHARE_UNKNOWN;
		t[i].has_endpoint = false;
		t[i].gaps = gaps;
		t[i].n_gaps = 1;
	}
	{
		struct prediction p = fixture_base(a, "10.96.10.1:80", t, 2);

		p.target.target.kind = TARGET_ADDRESS;
		p.target.target.namespace = p.target.target.name = NULL;
		p.gap = gaps;
		p.n_gap = 1;
		return p;
	}
}

/* An IPv6 client from outside at a NodePort; the pod's answer is dropped on its way back. */
static inline struct prediction fixture_reply(struct arena *a)
{
	static const char *const others[] = { "iptables (legacy)" };
	struct path p = path_new(a, "fd50::99", "fd50::11", 30080, IPPROTO_TCP);
	struct packet before = p.now;
	struct trace *t = arena_alloc(a, sizeof(*t));
	struct prediction pr;

	p.iif = "eth0";
	p.now.iif = before.iif = 2;
	before = p.now;
	path_to(&p, "fd00:10:244:1::10", 8080);
	p.now.ct.state = before.ct.state = CT_NEW;
	path_rule(&p, EFFECT_CHANGE, "kube-proxy", "external-S5YIF2DB-prod/np-cluster/tcp/http", 1, 31,
		  "meta mark set meta mark | 0x00004000 comment \"masquerade\"")->says = "marks it for masquerade";
	p.now.mark = 0x4000;
	path_rule(&p, EFFECT_VERDICT, "kube-proxy", "service-S5YIF2DB-prod/np-cluster/tcp/http", 1, 30,
		  "meta l4proto tcp dnat ip6 to numgen random mod 1 map { 0 : fd00:10:244:1::10 . 8080 }");
	path_hop(&p, STAGE_HOOK, NF_INET_PRE_ROUTING, -100, true, &before);
	path_route(&p, STAGE_ROUTE_INPUT, "cni0", 5, "fd00:10:244:1::/64 dev cni0");
	p.place = "web-1";
	p.iif = "eth0", p.oif = NULL;
	before = p.now;
	path_other(&p, EV_SOCKET, "LISTEN 0 128 [::]:8080");
	path_hop(&p, STAGE_SOCKET, 0, 0, false, &before);
	p.reply = true;
	p.place = NULL;
	p.now.src = before.dst, p.now.sport = before.dport;
	p.now.dst = before.src, p.now.dport = before.sport;
	before = p.now;
	path_rule(&p, EFFECT_VERDICT, "raw", "PREROUTING", 3, 77, "-s fd00:10:244:1::/64 -j DROP");
	path_hop(&p, STAGE_HOOK, NF_INET_PRE_ROUTING, -300, false, &before);
	*t = path_end(&p, END_DROP, CAUSE_REPLY_DROPPED, "the answer is dropped by rule 3 of raw PREROUTING", 1);
	t->endpoint = fixture_addr("fd00:10:244:1::10");
	t->endpoint_port = 8080;
	t->endpoint_place = "web-1";
	pr = fixture_base(a, "nodeport/30080", t, 1);
	pr.target.target = (struct target){ .input = "nodeport/30080", .kind = TARGET_NODEPORT, .port = 30080 };
	pr.target.service = "prod/np-cluster:http";
	pr.source = (struct source){ .input = "fd50::99", .kind = SOURCE_ADDRESS, .addr = fixture_addr("fd50::99") };
	pr.source_iface = "eth0";
	pr.proxy = (struct proxy){ PROXY_NFTABLES, BACKEND_NF_TABLES, others, 1, "kube-proxy nftables", "nftables", NULL, 0 };
	proxy_meet(&pr.proxy, a, t, 1);
	return pr;
}

#endif
