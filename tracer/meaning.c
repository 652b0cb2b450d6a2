/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables of drop reasons (include/net/dropreason-core.h, 5.17 to 7.0) and of the functions that free packets (5.10 to 7.0). A
 * reason decides where the kernel gives a definite one; else the innermost function that the table knows.
 */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <string.h>

#include "tracer/meaning.h"

#define TH_FIN	0x01
#define TH_RST	0x04
#define PREFIX	"SKB_DROP_REASON_"

static const struct {
	const char *name;
	bool modelled;
} classes[DROP_CLASSES] = {
	[DROP_UNKNOWN] = { "unknown", false }, [DROP_CONSUMED] = { "consumed", false },
	[DROP_NETFILTER] = { "netfilter", true }, [DROP_CONNTRACK] = { "conntrack", true },
	[DROP_IPVS] = { "ipvs", true }, [DROP_BRIDGE] = { "bridge", true },
	[DROP_ROUTE_INPUT] = { "route-input", true }, [DROP_RP_FILTER] = { "rp-filter", true },
	[DROP_MARTIAN] = { "martian", true }, [DROP_NO_ROUTE] = { "no-route", true },
	[DROP_FORWARD] = { "forward", true }, [DROP_TTL] = { "ttl", true }, [DROP_MTU] = { "mtu", true },
	[DROP_NEIGHBOUR] = { "neighbour", true }, [DROP_NO_LISTENER] = { "no-listener", true },
	[DROP_BACKLOG] = { "backlog", false }, [DROP_RCVBUF] = { "receive-buffer", false },
	[DROP_TCP] = { "tcp", false }, [DROP_SOCKET_FILTER] = { "socket-filter", false },
	[DROP_HEADER] = { "header", false }, [DROP_CHECKSUM] = { "checksum", false },
	[DROP_FRAGMENT] = { "fragment", false }, [DROP_OTHER_HOST] = { "other-host", false },
	[DROP_XFRM] = { "xfrm", false }, [DROP_TC] = { "tc", false }, [DROP_XDP] = { "xdp", false },
	[DROP_QUEUE] = { "queue", false }, [DROP_DEVICE] = { "device", false }, [DROP_TUNNEL] = { "tunnel", false },
	[DROP_MEMORY] = { "memory", false },
};

const char *drop_class_name(enum drop_class c)
{
	return c < DROP_CLASSES ? classes[c].name : "unknown";
}

struct row {
	const char *name;
	enum drop_class class;
	const char *says;
};

