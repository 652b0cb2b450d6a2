/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Findings: for each known cause a path that has it and one that nearly has it, as a walk would leave them; and a
 * healthy node, which has none.
 */
#include "prediction_fixture.h"

#include "tracer/causes.h"
#include "tracer/intended.h"
#include "tracer/owners.h"

#include <linux/netfilter/nf_conntrack_tcp.h>

/* A prediction under construction. */
struct lab {
	struct arena *a;
	struct trace t[6];
	size_t n;
	struct path p;
	struct prediction pred;
	struct addr node_addr[2];
};

/* -- pieces of paths ------------------------------------------------------------------------------ */

#define CLIENT	"192.0.2.1"
#define NODE	"192.0.2.10"
#define VIP	"10.96.0.50"
#define POD	"10.244.0.3"

static void start(struct lab *l, const char *src, const char *dst, uint16_t dport, uint8_t proto)
{
	l->p = path_new(l->a, src, dst, dport, proto);
	l->p.now.ct.state = CT_NEW;
	l->p.iif = "eth0";
}

static struct hop *hook(struct lab *l, uint8_t hook, int priority)
{
	struct packet before = l->p.now;

	return path_hop(&l->p, STAGE_HOOK, hook, priority, false, &before);
}

static struct hop *place(struct lab *l, enum stage stage)
{
	struct packet before = l->p.now;

	return path_hop(&l->p, stage, 0, 0, false, &before);
}

static struct evidence *rule(struct lab *l, const char *table, const char *chain, const char *text)
{
	return path_rule(&l->p, EFFECT_VERDICT, table, chain, 3, 33, text);
}

static void policy(struct lab *l, const char *table, const char *chain)
{
	struct evidence *e = rule(l, table, chain, "policy DROP");

	e->kind = EV_POLICY;
	e->index = 0;
	e->handle = 0;
}

static void sysctl(struct lab *l, const char *name, long value)
{
	struct evidence *e = path_other(&l->p, EV_SYSCTL, arena_printf(l->a, "%s = %ld", name, value));

	e->name = name;
	e->value = value;
}

static void snat(struct lab *l, const char *to)
{
	struct packet before = l->p.now;

	l->p.now.src = fixture_addr(to);
	path_hop(&l->p, STAGE_HOOK, NF_INET_POST_ROUTING, 100, true, &before);
}

/* kube-proxy's translation to a pod, as on the way of every healthy path. */
static void dnat(struct lab *l, const char *to, uint16_t port)
{
	struct packet before = l->p.now;

	path_jump(&l->p, "nat", "PREROUTING", 1, 12, "KUBE-SERVICES", "-j KUBE-SERVICES");
	path_jump(&l->p, "nat", "KUBE-SERVICES", 7, 140, "KUBE-SVC-AAAAAAAAAAAAAAAA", "-d 10.96.0.50/32 -j KUBE-SVC-AAAAAAAAAAAAAAAA");
	path_jump(&l->p, "nat", "KUBE-SVC-AAAAAAAAAAAAAAAA", 2, 300, "KUBE-SEP-BBBBBBBBBBBBBBBB", "-j KUBE-SEP-BBBBBBBBBBBBBBBB");
	path_to(&l->p, to, port);
	rule(l, "nat", "KUBE-SEP-BBBBBBBBBBBBBBBB", "-p tcp -j DNAT --to-destination 10.244.0.3:8080")->comment = "prod/web:http";
	path_hop(&l->p, STAGE_HOOK, NF_INET_PRE_ROUTING, -100, true, &before);
}

static struct trace *end(struct lab *l, enum end_kind kind, enum end_cause cause, const char *why)
{
	struct hop *last = &l->p.hop[l->p.n - 1], *first = &l->p.hop[0];
	struct trace *t = &l->t[l->n++];
	size_t i;

	last->verdict = (struct verdict){ kind, cause, why };
	*t = (struct trace){
		.target = { first->in.src, first->in.dst, first->in.sport, first->in.dport, first->in.proto },
		.share = 1, .share_kind = SHARE_CERTAIN, .end = last->verdict, .hops = l->p.hop, .n_hops = l->p.n,
	};
	for (i = 0; i < l->p.n; i++)
		if (!l->p.hop[i].reply && !addr_eq(&l->p.hop[i].in.dst, &l->p.hop[i].out.dst)) {
			t->has_endpoint = true;
			t->endpoint = l->p.hop[i].out.dst;
			t->endpoint_port = l->p.hop[i].out.dport;
		}
	return t;
}

static void in_pod(struct lab *l, const char *name)
{
	l->p.place = name;
}

/* The answer to what was sent so far. */
static void answer(struct lab *l)
{
	struct packet *p = &l->p.now;
	struct addr a = p->src;
	uint16_t port = p->sport;

	l->p.reply = true;
	p->src = p->dst;
	p->dst = a;
	p->sport = p->dport;
	p->dport = port;
}

/* From outside to the Service, translated, up to the FORWARD hook. */
static void to_pod(struct lab *l)
{
	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	dnat(l, POD, 8080);
	path_other(&l->p, EV_ROUTE, "10.244.0.0/24 dev cni0 scope link");
	place(l, STAGE_ROUTE_INPUT);
}

static void as_address(struct lab *l)
{
	l->pred.target.target.kind = TARGET_ADDRESS;
}

static void as_nodeport(struct lab *l)
{
	l->pred.target.target.kind = TARGET_NODEPORT;
}

static void nftables_mode(struct lab *l)
{
	l->pred.proxy = (struct proxy){ .mode = PROXY_NFTABLES, .text = "kube-proxy nftables", .name = "nftables" };
}

static struct ct_view entry(const struct lab *l, const char *endpoint)
{
	struct ct_view ct = { .state = CT_NEW, .existing = true, .timeout = 27 };
	struct tuple back;

	ct.orig = packet_tuple(&l->p.now);
	back = tuple_invert(&ct.orig);
	if (endpoint) {
		back.src = fixture_addr(endpoint);
		back.sport = 8080;
	}
	ct.back = back;
	return ct;
}

/* A live entry decides. */
static void meet_entry(struct lab *l, const char *endpoint, uint8_t tcp_state)
{
	l->p.now.ct = entry(l, endpoint);
	l->p.now.ct.tcp_state = tcp_state;
	path_other(&l->p, EV_CONNTRACK, "udp 17 27 src=192.0.2.1 dst=10.96.0.50 [UNREPLIED] src=10.244.0.2 dst=192.0.2.1");
	place(l, STAGE_CONNTRACK);
}

/* -- the cases: near makes the one that does not count ---------------------------------------------- */

static void ended_by(struct lab *l, uint8_t at, const char *table, const char *chain, const char *text, enum end_kind kind)
{
	rule(l, table, chain, text);
	hook(l, at, table[0] == 'r' ? -300 : 0);
	end(l, kind, CAUSE_RULE, "a rule");
}

static void no_endpoints(struct lab *l, bool near)
{
	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	path_jump(&l->p, "filter", "FORWARD", 2, 20, "KUBE-SERVICES", "-m conntrack --ctstate NEW -j KUBE-SERVICES");
	rule(l, "filter", near ? "MY-CHAIN" : "KUBE-SERVICES", "-d 10.96.0.50/32 -j REJECT --reject-with icmp-port-unreachable")->comment =
		"prod/web:http has no endpoints";
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_REJECT, CAUSE_RULE, "rejected");
}

static struct evidence *nft_rule(struct lab *l, const char *chain, const char *text)
{
	return rule(l, "kube-proxy", chain, text);
}

static void no_endpoints_nft(struct lab *l, bool near)
{
	nftables_mode(l);
	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	path_jump(&l->p, "kube-proxy", "service-endpoints-check", 1, 4, "reject-chain", "ip daddr . meta l4proto . th dport vmap @no-endpoint-services");
	nft_rule(l, near ? "other-chain" : "reject-chain", "reject");
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_REJECT, CAUSE_RULE, "rejected");
}

static void etp_local(struct lab *l, bool near)
{
	as_nodeport(l);
	start(l, CLIENT, NODE, 30082, IPPROTO_TCP);
	rule(l, "filter", near ? "KUBE-SERVICES" : "KUBE-EXTERNAL-SERVICES", "-p tcp --dport 30082 -j DROP")->comment =
		"prod/np-local-without:http has no local endpoints";
	hook(l, NF_INET_LOCAL_IN, 0);
	end(l, END_DROP, CAUSE_RULE, "dropped");
}

static void itp_local(struct lab *l, bool near)
{
	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	rule(l, "filter", near ? "KUBE-EXTERNAL-SERVICES" : "KUBE-SERVICES", "-d 10.96.0.50/32 -j DROP")->comment =
		"prod/web:http has no local endpoints";
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_DROP, CAUSE_RULE, "dropped");
}

/* In nftables mode one map serves both policies: an outside client at an external address; a pod at the ClusterIP. */
static void etp_local_nft(struct lab *l, bool near)
{
	nftables_mode(l);
	l->pred.source.kind = near ? SOURCE_NETNS : SOURCE_ADDRESS;
	start(l, CLIENT, "203.0.113.12", 80, IPPROTO_TCP);
	nft_rule(l, "service-endpoints-check", "ip daddr . meta l4proto . th dport vmap @no-endpoint-services");
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_DROP, CAUSE_RULE, "dropped");
}

/* --from 10.244.0.2: an address, but a local process of a pod on this node. */
static void itp_local_nft_pod(struct lab *l, bool near)
{
	nftables_mode(l);
	l->pred.source.kind = SOURCE_ADDRESS;
	start(l, "10.244.0.2", VIP, 80, IPPROTO_TCP);
	l->p.now.local = !near;
	nft_rule(l, "service-endpoints-check", "ip daddr . meta l4proto . th dport vmap @no-endpoint-services");
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_DROP, CAUSE_RULE, "dropped");
}

