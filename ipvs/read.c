/* SPDX-License-Identifier: GPL-2.0-only */
/* Virtual services and real servers over generic netlink (net/netfilter/ipvs/ip_vs_ctl.c). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ipvs/priv.h"
#include "tracer/base/nl.h"

#include <linux/genetlink.h>
#include <linux/ip_vs.h>

#define STATS	"/proc/net/ip_vs_stats"		/* small, and there as soon as the module is */
#define FTP	21
#define FTPDATA	20

/* A service asked for by itself; found is NULL if there is none. */
struct asked {
	uint8_t family, proto;
	struct addr addr;
	uint16_t port;
	uint32_t fwmark;
	int rc;
	const struct ipvs_service *found;
};

struct served {
	const struct ipvs_service *service;
	int rc;
	const struct ipvs_dest *dest;
	size_t n;
};

struct ipvs *ipvs_open(struct io *io, struct arena *a)
{
	struct ipvs *v = arena_alloc(a, sizeof(*v));

	v->io = io;
	v->arena = a;
	return v;
}

void ipvs_forget(struct ipvs *v)
{
	v->n_ns = 0;
}

struct ipvs_ns *ipvs_ns(struct ipvs *v, uint32_t netns)
{
	struct ipvs_ns *ns;

	for (size_t i = 0; i < v->n_ns; i++)
		if (v->ns[i]->netns == netns)
			return v->ns[i];
	ns = arena_alloc(v->arena, sizeof(*ns));
	ns->netns = netns;
	ns->present = UNKNOWN;
	*VEC_PUSH(v->arena, v->ns, v->n_ns, v->cap_ns) = ns;
	return ns;
}

/* Asking for the netlink family would load the module: its file is looked for first. */
bool ipvs_present(struct ipvs *v, uint32_t netns)
{
	struct ipvs_ns *ns = ipvs_ns(v, netns);
	const char *text;

	if (ns->present == UNKNOWN)
		ns->present = answer_of(!io_file(v->io, netns, STATS, &text, NULL));
	return ns->present == YES;
}

long ipvs_sysctl(struct ipvs *v, uint32_t netns, const char *name)
{
	struct ipvs_ns *ns = ipvs_ns(v, netns);
	struct ipvs_sysctl *row;
	char path[64];

	for (size_t i = 0; i < ns->n_sysctl; i++)
		if (!strcmp(ns->sysctl[i].name, name))
			return ns->sysctl[i].value;
	row = VEC_PUSH(v->arena, ns->sysctl, ns->n_sysctl, ns->cap_sysctl);
	row->name = name;
	snprintf(path, sizeof(path), "net/ipv4/vs/%s", name);
	(void)io_sysctl(v->io, netns, path, &row->value);
	return row->value;
}

/* -- requests -------------------------------------------------------------------------------------- */

struct request {
	/* zeroed: libmnl leaves padding as it was, and recordings are found by these bytes */
	_Alignas(NLMSG_ALIGNTO) uint8_t buf[512];
	struct nlmsghdr *h;
};

static void start(struct request *r, uint16_t type, uint8_t command, uint8_t version, uint16_t flags)
{
	struct genlmsghdr *g;

	memset(r->buf, 0, sizeof(r->buf));
	r->h = mnl_nlmsg_put_header(r->buf);
	r->h->nlmsg_type = type;
	r->h->nlmsg_flags = NLM_F_REQUEST | flags;
	g = mnl_nlmsg_put_extra_header(r->h, sizeof(*g));
	g->cmd = command;
	g->version = version;
}

static int take_family(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[CTRL_ATTR_FAMILY_ID + 1];

	nl_attrs(nlh, sizeof(struct genlmsghdr), tb, CTRL_ATTR_FAMILY_ID);
	*(uint16_t *)ctx = nl_u16(tb[CTRL_ATTR_FAMILY_ID], 0);
	return 0;
}

static int genl(struct ipvs *v, struct ipvs_ns *ns)
{
	struct request r;
	int rc;

	if (ns->genl)
		return 0;
	start(&r, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, 0);
	mnl_attr_put_strz(r.h, CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME);
	rc = nl_ask(v->io, ns->netns, NETLINK_GENERIC, r.h, take_family, &ns->genl, NULL);
	if (rc)
		return rc;
	return ns->genl ? 0 : -ENOENT;
}