static const struct row reasons[] = {
	{ "CONSUMED", DROP_CONSUMED, "it has done its work" },
	{ "NO_SOCKET", DROP_NO_LISTENER, "no socket takes it" },
	{ "SOCKET_CLOSE", DROP_TCP, "its socket was closed" },
	{ "SOCKET_FILTER", DROP_SOCKET_FILTER, "a filter on the socket refused it" },
	{ "SOCKET_RCVBUFF", DROP_RCVBUF, "the socket's receive buffer is full: the application reads too slowly" },
	{ "SOCKET_BACKLOG", DROP_BACKLOG, "the socket's backlog is full: the application holds it for too long" },
	{ "PROTO_MEM", DROP_RCVBUF, "the protocol's memory is used up (net.ipv4.udp_mem, tcp_mem)" },
	{ "PKT_TOO_SMALL", DROP_HEADER, "it is shorter than its headers say" },
	{ "HDR_TRUNC", DROP_HEADER, "it is shorter than its headers say" },
	{ "IP_INHDR", DROP_HEADER, "its IP header is malformed" },
	{ "IPV6_BAD_EXTHDR", DROP_HEADER, "it has a malformed IPv6 extension header" },
	{ "TCP_CSUM", DROP_CHECKSUM, "its TCP checksum is wrong" },
	{ "UDP_CSUM", DROP_CHECKSUM, "its UDP checksum is wrong" },
	{ "IP_CSUM", DROP_CHECKSUM, "its IP checksum is wrong" },
	{ "ICMP_CSUM", DROP_CHECKSUM, "its ICMP checksum is wrong" },
	{ "SKB_CSUM", DROP_CHECKSUM, "its checksum could not be computed" },
	{ "NETFILTER_DROP", DROP_NETFILTER, "netfilter dropped it" },
	{ "PACKET_SOCK_ERROR", DROP_CONSUMED, "a copy for a capturing program, which reads too slowly" },
	{ "OTHERHOST", DROP_OTHER_HOST, "the frame is addressed to another host's MAC" },
	{ "LOCAL_MAC", DROP_BRIDGE, "the frame comes from one of this host's own MACs" },
	{ "IP_RPFILTER", DROP_RP_FILTER, "rp_filter: the way back to its sender is another one" },
	{ "IP_LOCAL_SOURCE", DROP_MARTIAN, "its source address is one of this host's own" },
	{ "IP_INVALID_SOURCE", DROP_MARTIAN, "its source address cannot come in here" },
	{ "IP_LOCALNET", DROP_MARTIAN, "a loopback address came in by a device (route_localnet is off)" },
	{ "IP_INVALID_DEST", DROP_MARTIAN, "its destination address cannot be sent to" },
	{ "UNICAST_IN_L2_MULTICAST", DROP_HEADER, "a unicast packet in a multicast frame" },
	{ "IP_INADDRERRORS", DROP_ROUTE_INPUT, "it is for nobody here, and no route leads on (or forwarding is off)" },
	{ "IP_INNOROUTES", DROP_NO_ROUTE, "no route leads to its destination" },
	{ "IP_OUTNOROUTES", DROP_NO_ROUTE, "no route leads to its destination" },
	{ "IP_NOPROTO", DROP_NO_LISTENER, "nothing here speaks its protocol" },
	{ "UNHANDLED_PROTO", DROP_DEVICE, "no protocol takes such frames" },
	{ "INVALID_PROTO", DROP_HEADER, "it does not follow its protocol" },
	{ "IPV6DISABLED", DROP_ROUTE_INPUT, "IPv6 is disabled on the device" },
	{ "PKT_TOO_BIG", DROP_MTU, "it does not fit into the MTU" },
	{ "XFRM_POLICY", DROP_XFRM, "an IPsec policy forbids it" },
	{ "SECURITY_HOOK", DROP_SOCKET_FILTER, "a security module refused it" },
	{ "BPF_CGROUP_EGRESS", DROP_SOCKET_FILTER, "a BPF program of the sender's cgroup refused it" },
	{ "NEIGH_CREATEFAIL", DROP_NEIGHBOUR, "no neighbour entry could be made (table full?)" },
	{ "NEIGH_FAILED", DROP_NEIGHBOUR, "nobody answers for the next hop (ARP or neighbour discovery failed)" },
	{ "NEIGH_QUEUEFULL", DROP_NEIGHBOUR, "too many packets wait for the next hop's MAC" },
	{ "NEIGH_DEAD", DROP_NEIGHBOUR, "the next hop's neighbour entry is gone" },
	{ "NEIGH_HH_FILLFAIL", DROP_NEIGHBOUR, "its frame header could not be made" },
	{ "TC_EGRESS", DROP_TC, "a tc program on the way out dropped it" },
	{ "TC_INGRESS", DROP_TC, "a tc program on the way in dropped it" },
	{ "TC_COOKIE_ERROR", DROP_TC, "tc failed on it" },
	{ "TC_CHAIN_NOTFOUND", DROP_TC, "tc went to a chain that is not there" },
	{ "TC_RECLASSIFY_LOOP", DROP_TC, "tc went round in a circle" },
	{ "XDP", DROP_XDP, "an XDP program dropped it" },
	{ "QDISC_DROP", DROP_QUEUE, "the device's queue is full" },
	{ "QDISC_OVERLIMIT", DROP_QUEUE, "the device's queue is full" },
	{ "QDISC_CONGESTED", DROP_QUEUE, "the device's queue dropped it against congestion" },
	{ "FQ_BAND_LIMIT", DROP_QUEUE, "the device's queue is full" },
	{ "FQ_FLOW_LIMIT", DROP_QUEUE, "its flow's queue is full" },
	{ "FQ_HORIZON_LIMIT", DROP_QUEUE, "it was to be sent too far in the future" },
	{ "CAKE_FLOOD", DROP_QUEUE, "the device's queue dropped it against a flood" },
	{ "DUALPI2_STEP_DROP", DROP_QUEUE, "the device's queue dropped it against congestion" },
	{ "CPU_BACKLOG", DROP_QUEUE, "the CPU's input queue is full (net.core.netdev_max_backlog)" },
	{ "FULL_RING", DROP_QUEUE, "the device's ring is full" },
	{ "QUEUE_PURGE", DROP_QUEUE, "its queue was emptied" },
	{ "DEV_READY", DROP_DEVICE, "the device is not ready (down?)" },
	{ "DEV_HDR", DROP_DEVICE, "the device could not make sense of its header" },
	{ "NO_TX_TARGET", DROP_DEVICE, "the device has nowhere to send it" },
	{ "TAP_FILTER", DROP_DEVICE, "a filter on the tap device dropped it" },
	{ "TAP_TXFILTER", DROP_DEVICE, "a filter on the tap device dropped it" },
	{ "RECURSION_LIMIT", DROP_DEVICE, "it went through too many devices on top of each other" },
	{ "SKB_GSO_SEG", DROP_DEVICE, "it could not be cut into segments" },
	{ "MAC_INVALID_SOURCE", DROP_BRIDGE, "its source MAC is invalid" },
	{ "MAC_IEEE_MAC_CONTROL", DROP_BRIDGE, "a MAC control frame" },
	{ "BRIDGE_INGRESS_STP_STATE", DROP_BRIDGE, "the bridge port is not forwarding (STP state)" },
	{ "ARP_PVLAN_DISABLE", DROP_BRIDGE, "proxy ARP for its port is off" },
	{ "VXLAN_INVALID_HDR", DROP_TUNNEL, "its VXLAN header is malformed" },
	{ "VXLAN_VNI_NOT_FOUND", DROP_TUNNEL, "no VXLAN device has its network number" },
	{ "VXLAN_ENTRY_EXISTS", DROP_TUNNEL, "its source MAC is known behind another VXLAN peer" },
	{ "IP_TUNNEL_ECN", DROP_TUNNEL, "inner and outer congestion marks contradict each other" },
	{ "TUNNEL_TXINFO", DROP_TUNNEL, "the tunnel does not know where to send it" },
	{ "NOMEM", DROP_MEMORY, "no memory" },
	{ "PFMEMALLOC", DROP_MEMORY, "memory is short" },
	{ "SKB_UCOPY_FAULT", DROP_MEMORY, "its data could not be read from the application" },
	{ "DUP_FRAG", DROP_FRAGMENT, "a fragment that came twice" },
	{ "FRAG_REASM_TIMEOUT", DROP_FRAGMENT, "its other fragments did not come" },
	{ "FRAG_TOO_FAR", DROP_FRAGMENT, "its fragments came too far apart" },
	{ "TCP_MINTTL", DROP_TCP, "its TTL is below what the socket accepts" },
	{ "TCP_LISTEN_OVERFLOW", DROP_BACKLOG, "the listener's accept queue is full: the application accepts too slowly" },
	{ "TCP_OLD_DATA", DROP_CONSUMED, "a duplicate: its data had come before" },
	{ "TCP_OFOMERGE", DROP_CONSUMED, "a duplicate: its data had come before" },
	{ "TCP_OFO_DROP", DROP_CONSUMED, "a duplicate: its data had come before" },
	{ "TCP_OLD_SEQUENCE", DROP_CONSUMED, "a duplicate: its data had come before" },
	{ "TCP_OLD_ACK", DROP_CONSUMED, "an acknowledgement that had come before" },
	{ "TCP_ZEROWINDOW", DROP_RCVBUF, "the receive window is closed: the application reads too slowly" },
	{ "TCP_OFO_QUEUE_PRUNE", DROP_RCVBUF, "the socket's memory is short" },
	{ "TCP_RFC7323_PAWS", DROP_TCP, "its TCP timestamp is too old (two clients behind one address?)" },
	{ "TCP_RFC7323_PAWS_ACK", DROP_CONSUMED, "an acknowledgement with an old timestamp" },
	{ "TCP_RFC7323_TW_PAWS", DROP_TCP, "its TCP timestamp is too old for the connection in TIME_WAIT" },
	{ "TCP_RESET", DROP_TCP, "a reset that does not fit its connection" },
	{ "TCP_CLOSE", DROP_TCP, "its socket is closed" },
	{ "TCP_INVALID_SYN", DROP_TCP, "a SYN in an open connection" },
	{ "TCP_FLAGS", DROP_TCP, "its TCP flags do not fit" },
	{ "TCP_FASTOPEN", DROP_TCP, "a TCP fast open request refused it" },
	{ "TCP_AUTH_HDR", DROP_TCP, "its TCP authentication is wrong" },
	{ "TCP_MD5FAILURE", DROP_TCP, "its TCP MD5 signature is wrong" },
	{ "TCP_MD5NOTFOUND", DROP_TCP, "its TCP MD5 signature is missing" },
	{ "TCP_MD5UNEXPECTED", DROP_TCP, "nobody expects its TCP MD5 signature" },
};