static void itp_local_nft(struct lab *l, bool near)
{
	nftables_mode(l);
	l->pred.source.kind = SOURCE_ADDRESS;
	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	if (!near)
		path_rule(&l->p, EFFECT_CHANGE, "kube-proxy", "services", 1, 2, "ip daddr @cluster-ips ip saddr != 10.244.0.0/16 meta mark set");
	hook(l, NF_INET_PRE_ROUTING, -100);
	nft_rule(l, "service-endpoints-check", "ip daddr . meta l4proto . th dport vmap @no-endpoint-services");
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_DROP, CAUSE_RULE, "dropped");
}

static void source_ranges(struct lab *l, bool near)
{
	start(l, CLIENT, "203.0.113.10", 80, IPPROTO_TCP);
	ended_by(l, NF_INET_FORWARD, "filter", near ? "FORWARD" : "KUBE-PROXY-FIREWALL", "-d 203.0.113.10/32 -j DROP", END_DROP);
}

static void source_ranges_ipvs(struct lab *l, bool near)
{
	start(l, CLIENT, "203.0.113.10", 80, IPPROTO_TCP);
	ended_by(l, NF_INET_LOCAL_IN, "filter", near ? "INPUT" : "KUBE-SOURCE-RANGES-FIREWALL", "-j DROP", END_DROP);
}

static void source_ranges_nft(struct lab *l, bool near)
{
	nftables_mode(l);
	as_address(l);
	start(l, CLIENT, "203.0.113.10", 80, IPPROTO_TCP);
	rule(l, near ? "mine" : "kube-proxy", "firewall-JGKCLSXF-prod/lb-ranges/tcp/http", "ip saddr != { 198.51.100.0/24 } drop");
	hook(l, NF_INET_PRE_ROUTING, -110);
	end(l, END_DROP, CAUSE_RULE, "dropped");
}

static void not_a_port(struct lab *l, bool near)
{
	as_address(l);
	start(l, CLIENT, VIP, 81, IPPROTO_TCP);
	nft_rule(l, "cluster-ips-check", near ? "ip daddr 10.96.0.0/12 drop" : "ip daddr @cluster-ips reject");
	hook(l, NF_INET_FORWARD, 0);
	end(l, near ? END_DROP : END_REJECT, CAUSE_RULE, "rejected");
}

static void not_a_port_sent(struct lab *l, bool near)
{
	as_address(l);
	l->pred.target.service = "prod/web";
	l->pred.facts.served = near ? SERVED_HERE : SERVED_OTHER_PORT;
	start(l, CLIENT, VIP, 81, IPPROTO_TCP);
	path_other(&l->p, EV_ROUTE, "default via 192.0.2.1 dev eth0");
	place(l, STAGE_ROUTE_INPUT);
	end(l, END_SENT, CAUSE_NONE, "leaves by eth0");
}

/* In IPVS mode the node has the addresses itself. */
static void not_a_port_local(struct lab *l, bool near)
{
	struct trace *t;

	as_address(l);
	l->pred.target.service = "prod/web";
	l->pred.facts.served = SERVED_OTHER_PORT;
	start(l, CLIENT, VIP, 81, IPPROTO_TCP);
	path_other(&l->p, EV_ROUTE, near ? "local 10.96.0.50 dev eth0 table local" : "local 10.96.0.50 dev kube-ipvs0 table local");
	place(l, STAGE_ROUTE_INPUT);
	place(l, STAGE_SOCKET);
	t = end(l, END_NO_LISTENER, CAUSE_NO_LISTENER, "nothing listens on 10.96.0.50:81/tcp");
	t->has_endpoint = true;
	t->endpoint = fixture_addr(VIP);
	t->endpoint_port = 81;
}

static void reject_shadowed(struct lab *l, bool near)
{
	as_address(l);
	l->pred.target.service = "prod/web:http";
	l->pred.facts.served = near ? SERVED_NOT : SERVED_REFUSED;
	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	path_other(&l->p, EV_ROUTE, "default via 192.0.2.1 dev eth0");
	place(l, STAGE_ROUTE_INPUT);
	rule(l, "filter", "FORWARD", "-j ACCEPT");
	hook(l, NF_INET_FORWARD, 0);
	place(l, STAGE_NEIGHBOUR);
	end(l, END_SENT, CAUSE_NONE, "leaves by eth0");
}

static void not_allocated(struct lab *l, bool near)
{
	not_a_port(l, !near);
}

/* In iptables mode nothing refuses it: only the default route wants it. */
static void not_allocated_sent(struct lab *l, bool near)
{
	as_address(l);
	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	path_other(&l->p, EV_ROUTE, near ? "10.96.0.0/16 via 192.0.2.7 dev eth0" : "default via 192.0.2.1 dev eth0");
	place(l, STAGE_ROUTE_INPUT);
	end(l, END_SENT, CAUSE_NONE, "leaves by eth0");
}

static void localnet(struct lab *l, bool near)
{
	start(l, CLIENT, "127.0.0.1", 80, IPPROTO_TCP);
	rule(l, "filter", "KUBE-FIREWALL", near ? "-m mark --mark 0x8000/0x8000 -j DROP" : "! -s 127.0.0.0/8 -d 127.0.0.0/8 -j DROP")->comment =
		near ? "kubernetes firewall for dropping marked packets" : "block incoming localnet connections";
	hook(l, NF_INET_LOCAL_IN, 0);
	end(l, END_DROP, CAUSE_RULE, "dropped");
}

static void mark_collision(struct lab *l, bool near)
{
	start(l, CLIENT, NODE, 80, IPPROTO_TCP);
	if (near)
		path_jump(&l->p, "nat", "KUBE-FW-AAAAAAAAAAAAAAAA", 2, 9, "KUBE-MARK-DROP", "-j KUBE-MARK-DROP");
	ended_by(l, NF_INET_LOCAL_IN, "filter", "KUBE-FIREWALL", "-m mark --mark 0x8000/0x8000 -j DROP", END_DROP);
}

static void markless(struct lab *l, bool near)
{
	start(l, CLIENT, NODE, 80, IPPROTO_TCP);
	ended_by(l, NF_INET_LOCAL_IN, "filter", "KUBE-FIREWALL", near ? "-m mark --mark 0x8000/0x8000 -j DROP" : "-j DROP", END_DROP);
}

static void nodeport_localhost(struct lab *l, bool near)
{
	as_nodeport(l);
	start(l, near ? NODE : "127.0.0.1", near ? NODE : "127.0.0.1", 30080, IPPROTO_TCP);
	dnat(l, POD, 8080);
	sysctl(l, "net.ipv4.conf.cni0.route_localnet", 0);
	place(l, STAGE_REROUTE);
	end(l, END_DROP, CAUSE_ROUTE_LOCALNET, "route_localnet is off");
}

/* The same asked for by address. */
static void nodeport_localhost_address(struct lab *l, bool near)
{
	as_address(l);
	nftables_mode(l);
	l->pred.target.service = "prod/web:http";
	l->pred.facts.served = near ? SERVED_OTHER_PORT : SERVED_NODEPORT;
	start(l, "127.0.0.1", "127.0.0.1", 30080, IPPROTO_TCP);
	place(l, STAGE_SOCKET);
	end(l, END_NO_LISTENER, CAUSE_NO_LISTENER, "nothing listens on 127.0.0.1:30080/tcp");
}

static void addresses_limit_address(struct lab *l, bool near)
{
	as_address(l);
	nftables_mode(l);
	l->pred.target.service = "prod/web:http";
	l->pred.facts.served = near ? SERVED_OTHER_PORT : SERVED_NODEPORT;
	start(l, CLIENT, "198.51.100.1", 30080, IPPROTO_TCP);
	place(l, STAGE_SOCKET);
	end(l, END_NO_LISTENER, CAUSE_NO_LISTENER, "nothing listens on 198.51.100.1:30080/tcp");
}

static void nodeport_localhost_nft(struct lab *l, bool near)
{
	as_nodeport(l);
	nftables_mode(l);
	start(l, NODE, near ? NODE : "127.0.0.1", 30080, IPPROTO_TCP);
	path_other(&l->p, EV_SOCKET, "no socket for 127.0.0.1:30080/tcp");
	place(l, STAGE_SOCKET);
	end(l, END_NO_LISTENER, CAUSE_NO_LISTENER, "nothing listens");
}

static void addresses_limit(struct lab *l, bool near)
{
	as_nodeport(l);
	start(l, CLIENT, NODE, 30080, IPPROTO_TCP);
	if (!near)
		dnat(l, POD, 8080);
	path_other(&l->p, EV_SOCKET, "LISTEN *:8080");
	place(l, STAGE_SOCKET);
	end(l, near ? END_NO_LISTENER : END_DELIVERED, near ? CAUSE_NO_LISTENER : CAUSE_NONE, "");
	start(l, CLIENT, "198.51.100.1", 30080, IPPROTO_TCP);
	path_other(&l->p, EV_SOCKET, "no socket for 198.51.100.1:30080/tcp");
	place(l, STAGE_SOCKET);
	end(l, END_NO_LISTENER, CAUSE_NO_LISTENER, "nothing listens");
}

static void shadowed(struct lab *l, bool near)
{
	struct evidences ev = { .arena = l->a };
	struct evidence *e = evidence_add(&ev, EV_SOCKET);

	as_nodeport(l);
	e->text = near ? "LISTEN 0.0.0.0:300801" : "LISTEN 0.0.0.0:30080";
	l->pred.facts.listener = e;
	start(l, CLIENT, NODE, 30080, IPPROTO_TCP);
	dnat(l, POD, 8080);
	place(l, STAGE_SOCKET);
	end(l, END_DELIVERED, CAUSE_NONE, "");
}

