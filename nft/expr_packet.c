/* SPDX-License-Identifier: GPL-2.0-only */
/* Expressions that look into the packet's bytes: payload, exthdr, inner. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

#include <linux/if_arp.h>

/* -- payload -- */

/*
 * Is there a link-layer header? skb_mac_header_was_set() and a length above 0: not on what a local socket sends until
 * dev_queue_xmit(), nor on devices without one.
 */
static enum answer has_mac(struct eval *e)
{
	uint8_t hook = e->run->hook;
	const struct link *in;

	if (e->run->pf == NFPROTO_BRIDGE || e->run->pf == NFPROTO_NETDEV)
		return YES;
	if (e->p->local && (hook == NF_INET_LOCAL_OUT || hook == NF_INET_POST_ROUTING))
		return NO;
	if (!e->p->iif)
		return NO;
	in = eval_link(e, e->p->iif);
	if (!in)
		return UNKNOWN;
	return answer_of(in->type == ARPHRD_ETHER || in->type == ARPHRD_LOOPBACK);
}

/* One byte at off from the start of the network header; false: past the packet's end. */
static bool byte_at(const struct eval *e, const struct image *im, unsigned off, uint8_t *v, uint8_t *known)
{
	*v = *known = 0;
	if (off < im->nh_len) {
		*v = im->nh[off];
		*known = im->nh_known[off];
		return true;
	}
	off -= im->nh_len;
	if (off < im->th_len) {
		*v = im->th[off];
		*known = im->th_known[off];
		return true;
	}
	return !e->p->len || off + im->nh_len < e->p->len;
}

/*
 * Where the inner header (nft_payload_inner_offset()) starts from the network header; 0: there is none. The options of a
 * TCP header count too, but a SYN carries nothing behind them.
 */
static unsigned inner_offset(const struct eval *e, const struct image *im)
{
	if (e->p->proto == IPPROTO_UDP)
		return im->nh_len + 8;
	if (e->p->proto == IPPROTO_TCP && !(e->p->tcp_flags & TH_SYN))
		return im->nh_len + 20;
	return 0;
}

static enum step_kind payload_ll(struct eval *e, const struct payload_data *d)
{
	const struct image *im = eval_image(e);
	enum answer mac = has_mac(e);
	uint8_t v[64], known[64];

	if (mac != YES)
		return mac == NO ? STEP_BREAK : unknown(e, "whether the packet has a link-layer header here");
	for (unsigned i = 0; i < d->len; i++) {
		unsigned off = d->offset + i;

		v[i] = known[i] = 0;
		if (off < sizeof(im->ll)) {
			v[i] = im->ll[off];
			known[i] = im->ll_known[off];
		} else if (!byte_at(e, im, off - sizeof(im->ll), &v[i], &known[i])) {
			return STEP_BREAK;
		}
	}
	reg_store(e, d->reg, v, known, d->len);
	return STEP_NEXT;
}

/* nft_payload_eval() */
static enum step_kind payload_run(struct eval *e, const struct step *s)
{
	const struct payload_data *d = s->data;
	const struct image *im = eval_image(e);
	uint8_t v[64], known[64];
	unsigned start = 0;

	switch (d->base) {
	case NFT_PAYLOAD_LL_HEADER:
		return payload_ll(e, d);
	case NFT_PAYLOAD_TRANSPORT_HEADER:
		if (!e->p->proto)
			return STEP_BREAK;
		start = im->nh_len;
		break;
	case NFT_PAYLOAD_INNER_HEADER:
		start = inner_offset(e, im);
		if (!start)
			return STEP_BREAK;
		break;
	}
	for (unsigned i = 0; i < d->len; i++)
		if (!byte_at(e, im, start + d->offset + i, &v[i], &known[i]))
			return STEP_BREAK;
	reg_store(e, d->reg, v, known, d->len);
	if (!reg_known(e, d->reg, d->len))
		e->unknown = "looks at bytes of the packet that only its sender determines";
	return STEP_NEXT;
}

static void payload_words(struct words *w, const struct step *s)
{
	const struct payload_data *d = s->data;

	words_payload(w, d->reg, d->base, d->offset, d->len);
}

const struct expr_ops expr_ops_payload = EXPR_OPS("payload", payload_run, payload_words);

static bool known_bytes(const uint8_t *known, unsigned len)
{
	while (len && *known == 0xff)
		known++, len--;
	return !len;
}

/*
 * What struct packet has of the network header. False: a bit of it is not known, or the protocol changed, which decides how
 * all that follows is read.
 */
