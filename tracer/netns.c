/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Namespaces: which one the other end of a veth is in. The kernel numbers them for each other (nsid); the names
 * and processes that hold them are found in /run/netns and /proc, and only when somebody asks.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tracer/base/nl.h"
#include "tracer/state_priv.h"

#include <linux/if.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#define RUN_NETNS	"/run/netns"
#define MAX_ERRNO	4095

struct candidate {
	const char *path, *name;
	ino_t inode;
};

struct netns_scan {
	struct candidate *v;
	size_t n, cap;
	struct cache nsid;		/* (asking netns, candidate) to nsid */
};

/* -- who is there -------------------------------------------------------------------------------------- */

static void add_candidate(struct state *s, struct netns_scan *scan, const char *path, const char *name, ino_t inode)
{
	for (size_t i = 0; i < scan->n; i++)
		if (scan->v[i].inode == inode)
			return;
	*VEC_PUSH(s->arena, scan->v, scan->n, scan->cap) = (struct candidate){
		.path = arena_strdup(s->arena, path), .name = arena_strdup(s->arena, name), .inode = inode,
	};
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
	long x = atol((*a)->d_name), y = atol((*b)->d_name);

	return (x > y) - (x < y);
}

static int no_dot(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int is_pid(const struct dirent *d)
{
	return d->d_name[0] >= '1' && d->d_name[0] <= '9';
}

/* Names first: they say more than a process does. */
static void scan_names(struct state *s, struct netns_scan *scan)
{
	struct dirent **d;
	int n = scandir(RUN_NETNS, &d, no_dot, by_name);

	for (int i = 0; i < n; i++) {
		char path[sizeof(RUN_NETNS) + 1 + sizeof(d[i]->d_name)];
		struct stat st;

		snprintf(path, sizeof(path), RUN_NETNS "/%s", d[i]->d_name);
		if (!stat(path, &st))
			add_candidate(s, scan, path, d[i]->d_name, st.st_ino);
		free(d[i]);
	}
	if (n >= 0)
		free(d);
}

static void scan_processes(struct state *s, struct netns_scan *scan)
{
	struct dirent **d;
	int n = scandir("/proc", &d, is_pid, by_number);

	for (int i = 0; i < n; i++) {
		char path[64], name[32];
		struct stat st;
		int pid = atoi(d[i]->d_name);

		snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
		snprintf(name, sizeof(name), "pid %d", pid);
		if (!stat(path, &st))
			add_candidate(s, scan, path, name, st.st_ino);
		free(d[i]);
	}
	if (n >= 0)
		free(d);
}

static struct netns_scan *get_scan(struct state *s)
{
	if (!s->scan) {
		s->scan = arena_alloc(s->arena, sizeof(*s->scan));
		scan_names(s, s->scan);
		scan_processes(s, s->scan);
	}
	return s->scan;
}

/* -- which of them the kernel means ---------------------------------------------------------------------- */

static int take_nsid(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[NETNSA_NSID + 1];
	int *nsid = ctx;

	if (nlh->nlmsg_type != RTM_NEWNSID)
		return 0;
	nl_attrs(nlh, sizeof(struct rtgenmsg), tb, NETNSA_NSID);
	*nsid = nl_u32(tb[NETNSA_NSID], -1);
	return 0;
}

/* What netns calls the namespace behind this descriptor; -1 if it knows it by no number. */
static int ask_nsid(struct state *s, uint32_t netns, int fd)
{
	char buf[256] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int nsid = -1;

	nlh->nlmsg_type = RTM_GETNSID;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct rtgenmsg));
	mnl_attr_put_u32(nlh, NETNSA_FD, fd);
	return nl_ask(s->io, netns, NETLINK_ROUTE, nlh, take_nsid, &nsid, NULL) ? -1 : nsid;
}

/* A namespace can vanish between the scan and the question: it is then nobody's peer any more. */
static int candidate_nsid(struct state *s, struct netns_scan *scan, uint32_t netns, size_t i)
{
	uint32_t key[2] = { netns, i };
	int *known = cache_find(&scan->nsid, key, sizeof(key));
	int fd;

	if (known)
		return *known;
	known = arena_alloc(s->arena, sizeof(*known));
	*known = -1;
	fd = open(scan->v[i].path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		*known = ask_nsid(s, netns, fd);
		close(fd);
	}
	cache_add(s->arena, &scan->nsid, key, sizeof(key), known);
	return *known;
}

static int open_candidate(struct state *s, const struct candidate *c, uint32_t *out)
{
	return io_netns_open(s->io, c->path, c->name, out, NULL);
}

