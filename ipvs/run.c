/* SPDX-License-Identifier: GPL-2.0-only */
/* ip_vs_in_hook() over one packet: a live connection, a template, or the scheduler (ip_vs_core.c, 6.1). */
#include <string.h>

#include "ipvs/priv.h"

#include <linux/ip_vs.h>
#include <linux/netfilter/nf_conntrack_common.h>

#define FTPDATA	20

struct in_hook {
	struct ipvs *v;
	uint32_t netns;
	struct ipvs_run *run;
	struct arena *arena;
	const struct ipvs_service *s;
	const struct ipvs_dest *dest;
	size_t n;
};

static long sysctl(const struct in_hook *h, const char *name)
{
	return ipvs_sysctl(h->v, h->netns, name);
}

static struct evidence *show(struct in_hook *h, enum effect effect, const char *text, const char *says)
{
	struct evidence *e = evidence_add(h->run->evidence, EV_IPVS);

	e->effect = effect;
	e->text = text;
	e->says = says;
	return e;
}

static void show_sysctl(struct in_hook *h, const char *name)
{
	struct evidence *e = evidence_add(h->run->evidence, EV_SYSCTL);

	e->name = arena_printf(h->arena, "net.ipv4.vs.%s", name);
	e->value = sysctl(h, name);
	e->text = arena_printf(h->arena, "%s = %ld", e->name, e->value);
}

static enum ipvs_verdict ends(struct in_hook *h, enum ipvs_verdict verdict, enum end_cause cause, const char *why)
{
	h->run->cause = cause;
	h->run->why = why;
	return verdict;
}

static enum ipvs_verdict unread(struct in_hook *h, const char *what, int rc)
{
	return ends(h, IPVS_UNKNOWN, CAUSE_UNREADABLE,
		    arena_printf(h->arena, "%s could not be read: %s", what, strerror(-rc)));
}

static const char *vip(const struct in_hook *h)
{
	if (h->s && h->s->fwmark)
		return arena_printf(h->arena, "mark %u", h->s->fwmark);
	return endpoint_say(h->arena, &h->run->p->dst, h->run->p->dport);
}

/* What __ip_vs_get_out_rt() takes off the MTU besides the outer IP header: struct udphdr and guehdr; gre_calc_hlen(). */
static uint8_t tunnel_len(const struct ipvs_dest *d)
{
	if (d->method != IPVS_TUNNEL || d->tunnel == IP_VS_CONN_F_TUNNEL_TYPE_IPIP)
		return 0;
	if (d->tunnel == IP_VS_CONN_F_TUNNEL_TYPE_GUE)
		return 8 + 4;
	return d->tunnel_flags & IP_VS_TUNNEL_ENCAP_FLAG_CSUM ? 8 : 4;
}

static void connection(struct in_hook *h, const struct ipvs_dest *d, uint16_t port)
{
	const struct packet *p = h->run->p;

	h->run->conn = (struct ipvs_conn){
		.proto = p->proto, .client = p->src, .client_port = p->sport, .vip = p->dst, .vip_port = p->dport,
		.server = d->addr, .server_port = port ? port : p->dport, .method = d->method, .tunnel = d->tunnel,
		.tunnel_port = d->tunnel_port, .tunnel_len = tunnel_len(d), .tracked = sysctl(h, "conntrack"),
		.once = h->s && ipvs_one_packet(h->s) && p->proto == IPPROTO_UDP,
	};
}

/* ip_vs_bypass_xmit() has no real server. */
static void bypass(struct in_hook *h)
{
	const struct packet *p = h->run->p;

	connection(h, &(const struct ipvs_dest){ .addr = p->dst, .method = IPVS_BYPASS }, p->dport);
}

/* -- an entry that is there already ------------------------------------------------------------------ */

static const struct ipvs_dest *dest_of(const struct ipvs_dest *dest, size_t n, const struct ipvs_entry *e)
{
	for (size_t i = 0; i < n; i++)
		if (addr_eq(&dest[i].addr, &e->server) && (dest[i].port == e->port || !dest[i].port || !e->port))
			return &dest[i];
	return NULL;
}