/* By prefix, after the table above. */
static const struct row reason_groups[] = {
	{ "TCP_", DROP_TCP, "it does not fit the state of its TCP connection" },
	{ "IPV6_NDISC_", DROP_HEADER, "a malformed neighbour discovery message" },
	{ "PSP_", DROP_XFRM, "its PSP encryption failed" },
};

static const struct row functions[] = {
	{ "nf_hook_slow", DROP_NETFILTER, "a function at a netfilter hook dropped it" },
	{ "nf_hook_slow_list", DROP_NETFILTER, "a function at a netfilter hook dropped it" },
	{ "nft_do_chain", DROP_NETFILTER, "a rule or policy of nf_tables dropped it" },
	{ "ipt_do_table", DROP_NETFILTER, "a rule of iptables dropped it" },
	{ "ip6t_do_table", DROP_NETFILTER, "a rule of ip6tables dropped it" },
	{ "ebt_do_table", DROP_NETFILTER, "a rule of ebtables dropped it" },
	{ "nf_reinject", DROP_NETFILTER, "the program behind a queue dropped it" },
	{ "nfqnl_reinject", DROP_NETFILTER, "the program behind a queue dropped it" },
	{ "nfqnl_enqueue_packet", DROP_NETFILTER, "the queue to a program is full, or nobody reads it" },
	{ "nf_queue", DROP_NETFILTER, "it was to be queued to a program that is not there" },
	{ "nf_ct_frag6_gather", DROP_FRAGMENT, "its other fragments did not come" },
	{ "ip_vs_nat_xmit", DROP_IPVS, "IPVS could not send it to its real server" },
	{ "ip_vs_nat_xmit_v6", DROP_IPVS, "IPVS could not send it to its real server" },
	{ "ip_vs_dr_xmit", DROP_IPVS, "IPVS could not send it to its real server" },
	{ "ip_vs_dr_xmit_v6", DROP_IPVS, "IPVS could not send it to its real server" },
	{ "ip_vs_tunnel_xmit", DROP_IPVS, "IPVS could not send it to its real server" },
	{ "ip_vs_tunnel_xmit_v6", DROP_IPVS, "IPVS could not send it to its real server" },
	{ "ip_vs_bypass_xmit", DROP_IPVS, "IPVS could not send it on" },
	{ "ip_vs_icmp_xmit", DROP_IPVS, "IPVS could not send the ICMP error on" },
	{ "ip_rcv_core", DROP_HEADER, "its IP header is malformed, or the frame is for another host" },
	{ "ip6_rcv_core", DROP_HEADER, "its IPv6 header is malformed, or the frame is for another host" },
	{ "ip_rcv_finish_core", DROP_ROUTE_INPUT, "input routing refused it (rp_filter, a martian address, no route)" },
	{ "ip_rcv_finish", DROP_ROUTE_INPUT, "input routing refused it (rp_filter, a martian address, no route)" },
	{ "ip_list_rcv_finish", DROP_ROUTE_INPUT, "input routing refused it (rp_filter, a martian address, no route)" },
	{ "ip_error", DROP_ROUTE_INPUT, "it is for nobody here, and no route leads on (or forwarding is off)" },
	{ "ip6_pkt_drop", DROP_NO_ROUTE, "no route leads to its destination" },
	{ "ip6_pkt_discard", DROP_NO_ROUTE, "no route leads to its destination" },
	{ "ip6_pkt_prohibit", DROP_NO_ROUTE, "a prohibit route covers its destination" },
	{ "dst_discard", DROP_NO_ROUTE, "a blackhole route covers its destination" },
	{ "dst_discard_out", DROP_NO_ROUTE, "a blackhole route covers its destination" },
	{ "__ip_queue_xmit", DROP_NO_ROUTE, "no route leads to its destination" },
	{ "ip_forward", DROP_FORWARD, "it could not be forwarded (TTL over, too big, or an option forbids it)" },
	{ "ip6_forward", DROP_FORWARD, "it could not be forwarded (hop limit over, too big, or forwarding is off)" },
	{ "ip_fragment", DROP_MTU, "it does not fit into the MTU, and must not be fragmented" },
	{ "ip_do_fragment", DROP_MTU, "it could not be fragmented" },
	{ "ip6_fragment", DROP_MTU, "it does not fit into the MTU" },
	{ "ip_defrag", DROP_FRAGMENT, "it could not be put together from its fragments" },
	{ "ip_frag_queue", DROP_FRAGMENT, "it could not be put together from its fragments" },
	{ "ip_expire", DROP_FRAGMENT, "its other fragments did not come" },
	{ "ipv6_frag_rcv", DROP_FRAGMENT, "it could not be put together from its fragments" },
	{ "ip6_frag_expire", DROP_FRAGMENT, "its other fragments did not come" },
	{ "arp_error_report", DROP_NEIGHBOUR, "nobody answers for the next hop (ARP failed)" },
	{ "ndisc_error_report", DROP_NEIGHBOUR, "nobody answers for the next hop (neighbour discovery failed)" },
	{ "neigh_invalidate", DROP_NEIGHBOUR, "nobody answers for the next hop" },
	{ "__neigh_event_send", DROP_NEIGHBOUR, "the next hop's MAC is not known" },
	{ "neigh_resolve_output", DROP_NEIGHBOUR, "the next hop's MAC is not known" },
	{ "neigh_connected_output", DROP_NEIGHBOUR, "its frame header could not be made" },
	{ "ip_finish_output2", DROP_NEIGHBOUR, "no neighbour entry could be made for the next hop" },
	{ "ip6_finish_output2", DROP_NEIGHBOUR, "no neighbour entry could be made for the next hop" },
	{ "ip_protocol_deliver_rcu", DROP_NO_LISTENER, "nothing here speaks its protocol, or an IPsec policy forbids it" },
	{ "ip6_protocol_deliver_rcu", DROP_NO_LISTENER, "nothing here speaks its protocol, or an IPsec policy forbids it" },
	{ "ip_local_deliver_finish", DROP_NO_LISTENER, "nothing here speaks its protocol" },
	{ "__udp4_lib_rcv", DROP_NO_LISTENER, "no socket takes it" },
	{ "__udp6_lib_rcv", DROP_NO_LISTENER, "no socket takes it" },
	{ "sctp_rcv", DROP_NO_LISTENER, "no SCTP socket takes it" },
	{ "udp_queue_rcv_one_skb", DROP_RCVBUF, "its socket could not take it (receive buffer full, checksum, filter)" },
	{ "udpv6_queue_rcv_one_skb", DROP_RCVBUF, "its socket could not take it (receive buffer full, checksum, filter)" },
	{ "sock_queue_rcv_skb_reason", DROP_RCVBUF, "the socket's receive buffer is full" },
	{ "raw_rcv_skb", DROP_RCVBUF, "a raw socket's receive buffer is full" },
	{ "rawv6_rcv_skb", DROP_RCVBUF, "a raw socket's receive buffer is full" },
	{ "packet_rcv", DROP_CONSUMED, "a copy for a capturing program, which reads too slowly" },
	{ "tpacket_rcv", DROP_CONSUMED, "a copy for a capturing program, which reads too slowly" },
	/* what answers `ip route get`, and this program's own questions */
	{ "inet_rtm_getroute", DROP_CONSUMED, "a question to the routing table, no packet" },
	{ "inet6_rtm_getroute", DROP_CONSUMED, "a question to the routing table, no packet" },
	{ "ip6_mc_input", DROP_CONSUMED, "a multicast group that nobody here has joined" },
	{ "tcp_add_backlog", DROP_BACKLOG, "the socket's backlog is full" },
	{ "tcp_conn_request", DROP_BACKLOG, "the listener's queue is full" },
	{ "tcp_v4_rcv", DROP_TCP, "TCP has no socket for it, or none that can take it" },
	{ "tcp_v6_rcv", DROP_TCP, "TCP has no socket for it, or none that can take it" },
	{ "tcp_v4_do_rcv", DROP_TCP, "it does not fit the state of its TCP connection" },
	{ "tcp_v6_do_rcv", DROP_TCP, "it does not fit the state of its TCP connection" },
	{ "tcp_rcv_established", DROP_TCP, "it does not fit the state of its TCP connection" },
	{ "tcp_rcv_state_process", DROP_TCP, "it does not fit the state of its TCP connection" },
	{ "tcp_validate_incoming", DROP_TCP, "it does not fit the state of its TCP connection" },
	{ "tcp_data_queue", DROP_CONSUMED, "a duplicate: its data had come before" },
	{ "tcp_data_queue_ofo", DROP_CONSUMED, "a duplicate: its data had come before" },
	{ "tcp_prune_ofo_queue", DROP_RCVBUF, "the socket's memory is short" },
	{ "tcp_drop", DROP_TCP, "it does not fit the state of its TCP connection" },
	{ "tcp_drop_reason", DROP_TCP, "it does not fit the state of its TCP connection" },
	/* a FIN or an ICMP error that a socket had taken, and nobody read before it was closed */
	{ "sk_stream_kill_queues", DROP_CONSUMED, "the application closed its socket before it read it" },
	{ "inet_csk_destroy_sock", DROP_CONSUMED, "the application closed its socket before it read it" },
	{ "inet_sock_destruct", DROP_CONSUMED, "the application closed its socket before it read it" },
	{ "inet6_sock_destruct", DROP_CONSUMED, "the application closed its socket before it read it" },
	{ "udp_destruct_common", DROP_CONSUMED, "the application closed its socket before it read it" },
	{ "udp_destruct_sock", DROP_CONSUMED, "the application closed its socket before it read it" },
	{ "packet_release", DROP_CONSUMED, "a capturing program was closed" },
	{ "packet_sock_destruct", DROP_CONSUMED, "a capturing program was closed" },
	/* 5.10 frees so whatever it has handled */
	{ "icmpv6_rcv", DROP_CONSUMED, "the kernel took the ICMPv6 message" },
	{ "icmp_rcv", DROP_NO_LISTENER, "the kernel does not take such ICMP messages" },
	{ "xfrm_input", DROP_XFRM, "IPsec could not decrypt it" },
	{ "__xfrm_policy_check", DROP_XFRM, "an IPsec policy forbids it" },
	{ "xfrm_output_resume", DROP_XFRM, "IPsec could not encrypt it" },
	{ "xfrm_output", DROP_XFRM, "IPsec could not encrypt it" },
	{ "xdst_queue_output", DROP_XFRM, "IPsec has no key for it yet" },
	{ "xfrm_lookup_with_ifid", DROP_XFRM, "an IPsec policy forbids it" },
	{ "sch_handle_ingress", DROP_TC, "a tc program on the way in dropped it" },
	{ "sch_handle_egress", DROP_TC, "a tc program on the way out dropped it" },
	{ "tc_run", DROP_TC, "a tc program dropped it" },
	{ "skb_do_redirect", DROP_TC, "a BPF program redirected it to a device that could not take it" },
	{ "do_xdp_generic", DROP_XDP, "an XDP program dropped it" },
	{ "do_xdp_generic_multi", DROP_XDP, "an XDP program dropped it" },
	{ "netif_receive_generic_xdp", DROP_XDP, "an XDP program dropped it" },
	{ "bpf_prog_run_generic_xdp", DROP_XDP, "an XDP program dropped it" },
	{ "veth_xdp_rcv_skb", DROP_XDP, "an XDP program dropped it" },
	{ "enqueue_to_backlog", DROP_QUEUE, "the CPU's input queue is full (net.core.netdev_max_backlog)" },
	{ "__dev_xmit_skb", DROP_QUEUE, "the device's queue is full" },
	{ "__dev_queue_xmit", DROP_QUEUE, "the device's queue is full, the device is down, or tc dropped it" },
	{ "dev_qdisc_enqueue", DROP_QUEUE, "the device's queue is full" },
	{ "sch_direct_xmit", DROP_QUEUE, "the device could not send it" },
	{ "qdisc_reset", DROP_QUEUE, "its queue was emptied" },
	{ "pfifo_fast_enqueue", DROP_QUEUE, "the device's queue is full" },
	{ "br_handle_frame", DROP_BRIDGE, "the bridge port does not take the frame" },
	{ "br_handle_frame_finish", DROP_BRIDGE, "the bridge does not take the frame (port state, VLAN, learning)" },
	{ "br_forward", DROP_BRIDGE, "the bridge does not forward it there (hairpin, isolation, port state)" },
	{ "__br_forward", DROP_BRIDGE, "the bridge does not forward it there (VLAN)" },
	{ "br_flood", DROP_BRIDGE, "the bridge has no port to flood it to" },
	{ "br_dev_xmit", DROP_BRIDGE, "the bridge has no port for it" },
	{ "br_dev_queue_push_xmit", DROP_BRIDGE, "it does not fit into the bridge port's MTU" },
	{ "br_pass_frame_up", DROP_BRIDGE, "the bridge does not pass the frame up (VLAN)" },
	{ "br_handle_vlan", DROP_BRIDGE, "the bridge's VLAN filter refused it" },
	{ "br_nf_pre_routing_finish", DROP_BRIDGE, "no route leads to its new destination (br_netfilter)" },
	{ "br_nf_pre_routing_finish_ipv6", DROP_BRIDGE, "no route leads to its new destination (br_netfilter)" },
	{ "vxlan_xmit", DROP_TUNNEL, "the VXLAN device does not know where to send it" },
	{ "vxlan_xmit_one", DROP_TUNNEL, "the VXLAN device could not send it (no route, too big)" },
	{ "vxlan_rcv", DROP_TUNNEL, "the VXLAN device does not take it" },
	{ "geneve_xmit", DROP_TUNNEL, "the Geneve device could not send it" },
	{ "geneve_rx", DROP_TUNNEL, "the Geneve device does not take it" },
	{ "ip_tunnel_xmit", DROP_TUNNEL, "the tunnel could not send it (no route, too big)" },
	{ "ip_tunnel_rcv", DROP_TUNNEL, "the tunnel does not take it" },
	{ "ipip_tunnel_xmit", DROP_TUNNEL, "the tunnel could not send it" },
	{ "ip6_tnl_xmit", DROP_TUNNEL, "the tunnel could not send it" },
	{ "wg_xmit", DROP_TUNNEL, "WireGuard has no peer for it" },
	{ "veth_xmit", DROP_DEVICE, "the other end of the veth pair is down, or its queue is full" },
	{ "tun_net_xmit", DROP_DEVICE, "nobody reads the tun device, or its queue is full" },
	{ "dummy_xmit", DROP_DEVICE, "a dummy device: what it sends is gone" },
	{ "validate_xmit_skb", DROP_DEVICE, "the device could not take it" },
	{ "dev_hard_start_xmit", DROP_DEVICE, "the device could not send it" },
	{ "__dev_forward_skb2", DROP_DEVICE, "the receiving device is down, or its MTU too small" },
	{ "__netif_receive_skb_core", DROP_DEVICE, "no protocol takes such frames, or tc dropped it on the way in" },
};

