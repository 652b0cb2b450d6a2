/* SPDX-License-Identifier: GPL-2.0-only */
/* Every xt match by a table of (blob, packet, answer, words). */
#include "xt_bench.h"

#include <linux/if_ether.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_bpf.h>
#include <linux/netfilter/xt_cgroup.h>
#include <linux/netfilter/xt_cluster.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_connbytes.h>
#include <linux/netfilter/xt_connlabel.h>
#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_cpu.h>
#include <linux/netfilter/xt_dccp.h>
#include <linux/netfilter/xt_devgroup.h>
#include <linux/netfilter/xt_dscp.h>
#include <linux/netfilter/xt_ecn.h>
#include <linux/netfilter/xt_esp.h>
#include <linux/netfilter/xt_hashlimit.h>
#include <linux/netfilter/xt_helper.h>
#include <linux/netfilter/xt_ipcomp.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_ipvs.h>
#include <linux/netfilter/xt_l2tp.h>
#include <linux/netfilter/xt_length.h>
#include <linux/netfilter/xt_limit.h>
#include <linux/netfilter/xt_mac.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_nfacct.h>
#include <linux/netfilter/xt_osf.h>
#include <linux/netfilter/xt_owner.h>
#include <linux/netfilter/xt_physdev.h>
#include <linux/netfilter/xt_pkttype.h>
#include <linux/netfilter/xt_policy.h>
#include <linux/netfilter/xt_quota.h>
#include <linux/netfilter/xt_rateest.h>
#include <linux/netfilter/xt_realm.h>
#include <linux/netfilter/xt_rpfilter.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_socket.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_statistic.h>
#include <linux/netfilter/xt_string.h>
#include <linux/netfilter/xt_tcpmss.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter/xt_time.h>
#include <linux/netfilter/xt_u32.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv4/ipt_ah.h>
#include <linux/netfilter_ipv4/ipt_ttl.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netfilter_ipv6/ip6t_ah.h>
#include <linux/netfilter_ipv6/ip6t_frag.h>
#include <linux/netfilter_ipv6/ip6t_hl.h>
#include <linux/netfilter_ipv6/ip6t_ipv6header.h>
#include <linux/netfilter_ipv6/ip6t_mh.h>
#include <linux/netfilter_ipv6/ip6t_opts.h>
#include <linux/netfilter_ipv6/ip6t_rt.h>
#include <linux/netfilter_ipv6/ip6t_srh.h>

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6

struct row {
	const char *name;
	uint8_t rev, family;
	const void *info;
	uint32_t size;
	void (*edit)(struct packet *p);
	enum answer want;
	const char *words;		/* NULL: not looked at */
};
/* name, revision, family, edit, answer, words, struct and its members */
#define ROW(n, r, f, ed, w, txt, type, ...) \
	{ n, r, f, &(const type){ __VA_ARGS__ }, sizeof(type), ed, w, txt }

/* -- packets -- */

static void udp(struct packet *p) { p->proto = IPPROTO_UDP; p->dport = 53; p->tcp_flags = 0; }
static void udplite(struct packet *p) { p->proto = IPPROTO_UDPLITE; p->tcp_flags = 0; }
static void sctp(struct packet *p) { p->proto = IPPROTO_SCTP; p->dport = 3868; p->tcp_flags = 0; }
static void dccp(struct packet *p) { p->proto = IPPROTO_DCCP; p->tcp_flags = 0; }
static void icmp(struct packet *p) { p->proto = IPPROTO_ICMP; p->dport = 8 << 8; p->tcp_flags = 0; }
static void icmp6(struct packet *p) { p->proto = IPPROTO_ICMPV6; p->dport = 128 << 8; p->tcp_flags = 0; }
static void esp(struct packet *p) { p->proto = IPPROTO_ESP; p->tcp_flags = 0; }
static void ah(struct packet *p) { p->proto = IPPROTO_AH; p->tcp_flags = 0; }
static void mh(struct packet *p) { p->proto = IPPROTO_MH; p->tcp_flags = 0; }
static void ipcomp(struct packet *p) { p->proto = IPPROTO_COMP; p->tcp_flags = 0; }
static void picked(struct packet *p) { p->sport_unknown = true; }
static void ack(struct packet *p) { p->tcp_flags = 0x10; }
static void ece(struct packet *p) { p->tcp_flags = 0x42; p->tos = 1; }
static void marked(struct packet *p) { p->mark = 0x4001; }
static void tos(struct packet *p) { p->tos = 0xb8; }
static void local(struct packet *p)
{
	p->local = p->sk_known = true;
	p->uid = 1337;
	p->gid = 100;
	p->iif = 0;
	p->oif = ETH0;
	bench.run.hook = NF_INET_LOCAL_OUT;
}
static void local_unknown(struct packet *p) { local(p); p->sk_known = false; }
static void to_node(struct packet *p) { p->dst = bench_addr("192.168.1.1"); }
static void to_node6(struct packet *p) { p->dst = bench_addr("fd00:1::1"); }
static void to_cni(struct packet *p) { p->dst = bench_addr("10.244.0.1"); }
static void from_unreadable(struct packet *p) { p->src = bench_addr("10.99.99.99"); }
static void from_node(struct packet *p) { p->src = bench_addr("192.168.1.1"); }
static void to_group(struct packet *p) { p->dst = bench_addr("224.0.0.5"); }
static void to_group6(struct packet *p) { p->dst = bench_addr("ff02::5"); }
static void with_mac(struct packet *p) { p->smac = (struct mac){ true, { 2, 0x11, 0x22, 0x33, 0x44, 0x55 } }; }
static void eui(struct packet *p) { with_mac(p); p->src = bench_addr("fe80::11:22ff:fe33:4455"); }
static void bcast_mac(struct packet *p)
{
	p->dmac.known = true;
	memset(p->dmac.b, 0xff, 6);
}
static void on_lo(struct packet *p) { p->iif = LO; }
static void no_route(struct packet *p UNUSED) { bench.route.error = -ENETUNREACH; }
static void other_route(struct packet *p UNUSED) { bench.route.oif = CNI0; }
static void multi_route(struct packet *p UNUSED) { bench.route.oif = CNI0; bench.route.n_nexthops = 2; }
static void local_route(struct packet *p UNUSED) { bench.route.type = RTN_LOCAL; }
static void unread_route(struct packet *p UNUSED) { bench.route_rc = -EPERM; }
static void sock_any(struct packet *p UNUSED) { bench.socket = YES; bench.sk.wildcard = true; bench.sk.transparent = true; }
static void sock_bound(struct packet *p UNUSED) { bench.socket = YES; }
static void sock_transparent(struct packet *p UNUSED) { bench.socket = YES; bench.sk.transparent = true; }
static void sock_unread(struct packet *p UNUSED) { bench.socket = UNKNOWN; }
static void bridged_in(struct packet *p) { p->iif = CNI0; p->physin = ETH0; }
static void bridged(struct packet *p) { bridged_in(p); p->physout = LO; bench.run.hook = NF_INET_FORWARD; }

