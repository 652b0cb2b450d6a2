/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches on the transport header: ports, flags, ICMP types. */
#include <string.h>

#include "nft/xt_rows.h"

#include <linux/netfilter/xt_dccp.h>
#include <linux/netfilter/xt_esp.h>
#include <linux/netfilter/xt_ipcomp.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv4/ipt_ah.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netfilter_ipv6/ip6t_ah.h>

static const struct { const char *name; uint8_t bit; } tcp_flags[] = {
	{ "FIN", 0x01 }, { "SYN", 0x02 }, { "RST", 0x04 }, { "PSH", 0x08 }, { "ACK", 0x10 }, { "URG", 0x20 },
};

/* Of the 64512 ports that the kernel may pick at random, so few are none. */
#define FEW_PORTS	64

/* A port that the kernel picks is in a range that holds all, in hardly any that is narrow, and else nobody knows. */
static enum answer picked_in(struct eval *e, uint16_t lo, uint16_t hi)
{
	if (!lo && hi == 0xffff)
		return YES;
	return hi < lo || hi - lo < FEW_PORTS ? NO : eval_unknown(e, "the port that the kernel picks is not known");
}

static enum answer port_in(struct eval *e, bool dst, const uint16_t range[2], bool invert)
{
	const struct packet *p = e->p;
	enum answer r = YES;

	if (!(dst ? p->dport_unknown : p->sport_unknown))
		return xt_range(dst ? p->dport : p->sport, range[0], range[1], invert);
	r = picked_in(e, range[0], range[1]);
	return invert ? answer_not(r) : r;
}

/* tcp_mt(); the kernel asks for options last, where ktrace does not know them. */
static enum answer tcp(struct eval *e, const struct xt *x)
{
	const struct xt_tcp *info = x->info;
	const struct packet *p = e->p;
	enum answer ports;

	if (p->proto != IPPROTO_TCP)
		return NO;
	ports = answer_and(port_in(e, false, info->spts, info->invflags & XT_TCP_INV_SRCPT),
			   port_in(e, true, info->dpts, info->invflags & XT_TCP_INV_DSTPT));
	if (ports == NO)
		return NO;
	if (((p->tcp_flags & info->flg_mask) == info->flg_cmp) == !!(info->invflags & XT_TCP_INV_FLAGS))
		return NO;
	if (info->option)
		return eval_unknown(e, "the packet's TCP options are not known");
	return ports;
}

static void tcp_flag_words(struct text *t, uint8_t flags)
{
	const char *sep = " ";

	for (size_t i = 0; i < ARRAY_SIZE(tcp_flags); i++)
		if (flags & tcp_flags[i].bit) {
			text_add(t, "%s%s", sep, tcp_flags[i].name);
			sep = ",";
		}
	if (!(flags & 0x3f))
		text_add(t, " NONE");
}

static void tcp_words(struct text *t, const struct xt *x)
{
	const struct xt_tcp *info = x->info;

	xt_say_range(t, "--sport", info->spts[0], info->spts[1], 0xffff, info->invflags & XT_TCP_INV_SRCPT);
	xt_say_range(t, "--dport", info->dpts[0], info->dpts[1], 0xffff, info->invflags & XT_TCP_INV_DSTPT);
	if (info->option || info->invflags & XT_TCP_INV_OPTION) {
		xt_say_not(t, info->invflags & XT_TCP_INV_OPTION);
		text_add(t, " --tcp-option %u", info->option);
	}
	if (info->flg_mask || info->invflags & XT_TCP_INV_FLAGS) {
		xt_say_not(t, info->invflags & XT_TCP_INV_FLAGS);
		text_add(t, " --tcp-flags");
		tcp_flag_words(t, info->flg_mask);
		tcp_flag_words(t, info->flg_cmp);
	}
}

static enum answer udp_ports(struct eval *e, const struct xt *x, uint8_t proto)
{
	const struct xt_udp *info = x->info;

	if (e->p->proto != proto)
		return NO;
	return answer_and(port_in(e, false, info->spts, info->invflags & XT_UDP_INV_SRCPT),
			  port_in(e, true, info->dpts, info->invflags & XT_UDP_INV_DSTPT));
}