/* Where a BPF program itself dropped it (kallsyms: bpf_prog_TAG_NAME): live_xdp.bpf.h tells of no other kind. */
#define BPF_PROGRAM "bpf_prog_"
static const struct row in_driver = { BPF_PROGRAM, DROP_XDP, "an XDP program dropped it, in its device's driver" };

/* Who calls the hook that a dropping function stands at. */
static const struct {
	const char *name;
	uint8_t pf, hook;
} callers[] = {
	{ "ip_rcv", NFPROTO_IPV4, NF_INET_PRE_ROUTING }, { "ip_list_rcv", NFPROTO_IPV4, NF_INET_PRE_ROUTING },
	{ "ip_sublist_rcv", NFPROTO_IPV4, NF_INET_PRE_ROUTING },
	{ "ip_local_deliver", NFPROTO_IPV4, NF_INET_LOCAL_IN }, { "ip_forward", NFPROTO_IPV4, NF_INET_FORWARD },
	{ "__ip_local_out", NFPROTO_IPV4, NF_INET_LOCAL_OUT }, { "raw_sendmsg", NFPROTO_IPV4, NF_INET_LOCAL_OUT },
	{ "ip_output", NFPROTO_IPV4, NF_INET_POST_ROUTING }, { "ip_mc_output", NFPROTO_IPV4, NF_INET_POST_ROUTING },
	{ "ip_vs_nat_xmit", NFPROTO_IPV4, NF_INET_LOCAL_OUT }, { "ip_vs_dr_xmit", NFPROTO_IPV4, NF_INET_LOCAL_OUT },
	{ "ip_vs_nat_send_or_cont", NFPROTO_IPV4, NF_INET_LOCAL_OUT },
	{ "ip_vs_send_or_cont", NFPROTO_IPV4, NF_INET_LOCAL_OUT },
	{ "ipv6_rcv", NFPROTO_IPV6, NF_INET_PRE_ROUTING }, { "ipv6_list_rcv", NFPROTO_IPV6, NF_INET_PRE_ROUTING },
	{ "ip6_sublist_rcv", NFPROTO_IPV6, NF_INET_PRE_ROUTING },
	{ "ip6_input", NFPROTO_IPV6, NF_INET_LOCAL_IN }, { "ip6_forward", NFPROTO_IPV6, NF_INET_FORWARD },
	{ "__ip6_local_out", NFPROTO_IPV6, NF_INET_LOCAL_OUT }, { "ip6_xmit", NFPROTO_IPV6, NF_INET_LOCAL_OUT },
	{ "rawv6_sendmsg", NFPROTO_IPV6, NF_INET_LOCAL_OUT },
	{ "ip6_output", NFPROTO_IPV6, NF_INET_POST_ROUTING },
	{ "ip_vs_nat_xmit_v6", NFPROTO_IPV6, NF_INET_LOCAL_OUT }, { "ip_vs_dr_xmit_v6", NFPROTO_IPV6, NF_INET_LOCAL_OUT },
	{ "br_nf_pre_routing", NFPROTO_INET, NF_INET_PRE_ROUTING },
	{ "br_nf_pre_routing_ipv6", NFPROTO_IPV6, NF_INET_PRE_ROUTING },
	{ "br_nf_forward_ip", NFPROTO_INET, NF_INET_FORWARD }, { "br_nf_forward", NFPROTO_INET, NF_INET_FORWARD },
	{ "br_nf_post_routing", NFPROTO_INET, NF_INET_POST_ROUTING },
	{ "br_handle_frame", NFPROTO_BRIDGE, NF_BR_PRE_ROUTING }, { "br_pass_frame_up", NFPROTO_BRIDGE, NF_BR_LOCAL_IN },
	{ "nft_do_chain_netdev", NFPROTO_NETDEV, NF_NETDEV_INGRESS },
	{ "__netif_receive_skb_core", NFPROTO_NETDEV, NF_NETDEV_INGRESS },
	{ "__br_forward", NFPROTO_BRIDGE, NF_BR_FORWARD }, { "br_forward_finish", NFPROTO_BRIDGE, NF_BR_POST_ROUTING },
};

