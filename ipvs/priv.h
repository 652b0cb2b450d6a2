/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared inside the room: read.c asks the kernel, conn.c its table of connections, sched.c mirrors the schedulers. */
#ifndef KTRACE_IPVS_PRIV_H
#define KTRACE_IPVS_PRIV_H

#include "ipvs/ipvs.h"

/* What was read of one namespace, each part when first asked for. */
struct ipvs_ns {
	uint32_t netns;
	enum answer present;		/* UNKNOWN: not asked yet */
	uint16_t genl;			/* the number of the generic netlink family, 0: not asked yet */
	const struct ipvs_service *service;	/* of the dump */
	size_t n_service;
	bool dumped;
	struct asked *asked;		/* services asked one by one, present or not */
	size_t n_asked, cap_asked;
	struct served *served;		/* real servers by service */
	size_t n_served, cap_served;
	const char *conns;		/* /proc/net/ip_vs_conn, NULL: not read yet */
	struct found *found;		/* what was looked for in it */
	size_t n_found, cap_found;
	struct ipvs_sysctl { const char *name; long value; } *sysctl;
	size_t n_sysctl, cap_sysctl;
};

struct ipvs {
	struct io *io;
	struct arena *arena;
	struct ipvs_ns **ns;
	size_t n_ns, cap_ns;
};

struct ipvs_ns *ipvs_ns(struct ipvs *v, uint32_t netns);

/* -- read.c ---------------------------------------------------------------------------------------- */
/* May ip_vs have anything to do with this namespace's packets? */
bool ipvs_used(struct ipvs *v, uint32_t netns);
/* ip_vs_service_find(). 0 with *out NULL: none. */
int ipvs_find(struct ipvs *v, uint32_t netns, const struct packet *p, const struct ipvs_service **out);
/* net.ipv4.vs.NAME, 0 where this kernel has none. name is a literal. */
long ipvs_sysctl(struct ipvs *v, uint32_t netns, const char *name);
bool ipvs_persistent(const struct ipvs_service *s);
bool ipvs_one_packet(const struct ipvs_service *s);
/* "-A -t 10.96.0.1:443 -s rr" and "-a … -r 10.0.0.1:6443 -m -w 1", as ipvsadm --save prints them. */
const char *ipvs_say_service(struct arena *a, const struct ipvs_service *s);
const char *ipvs_say_dest(struct arena *a, const struct ipvs_service *s, const struct ipvs_dest *d);

/* -- conn.c ---------------------------------------------------------------------------------------- */
struct ipvs_entry {
	struct addr server;
	uint16_t port;
	const char *state, *text;	/* "ESTABLISHED"; the whole line */
};
/* ip_vs_conn_in_get() for the packet: 1 found, 0 none, or -errno. */
int ipvs_conn_find(struct ipvs *v, uint32_t netns, const struct packet *p, struct ipvs_entry *out);
/* ip_vs_ct_in_get(): the template of a persistent service for this client. */
int ipvs_template_find(struct ipvs *v, uint32_t netns, const struct packet *p, const struct ipvs_service *s,
		       struct ipvs_entry *out);
int ipvs_conns_read(struct ipvs *v, uint32_t netns);

/* -- sched.c --------------------------------------------------------------------------------------- */
/* The real server that the scheduler takes, or NULL with *why. Forks where it cannot be told from outside. */
const struct ipvs_dest *ipvs_schedule(struct ipvs_run *run, struct arena *a, const struct ipvs_service *s,
				      const struct ipvs_dest *dest, size_t n, const char **how);
/* IP_VS_DEST_F_OVERLOAD as far as the counters tell. */
enum answer ipvs_overloaded(const struct ipvs_dest *d);

#endif