static enum answer udp(struct eval *e, const struct xt *x)
{
	return udp_ports(e, x, IPPROTO_UDP);
}

static enum answer udplite(struct eval *e, const struct xt *x)
{
	return udp_ports(e, x, IPPROTO_UDPLITE);
}

static void udp_words(struct text *t, const struct xt *x)
{
	const struct xt_udp *info = x->info;

	xt_say_range(t, "--sport", info->spts[0], info->spts[1], 0xffff, info->invflags & XT_UDP_INV_SRCPT);
	xt_say_range(t, "--dport", info->dpts[0], info->dpts[1], 0xffff, info->invflags & XT_UDP_INV_DSTPT);
}

/* A flag that is not set lets everything pass: SCCHECK() of xt_sctp.c, DCCHECK() of xt_dccp.c. */
static enum answer flagged_range(struct eval *e, bool dst, const uint16_t *pts, uint32_t flag, uint32_t flags, uint32_t inv)
{
	return flags & flag ? port_in(e, dst, pts, inv & flag) : YES;
}

/* Are all words of the map v? It has one bit a chunk type in its first 8 words, and 56 more. */
static bool sctp_chunks_are(const struct xt_sctp_info *info, uint32_t v)
{
	for (unsigned i = 0; i < ARRAY_SIZE(info->chunkmap); i++)
		if (info->chunkmap[i] != v)
			return false;
	return true;
}

/* sctp_mt(); a new association's packet bears one INIT chunk and nothing else. */
static enum answer sctp(struct eval *e, const struct xt *x)
{
	const struct xt_sctp_info *info = x->info;
	enum answer ports;

	if (e->p->proto != IPPROTO_SCTP)
		return NO;
	ports = answer_and(flagged_range(e, false, info->spts, XT_SCTP_SRC_PORTS, info->flags, info->invflags),
			   flagged_range(e, true, info->dpts, XT_SCTP_DEST_PORTS, info->flags, info->invflags));
	if (ports == NO)
		return NO;
	if (info->flags & XT_SCTP_CHUNK_TYPES)
		return eval_unknown(e, "the packet's SCTP chunks are not known");
	return ports;
}

static void chunk_flags(struct text *t, const struct xt_sctp_info *info, unsigned type)
{
	static const char *const letters[256] = { [0] = "----IUBE", [6] = "-------T", [14] = "-------T" };

	for (int i = 0; i < info->flag_count && i < XT_NUM_SCTP_FLAGS; i++) {
		const struct xt_sctp_flag_info *f = &info->flag_info[i];

		if (f->chunktype != type || !letters[type])
			continue;
		text_add(t, ":");
		for (int bit = 7; bit >= 0; bit--)
			if (f->flag_mask & 1 << bit)
				text_add(t, "%c", f->flag & 1 << bit ? letters[type][7 - bit]
								      : letters[type][7 - bit] + ('a' - 'A'));
	}
}