static void targetport(struct lab *l, bool near)
{
	as_address(l);
	start(l, CLIENT, near ? POD : VIP, 80, IPPROTO_TCP);
	if (!near)
		dnat(l, POD, 9999);
	in_pod(l, "kt-pb");
	path_other(&l->p, EV_SOCKET, "no socket for 10.244.0.3:9999/tcp")->says = "listeners there: 8080";
	place(l, STAGE_SOCKET);
	end(l, END_NO_LISTENER, CAUSE_NO_LISTENER, "nothing listens on 10.244.0.3:9999/tcp");
}

/* A redirect of the host's own leads to no Service. */
static void redirected(struct lab *l, bool near)
{
	struct packet before;

	as_address(l);
	start(l, CLIENT, NODE, 31000, IPPROTO_TCP);
	before = l->p.now;
	path_to(&l->p, NODE, 9999);
	rule(l, "mine", near ? "KUBE-SEP-BBBBBBBBBBBBBBBB" : "pre", "tcp dport 31000 redirect to :9999")->comment = near ? "prod/web:http" : NULL;
	path_hop(&l->p, STAGE_HOOK, NF_INET_PRE_ROUTING, -100, true, &before);
	place(l, STAGE_SOCKET);
	end(l, END_NO_LISTENER, CAUSE_NO_LISTENER, "nothing listens on 192.0.2.10:9999/tcp");
}

static void targetport_udp(struct lab *l, bool near)
{
	start(l, CLIENT, near ? POD : VIP, 53, IPPROTO_UDP);
	if (!near)
		dnat(l, POD, 5353);
	place(l, STAGE_SOCKET);
	end(l, END_NO_LISTENER, CAUSE_NO_LISTENER, "nothing listens on 10.244.0.3:5353/udp");
}

static void bound_loopback(struct lab *l, bool near)
{
	to_pod(l);
	in_pod(l, "kt-pb");
	path_other(&l->p, EV_SOCKET, "LISTEN 127.0.0.1:8080");
	place(l, STAGE_SOCKET);
	end(l, END_NO_LISTENER, near ? CAUSE_LISTENER_OTHER : CAUSE_LISTENER_LOOPBACK, "bound elsewhere");
}

static void bound_other(struct lab *l, bool near)
{
	bound_loopback(l, !near);
}

static void no_listener(struct lab *l, bool near)
{
	targetport(l, !near);
}

static void no_proxy(struct lab *l, bool near)
{
	as_address(l);
	l->pred.proxy = (struct proxy){ .text = "no kube-proxy" };
	start(l, NODE, near ? "192.168.7.7" : "10.96.0.50", 80, IPPROTO_TCP);
	path_other(&l->p, EV_ROUTE, "default via 192.0.2.1 dev eth0");
	place(l, STAGE_ROUTE_OUTPUT);
	place(l, STAGE_NEIGHBOUR);
	end(l, END_SENT, CAUSE_NONE, "leaves by eth0 via 192.0.2.1");
}

/* -- firewalls -- */

static void legacy_and_nft(struct lab *l, bool near)
{
	to_pod(l);
	rule(l, "filter", "FORWARD", "-d 10.244.0.3/32 -j DROP")->backend = near ? BACKEND_NF_TABLES : BACKEND_LEGACY;
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_DROP, CAUSE_RULE, "dropped");
}

static const char *const other_iptables[] = { "iptables (legacy)" }, *const other_nft[] = { "nftables" };

static void healthy(struct lab *l)
{
	to_pod(l);
	rule(l, "filter", "KUBE-FORWARD", "-m mark --mark 0x4000/0x4000 -j ACCEPT");
	hook(l, NF_INET_FORWARD, 0);
	snat(l, "10.244.0.1");
	in_pod(l, "kt-pb");
	path_other(&l->p, EV_SOCKET, "LISTEN 0.0.0.0:8080");
	place(l, STAGE_SOCKET);
	end(l, END_DELIVERED, CAUSE_NONE, "a socket listens");
}

static void legacy_left(struct lab *l, bool near)
{
	healthy(l);
	l->pred.proxy.others = near ? other_nft : other_iptables;
	l->pred.proxy.n_others = 1;
}

static void mode_left(struct lab *l, bool near)
{
	legacy_left(l, !near);
}

static const char *const other_ipvs[] = { "ipvs (kube-ipvs0)" };

/* What no rule translated comes to the virtual service left behind. */
static void ipvs_left(struct lab *l, bool near)
{
	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	path_to(&l->p, POD, 8080);
	path_other(&l->p, EV_IPVS, "-a -t 10.96.0.50:80 -r 10.244.0.3:8080 -m -w 1")->effect = EFFECT_VERDICT;
	place(l, STAGE_IPVS_IN);
	in_pod(l, "kt-pb");
	path_other(&l->p, EV_SOCKET, "LISTEN 0.0.0.0:8080");
	place(l, STAGE_SOCKET);
	end(l, END_DELIVERED, CAUSE_NONE, "a socket listens");
	l->pred.proxy.others = other_ipvs;
	l->pred.proxy.n_others = near ? 0 : 1;
}

/* What a rule translated does not, and a refusal is final whoever wrote it. */
static void ipvs_unmet(struct lab *l, bool near)
{
	healthy(l);
	l->pred.proxy.others = other_ipvs;
	l->pred.proxy.n_others = near ? 0 : 1;
}

static void refusal_left(struct lab *l, bool near)
{
	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	rule(l, "filter", "KUBE-SERVICES", "-d 10.96.0.50/32 -j REJECT")->backend = BACKEND_LEGACY;
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_REJECT, CAUSE_RULE, "rejected");
	nftables_mode(l);
	l->pred.proxy.others = other_iptables;
	l->pred.proxy.n_others = near ? 0 : 1;
}

/* What nftables mode left refuses in a table that holds its NAT too. */
static void refusal_left_nft(struct lab *l, bool near)
{
	static const char *const others[] = { "nftables" };

	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	nft_rule(l, "reject-chain", "reject");
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_REJECT, CAUSE_RULE, "rejected");
	l->pred.proxy.others = others;
	l->pred.proxy.n_others = near ? 0 : 1;
}

static void firewalld(struct lab *l, bool near)
{
	start(l, POD, "10.244.1.5", 80, IPPROTO_TCP);
	rule(l, "filter", "FORWARD", "-s 10.244.0.0/16 -j ACCEPT");
	hook(l, NF_INET_FORWARD, 0);
	rule(l, near ? "mine" : "firewalld", "filter_FORWARD", "reject with icmpx admin-prohibited")->family = NFPROTO_INET;
	hook(l, NF_INET_FORWARD, 10);
	end(l, END_REJECT, CAUSE_RULE, "rejected");
}

static void accept_not_final(struct lab *l, bool near)
{
	start(l, POD, "10.244.1.5", 80, IPPROTO_TCP);
	rule(l, "filter", "FORWARD", near ? "-m comment --comment \"not an ACCEPT here\" -j RETURN" : "-s 10.244.0.0/16 -j ACCEPT");
	hook(l, NF_INET_FORWARD, 0);
	rule(l, "mine", "fwd", "drop")->family = NFPROTO_INET;
	hook(l, NF_INET_FORWARD, 10);
	end(l, END_DROP, CAUSE_RULE, "dropped");
}

static void docker_raw(struct lab *l, bool near)
{
	start(l, CLIENT, POD, 80, IPPROTO_TCP);
	ended_by(l, NF_INET_PRE_ROUTING, near ? "mangle" : "raw", "PREROUTING", "-d 10.244.0.3/32 ! -i docker0 -j DROP", END_DROP);
}

static void docker_chain(struct lab *l, bool near)
{
	to_pod(l);
	ended_by(l, NF_INET_FORWARD, "filter", near ? "MY-DOCKER" : "DOCKER-ISOLATION-STAGE-2", "-o br-1 -j DROP", END_DROP);
}

static void ufw(struct lab *l, bool near)
{
	to_pod(l);
	path_jump(&l->p, "filter", "FORWARD", 1, 9, near ? "my-forward" : "ufw-before-forward", "-j ufw-before-forward");
	policy(l, "filter", "FORWARD");
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_DROP, CAUSE_POLICY, "FORWARD policy drop");
}

static void ufw_input(struct lab *l, bool near)
{
	start(l, CLIENT, NODE, 22, IPPROTO_TCP);
	ended_by(l, NF_INET_LOCAL_IN, "filter", near ? "my-user-input" : "ufw-user-input", "-p tcp --dport 22 -j DROP", END_DROP);
}

static void tailscale(struct lab *l, bool near)
{
	start(l, near ? "100.128.1.9" : "100.64.1.9", NODE, 22, IPPROTO_TCP);
	ended_by(l, NF_INET_LOCAL_IN, "filter", "ts-input", "-s 100.64.0.0/10 ! -i tailscale0 -j DROP", END_DROP);
}

static void raw_rpf(struct lab *l, bool near)
{
	start(l, "172.30.0.9", VIP, 80, IPPROTO_TCP);
	ended_by(l, NF_INET_PRE_ROUTING, "raw", "cali-PREROUTING", near ? "-j DROP" : "-m rpfilter --validmark --invert -j DROP", END_DROP);
}

static void unknown_interface(struct lab *l, bool near)
{
	start(l, POD, VIP, 80, IPPROTO_TCP);
	rule(l, "filter", near ? "cali-tw-cali12ab" : "cali-from-wl-dispatch", "-j DROP")->comment =
		near ? "cali:xx Drop if no profiles matched" : "cali:xx Unknown interface";
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_DROP, CAUSE_RULE, "dropped");
}

static void calico_policy(struct lab *l, bool near)
{
	unknown_interface(l, !near);
}

static void dns_egress(struct lab *l, bool near)
{
	start(l, POD, "10.244.0.10", near ? 80 : 53, IPPROTO_UDP);
	ended_by(l, NF_INET_FORWARD, "filter", "cali-fw-cali12ab", "-j DROP", END_DROP);
}

