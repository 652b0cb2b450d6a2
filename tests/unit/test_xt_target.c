/* SPDX-License-Identifier: GPL-2.0-only */
/* Every xt target by a table of (blob, packet, result, what changed, words). */
#include "xt_bench.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_AUDIT.h>
#include <linux/netfilter/xt_CHECKSUM.h>
#include <linux/netfilter/xt_CLASSIFY.h>
#include <linux/netfilter/xt_CONNMARK.h>
#include <linux/netfilter/xt_CONNSECMARK.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_DSCP.h>
#include <linux/netfilter/xt_HMARK.h>
#include <linux/netfilter/xt_IDLETIMER.h>
#include <linux/netfilter/xt_LED.h>
#include <linux/netfilter/xt_LOG.h>
#include <linux/netfilter/xt_NFLOG.h>
#include <linux/netfilter/xt_RATEEST.h>
#include <linux/netfilter/xt_SECMARK.h>
#include <linux/netfilter/xt_SYNPROXY.h>
#include <linux/netfilter/xt_TCPMSS.h>
#include <linux/netfilter/xt_TCPOPTSTRIP.h>
#include <linux/netfilter/xt_TEE.h>
#include <linux/netfilter/xt_TPROXY.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_set.h>
#include <linux/netfilter_ipv4/ipt_CLUSTERIP.h>
#include <linux/netfilter_ipv4/ipt_ECN.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv4/ipt_TTL.h>
#include <linux/netfilter_ipv6/ip6t_HL.h>
#include <linux/netfilter_ipv6/ip6t_NPT.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6

struct row {
	const char *name;
	uint8_t rev, family;
	const void *info;
	uint32_t size;
	void (*edit)(struct packet *p);
	enum step_kind want;
	const char *words, *says;	/* NULL: not looked at */
	bool (*check)(const struct bench *b);	/* NULL: the packet is as it was */
};
#define ROW(n, r, f, ed, w, txt, sy, ck, type, ...) \
	{ n, r, f, &(const type){ __VA_ARGS__ }, sizeof(type), ed, w, txt, sy, ck }

static void marked(struct packet *p) { p->mark = 0xff; }
static void udp(struct packet *p) { p->proto = IPPROTO_UDP; p->tcp_flags = 0; }
static void icmp(struct packet *p) { p->proto = IPPROTO_ICMP; p->tcp_flags = 0; }
static void ack(struct packet *p) { p->tcp_flags = 0x10; }
static void old(struct packet *p) { p->ct.state = CT_NEW; p->ct.mark = 0x30; }
static void template(struct packet *p) { p->ct = (struct ct_view){ .state = CT_NEW, .template = true, .mark_untold = ~0u }; }
static void old_marked(struct packet *p) { old(p); p->mark = 0x5; }
static void output(struct packet *p) { bench.run.hook = NF_INET_LOCAL_OUT; p->iif = 0; p->oif = ETH0; p->local = true; }
static void post(struct packet *p) { bench.run.hook = NF_INET_POST_ROUTING; p->oif = ETH0; }
static void post_lo(struct packet *p) { post(p); p->oif = LO; }
static void post_unread(struct packet *p) { post(p); p->oif = CNI0; }
static void on_lo(struct packet *p) { p->iif = LO; }
static void proxy(struct packet *p UNUSED) { bench.socket = YES; bench.sk.transparent = true; bench.sk.state = 10; }
static void proxy_opaque(struct packet *p) { proxy(p); bench.sk.transparent = false; }
static void proxy_connected(struct packet *p) { proxy(p); bench.sk.state = 1; }
static void proxy_unread(struct packet *p UNUSED) { bench.socket = UNKNOWN; }