static void ct_new(struct packet *p)
{
	p->ct.state = CT_NEW;
	p->ct.orig = packet_tuple(p);
	p->ct.back = tuple_invert(&p->ct.orig);
}
static void ct_dnat(struct packet *p) { ct_new(p); p->ct.status = IPS_DST_NAT; p->ct.back.src = bench_addr("10.244.1.10"); p->ct.back.sport = 8080; }
static void ct_snat(struct packet *p) { ct_new(p); p->ct.status = IPS_SRC_NAT; }
static void ct_est(struct packet *p) { ct_new(p); p->ct.state = CT_ESTABLISHED; p->ct.status = IPS_SEEN_REPLY | IPS_CONFIRMED; }
static void ct_reply(struct packet *p) { ct_est(p); p->ct.reply = true; }
static void ct_old(struct packet *p) { ct_est(p); p->ct.existing = true; p->ct.timeout = 100; p->ct.has_acct = true; p->ct.packets = 10; p->ct.bytes = 5000; }
static void ct_related(struct packet *p) { ct_new(p); p->ct.state = CT_RELATED; }
static void ct_invalid(struct packet *p) { p->ct.state = CT_INVALID; }
static void ct_untracked(struct packet *p) { p->ct.state = CT_UNTRACKED; }
static void ct_marked(struct packet *p) { ct_new(p); p->ct.mark = 0x11; }
static void ct_template(struct packet *p) { ct_new(p); p->ct.template = true; p->ct.mark_untold = 0xff; p->ct.status = IPS_CONFIRMED; }
static void ct_labelled(struct packet *p) { ct_new(p); p->ct.labels[1] = 2; }

/* -- rows -- */

#define NEW	XT_CONNTRACK_STATE_BIT(IP_CT_NEW)
#define EST	XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED)
#define REL	XT_CONNTRACK_STATE_BIT(IP_CT_RELATED)
#define CT3(ed, w, txt, ...) ROW("conntrack", 3, V4, ed, w, txt, struct xt_conntrack_mtinfo3, __VA_ARGS__)
#define STATE(s)	.match_flags = XT_CONNTRACK_STATE, .state_mask = (s)

static const struct row ct_rows[] = {
	CT3(ct_new, YES, "-m conntrack --ctstate NEW", STATE(NEW)),
	CT3(ct_est, NO, NULL, STATE(NEW)),
	CT3(ct_est, YES, "-m conntrack --ctstate RELATED,ESTABLISHED", STATE(REL | EST)),
	CT3(ct_related, YES, NULL, STATE(REL | EST)),
	CT3(ct_new, NO, NULL, STATE(REL | EST)),
	CT3(ct_new, YES, "-m conntrack ! --ctstate RELATED,ESTABLISHED", STATE(REL | EST),
	    .invert_flags = XT_CONNTRACK_STATE),
	CT3(NULL, YES, "-m conntrack --ctstate INVALID", STATE(XT_CONNTRACK_STATE_INVALID)),
	CT3(ct_invalid, YES, NULL, STATE(XT_CONNTRACK_STATE_INVALID)),
	CT3(ct_untracked, NO, NULL, STATE(XT_CONNTRACK_STATE_INVALID)),
	CT3(ct_untracked, YES, "-m conntrack --ctstate UNTRACKED", STATE(XT_CONNTRACK_STATE_UNTRACKED)),
	CT3(ct_dnat, YES, "-m conntrack --ctstate DNAT", STATE(XT_CONNTRACK_STATE_DNAT)),
	CT3(ct_snat, NO, NULL, STATE(XT_CONNTRACK_STATE_DNAT)),
	CT3(ct_snat, YES, "-m conntrack --ctstate SNAT", STATE(XT_CONNTRACK_STATE_SNAT)),
	/* kube-proxy's localnet protection */
	CT3(ct_new, YES, "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT", STATE(REL | EST | XT_CONNTRACK_STATE_DNAT),
	    .invert_flags = XT_CONNTRACK_STATE),
	CT3(ct_dnat, NO, NULL, STATE(REL | EST | XT_CONNTRACK_STATE_DNAT), .invert_flags = XT_CONNTRACK_STATE),
	/* without a connection any other test fails, inverted or not, but one of the state alone holds */
	CT3(NULL, NO, "-m conntrack ! --ctproto 6", .match_flags = XT_CONNTRACK_PROTO, .l4proto = 6,
	    .invert_flags = XT_CONNTRACK_PROTO),
	CT3(ct_new, YES, NULL, .match_flags = XT_CONNTRACK_PROTO, .l4proto = 6),
	CT3(ct_new, NO, NULL, .match_flags = XT_CONNTRACK_PROTO, .l4proto = 17),
	CT3(ct_new, YES, "-m conntrack --ctorigdst 10.96.0.0/16", .match_flags = XT_CONNTRACK_ORIGDST,
	    .origdst_addr.ip = 0x0000600a, .origdst_mask.ip = 0x0000ffff),
	CT3(ct_new, NO, "-m conntrack ! --ctorigdst 10.96.0.10", .match_flags = XT_CONNTRACK_ORIGDST,
	    .invert_flags = XT_CONNTRACK_ORIGDST, .origdst_addr.ip = 0x0a00600a, .origdst_mask.ip = 0xffffffff),
	CT3(ct_dnat, YES, "-m conntrack --ctreplsrc 10.244.1.10", .match_flags = XT_CONNTRACK_REPLSRC,
	    .replsrc_addr.ip = 0x0a01f40a, .replsrc_mask.ip = 0xffffffff),
	CT3(ct_new, NO, NULL, .match_flags = XT_CONNTRACK_REPLSRC, .replsrc_addr.ip = 0x0a01f40a,
	    .replsrc_mask.ip = 0xffffffff),
	CT3(ct_new, YES, "-m conntrack --ctorigdstport 80:90", .match_flags = XT_CONNTRACK_ORIGDST_PORT,
	    .origdst_port = 80, .origdst_port_high = 90),
	CT3(ct_new, NO, NULL, .match_flags = XT_CONNTRACK_ORIGDST_PORT, .origdst_port = 81, .origdst_port_high = 90),
	CT3(ct_dnat, YES, "-m conntrack --ctreplsrcport 8080", .match_flags = XT_CONNTRACK_REPLSRC_PORT,
	    .replsrc_port = 8080, .replsrc_port_high = 8080),
	CT3(ct_est, YES, "-m conntrack --ctdir ORIGINAL", .match_flags = XT_CONNTRACK_DIRECTION),
	CT3(ct_reply, NO, NULL, .match_flags = XT_CONNTRACK_DIRECTION),
	CT3(ct_reply, YES, "-m conntrack --ctdir REPLY", .match_flags = XT_CONNTRACK_DIRECTION,
	    .invert_flags = XT_CONNTRACK_DIRECTION),
	CT3(ct_est, YES, "-m conntrack --ctstatus SEEN_REPLY", .match_flags = XT_CONNTRACK_STATUS,
	    .status_mask = IPS_SEEN_REPLY),
	CT3(ct_new, NO, NULL, .match_flags = XT_CONNTRACK_STATUS, .status_mask = IPS_SEEN_REPLY),
	CT3(ct_template, YES, "-m conntrack --ctstatus CONFIRMED", .match_flags = XT_CONNTRACK_STATUS, .status_mask = IPS_CONFIRMED),
	CT3(ct_old, UNKNOWN, "-m conntrack --ctexpire 10:200", .match_flags = XT_CONNTRACK_EXPIRES, .expires_min = 10,
	    .expires_max = 200),
	CT3(ct_new, UNKNOWN, NULL, .match_flags = XT_CONNTRACK_EXPIRES, .expires_min = 10, .expires_max = 200),
	CT3(ct_new, YES, "-m state --state NEW", .match_flags = XT_CONNTRACK_STATE | XT_CONNTRACK_STATE_ALIAS,
	    .state_mask = NEW),
	ROW("conntrack", 1, V4, ct_new, YES, "-m conntrack --ctorigdstport 80", struct xt_conntrack_mtinfo1,
	    .match_flags = XT_CONNTRACK_ORIGDST_PORT, .origdst_port = 0x5000),
	ROW("conntrack", 2, V6, ct_dnat, YES, "-m conntrack --ctstate DNAT", struct xt_conntrack_mtinfo2, STATE(1 << 7)),
	ROW("state", 0, V4, ct_new, YES, "-m state --state NEW", struct xt_state_info, .statemask = NEW),
	ROW("state", 0, V4, ct_est, NO, NULL, struct xt_state_info, .statemask = NEW),
	ROW("state", 0, V4, ct_untracked, YES, "-m state --state UNTRACKED", struct xt_state_info,
	    .statemask = XT_STATE_UNTRACKED),
	ROW("connmark", 1, V4, ct_marked, YES, "-m connmark --mark 0x1/0xf", struct xt_connmark_mtinfo1, 1, 0xf, 0),
	ROW("connmark", 1, V4, ct_marked, NO, "-m connmark ! --mark 0x1/0xf", struct xt_connmark_mtinfo1, 1, 0xf, 1),
	ROW("connmark", 1, V4, ct_template, UNKNOWN, NULL, struct xt_connmark_mtinfo1, 1, 0xf, 0),
	ROW("connmark", 1, V4, ct_template, NO, NULL, struct xt_connmark_mtinfo1, 0x100, 0x100, 0),
	ROW("connmark", 1, V4, NULL, NO, NULL, struct xt_connmark_mtinfo1, 1, 0xf, 1),
	ROW("connlabel", 0, V4, ct_labelled, YES, "-m connlabel --label \"9\"", struct xt_connlabel_mtinfo, 9, 0),
	ROW("connlabel", 0, V4, ct_labelled, NO, NULL, struct xt_connlabel_mtinfo, 10, 0),
	ROW("connlabel", 0, V4, NULL, YES, NULL, struct xt_connlabel_mtinfo, 9, XT_CONNLABEL_OP_INVERT),
	ROW("connlabel", 0, V4, ct_new, YES, "-m connlabel --label \"9\" --set", struct xt_connlabel_mtinfo, 9,
	    XT_CONNLABEL_OP_SET),
	ROW("helper", 0, V4, ct_new, NO, "-m helper --helper ftp", struct xt_helper_info, 0, "ftp"),
	ROW("helper", 0, V4, ct_related, UNKNOWN, NULL, struct xt_helper_info, 0, "ftp"),
	ROW("helper", 0, V4, NULL, YES, "-m helper ! --helper ftp", struct xt_helper_info, 1, "ftp"),
	ROW("connbytes", 0, V4, ct_old, YES, "-m connbytes --connbytes 10 --connbytes-mode packets --connbytes-dir both",
	    struct xt_connbytes_info, { 10, UINT64_MAX }, XT_CONNBYTES_PKTS, XT_CONNBYTES_DIR_BOTH),
	ROW("connbytes", 0, V4, ct_old, NO, NULL, struct xt_connbytes_info, { 501, 600 }, XT_CONNBYTES_AVGPKT,
	    XT_CONNBYTES_DIR_BOTH),
	ROW("connbytes", 0, V4, ct_old, YES, NULL, struct xt_connbytes_info, { 600, 501 }, XT_CONNBYTES_AVGPKT,
	    XT_CONNBYTES_DIR_BOTH),
	ROW("connbytes", 0, V4, ct_old, UNKNOWN, NULL, struct xt_connbytes_info, { 1, 2 }, XT_CONNBYTES_BYTES,
	    XT_CONNBYTES_DIR_REPLY),
	ROW("connbytes", 0, V4, NULL, NO, NULL, struct xt_connbytes_info, { 0, 100 }, 0, 0),
	ROW("cluster", 0, V4, ct_new, UNKNOWN, NULL, struct xt_cluster_match_info, 2, 1, 5, 0),
	ROW("cluster", 0, V4, NULL, NO, NULL, struct xt_cluster_match_info, 2, 1, 5, 0),
};