static void sctp_words(struct text *t, const struct xt *x)
{
	const struct xt_sctp_info *info = x->info;
	static const char *const how[] = { [1] = "any", [2] = "all", [4] = "only" };
	static const char *const chunk[256] = {
		"DATA", "INIT", "INIT_ACK", "SACK", "HEARTBEAT", "HEARTBEAT_ACK", "ABORT", "SHUTDOWN",
		"SHUTDOWN_ACK", "ERROR", "COOKIE_ECHO", "COOKIE_ACK", "ECN_ECNE", "ECN_CWR",
		"SHUTDOWN_COMPLETE", [64] = "I_DATA", [130] = "RE_CONFIG", [132] = "PAD",
		[128] = "ASCONF_ACK", [192] = "FORWARD_TSN", [193] = "ASCONF", [194] = "I_FORWARD_TSN",
	};
	const char *sep = " ";

	if (info->flags & XT_SCTP_SRC_PORTS)
		xt_say_range(t, "--sport", info->spts[0], info->spts[1], ~0u, info->invflags & XT_SCTP_SRC_PORTS);
	if (info->flags & XT_SCTP_DEST_PORTS)
		xt_say_range(t, "--dport", info->dpts[0], info->dpts[1], ~0u, info->invflags & XT_SCTP_DEST_PORTS);
	if (!(info->flags & XT_SCTP_CHUNK_TYPES))
		return;
	xt_say_not(t, info->invflags & XT_SCTP_CHUNK_TYPES);
	text_add(t, " --chunk-types");
	if (info->chunk_match_type < ARRAY_SIZE(how) && how[info->chunk_match_type])
		text_add(t, " %s", how[info->chunk_match_type]);
	if (sctp_chunks_are(info, 0) || sctp_chunks_are(info, ~0u)) {
		text_add(t, info->chunkmap[0] ? " ALL" : " NONE");
		return;
	}
	for (unsigned i = 0; i < 256; i++) {
		if (!(info->chunkmap[i / 32] & 1u << i % 32))
			continue;
		text_add(t, chunk[i] ? "%s%s" : "%sUNKNOWN", sep, chunk[i]);
		chunk_flags(t, info, i);
		sep = ",";
	}
}

/* dccp_mt() */
static enum answer dccp(struct eval *e, const struct xt *x)
{
	const struct xt_dccp_info *info = x->info;
	enum answer ports;

	if (e->p->proto != IPPROTO_DCCP)
		return NO;
	ports = answer_and(flagged_range(e, false, info->spts, XT_DCCP_SRC_PORTS, info->flags, info->invflags),
			   flagged_range(e, true, info->dpts, XT_DCCP_DEST_PORTS, info->flags, info->invflags));
	if (ports == NO)
		return NO;
	if (info->flags & (XT_DCCP_TYPE | XT_DCCP_OPTION))
		return eval_unknown(e, "the packet's DCCP type and options are not known");
	return ports;
}

static void dccp_words(struct text *t, const struct xt *x)
{
	static const char *const type[] = { "REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE",
					    "RESET", "SYNC", "SYNCACK", "INVALID" };
	const struct xt_dccp_info *info = x->info;
	const char *sep = " ";

	if (info->flags & XT_DCCP_SRC_PORTS)
		xt_say_range(t, "--sport", info->spts[0], info->spts[1], ~0u, info->invflags & XT_DCCP_SRC_PORTS);
	if (info->flags & XT_DCCP_DEST_PORTS)
		xt_say_range(t, "--dport", info->dpts[0], info->dpts[1], ~0u, info->invflags & XT_DCCP_DEST_PORTS);
	if (info->flags & XT_DCCP_TYPE) {
		xt_say_not(t, info->invflags & XT_DCCP_TYPE);
		text_add(t, " --dccp-types");
		for (unsigned i = 0; i < ARRAY_SIZE(type); i++)
			if (info->typemask & 1 << i) {
				text_add(t, "%s%s", sep, type[i]);
				sep = ",";
			}
	}
	if (info->flags & XT_DCCP_OPTION) {
		xt_say_not(t, info->invflags & XT_DCCP_OPTION);
		text_add(t, " --dccp-option %u", info->option);
	}
}

static enum answer icmp_type(struct eval *e, uint8_t proto, bool any, uint8_t type, const uint8_t *code, bool inv)
{
	uint8_t have_type = e->p->dport >> 8, have_code = e->p->dport & 0xff;

	if (e->p->proto != proto)
		return NO;
	return answer_of((any || (have_type == type && have_code >= code[0] && have_code <= code[1])) != inv);
}

/* icmp_type_code_match(): type 255 is any in IPv4 alone. */
static enum answer icmp(struct eval *e, const struct xt *x)
{
	const struct ipt_icmp *info = x->info;

	return icmp_type(e, IPPROTO_ICMP, info->type == 0xff, info->type, info->code, info->invflags & IPT_ICMP_INV);
}

static enum answer icmp6(struct eval *e, const struct xt *x)
{
	const struct ip6t_icmp *info = x->info;