#define CHECK(name, expr) static bool name(const struct bench *b) { return expr; }
CHECK(mark_4000, b->p.mark == 0x4000)
CHECK(mark_40ff, b->p.mark == 0x40ff)
CHECK(mark_bf, b->p.mark == 0xbf)
CHECK(mark_f0, b->p.mark == 0xf0)
CHECK(ctmark_11, b->p.ct.mark == 0x11)
CHECK(ctmark_template, b->p.ct.mark == 0x11 && b->p.ct.mark_untold == ~0xffu)
CHECK(ctmark_35, b->p.ct.mark == 0x35)
CHECK(mark_restored, b->p.mark == 0x30)
CHECK(mark_shifted, b->p.mark == 0x3)
CHECK(untracked, b->p.ct.state == CT_UNTRACKED)
CHECK(still_new, b->p.ct.state == CT_NEW)
CHECK(zone_5, b->p.ct.zone == 5)
CHECK(zone_mark, b->p.ct.zone == 0xff)
CHECK(has_helper, !strcmp(b->p.ct.helper, "ftp"))
CHECK(tos_b8, b->p.tos == 0xb8)
CHECK(ttl_63, b->p.ttl == 63)
CHECK(ttl_255, b->p.ttl == 255)
CHECK(ttl_0, b->p.ttl == 0)
CHECK(ece_gone, b->p.tos == 0 && b->p.tcp_flags == 2)
CHECK(class_1_10, b->p.priority == 0x10010)
CHECK(dnat_one, b->run.nat.kind == NFT_NAT_DNAT && b->run.nat.dst && bench_is(&b->run.nat.min, "10.244.1.10") &&
      bench_is(&b->run.nat.max, "10.244.1.10") && b->run.nat.port_min == 8080 && b->run.nat.port_max == 8080)
CHECK(dnat_range, bench_is(&b->run.nat.min, "10.1.1.1") && bench_is(&b->run.nat.max, "10.1.1.3") &&
      b->run.nat.flags & NF_NAT_RANGE_PERSISTENT)
CHECK(dnat_port, !b->run.nat.min.family && b->run.nat.port_min == 8080)
CHECK(dnat_six, bench_is(&b->run.nat.min, "fd00:244::10") && b->run.nat.port_min == 8080)
CHECK(snat_one, b->run.nat.kind == NFT_NAT_SNAT && !b->run.nat.dst && bench_is(&b->run.nat.min, "10.1.1.1"))
CHECK(masq, b->run.nat.kind == NFT_NAT_MASQUERADE && !b->run.nat.dst && bench_is(&b->run.nat.min, "192.168.1.1") &&
      b->run.nat.flags == (NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_RANDOM_FULLY))
CHECK(masq6, b->run.nat.kind == NFT_NAT_MASQUERADE && bench_is(&b->run.nat.max, "fd00:1::1"))
CHECK(redirect_in, b->run.nat.kind == NFT_NAT_REDIRECT && b->run.nat.dst && bench_is(&b->run.nat.min, "192.168.1.1") &&
      b->run.nat.port_min == 15006)
CHECK(redirect_out, bench_is(&b->run.nat.min, "127.0.0.1") && b->run.nat.port_min == 15006)
CHECK(redirect_out6, bench_is(&b->run.nat.min, "::1"))
CHECK(netmap_dst, b->run.nat.kind == NFT_NAT_NETMAP && b->run.nat.dst && bench_is(&b->run.nat.min, "10.6.0.10"))
CHECK(netmap_src, !b->run.nat.dst && bench_is(&b->run.nat.max, "10.6.0.5"))
CHECK(reset, !strcmp(b->run.reject_with, "tcp-reset"))
CHECK(port_unreachable, !strcmp(b->run.reject_with, "icmp-port-unreachable"))
CHECK(port_unreachable6, !strcmp(b->run.reject_with, "icmp6-port-unreachable"))
CHECK(proxied, b->run.tproxy.set && bench_is(&b->run.tproxy.addr, "127.0.0.1") && b->run.tproxy.port == 15001 &&
      b->p.mark == 0x200)
CHECK(proxied_here, b->run.tproxy.set && bench_is(&b->run.tproxy.addr, "192.168.1.1") && b->run.tproxy.port == 80)

