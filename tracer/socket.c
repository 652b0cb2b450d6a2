/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets: which one takes a packet. Live the kernel runs its own lookup (a sock_diag question for one tuple does that,
 * reuseport and BPF included); in a snapshot the dumped sockets are scored as the kernel scores them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/base/nl.h"
#include "tracer/state_priv.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#define STATES_ALL	0xffffffffu

struct sock {
	struct sock_info info;		/* an IPv6 socket bound to a mapped address has it as IPv4 here */
	uint8_t family;			/* of the socket */
	enum answer v6only;
	struct addr remote;		/* of a connected one, else family 0 */
	uint16_t rport;
};

struct socks {
	int rc;
	struct arena *arena;
	uint8_t proto;
	struct sock *v;
	size_t n, cap;
};

struct lookup {
	const struct packet *p;
	int dif, sdif;
	bool l3mdev_accept;
};

/* -- reading ------------------------------------------------------------------------------------------- */

static struct addr sock_addr(uint8_t family, const void *bytes)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (family == AF_INET6 && !memcmp(bytes, mapped, sizeof(mapped)))
		return addr_from((const uint8_t *)bytes + 12, 4);
	return addr_from(bytes, family == AF_INET6 ? 16 : 4);
}

static int take_sock(const struct nlmsghdr *nlh, void *ctx)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[INET_DIAG_SOCKOPT + 1];
	struct inet_diag_sockopt opt = {};
	struct socks *ss = ctx;
	struct sock *k;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) ||
	    (m->idiag_family != AF_INET && m->idiag_family != AF_INET6))
		return 0;
	nl_attrs(nlh, sizeof(*m), tb, INET_DIAG_SOCKOPT);
	if (tb[INET_DIAG_SOCKOPT] && mnl_attr_get_payload_len(tb[INET_DIAG_SOCKOPT]) >= sizeof(opt))
		memcpy(&opt, mnl_attr_get_payload(tb[INET_DIAG_SOCKOPT]), sizeof(opt));
	k = VEC_PUSH(ss->arena, ss->v, ss->n, ss->cap);
	k->family = m->idiag_family;
	k->remote = sock_addr(m->idiag_family, m->id.idiag_dst);
	k->rport = ntohs(m->id.idiag_dport);
	if (addr_is_any(&k->remote) && !k->rport)
		k->remote.family = 0;
	k->v6only = k->family != AF_INET6 ? NO : tb[INET_DIAG_SKV6ONLY] ?
		    answer_of(nl_u8(tb[INET_DIAG_SKV6ONLY], 0)) : k->remote.family ? NO : UNKNOWN;
	k->info = (struct sock_info){
		.state = m->idiag_state, .transparent = opt.transparent,
		.local = sock_addr(m->idiag_family, m->id.idiag_src), .port = ntohs(m->id.idiag_sport),
		.bound_if = m->id.idiag_if, .uid = m->idiag_uid, .inode = m->idiag_inode,
		.mark = nl_u32(tb[INET_DIAG_MARK], 0), .backlog = m->idiag_wqueue, .queued = m->idiag_rqueue,
	};
	k->info.wildcard = addr_is_any(&k->info.local);
	if (tb[INET_DIAG_SKMEMINFO] &&
	    mnl_attr_get_payload_len(tb[INET_DIAG_SKMEMINFO]) >= (SK_MEMINFO_DROPS + 1) * 4)
		memcpy(&k->info.drops, (const uint8_t *)mnl_attr_get_payload(tb[INET_DIAG_SKMEMINFO]) +
		       SK_MEMINFO_DROPS * 4, 4);
	return 0;
}

static struct nlmsghdr *request(void *buf, uint8_t family, uint8_t proto, uint32_t states, uint16_t flags,
				struct inet_diag_req_v2 **req)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *r;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	r = mnl_nlmsg_put_extra_header(nlh, sizeof(*r));
	r->sdiag_family = family;
	r->sdiag_protocol = proto;
	r->idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1);
	r->idiag_states = states;
	r->id.idiag_cookie[0] = r->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (req)
		*req = r;
	return nlh;
}