static bool could_be(const struct ipvs_service *s, const struct packet *p)
{
	if (s->fwmark)
		return s->family == p->dst.family;
	return s->proto == p->proto && addr_eq(&s->addr, &p->dst) && (s->port == p->dport || !s->port);
}

/*
 * A connection stays with the service that made it (struct ip_vs_conn's dest), which nobody tells: with another mark by now, its
 * packets are of another. Then h->s becomes the first that has such a server. NULL: none has.
 */
static int made_by(struct in_hook *h, const struct ipvs_entry *e, const struct ipvs_dest **out)
{
	const struct ipvs_service *s;
	const struct ipvs_dest *dest;
	size_t n, n_dest;
	int rc;

	*out = dest_of(h->dest, h->n, e);
	rc = *out ? 0 : ipvs_services(h->v, h->netns, &s, &n);
	for (size_t i = 0; !rc && !*out && i < n; i++) {
		if (!could_be(&s[i], h->run->p))
			continue;
		rc = ipvs_dests(h->v, h->netns, &s[i], &dest, &n_dest);
		*out = rc ? NULL : dest_of(dest, n_dest, e);
		if (*out)
			h->s = &s[i];
	}
	return rc;
}

/* ip_vs_conn_uses_old_conntrack() */
static bool uses_old_conntrack(const struct in_hook *h)
{
	return sysctl(h, "conntrack") && h->run->p->ct.existing;
}

/* is_new_conn_expected(); connections of a persistent service are controlled by their template. */
static bool expects_new(const struct in_hook *h, const struct ipvs_entry *e, const struct ipvs_dest *d)
{
	long mode = sysctl(h, "conn_reuse_mode");

	if (!mode || (h->s && ipvs_persistent(h->s)))
		return false;
	if (h->run->p->proto != IPPROTO_TCP)
		return h->run->p->proto == IPPROTO_SCTP && !strcmp(e->state, "CLOSED");
	return !strcmp(e->state, "TIME_WAIT") || !strcmp(e->state, "CLOSE") ||
	       (mode & 2 && !strcmp(e->state, "FIN_WAIT") && d && d->method != IPVS_MASQ);
}

static bool opens(const struct packet *p)
{
	return (p->proto == IPPROTO_TCP && p->tcp_flags & 0x02) || p->proto == IPPROTO_SCTP;
}

/* The connection is given up, and this packet with it if conntrack still holds the old one. */
static enum ipvs_verdict again(struct in_hook *h, const struct ipvs_entry *e, bool *schedule)
{
	if (!uses_old_conntrack(h)) {
		*schedule = true;
		return IPVS_PASS;
	}
	show(h, EFFECT_VERDICT, e->text, "an old connection, in conntrack too");
	return ends(h, IPVS_DROP, CAUSE_IPVS_STALE, "IPVS gives up an old connection that conntrack still has, and drops "
		    "this packet with it; the next try is scheduled anew");
}

/* IPVS_PASS with *schedule: as if there were no entry. */
static enum ipvs_verdict live(struct in_hook *h, const struct ipvs_entry *e, bool *schedule)
{
	const struct ipvs_service *now = h->s;
	const struct ipvs_dest *d;
	bool nodest = sysctl(h, "expire_nodest_conn");
	int rc;

	*schedule = false;
	if (!addr_len(&e->server) || addr_is_any(&e->server)) {
		choice_existing(h->run->choices);
		bypass(h);
		show(h, EFFECT_VERDICT, e->text, "a live IPVS connection past all real servers decides");
		return IPVS_SEND;
	}
	rc = made_by(h, e, &d);
	if (rc)
		return unread(h, "the IPVS services", rc);
	if ((!d && nodest) || (opens(h->run->p) && ((nodest && d && !d->weight) || expects_new(h, e, d)))) {
		h->s = now;
		return again(h, e, schedule);
	}
	if (!d) {
		show(h, EFFECT_VERDICT, e->text, "a live connection to a real server that is gone");
		show_sysctl(h, "expire_nodest_conn");
		return ends(h, IPVS_DROP, CAUSE_IPVS_STALE,
			    arena_printf(h->arena, "IPVS has a live connection to %s, which %s has no more",
					 endpoint_say(h->arena, &e->server, e->port), vip(h)));
	}
	choice_existing(h->run->choices);
	connection(h, d, e->port);
	show(h, EFFECT_VERDICT, e->text, "a live IPVS connection decides");
	return IPVS_SEND;
}