#define TCP(ed, w, txt, ...) ROW("tcp", 0, V4, ed, w, txt, struct xt_tcp, __VA_ARGS__)
#define PORTS(a, b, c, d) { a, b }, { c, d }
static const struct row proto_rows[] = {
	TCP(NULL, YES, "-m tcp --dport 80", PORTS(0, 65535, 80, 80)),
	TCP(NULL, NO, "-m tcp --dport 81:90", PORTS(0, 65535, 81, 90)),
	TCP(NULL, NO, "-m tcp ! --dport 80", PORTS(0, 65535, 80, 80), .invflags = XT_TCP_INV_DSTPT),
	TCP(NULL, YES, "-m tcp ! --sport 1:1023", PORTS(1, 1023, 0, 65535), .invflags = XT_TCP_INV_SRCPT),
	TCP(NULL, YES, "-m tcp --tcp-flags FIN,SYN,RST,ACK SYN", PORTS(0, 65535, 0, 65535), .flg_mask = 0x17, .flg_cmp = 2),
	TCP(ack, NO, NULL, PORTS(0, 65535, 0, 65535), .flg_mask = 0x17, .flg_cmp = 2),
	TCP(ack, YES, "-m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN", PORTS(0, 65535, 0, 65535), .flg_mask = 0x17,
	    .flg_cmp = 2, .invflags = XT_TCP_INV_FLAGS),
	TCP(NULL, UNKNOWN, "-m tcp --tcp-option 5", PORTS(0, 65535, 0, 65535), .option = 5),
	TCP(NULL, NO, NULL, PORTS(0, 65535, 81, 81), .option = 5),
	TCP(udp, NO, NULL, PORTS(0, 65535, 0, 65535)),
	ROW("udp", 0, V6, udp, YES, "-m udp --dport 53", struct xt_udp, PORTS(0, 65535, 53, 53)),
	ROW("udp", 0, V6, NULL, NO, NULL, struct xt_udp, PORTS(0, 65535, 0, 65535)),
	ROW("udplite", 0, V4, udplite, YES, NULL, struct xt_udp, PORTS(0, 65535, 80, 80)),
	ROW("udplite", 0, V4, udp, NO, NULL, struct xt_udp, PORTS(0, 65535, 0, 65535)),
	ROW("sctp", 0, V4, sctp, YES, "-m sctp --dport 3868", struct xt_sctp_info, .dpts = { 3868, 3868 }, .flags = XT_SCTP_DEST_PORTS),
	ROW("sctp", 0, V4, sctp, NO, "-m sctp ! --dport 3868", struct xt_sctp_info, .dpts = { 3868, 3868 },
	    .flags = XT_SCTP_DEST_PORTS, .invflags = XT_SCTP_DEST_PORTS),
	ROW("sctp", 0, V4, sctp, UNKNOWN, "-m sctp --chunk-types any INIT", struct xt_sctp_info, .chunkmap = { 2 },
	    .chunk_match_type = 1, .flags = XT_SCTP_CHUNK_TYPES),
	ROW("sctp", 0, V4, udp, NO, NULL, struct xt_sctp_info, .flags = 0),
	ROW("dccp", 0, V4, dccp, YES, "-m dccp --dport 80", struct xt_dccp_info, .dpts = { 80, 80 }, .flags = XT_DCCP_DEST_PORTS),
	ROW("dccp", 0, V4, dccp, UNKNOWN, "-m dccp --dccp-types REQUEST", struct xt_dccp_info, .typemask = 1, .flags = XT_DCCP_TYPE),
	ROW("dccp", 0, V4, NULL, NO, NULL, struct xt_dccp_info, .flags = 0),
	ROW("icmp", 0, V4, icmp, YES, "-m icmp --icmp-type 8", struct ipt_icmp, 8, { 0, 255 }, 0),
	ROW("icmp", 0, V4, icmp, NO, "-m icmp --icmp-type 8/1", struct ipt_icmp, 8, { 1, 1 }, 0),
	ROW("icmp", 0, V4, icmp, NO, "-m icmp ! --icmp-type 8", struct ipt_icmp, 8, { 0, 255 }, IPT_ICMP_INV),
	ROW("icmp", 0, V4, icmp, YES, "-m icmp --icmp-type any", struct ipt_icmp, 255, { 0, 255 }, 0),
	ROW("icmp", 0, V4, NULL, NO, NULL, struct ipt_icmp, 255, { 0, 255 }, 0),
	ROW("icmp6", 0, V6, icmp6, YES, "-m icmp6 --icmpv6-type 128", struct ip6t_icmp, 128, { 0, 255 }, 0),
	ROW("icmp6", 0, V6, icmp6, NO, NULL, struct ip6t_icmp, 255, { 0, 255 }, 0),
	ROW("multiport", 1, V4, NULL, YES, "-m multiport --dports 80,443", struct xt_multiport_v1, XT_MULTIPORT_DESTINATION, 2, { 80, 443 }, { 0 }, 0),
	ROW("multiport", 1, V4, NULL, NO, "-m multiport ! --dports 80,443", struct xt_multiport_v1, XT_MULTIPORT_DESTINATION, 2, { 80, 443 }, { 0 }, 1),
	ROW("multiport", 1, V6, NULL, YES, "-m multiport --sports 1,39999:40001", struct xt_multiport_v1, XT_MULTIPORT_SOURCE, 3, { 1, 39999, 40001 }, { 0, 1 }, 0),
	ROW("multiport", 1, V4, NULL, NO, NULL, struct xt_multiport_v1, XT_MULTIPORT_SOURCE, 2, { 80, 443 }, { 0 }, 0),
	ROW("multiport", 1, V4, NULL, YES, "-m multiport --ports 40000", struct xt_multiport_v1, XT_MULTIPORT_EITHER, 1, { 40000 }, { 0 }, 0),
	ROW("multiport", 1, V4, icmp, NO, NULL, struct xt_multiport_v1, XT_MULTIPORT_EITHER, 1, { 2048 }, { 0 }, 0),
	ROW("multiport", 1, V4, NULL, NO, NULL, struct xt_multiport_v1, XT_MULTIPORT_EITHER, 255, { 7 }, { [14] = 1 }, 0),
	ROW("multiport", 0, V4, NULL, YES, NULL, struct xt_multiport, XT_MULTIPORT_DESTINATION, 1, { 80 }),
	/* a port that the kernel picked: hardly the one asked for, but perhaps among many */
	ROW("multiport", 1, V4, picked, NO, NULL, struct xt_multiport_v1, XT_MULTIPORT_SOURCE, 2, { 80, 40000 }, { 0 }, 0),
	ROW("multiport", 1, V4, picked, YES, NULL, struct xt_multiport_v1, XT_MULTIPORT_SOURCE, 2, { 80, 40000 }, { 0 }, 1),
	ROW("multiport", 1, V4, picked, UNKNOWN, NULL, struct xt_multiport_v1, XT_MULTIPORT_SOURCE, 3, { 1, 39999, 50000 }, { 0, 1 }, 0),
	ROW("multiport", 1, V4, picked, YES, NULL, struct xt_multiport_v1, XT_MULTIPORT_EITHER, 3, { 80, 39999, 50000 }, { 0, 1 }, 0),
	TCP(picked, NO, NULL, PORTS(40000, 40000, 0, 65535)),
	TCP(picked, UNKNOWN, NULL, PORTS(20000, 60000, 0, 65535)),
	TCP(picked, YES, NULL, PORTS(0, 65535, 80, 80)),
	ROW("esp", 0, V4, esp, UNKNOWN, "-m esp --espspi 5", struct xt_esp, { 5, 5 }, 0),
	ROW("esp", 0, V4, esp, YES, "-m esp", struct xt_esp, { 0, ~0u }, 0),
	ROW("esp", 0, V4, NULL, NO, NULL, struct xt_esp, { 5, 5 }, 0),
	ROW("ah", 0, V4, ah, UNKNOWN, "-m ah ! --ahspi 1:2", struct ipt_ah, { 1, 2 }, IPT_AH_INV_SPI),
	ROW("ah", 0, V6, ah, UNKNOWN, NULL, struct ip6t_ah, { 0, ~0u }, 12, 0, 0),
	ROW("ah", 0, V6, NULL, NO, NULL, struct ip6t_ah, { 0, ~0u }, 0, 0, 0),
	ROW("ipcomp", 0, V4, ipcomp, UNKNOWN, NULL, struct xt_ipcomp, { 1, 2 }, 0, 0),
	ROW("ipcomp", 0, V4, NULL, NO, NULL, struct xt_ipcomp, { 1, 2 }, 0, 0),
};