/*
 * /proc/net/sctp/eps: SCTP has no lookup to ask and its sock_diag module would have to be loaded for a dump. Without
 * the file there is no SCTP in this kernel.
 */
static int read_sctp(struct state *s, uint32_t netns, uint8_t family, struct socks *ss)
{
	const char *line;
	int rc = io_file(s->io, netns, "/proc/net/sctp/eps", &line, NULL);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	for (line = strchr(line, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
		unsigned state, port, uid, inode;
		int used = 0;
		char text[64];
		const char *p;

		if (sscanf(line + 1, "%*s %*s %*u %u %*u %u %u %u%n", &state, &port, &uid, &inode, &used) != 4)
			continue;
		for (p = line + 1 + used; sscanf(p, "%*[ ]%63[0-9a-fA-F:.]%n", text, &used) == 1; p += used) {
			struct sock *k;
			struct addr a;

			if (!addr_parse(text, &a) || a.family != family)
				continue;
			k = VEC_PUSH(ss->arena, ss->v, ss->n, ss->cap);
			k->family = a.family;
			k->v6only = a.family == AF_INET6 ? UNKNOWN : NO;
			k->info = (struct sock_info){ .state = state, .wildcard = addr_is_any(&a), .local = a,
						      .port = port, .uid = uid, .inode = inode };
		}
	}
	return 0;
}

static struct socks *dump_states(struct state *s, uint32_t netns, uint8_t family, uint8_t proto, uint32_t states)
{
	struct { uint32_t states; uint8_t family, proto, pad[2]; } key = { states, family, proto, {} };
	struct ns *ns = state_ns(s, netns);
	struct socks *ss = cache_find(&ns->socks, &key, sizeof(key));
	char buf[256] = {};

	if (ss)
		return ss;
	ss = arena_alloc(s->arena, sizeof(*ss));
	ss->arena = s->arena;
	ss->proto = proto;
	if (proto == IPPROTO_SCTP)
		ss->rc = read_sctp(s, netns, family, ss);
	else
		ss->rc = nl_ask(s->io, netns, NETLINK_SOCK_DIAG, request(buf, family, proto, states, NLM_F_DUMP, NULL),
				take_sock, ss, NULL);
	cache_add(s->arena, &ns->socks, &key, sizeof(key), ss);
	return ss;
}

/* A snapshot holds every socket; live only those that wait for somebody are worth a dump. */
static struct socks *dump(struct state *s, uint32_t netns, uint8_t family, uint8_t proto)
{
	struct socks *all = NULL;

	if (state_replays(s))
		all = dump_states(s, netns, family, proto, STATES_ALL);
	/* Any other state than LISTEN makes the kernel walk the table of established TCP connections as well. */
	return all && !all->rc ? all :
	       dump_states(s, netns, family, proto, 1u << (proto == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE));
}

int socket_read_all(struct state *s, uint32_t netns)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 }, protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		for (size_t k = 0; k < ARRAY_SIZE(protos); k++) {
			int one = dump_states(s, netns, families[i], protos[k], STATES_ALL)->rc;

			rc = rc ? rc : one;
		}
	return rc;
}

/* -- scoring ------------------------------------------------------------------------------------------- */

static bool is_waiting(const struct sock *k, uint8_t proto)
{
	return proto == IPPROTO_UDP ? !k->remote.family : k->info.state == TCP_LISTEN;
}

/* inet_bound_dev_eq() of include/net/inet_sock.h. */
static bool dev_fits(const struct sock *k, const struct lookup *l)
{
	if (!k->info.bound_if)
		return !l->sdif || l->l3mdev_accept;
	return k->info.bound_if == l->dif || k->info.bound_if == l->sdif;
}

static enum answer addr_fits(const struct sock *k, const struct lookup *l)
{
	if (!k->info.wildcard)
		return answer_of(addr_eq(&k->info.local, &l->p->dst));
	if (k->family == packet_family(l->p))
		return YES;
	/* An IPv6 socket on :: takes IPv4 too, unless it was told not to. */
	return k->family == AF_INET6 ? answer_not(k->v6only) : NO;
}