#define MARK2(ed, txt, sy, ck, ...) ROW("MARK", 2, V4, ed, STEP_NEXT, txt, sy, ck, struct xt_mark_tginfo2, __VA_ARGS__)
#define CONNMARK2(ed, txt, ck, ...) ROW("CONNMARK", 2, V4, ed, STEP_NEXT, txt, NULL, ck, struct xt_connmark_tginfo2, __VA_ARGS__)
#define CT2(ed, w, txt, ck, ...) ROW("CT", 2, V4, ed, w, txt, NULL, ck, struct xt_ct_target_info_v1, __VA_ARGS__)
static const struct row mark_rows[] = {
	MARK2(NULL, "-j MARK --set-xmark 0x4000/0x4000", "marks 0x4000/0x4000", mark_4000, 0x4000, 0x4000),
	MARK2(marked, NULL, NULL, mark_40ff, 0x4000, 0x4000),
	MARK2(marked, "-j MARK --set-xmark 0x0/0x40", "clears mark bits 0x40", mark_bf, 0, 0x40),
	MARK2(marked, "-j MARK --set-xmark 0x4000/0xffffffff", "marks 0x4000", mark_4000, 0x4000, ~0u),
	/* kube-proxy clears its own mark with xor */
	MARK2(marked, "-j MARK --set-xmark 0xf/0x0", "clears mark bits 0xf", mark_f0, 0xf, 0),
	MARK2(NULL, NULL, "flips mark bits 0x4000: mark 0x4000", mark_4000, 0x4000, 0),
	ROW("MARK", 0, V4, NULL, STEP_NEXT, "-j MARK --set-mark 0x4000", NULL, mark_4000, unsigned long, 0x4000),
	ROW("MARK", 2, V6, NULL, STEP_NEXT, NULL, NULL, mark_4000, struct xt_mark_tginfo2, 0x4000, 0x4000),
	CONNMARK2(old, "-j CONNMARK --set-xmark 0x11/0xffffffff", ctmark_11, 0x11, ~0u, 0, 0, 0, XT_CONNMARK_SET),
	CONNMARK2(old_marked, "-j CONNMARK --save-mark --nfmask 0xf --ctmask 0xf", ctmark_35, 0, 0xf, 0xf, 0, 0, XT_CONNMARK_SAVE),
	CONNMARK2(old_marked, "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff", mark_restored, 0, 0xff, 0xff, 0, 0, XT_CONNMARK_RESTORE),
	CONNMARK2(old_marked, "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff --right-shift-mark 4", mark_shifted, 0, 0xff, 0xff, D_SHIFT_RIGHT, 4, XT_CONNMARK_RESTORE),
	CONNMARK2(template, "-j CONNMARK --set-xmark 0x11/0xff", ctmark_template, 0x11, 0xff, 0, 0, 0, XT_CONNMARK_SET),
	ROW("CONNMARK", 2, V4, template, STEP_UNKNOWN, NULL, NULL, NULL, struct xt_connmark_tginfo2, 0, 0xff, 0xff, 0, 0, XT_CONNMARK_RESTORE),
	CONNMARK2(NULL, NULL, NULL, 0x11, ~0u, 0, 0, 0, XT_CONNMARK_SET),
	ROW("CONNMARK", 1, V4, old_marked, STEP_NEXT, "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff", NULL, mark_restored, struct xt_connmark_tginfo1, 0, 0xff, 0xff, XT_CONNMARK_RESTORE),
	CT2(NULL, STEP_NEXT, "-j CT --notrack", untracked, .flags = XT_CT_NOTRACK),
	CT2(NULL, STEP_NEXT, "-j NOTRACK", untracked, .flags = XT_CT_NOTRACK | XT_CT_NOTRACK_ALIAS),
	CT2(old, STEP_NEXT, NULL, still_new, .flags = XT_CT_NOTRACK),
	CT2(NULL, STEP_NEXT, "-j CT --zone 5", zone_5, .zone = 5),
	CT2(marked, STEP_NEXT, "-j CT --zone mark", zone_mark, .flags = XT_CT_ZONE_MARK),
	CT2(NULL, STEP_UNKNOWN, "-j CT --zone-orig 5", NULL, .zone = 5, .flags = XT_CT_ZONE_DIR_ORIG),
	CT2(NULL, STEP_NEXT, "-j CT --helper ftp --ctevents new,destroy", has_helper, .helper = "ftp", .ct_events = 5),
	ROW("CT", 0, V4, NULL, STEP_NEXT, "-j CT --notrack", NULL, untracked, struct xt_ct_target_info, .flags = XT_CT_NOTRACK),
	{ "NOTRACK", 0, V4, "", 0, NULL, STEP_NEXT, "-j NOTRACK", "is not tracked by conntrack", untracked },
	ROW("DSCP", 0, V4, NULL, STEP_NEXT, "-j DSCP --set-dscp 0x2e", NULL, tos_b8, struct xt_DSCP_info, 46),
	ROW("TOS", 1, V6, NULL, STEP_NEXT, "-j TOS --set-tos 0xb8/0xff", NULL, tos_b8, struct xt_tos_target_info, 0xb8, 0xff),
	ROW("TTL", 0, V4, NULL, STEP_NEXT, "-j TTL --ttl-dec 1", NULL, ttl_63, struct ipt_TTL_info, IPT_TTL_DEC, 1),
	ROW("TTL", 0, V4, NULL, STEP_NEXT, NULL, NULL, ttl_0, struct ipt_TTL_info, IPT_TTL_DEC, 65),
	ROW("HL", 0, V6, NULL, STEP_NEXT, "-j HL --hl-inc 200", NULL, ttl_255, struct ip6t_HL_info, IP6T_HL_INC, 200),
	ROW("ECN", 0, V4, NULL, STEP_NEXT, "-j ECN --ecn-tcp-remove", NULL, ece_gone, struct ipt_ECN_info, IPT_ECN_OP_SET_ECE | IPT_ECN_OP_SET_CWR),
	ROW("TCPMSS", 0, V4, NULL, STEP_NEXT, "-j TCPMSS --clamp-mss-to-pmtu", NULL, NULL, struct xt_tcpmss_info, XT_TCPMSS_CLAMP_PMTU),
	ROW("TCPOPTSTRIP", 0, V4, NULL, STEP_NEXT, "-j TCPOPTSTRIP --strip-options 5,8", NULL, NULL, struct xt_tcpoptstrip_target_info, { 0x120 }),
	ROW("CLASSIFY", 0, V4, NULL, STEP_NEXT, "-j CLASSIFY --set-class 0001:0010", "sets the traffic class 1:10", class_1_10, struct xt_classify_target_info, 0x10010),
	ROW("HMARK", 0, V4, NULL, STEP_UNKNOWN, "-j HMARK --hmark-rnd 0x00000005 --hmark-mod 10", NULL, NULL, struct xt_hmark_info, .flags = 1 << XT_HMARK_RND | 1 << XT_HMARK_MODULUS, .hashrnd = 5, .hmodulus = 10),
};