/* -- a new one --------------------------------------------------------------------------------------- */

static enum ipvs_verdict refuse(struct in_hook *h)
{
	enum ipvs_verdict leave = IPVS_REFUSE;
	bool zero = h->n > 0;

	show(h, EFFECT_VERDICT, ipvs_say_service(h->arena, h->s), NULL);
	for (size_t i = 0; i < h->n; i++) {
		zero = zero && h->dest[i].weight <= 0;
		if (i < 8)
			show(h, EFFECT_PASS, ipvs_say_dest(h->arena, h->s, &h->dest[i]),
			     h->dest[i].weight <= 0 ? "weight 0: takes nothing new" :
			     ipvs_overloaded(&h->dest[i]) != NO ? "overloaded" : NULL);
	}
	/* ip_vs_leave() */
	if (h->s->fwmark && sysctl(h, "cache_bypass")) {
		show_sysctl(h, "cache_bypass");
		bypass(h);
		leave = IPVS_LEAVE;
	}
	if (!h->n)
		return ends(h, leave, CAUSE_IPVS_NO_SERVER,
			    arena_printf(h->arena, "the IPVS service %s has no real server", vip(h)));
	if (zero)
		return ends(h, leave, CAUSE_IPVS_WEIGHT_ZERO,
			    arena_printf(h->arena, "every real server of the IPVS service %s has weight 0", vip(h)));
	return ends(h, leave, CAUSE_IPVS_NO_SERVER,
		    arena_printf(h->arena, "the IPVS scheduler %s finds no real server for %s", h->s->scheduler, vip(h)));
}

static enum ipvs_verdict to(struct in_hook *h, const struct ipvs_dest *d, uint16_t port, const char *text, const char *says)
{
	show(h, EFFECT_PASS, ipvs_say_service(h->arena, h->s), NULL);
	show(h, EFFECT_VERDICT, text, says);
	connection(h, d, port);
	return IPVS_SEND;
}

/* ip_vs_sched_persist(): the template first. */
static enum ipvs_verdict by_template(struct in_hook *h, bool *schedule)
{
	struct ipvs_entry e;
	const struct ipvs_dest *d;
	int rc;

	*schedule = false;
	if (h->s->engine && *h->s->engine)
		return ends(h, IPVS_UNKNOWN, CAUSE_UNREADABLE,
			    arena_printf(h->arena, "the persistence engine %s looks into the payload", h->s->engine));
	rc = ipvs_template_find(h->v, h->netns, h->run->p, h->s, &e);
	if (rc < 0)
		return unread(h, "the IPVS connections", rc);
	d = rc ? dest_of(h->dest, h->n, &e) : NULL;
	/* ip_vs_check_template() */
	if (!d || (!d->weight && sysctl(h, "expire_quiescent_template"))) {
		*schedule = true;
		return IPVS_PASS;
	}
	choice_existing(h->run->choices);
	return to(h, d, h->run->p->dport == h->s->port ? d->port : 0, e.text,
		  "the client's persistence template decides");
}

static enum ipvs_verdict schedule(struct in_hook *h)
{
	const char *how = NULL;
	const struct ipvs_dest *d;
	bool fresh = true;