static bool write_back4(struct packet *p, const struct image *im)
{
	if (im->nh[0] != 0x45 || im->nh[9] != p->proto || !known_bytes(im->nh_known, 2) ||
	    !known_bytes(im->nh_known + 8, 2) || !known_bytes(im->nh_known + 12, 8))
		return false;
	p->tos = im->nh[1];
	p->ttl = im->nh[8];
	p->src = addr_from(im->nh + 12, 4);
	p->dst = addr_from(im->nh + 16, 4);
	return true;
}

static bool write_back6(struct packet *p, const struct image *im)
{
	if (im->nh[0] >> 4 != 6 || im->nh[6] != p->proto || !known_bytes(im->nh_known, 1) ||
	    (im->nh_known[1] & 0xf0) != 0xf0 || !known_bytes(im->nh_known + 6, 34))
		return false;
	p->tos = im->nh[0] << 4 | im->nh[1] >> 4;
	p->ttl = im->nh[7];
	p->src = addr_from(im->nh + 8, 16);
	p->dst = addr_from(im->nh + 24, 16);
	return true;
}

static bool write_back_ports(struct packet *p, const struct image *im)
{
	bool icmp = p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6;
	const uint8_t *s = icmp ? im->th + 4 : im->th, *d = icmp ? im->th : im->th + 2;

	if (!known_bytes(im->th_known + (s - im->th), 2) || !known_bytes(im->th_known + (d - im->th), 2) ||
	    (p->proto == IPPROTO_TCP && im->th_known[13] != 0xff))
		return false;
	p->sport = s[0] << 8 | s[1];
	p->dport = d[0] << 8 | d[1];
	if (p->proto == IPPROTO_TCP)
		p->tcp_flags = im->th[13];
	return true;
}

static bool write_back_ll(struct packet *p, const struct image *im)
{
	memcpy(p->dmac.b, im->ll, 6);
	memcpy(p->smac.b, im->ll + 6, 6);
	p->dmac.known = known_bytes(im->ll_known, 6);
	p->smac.known = known_bytes(im->ll_known + 6, 6);
	return known_bytes(im->ll_known + 12, 2);
}

/* nft_payload_set_eval(): also writes fields beside the one meant, since checksums want an even place. */
static enum step_kind payload_set_run(struct eval *e, const struct step *s)
{
	const struct payload_data *d = s->data;
	struct image im = *eval_image(e);
	struct {
		uint8_t *b, *known;
		unsigned len;
		bool (*back)(struct packet *p, const struct image *im);
	} part[] = {
		[NFT_PAYLOAD_LL_HEADER] = { im.ll, im.ll_known, sizeof(im.ll), write_back_ll },
		[NFT_PAYLOAD_NETWORK_HEADER] = {
			im.nh, im.nh_known, im.nh_len, packet_family(e->p) == AF_INET ? write_back4 : write_back6,
		},
		[NFT_PAYLOAD_TRANSPORT_HEADER] = { im.th, im.th_known, im.th_len, write_back_ports },
	};

	if (d->base == NFT_PAYLOAD_TRANSPORT_HEADER && !im.th_len)
		return e->p->proto ? unknown(e, "writes a transport header that is not known to ktrace") : STEP_BREAK;
	if (d->base > NFT_PAYLOAD_TRANSPORT_HEADER || d->offset + d->len > part[d->base].len)
		return STEP_NEXT;	/* options and payload: nothing here looks at them */
	memcpy(part[d->base].b + d->offset, e->regs.b + d->reg, d->len);
	memcpy(part[d->base].known + d->offset, e->regs.known + d->reg, d->len);
	if (!part[d->base].back(e->p, &im))
		return unknown(e, "writes a value that is not known into the packet");
	eval_changed(e);
	e->says = "rewrites a header of the packet";
	return STEP_NEXT;
}

static void payload_set_words(struct words *w, const struct step *s)
{
	const struct payload_data *d = s->data;
	struct word saved = *words_reg(w, d->reg), field;
	const char *value;

	words_payload(w, d->reg, d->base, d->offset, d->len);
	field = *words_reg(w, d->reg);
	*words_reg(w, d->reg) = saved;
	value = words_value(w, d->reg, field.type, d->len);
	words_flush(w);
	words_add(w, "%s set %s", field.text, value);
}

static const struct expr_ops payload_set_ops = EXPR_OPS("payload", payload_set_run, payload_set_words, .changes = true);