#define IP(a, b, c, d) (a | b << 8 | c << 16 | (uint32_t)d << 24)	/* network order on a little-endian machine */
#define IP4(flags, lo, hi, p) 1, { { flags, lo, hi, { .all = p }, { .all = p } } }
#define RANGE4	struct nf_nat_ipv4_multi_range_compat
#define BE(p)	((uint16_t)((p) >> 8 | (p) << 8))
#define DNAT2(f, w, txt, sy, ck, ...) ROW("DNAT", 2, f, NULL, w, txt, sy, ck, struct nf_nat_range2, __VA_ARGS__)
#define BOTH	(NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED)
static const struct row nat_rows[] = {
	DNAT2(V4, STEP_NAT, "-j DNAT --to-destination 10.244.1.10:8080", "translates the destination to 10.244.1.10:8080", dnat_one,
	      .flags = BOTH, .min_addr.ip = IP(10, 244, 1, 10), .max_addr.ip = IP(10, 244, 1, 10), .min_proto.all = BE(8080), .max_proto.all = BE(8080)),
	DNAT2(V4, STEP_NAT, "-j DNAT --to-destination 10.1.1.1-10.1.1.3 --persistent", "translates the destination to 10.1.1.1 and up to 10.1.1.3", dnat_range,
	      .flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PERSISTENT, .min_addr.ip = IP(10, 1, 1, 1), .max_addr.ip = IP(10, 1, 1, 3)),
	DNAT2(V4, STEP_NAT, "-j DNAT --to-destination :8080 --random", "translates the destination to port 8080", dnat_port,
	      .flags = NF_NAT_RANGE_PROTO_SPECIFIED | NF_NAT_RANGE_PROTO_RANDOM, .min_proto.all = BE(8080), .max_proto.all = BE(8080)),
	DNAT2(V6, STEP_NAT, "-j DNAT --to-destination [fd00:244::10]:8080", "translates the destination to [fd00:244::10]:8080", dnat_six,
	      .flags = BOTH, .min_addr.all = { BE(0xfd00) | BE(0x244) << 16, 0, 0, 0x10000000 }, .max_addr.all = { BE(0xfd00) | BE(0x244) << 16, 0, 0, 0x10000000 }, .min_proto.all = BE(8080), .max_proto.all = BE(8080)),
	ROW("DNAT", 0, V4, NULL, STEP_NAT, "-j DNAT --to-destination 10.244.1.10:8080", NULL, dnat_one, RANGE4, IP4(BOTH, IP(10, 244, 1, 10), IP(10, 244, 1, 10), BE(8080))),
	ROW("DNAT", 1, V4, NULL, STEP_NAT, "-j DNAT --to-destination 10.244.1.10:8080", NULL, dnat_one, struct nf_nat_range, .flags = BOTH, .min_addr.ip = IP(10, 244, 1, 10), .max_addr.ip = IP(10, 244, 1, 10), .min_proto.all = BE(8080), .max_proto.all = BE(8080)),
	ROW("DNAT", 0, V4, NULL, STEP_UNKNOWN, NULL, NULL, NULL, RANGE4, 2),
	ROW("SNAT", 0, V4, post, STEP_NAT, "-j SNAT --to-source 10.1.1.1 --random-fully", "translates the source to 10.1.1.1", snat_one, RANGE4, IP4(NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_RANDOM_FULLY, IP(10, 1, 1, 1), IP(10, 1, 1, 1), 0)),
	ROW("SNAT", 1, V4, post, STEP_NAT, NULL, NULL, snat_one, struct nf_nat_range, .flags = NF_NAT_RANGE_MAP_IPS, .min_addr.ip = IP(10, 1, 1, 1), .max_addr.ip = IP(10, 1, 1, 1)),
	ROW("MASQUERADE", 0, V4, post, STEP_NAT, "-j MASQUERADE --random-fully", "masquerades as 192.168.1.1", masq, RANGE4, IP4(NF_NAT_RANGE_PROTO_RANDOM_FULLY, 0, 0, 0)),
	ROW("MASQUERADE", 0, V6, post, STEP_NAT, "-j MASQUERADE", "masquerades as fd00:1::1", masq6, struct nf_nat_range, 0),
	ROW("MASQUERADE", 0, V4, post_lo, STEP_DROP, NULL, "drops it: lo has no address to translate to", NULL, RANGE4, 1),
	ROW("MASQUERADE", 0, V4, post_unread, STEP_UNKNOWN, NULL, NULL, NULL, RANGE4, 1),
	ROW("REDIRECT", 0, V4, NULL, STEP_NAT, "-j REDIRECT --to-ports 15006", "redirects to 192.168.1.1:15006", redirect_in, RANGE4, IP4(NF_NAT_RANGE_PROTO_SPECIFIED, 0, 0, BE(15006))),
	ROW("REDIRECT", 0, V4, output, STEP_NAT, NULL, "redirects to 127.0.0.1:15006", redirect_out, RANGE4, IP4(NF_NAT_RANGE_PROTO_SPECIFIED, 0, 0, BE(15006))),
	ROW("REDIRECT", 0, V6, output, STEP_NAT, "-j REDIRECT", NULL, redirect_out6, struct nf_nat_range, 0),
	ROW("REDIRECT", 0, V4, on_lo, STEP_DROP, NULL, NULL, NULL, RANGE4, 1),
	ROW("NETMAP", 0, V4, NULL, STEP_NAT, "-j NETMAP --to 10.6.0.0/24", "maps the destination to 10.6.0.10", netmap_dst, RANGE4, IP4(NF_NAT_RANGE_MAP_IPS, IP(10, 6, 0, 0), IP(10, 6, 0, 255), 0)),
	ROW("NETMAP", 0, V4, post, STEP_NAT, NULL, "maps the source to 10.6.0.5", netmap_src, RANGE4, IP4(NF_NAT_RANGE_MAP_IPS, IP(10, 6, 0, 0), IP(10, 6, 0, 255), 0)),
	ROW("SNPT", 0, V6, NULL, STEP_UNKNOWN, "-j SNPT --src-pfx fd00::/64 --dst-pfx fd01::/64", NULL, NULL, struct ip6t_npt_tginfo, .src_pfx.all = { BE(0xfd00) }, .dst_pfx.all = { BE(0xfd01) }, .src_pfx_len = 64, .dst_pfx_len = 64),
};