	if (h->run->p->sport == FTPDATA)
		return IPVS_PASS;
	if (ipvs_persistent(h->s)) {
		enum ipvs_verdict v = by_template(h, &fresh);

		if (!fresh)
			return v;
	} else if (!h->s->fwmark && h->run->p->dport != h->s->port) {
		/* ip_vs_schedule(): a catch-all port needs persistence; then ip_vs_leave() */
		return h->s->port == 21 ? IPVS_PASS : refuse(h);
	}
	d = ipvs_schedule(h->run, h->arena, h->s, h->dest, h->n, &how);
	if (!d)
		return h->s->port == 21 && h->run->p->dport != 21 ? IPVS_PASS : refuse(h);
	return to(h, d, !ipvs_persistent(h->s) || h->run->p->dport == h->s->port ? d->port : 0,
		  ipvs_say_dest(h->arena, h->s, d), how);
}

/* tcp_conn_schedule(), udp_conn_schedule(), sctp_conn_schedule(): may this packet open a connection? */
static bool may_open(const struct in_hook *h)
{
	const struct packet *p = h->run->p;

	if (p->proto == IPPROTO_TCP)
		return !(p->tcp_flags & 0x04) && (p->tcp_flags & 0x02 || sysctl(h, "sloppy_tcp"));
	return true;
}

static bool balances(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

enum ipvs_verdict ipvs_run(struct ipvs *v, uint32_t netns, struct ipvs_run *run)
{
	struct in_hook h = { .v = v, .netns = netns, .run = run, .arena = v->arena };
	const struct packet *p = run->p;
	struct ipvs_entry e;
	bool fresh = true;
	int rc, found;

	if (!balances(p->proto) || !ipvs_used(v, netns) || sysctl(&h, "backup_only"))
		return IPVS_PASS;
	rc = ipvs_find(v, netns, p, &h.s);
	if (!rc && h.s)
		rc = ipvs_dests(v, netns, h.s, &h.dest, &h.n);
	if (rc)
		return unread(&h, "the IPVS services", rc);
	found = ipvs_conn_find(v, netns, p, &e);
	if (found < 0)
		return unread(&h, "the IPVS connections", found);
	if (found) {
		enum ipvs_verdict verdict = live(&h, &e, &fresh);

		if (!fresh)
			return verdict;
	}
	if (!h.s || !may_open(&h))
		return IPVS_PASS;
	/* ip_vs_todrop() */
	if (sysctl(&h, "drop_packet") >= 2 &&
	    choice_unknown(run->choices, 2, "net.ipv4.vs.drop_packet is on: whether IPVS drops this packet depends on how many came before"))
		return ends(&h, IPVS_DROP, CAUSE_NONE, "IPVS drops some new connections (net.ipv4.vs.drop_packet)");
	return schedule(&h);
}

/* ip_vs_has_real_service(): only servers that are reached by translation are in that table (ip_vs_rs_hash()). */
static bool is_real_server(const struct packet *p, const struct ipvs_service *s, const struct ipvs_dest *d)
{
	return d->method == IPVS_MASQ && d->port == p->sport && addr_eq(&d->addr, &p->src) &&
	       (s->fwmark || s->proto == p->proto);
}

enum answer ipvs_refuses_answer(struct ipvs *v, uint32_t netns, const struct packet *p, struct evidences *ev)
{
	struct ipvs_run run = { .p = p, .evidence = ev };
	struct in_hook h = { .v = v, .netns = netns, .run = &run, .arena = v->arena };
	const struct ipvs_service *s = NULL;
	const struct ipvs_dest *d;
	size_t n, k;

	if (!balances(p->proto) || !ipvs_used(v, netns) || !sysctl(&h, "nat_icmp_send") ||
	    (p->proto == IPPROTO_TCP && p->tcp_flags & 0x04))
		return NO;
	if (ipvs_services(v, netns, &s, &n))
		return UNKNOWN;
	for (size_t i = 0; i < n; i++) {
		if (ipvs_dests(v, netns, &s[i], &d, &k))
			return UNKNOWN;
		for (size_t j = 0; j < k; j++)
			if (is_real_server(p, &s[i], &d[j])) {
				show(&h, EFFECT_VERDICT, ipvs_say_dest(h.arena, &s[i], &d[j]),
				     "a real server sends it, outside of all IPVS connections");
				show_sysctl(&h, "nat_icmp_send");
				return YES;
			}
	}
	return NO;
}