static bool payload_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_PAYLOAD_MAX + 1];
	struct payload_data *p;
	uint32_t base, off, len;
	bool set;

	if (!expr_attrs(data, tb, NFTA_PAYLOAD_MAX))
		return false;
	base = nl_be32(tb[NFTA_PAYLOAD_BASE], 99);
	off = nl_be32(tb[NFTA_PAYLOAD_OFFSET], UINT32_MAX);
	len = nl_be32(tb[NFTA_PAYLOAD_LEN], 0);
	set = tb[NFTA_PAYLOAD_SREG];
	if (base > NFT_PAYLOAD_INNER_HEADER || off > UINT16_MAX || len > NFT_DATA_VALUE_MAXLEN)
		return false;
	p = step_new(d, s, set ? &payload_set_ops : &expr_ops_payload, sizeof(*p));
	p->base = base;
	p->offset = off;
	p->len = len;
	return expr_reg(tb[set ? NFTA_PAYLOAD_SREG : NFTA_PAYLOAD_DREG], len, &p->reg);
}

/* -- exthdr -- */

struct exthdr_data {
	uint8_t type, op, flags, reg, offset, len;
	bool set, reset;
};

/* Is the header or option there? The packet has no extension headers and no IP options; those of TCP and SCTP are the sender's. */
static enum answer exthdr_present(const struct eval *e, const struct exthdr_data *d)
{
	switch (d->op) {
	case NFT_EXTHDR_OP_IPV6:
		if (packet_family(e->p) != AF_INET6)
			return NO;
		return d->type == e->p->proto ? UNKNOWN : NO;
	case NFT_EXTHDR_OP_IPV4:
		return NO;
	case NFT_EXTHDR_OP_TCPOPT:
		return e->p->proto == IPPROTO_TCP ? UNKNOWN : NO;
	case NFT_EXTHDR_OP_SCTP:
		return e->p->proto == IPPROTO_SCTP ? UNKNOWN : NO;
	case NFT_EXTHDR_OP_DCCP:
		return e->p->proto == IPPROTO_DCCP ? UNKNOWN : NO;
	}
	return UNKNOWN;
}

static enum step_kind exthdr_run(struct eval *e, const struct step *s)
{
	static const uint8_t low[4] = { 1, 0, 0, 0 }, low_be[4] = { 0, 0, 0, 1 };
	const struct exthdr_data *d = s->data;
	enum answer there = exthdr_present(e, d);
	uint8_t zero[4] = { 0 }, known[4];

	if (!(d->flags & NFT_EXTHDR_F_PRESENT)) {
		if (there == NO)
			return STEP_BREAK;
		reg_store_unknown(e, d->reg, d->len, "looks at options that only the sender determines");
		return STEP_UNKNOWN;
	}
	for (unsigned i = 0; i < 4; i++)
		known[i] = there == UNKNOWN ? ~(htonl(1) == 1 ? low_be : low)[i] : 0xff;
	reg_store(e, d->reg, zero, known, 4);
	if (there == UNKNOWN)
		e->unknown = "looks at options that only the sender determines";
	return STEP_NEXT;
}

/* nft_exthdr_tcp_set_eval() and _strip_eval(): without the option, the packet goes on as it is. */
static enum step_kind exthdr_set_run(struct eval *e, const struct step *s UNUSED)
{
	return e->p->proto == IPPROTO_TCP ? STEP_NEXT : STEP_BREAK;
}

static const char *exthdr_name(struct words *w, const struct exthdr_data *d)
{
	static const struct { uint8_t op, type; const char *name; } names[] = {
		{ NFT_EXTHDR_OP_IPV6, IPPROTO_HOPOPTS, "hbh" }, { NFT_EXTHDR_OP_IPV6, IPPROTO_ROUTING, "rt" },
		{ NFT_EXTHDR_OP_IPV6, IPPROTO_FRAGMENT, "frag" }, { NFT_EXTHDR_OP_IPV6, IPPROTO_DSTOPTS, "dst" },
		{ NFT_EXTHDR_OP_IPV6, 135, "mh" }, { NFT_EXTHDR_OP_TCPOPT, 2, "tcp option maxseg size" },
		{ NFT_EXTHDR_OP_TCPOPT, 3, "tcp option window count" }, { NFT_EXTHDR_OP_TCPOPT, 4, "tcp option sack-perm" },
		{ NFT_EXTHDR_OP_TCPOPT, 5, "tcp option sack" }, { NFT_EXTHDR_OP_TCPOPT, 8, "tcp option timestamp" },
		{ NFT_EXTHDR_OP_TCPOPT, 30, "tcp option mptcp" }, { NFT_EXTHDR_OP_TCPOPT, 34, "tcp option fastopen" },
	};
	static const char *const op[] = { "exthdr", "tcp option", "ip option", "sctp chunk", "dccp option" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].op == d->op && names[i].type == d->type)
			return names[i].name;
	return arena_printf(w->arena, "%s %u", op[d->op], d->type);
}