static void put_service(struct nlmsghdr *h, const struct asked *s)
{
	struct nlattr *nest = mnl_attr_nest_start(h, IPVS_CMD_ATTR_SERVICE);
	uint8_t addr[16] = {};

	mnl_attr_put_u16(h, IPVS_SVC_ATTR_AF, s->family);
	if (s->fwmark) {
		mnl_attr_put_u32(h, IPVS_SVC_ATTR_FWMARK, s->fwmark);
	} else {
		memcpy(addr, s->addr.b, addr_len(&s->addr));
		mnl_attr_put_u16(h, IPVS_SVC_ATTR_PROTOCOL, s->proto);
		mnl_attr_put(h, IPVS_SVC_ATTR_ADDR, sizeof(addr), addr);
		mnl_attr_put_u16(h, IPVS_SVC_ATTR_PORT, htons(s->port));
	}
	mnl_attr_nest_end(h, nest);
}

/* -- replies --------------------------------------------------------------------------------------- */

/* union nf_inet_addr: 16 bytes, of which IPv4 uses the first 4. */
static struct addr inet_addr_of(const struct nlattr *a, uint8_t family)
{
	if (!a || nl_len(a) < 16)
		return (struct addr){};
	return addr_from(nl_data(a), family == AF_INET6 ? 16 : 4);
}

static bool parse_service(struct arena *a, const struct nlattr *nest, struct ipvs_service *out)
{
	const struct nlattr *tb[IPVS_SVC_ATTR_PE_NAME + 1];
	struct ip_vs_flags flags = {};

	nl_nested(nest, tb, IPVS_SVC_ATTR_PE_NAME);
	*out = (struct ipvs_service){
		.family = nl_u16(tb[IPVS_SVC_ATTR_AF], 0), .proto = nl_u16(tb[IPVS_SVC_ATTR_PROTOCOL], 0),
		.port = nl_be16(tb[IPVS_SVC_ATTR_PORT], 0), .fwmark = nl_u32(tb[IPVS_SVC_ATTR_FWMARK], 0),
		.scheduler = nl_str(a, tb[IPVS_SVC_ATTR_SCHED_NAME]), .engine = nl_str(a, tb[IPVS_SVC_ATTR_PE_NAME]),
		.timeout = nl_u32(tb[IPVS_SVC_ATTR_TIMEOUT], 0), .netmask = nl_u32(tb[IPVS_SVC_ATTR_NETMASK], 0),
	};
	if (out->family != AF_INET && out->family != AF_INET6)
		return false;
	if (tb[IPVS_SVC_ATTR_FLAGS] && nl_len(tb[IPVS_SVC_ATTR_FLAGS]) >= sizeof(flags))
		memcpy(&flags, nl_data(tb[IPVS_SVC_ATTR_FLAGS]), sizeof(flags));
	out->flags = flags.flags;
	if (!out->fwmark)
		out->addr = inet_addr_of(tb[IPVS_SVC_ATTR_ADDR], out->family);
	if (!out->scheduler)
		out->scheduler = "none";
	return out->fwmark || addr_len(&out->addr);
}

struct service_list {
	struct arena *arena;
	struct ipvs_service *v;
	size_t n, cap;
};

static int take_service(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[IPVS_CMD_ATTR_SERVICE + 1];
	struct service_list *l = ctx;
	struct ipvs_service s;

	nl_attrs(nlh, sizeof(struct genlmsghdr), tb, IPVS_CMD_ATTR_SERVICE);
	if (tb[IPVS_CMD_ATTR_SERVICE] && parse_service(l->arena, tb[IPVS_CMD_ATTR_SERVICE], &s))
		*VEC_PUSH(l->arena, l->v, l->n, l->cap) = s;
	return 0;
}

struct dest_list {
	struct arena *arena;
	uint8_t family;
	struct ipvs_dest *v;
	size_t n, cap;
};

