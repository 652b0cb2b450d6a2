/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of a node: opens what the other files read through, holds their caches, and reads sysctls. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bpf/hooks.h"
#include "tracer/state_priv.h"

/*
 * Every sysctl that any file of ours asks, for snapshots. "%s" stands for each interface, and "all"
 * and "default". One that a kernel does not have is recorded as missing.
 */
static const char *const sysctls[] = {
	"net/ipv4/ip_forward",
	"net/ipv4/conf/%s/forwarding",
	"net/ipv4/conf/%s/rp_filter",
	"net/ipv4/conf/%s/accept_local",
	"net/ipv4/conf/%s/route_localnet",
	"net/ipv4/conf/%s/src_valid_mark",
	"net/ipv4/conf/%s/log_martians",
	"net/ipv4/conf/%s/send_redirects",
	"net/ipv4/conf/%s/arp_ignore",
	"net/ipv4/conf/%s/arp_filter",
	"net/ipv4/conf/%s/ignore_routes_with_linkdown",
	"net/ipv4/conf/%s/bc_forwarding",
	"net/ipv6/conf/%s/forwarding",
	"net/ipv6/conf/%s/force_forwarding",
	"net/ipv6/conf/%s/disable_ipv6",
	"net/ipv6/conf/%s/accept_ra",
	"net/ipv6/conf/%s/use_tempaddr",
	"net/ipv6/conf/%s/use_oif_addrs_only",
	"net/ipv6/conf/%s/ignore_routes_with_linkdown",
	"net/ipv4/ip_nonlocal_bind",
	"net/ipv4/ip_local_port_range",
	"net/ipv4/ip_early_demux",
	"net/ipv4/ip_default_ttl",
	"net/ipv4/ip_forward_update_priority",
	"net/ipv4/tcp_reflect_tos",
	"net/ipv4/icmp_echo_ignore_all",
	"net/ipv4/fib_multipath_hash_policy",
	"net/ipv4/tcp_l3mdev_accept",
	"net/ipv4/udp_l3mdev_accept",
	"net/ipv6/bindv6only",
	"net/ipv6/ip_nonlocal_bind",
	"net/ipv6/icmp/echo_ignore_all",
	"net/bridge/bridge-nf-call-iptables",
	"net/bridge/bridge-nf-call-ip6tables",
	"net/bridge/bridge-nf-call-arptables",
	"net/bridge/bridge-nf-filter-vlan-tagged",
	"net/netfilter/nf_conntrack_max",
	"net/netfilter/nf_conntrack_count",
	"net/netfilter/nf_conntrack_buckets",
	"net/netfilter/nf_conntrack_tcp_be_liberal",
	"net/netfilter/nf_conntrack_tcp_loose",
	"net/netfilter/nf_log/2",
	"net/netfilter/nf_log/10",
	"net/core/somaxconn",
};

struct ns *state_ns(struct state *s, uint32_t netns)
{
	struct ns *ns;

	for (size_t i = 0; i < s->n_ns; i++)
		if (s->ns[i]->netns == netns)
			return s->ns[i];
	ns = arena_alloc(s->arena, sizeof(*ns));
	ns->netns = netns;
	*VEC_PUSH(s->arena, s->ns, s->n_ns, s->cap_ns) = ns;
	return ns;
}

bool state_replays(const struct state *s)
{
	return io_mode(s->io) == IO_REPLAY;
}

/* -- what rule evaluation asks ---------------------------------------------------------------------- */

static int ask_route(void *ctx, uint32_t netns, const struct route_key *key, struct route *out)
{
	return state_route(ctx, netns, key, out);
}

static int ask_addr_type(void *ctx, uint32_t netns, const struct addr *a, int ifindex, uint8_t *rtn)
{
	return state_addr_type(ctx, netns, a, ifindex, rtn);
}

static const struct link *ask_link(void *ctx, uint32_t netns, int ifindex)
{
	return state_link(ctx, netns, ifindex);
}

static int ask_dev_addr(void *ctx, uint32_t netns, int ifindex, const struct addr *dst, struct addr *out)
{
	return state_dev_addr(ctx, netns, ifindex, dst, out);
}

static int ask_redirect_addr(void *ctx, uint32_t netns, int ifindex, const struct addr *dst, struct addr *out)
{
	return state_redirect_addr(ctx, netns, ifindex, dst, out);
}