static const struct row meta_rows[] = {
	ROW("comment", 0, V4, NULL, YES, "-m comment --comment \"default/web:http cluster IP\"", struct xt_comment_info, "default/web:http cluster IP"),
	ROW("comment", 0, V4, NULL, YES, "-m comment --comment plain_1", struct xt_comment_info, "plain_1"),
	ROW("comment", 0, V4, NULL, YES, "-m comment --comment \"say \\\"x\\\"\"", struct xt_comment_info, "say \"x\""),
	ROW("mark", 1, V4, marked, YES, "-m mark --mark 0x4000/0x4000", struct xt_mark_mtinfo1, 0x4000, 0x4000, 0),
	ROW("mark", 1, V4, NULL, NO, NULL, struct xt_mark_mtinfo1, 0x4000, 0x4000, 0),
	ROW("mark", 1, V4, marked, NO, "-m mark ! --mark 0x4000/0x4000", struct xt_mark_mtinfo1, 0x4000, 0x4000, 1),
	ROW("mark", 1, V6, marked, YES, "-m mark --mark 0x4001", struct xt_mark_mtinfo1, 0x4001, ~0u, 0),
	ROW("devgroup", 0, V4, NULL, YES, "-m devgroup --src-group 0x5", struct xt_devgroup_info, XT_DEVGROUP_MATCH_SRC, 5, ~0u, 0, 0),
	ROW("devgroup", 0, V4, NULL, NO, NULL, struct xt_devgroup_info, XT_DEVGROUP_MATCH_SRC | XT_DEVGROUP_INVERT_SRC, 5, ~0u, 0, 0),
	ROW("devgroup", 0, V4, NULL, UNKNOWN, NULL, struct xt_devgroup_info, XT_DEVGROUP_MATCH_DST, 0, 0, 5, ~0u),
	ROW("realm", 0, V4, NULL, UNKNOWN, "-m realm --realm 0x5", struct xt_realm_info, 5, ~0u, 0),
	ROW("cpu", 0, V4, NULL, UNKNOWN, "-m cpu ! --cpu 1", struct xt_cpu_info, 1, 1),
	ROW("pkttype", 0, V4, NULL, YES, "-m pkttype --pkt-type unicast", struct xt_pkttype_info, 0, 0),
	ROW("pkttype", 0, V4, bcast_mac, YES, "-m pkttype --pkt-type broadcast", struct xt_pkttype_info, 1, 0),
	ROW("pkttype", 0, V4, bcast_mac, NO, NULL, struct xt_pkttype_info, 1, 1),
	ROW("pkttype", 0, V4, to_group, UNKNOWN, NULL, struct xt_pkttype_info, 2, 0),
	ROW("owner", 1, V4, local, YES, "-m owner --uid-owner 1337", struct xt_owner_match_info, 1337, 1337, 0, 0, XT_OWNER_UID, 0),
	ROW("owner", 1, V4, local, NO, "-m owner ! --uid-owner 1000-2000", struct xt_owner_match_info, 1000, 2000, 0, 0, XT_OWNER_UID, XT_OWNER_UID),
	ROW("owner", 1, V4, local, NO, "-m owner --gid-owner 5", struct xt_owner_match_info, 0, 0, 5, 5, XT_OWNER_GID, 0),
	ROW("owner", 1, V4, local, UNKNOWN, "-m owner --gid-owner 5 --suppl-groups", struct xt_owner_match_info, 0, 0, 5, 5, XT_OWNER_GID | XT_OWNER_SUPPL_GROUPS, 0),
	ROW("owner", 1, V4, local_unknown, UNKNOWN, NULL, struct xt_owner_match_info, 0, 0, 5, 5, XT_OWNER_GID, 0),
	ROW("owner", 1, V4, local_unknown, YES, "-m owner --socket-exists", struct xt_owner_match_info, 0, 0, 0, 0, XT_OWNER_SOCKET, 0),
	ROW("owner", 1, V4, local, NO, NULL, struct xt_owner_match_info, 0, 0, 0, 0, XT_OWNER_SOCKET, XT_OWNER_SOCKET),
	ROW("owner", 1, V4, NULL, NO, NULL, struct xt_owner_match_info, 0, 9999, 0, 0, XT_OWNER_UID, 0),
	ROW("owner", 1, V4, NULL, YES, NULL, struct xt_owner_match_info, 0, 9999, 0, 0, XT_OWNER_UID, XT_OWNER_UID),
	ROW("physdev", 0, V4, NULL, NO, "-m physdev --physdev-is-bridged", struct xt_physdev_info, .bitmask = XT_PHYSDEV_OP_BRIDGED),
	ROW("physdev", 0, V4, bridged, YES, NULL, struct xt_physdev_info, .bitmask = XT_PHYSDEV_OP_BRIDGED),
	ROW("physdev", 0, V4, bridged_in, NO, NULL, struct xt_physdev_info, .bitmask = XT_PHYSDEV_OP_BRIDGED),
	ROW("physdev", 0, V4, NULL, YES, "-m physdev ! --physdev-is-bridged", struct xt_physdev_info, .bitmask = XT_PHYSDEV_OP_BRIDGED, .invert = XT_PHYSDEV_OP_BRIDGED),
	ROW("physdev", 0, V4, bridged_in, YES, "-m physdev --physdev-in eth+", struct xt_physdev_info, .physindev = "eth", .in_mask = "\xff\xff\xff", .bitmask = XT_PHYSDEV_OP_IN),
	ROW("physdev", 0, V4, bridged_in, NO, "-m physdev ! --physdev-in eth+", struct xt_physdev_info, .physindev = "eth", .in_mask = "\xff\xff\xff", .bitmask = XT_PHYSDEV_OP_IN, .invert = XT_PHYSDEV_OP_IN),
	ROW("physdev", 0, V4, bridged, NO, NULL, struct xt_physdev_info, .physoutdev = "eth0", .out_mask = "\xff\xff\xff\xff\xff", .bitmask = XT_PHYSDEV_OP_OUT),
	ROW("physdev", 0, V4, bridged, YES, "-m physdev --physdev-out lo", struct xt_physdev_info, .physoutdev = "lo", .out_mask = "\xff\xff\xff", .bitmask = XT_PHYSDEV_OP_OUT),
	ROW("cgroup", 0, V4, NULL, NO, NULL, struct xt_cgroup_info_v0, 5, 1),
	ROW("cgroup", 1, V4, local, UNKNOWN, "-m cgroup --path kubepods", struct xt_cgroup_info_v1, .has_path = 1, .path = "kubepods"),
	ROW("cgroup", 2, V4, local, UNKNOWN, "-m cgroup ! --cgroup 5", struct xt_cgroup_info_v2, .has_classid = 1, .invert_classid = 1, .classid = 5),
};