static int take_dest(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *top[IPVS_CMD_ATTR_DEST + 1], *tb[IPVS_DEST_ATTR_TUN_FLAGS + 1];
	struct dest_list *l = ctx;
	struct ipvs_dest d;

	nl_attrs(nlh, sizeof(struct genlmsghdr), top, IPVS_CMD_ATTR_DEST);
	if (!top[IPVS_CMD_ATTR_DEST])
		return 0;
	nl_nested(top[IPVS_CMD_ATTR_DEST], tb, IPVS_DEST_ATTR_TUN_FLAGS);
	d = (struct ipvs_dest){
		/* a tunnel may lead to a server of the other family */
		.addr = inet_addr_of(tb[IPVS_DEST_ATTR_ADDR], nl_u16(tb[IPVS_DEST_ATTR_ADDR_FAMILY], l->family)),
		.port = nl_be16(tb[IPVS_DEST_ATTR_PORT], 0),
		.method = nl_u32(tb[IPVS_DEST_ATTR_FWD_METHOD], 0) & IP_VS_CONN_F_FWD_MASK,
		.weight = nl_u32(tb[IPVS_DEST_ATTR_WEIGHT], 0),
		.upper = nl_u32(tb[IPVS_DEST_ATTR_U_THRESH], 0), .lower = nl_u32(tb[IPVS_DEST_ATTR_L_THRESH], 0),
		.active = nl_u32(tb[IPVS_DEST_ATTR_ACTIVE_CONNS], 0),
		.inactive = nl_u32(tb[IPVS_DEST_ATTR_INACT_CONNS], 0),
		.persistent = nl_u32(tb[IPVS_DEST_ATTR_PERSIST_CONNS], 0),
		.tunnel = nl_u8(tb[IPVS_DEST_ATTR_TUN_TYPE], 0),
		.tunnel_port = nl_be16(tb[IPVS_DEST_ATTR_TUN_PORT], 0),
		.tunnel_flags = nl_u16(tb[IPVS_DEST_ATTR_TUN_FLAGS], 0),
	};
	if (addr_len(&d.addr))
		*VEC_PUSH(l->arena, l->v, l->n, l->cap) = d;
	return 0;
}

/* -- services -------------------------------------------------------------------------------------- */

int ipvs_services(struct ipvs *v, uint32_t netns, const struct ipvs_service **out, size_t *n)
{
	struct ipvs_ns *ns = ipvs_ns(v, netns);
	struct service_list l = { .arena = v->arena };
	struct request r;
	int rc;

	*n = 0;
	if (!ipvs_present(v, netns))
		return 0;
	if (!ns->dumped) {
		rc = genl(v, ns);
		if (rc)
			return rc;
		start(&r, ns->genl, IPVS_CMD_GET_SERVICE, IPVS_GENL_VERSION, NLM_F_DUMP);
		rc = nl_ask(v->io, netns, NETLINK_GENERIC, r.h, take_service, &l, NULL);
		if (rc)
			return rc;
		ns->service = l.v;
		ns->n_service = l.n;
		ns->dumped = true;
	}
	*out = ns->service;
	*n = ns->n_service;
	return 0;
}

/*
 * The hooks are registered with a namespace's first service, and stay. Pods seldom have any: for them one question is enough,
 * the node itself may have connections left of services that are gone.
 */
bool ipvs_used(struct ipvs *v, uint32_t netns)
{
	const struct ipvs_service *s;
	size_t n;

	return ipvs_present(v, netns) && (netns == 0 || ipvs_services(v, netns, &s, &n) || n);
}

static bool is_asked(const struct asked *a, const struct asked *b)
{
	return a->family == b->family && a->fwmark == b->fwmark &&
	       (a->fwmark || (a->proto == b->proto && a->port == b->port && addr_eq(&a->addr, &b->addr)));
}

static int from_dump(struct ipvs *v, uint32_t netns, struct asked *q)
{
	const struct ipvs_service *s = NULL;
	size_t n;
	int rc = ipvs_services(v, netns, &s, &n);

	for (size_t i = 0; !rc && i < n; i++) {
		struct asked have = { .family = s[i].family, .proto = s[i].proto, .addr = s[i].addr, .port = s[i].port,
				      .fwmark = s[i].fwmark };

		if (is_asked(&have, q))
			q->found = &s[i];
	}
	return rc;
}