	return icmp_type(e, IPPROTO_ICMPV6, false, info->type, info->code, info->invflags & IP6T_ICMP_INV);
}

static void icmp_type_words(struct text *t, const char *option, uint8_t type, const uint8_t *code, bool inv)
{
	xt_say_not(t, inv);
	text_add(t, " --%s %u", option, type);
	if (code[0] || code[1] != 0xff)
		text_add(t, "/%u", code[0]);
}

static void icmp_words(struct text *t, const struct xt *x)
{
	const struct ipt_icmp *info = x->info;

	if (info->type == 0xff) {	/* icmp_type_code_match(): whatever the code */
		xt_say_not(t, info->invflags & IPT_ICMP_INV);
		text_add(t, " --icmp-type any");
		return;
	}
	icmp_type_words(t, "icmp-type", info->type, info->code, info->invflags & IPT_ICMP_INV);
}

static void icmp6_words(struct text *t, const struct xt *x)
{
	const struct ip6t_icmp *info = x->info;

	icmp_type_words(t, "icmpv6-type", info->type, info->code, info->invflags & IP6T_ICMP_INV);
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP;
}

/* ports_match_v1(): does the list hold a port that this rule looks at? */
static enum answer multiport_hit(struct eval *e, uint8_t flags, uint8_t count, const uint16_t *ports, const uint8_t *range)
{
	enum answer r = NO;

	for (unsigned i = 0; i < count && i < XT_MULTI_PORTS; i++) {
		uint16_t at[2] = { ports[i], ports[i] };

		if (range && range[i] && i + 1 < XT_MULTI_PORTS)
			at[1] = ports[++i];
		if (flags != XT_MULTIPORT_DESTINATION)
			r = answer_or(r, port_in(e, false, at, false));
		if (flags != XT_MULTIPORT_SOURCE)
			r = answer_or(r, port_in(e, true, at, false));
	}
	return r;
}

static enum answer multiport0(struct eval *e, const struct xt *x)
{
	const struct xt_multiport *info = x->info;

	if (!has_ports(e->p->proto) || info->flags > XT_MULTIPORT_EITHER)
		return NO;
	return multiport_hit(e, info->flags, info->count, info->ports, NULL);
}

static enum answer multiport1(struct eval *e, const struct xt *x)
{
	const struct xt_multiport_v1 *info = x->info;
	enum answer r;

	if (!has_ports(e->p->proto) || info->flags > XT_MULTIPORT_EITHER)
		return NO;
	r = multiport_hit(e, info->flags, info->count, info->ports, info->pflags);
	return info->invert ? answer_not(r) : r;
}

static void multiport_list(struct text *t, uint8_t flags, uint8_t count, const uint16_t *ports, const uint8_t *range)
{
	static const char *const option[] = { "sports", "dports", "ports" };

	text_add(t, " --%s ", flags < ARRAY_SIZE(option) ? option[flags] : "ports");
	for (unsigned i = 0; i < count && i < XT_MULTI_PORTS; i++) {
		text_add(t, i ? ",%u" : "%u", ports[i]);
		if (range && range[i] && i + 1 < XT_MULTI_PORTS)
			text_add(t, ":%u", ports[++i]);
	}
}

static void multiport0_words(struct text *t, const struct xt *x)
{
	const struct xt_multiport *info = x->info;

	multiport_list(t, info->flags, info->count, info->ports, NULL);
}

static void multiport1_words(struct text *t, const struct xt *x)
{
	const struct xt_multiport_v1 *info = x->info;

	xt_say_not(t, info->invert);
	multiport_list(t, info->flags, info->count, info->ports, info->pflags);
}

/* esp_mt() and its kin: the index is never known, so only every index, or another protocol, can be told. */
static enum answer spi(struct eval *e, uint8_t proto, const uint32_t *spis, bool invert)
{
	if (e->p->proto != proto)
		return NO;
	if (!spis[0] && spis[1] == 0xffffffff)
		return answer_of(!invert);
	return eval_unknown(e, "the packet's security parameter index is not known");
}

static enum answer esp(struct eval *e, const struct xt *x)
{
	const struct xt_esp *info = x->info;

