/* SPDX-License-Identifier: GPL-2.0-only */
/* ktrace --to TARGET: every way the packet can go, from the node's state, live or recorded. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "tracer/cmd.h"
#include "tracer/names.h"
#include "tracer/observe.h"
#include "tracer/out.h"
#include "tracer/walk.h"

#include <linux/netfilter.h>
#include <linux/rtnetlink.h>

#define TRIES		5
#define SPORT_DEFAULT	40000

struct predict {
	const struct options *o;
	struct arena *a;
	struct io *io;
	struct state *s;
	struct names *names;
	struct gaps gaps;		/* what could not be read, whether it matters or not */
	struct gaps unnamed;		/* what the API was asked for and did not tell */
	struct target target;
	struct walk_options walk;
	struct prediction p;
	struct observe *observe;	/* --send, once its sockets are made */
	struct observed observed;
	uint16_t sport;			/* of these sockets */
	struct trace *trace;
	size_t n_trace, cap_trace;
	struct err *err;
};

static struct tuple target_tuple(const struct predict *pr, const struct target_port *port, const struct addr *addr)
{
	struct tuple t = { .dst = *addr, .dport = port->port, .proto = port->proto };

	t.sport = pr->p.sport;
	if (port->proto == IPPROTO_ICMP)
		t.dport = 8 << 8;	/* ICMP_ECHO, code 0 */
	else if (port->proto == IPPROTO_ICMPV6)
		t.dport = 128 << 8;	/* ICMPV6_ECHO_REQUEST */
	return t;
}

static void add_trace(struct predict *pr, const struct trace *t)
{
	*VEC_PUSH(pr->a, pr->trace, pr->n_trace, pr->cap_trace) = *t;
}

/* A path that could not even be started: its end is unknown, and why stands in its gap. */
static void add_unknown(struct predict *pr, const struct tuple *tuple, const char *why)
{
	const char **gap = arena_dup(pr->a, &(const char *){ why }, sizeof(why));
	struct trace t = {
		.target = *tuple, .share = 1, .share_kind = SHARE_CERTAIN,
		.end = { END_UNKNOWN, CAUSE_UNREADABLE, why }, .gaps = gap, .n_gaps = 1,
	};

	add_trace(pr, &t);
}

/*
 * IPVS takes packets that are addressed to the node itself, as all its virtual addresses are on kube-ipvs0. The walk looks
 * them up in its table; without that nothing can be said.
 */
static bool ipvs_unreadable(struct predict *pr, const struct tuple *tuple)
{
	const char *text;
	uint8_t type;

	if (pr->p.proxy.mode != PROXY_IPVS || !io_file(pr->io, 0, IPVS_TABLE, &text, NULL))
		return false;
	return state_addr_type(pr->s, 0, &tuple->dst, 0, &type) || type == RTN_LOCAL;
}

/* One address and port. alone: it is all that the target has, so that a failure to start is the call's failure. */
static int walk_one(struct predict *pr, const struct tuple *tuple, bool alone)
{
	const struct trace *t;
	struct err err = { "" };
	size_t n;
	int rc;

	if (ipvs_unreadable(pr, tuple)) {
		add_unknown(pr, tuple, "kube-proxy runs in IPVS mode here, and " IPVS_TABLE " could not be read");
		return 0;
	}
	rc = walk(pr->s, pr->a, &pr->walk, tuple, &t, &n, &err);
	if (rc == -EINTR || rc == -EPERM || (rc && alone)) {
		*pr->err = err;
		return rc;
	}
	if (rc)
		add_unknown(pr, tuple, arena_strdup(pr->a, err.text[0] ? err.text : strerror(-rc)));
	for (size_t i = 0; !rc && i < n; i++)
		add_trace(pr, &t[i]);
	return 0;
}

/* Address of the source and interface, for the header: of the first path. What cannot be told stays empty. */
static void find_source(struct predict *pr, const struct tuple *tuple)
{
	const struct source *source = &pr->p.source;
	const struct link *link;
	int ifindex = 0;

	if (walk_source_addr(pr->s, &pr->walk, tuple, &pr->p.source_addr, &ifindex, NULL))
		return;
	link = ifindex && source->kind == SOURCE_ADDRESS ? state_link(pr->s, 0, ifindex) : NULL;
	pr->p.source_iface = link ? link->name : NULL;
}