static const struct row ip_rows[] = {
	ROW("length", 0, V4, NULL, YES, "-m length --length 40:100", struct xt_length_info, 40, 100, 0),
	ROW("length", 0, V4, NULL, NO, "-m length ! --length 60", struct xt_length_info, 60, 60, 1),
	ROW("ttl", 0, V4, NULL, YES, "-m ttl --ttl-eq 64", struct ipt_ttl_info, IPT_TTL_EQ, 64),
	ROW("ttl", 0, V4, NULL, NO, "-m ttl ! --ttl-eq 64", struct ipt_ttl_info, IPT_TTL_NE, 64),
	ROW("ttl", 0, V4, NULL, YES, "-m ttl --ttl-gt 63", struct ipt_ttl_info, IPT_TTL_GT, 63),
	ROW("hl", 0, V6, NULL, NO, "-m hl --hl-lt 64", struct ip6t_hl_info, IP6T_HL_LT, 64),
	ROW("ttl", 0, V6, NULL, UNKNOWN, NULL, struct ipt_ttl_info, IPT_TTL_EQ, 64),
	ROW("dscp", 0, V4, tos, YES, "-m dscp --dscp 0x2e", struct xt_dscp_info, 46, 0),
	ROW("dscp", 0, V6, tos, NO, "-m dscp ! --dscp 0x2e", struct xt_dscp_info, 46, 1),
	ROW("tos", 1, V4, tos, YES, "-m tos --tos 0xb8/0xff", struct xt_tos_match_info, 0xff, 0xb8, 0),
	ROW("tos", 1, V4, NULL, YES, "-m tos ! --tos 0xb8/0xff", struct xt_tos_match_info, 0xff, 0xb8, 1),
	ROW("ecn", 0, V4, ece, YES, "-m ecn --ecn-tcp-ece --ecn-ip-ect 1", struct xt_ecn_info, .operation = XT_ECN_OP_MATCH_ECE | XT_ECN_OP_MATCH_IP, .ip_ect = 1),
	ROW("ecn", 0, V4, ece, NO, "-m ecn ! --ecn-tcp-ece", struct xt_ecn_info, .operation = XT_ECN_OP_MATCH_ECE, .invert = XT_ECN_OP_MATCH_ECE),
	ROW("ecn", 0, V4, ece, NO, NULL, struct xt_ecn_info, .operation = XT_ECN_OP_MATCH_CWR),
	ROW("iprange", 1, V4, NULL, YES, "-m iprange --src-range 10.0.0.1-10.0.0.9", struct xt_iprange_mtinfo, .src_min.ip = 0x0100000a, .src_max.ip = 0x0900000a, .flags = IPRANGE_SRC),
	ROW("iprange", 1, V4, NULL, NO, "-m iprange ! --src-range 10.0.0.1-10.0.0.9", struct xt_iprange_mtinfo, .src_min.ip = 0x0100000a, .src_max.ip = 0x0900000a, .flags = IPRANGE_SRC | IPRANGE_SRC_INV),
	ROW("iprange", 1, V4, NULL, NO, NULL, struct xt_iprange_mtinfo, .dst_min.ip = 0x0100000a, .dst_max.ip = 0x0900000a, .flags = IPRANGE_DST),
	ROW("iprange", 1, V6, NULL, YES, "-m iprange --dst-range fd00:96::-fd00:96::ff", struct xt_iprange_mtinfo, .dst_min.all = { 0x960000fd }, .dst_max.all = { 0x960000fd, 0, 0, 0xff000000 }, .flags = IPRANGE_DST),
	ROW("mac", 0, V4, with_mac, YES, "-m mac --mac-source 02:11:22:33:44:55", struct xt_mac_info, { 2, 0x11, 0x22, 0x33, 0x44, 0x55 }, 0),
	ROW("mac", 0, V4, with_mac, NO, NULL, struct xt_mac_info, { 2, 0x11, 0x22, 0x33, 0x44, 0x55 }, 1),
	ROW("mac", 0, V4, NULL, UNKNOWN, NULL, struct xt_mac_info, { 2, 0x11, 0x22, 0x33, 0x44, 0x55 }, 1),
	ROW("mac", 0, V4, on_lo, NO, NULL, struct xt_mac_info, { 2, 0x11, 0x22, 0x33, 0x44, 0x55 }, 1),
	ROW("eui64", 0, V6, eui, YES, "-m eui64", int, 0),
	ROW("eui64", 0, V6, with_mac, NO, NULL, int, 0),
	ROW("eui64", 0, V6, NULL, UNKNOWN, NULL, int, 0),
	ROW("tcpmss", 0, V4, NULL, UNKNOWN, "-m tcpmss --mss 1400:1536", struct xt_tcpmss_match_info, 1400, 1536, 0),
	ROW("tcpmss", 0, V4, ack, NO, NULL, struct xt_tcpmss_match_info, 1400, 1536, 0),
	ROW("l2tp", 0, V4, udp, UNKNOWN, "-m l2tp --tid 5", struct xt_l2tp_info, .tid = 5, .flags = XT_L2TP_TID),
	ROW("l2tp", 0, V4, NULL, NO, NULL, struct xt_l2tp_info, .tid = 5, .flags = XT_L2TP_TID),
	ROW("osf", 0, V4, NULL, UNKNOWN, "-m osf --genre Linux", struct nf_osf_info, .genre = "Linux"),
	ROW("osf", 0, V4, udp, NO, NULL, struct nf_osf_info, .genre = "Linux"),
	ROW("frag", 0, V6, NULL, NO, "-m frag --fragfirst", struct ip6t_frag, .ids = { 0, ~0u }, .flags = IP6T_FRAG_FST),
	ROW("rt", 0, V6, NULL, NO, "-m rt --rt-type 0", struct ip6t_rt, .segsleft = { 0, ~0u }, .flags = IP6T_RT_TYP),
	ROW("hbh", 0, V6, NULL, NO, "-m hbh --hbh-len 8", struct ip6t_opts, .hdrlen = 8, .flags = IP6T_OPTS_LEN),
	ROW("dst", 0, V6, NULL, NO, "-m dst --dst-opts 5:6,7", struct ip6t_opts, .flags = IP6T_OPTS_OPTS, .opts = { 0x506, 0x7ff }, .optsnr = 2),
	ROW("srh", 0, V6, NULL, NO, "-m srh ! --srh-segs-left-eq 2", struct ip6t_srh, .segs_left = 2, .mt_flags = IP6T_SRH_SEGS_EQ, .mt_invflags = IP6T_SRH_SEGS_EQ),
	ROW("srh", 1, V6, NULL, NO, NULL, struct ip6t_srh1, .mt_flags = 0),
	ROW("ipv6header", 0, V6, NULL, YES, "-m ipv6header --header protocol", struct ip6t_ipv6header_info, MASK_PROTO, 0, 0),
	ROW("ipv6header", 0, V6, NULL, NO, "-m ipv6header --header hop-by-hop --soft", struct ip6t_ipv6header_info, MASK_HOPOPTS, 0, 1),
	ROW("ipv6header", 0, V6, esp, NO, NULL, struct ip6t_ipv6header_info, MASK_PROTO, 0, 0),
	ROW("ipv6header", 0, V6, ah, UNKNOWN, NULL, struct ip6t_ipv6header_info, MASK_AH, 0, 0),
	ROW("mh", 0, V6, mh, UNKNOWN, "-m mh --mh-type 1:3", struct ip6t_mh, { 1, 3 }, 0),
	ROW("mh", 0, V6, NULL, NO, NULL, struct ip6t_mh, { 1, 3 }, 0),
};