#define LOOP	IP(127, 0, 0, 1)
#define TPROXY1(ed, w, sy, ck, port, addr) ROW("TPROXY", 1, V4, ed, w, NULL, sy, ck, struct xt_tproxy_target_info_v1, 0xf00, 0x200, { .ip = addr }, BE(port))
static const struct row end_rows[] = {
	ROW("REJECT", 0, V4, NULL, STEP_REJECT, "-j REJECT --reject-with icmp-port-unreachable", "rejects with icmp-port-unreachable", port_unreachable, struct ipt_reject_info, IPT_ICMP_PORT_UNREACHABLE),
	ROW("REJECT", 0, V4, NULL, STEP_REJECT, "-j REJECT --reject-with tcp-reset", "rejects with tcp-reset", reset, struct ipt_reject_info, IPT_TCP_RESET),
	ROW("REJECT", 0, V6, NULL, STEP_REJECT, "-j REJECT --reject-with icmp6-port-unreachable", NULL, port_unreachable6, struct ip6t_reject_info, IP6T_ICMP6_PORT_UNREACH),
	ROW("REJECT", 0, V6, NULL, STEP_REJECT, "-j REJECT --reject-with tcp-reset", NULL, reset, struct ip6t_reject_info, IP6T_TCP_RESET),
	ROW("REJECT", 0, V4, NULL, STEP_UNKNOWN, NULL, NULL, NULL, struct ipt_reject_info, 77),
	TPROXY1(proxy, STEP_ACCEPT, "hands it to the local proxy at 127.0.0.1:15001", proxied, 15001, LOOP),
	TPROXY1(proxy, STEP_ACCEPT, NULL, proxied_here, 0, 0),
	TPROXY1(NULL, STEP_DROP, "drops it: no transparent socket at 127.0.0.1:15001", NULL, 15001, LOOP),
	TPROXY1(proxy_opaque, STEP_DROP, NULL, NULL, 15001, LOOP),
	TPROXY1(proxy_connected, STEP_ACCEPT, NULL, NULL, 15001, LOOP),
	TPROXY1(proxy_unread, STEP_UNKNOWN, NULL, NULL, 15001, LOOP),
	TPROXY1(icmp, STEP_DROP, NULL, NULL, 15001, LOOP),
	ROW("TPROXY", 0, V4, proxy, STEP_ACCEPT, "-j TPROXY --on-port 15001 --on-ip 127.0.0.1 --tproxy-mark 0x200/0xf00", NULL, proxied, struct xt_tproxy_target_info, 0xf00, 0x200, LOOP, BE(15001)),
	ROW("SYNPROXY", 0, V4, NULL, STEP_STOLEN, "-j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460", NULL, NULL, struct xt_synproxy_info, XT_SYNPROXY_OPT_MSS | XT_SYNPROXY_OPT_WSCALE | XT_SYNPROXY_OPT_SACK_PERM | XT_SYNPROXY_OPT_TIMESTAMP, 7, 1460),
	ROW("SYNPROXY", 0, V4, ack, STEP_UNKNOWN, NULL, NULL, NULL, struct xt_synproxy_info, 0),
	ROW("SYNPROXY", 0, V4, udp, STEP_NEXT, NULL, NULL, NULL, struct xt_synproxy_info, 0),
	ROW("CLUSTERIP", 0, V4, NULL, STEP_UNKNOWN, NULL, NULL, NULL, struct ipt_clusterip_tgt_info, 0),
};