/*
 * compute_score() of net/ipv4/inet_hashtables.c, udp.c and their IPv6 kin; a socket of this very address is found before
 * those of any. 0: does not take the packet.
 */
static int score(const struct sock *k, const struct lookup *l, uint8_t proto, enum answer *fits)
{
	bool v4_socket = k->family == AF_INET && packet_family(l->p) == AF_INET;
	int n = 1;

	*fits = NO;
	if (k->info.port != l->p->dport || !dev_fits(k, l))
		return 0;
	if (k->remote.family && (!addr_eq(&k->remote, &l->p->src) || k->rport != l->p->sport))
		return 0;
	if (!k->remote.family && !is_waiting(k, proto))
		return 0;
	*fits = addr_fits(k, l);
	if (*fits == NO)
		return 0;
	n += v4_socket;
	n += k->info.bound_if ? 4 : 0;
	n += k->remote.family ? 100 : 0;
	n += k->info.wildcard ? 0 : 1000;
	return n;
}

struct found {
	const struct sock *sock;
	int score;
	bool unknown;			/* one that may take it could not be judged */
};

static void search(const struct socks *ss, const struct lookup *l, struct found *f)
{
	for (size_t i = 0; i < ss->n; i++) {
		enum answer fits;
		int n = score(&ss->v[i], l, ss->proto, &fits);

		/* A SYN may take over a connection in TIME_WAIT: tcp_timewait_state_process(). */
		if (!n || ss->v[i].info.state == TCP_TIME_WAIT)
			continue;
		if (fits == UNKNOWN)
			f->unknown = true;
		else if (n > f->score)
			*f = (struct found){ &ss->v[i], n, f->unknown };
	}
}

static struct lookup lookup_of(struct state *s, const struct packet *p, uint32_t netns)
{
	const char *path = p->proto == IPPROTO_UDP ? "net/ipv4/udp_l3mdev_accept" : "net/ipv4/tcp_l3mdev_accept";
	struct lookup l = { .p = p, .dif = p->iif };
	int master = link_l3_master(s, netns, p->iif);
	long accept = 0;

	if (master && master != p->iif) {
		state_sysctl(s, netns, path, NULL, &accept);
		l = (struct lookup){ .p = p, .dif = master, .sdif = p->iif, .l3mdev_accept = accept };
	}
	return l;
}