/* A socket of the node that listens on the very address and port traced, which a NodePort would shadow. */
static void find_listener(struct predict *pr, const struct tuple *tuple)
{
	struct packet packet = { .src = tuple->src, .dst = tuple->dst, .sport = tuple->sport, .dport = tuple->dport,
				 .proto = tuple->proto };
	struct evidences ev = { .arena = pr->a };
	struct sock_info sock, near;
	const char *text = NULL;
	struct evidence *e;
	uint8_t type;

	if (pr->p.facts.listener || !tuple->dport || (tuple->proto != IPPROTO_TCP && tuple->proto != IPPROTO_UDP))
		return;
	if (state_addr_type(pr->s, 0, &tuple->dst, 0, &type) || type != RTN_LOCAL)
		return;
	packet.src.family = packet.dst.family;
	if (state_listener(pr->s, 0, &packet, &sock, &near, &text) != YES)
		return;
	e = evidence_add(&ev, EV_SOCKET);
	e->text = text;
	pr->p.facts.listener = e;
}

/* The address by which others know the node, before those of its bridges. */
static void primary_first(struct state *s, uint8_t family, struct addr *list, size_t n)
{
	struct addr primary;

	if (!target_node_addr(s, family, &primary))
		return;
	for (size_t i = 1; i < n; i++)
		if (addr_eq(&list[i], &primary)) {
			memmove(list + 1, list, i * sizeof(*list));
			list[0] = primary;
			return;
		}
}

static void read_facts(struct predict *pr)
{
	struct node_facts *facts = &pr->p.facts;
	const struct if_addr *addrs;
	struct addr *list;
	size_t n;

	if (state_ct_fill(pr->s, 0, &facts->ct_count, &facts->ct_max))
		facts->ct_count = facts->ct_max = -1;
	if (state_addrs(pr->s, 0, &addrs, &n))
		return;
	list = arena_alloc(pr->a, n * sizeof(*list));
	for (size_t i = 0; i < n; i++)
		list[i] = addrs[i].addr;
	primary_first(pr->s, AF_INET, list, n);
	primary_first(pr->s, AF_INET6, list, n);
	facts->node_addr = list;
	facts->n_node_addr = n;
}

/* For --all: the kernel's own lists, of the families that are traced. */
static void read_hooks(struct predict *pr)
{
	static const char *const names[] = { "prerouting", "input", "forward", "output", "postrouting" };
	static const uint8_t pfs[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	struct node_hook *list = arena_alloc(pr->a, ARRAY_SIZE(pfs) * ARRAY_SIZE(names) * sizeof(*list));
	struct err err = { "" };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(pfs); i++) {
		bool traced = false;

		for (size_t k = 0; k < pr->n_trace; k++)
			traced |= (pr->trace[k].target.dst.family == AF_INET6) == (pfs[i] == NFPROTO_IPV6);
		for (uint8_t hook = 0; traced && hook < ARRAY_SIZE(names); hook++) {
			list[n] = (struct node_hook){ .pf = pfs[i], .name = names[hook] };
			if (!nft_hook_list(state_nft(pr->s), 0, pfs[i], hook, 0, &list[n].list, &err))
				n++;
			else
				gap_add(&pr->gaps, "%s", err.text);
		}
	}
	pr->p.hook = list;
	pr->p.n_hook = n;
}

/*
 * The service of an address that nothing translated, which no rule that the packet met names. In nftables mode that costs a dump of
 * every service: not where the packet goes on its way.
 */
static void find_service(struct predict *pr, const struct trace *t)
{
	uint8_t type;

	if (pr->target.kind != TARGET_ADDRESS || (end_reaches(t->end.kind) && pr->p.proxy.mode != PROXY_IPTABLES))
		return;
	for (size_t i = 0; i < t->n_hops; i++)
		if (!t->hops[i].reply && !addr_eq(&t->hops[i].in.dst, &t->hops[i].out.dst))
			return;
	if (state_addr_type(pr->s, 0, &t->target.dst, 0, &type))
		return;
	pr->p.target.service = target_service_at(pr->s, pr->a, &pr->p.proxy, &t->target, type == RTN_LOCAL, &pr->p.facts.served);
}

static size_t count_addrs(const struct resolved *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_port; i++)
		n += r->port[i].n_addr;
	return n;
}