#define ADDRTYPE(f, ed, w, txt, s, d, fl) ROW("addrtype", 1, f, ed, w, txt, struct xt_addrtype_info_v1, s, d, fl)
#define SOCK(ed, w, txt, fl) ROW("socket", 3, V4, ed, w, txt, struct xt_socket_mtinfo3, fl)
#define RPF(f, ed, w, txt, fl) ROW("rpfilter", 0, f, ed, w, txt, struct xt_rpfilter_info, fl)
static const struct row lookup_rows[] = {
	ADDRTYPE(V4, to_node, YES, "-m addrtype --dst-type LOCAL", 0, XT_ADDRTYPE_LOCAL, 0),
	ADDRTYPE(V4, NULL, NO, NULL, 0, XT_ADDRTYPE_LOCAL, 0),
	ADDRTYPE(V4, NULL, YES, "-m addrtype ! --dst-type LOCAL", 0, XT_ADDRTYPE_LOCAL, XT_ADDRTYPE_INVERT_DEST),
	ADDRTYPE(V4, to_cni, NO, "-m addrtype --dst-type LOCAL --limit-iface-in", 0, XT_ADDRTYPE_LOCAL, XT_ADDRTYPE_LIMIT_IFACE_IN),
	ADDRTYPE(V4, to_node, YES, NULL, 0, XT_ADDRTYPE_LOCAL, XT_ADDRTYPE_LIMIT_IFACE_IN),
	ADDRTYPE(V4, from_node, YES, "-m addrtype --src-type LOCAL", XT_ADDRTYPE_LOCAL, 0, 0),
	ADDRTYPE(V4, from_node, NO, "-m addrtype ! --src-type LOCAL", XT_ADDRTYPE_LOCAL, 0, XT_ADDRTYPE_INVERT_SOURCE),
	ADDRTYPE(V4, from_unreadable, UNKNOWN, NULL, XT_ADDRTYPE_LOCAL, 0, 0),
	ADDRTYPE(V4, from_unreadable, NO, NULL, XT_ADDRTYPE_UNICAST, XT_ADDRTYPE_LOCAL, 0),
	ADDRTYPE(V6, to_node6, YES, NULL, 0, XT_ADDRTYPE_LOCAL, 0),
	ADDRTYPE(V6, NULL, NO, NULL, 0, XT_ADDRTYPE_LOCAL, 0),
	ADDRTYPE(V6, to_group6, YES, "-m addrtype --dst-type MULTICAST", 0, XT_ADDRTYPE_MULTICAST, 0),
	ADDRTYPE(V6, NULL, NO, NULL, 0, XT_ADDRTYPE_MULTICAST, 0),
	ADDRTYPE(V6, NULL, YES, NULL, 0, XT_ADDRTYPE_UNICAST, 0),
	ROW("addrtype", 0, V4, to_node, NO, "-m addrtype ! --dst-type LOCAL", struct xt_addrtype_info, 0, XT_ADDRTYPE_LOCAL, 0, 1),
	RPF(V4, NULL, YES, "-m rpfilter", 0),
	RPF(V4, NULL, NO, "-m rpfilter --validmark --invert", XT_RPFILTER_INVERT | XT_RPFILTER_VALID_MARK),
	RPF(V4, other_route, NO, NULL, 0),
	RPF(V4, other_route, YES, "-m rpfilter --loose", XT_RPFILTER_LOOSE),
	RPF(V4, multi_route, UNKNOWN, NULL, 0),
	RPF(V4, no_route, YES, NULL, XT_RPFILTER_INVERT),
	RPF(V4, local_route, NO, NULL, 0),
	RPF(V4, local_route, YES, "-m rpfilter --accept-local", XT_RPFILTER_ACCEPT_LOCAL),
	RPF(V4, unread_route, UNKNOWN, NULL, 0),
	RPF(V4, on_lo, YES, NULL, 0),
	RPF(V6, NULL, YES, NULL, 0),
	RPF(V6, other_route, NO, NULL, 0),
	SOCK(NULL, NO, "-m socket", 0),
	SOCK(sock_bound, YES, NULL, 0),
	SOCK(sock_any, NO, NULL, 0),
	SOCK(sock_any, YES, "-m socket --nowildcard", XT_SOCKET_NOWILDCARD),
	SOCK(sock_bound, NO, "-m socket --transparent", XT_SOCKET_TRANSPARENT),
	SOCK(sock_transparent, YES, NULL, XT_SOCKET_TRANSPARENT),
	SOCK(sock_unread, UNKNOWN, NULL, 0),
};

#define RANDOM(f, p) .mode = XT_STATISTIC_MODE_RANDOM, .flags = f, .u.random.probability = p
static void balanced(struct packet *p)
{
	p->ipvs.set = true;
	p->ipvs.port = 443;
	addr_parse("10.96.0.1", &p->ipvs.vip);
}