static enum answer ask_socket(void *ctx, uint32_t netns, const struct packet *p, struct sock_info *out)
{
	return state_socket(ctx, netns, p, out);
}

/* The kernel's hook list, as nft/ wants it. */
static int read_order(void *ctx, uint32_t netns, const struct nft_order **rows, size_t *n)
{
	struct state *s = ctx;
	const struct hook_row *h;
	struct nft_order *out;
	size_t n_hook, count = 0;
	struct err err;
	int rc = bpf_hooks_read(s->io, s->arena, netns, &h, &n_hook, &err);

	if (rc)
		return rc;
	out = arena_alloc(s->arena, n_hook * sizeof(*out));
	for (size_t i = 0; i < n_hook; i++) {
		out[count++] = (struct nft_order){
			.pf = h[i].pf, .hook = h[i].hook, .ifindex = h[i].ifindex,
			.priority = h[i].priority, .in_nat = h[i].in_nat,
			.legacy = h[i].kind == HOOK_ROW_LEGACY, .family = h[i].family,
			.table = h[i].table, .chain = h[i].chain, .function = h[i].function,
		};
	}
	*rows = out;
	*n = count;
	return 0;
}

/* -- opening ----------------------------------------------------------------------------------------- */

static int produce_uname(void *ctx, uint32_t netns, struct io_out *out)
{
	struct utsname u;

	(void)ctx;
	(void)netns;
	if (uname(&u))
		return -errno;
	io_put(out, u.nodename, strlen(u.nodename) + 1);
	io_put(out, u.release, strlen(u.release) + 1);
	return 0;
}

static int read_uname(struct state *s, struct err *err)
{
	static const char key[] = "uname";
	const uint8_t *data;
	unsigned a = 0, b = 0;
	size_t len, first;
	int rc = io_read(s->io, IO_META, 0, key, sizeof(key), produce_uname, NULL, true, &data, &len);

	if (rc)
		return err_set(err, rc, "the node's name and kernel could not be read: %s", strerror(-rc));
	first = data ? strnlen((const char *)data, len) : 0;
	if (!data || first == len)
		return err_set(err, -EINVAL, "the snapshot's node name is torn");
	s->node = arena_strndup(s->arena, (const char *)data, first);
	s->kernel = arena_strndup(s->arena, (const char *)data + first + 1, len - first - 1);
	if (sscanf(s->kernel, "%3u.%3u", &a, &b) != 2)
		a = b = 0;
	s->version = KERNEL(a, b);
	return 0;
}

int state_open(struct io *io, struct arena *a, struct gaps *gaps, struct state **out, struct err *err)
{
	struct state *s = arena_alloc(a, sizeof(*s));
	int rc;

	s->io = io;
	s->arena = a;
	s->gaps = gaps;
	rc = read_uname(s, err);
	if (rc)
		return rc;
	s->ask = (struct ask){
		.ctx = s, .route = ask_route, .addr_type = ask_addr_type, .link = ask_link,
		.dev_addr = ask_dev_addr, .redirect_addr = ask_redirect_addr, .socket = ask_socket,
	};
	s->nft = nft_open(io, a, &s->ask, gaps);
	nft_set_order(s->nft, read_order, s);
	s->ipvs = ipvs_open(io, a);
	*out = s;
	return 0;
}

struct nft *state_nft(struct state *s)
{
	return s->nft;
}

struct ipvs *state_ipvs(struct state *s)
{
	return s->ipvs;
}

struct io *state_io(struct state *s)
{
	return s->io;
}

const struct ask *state_ask(struct state *s)
{
	return &s->ask;
}

const char *state_node_name(struct state *s)
{
	return s->node;
}

const char *state_kernel(struct state *s)
{
	return s->kernel;
}

/* The memory stays with the run's arena: links and texts handed out before remain valid. */
void state_forget(struct state *s)
{
	s->n_ns = 0;
	s->scan = NULL;
	memset(&s->where, 0, sizeof(s->where));
	nft_forget(s->nft);
	ipvs_forget(s->ipvs);
}

/* -- sysctl ------------------------------------------------------------------------------------------ */

struct sysctl_value {
	int rc;
	long value;
};

static const char *sysctl_path(struct state *s, const char *path, const char *ifname)
{
	const char *at = strstr(path, "%s");

	if (!at)
		return path;
	return arena_printf(s->arena, "%.*s%s%s", (int)(at - path), path, ifname ? ifname : "all", at + 2);
}