/* "nft_do_chain.constprop.0 [nf_tables]" is nft_do_chain. */
static bool names(const char *symbol, const char *function)
{
	size_t n = strcspn(symbol, ". +");

	return strlen(function) == n && !memcmp(symbol, function, n);
}

static const char *symbol_of(const struct kernel_words *w, uint64_t address)
{
	return address && w->symbol ? w->symbol(w->ctx, address) : NULL;
}

/* The place that freed it first, then who called it. False: no more. */
static bool frame(const struct sighting *s, unsigned i, uint64_t *address)
{
	if (i == 0)
		*address = s->location;
	else if (i > SIGHTING_STACK || !s->stack[i - 1])
		return false;
	else
		*address = s->stack[i - 1];
	return true;
}

static const struct row *find_reason(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (!strcmp(reasons[i].name, name))
			return &reasons[i];
	for (size_t i = 0; i < ARRAY_SIZE(reason_groups); i++)
		if (!strncmp(reason_groups[i].name, name, strlen(reason_groups[i].name)))
			return &reason_groups[i];
	return NULL;
}

static const struct row *find_function(const struct kernel_words *w, const struct sighting *s, const char **function)
{
	const char *place = symbol_of(w, s->location);
	uint64_t address;

	if (place && !strncmp(place, BPF_PROGRAM, strlen(BPF_PROGRAM))) {
		*function = place;
		return &in_driver;
	}
	for (unsigned f = 0; frame(s, f, &address); f++) {
		const char *symbol = symbol_of(w, address);

		for (size_t i = 0; symbol && i < ARRAY_SIZE(functions); i++)
			if (names(symbol, functions[i].name)) {
				*function = symbol;
				return &functions[i];
			}
	}
	return NULL;
}

