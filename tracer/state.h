/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that a walk may ask of a node, live or replayed. Behind it: route.c conntrack.c socket.c link.c
 * netns.c, one file a kind of question. Live, each question is put to the kernel as precisely as it can be
 * asked; in replay it is answered from the dumps that the snapshot holds.
 */
#ifndef KTRACE_STATE_H
#define KTRACE_STATE_H

#include "ipvs/ipvs.h"
#include "nft/nft.h"
#include "tracer/base/ask.h"
#include "tracer/base/io.h"
#include "tracer/base/trace.h"

struct state;

/* io outlives the state. gaps collects what could not be read. */
int state_open(struct io *io, struct arena *a, struct gaps *gaps, struct state **out, struct err *err);
struct nft *state_nft(struct state *s);
struct ipvs *state_ipvs(struct state *s);
struct io *state_io(struct state *s);
const struct ask *state_ask(struct state *s);
/* Forgets what was cached (after a change of the ruleset's generation). */
void state_forget(struct state *s);
/* Reads all that any prediction may ask, in every namespace that a pod of this node lives in: for a snapshot. */
int state_read_all(struct state *s, struct err *err);

/* "worker-1", "6.12.95" (uname, recorded). */
const char *state_node_name(struct state *s);
const char *state_kernel(struct state *s);

/* -- route.c -------------------------------------------------------------------------------------- */
/*
 * RTM_GETROUTE. Output: key.iif 0. Input: key.iif set; the kernel runs its own input routing, rp_filter, martian and forwarding
 * checks included; route_refusal() then tells which one refused. The checks that IPv6 makes outside of its routing (forwarding
 * off, addresses never accepted) are added, so that both families refuse alike. In a snapshot out->unknown may be set.
 */
int state_route(struct state *s, uint32_t netns, const struct route_key *key, struct route *out);
/* Why an input (iif set) or output lookup was refused: the cause and its evidence (route, sysctl, rule) added to ev. CAUSE_NONE: cannot tell. */
enum end_cause state_route_refusal(struct state *s, uint32_t netns, const struct route_key *key,
				   const struct route *r, struct evidences *ev);
int state_addr_type(struct state *s, uint32_t netns, const struct addr *a, int ifindex, uint8_t *rtn);
int state_dev_addr(struct state *s, uint32_t netns, int ifindex, const struct addr *dst, struct addr *out);
int state_redirect_addr(struct state *s, uint32_t netns, int ifindex, const struct addr *dst, struct addr *out);
/* Every address of the netns: for names, node addresses and NodePorts. */
struct if_addr { struct addr addr; uint8_t plen, scope; int ifindex; uint32_t flags; };
int state_addrs(struct state *s, uint32_t netns, const struct if_addr **out, size_t *n);

/* -- link.c --------------------------------------------------------------------------------------- */
const struct link *state_link(struct state *s, uint32_t netns, int ifindex);
const struct link *state_link_named(struct state *s, uint32_t netns, const char *name);
int state_links(struct state *s, uint32_t netns, const struct link *const **out, size_t *n);
/* Neighbour entry. UNKNOWN: none yet (the kernel would resolve it). NO: FAILED. YES: lladdr in mac. text as `ip neigh` prints it. */
enum answer state_neigh(struct state *s, uint32_t netns, int ifindex, const struct addr *a, struct mac *mac, const char **text);
/* The port of bridge that the FDB has mac on (0: unknown, the frame would be flooded; the bridge itself: it is its own). */
int state_fdb_port(struct state *s, uint32_t netns, int bridge, const struct mac *mac);
/* Without a neighbour or FDB entry: the port whose peer's namespace holds this address, or 0. */
int state_port_of_addr(struct state *s, uint32_t netns, int bridge, const struct addr *a);

/* -- tc.c ----------------------------------------------------------------------------------------- */
/* A tcx program or tc filter: it may do anything with a packet of protocol (ETH_P_*, ETH_P_ALL) that passes. */
struct tc_step { const char *text; uint16_t protocol; };
/*
 * Those of a device where frames come in or go out, in running order: sch_handle_ingress(), sch_handle_egress() of net/core/dev.c. How
 * many; *out lasts as long as the run. What could not be read is a step of its own; a snapshot of before they were read has none.
 */