	return spi(e, IPPROTO_ESP, info->spis, info->invflags & XT_ESP_INV_SPI);
}

static enum answer ah(struct eval *e, const struct xt *x)
{
	const struct ipt_ah *info = x->info;

	return spi(e, IPPROTO_AH, info->spis, info->invflags & IPT_AH_INV_SPI);
}

static enum answer ah6(struct eval *e, const struct xt *x)
{
	const struct ip6t_ah *info = x->info;
	enum answer r = spi(e, IPPROTO_AH, info->spis, info->invflags & IP6T_AH_INV_SPI);

	if (r != NO && (info->hdrlen || info->hdrres))
		return eval_unknown(e, "the packet's authentication header is not known");
	return r;
}

static enum answer ipcomp(struct eval *e, const struct xt *x)
{
	const struct xt_ipcomp *info = x->info;

	return spi(e, IPPROTO_COMP, info->spis, info->invflags & XT_IPCOMP_INV_SPI);
}

static void esp_words(struct text *t, const struct xt *x)
{
	const struct xt_esp *info = x->info;

	xt_say_range(t, "--espspi", info->spis[0], info->spis[1], ~0u, info->invflags & XT_ESP_INV_SPI);
}

static void ah_words(struct text *t, const struct xt *x)
{
	const struct ipt_ah *info = x->info;

	xt_say_range(t, "--ahspi", info->spis[0], info->spis[1], ~0u, info->invflags & IPT_AH_INV_SPI);
}

static void ah6_words(struct text *t, const struct xt *x)
{
	const struct ip6t_ah *info = x->info;

	xt_say_range(t, "--ahspi", info->spis[0], info->spis[1], ~0u, info->invflags & IP6T_AH_INV_SPI);
	if (info->hdrlen || info->invflags & IP6T_AH_INV_LEN) {
		xt_say_not(t, info->invflags & IP6T_AH_INV_LEN);
		text_add(t, " --ahlen %u", info->hdrlen);
	}
	if (info->hdrres)
		text_add(t, " --ahres");
}

static void ipcomp_words(struct text *t, const struct xt *x)
{
	const struct xt_ipcomp *info = x->info;

	xt_say_range(t, "--ipcompspi", info->spis[0], info->spis[1], ~0u, info->invflags & XT_IPCOMP_INV_SPI);
	if (info->hdrres)
		text_add(t, " --compres");
}

static const struct xt_row rows[] = {
	XT_MATCH("tcp", 0, 0, sizeof(struct xt_tcp), tcp, tcp_words),
	XT_MATCH("udp", 0, 0, sizeof(struct xt_udp), udp, udp_words),
	XT_MATCH("udplite", 0, 0, sizeof(struct xt_udp), udplite, udp_words),
	XT_MATCH("sctp", 0, 0, sizeof(struct xt_sctp_info), sctp, sctp_words),
	XT_MATCH("dccp", 0, 0, sizeof(struct xt_dccp_info), dccp, dccp_words),
	XT_MATCH("icmp", 0, NFPROTO_IPV4, sizeof(struct ipt_icmp), icmp, icmp_words),
	XT_MATCH("icmp6", 0, NFPROTO_IPV6, sizeof(struct ip6t_icmp), icmp6, icmp6_words),
	XT_MATCH("multiport", 0, 0, sizeof(struct xt_multiport), multiport0, multiport0_words),
	XT_MATCH("multiport", 1, 0, sizeof(struct xt_multiport_v1), multiport1, multiport1_words),
	XT_MATCH("esp", 0, 0, sizeof(struct xt_esp), esp, esp_words),
	XT_MATCH("ah", 0, NFPROTO_IPV4, sizeof(struct ipt_ah), ah, ah_words),
	XT_MATCH("ah", 0, NFPROTO_IPV6, sizeof(struct ip6t_ah), ah6, ah6_words),
	XT_MATCH("ipcomp", 0, 0, sizeof(struct xt_ipcomp), ipcomp, ipcomp_words),
};

const struct xt_rows xt_match_proto = XT_ROWS(rows);