/* Is there a service of this very key? */
static int one(struct ipvs *v, struct ipvs_ns *ns, struct asked *q)
{
	struct service_list l = { .arena = v->arena };
	struct request r;

	for (size_t i = 0; i < ns->n_asked; i++)
		if (is_asked(&ns->asked[i], q)) {
			*q = ns->asked[i];
			return q->rc;
		}
	q->rc = genl(v, ns);
	if (!q->rc && io_mode(v->io) != IO_LIVE) {
		q->rc = from_dump(v, ns->netns, q);
	} else if (!q->rc) {
		start(&r, ns->genl, IPVS_CMD_GET_SERVICE, IPVS_GENL_VERSION, 0);
		put_service(r.h, q);
		q->rc = nl_ask(v->io, ns->netns, NETLINK_GENERIC, r.h, take_service, &l, NULL);
		if (q->rc == -ESRCH)
			q->rc = 0;
		if (!q->rc && l.n)
			q->found = l.v;
	}
	*VEC_PUSH(v->arena, ns->asked, ns->n_asked, ns->cap_asked) = *q;
	return q->rc;
}

/* inet_port_requires_bind_service() with its default: ports below 1024. */
static bool ftp_port(uint16_t port)
{
	return port == FTPDATA || port >= 1024;
}

int ipvs_find(struct ipvs *v, uint32_t netns, const struct packet *p, const struct ipvs_service **out)
{
	struct ipvs_ns *ns = ipvs_ns(v, netns);
	struct asked q[] = {
		{ .family = packet_family(p), .fwmark = p->mark },
		{ .family = packet_family(p), .proto = p->proto, .addr = p->dst, .port = p->dport },
		{ .family = packet_family(p), .proto = p->proto, .addr = p->dst, .port = FTP },
		{ .family = packet_family(p), .proto = p->proto, .addr = p->dst, .port = 0 },
	};

	*out = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(q) && !*out; i++) {
		int rc;

		if ((i == 0 && !p->mark) || (i == 2 && (p->proto != IPPROTO_TCP || !ftp_port(p->dport))))
			continue;
		rc = one(v, ns, &q[i]);
		if (rc)
			return rc;
		*out = q[i].found;
	}
	return 0;
}

int ipvs_dests(struct ipvs *v, uint32_t netns, const struct ipvs_service *s, const struct ipvs_dest **out, size_t *n)
{
	struct ipvs_ns *ns = ipvs_ns(v, netns);
	struct asked key = { .family = s->family, .proto = s->proto, .addr = s->addr, .port = s->port, .fwmark = s->fwmark };
	struct dest_list l = { .arena = v->arena, .family = s->family };
	struct served *d;
	struct request r;

	for (size_t i = 0; i < ns->n_served; i++)
		if (ns->served[i].service == s) {
			d = &ns->served[i];
			*out = d->dest;
			*n = d->n;
			return d->rc;
		}
	d = VEC_PUSH(v->arena, ns->served, ns->n_served, ns->cap_served);
	d->service = s;
	d->rc = genl(v, ns);
	if (!d->rc) {
		start(&r, ns->genl, IPVS_CMD_GET_DEST, IPVS_GENL_VERSION, NLM_F_DUMP);
		put_service(r.h, &key);
		d->rc = nl_ask(v->io, netns, NETLINK_GENERIC, r.h, take_dest, &l, NULL);
	}
	*out = d->dest = l.v;
	*n = d->n = l.n;
	return d->rc;
}

int ipvs_read_all(struct ipvs *v, uint32_t netns)
{
	static const char *const sysctls[] = {
		"conntrack", "conn_reuse_mode", "expire_nodest_conn", "expire_quiescent_template", "sloppy_tcp",
		"sloppy_sctp", "drop_packet", "backup_only", "snat_reroute", "nat_icmp_send", "cache_bypass", "pmtu_disc",
	};
	const struct ipvs_service *s = NULL;
	const struct ipvs_dest *d;
	size_t n, k;
	int rc = ipvs_services(v, netns, &s, &n);

	for (size_t i = 0; !rc && i < n; i++)
		rc = ipvs_dests(v, netns, &s[i], &d, &k);
	if (rc || !ipvs_used(v, netns))
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++)
		(void)ipvs_sysctl(v, netns, sysctls[i]);
	return ipvs_conns_read(v, netns);
}