static void kube_router(struct lab *l, bool near)
{
	to_pod(l);
	ended_by(l, NF_INET_FORWARD, "filter", near ? "KUBE-POD" : "KUBE-POD-FW-ABCDEF", "-m mark ! --mark 0x10000/0x10000 -j REJECT", END_REJECT);
}

static void host_prohibited(struct lab *l, bool near)
{
	start(l, POD, NODE, 6443, IPPROTO_TCP);
	ended_by(l, NF_INET_LOCAL_IN, "filter", "INPUT",
		 near ? "-j REJECT --reject-with icmp-port-unreachable" : "-j REJECT --reject-with icmp-host-prohibited", END_REJECT);
}

static void host_prohibited6(struct lab *l, bool near)
{
	start(l, "fd44::3", "fd02::10", 6443, IPPROTO_TCP);
	ended_by(l, NF_INET_LOCAL_IN, "filter", "INPUT",
		 near ? "-j REJECT --reject-with icmp6-port-unreachable" : "-j REJECT --reject-with icmp6-adm-prohibited", END_REJECT);
}

static void forward_policy(struct lab *l, bool near)
{
	to_pod(l);
	policy(l, "filter", near ? "INPUT" : "FORWARD");
	hook(l, near ? NF_INET_LOCAL_IN : NF_INET_FORWARD, 0);
	end(l, END_DROP, CAUSE_POLICY, "FORWARD policy drop");
}

static void other_policy(struct lab *l, bool near)
{
	forward_policy(l, !near);
}

static void rule_drop(struct lab *l, bool near)
{
	to_pod(l);
	ended_by(l, NF_INET_FORWARD, "mine", "fwd", "ip daddr 10.244.0.3 drop", near ? END_REJECT : END_DROP);
}

/* A target that cannot do its work. */
static void rule_cannot(struct lab *l, bool near)
{
	start(l, CLIENT, NODE, 31000, IPPROTO_TCP);
	rule(l, "nat", "PREROUTING", "-p tcp -j REDIRECT --to-ports 9000")->says = "drops it: veth3 has no address to translate to";
	hook(l, NF_INET_PRE_ROUTING, -100);
	end(l, near ? END_REJECT : END_DROP, CAUSE_RULE, "nat/PREROUTING rule 3 drops it: veth3 has no address to translate to");
}

static void queue_unread(struct lab *l, bool near)
{
	to_pod(l);
	rule(l, "filter", "FORWARD", "-j NFQUEUE --queue-num 5")->says = near ? "drops it: no program takes packets from queue 5" :
									       "drops it: no program reads queue 5";
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_DROP, CAUSE_RULE, "filter/FORWARD rule 3 drops it: no program reads queue 5");
}

/* In a pod's own namespace the commands go there. */
static void rule_in_pod(struct lab *l, bool near)
{
	to_pod(l);
	in_pod(l, near ? NULL : "kt-pb");
	ended_by(l, NF_INET_LOCAL_IN, "mine", "in", near ? "reject" : "drop", near ? END_REJECT : END_DROP);
}

static void rule_reject(struct lab *l, bool near)
{
	rule_drop(l, !near);
}

/* -- routes, sysctls, bridges, neighbours -- */

static void hairpin_off(struct lab *l, bool near)
{
	start(l, POD, VIP, 80, IPPROTO_TCP);
	dnat(l, POD, 8080);
	snat(l, "10.244.0.1");
	path_other(&l->p, EV_LINK, "port vpb of bridge cni0: hairpin off");
	place(l, STAGE_BRIDGE);
	end(l, END_DROP, near ? CAUSE_BRIDGE : CAUSE_HAIRPIN, "bridge port vpb has hairpin off");
}

static void bridge_refuses(struct lab *l, bool near)
{
	hairpin_off(l, !near);
}

static void hairpin_no_masq(struct lab *l, bool near)
{
	start(l, near ? "10.244.0.2" : POD, VIP, 80, IPPROTO_TCP);
	dnat(l, POD, 8080);
	place(l, STAGE_ROUTE_INPUT);
	end(l, END_DROP, CAUSE_MARTIAN_SRC, "martian source");
}

/* The same of a process in the Pod, which has no source address at first; the answer never leaves the Pod. */
static void hairpin_no_masq_local(struct lab *l, bool near)
{
	start(l, POD, VIP, 80, IPPROTO_TCP);
	in_pod(l, "kt-pb");
	place(l, STAGE_ROUTE_OUTPUT)->in.src = (struct addr){};
	in_pod(l, NULL);
	dnat(l, POD, 8080);
	if (near)
		snat(l, "10.244.0.1");
	in_pod(l, "kt-pb");
	answer(l);
	place(l, STAGE_SOCKET);
	end(l, END_DROP, CAUSE_REPLY_BYPASS, "the answer comes from 10.244.0.3:8080");
}

static void refused(struct lab *l, enum end_cause cause, const char *name, long value)
{
	to_pod(l);
	if (name)
		sysctl(l, name, value);
	place(l, STAGE_ROUTE_INPUT);
	end(l, END_DROP, cause, "refused");
}

static void forward_off(struct lab *l, bool near)
{
	refused(l, near ? CAUSE_RP_FILTER : CAUSE_FORWARDING_OFF, "net.ipv4.ip_forward", 0);
}

static void forward6_off(struct lab *l, bool near)
{
	if (near) {
		forward_off(l, false);
		return;
	}
	start(l, "fd02::1", "fd96::50", 80, IPPROTO_TCP);
	dnat(l, "fd44::3", 8080);
	sysctl(l, "net.ipv6.conf.all.forwarding", 0);
	place(l, STAGE_ROUTE_INPUT);
	end(l, END_DROP, CAUSE_FORWARDING_OFF, "IPv6 forwarding is off");
}

static void rp_filter(struct lab *l, bool near)
{
	refused(l, near ? CAUSE_MARTIAN_SRC : CAUSE_RP_FILTER, "net.ipv4.conf.eth0.rp_filter", 1);
}

/* Loose drops what has no way back at all. */
static void rp_loose(struct lab *l, bool near)
{
	refused(l, near ? CAUSE_MARTIAN_SRC : CAUSE_RP_FILTER, "net.ipv4.conf.eth0.rp_filter", 2);
}

static void martian_src(struct lab *l, bool near)
{
	rp_filter(l, !near);
}

static void bridge_nf(struct lab *l, bool near)
{
	start(l, "10.244.0.2", VIP, 80, IPPROTO_TCP);
	dnat(l, POD, 8080);
	in_pod(l, "kt-pb");
	answer(l);
	in_pod(l, NULL);
	sysctl(l, "net.bridge.bridge-nf-call-iptables", near);
	place(l, STAGE_CONNTRACK);
	in_pod(l, "kt-pa");
	place(l, STAGE_SOCKET);
	end(l, END_DROP, CAUSE_REPLY_BYPASS, "the answer arrives as 10.244.0.3:8080");
}

/* Without a word about the sysctl: the node's own IP layer never saw the answer. */
static void bridge_nf_unsaid(struct lab *l, bool near)
{
	start(l, "10.244.0.2", VIP, 80, IPPROTO_TCP);
	dnat(l, POD, 8080);
	in_pod(l, "kt-pb");
	answer(l);
	in_pod(l, NULL);
	place(l, near ? STAGE_ROUTE_INPUT : STAGE_BRIDGE);
	in_pod(l, "kt-pa");
	place(l, STAGE_SOCKET);
	end(l, END_DROP, CAUSE_REPLY_BYPASS, "the answer arrives as 10.244.0.3:8080");
}

static void return_path(struct lab *l, bool near)
{
	to_pod(l);
	answer(l);
	in_pod(l, "kt-pb");
	if (near)
		rule(l, "mine", "out", "drop");
	else
		path_other(&l->p, EV_ROUTE, "no route to 192.0.2.1");
	if (near)
		hook(l, NF_INET_LOCAL_OUT, 0);
	else
		place(l, STAGE_ROUTE_OUTPUT);
	end(l, END_DROP, CAUSE_REPLY_DROPPED, "the answer does not come back: no route to 192.0.2.1");
}

/* The way of a NodePort's packet that must be masqueraded. */
static void mark_lost(struct lab *l, bool near)
{
	start(l, CLIENT, NODE, 30080, IPPROTO_TCP);
	path_rule(&l->p, EFFECT_CHANGE, "nat", "KUBE-MARK-MASQ", 1, 14, "-j MARK --set-xmark 0x4000/0x4000");
	l->p.now.mark = 0x4000;
	dnat(l, POD, 8080);
	l->p.hop[l->p.n - 1].in.mark = 0;
	path_rule(&l->p, EFFECT_CHANGE, "mine", "fwd", 3, 33, "meta mark set 0x1");
	{
		struct packet before = l->p.now;

		l->p.now.mark = near ? 0x4001 : 1;
		path_hop(&l->p, STAGE_HOOK, NF_INET_FORWARD, -150, false, &before);
	}
	answer(l);
	in_pod(l, "kt-pb");
	path_other(&l->p, EV_ROUTE, "no route to 192.0.2.1");
	place(l, STAGE_ROUTE_OUTPUT);
	end(l, END_DROP, CAUSE_REPLY_DROPPED, "the answer does not come back: no route to 192.0.2.1");
}

static void dnat_to_loopback(struct lab *l, bool near)
{
	start(l, CLIENT, NODE, 30090, IPPROTO_TCP);
	dnat(l, near ? POD : "127.0.0.1", 9001);
	sysctl(l, "net.ipv4.conf.eth0.route_localnet", 0);
	place(l, STAGE_ROUTE_INPUT);
	end(l, END_DROP, CAUSE_ROUTE_LOCALNET, "route_localnet is off");
}

static void return_path_sent(struct lab *l, bool near)
{
	to_pod(l);
	place(l, STAGE_NEIGHBOUR);
	end(l, END_SENT, near ? CAUSE_NONE : CAUSE_REPLY_BYPASS, "leaves by eth1");
}