static void exthdr_words(struct words *w, const struct step *s)
{
	const struct exthdr_data *d = s->data;
	const char *name = exthdr_name(w, d);

	if (d->flags & NFT_EXTHDR_F_PRESENT)
		words_load(w, d->reg, DT_BOOLEAN, 1, "%s%s", d->op == NFT_EXTHDR_OP_IPV6 ? "exthdr " : "", name);
	else
		words_load(w, d->reg, DT_INTEGER, d->len, "%s", name);
}

static void exthdr_set_words(struct words *w, const struct step *s)
{
	const struct exthdr_data *d = s->data;

	words_flush(w);
	if (d->reset)
		words_add(w, "reset %s", exthdr_name(w, d));
	else
		words_add(w, "%s set %s", exthdr_name(w, d), words_value(w, d->reg, DT_INTEGER, d->len));
}

static const struct expr_ops exthdr_ops = EXPR_OPS("exthdr", exthdr_run, exthdr_words);
static const struct expr_ops exthdr_set_ops = EXPR_OPS("exthdr", exthdr_set_run, exthdr_set_words);

static bool exthdr_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_EXTHDR_MAX + 1];
	struct exthdr_data x = { 0 }, *x2;
	uint32_t off, len, op, flags;

	if (!expr_attrs(data, tb, NFTA_EXTHDR_MAX))
		return false;
	off = nl_be32(tb[NFTA_EXTHDR_OFFSET], 0);
	len = nl_be32(tb[NFTA_EXTHDR_LEN], 0);
	op = nl_be32(tb[NFTA_EXTHDR_OP], NFT_EXTHDR_OP_IPV6);
	flags = nl_be32(tb[NFTA_EXTHDR_FLAGS], 0);
	if (!tb[NFTA_EXTHDR_TYPE] || off > UINT8_MAX || len > NFT_DATA_VALUE_MAXLEN ||
	    op > NFT_EXTHDR_OP_DCCP || flags & ~NFT_EXTHDR_F_PRESENT)
		return false;
	x.type = nl_u8(tb[NFTA_EXTHDR_TYPE], 0);
	x.op = op;
	x.flags = flags;
	x.offset = off;
	x.len = len;
	x.set = tb[NFTA_EXTHDR_SREG];
	x.reset = !x.set && !tb[NFTA_EXTHDR_DREG];
	if ((x.set || x.reset) && op != NFT_EXTHDR_OP_TCPOPT)
		return false;
	if (!x.reset && !expr_reg(tb[x.set ? NFTA_EXTHDR_SREG : NFTA_EXTHDR_DREG],
				  flags & NFT_EXTHDR_F_PRESENT ? 4 : len, &x.reg))
		return false;
	x2 = step_new(d, s, x.set || x.reset ? &exthdr_set_ops : &exthdr_ops, sizeof(x));
	*x2 = x;
	return true;
}

/* -- inner: what a tunnel carries -- */

struct inner_data {
	uint32_t type;
	uint8_t reg, len;
	struct step step;
};

/* nft_inner_parse_tunhdr() takes UDP, GRE and IP in IP; what they carry is the sender's. */
static enum step_kind inner_run(struct eval *e, const struct step *s UNUSED)
{
	switch (e->p->proto) {
	case IPPROTO_UDP:
	case IPPROTO_GRE:
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		return unknown(e, "looks at a packet inside a tunnel's packet");
	}
	return STEP_BREAK;
}

static void inner_words(struct words *w, const struct step *s)
{
	static const char *const type[] = { "?", "vxlan", "gre", "gretap", "geneve" };
	const struct inner_data *d = s->data;
	struct word before[ARRAY_SIZE(w->reg)];

	memcpy(before, w->reg, sizeof(before));
	if (d->step.ops->say == expr_say)
		((const struct expr_ops *)(const void *)d->step.ops)->words(w, &d->step);
	for (size_t i = 0; i < ARRAY_SIZE(w->reg); i++)
		if (w->reg[i].text != before[i].text && w->reg[i].text)
			w->reg[i].text = arena_printf(w->arena, "%s %s", type[d->type < ARRAY_SIZE(type) ? d->type : 0],
						      w->reg[i].text);
}

static const struct expr_ops inner_ops = EXPR_OPS("inner", inner_run, inner_words);

/* NFTA_INNER_* of 6.2: number, type, flags, header size, expression. */
static bool inner_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[6];
	struct inner_data *x;

	if (!expr_attrs(data, tb, 5) || !tb[5])
		return false;
	x = step_new(d, s, &inner_ops, sizeof(*x));
	x->type = nl_be32(tb[2], 0);
	expr_decode(d, tb[5], &x->step);
	return true;
}

static const struct expr rows[] = {
	{ "payload", payload_decode }, { "exthdr", exthdr_decode }, { "inner", inner_decode },
};
const struct exprs expr_packet = EXPRS(rows);