/* -- words ----------------------------------------------------------------------------------------- */

bool ipvs_persistent(const struct ipvs_service *s)
{
	return s->flags & IP_VS_SVC_F_PERSISTENT;
}

bool ipvs_one_packet(const struct ipvs_service *s)
{
	return s->flags & IP_VS_SVC_F_ONEPACKET;
}

static const char *say_key(struct arena *a, const struct ipvs_service *s)
{
	const char *option = s->proto == IPPROTO_TCP ? "-t" : s->proto == IPPROTO_UDP ? "-u" : "--sctp-service";

	if (s->fwmark)
		return arena_printf(a, "-f %u%s", s->fwmark, s->family == AF_INET6 ? " -6" : "");
	return arena_printf(a, "%s %s%s", option, endpoint_say(a, &s->addr, s->port), s->port ? "" : ":0");
}

/* " -M 255.255.255.0", " -M 64": persistence for a network instead of an address. */
static const char *say_mask(struct arena *a, const struct ipvs_service *s)
{
	struct addr mask = { .family = AF_INET };
	char buf[ADDR_TEXT];

	if (s->family == AF_INET6)
		return s->netmask >= 128 ? "" : arena_printf(a, " -M %u", s->netmask);
	memcpy(mask.b, &s->netmask, 4);
	return s->netmask == UINT32_MAX ? "" : arena_printf(a, " -M %s", addr_say(&mask, buf));
}

const char *ipvs_say_service(struct arena *a, const struct ipvs_service *s)
{
	static const char *const flag_names[][3] = {
		{ "flag-1", "flag-2", "flag-3" }, { "sh-fallback", "sh-port", "flag-3" }, { "mh-fallback", "mh-port", "flag-3" },
	};
	const char *sep = " -b ";
	struct text t = { .arena = a };

	text_add(&t, "-A %s -s %s", say_key(a, s), s->scheduler);
	if (ipvs_persistent(s))
		text_add(&t, " -p %u%s", s->timeout, say_mask(a, s));
	if (s->engine && *s->engine)
		text_add(&t, " --pe %s", s->engine);
	if (ipvs_one_packet(s))
		text_add(&t, " -o");
	for (unsigned i = 0; i < ARRAY_SIZE(flag_names[0]); i++)
		if (s->flags & IP_VS_SVC_F_SCHED1 << i)
			text_add(&t, "%s%s", sep, flag_names[!strcmp(s->scheduler, "sh") ? 1 : !strcmp(s->scheduler, "mh") ? 2 : 0][i]),
			sep = ",";
	return text_get(&t);
}

const char *ipvs_say_dest(struct arena *a, const struct ipvs_service *s, const struct ipvs_dest *d)
{
	static const char *const method[] = {
		[IPVS_MASQ] = "-m", [IPVS_LOCALNODE] = "-m", [IPVS_TUNNEL] = "-i", [IPVS_ROUTE] = "-g",
	};
	struct text t = { .arena = a };

	text_add(&t, "-a %s -r %s %s -w %d", say_key(a, s), endpoint_say(a, &d->addr, d->port),
		 d->method < ARRAY_SIZE(method) ? method[d->method] : "-b", d->weight);
	if (d->method == IPVS_TUNNEL && d->tunnel == IP_VS_CONN_F_TUNNEL_TYPE_GUE)
		text_add(&t, " --tun-type gue --tun-port %u", d->tunnel_port);
	else if (d->method == IPVS_TUNNEL && d->tunnel == IP_VS_CONN_F_TUNNEL_TYPE_GRE)
		text_add(&t, " --tun-type gre");
	if (d->upper || d->lower)
		text_add(&t, " -x %u -y %u", d->upper, d->lower);
	return text_get(&t);
}