static bool known_proto(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/* IPv4 packets reach sockets of both families, IPv6 ones only their own. */
static int dumps_for(struct state *s, uint32_t netns, uint8_t family, uint8_t proto, struct socks *out[2])
{
	int n = 0;

	if (family == AF_INET)
		out[n++] = dump(s, netns, AF_INET, proto);
	out[n++] = dump(s, netns, AF_INET6, proto);
	/* A kernel without IPv6 has no such sockets. */
	if (family == AF_INET && !out[0]->rc && (out[1]->rc == -EAFNOSUPPORT || out[1]->rc == -ENOENT))
		n = 1;
	return n;
}

static enum answer in_dumps(struct state *s, uint32_t netns, const struct packet *p, const struct sock **out)
{
	struct lookup l = lookup_of(s, p, netns);
	struct found f = {};
	struct socks *ss[2];
	int n = dumps_for(s, netns, packet_family(p), p->proto, ss);

	for (int i = 0; i < n; i++) {
		if (ss[i]->rc)
			return UNKNOWN;
		search(ss[i], &l, &f);
	}
	*out = f.sock;
	if (f.sock && (!f.unknown || !f.sock->info.wildcard))
		return YES;
	return f.unknown ? UNKNOWN : NO;
}

/* -- the kernel's own lookup ----------------------------------------------------------------------------- */

static void put_id(struct inet_diag_sockid *id, const struct packet *p, bool local_is_src)
{
	const struct addr *src = local_is_src ? &p->dst : &p->src, *dst = local_is_src ? &p->src : &p->dst;

	memcpy(id->idiag_src, src->b, addr_len(src));
	memcpy(id->idiag_dst, dst->b, addr_len(dst));
	id->idiag_sport = htons(local_is_src ? p->dport : p->sport);
	id->idiag_dport = htons(local_is_src ? p->sport : p->dport);
	id->idiag_if = p->iif;
}

/* inet_diag_find_one_icsk(), udp_dump_one(): the latter has source and destination the other way round. */
static int ask_exact(struct state *s, uint32_t netns, const struct packet *p, struct socks *one)
{
	struct inet_diag_req_v2 *req;
	char buf[256] = {};
	struct nlmsghdr *nlh = request(buf, packet_family(p), p->proto, STATES_ALL, 0, &req);

	put_id(&req->id, p, p->proto == IPPROTO_TCP);
	return nl_ask(s->io, netns, NETLINK_SOCK_DIAG, nlh, take_sock, one, NULL);
}

static bool can_ask(struct state *s, uint32_t netns, const struct packet *p)
{
	/* The question has no room for the VRF that a port belongs to. */
	return p->proto != IPPROTO_SCTP && !link_l3_master(s, netns, p->iif);
}

struct sock_answer {
	enum answer answer;
	const struct sock *sock;
};

static void find(struct state *s, uint32_t netns, const struct packet *p, struct sock_answer *out)
{
	struct socks *one = arena_alloc(s->arena, sizeof(*one));
	int rc;

	*one = (struct socks){ .arena = s->arena, .proto = p->proto };
	rc = can_ask(s, netns, p) ? ask_exact(s, netns, p, one) : -ENODATA;
	if (!rc && one->n && one->v[0].info.state != TCP_TIME_WAIT) {
		out->answer = YES;
		out->sock = &one->v[0];
		return;
	}
	/* -ENOENT: no socket, or no module to ask; the dump tells which. */
	out->answer = in_dumps(s, netns, p, &out->sock);
	if (rc == -ENOENT && out->answer == YES && out->sock->info.state != TCP_TIME_WAIT)
		out->answer = UNKNOWN;
}

static struct sock_answer *get(struct state *s, uint32_t netns, const struct packet *p)
{
	struct { struct addr src, dst; int iif; uint16_t sport, dport; uint8_t proto; } key;
	struct ns *ns = state_ns(s, netns);
	struct sock_answer *a;

	memset(&key, 0, sizeof(key));
	key.src.family = p->src.family;
	memcpy(key.src.b, p->src.b, addr_len(&p->src));
	key.dst.family = p->dst.family;
	memcpy(key.dst.b, p->dst.b, addr_len(&p->dst));
	key.iif = p->iif;
	key.sport = p->sport;
	key.dport = p->dport;
	key.proto = p->proto;
	a = cache_find(&ns->socks, &key, sizeof(key));
	if (!a) {
		a = arena_alloc(s->arena, sizeof(*a));
		a->answer = UNKNOWN;
		if (known_proto(p->proto))
			find(s, netns, p, a);
		cache_add(s->arena, &ns->socks, &key, sizeof(key), a);
	}
	return a;
}

/* -- words, and the nearest miss --------------------------------------------------------------------------- */

static void say_endpoint(struct text *t, struct state *s, uint32_t netns, const struct addr *a, int ifindex, uint16_t port)
{
	char buf[ADDR_TEXT];

	text_add(t, a->family == AF_INET6 ? "[%s]" : "%s", addr_say(a, buf));
	if (ifindex)
		text_add(t, "%%%s", link_name(s, netns, ifindex));
	if (port)
		text_add(t, ":%u", port);
	else
		text_add(t, ":*");
}

/* The columns of `ss -an`. */
static const char *say(struct state *s, uint32_t netns, const struct sock *k, uint8_t proto)
{
	static const char *const states[] = {
		[TCP_ESTABLISHED] = "ESTAB", [TCP_SYN_SENT] = "SYN-SENT", [TCP_SYN_RECV] = "SYN-RECV",
		[TCP_FIN_WAIT1] = "FIN-WAIT-1", [TCP_FIN_WAIT2] = "FIN-WAIT-2", [TCP_TIME_WAIT] = "TIME-WAIT",
		[TCP_CLOSE] = "UNCONN", [TCP_CLOSE_WAIT] = "CLOSE-WAIT", [TCP_LAST_ACK] = "LAST-ACK",
		[TCP_LISTEN] = "LISTEN", [TCP_CLOSING] = "CLOSING",
	};
	struct addr any = { .family = k->info.local.family };
	struct text t = { .arena = s->arena };

	text_add(&t, "%s %s %u %u ", proto_say(s->arena, proto),
		 k->info.state < ARRAY_SIZE(states) && states[k->info.state] ? states[k->info.state] : "?",
		 k->info.queued, k->info.backlog);
	say_endpoint(&t, s, netns, &k->info.local, k->info.bound_if, k->info.port);
	text_add(&t, " ");
	say_endpoint(&t, s, netns, k->remote.family ? &k->remote : &any, 0, k->rport);
	return text_get(&t);
}

/* How near a socket of the right port comes: the device, the family or the address is wrong. */
static int nearness(const struct sock *k, const struct lookup *l, uint8_t proto)
{
	if (k->info.port != l->p->dport || !is_waiting(k, proto))
		return 0;
	if (addr_fits(k, l) != NO)
		return 4;
	if (addr_is_loopback(&k->info.local))
		return 3;
	return k->info.wildcard ? 2 : 1;
}

static const struct sock *nearest(struct state *s, uint32_t netns, const struct packet *p)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct lookup l = lookup_of(s, p, netns);
	const struct sock *best = NULL;
	int top = 0;

	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct socks *ss = dump(s, netns, families[f], p->proto);

		for (size_t i = 0; i < ss->n; i++) {
			int n = nearness(&ss->v[i], &l, p->proto);

			if (n > top) {
				top = n;
				best = &ss->v[i];
			}
		}
	}
	return best;
}