int state_sysctl(struct state *s, uint32_t netns, const char *path, const char *ifname, long *value)
{
	struct ns *ns = state_ns(s, netns);
	const char *full = sysctl_path(s, path, ifname);
	struct sysctl_value *v = cache_find(&ns->sysctl, full, strlen(full));

	if (!v) {
		v = arena_alloc(s->arena, sizeof(*v));
		v->rc = io_sysctl(s->io, netns, full, &v->value);
		cache_add(s->arena, &ns->sysctl, full, strlen(full), v);
	}
	if (!v->rc)
		*value = v->value;
	return v->rc;
}

struct evidence *state_sysctl_evidence(struct state *s, uint32_t netns, const char *path, const char *ifname,
				       struct evidences *ev)
{
	struct evidence *e;
	char *name;
	long value;

	if (!ev || state_sysctl(s, netns, path, ifname, &value))
		return NULL;
	/* As sysctl(8) writes it: dots for slashes, and a slash for a dot of an interface's name. */
	name = arena_strdup(s->arena, sysctl_path(s, path, ifname));
	for (char *p = name; *p; p++)
		*p = *p == '/' ? '.' : *p == '.' ? '/' : *p;
	e = evidence_add(ev, EV_SYSCTL);
	e->name = name;
	e->value = value;
	e->text = arena_printf(s->arena, "%s = %ld", name, value);
	return e;
}

static void sysctl_read_all(struct state *s, uint32_t netns)
{
	const struct link *const *link;
	size_t n;
	long v;

	if (state_links(s, netns, &link, &n))
		n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++) {
		state_sysctl(s, netns, sysctls[i], "all", &v);
		if (!strstr(sysctls[i], "%s"))
			continue;
		state_sysctl(s, netns, sysctls[i], "default", &v);
		for (size_t k = 0; k < n; k++)
			state_sysctl(s, netns, sysctls[i], link[k]->name, &v);
	}
}

/* -- a whole snapshot -------------------------------------------------------------------------------- */

static void note(struct state *s, uint32_t netns, const char *what, int rc)
{
	if (rc)
		gap_add(s->gaps, "%s of %s could not be read: %s", what,
			netns ? io_netns_name(s->io, netns) : "the node", strerror(-rc));
}

static void read_netns(struct state *s, uint32_t netns)
{
	const struct if_addr *addr;
	const struct link *const *link;
	const struct nft_order *rows;
	struct err err = { "" };
	size_t n;

	note(s, netns, "the links", links_as_made(s, netns, &link, &n));
	note(s, netns, "the addresses", state_addrs(s, netns, &addr, &n));
	note(s, netns, "the routes", fib_read_all(s, netns));
	note(s, netns, "the neighbours", neigh_read_all(s, netns));
	note(s, netns, "conntrack", conntrack_read_all(s, netns));
	note(s, netns, "the sockets", socket_read_all(s, netns));
	sysctl_read_all(s, netns);
	tc_read_all(s, netns);
	note(s, netns, "the ruleset", nft_read_all(s->nft, netns, &err));
	note(s, netns, "IPVS", ipvs_read_all(s->ipvs, netns));
	/* Only where it is to be had; nft_hook() says what is missing without it. */
	(void)read_order(s, netns, &rows, &n);
}

int state_read_all(struct state *s, struct err *err)
{
	uint32_t *todo = NULL;
	size_t n = 0, cap = 0;
	const struct link *const *link;
	size_t n_link;
	int rc = state_links(s, 0, &link, &n_link);

	if (rc)
		return err_set(err, rc, "the node's links could not be read: %s", strerror(-rc));
	*VEC_PUSH(s->arena, todo, n, cap) = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t netns = todo[i];

		read_netns(s, netns);
		if (state_links(s, netns, &link, &n_link))
			continue;
		for (size_t k = 0; k < n_link; k++) {
			uint32_t peer;
			size_t seen = 0;
			int ifindex;

			if (peer_find(s, netns, link[k], &peer, &ifindex))
				continue;
			while (seen < n && todo[seen] != peer)
				seen++;
			if (seen == n)
				*VEC_PUSH(s->arena, todo, n, cap) = peer;
		}
	}
	return 0;
}