static void routed(struct lab *l, bool translated, enum end_cause cause, const char *route)
{
	start(l, NODE, VIP, 80, IPPROTO_TCP);
	if (translated)
		dnat(l, "10.244.9.9", 8080);
	path_other(&l->p, EV_ROUTE, route);
	place(l, translated ? STAGE_REROUTE : STAGE_ROUTE_OUTPUT);
	end(l, END_DROP, cause, "no route");
}

static void policy_routing(struct lab *l, bool near)
{
	routed(l, true, CAUSE_NO_ROUTE, near ? "default via 192.0.2.1 dev eth0 table main" : "30400: from 192.0.2.10 lookup 30400");
}

/* On the answer's way back, in a table of its own or in the main one. */
static void policy_routing_reply(struct lab *l, bool near)
{
	to_pod(l);
	answer(l);
	path_other(&l->p, EV_ROUTE, near ? "unreachable 192.0.2.0/24" : "unreachable default table 77");
	place(l, STAGE_ROUTE_INPUT);
	end(l, END_DROP, CAUSE_REPLY_DROPPED, "the answer does not come back: an unreachable route covers 192.0.2.1");
}

static void unreachable_reply(struct lab *l, bool near) { policy_routing_reply(l, !near); }

static void blackhole(struct lab *l, bool near)
{
	routed(l, true, near ? CAUSE_NO_ROUTE : CAUSE_BLACKHOLE, near ? "no route to 10.244.9.9" : "blackhole 10.244.9.0/26 proto bird");
}

static void missing_route(struct lab *l, bool near)
{
	routed(l, !near, CAUSE_NO_ROUTE, "no route to 10.244.9.9");
}

static void no_default(struct lab *l, bool near)
{
	routed(l, near, CAUSE_NO_ROUTE, "no route to 10.96.0.50");
}

static void no_route(struct lab *l, bool near)
{
	start(l, CLIENT, "198.51.100.7", 80, IPPROTO_TCP);
	path_other(&l->p, EV_ROUTE, "no route to 198.51.100.7");
	place(l, near ? STAGE_ROUTE_OUTPUT : STAGE_ROUTE_INPUT);
	end(l, END_REJECT, CAUSE_NO_ROUTE, "no route to 198.51.100.7");
}

static void dead_pod(struct lab *l, bool near)
{
	to_pod(l);
	path_other(&l->p, EV_NEIGHBOUR, near ? "10.244.0.30 dev cni0 FAILED" : "10.244.0.3 dev cni0 FAILED");
	place(l, STAGE_NEIGHBOUR);
	end(l, END_DROP, CAUSE_NEIGHBOUR_FAILED, "nobody answers");
}

/* Never resolved before: on-link the next hop is the Pod, behind a gateway it is not. */
static void dead_pod_new(struct lab *l, bool near)
{
	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	dnat(l, POD, 8080);
	path_other(&l->p, EV_ROUTE, near ? "10.244.0.0/24 via 192.0.2.7 dev eth0" : "10.244.0.0/24 dev cni0 scope link");
	place(l, STAGE_ROUTE_INPUT);
	place(l, STAGE_NEIGHBOUR);
	end(l, END_DROP, CAUSE_NEIGHBOUR_FAILED, "nobody answers");
}

/* What the objects promise for the only path. */
static void objects_say(struct lab *l, struct intended in)
{
	const struct intended **v = arena_alloc(l->a, sizeof(*v));

	in.service = "prod/web:http";
	in.origin = "the objects of o.json";
	*v = arena_dup(l->a, &in, sizeof(in));
	l->pred.intended = v;
}

static void not_ready(struct lab *l, bool near)
{
	no_endpoints(l, false);
	objects_say(l, (struct intended){ .n_unready = !near, .unready = "10.244.0.3:8080 of prod/web-0 on node-a" });
}

/* Refused though there are endpoints by now; near: they are not for clients of this node. */
static void refused_too_late(struct lab *l, bool near)
{
	no_endpoints(l, false);
	objects_say(l, (struct intended){ .n_usable = 2, .missing = near ? NULL : "10.244.0.3:8080 of prod/web-0 on node-a" });
}

static void behind(struct lab *l, bool near)
{
	to_pod(l);
	place(l, STAGE_NEIGHBOUR);
	end(l, END_SENT, CAUSE_NONE, "sent on");
	objects_say(l, (struct intended){ .n_usable = 2, .missing = near ? NULL : "10.244.0.4:8080" });
}

static void no_longer_ready(struct lab *l, bool near)
{
	behind(l, true);
	objects_say(l, (struct intended){ .n_usable = 1, .out = !near, .extra = near ? NULL : "10.244.0.3:8080 of prod/web-0" });
}

static void replaced(struct lab *l, bool near)
{
	behind(l, true);
	objects_say(l, (struct intended){ .n_usable = 1, .out = !near, .extra = near ? NULL : "10.244.0.3:8080",
					  .missing = near ? NULL : "10.244.0.4:8080" });
}

static void unprogrammed(struct lab *l, bool near)
{
	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	if (near)
		dnat(l, POD, 8080);
	place(l, STAGE_NEIGHBOUR);
	end(l, END_SENT, CAUSE_NONE, "sent on");
	objects_say(l, (struct intended){ .n_usable = 1, .unprogrammed = true });
}

/* No EndpointSlice has it; near: one does, but nothing answers. */
static void gone(struct lab *l, bool near)
{
	dead_pod(l, false);
	objects_say(l, (struct intended){ .n_usable = 1, .gone = !near });
}

static void gone_and_reused(struct lab *l, bool near)
{
	behind(l, true);
	objects_say(l, (struct intended){ .n_usable = 1, .gone = !near });
}

static void neigh_failed(struct lab *l, bool near)
{
	dead_pod(l, !near);
}

static void plain(struct lab *l, enum end_kind kind, enum end_cause cause)
{
	to_pod(l);
	place(l, STAGE_ROUTE_INPUT);
	end(l, kind, cause, "so it is");
}

static void martian_dst(struct lab *l, bool near) { plain(l, END_DROP, near ? CAUSE_TTL : CAUSE_MARTIAN_DST); }
static void ttl(struct lab *l, bool near) { plain(l, END_REJECT, near ? CAUSE_MTU : CAUSE_TTL); }
static void mtu(struct lab *l, bool near) { plain(l, END_REJECT, near ? CAUSE_TTL : CAUSE_MTU); }
static void link_down(struct lab *l, bool near) { plain(l, END_DROP, near ? CAUSE_MTU : CAUSE_LINK_DOWN); }
static void nat_failed(struct lab *l, bool near) { plain(l, END_DROP, near ? CAUSE_MTU : CAUSE_NAT_FAILED); }
static void loop(struct lab *l, bool near) { plain(l, END_LOOP, near ? CAUSE_MTU : CAUSE_LOOP); }
static void backlog(struct lab *l, bool near) { plain(l, END_DROP, near ? CAUSE_KERNEL : CAUSE_LISTEN_BACKLOG); }
static void kernel(struct lab *l, bool near) { plain(l, END_DROP, near ? CAUSE_LISTEN_BACKLOG : CAUSE_KERNEL); }
static void socket_buffer(struct lab *l, bool near) { plain(l, END_DROP, near ? CAUSE_KERNEL : CAUSE_SOCKET_BUFFER); }

static void queue_drop(struct lab *l, bool near)
{
	plain(l, END_DROP, CAUSE_KERNEL);
	l->t[l->n - 1].end.why = near ? "dropped, and the kernel does not say why" : "the program behind a queue dropped it";
}

static void udp_buffer(struct lab *l, bool near)
{
	plain(l, END_DROP, CAUSE_SOCKET_BUFFER);
	l->t[l->n - 1].target.proto = near ? IPPROTO_TCP : IPPROTO_UDP;
}

static void anything(struct lab *l, bool near) { plain(l, near ? END_UNKNOWN : END_DROP, near ? CAUSE_UNREADABLE : CAUSE_NONE); }

/* -- connection tracking -- */

static void stale(struct lab *l, uint8_t proto, uint8_t tcp_state, bool fails)
{
	start(l, CLIENT, VIP, 53, proto);
	meet_entry(l, "10.244.0.2", tcp_state);
	dnat(l, "10.244.0.2", 8080);
	path_other(&l->p, EV_NEIGHBOUR, "10.244.0.2 dev cni0 FAILED");
	place(l, STAGE_NEIGHBOUR);
	end(l, fails ? END_DROP : END_DELIVERED, fails ? CAUSE_NEIGHBOUR_FAILED : CAUSE_NONE, "nobody answers for 10.244.0.2")->share_kind =
		SHARE_EXISTING;
}

static void stale_udp(struct lab *l, bool near) { stale(l, IPPROTO_UDP, 0, !near); }

static void stale_tcp(struct lab *l, bool near)
{
	stale(l, IPPROTO_TCP, near ? TCP_CONNTRACK_ESTABLISHED : TCP_CONNTRACK_SYN_SENT, true);
}

static void stale_established(struct lab *l, bool near) { stale_tcp(l, !near); }

static void unnatted(struct lab *l, bool near)
{
	start(l, CLIENT, VIP, 53, IPPROTO_UDP);
	if (!near)
		meet_entry(l, NULL, 0);
	place(l, STAGE_NEIGHBOUR);
	end(l, END_SENT, CAUSE_NONE, "leaves by eth0")->share_kind = near ? SHARE_CERTAIN : SHARE_EXISTING;
}