static int find_nsid(struct state *s, uint32_t netns, int nsid, uint32_t *out)
{
	struct netns_scan *scan = get_scan(s);

	for (size_t i = 0; i < scan->n; i++)
		if (candidate_nsid(s, scan, netns, i) == nsid)
			return open_candidate(s, &scan->v[i], out);
	return -ESRCH;
}

/* -- peers ------------------------------------------------------------------------------------------------- */

struct peer {
	int32_t rc;
	uint32_t netns;
	int32_t ifindex;
};

static bool has_peer(const struct link *l)
{
	return l->peer > 0 && (!strcmp(l->kind, "veth") || !strcmp(l->kind, "netkit") || !strcmp(l->kind, "vxcan"));
}

static int produce_peer(void *ctx, uint32_t netns, struct io_out *out)
{
	(void)netns;
	io_put(out, ctx, sizeof(struct peer));
	return 0;
}

/* The mapping is recorded as found: a snapshot has neither /run/netns nor processes. */
static void resolve_peer(struct state *s, uint32_t netns, const struct link *l, struct peer *p)
{
	struct { char kind[8]; int ifindex; } key = { "peer", l->ifindex };
	const uint8_t *data = NULL;
	size_t len = 0;

	*p = (struct peer){ .netns = netns, .ifindex = l->peer };
	if (!state_replays(s) && l->peer_nsid >= 0)
		p->rc = find_nsid(s, netns, l->peer_nsid, &p->netns);
	if (io_read(s->io, IO_NETNS, netns, &key, sizeof(key), produce_peer, p, true, &data, &len) ||
	    len != sizeof(*p)) {
		p->rc = -ESRCH;
		return;
	}
	memcpy(p, data, sizeof(*p));
	/* A snapshot may hold anything: neither a namespace nor an errno. */
	if (p->rc > 0 || p->rc < -MAX_ERRNO || (!p->rc && p->netns >= io_netns_count(s->io)))
		p->rc = -ESRCH;
}

int peer_find(struct state *s, uint32_t netns, const struct link *l, uint32_t *peer_netns, int *peer_ifindex)
{
	struct ns *ns = state_ns(s, netns);
	struct peer *p;

	if (!has_peer(l))
		return -ENOENT;
	p = cache_find(&ns->peer, &l->ifindex, sizeof(l->ifindex));
	if (!p) {
		p = arena_alloc(s->arena, sizeof(*p));
		resolve_peer(s, netns, l, p);
		cache_add(s->arena, &ns->peer, &l->ifindex, sizeof(l->ifindex), p);
	}
	if (p->rc)
		return p->rc == -EPERM ? -EACCES : p->rc;
	*peer_netns = p->netns;
	*peer_ifindex = p->ifindex;
	return 0;
}

int state_peer(struct state *s, uint32_t netns, const struct link *l, uint32_t *peer_netns, int *peer_ifindex)
{
	int rc = peer_find(s, netns, l, peer_netns, peer_ifindex);

	if (rc && rc != -ENOENT)
		gap_add(s->gaps, "the namespace at the other end of %s (%s) could not be found: %s", l->name,
			io_netns_name(s->io, netns), strerror(-rc));
	return rc;
}

/* -- by name --------------------------------------------------------------------------------------------------- */

int state_netns_named(struct state *s, const char *name, uint32_t *out, struct err *err)
{
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return err_set(err, -EINVAL, "\"%s\" is not the name of a network namespace", name);
	return io_netns_open(s->io, arena_printf(s->arena, RUN_NETNS "/%s", name), name, out, err);
}

int state_netns_pid(struct state *s, int pid, uint32_t *out, struct err *err)
{
	return io_netns_open(s->io, arena_printf(s->arena, "/proc/%d/ns/net", pid),
			     arena_printf(s->arena, "pid %d", pid), out, err);
}

/* -- by inode number ------------------------------------------------------------------------------------------- */

static bool is_inode(int fd, uint32_t inode)
{
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && st.st_ino == inode;
}

int state_netns_inode(struct state *s, uint32_t inode, uint32_t *out)
{
	struct netns_scan *scan;

	if (state_replays(s)) {
		*out = inode - 1;
		return inode && inode <= io_netns_count(s->io) ? 0 : -ESRCH;
	}
	for (uint32_t i = 0; i < io_netns_count(s->io); i++)
		if (is_inode(io_netns_fd(s->io, i), inode)) {
			*out = i;
			return 0;
		}
	scan = get_scan(s);
	for (size_t i = 0; i < scan->n; i++)
		if (scan->v[i].inode == inode)
			return open_candidate(s, &scan->v[i], out);
	return -ESRCH;
}