static void balanced_back(struct packet *p)
{
	balanced(p);
	p->ipvs.reply = true;
}

#define VIRTUAL(fn, w, inv, mask, port) \
	ROW("ipvs", 0, V4, fn, w, NULL, struct xt_ipvs_mtinfo, .bitmask = mask, .invert = inv, .l4proto = IPPROTO_TCP, \
	    .vport = __builtin_bswap16(port), .vaddr.ip = __builtin_bswap32(0x0a600000), .vmask.ip = __builtin_bswap32(0xffff0000))
static const struct row stateful_rows[] = {
	ROW("statistic", 0, V4, NULL, YES, "-m statistic --mode random --probability 1.00000000000", struct xt_statistic_info, RANDOM(0, 0x80000000)),
	ROW("statistic", 0, V4, NULL, NO, "-m statistic --mode random --probability 0.00000000000", struct xt_statistic_info, RANDOM(0, 0)),
	ROW("statistic", 0, V4, NULL, YES, "-m statistic --mode random ! --probability 0.00000000000", struct xt_statistic_info, RANDOM(XT_STATISTIC_INVERT, 0)),
	ROW("statistic", 0, V4, NULL, YES, "-m statistic --mode nth --every 1 --packet 0", struct xt_statistic_info, .mode = XT_STATISTIC_MODE_NTH),
	ROW("statistic", 0, V4, NULL, UNKNOWN, NULL, struct xt_statistic_info, .mode = 7),
	ROW("nfacct", 0, V4, NULL, YES, "-m nfacct --nfacct-name  ct_state_invalid_dropped_pkts", struct xt_nfacct_match_info, "ct_state_invalid_dropped_pkts"),
	ROW("limit", 0, V4, NULL, UNKNOWN, "-m limit --limit 3/min --limit-burst 10", struct xt_rateinfo, .avg = 200000, .burst = 10),
	ROW("hashlimit", 3, V4, NULL, UNKNOWN, NULL, struct xt_hashlimit_mtinfo3, .name = "x"),
	ROW("hashlimit", 2, V4, NULL, UNKNOWN, NULL, struct xt_hashlimit_mtinfo2, .name = "x"),
	ROW("hashlimit", 1, V4, NULL, UNKNOWN, NULL, struct xt_hashlimit_mtinfo1, .name = "x"),
	ROW("connlimit", 1, V4, NULL, UNKNOWN, "-m connlimit --connlimit-above 10 --connlimit-mask 32 --connlimit-saddr", struct xt_connlimit_info, .v4_mask = ~0u, .limit = 10),
	ROW("quota", 0, V4, NULL, UNKNOWN, "-m quota --quota 1000", struct xt_quota_info, .quota = 1000),
	ROW("rateest", 0, V4, NULL, UNKNOWN, NULL, struct xt_rateest_match_info, .name1 = "r"),
	ROW("time", 0, V4, NULL, UNKNOWN, "-m time --timestart 01:00:00 --timestop 02:00:00", struct xt_time_info, .date_stop = ~0u, .daytime_start = 3600, .daytime_stop = 7200, .monthdays_match = XT_TIME_ALL_MONTHDAYS, .weekdays_match = XT_TIME_ALL_WEEKDAYS),
	ROW("time", 0, V4, NULL, YES, "-m time", struct xt_time_info, .date_stop = ~0u, .daytime_stop = XT_TIME_MAX_DAYTIME, .monthdays_match = XT_TIME_ALL_MONTHDAYS, .weekdays_match = XT_TIME_ALL_WEEKDAYS),
	ROW("ipvs", 0, V4, NULL, NO, "-m ipvs --ipvs", struct xt_ipvs_mtinfo, .bitmask = XT_IPVS_IPVS_PROPERTY),
	ROW("ipvs", 0, V4, balanced, YES, NULL, struct xt_ipvs_mtinfo, .bitmask = XT_IPVS_IPVS_PROPERTY),
	ROW("ipvs", 0, V4, NULL, YES, "-m ipvs ! --ipvs", struct xt_ipvs_mtinfo, .bitmask = XT_IPVS_IPVS_PROPERTY, .invert = XT_IPVS_IPVS_PROPERTY),
	/* beyond the property, what is not IPVS's own never matches, inverted or not */
	VIRTUAL(NULL, NO, 0, XT_IPVS_VPORT, 443),
	VIRTUAL(NULL, NO, XT_IPVS_VPORT, XT_IPVS_VPORT, 443),
	VIRTUAL(balanced, YES, 0, XT_IPVS_VPORT | XT_IPVS_VADDR | XT_IPVS_PROTO, 443),
	VIRTUAL(balanced, NO, 0, XT_IPVS_VPORT | XT_IPVS_VADDR | XT_IPVS_PROTO, 80),
	VIRTUAL(balanced, YES, XT_IPVS_VPORT, XT_IPVS_VPORT | XT_IPVS_VADDR | XT_IPVS_PROTO, 80),
	VIRTUAL(balanced, NO, XT_IPVS_VADDR, XT_IPVS_VADDR, 443),
	VIRTUAL(balanced, YES, 0, XT_IPVS_METHOD, 443),
	VIRTUAL(balanced_back, NO, 0, XT_IPVS_VADDR, 443),
	VIRTUAL(balanced, UNKNOWN, 0, XT_IPVS_VPORTCTL, 443),
};

#define LOC(...) { __VA_ARGS__ }
#define U32(w, txt, inv, ...) ROW("u32", 0, V4, NULL, w, txt, struct xt_u32, .tests = { { __VA_ARGS__ } }, .ntests = 1, .invert = inv)
#define STRING(w, txt, pat, n, from, to, fl) \
	ROW("string", 1, V4, NULL, w, txt, struct xt_string_info, from, to, "bm", pat, n, .u.v1.flags = fl)
#define BPF(w, txt, ...) ROW("bpf", 0, V4, NULL, w, txt, struct xt_bpf_info, \
	sizeof((struct sock_filter[]){ __VA_ARGS__ }) / sizeof(struct sock_filter), { __VA_ARGS__ })