size_t state_tc(struct state *s, uint32_t netns, const struct link *l, bool egress, const struct tc_step **out);

/* -- netns.c -------------------------------------------------------------------------------------- */
/*
 * Where the other end of a veth (or the namespace behind another virtual device) is: its netns and ifindex. 0, -ENOENT if the device has no peer,
 * -EACCES / -ESRCH if the peer's namespace could not be found (a gap was added).
 */
int state_peer(struct state *s, uint32_t netns, const struct link *l, uint32_t *peer_netns, int *peer_ifindex);
/*
 * Does this device lead to a network rather than to a pod? A host's own address with a prefix on it says so: the node's end of a pod's
 * veth has none (Calico, AWS VPC CNI), or one of full length (the ptp plugin).
 */
bool state_is_uplink(struct state *s, uint32_t netns, const struct link *l);
/* "node" is 0; "netns/NAME", "pid/N" open it. */
int state_netns_named(struct state *s, const char *name, uint32_t *out, struct err *err);
int state_netns_pid(struct state *s, int pid, uint32_t *out, struct err *err);
/*
 * The one with this inode number, as probes see it: the node's own, one that is open, else of /run/netns or a process. A snapshot has no
 * inodes: there its namespaces are counted from 1. -ESRCH: none.
 */
int state_netns_inode(struct state *s, uint32_t inode, uint32_t *out);
/* The netns on this node that holds address a on a device other than lo (a pod's). -ENOENT: none; not the node's own. */
int state_netns_of_addr(struct state *s, const struct addr *a, uint32_t *out);
/*
 * The live namespace that has address a, the node's own excepted: who can send in a client's name. One that a device of the node leads to before any other
 * of this machine, of which there must be one only; iface (NULL: any) is that device. -ENOENT: none; -EEXIST: several.
 */
int state_netns_sender(struct state *s, const struct addr *a, const char *iface, uint32_t *out);

/* -- conntrack.c ---------------------------------------------------------------------------------- */
/* Is connection tracking on in this netns (does any hook of it exist)? */
enum answer state_ct_enabled(struct state *s, uint32_t netns, uint8_t family);
/* The entry of this very tuple in zone, in either direction. 1 found, 0 none, -errno could not be asked. text as `conntrack -L` prints it. */
int state_ct_get(struct state *s, uint32_t netns, const struct tuple *t, uint16_t zone, struct ct_view *out, const char **text);
/* Removes the entry that a probe of our own made: its original tuple and zone. For --send alone, which is to leave nothing behind. 0 or -errno. */
int state_ct_delete(struct state *s, uint32_t netns, const struct tuple *t, uint16_t zone);
/* count and limit of the table; -errno if unknown. */
int state_ct_fill(struct state *s, uint32_t netns, long *count, long *max);

/* -- socket.c ------------------------------------------------------------------------------------- */
/*
 * The socket that takes a packet arriving for dst:dport: as __inet_lookup_listener() and __udp4_lib_lookup() score them. YES with out; NO: none, then near (may be
 * NULL) gets the nearest miss: one bound to loopback, another address or device, and text its `ss` line.
 */
enum answer state_listener(struct state *s, uint32_t netns, const struct packet *p, struct sock_info *out,
			   struct sock_info *near, const char **text);
/* All listening ports of one protocol, ascending, for "its listeners are 8080, 9090". */
int state_listening(struct state *s, uint32_t netns, uint8_t family, uint8_t proto, const uint16_t **ports, size_t *n);
enum answer state_socket(struct state *s, uint32_t netns, const struct packet *p, struct sock_info *out);

/* -- sysctl (state.c) ----------------------------------------------------------------------------- */
/* By its usual name; IFNAME is put in for "%s": state_sysctl(s, 0, "net/ipv4/conf/%s/rp_filter", "eth0", &v). 0 or -errno. */
int state_sysctl(struct state *s, uint32_t netns, const char *path, const char *ifname, long *value);
/* The same as evidence "net.ipv4.conf.eth0.rp_filter = 1". NULL if it could not be read. */
struct evidence *state_sysctl_evidence(struct state *s, uint32_t netns, const char *path, const char *ifname, struct evidences *ev);

#endif