/* -- by address ------------------------------------------------------------------------------------------------ */

bool state_is_uplink(struct state *s, uint32_t netns, const struct link *l)
{
	const struct if_addr *v;
	size_t n;

	if (state_addrs(s, netns, &v, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (v[i].ifindex == l->ifindex && v[i].plen < addr_len(&v[i].addr) * 8 && !addr_is_linklocal(&v[i].addr))
			return true;
	return false;
}

/* Through this link: is there another namespace that has the address on a device that is not its loopback? */
static bool behind(struct state *s, uint32_t netns, const struct link *l, const struct addr *a, uint32_t *out)
{
	const struct if_addr *addr;
	uint32_t peer;
	size_t n;
	int ifindex;

	if (state_is_uplink(s, netns, l) || peer_find(s, netns, l, &peer, &ifindex) || peer == 0 ||
	    state_addrs(s, peer, &addr, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct link *on;

		if (!addr_eq(&addr[i].addr, a))
			continue;
		on = state_link(s, peer, addr[i].ifindex);
		if (on && on->flags & IFF_LOOPBACK)
			continue;
		*out = peer;
		return true;
	}
	return false;
}

/* The port that the neighbour table and the FDB name, before all the others are tried. */
static const struct link *likely_port(struct state *s, int bridge, const struct addr *a)
{
	struct mac mac;
	int port;

	if (state_neigh(s, 0, bridge, a, &mac, NULL) != YES)
		return NULL;
	port = state_fdb_port(s, 0, bridge, &mac);
	return port && port != bridge ? state_link(s, 0, port) : NULL;
}

/* Which devices can lead to it: those of its route, or with no route at all any veth. */
static bool leads_there(const struct link *l, const struct link *via)
{
	return !via || l == via || (!strcmp(via->kind, "bridge") && l->master == via->ifindex);
}

static int find_holder(struct state *s, const struct addr *a, uint32_t *out)
{
	struct route_key key = { .dst = *a };
	const struct link *const *link, *via = NULL, *port;
	struct route r;
	size_t n;
	int rc;

	if (addr_is_ours(s, 0, a))
		return -ENOENT;
	if (!state_route(s, 0, &key, &r) && !r.error)
		via = state_link(s, 0, r.oif);
	port = via && !strcmp(via->kind, "bridge") ? likely_port(s, via->ifindex, a) : NULL;
	if (port && behind(s, 0, port, a, out))
		return 0;
	rc = state_links(s, 0, &link, &n);
	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++)
		if (leads_there(link[i], via) && behind(s, 0, link[i], a, out))
			return 0;
	return -ENOENT;
}

struct holder {
	int rc;
	uint32_t netns;
};

int state_netns_of_addr(struct state *s, const struct addr *a, uint32_t *out)
{
	struct addr key;
	struct holder *h;

	memset(&key, 0, sizeof(key));
	key.family = a->family;
	memcpy(key.b, a->b, addr_len(a));
	h = cache_find(&s->where, &key, sizeof(key));
	if (!h) {
		h = arena_alloc(s->arena, sizeof(*h));
		h->rc = find_holder(s, a, &h->netns);
		cache_add(s->arena, &s->where, &key, sizeof(key), h);
	}
	if (!h->rc)
		*out = h->netns;
	return h->rc;
}

/* At the other end of one of the node's own devices (NULL: of any). */
static bool is_neighbour(struct state *s, const struct addr *a, const char *iface, uint32_t *out)
{
	const struct link *const *link;
	uint32_t netns;
	size_t n;
	int ifindex;

	if (state_links(s, 0, &link, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((!iface || !strcmp(link[i]->name, iface)) && !state_peer(s, 0, link[i], &netns, &ifindex) && netns &&
		    addr_is_ours(s, netns, a)) {
			*out = netns;
			return true;
		}
	return false;
}

int state_netns_sender(struct state *s, const struct addr *a, const char *iface, uint32_t *out)
{
	struct netns_scan *scan;
	uint32_t netns;
	int rc = -ENOENT;

	if (state_replays(s))
		return -ESRCH;
	if (is_neighbour(s, a, iface, out) || (!iface && !state_netns_of_addr(s, a, out)))
		return 0;
	if (iface)
		return -ENOENT;
	scan = get_scan(s);
	for (size_t i = 0; i < scan->n; i++) {
		if (open_candidate(s, &scan->v[i], &netns) || !netns || !addr_is_ours(s, netns, a))
			continue;
		if (!rc)
			return -EEXIST;
		*out = netns;
		rc = 0;
	}
	return rc;
}