static const struct row filter_rows[] = {
	/* protocol of the IP header; the source port by the header's length; bytes beyond the end */
	U32(YES, "-m u32 --u32 \"0x6&0xff=0x6\"", 0, .location = LOC({ 6, 0 }, { 0xff, XT_U32_AND }), .value = { { 6, 6 } }, .nnums = 2, .nvalues = 1),
	U32(NO, "-m u32 ! --u32 \"0x6&0xff=0x6\"", 1, .location = LOC({ 6, 0 }, { 0xff, XT_U32_AND }), .value = { { 6, 6 } }, .nnums = 2, .nvalues = 1),
	U32(NO, NULL, 0, .location = LOC({ 6, 0 }, { 0xff, XT_U32_AND }), .value = { { 17, 17 }, { 1, 2 } }, .nnums = 2, .nvalues = 2),
	U32(YES, "-m u32 --u32 \"0x0>>0x16&0x3c@0x0>>0x10=0x9c40\"", 0, .location = LOC({ 0, 0 }, { 22, XT_U32_RIGHTSH }, { 0x3c, XT_U32_AND }, { 0, XT_U32_AT }, { 16, XT_U32_RIGHTSH }), .value = { { 40000, 40000 } }, .nnums = 5, .nvalues = 1),
	U32(UNKNOWN, NULL, 0, .location = LOC({ 24, 0 }), .value = { { 5, 5 } }, .nnums = 1, .nvalues = 1),
	U32(YES, NULL, 0, .location = LOC({ 24, 0 }), .value = { { 0, ~0u } }, .nnums = 1, .nvalues = 1),
	U32(NO, NULL, 0, .location = LOC({ 57, 0 }), .value = { { 0, ~0u } }, .nnums = 1, .nvalues = 1),
	U32(UNKNOWN, NULL, 0, .location = LOC({ 24, 0 }, { 0, XT_U32_AT }), .value = { { 0, 1 } }, .nnums = 2, .nvalues = 1),
	STRING(UNKNOWN, "-m string --string \"GET /\" --algo bm", "GET /", 5, 0, 65535, 0),
	STRING(NO, "-m string --string \"GET /\" --algo bm --to 12", "GET /", 5, 0, 12, 0),
	STRING(YES, "-m string --hex-string \"|0a60000a|\" --algo bm --from 16 --to 20", "\x0a\x60\x00\x0a", 4, 16, 20, 0),
	STRING(NO, NULL, "\x0a\x60\x00\x0a", 4, 16, 20, XT_STRING_FLAG_INVERT),
	BPF(YES, "-m bpf --bytecode \"1,6 0 0 1\"", BPF_STMT(BPF_RET | BPF_K, 1)),
	BPF(NO, NULL, BPF_STMT(BPF_RET | BPF_K, 0)),
	/* ip proto tcp and dst port 80, through the header's length */
	BPF(YES, NULL, BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 4), BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 80, 0, 1), BPF_STMT(BPF_RET | BPF_K, 1), BPF_STMT(BPF_RET | BPF_K, 0)),
	BPF(NO, NULL, BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 17, 0, 1), BPF_STMT(BPF_RET | BPF_K, 1), BPF_STMT(BPF_RET | BPF_K, 0)),
	/* a sequence number is not known; its parity after masking with 0 is */
	BPF(UNKNOWN, NULL, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 24), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 1), BPF_STMT(BPF_RET | BPF_K, 1), BPF_STMT(BPF_RET | BPF_K, 0)),
	BPF(NO, NULL, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 24), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0), BPF_STMT(BPF_RET | BPF_A, 0)),
	BPF(NO, NULL, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 1000), BPF_STMT(BPF_RET | BPF_K, 1)),
	BPF(UNKNOWN, NULL, BPF_STMT(BPF_JMP | BPF_JA, 1000000)),
	BPF(NO, NULL, BPF_STMT(BPF_LD | BPF_IMM, 5), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), BPF_STMT(BPF_RET | BPF_K, 1)),
	BPF(YES, NULL, BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 59, 0, 1), BPF_STMT(BPF_RET | BPF_K, 1), BPF_STMT(BPF_RET | BPF_K, 0)),
	ROW("bpf", 1, V4, NULL, UNKNOWN, "-m bpf --object-pinned /sys/fs/bpf/x", struct xt_bpf_info_v1, .mode = XT_BPF_MODE_FD_PINNED, .path = "/sys/fs/bpf/x"),
	ROW("bpf", 1, V4, NULL, YES, NULL, struct xt_bpf_info_v1, .mode = XT_BPF_MODE_BYTECODE, .bpf_program_num_elem = 1, .bpf_program = { BPF_STMT(BPF_RET | BPF_K, 1) }),
};

static const char *const answers[] = { "no", "yes", "unknown" };
static const enum step_kind kinds[] = { [NO] = STEP_BREAK, [YES] = STEP_NEXT, [UNKNOWN] = STEP_UNKNOWN };

static void run_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		enum step_kind got;
		struct step s = { 0 };

		bench_reset(r->family);
		if (r->edit)
			r->edit(&bench.p);
		xt_match_step(bench.arena, r->name, r->rev, r->family, r->info, r->size, &s);
		got = s.ops->run(&bench.e, &s);
		if (got != kinds[r->want])
			fail_msg("row %zu: %s: kind %d, want %s", i, bench_say(&s), got, answers[r->want]);
		if (got == STEP_UNKNOWN)
			assert_non_null(bench.e.unknown);
		if (r->words)
			assert_string_equal(bench_say(&s), r->words);
	}
}

static void test_ct(void **state UNUSED) { run_rows(ct_rows, ARRAY_SIZE(ct_rows)); }
static void test_proto(void **state UNUSED) { run_rows(proto_rows, ARRAY_SIZE(proto_rows)); }
static void test_meta(void **state UNUSED) { run_rows(meta_rows, ARRAY_SIZE(meta_rows)); }
static void test_ip(void **state UNUSED) { run_rows(ip_rows, ARRAY_SIZE(ip_rows)); }
static void test_lookup(void **state UNUSED) { run_rows(lookup_rows, ARRAY_SIZE(lookup_rows)); }
static void test_stateful(void **state UNUSED) { run_rows(stateful_rows, ARRAY_SIZE(stateful_rows)); }
static void test_filter(void **state UNUSED) { run_rows(filter_rows, ARRAY_SIZE(filter_rows)); }

/* A third of the packets: both ways are walked, the shares are those of the rule. */
static void test_random_share(void **state UNUSED)
{
	const struct xt_statistic_info info = { RANDOM(0, 715827883) };
	double share[2] = { 0, 0 };
	struct step s;

	bench_reset(V4);
	xt_match_step(bench.arena, "statistic", 0, V4, &info, sizeof(info), &s);
	do {
		bool hit;

		choices_rewind(bench.run.choices);
		hit = s.ops->run(&bench.e, &s) == STEP_NEXT;
		share[hit] += choices_share(bench.run.choices);
		assert_int_equal(choices_kind(bench.run.choices), SHARE_RANDOM);
	} while (choices_next(bench.run.choices));
	assert_true(share[1] > 0.33333 && share[1] < 0.33334);
	assert_true(share[0] > 0.66666 && share[0] < 0.66667);
}

/* What no row knows: name, revision, size, family. */
static void test_not_known(void **state UNUSED)
{
	const struct { const char *name; uint8_t rev, family; uint32_t size; } c[] = {
		{ "quantum", 0, V4, 8 }, { "mark", 9, V4, sizeof(struct xt_mark_mtinfo1) },
		{ "mark", 1, V4, sizeof(struct xt_mark_mtinfo1) + 8 }, { "mark", 1, V4, 4 }, { "icmp", 0, V6, sizeof(struct ipt_icmp) },
		{ "", 0, V4, 0 },
	};
	uint8_t blob[64] = { 0 };
	struct step s;

	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		bench_reset(c[i].family);
		xt_match_step(bench.arena, c[i].name, c[i].rev, c[i].family, blob, c[i].size, &s);
		assert_int_equal(s.ops->run(&bench.e, &s), STEP_UNKNOWN);
		assert_non_null(strstr(bench.e.unknown, "not known to ktrace"));
		assert_non_null(strstr(bench_say(&s), "not known to ktrace"));
		assert_null(xt_comment(&s));
	}
	xt_match_step(bench.arena, "mark", 1, V4, blob, (sizeof(struct xt_mark_mtinfo1) + 7) & ~7u, &s);
	assert_int_equal(s.ops->run(&bench.e, &s), STEP_NEXT);	/* XT_ALIGNed, as the kernel sends it */
}

static void test_comment(void **state UNUSED)
{
	struct xt_comment_info info;
	struct step s;

	bench_reset(V4);
	memset(&info, 'x', sizeof(info));
	xt_match_step(bench.arena, "comment", 0, V4, &info, sizeof(info), &s);
	assert_null(xt_comment(&s));		/* not terminated: no kernel's */
	strcpy(info.comment, "default/web");
	xt_match_step(bench.arena, "comment", 0, V4, &info, sizeof(info), &s);
	assert_string_equal(xt_comment(&s), "default/web");
	assert_true(s.ops->pure);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ct), cmocka_unit_test(test_proto), cmocka_unit_test(test_meta), cmocka_unit_test(test_ip),
		cmocka_unit_test(test_lookup), cmocka_unit_test(test_stateful), cmocka_unit_test(test_filter),
		cmocka_unit_test(test_random_share), cmocka_unit_test(test_not_known), cmocka_unit_test(test_comment),
	};

	return cmocka_run_group_tests(tests, NULL, bench_close);
}