static void find_hook(const struct kernel_words *w, const struct sighting *s, struct meaning *m)
{
	uint64_t address;

	for (unsigned f = 0; frame(s, f, &address); f++) {
		const char *symbol = symbol_of(w, address);

		for (size_t i = 0; symbol && i < ARRAY_SIZE(callers); i++) {
			if (!names(symbol, callers[i].name))
				continue;
			m->pf = callers[i].pf;
			if (m->pf == NFPROTO_INET)
				m->pf = s->p.dst.family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
			m->hook = callers[i].hook;
			return;
		}
	}
}

static bool echo_reply(const struct packet *p)
{
	return (p->proto == IPPROTO_ICMP && p->dport >> 8 == 0) || (p->proto == IPPROTO_ICMPV6 && p->dport >> 8 == 129);
}

/* What is freed as if dropped though nothing was lost. */
static void take_back(const struct sighting *s, struct meaning *m)
{
	const struct packet *p = &s->p;

	/* tcp_v4_rcv(), do_time_wait: whatever TIME_WAIT has handled goes by "discard_it". */
	if (!m->reason && m->class == DROP_TCP && p->proto == IPPROTO_TCP && p->tcp_flags & (TH_FIN | TH_RST) && m->function &&
	    (names(m->function, "tcp_v4_rcv") || names(m->function, "tcp_v6_rcv"))) {
		m->class = DROP_CONSUMED;
		m->says = "the end of a connection that is closed already";
	}
	/* ip_route_input_rcu(): mDNS and its like reach whoever has not joined */
	if (addr_is_multicast(&p->dst) && (m->class == DROP_ROUTE_INPUT || m->class == DROP_MARTIAN || m->class == DROP_NO_ROUTE)) {
		m->class = DROP_CONSUMED;
		m->says = "a multicast group that nobody here has joined";
	}
	/* icmp_rcv(), ping_rcv(): no ping socket; a raw socket has had its copy by then. */
	if (m->class == DROP_NO_LISTENER && echo_reply(p)) {
		m->class = DROP_CONSUMED;
		m->says = "an echo reply: whoever waits for it on a raw socket has had it";
	}
}