static void notrack(struct lab *l, bool near)
{
	struct packet before;

	start(l, CLIENT, VIP, 53, IPPROTO_UDP);
	before = l->p.now;
	before.ct.state = CT_NONE;
	l->p.now.ct.state = near ? CT_NEW : CT_UNTRACKED;
	path_rule(&l->p, EFFECT_CHANGE, "raw", "PREROUTING", 2, 7, "-p udp --dport 53 -j CT --notrack");
	path_hop(&l->p, STAGE_HOOK, NF_INET_PRE_ROUTING, -300, false, &before);
	place(l, STAGE_SOCKET);
	end(l, END_NO_LISTENER, CAUSE_NO_LISTENER, "nothing listens");
}

static void invalid(struct lab *l, bool near)
{
	start(l, CLIENT, POD, 80, IPPROTO_TCP);
	l->p.now.ct.state = near ? CT_NEW : CT_INVALID;
	ended_by(l, NF_INET_FORWARD, "filter", "KUBE-FORWARD", "-m conntrack --ctstate INVALID -j DROP", END_DROP);
}

static void invalid_ipvs(struct lab *l, bool near)
{
	struct packet before;

	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	before = l->p.now;
	l->p.now.ct.state = CT_UNTRACKED;
	path_to(&l->p, POD, 8080);
	path_other(&l->p, EV_IPVS, "-a -t 10.96.0.50:80 -r 10.244.0.3:8080 -m -w 1");
	path_hop(&l->p, STAGE_IPVS_IN, 0, 0, false, &before);
	answer(l);
	l->p.now.ct.state = near ? CT_NEW : CT_INVALID;
	rule(l, "filter", "FORWARD", "-m conntrack --ctstate INVALID -j DROP");
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_DROP, CAUSE_REPLY_DROPPED, "the answer does not come back: filter/FORWARD rule 3 drops");
}

static void full(struct lab *l, bool near)
{
	plain(l, END_DROP, near ? CAUSE_NAT_FAILED : CAUSE_CONNTRACK_FULL);
}

static void nearly_full(struct lab *l, bool near)
{
	healthy(l);
	l->pred.facts.ct_count = near ? 200000 : 262000;
	l->pred.facts.ct_max = 262144;
}

/* -- virtual services -- */

static void virtual_service(struct lab *l, uint8_t proto, enum end_kind kind, enum end_cause cause, const char *why)
{
	start(l, CLIENT, VIP, 80, proto);
	path_other(&l->p, EV_IPVS, "-A -t 10.96.0.50:80 -s rr");
	place(l, STAGE_IPVS_IN);
	end(l, kind, cause, why);
}

static void no_real_server(struct lab *l, bool near)
{
	virtual_service(l, IPPROTO_TCP, END_REJECT, near ? CAUSE_IPVS_WEIGHT_ZERO : CAUSE_IPVS_NO_SERVER,
			"the IPVS service 10.96.0.50:80 has no real server");
}

/* near: there are endpoints, but none for here */
static void not_ready_virtual(struct lab *l, bool near)
{
	no_real_server(l, false);
	objects_say(l, (struct intended){ .n_usable = near, .n_unready = 1, .unready = "10.244.0.3:8080 of prod/web-0 on node-a" });
}

static void weight_zero(struct lab *l, bool near)
{
	virtual_service(l, IPPROTO_TCP, END_REJECT, near ? CAUSE_IPVS_NO_SERVER : CAUSE_IPVS_WEIGHT_ZERO,
			"every real server of the IPVS service 10.96.0.50:80 has weight 0");
}

static void stale_virtual(struct lab *l, bool near)
{
	virtual_service(l, near ? IPPROTO_UDP : IPPROTO_TCP, END_DROP, CAUSE_IPVS_STALE, "IPVS has a live connection to 10.244.0.9");
}

static void stale_virtual_udp(struct lab *l, bool near) { stale_virtual(l, !near); }