#define SETS(a, d) { a, 1, 2 }, { d, 2, 4 }
static const struct row other_rows[] = {
	ROW("LOG", 0, V4, NULL, STEP_NEXT, "-j LOG --log-prefix \"[UFW BLOCK] \"", NULL, NULL, struct xt_log_info, 4, 0, "[UFW BLOCK] "),
	ROW("LOG", 0, V4, NULL, STEP_NEXT, "-j LOG --log-level 7 --log-uid", NULL, NULL, struct xt_log_info, 7, XT_LOG_UID, ""),
	ROW("NFLOG", 0, V4, NULL, STEP_NEXT, "-j NFLOG --nflog-prefix KUBE --nflog-group 100", NULL, NULL, struct xt_nflog_info, .group = 100, .prefix = "KUBE"),
	ROW("AUDIT", 0, V4, NULL, STEP_NEXT, "-j AUDIT --type drop", NULL, NULL, struct xt_audit_info, XT_AUDIT_TYPE_DROP),
	{ "TRACE", 0, V4, "", 0, NULL, STEP_NEXT, "-j TRACE", NULL, NULL },
	ROW("CHECKSUM", 0, V4, NULL, STEP_NEXT, "-j CHECKSUM --checksum-fill", NULL, NULL, struct xt_CHECKSUM_info, XT_CHECKSUM_OP_FILL),
	ROW("TEE", 1, V4, NULL, STEP_NEXT, "-j TEE --gateway 10.1.1.1 --oif eth0", "sends a copy to 10.1.1.1", NULL, struct xt_tee_tginfo, { .ip = IP(10, 1, 1, 1) }, "eth0"),
	ROW("SET", 1, V4, NULL, STEP_NEXT, "-j SET --add-set [set 3] src", "adds it to an ipset", NULL, struct xt_set_info_target_v1, SETS(3, 0xffff)),
	ROW("SET", 2, V4, NULL, STEP_NEXT, "-j SET --exist --timeout 60 --del-set [set 3] dst,src", "removes it from an ipset", NULL, struct xt_set_info_target_v2, SETS(0xffff, 3), IPSET_FLAG_EXIST, 60),
	ROW("SET", 3, V4, NULL, STEP_NEXT, "-j SET --add-set [set 3] src", NULL, NULL, struct xt_set_info_target_v3, SETS(3, 0xffff), { 0xffff }, 0, ~0u),
	ROW("SET", 3, V4, NULL, STEP_UNKNOWN, NULL, NULL, NULL, struct xt_set_info_target_v3, SETS(0xffff, 0xffff), { 4, 1 }, IPSET_FLAG_MAP_SKBMARK, ~0u),
	ROW("SECMARK", 0, V4, NULL, STEP_NEXT, "-j SECMARK --selctx a:b:c", NULL, NULL, struct xt_secmark_target_info, 1, 0, "a:b:c"),
	ROW("SECMARK", 1, V4, NULL, STEP_NEXT, "-j SECMARK --selctx a:b:c", NULL, NULL, struct xt_secmark_target_info_v1, 1, "a:b:c"),
	ROW("CONNSECMARK", 0, V4, NULL, STEP_NEXT, "-j CONNSECMARK --save", NULL, NULL, struct xt_connsecmark_target_info, CONNSECMARK_SAVE),
	ROW("IDLETIMER", 0, V4, NULL, STEP_NEXT, "-j IDLETIMER --timeout 5 --label x", NULL, NULL, struct idletimer_tg_info, 5, "x"),
	ROW("IDLETIMER", 1, V4, NULL, STEP_NEXT, "-j IDLETIMER --timeout 5 --label x --alarm", NULL, NULL, struct idletimer_tg_info_v1, 5, "x", 0, XT_IDLETIMER_ALARM),
	ROW("LED", 0, V4, NULL, STEP_NEXT, "-j LED --led-trigger-id \"foo\" --led-delay 42", NULL, NULL, struct xt_led_info, "netfilter-foo", 0, 42),
	ROW("RATEEST", 0, V4, NULL, STEP_NEXT, "-j RATEEST --rateest-name RE1 --rateest-interval 250.0ms --rateest-ewmalog 500.0ms", NULL, NULL, struct xt_rateest_target_info, "RE1", -2, 1),
	ROW("QUANTUM", 0, V4, NULL, STEP_UNKNOWN, "-j QUANTUM [target QUANTUM rev 0 (not known to ktrace)]", NULL, NULL, int, 0),
	ROW("MARK", 7, V4, NULL, STEP_UNKNOWN, NULL, NULL, NULL, struct xt_mark_tginfo2, 0),
	ROW("MARK", 2, V4, NULL, STEP_UNKNOWN, NULL, NULL, NULL, int, 0),
};