/* Every port at every address of the source's own family. */
static int walk_all(struct predict *pr)
{
	const struct source *source = &pr->p.source;
	bool alone = count_addrs(&pr->p.target) == 1;
	char buf[ADDR_TEXT];
	int rc;

	for (size_t i = 0; i < pr->p.target.n_port; i++) {
		const struct target_port *port = &pr->p.target.port[i];

		for (size_t k = 0; k < port->n_addr; k++) {
			struct tuple tuple = target_tuple(pr, port, &port->addr[k]);

			if (source->kind == SOURCE_ADDRESS && source->addr.family != tuple.dst.family)
				continue;
			if (!pr->n_trace)
				find_source(pr, &tuple);
			rc = walk_one(pr, &tuple, alone);
			if (rc)
				return rc;
			find_listener(pr, &tuple);
		}
	}
	if (pr->n_trace)
		return 0;
	return err_set(pr->err, -EINVAL, "%s cannot be sent to from %s: it has no IPv%c address", pr->target.input,
		       addr_say(&source->addr, buf), source->addr.family == AF_INET6 ? '6' : '4');
}

/* --send: the sockets of all probes, before they are predicted as they will be sent: from one port, if they can. */
static int open_probes(struct predict *pr)
{
	const struct source *source = &pr->p.source;
	int rc = observe_open(pr->s, pr->a, &pr->walk, pr->o->has_uid, &pr->observe, pr->err);

	pr->sport = pr->o->sport;
	for (size_t i = 0; !rc && i < pr->p.target.n_port; i++) {
		const struct target_port *port = &pr->p.target.port[i];

		for (size_t k = 0; !rc && k < port->n_addr; k++) {
			struct tuple tuple = target_tuple(pr, port, &port->addr[k]);

			if (source->kind != SOURCE_ADDRESS || source->addr.family == tuple.dst.family)
				rc = observe_add(pr->observe, &tuple, &pr->sport, pr->err);
		}
	}
	pr->p.sport = pr->walk.sport = pr->sport;
	return rc;
}

/* What an unknown share or end rests on; with --all whatever else could not be read. */
static void collect_gaps(struct predict *pr)
{
	struct gaps g = { .arena = pr->a };

	for (size_t i = 0; i < pr->n_trace; i++)
		for (size_t k = 0; k < pr->trace[i].n_gaps; k++)
			gap_add(&g, "%s", pr->trace[i].gaps[k]);
	for (size_t i = 0; i < pr->n_trace; i++)
		for (size_t k = 0; k < pr->trace[i].n_either; k++)
			gap_add(&g, "%s: it ends alike either way, and what is shown is one of the ways",
				pr->trace[i].either[k]);
	for (size_t i = 0; i < pr->unnamed.n; i++)
		gap_add(&g, "%s", pr->unnamed.v[i]);
	for (size_t i = 0; pr->o->all && i < pr->gaps.n; i++)
		gap_add(&g, "%s", pr->gaps.v[i]);
	pr->p.gap = g.v;
	pr->p.n_gap = g.n;
}

/* One whole prediction from the node as it stands. */
static int predict_once(struct predict *pr)
{
	struct prediction *p = &pr->p;
	int rc;

	*p = (struct prediction){ .sport = pr->sport ? pr->sport : pr->o->sport ? pr->o->sport : SPORT_DEFAULT };
	pr->trace = NULL;
	pr->n_trace = pr->cap_trace = pr->gaps.n = 0;
	p->node = state_node_name(pr->s);
	p->kernel = state_kernel(pr->s);
	rc = proxy_detect(pr->s, pr->a, &p->proxy, pr->err);
	if (!rc)
		rc = source_parse(pr->s, pr->a, pr->o->from ? pr->o->from : "node", &p->source, pr->err);
	if (!rc)
		rc = names_source(pr->names, pr->s, &p->source, pr->err);
	if (!rc)
		rc = names_resolve(pr->names, pr->s, &p->proxy, &pr->target, &p->target, pr->err);
	if (rc)
		return rc;
	pr->walk = (struct walk_options){
		.source = &p->source, .sport = p->sport, .mark = pr->o->mark, .uid = pr->o->uid, .tos = pr->o->tos,
		.all = pr->o->all,
	};
	if (pr->o->send && !pr->observe)
		rc = open_probes(pr);
	if (!rc)
		rc = walk_all(pr);
	if (rc)
		return rc;
	read_facts(pr);
	if (pr->o->all)
		read_hooks(pr);
	p->trace = pr->trace;
	p->n_trace = pr->n_trace;
	proxy_meet(&p->proxy, pr->a, p->trace, p->n_trace);
	if (!p->target.service)
		p->target.service = target_service_of(pr->a, p->trace, p->n_trace);
	if (!p->target.service)
		find_service(pr, p->trace);
	return 0;
}