static const struct {
	const char *id;
	void (*make)(struct lab *l, bool near);
	const char *words[3];		/* that its text or fix must hold */
} cases[] = {
	{ "no-endpoints-selector", no_endpoints, { "prod/web:http", "10.96.0.50:80", "filter/KUBE-SERVICES rule 3" } },
	{ "no-endpoints-selector", no_endpoints_nft, { "ip kube-proxy chain reject-chain" } },
	{ "ipvs-no-real-server", no_real_server, { "10.96.0.50:80", "no ready endpoint", "ipvsadm -Ln" } },
	{ "ipvs-weight-zero", weight_zero, { "weight 0", "ipvsadm -Ln" } },
	{ "ipvs-old-conn-to-removed-rs", stale_virtual, { "10.244.0.9", "expire_nodest_conn=1" } },
	{ "ipvs-udp-stale", stale_virtual_udp, { "10.244.0.9", "expire_nodest_conn=1" } },
	{ "etp-local-no-local-endpoint", etp_local, { "prod/np-local-without:http", "192.0.2.10:30082", "KUBE-EXTERNAL-SERVICES" } },
	{ "etp-local-no-local-endpoint", etp_local_nft, { "203.0.113.12:80" } },
	{ "itp-local-no-local-endpoint", itp_local, { "prod/web:http", "10.96.0.50:80" } },
	{ "itp-local-no-local-endpoint", itp_local_nft, { "internalTrafficPolicy" } },
	{ "itp-local-no-local-endpoint", itp_local_nft_pod, { "internalTrafficPolicy" } },
	{ "lb-source-ranges", source_ranges, { "192.0.2.1", "KUBE-PROXY-FIREWALL" } },
	{ "lb-source-ranges", source_ranges_ipvs, { "192.0.2.1", "KUBE-SOURCE-RANGES-FIREWALL" } },
	{ "lb-source-ranges", source_ranges_nft, { "prod/lb-ranges:http", "198.51.100.0/24", "kubectl -n prod edit service lb-ranges" } },
	{ "vip-port-not-a-service-port", not_a_port, { "10.96.0.50:81" } },
	{ "vip-port-not-a-service-port", not_a_port_sent, { "10.96.0.50:81 is not a port of prod/web", "default via" } },
	{ "vip-port-not-a-service-port", not_a_port_local, { "kube-ipvs0" } },
	{ "no-endpoints-reject-shadowed", reject_shadowed, { "filter/FORWARD rule 3 accepts", "prod/web:http has no endpoints" } },
	{ "vip-not-allocated", not_allocated_sent, { "10.96.0.50 is of a range", "default via 192.0.2.1" } },
	{ "vip-not-allocated", not_allocated, { "10.96.0.50" } },
	{ "kube-firewall-localnet-drop", localnet, { "127.0.0.1:80", "filter/KUBE-FIREWALL rule 3" } },
	{ "mark-0x8000-collision", mark_collision, { "filter/KUBE-FIREWALL rule 3", "0x8000" } },
	{ "kube-firewall-markless-drop", markless, { "filter/KUBE-FIREWALL rule 3" } },
	{ "nodeport-localhost", nodeport_localhost, { "net.ipv4.conf.cni0.route_localnet", "192.0.2.10:30080" } },
	{ "nodeport-localhost", nodeport_localhost_nft, { "127.0.0.1", "192.0.2.10:30080", "kube-proxy nftables" } },
	{ "nodeport-localhost", nodeport_localhost_address, { "NodePort 30080 on 127.0.0.1", "kube-proxy nftables" } },
	{ "nodeport-addresses-limit", addresses_limit_address, { "NodePort 30080 of prod/web:http", "198.51.100.1" } },
	{ "nodeport-addresses-limit", addresses_limit, { "192.0.2.10 only", "198.51.100.1" } },
	{ "nodeport-local-listener-shadowed", shadowed, { "0.0.0.0:30080", "prod/web:http" } },
	{ "targetport-mismatch", targetport, { "10.96.0.50:80 -> 10.244.0.3:9999", "8080", "kt-pb" } },
	{ "targetport-mismatch", targetport_udp, { "udp port 5353", "port unreachable" } },
	{ "app-bound-loopback", bound_loopback, { "127.0.0.1:8080", "kt-pb" } },
	{ "listener-other-address", bound_other, { "kt-pb" } },
	{ "no-listener", redirected, { "ip mine chain pre rule 3 translates 192.0.2.10:31000", "nothing on this node listens" } },
	{ "no-listener", no_listener, { "kt-pb", "8080" } },
	{ "kube-proxy-not-running", no_proxy, { "10.96.0.50:80", "default via 192.0.2.1" } },
	{ "iptables-legacy-and-nft", legacy_and_nft, { "iptables-legacy filter/FORWARD rule 3", "nat/KUBE-SEP-BBBBBBBBBBBBBBBB" } },
	{ "iptables-legacy-and-nft", legacy_left, { "iptables (legacy)", "kube-proxy iptables on nf_tables" } },
	{ "iptables-legacy-and-nft", legacy_left, { "the former, iptables (nf_tables) (nat/KUBE-SEP-BBBBBBBBBBBBBBBB", "registered last runs first" } },
	{ "stale-chains-after-mode-switch", mode_left, { "nftables" } },
	{ "stale-chains-after-mode-switch", ipvs_left, { "what is left over: ipvs (kube-ipvs0)", "-r 10.244.0.3:8080", "before it came to ip_vs" } },
	{ "stale-chains-after-mode-switch", ipvs_unmet, { "the former, iptables (nf_tables)", "comes before ip_vs" } },
	{ "stale-chains-after-mode-switch", refusal_left_nft, { "what is left over: nftables", "first that refuses is final" } },
	{ "stale-chains-after-mode-switch", refusal_left, { "what is left over: iptables (legacy)", "filter/KUBE-SERVICES rule 3", "first that refuses is final" } },
	{ "firewalld-zone-drop", firewalld, { "filter/FORWARD rule 3", "inet firewalld chain filter_FORWARD", "admin-prohibited" } },
	{ "nft-accept-not-final", accept_not_final, { "filter/FORWARD rule 3", "inet mine chain fwd", "nft insert rule inet mine fwd handle 33" } },
	{ "queue-unread", queue_unread, { "since no program reads queue 5", "start the program again" } },
	{ "docker28-raw-drop", docker_raw, { "raw/PREROUTING rule 3", "10.244.0.3" } },
	{ "docker-chain-drop", docker_chain, { "DOCKER-ISOLATION-STAGE-2" } },
	{ "ufw-routed-deny", ufw, { "192.0.2.1 -> 10.244.0.3:8080", "ufw route allow from 192.0.2.1 to 10.244.0.3" } },
	{ "ufw-input-deny", ufw_input, { "ufw allow from 192.0.2.1 to any port 22 proto tcp" } },
	{ "tailscale-cgnat-drop", tailscale, { "100.64.1.9", "filter/ts-input rule 3" } },
	{ "calico-rpf-raw-drop", raw_rpf, { "172.30.0.9", "Calico", "raw/cali-PREROUTING rule 3" } },
	{ "calico-unknown-interface-drop", unknown_interface, { "eth0", "cali-from-wl-dispatch", "spec.nodeName=worker-1" } },
	{ "calico-policy-drop", calico_policy, { "cali-tw-cali12ab" } },
	{ "dns-egress-policy-deny", dns_egress, { "udp/53", "cali-fw-cali12ab" } },
	{ "kube-router-podfw-reject", kube_router, { "KUBE-POD-FW-ABCDEF" } },
	{ "input-reject-host-prohibited", host_prohibited,
	  { "10.244.0.3 -> 192.0.2.10:6443", "iptables -t filter -I INPUT 3 -s 10.244.0.3 -d 192.0.2.10 -p tcp --dport 6443 -j ACCEPT" } },
	{ "input-reject-host-prohibited", host_prohibited6, { "Permission denied" } },
	{ "forward-policy-drop", forward_policy, { "192.0.2.1 -> 10.244.0.3:8080", "filter/FORWARD policy DROP" } },
	{ "policy-drop", other_policy, { "filter/INPUT policy DROP" } },
	{ "rule-drop", rule_drop, { "ip mine chain fwd rule 3", "nft -a list chain ip mine fwd" } },
	{ "rule-drop", rule_cannot, { "cannot do its work", "veth3 has no address" } },
	{ "rule-drop", rule_in_pod, { "of namespace kt-pb", "ip netns exec kt-pb nft insert rule ip mine in handle 33" } },
	{ "rule-reject", rule_reject, { "ip mine chain fwd rule 3" } },
	{ "hairpin-off", hairpin_off, { "bridge port vpb has hairpin off", "dev vpb hairpin on" } },
	{ "bridge-refuses", bridge_refuses, { "vpb" } },
	{ "hairpin-no-masq", hairpin_no_masq_local, { "10.244.0.3:8080" } },
	{ "hairpin-no-masq", hairpin_no_masq, { "10.244.0.3:8080" } },
	{ "ip-forward-off", forward_off, { "net.ipv4.ip_forward is 0", "sysctl -w net.ipv4.ip_forward=1" } },
	{ "ipv6-forwarding-off", forward6_off, { "net.ipv6.conf.all.forwarding is 0", "[fd44::3]:8080" } },
	{ "rp-filter-strict", rp_loose, { "No interface leads back", "is 2 (loose)", "ip route get 192.0.2.1" } },
	{ "rp-filter-strict", rp_filter, { "net.ipv4.conf.eth0.rp_filter is 1", "192.0.2.1" } },
	{ "martian-source", martian_src, { "192.0.2.1" } },
	{ "bridge-nf-off", bridge_nf, { "net.bridge.bridge-nf-call-iptables is 0", "10.244.0.3:8080" } },
	{ "bridge-nf-off", bridge_nf_unsaid, { "modprobe br_netfilter" } },
	{ "masq-mark-lost", mark_lost, { "ip mine chain fwd rule 3", "meta mark set 0x1", "no route to 192.0.2.1" } },
	{ "dnat-to-loopback", dnat_to_loopback, { "192.0.2.10:30090 is translated to 127.0.0.1", "sysctl -w net.ipv4.conf.eth0.route_localnet=1" } },
	{ "masq-missing-return-path", return_path, { "no route to 192.0.2.1" } },
	{ "masq-missing-return-path", return_path_sent, { "192.0.2.1", "10.244.0.3" } },
	{ "policy-routing-hijack", policy_routing, { "lookup 30400" } },
	{ "policy-routing-hijack", policy_routing_reply, { "the answer 10.244.0.3:8080 -> 192.0.2.1", "table 77" } },
	{ "blackhole-route", unreachable_reply, { "192.0.2.1 hits", "unreachable 192.0.2.0/24" } },
	{ "blackhole-route", blackhole, { "blackhole 10.244.9.0/26 proto bird" } },
	{ "missing-podcidr-route", missing_route, { "10.244.9.9:8080" } },
	{ "no-default-route", no_default, { "10.96.0.50" } },
	{ "no-route", no_route, { "198.51.100.7" } },
	{ "stale-dnat-dead-pod", dead_pod, { "10.244.0.3:8080", "FAILED" } },
	{ "stale-dnat-dead-pod", dead_pod_new, { "10.244.0.3:8080" } },
	{ "stale-dnat-dead-pod", gone, { "10.244.0.3:8080", "prod/web:http", "nobody answers" } },
	{ "stale-dnat-dead-pod", gone_and_reused, { "10.244.0.3:8080", "whoever" } },
	{ "endpoints-not-ready", not_ready, { "prod/web:http", "prod/web-0 on node-a", "kubectl -n prod get pods" } },
	{ "endpoints-not-ready", not_ready_virtual, { "prod/web-0 on node-a", "ip_vs", "10.96.0.50:80" } },
	{ "kube-proxy-sync-slow", refused_too_late, { "10.96.0.50:80", "has no endpoints", "prod/web-0 on node-a" } },
	{ "kube-proxy-sync-slow", behind, { "10.244.0.4:8080", "o.json" } },
	{ "kube-proxy-sync-slow", no_longer_ready, { "10.244.0.3:8080 of prod/web-0", "no longer" } },
	{ "kube-proxy-sync-slow", replaced, { "10.244.0.3:8080", "10.244.0.4:8080 instead" } },
	{ "kube-proxy-restore-fails", unprogrammed, { "prod/web:http", "10.96.0.50:80" } },
	{ "neigh-failed", neigh_failed, { "10.244.0.30 dev cni0 FAILED" } },
	{ "martian-destination", martian_dst, { "10.244.0.3" } },
	{ "ttl-exceeded", ttl, { "so it is" } },
	{ "packet-too-big", mtu, { "so it is" } },
	{ "link-down", link_down, { "so it is" } },
	{ "no-free-nat-port", nat_failed, { "so it is" } },
	{ "forwarding-loop", loop, { "so it is" } },
	{ "listen-backlog-overflow", backlog, { "so it is", "somaxconn" } },
	{ "socket-buffer-full", socket_buffer, { "so it is" } },
	{ "udp-socket-buffer", udp_buffer, { "so it is", "ss -lnum" } },
	{ "queue-drop", queue_drop, { "queued", "its second column" } },
	{ "kernel-drop", kernel, { "so it is" } },
	{ "path-fails", anything, { "so it is" } },
	{ "conntrack-stale-udp", stale_udp, { "192.0.2.1", "27 s left", "conntrack -D -p udp --orig-dst 10.96.0.50 --reply-src 10.244.0.2" } },
	{ "conntrack-stale-tcp-synsent", stale_tcp, { "conntrack -D -p tcp --orig-dst 10.96.0.50 --reply-src 10.244.0.2" } },
	{ "conntrack-established-to-removed", stale_established, { "conntrack -D -p tcp --orig-dst 10.96.0.50 --reply-src 10.244.0.2" } },
	{ "conntrack-unnatted-udp", unnatted, { "10.96.0.50:53", "conntrack -D -p udp --orig-dst 10.96.0.50" } },
	{ "notrack-breaks-service", notrack, { "raw/PREROUTING rule 2", "10.96.0.50:53" } },
	{ "conntrack-invalid-drop-asymmetric", invalid_ipvs, { "net.ipv4.vs.conntrack is 0", "sysctl -w net.ipv4.vs.conntrack=1" } },
	{ "conntrack-invalid-drop-asymmetric", invalid, { "filter/KUBE-FORWARD rule 3" } },
	{ "conntrack-full", full, { "full" } },
	{ "conntrack-full", nearly_full, { "262000/262144", "524288" } },
};

/* -- the tests ------------------------------------------------------------------------------------ */

static struct lab *lab_new(struct arena *a)
{
	struct lab *l = arena_alloc(a, sizeof(*l));

	l->a = a;
	l->node_addr[0] = fixture_addr("127.0.0.1");
	l->node_addr[1] = fixture_addr(NODE);
	l->pred = (struct prediction){
		.node = "worker-1", .proxy = { PROXY_IPTABLES, BACKEND_NF_TABLES, NULL, 0, "kube-proxy iptables on nf_tables", "iptables (nf_tables)", NULL, 0 },
		.source = { .input = "node", .kind = SOURCE_NODE }, .trace = l->t,
		.facts = { .ct_count = -1, .ct_max = -1, .node_addr = l->node_addr, .n_node_addr = 2 },
		.target = { .target = { .input = "svc/prod/web", .kind = TARGET_SERVICE, .namespace = "prod", .name = "web", .port_name = "http" } },
	};
	return l;
}

static const struct finding *explained(struct lab *l, const char *id)
{
	size_t i;

	l->pred.n_trace = l->n;
	explain(l->a, &l->pred);
	for (i = 0; i < l->pred.n_finding; i++)
		if (!strcmp(l->pred.finding[i].id, id))
			return &l->pred.finding[i];
	return NULL;
}

static const char *all_ids(const struct prediction *p, struct arena *a)
{
	struct text t = { .arena = a };
	size_t i;

	for (i = 0; i < p->n_finding; i++)
		text_add(&t, " %s", p->finding[i].id);
	return text_get(&t);
}