static void run_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		struct packet before;
		enum step_kind got;
		struct step s = { 0 };

		bench_reset(r->family);
		if (r->edit)
			r->edit(&bench.p);
		before = bench.p;
		eval_image(&bench.e);
		xt_target_step(bench.arena, r->name, r->rev, r->family, r->info, r->size, &s);
		got = s.ops->run(&bench.e, &s);
		if (got != r->want)
			fail_msg("row %zu: %s: kind %d, want %d", i, bench_say(&s), got, r->want);
		if (got == STEP_UNKNOWN)
			assert_non_null(bench.e.unknown);
		if (r->words)
			assert_string_equal(bench_say(&s), r->words);
		if (r->says)
			assert_string_equal(bench.e.says, r->says);
		if (r->check && !r->check(&bench))
			fail_msg("row %zu: %s did not do what it should", i, bench_say(&s));
		/* what changed the packet is said to change it, and the packet's bytes are made anew */
		if (memcmp(&before, &bench.p, sizeof(before)))
			assert_true(s.ops->changes);
		if (before.tos != bench.p.tos || before.ttl != bench.p.ttl)
			assert_false(bench.e.image_valid);
	}
}

static void test_mark(void **state UNUSED) { run_rows(mark_rows, ARRAY_SIZE(mark_rows)); }
static void test_nat(void **state UNUSED) { run_rows(nat_rows, ARRAY_SIZE(nat_rows)); }
static void test_end(void **state UNUSED) { run_rows(end_rows, ARRAY_SIZE(end_rows)); }
static void test_other(void **state UNUSED) { run_rows(other_rows, ARRAY_SIZE(other_rows)); }

static void test_xt_dnat(void **state UNUSED)
{
	const bool one[] = { true, false, false, true, true, true, false };
	struct addr a;
	uint16_t port;
	struct step s;

	for (size_t i = 0; i < ARRAY_SIZE(nat_rows); i++) {
		const struct row *r = &nat_rows[i];

		xt_target_step(bench.arena, r->name, r->rev, r->family, r->info, r->size, &s);
		assert_int_equal(xt_dnat(&s, &a, &port), i < ARRAY_SIZE(one) && one[i]);
		if (i < ARRAY_SIZE(one) && one[i])
			assert_int_equal(port, 8080);
	}
	xt_match_step(bench.arena, "comment", 0, V4, "", 0, &s);
	assert_false(xt_dnat(&s, &a, &port));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mark), cmocka_unit_test(test_nat), cmocka_unit_test(test_end),
		cmocka_unit_test(test_other), cmocka_unit_test(test_xt_dnat),
	};

	return cmocka_run_group_tests(tests, NULL, bench_close);
}