enum answer state_listener(struct state *s, uint32_t netns, const struct packet *p, struct sock_info *out,
			   struct sock_info *near, const char **text)
{
	struct sock_answer *a = get(s, netns, p);
	const struct sock *k = a->answer == YES ? a->sock : NULL;

	if (text)
		*text = NULL;
	if (near)
		memset(near, 0, sizeof(*near));
	if (a->answer == YES)
		*out = k->info;
	if (a->answer == NO && near) {
		k = nearest(s, netns, p);
		if (k)
			*near = k->info;
	}
	if (k && text)
		*text = say(s, netns, k, p->proto);
	return a->answer;
}

enum answer state_socket(struct state *s, uint32_t netns, const struct packet *p, struct sock_info *out)
{
	struct sock_answer *a = get(s, netns, p);

	if (a->answer == YES)
		*out = a->sock->info;
	return a->answer;
}

static int by_port(const void *a, const void *b)
{
	uint16_t x = *(const uint16_t *)a, y = *(const uint16_t *)b;

	return (x > y) - (x < y);
}

int state_listening(struct state *s, uint32_t netns, uint8_t family, uint8_t proto, const uint16_t **ports, size_t *n)
{
	uint16_t *v = NULL;
	size_t count = 0, cap = 0, kept = 0;
	struct socks *ss[2];
	int n_dump;

	if (!known_proto(proto))
		return -EPROTONOSUPPORT;
	n_dump = dumps_for(s, netns, family, proto, ss);
	for (int i = 0; i < n_dump; i++) {
		if (ss[i]->rc)
			return ss[i]->rc;
		for (size_t k = 0; k < ss[i]->n; k++)
			if (is_waiting(&ss[i]->v[k], proto) && ss[i]->v[k].info.port &&
			    (family == ss[i]->v[k].family || ss[i]->v[k].v6only != YES))
				*VEC_PUSH(s->arena, v, count, cap) = ss[i]->v[k].info.port;
	}
	if (count)
		qsort(v, count, sizeof(*v), by_port);
	for (size_t i = 0; i < count; i++)
		if (!kept || v[kept - 1] != v[i])
			v[kept++] = v[i];
	*ports = v;
	*n = kept;
	return 0;
}