static bool has(const struct finding *f, const char *words)
{
	return strstr(f->text, words) || strstr(f->fix, words);
}

static void check_finding(const struct finding *f, const char *const *words, size_t n)
{
	size_t i;

	assert_true(f->n_paths > 0);
	assert_true(f->title && *f->title && f->text && *f->text && f->fix && *f->fix);
	for (i = 0; i < n && words[i]; i++)
		if (!has(f, words[i]))
			fail_msg("%s: '%s' is missing in: %s | %s", f->id, words[i], f->text, f->fix);
	if (has(f, "{") && !strstr(f->text, "saddr != {"))
		fail_msg("%s: a name was left in: %s | %s", f->id, f->text, f->fix);
	if (has(f, "(null)") || has(f, " ,") || has(f, "  .") || has(f, " ."))
		fail_msg("%s: a hole in: %s | %s", f->id, f->text, f->fix);
}

static void each_cause(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena *a = arena_new();
		struct lab *l = lab_new(a);
		const struct finding *f;

		cases[i].make(l, false);
		f = explained(l, cases[i].id);
		if (!f)
			fail_msg("%s (case %zu) not found, but:%s", cases[i].id, i, all_ids(&l->pred, a));
		check_finding(f, cases[i].words, ARRAY_SIZE(cases[i].words));
		if (getenv("SHOW"))
			print_message("%s\n  %s\n  $ %s\n", f->id, f->text, f->fix);
		arena_free(a);
	}
}

static void each_near_miss(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena *a = arena_new();
		struct lab *l = lab_new(a);

		cases[i].make(l, true);
		if (explained(l, cases[i].id))
			fail_msg("%s (case %zu) found in what is none", cases[i].id, i);
		arena_free(a);
	}
}

/* No path fails without a finding, and one of an error's weight. */
static void no_failing_path_without(void **state)
{
	size_t i, k;
	int near;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (near = 0; near < 2; near++) {
			struct arena *a = arena_new();
			struct lab *l = lab_new(a);

			cases[i].make(l, near);
			explained(l, "");
			for (k = 0; k < l->n; k++) {
				const struct trace *t = &l->t[k];

				if (end_reaches(t->end.kind) || t->end.kind == END_UNKNOWN)
					continue;
				if (!prediction_finding_of(&l->pred, k))
					fail_msg("case %zu: path %zu has no finding", i, k);
				assert_int_equal(l->pred.finding[0].severity, SEVERITY_ERROR);
			}
			arena_free(a);
		}
}

static void healthy_has_none(void **state)
{
	struct arena *a = arena_new();
	struct lab *l = lab_new(a);

	(void)state;
	healthy(l);
	l->pred.facts.ct_count = 1000;
	l->pred.facts.ct_max = 262144;
	explained(l, "");
	if (l->pred.n_finding)
		fail_msg("a healthy node has:%s", all_ids(&l->pred, a));
	arena_free(a);
}

/* NodeLocal DNS: the VIP is the node's own, its packets untracked, and a local server takes them. */
static void nodelocal_dns_is_healthy(void **state)
{
	struct arena *a = arena_new();
	struct lab *l = lab_new(a);
	struct packet before;

	(void)state;
	start(l, POD, VIP, 53, IPPROTO_UDP);
	before = l->p.now;
	before.ct.state = CT_NONE;
	l->p.now.ct.state = CT_UNTRACKED;
	path_rule(&l->p, EFFECT_CHANGE, "raw", "PREROUTING", 2, 7, "-d 10.96.0.50/32 -p udp -j CT --notrack");
	path_hop(&l->p, STAGE_HOOK, NF_INET_PRE_ROUTING, -300, false, &before);
	place(l, STAGE_SOCKET);
	end(l, END_DELIVERED, CAUSE_NONE, "a socket listens on 10.96.0.50:53");
	explained(l, "");
	if (l->pred.n_finding)
		fail_msg("NodeLocal DNS has:%s", all_ids(&l->pred, a));
	arena_free(a);
}

/* Several paths of one cause are one finding; another rule makes another. */
static void paths_share_a_finding(void **state)
{
	struct arena *a = arena_new();
	struct lab *l = lab_new(a);
	const struct finding *f;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		start(l, CLIENT, VIP, 80, IPPROTO_TCP);
		dnat(l, arena_printf(a, "10.244.0.%d", 3 + i), 9999);
		in_pod(l, arena_printf(a, "pod-%d", i));
		path_other(&l->p, EV_SOCKET, arena_printf(a, "no socket %d", i));
		place(l, STAGE_SOCKET);
		end(l, END_NO_LISTENER, CAUSE_NO_LISTENER, "nothing listens");
	}
	forward_policy(l, false);
	rule_drop(l, false);
	f = explained(l, "targetport-mismatch");
	assert_non_null(f);
	assert_int_equal(l->pred.n_finding, 3);
	assert_int_equal(f->n_paths, 3);
	assert_int_equal(f->paths[2], 2);
	assert_non_null(strstr(f->text, "10.244.0.3:9999, 10.244.0.4:9999, 10.244.0.5:9999"));
	assert_string_equal(prediction_finding_of(&l->pred, 3), "forward-policy-drop");
	assert_string_equal(prediction_finding_of(&l->pred, 4), "rule-drop");
	arena_free(a);
}

/* What a hostile ruleset holds is not made a command, nor does it steer the terminal. */
static void hostile_names(void **state)
{
	struct arena *a = arena_new();
	struct lab *l = lab_new(a);
	const struct finding *f;

	(void)state;
	as_address(l);
	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	rule(l, "filter", "KUBE-SERVICES", "-j REJECT \033[2J")->comment = "$(reboot)/web;reboot:http has no endpoints";
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_REJECT, CAUSE_RULE, "rejected");
	f = explained(l, "no-endpoints-selector");
	assert_non_null(f);
	assert_null(strstr(f->fix, "reboot"));
	assert_null(strchr(f->text, '\033'));

	start(l, CLIENT, VIP, 80, IPPROTO_TCP);
	rule(l, "mine", "fwd;reboot", "drop");
	hook(l, NF_INET_FORWARD, 0);
	end(l, END_DROP, CAUSE_RULE, "dropped");
	f = explained(l, "rule-drop");
	assert_non_null(f);
	assert_null(strstr(f->fix, "reboot"));
	arena_free(a);
}

/* A path without hops or evidence must not be taken for granted. */
static void bare_paths(void **state)
{
	struct arena *a = arena_new();
	enum end_cause cause;

	(void)state;
	for (cause = CAUSE_NONE; cause <= CAUSE_UNREADABLE; cause++) {
		struct lab *l = lab_new(a);

		l->t[l->n++] = (struct trace){ .end = { END_DROP, cause, NULL }, .share = 1 };
		start(l, CLIENT, VIP, 80, IPPROTO_TCP);
		place(l, STAGE_ROUTE_INPUT);
		end(l, END_DROP, cause, NULL);
		explained(l, "");
		assert_non_null(prediction_finding_of(&l->pred, 0));
		assert_non_null(prediction_finding_of(&l->pred, 1));
	}
	arena_free(a);
}

static void every_row_is_whole(void **state)
{
	size_t i, k, m, j;

	(void)state;
	for (k = 0; causes_all[k]; k++)
		for (i = 0; i < causes_all[k]->n; i++) {
			const struct cause *c = &causes_all[k]->row[i];
			bool tested = false;

			assert_true(c->id && c->title && c->text && c->fix && c->when);
			assert_int_equal(strspn(c->id, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(c->id));
			for (j = 0; j < ARRAY_SIZE(cases); j++)
				tested |= !strcmp(cases[j].id, c->id);
			if (!tested)
				fail_msg("%s has no case in this test", c->id);
			for (m = 0; m <= k; m++)
				for (j = 0; j < (m < k ? causes_all[m]->n : i); j++)
					assert_string_not_equal(causes_all[m]->row[j].id, c->id);
		}
}

static void owners(void **state)
{
	static const struct { const char *table, *chain, *owner; } t[] = {
		{ "filter", "DOCKER-USER", "Docker" }, { "filter", "KUBE-POD-FW-XYZ", "kube-router" },
		{ "filter", "KUBE-SERVICES", "kube-proxy" }, { "kube-proxy", "services", "kube-proxy" },
		{ "nat", "cali-PREROUTING", "Calico" }, { "calico", "filter-cali-FORWARD", "Calico" },
		{ "filter", "ufw-user-forward", "ufw" }, { "firewalld", "filter_FORWARD", "firewalld" },
		{ "filter", "FORWARD", NULL }, { "filter", "MY-DOCKER", NULL }, { NULL, NULL, NULL }, { "mine", "DOCKERX", NULL },
		{ "nat", "CNI-HOSTPORT-DNAT", "the CNI portmap plugin" }, { "nat", "CNI-0123abcd", "the CNI bridge plugin" },
		{ "filter", "CILIUM_FORWARD", "Cilium" }, { "filter", "ts-input", "Tailscale" }, { "filter", "f2b-sshd", "fail2ban" },
		{ "netavark", "FORWARD", "Podman" }, { "filter", "LIBVIRT_FWI", "libvirt" }, { "nat", "AWS-SNAT-CHAIN-0", "the AWS VPC CNI" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		const char *got = owner_of_chain(NFPROTO_IPV4, t[i].table, t[i].chain);

		if (!t[i].owner)
			assert_null(got);
		else
			assert_string_equal(got, t[i].owner);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cause), cmocka_unit_test(each_near_miss), cmocka_unit_test(no_failing_path_without),
		cmocka_unit_test(healthy_has_none), cmocka_unit_test(nodelocal_dns_is_healthy),
		cmocka_unit_test(paths_share_a_finding), cmocka_unit_test(hostile_names), cmocka_unit_test(bare_paths),
		cmocka_unit_test(every_row_is_whole), cmocka_unit_test(owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