/* Until the ruleset stood still meanwhile: kube-proxy may be writing it. */
static int predict_stable(struct predict *pr)
{
	struct nft *nft = state_nft(pr->s);
	int rc, settled;

	for (int try = 0; try < TRIES; try++) {
		rc = predict_once(pr);
		settled = nft_settled(nft);
		if (!settled && rc != -EINTR)
			return rc;
		if (settled && settled != -EAGAIN)
			return err_set(pr->err, settled, "it cannot be asked whether the rules stood still: %s",
				       strerror(-settled));
		state_forget(pr->s);
		/* kube-proxy commits several times in one sync: let it finish, each time a little longer */
		nanosleep(&(struct timespec){ .tv_nsec = (10L << try) * 1000000 }, NULL);
	}
	return err_set(pr->err, -EAGAIN, "the ruleset kept changing while it was read; try again when kube-proxy is idle");
}

/* The kernel is the judge: where it went another way than predicted, the prediction is worth nothing. */
static int send_probes(struct predict *pr)
{
	struct gaps g = { .arena = pr->a };

	observe_run(pr->observe, &pr->p, &pr->observed);
	pr->p.observed = &pr->observed;
	for (size_t i = 0; i < pr->observed.n_probe; i++)
		if (pr->observed.probe[i].agrees == NO)
			gap_add(&g, "the kernel did otherwise than predicted: %s", pr->observed.probe[i].differs);
	if (g.n) {
		pr->p.outcome = OUTCOME_UNKNOWN;
		for (size_t i = 0; i < pr->p.n_gap; i++)
			gap_add(&g, "%s", pr->p.gap[i]);
		pr->p.gap = g.v;
		pr->p.n_gap = g.n;
	}
	return pr->o->write ? observe_write(pr->observe, pr->o->write, &pr->p, pr->err) : 0;
}

static int predict(struct predict *pr)
{
	const struct options *o = pr->o;
	const struct names_options names = {
		.objects = o->objects, .kubeconfig = o->kubeconfig, .namespace = o->namespace, .replay = o->in,
	};
	struct source source;
	int rc;

	rc = names_open(pr->a, &names, &pr->unnamed, &pr->names, pr->err);
	if (!rc)
		rc = target_parse(pr->a, o->to, names_namespace(pr->names), &pr->target, pr->err);
	if (!rc && o->from)
		rc = source_parse(NULL, pr->a, o->from, &source, pr->err);
	if (!rc && !o->in)
		rc = cmd_may_read(pr->err);
	if (!rc)
		rc = o->in ? io_open_replay(pr->a, o->in, &pr->io, pr->err) :
			     io_open_live(pr->a, IO_LIVE, &pr->io, pr->err);
	if (!rc)
		rc = state_open(pr->io, pr->a, &pr->gaps, &pr->s, pr->err);
	if (!rc)
		rc = predict_stable(pr);
	if (rc)
		return rc;
	names_enrich(pr->names, pr->s, &pr->p, pr->trace, pr->n_trace);
	collect_gaps(pr);
	pr->p.outcome = prediction_outcome(pr->p.trace, pr->p.n_trace);
	explain(pr->a, &pr->p);
	return o->send ? send_probes(pr) : 0;
}

static int print(struct predict *pr)
{
	struct out_options out = cmd_out_options(pr->o);

	if (pr->o->json)
		return out_json(stdout, pr->a, &pr->p, &out);
	out_text(stdout, pr->a, &pr->p, &out);
	return 0;
}

enum status cmd_predict(const struct options *o)
{
	static const enum status statuses[] = {
		[OUTCOME_REACHES] = STATUS_REACHES, [OUTCOME_PARTLY] = STATUS_FAILS, [OUTCOME_FAILS] = STATUS_FAILS,
		[OUTCOME_UNKNOWN] = STATUS_UNKNOWN,
	};
	struct err err = { "" };
	struct arena *a = arena_new();
	struct predict pr = { .o = o, .a = a, .gaps = { .arena = a }, .unnamed = { .arena = a }, .err = &err };
	enum status status;
	int rc;

	rc = predict(&pr);
	if (!rc)
		rc = print(&pr);
	status = rc ? cmd_fail(&err, rc) : statuses[pr.p.outcome];
	observe_close(pr.observe);
	names_close(pr.names);
	io_close(pr.io);
	arena_free(a);
	return status;
}