struct meaning meaning_of(const struct kernel_words *w, const struct sighting *s)
{
	const char *name = s->reason && w->reason ? w->reason(w->ctx, s->reason) : NULL;
	struct meaning m = { .pf = MEANING_NO_HOOK, .hook = MEANING_NO_HOOK, .says = "dropped, and the kernel does not say why" };
	const struct row *by_reason, *by_function;

	if (name && !strncmp(name, PREFIX, strlen(PREFIX)))
		name += strlen(PREFIX);
	else if (name && !strncmp(name, "SKB_CONSUMED", 12))
		name += 4;
	if (name && strcmp(name, "NOT_SPECIFIED") && strcmp(name, "SKB_NOT_DROPPED_YET"))
		m.reason = name;
	by_reason = m.reason ? find_reason(m.reason) : NULL;
	by_function = find_function(w, s, &m.function);
	if (!m.function)
		m.function = symbol_of(w, s->location);
	/* that a queue was emptied says nothing of whose */
	if (by_function && m.reason && !strcmp(m.reason, "QUEUE_PURGE"))
		by_reason = NULL;
	if (by_reason || by_function) {
		m.class = (by_reason ? by_reason : by_function)->class;
		m.says = (by_reason ? by_reason : by_function)->says;
	}
	/* nf_tables and iptables say more than "netfilter". */
	if (m.class == DROP_NETFILTER && by_function && by_function->class == DROP_NETFILTER)
		m.says = by_function->says;
	if (m.class == DROP_NETFILTER)
		find_hook(w, s, &m);
	take_back(s, &m);
	m.modelled = classes[m.class].modelled;
	return m;
}
