/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Classic BPF over a packet of which only some bits are known: every register carries which of its bits are, and a
 * branch that the known bits do not decide ends with "cannot tell".
 */
#include <string.h>

#include "nft/match_filter.h"

#include <linux/if_ether.h>
#include <linux/netfilter/xt_bpf.h>

struct machine {
	struct eval *e;
	struct bits a, x, mem[BPF_MEMWORDS];
	enum answer result;
	bool stop;
};

static struct bits exact(uint32_t v)
{
	return (struct bits){ v, ~0u };
}

static enum answer finish(struct machine *m, enum answer r)
{
	m->stop = true;
	m->result = r;
	return r;
}

static bool is_exact(struct bits b)
{
	return b.known == ~0u;
}

/* The skb fields behind SKF_AD_OFF that a packet has here. */
static bool ancillary(const struct packet *p, uint32_t k, struct bits *out)
{
	switch (k - (uint32_t)SKF_AD_OFF) {
	case SKF_AD_PROTOCOL:
		*out = exact(packet_family(p) == AF_INET ? ETH_P_IP : ETH_P_IPV6);
		return true;
	case SKF_AD_MARK:
		*out = exact(p->mark);
		return true;
	}
	*out = (struct bits){ 0, 0 };
	return k >= (uint32_t)SKF_AD_OFF && k < (uint32_t)SKF_AD_OFF + SKF_AD_MAX;
}

/* A load by offset from the network header; beyond the packet's end the filter returns 0. */
static void load(struct machine *m, struct bits index, uint32_t k, unsigned n, struct bits *out)
{
	uint32_t offset = index.v + k;

	if (!is_exact(index)) {
		finish(m, UNKNOWN);
		return;
	}
	if (offset >= (uint32_t)SKF_LL_OFF) {	/* negative: relative to something else */
		if (offset >= (uint32_t)SKF_NET_OFF && offset < (uint32_t)SKF_AD_OFF)
			offset -= (uint32_t)SKF_NET_OFF;
		else if (ancillary(m->e->p, offset, out))
			return;
		else {
			finish(m, UNKNOWN);
			return;
		}
	}
	if (!packet_load(m->e, offset, n, out))
		finish(m, NO);
}

static unsigned width(uint16_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

static struct bits widen(struct bits b, unsigned n)
{
	if (n < 4)
		b.known |= ~0u << 8 * n;	/* the upper bytes are zero */
	return b;
}

static void do_load(struct machine *m, const struct sock_filter *f)
{
	bool to_x = BPF_CLASS(f->code) == BPF_LDX;
	unsigned n = width(f->code);
	struct bits v = { 0, 0 };

	switch (BPF_MODE(f->code)) {
	case BPF_IMM:
		v = exact(f->k);
		break;
	case BPF_LEN:
		v = exact(m->e->p->len);
		break;
	case BPF_MEM:
		v = m->mem[f->k % BPF_MEMWORDS];
		break;
	case BPF_ABS:
		load(m, exact(0), f->k, n, &v);
		v = f->k < (uint32_t)SKF_AD_OFF ? widen(v, n) : v;
		break;
	case BPF_IND:
		load(m, m->x, f->k, n, &v);
		v = widen(v, n);
		break;
	case BPF_MSH:			/* 4 * (byte & 15): the IPv4 header's length */
		load(m, exact(0), f->k, 1, &v);
		v = (struct bits){ (v.v & 0xf) << 2, v.known << 2 | ~0x3cu };
		break;
	default:
		finish(m, UNKNOWN);
	}
	*(to_x ? &m->x : &m->a) = v;
}

static void do_alu(struct machine *m, const struct sock_filter *f)
{
	struct bits a = m->a, b = BPF_SRC(f->code) == BPF_X ? m->x : exact(f->k);
	bool both = is_exact(a) && is_exact(b);
	uint32_t v = 0;

	switch (BPF_OP(f->code)) {
	case BPF_AND:			/* a known 0 on either side decides */
		m->a.known = (a.known & b.known) | (a.known & ~a.v) | (b.known & ~b.v);
		m->a.v = a.v & b.v & m->a.known;
		return;
	case BPF_OR:
		m->a.known = (a.known & b.known) | (a.known & a.v) | (b.known & b.v);
		m->a.v = (a.v | b.v) & m->a.known;
		return;
	case BPF_XOR:
		m->a.known = a.known & b.known;
		m->a.v = (a.v ^ b.v) & m->a.known;
		return;
	case BPF_LSH:
	case BPF_RSH:
		if (!is_exact(b) || b.v > 31)
			break;
		if (BPF_OP(f->code) == BPF_LSH)
			m->a = (struct bits){ a.v << b.v, a.known << b.v | ((1u << b.v) - 1) };
		else
			m->a = (struct bits){ a.v >> b.v, a.known >> b.v | ~(~0u >> b.v) };
		return;
	case BPF_ADD: v = a.v + b.v; break;
	case BPF_SUB: v = a.v - b.v; break;
	case BPF_MUL: v = a.v * b.v; break;
	case BPF_NEG: v = -a.v; both = is_exact(a); break;
	case BPF_DIV:
	case BPF_MOD:
		if (is_exact(b) && !b.v) {	/* a run-time division by zero ends the filter with 0 */
			finish(m, NO);
			return;
		}
		if (both)
			v = BPF_OP(f->code) == BPF_DIV ? a.v / b.v : a.v % b.v;
		break;
	default:
		both = false;
	}
	m->a = both ? exact(v) : (struct bits){ 0, 0 };
}

/* Does the comparison hold, whatever the unknown bits are? */
static enum answer compare(uint16_t op, struct bits a, struct bits b)
{
	uint32_t lo = a.v & a.known, hi = lo | ~a.known;

	if (op == BPF_JEQ && (a.v ^ b.v) & a.known & b.known)
		return NO;
	if (op == BPF_JSET && a.v & b.v & a.known & b.known)
		return YES;
	if (op == BPF_JSET && !(hi & (b.v | ~b.known)))
		return NO;
	if (!is_exact(b))
		return UNKNOWN;
	if (op == BPF_JGT && (lo > b.v) == (hi > b.v))
		return answer_of(lo > b.v);
	if (op == BPF_JGE && (lo >= b.v) == (hi >= b.v))
		return answer_of(lo >= b.v);
	return op == BPF_JEQ && is_exact(a) ? answer_of(a.v == b.v) : UNKNOWN;
}

/* How many instructions to skip. */
static uint32_t do_jump(struct machine *m, const struct sock_filter *f)
{
	if (BPF_OP(f->code) == BPF_JA)
		return f->k;
	switch (compare(BPF_OP(f->code), m->a, BPF_SRC(f->code) == BPF_X ? m->x : exact(f->k))) {
	case YES:
		return f->jt;
	case NO:
		return f->jf;
	default:
		finish(m, UNKNOWN);
		return 0;
	}
}

static void do_return(struct machine *m, const struct sock_filter *f)
{
	struct bits v = BPF_RVAL(f->code) == BPF_A ? m->a : BPF_RVAL(f->code) == BPF_X ? m->x : exact(f->k);

	finish(m, v.v & v.known ? YES : is_exact(v) ? NO : UNKNOWN);
}

enum answer cbpf_run(struct eval *e, const struct sock_filter *prog, unsigned n)
{
	struct machine m = { .e = e, .a = exact(0), .x = exact(0), .result = UNKNOWN };

	for (uint32_t pc = 0; !m.stop && pc < n && n <= XT_BPF_MAX_NUM_INSTR; pc++) {
		const struct sock_filter *f = &prog[pc];

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
		case BPF_LDX:
			do_load(&m, f);
			break;
		case BPF_ST:
			m.mem[f->k % BPF_MEMWORDS] = m.a;
			break;
		case BPF_STX:
			m.mem[f->k % BPF_MEMWORDS] = m.x;
			break;
		case BPF_ALU:
			do_alu(&m, f);
			break;
		case BPF_JMP: {
			uint32_t skip = do_jump(&m, f);

			if (skip > n)
				return eval_unknown(e, "the filter of the bpf match jumps out of its program");
			pc += skip;
			break;
		}
		case BPF_RET:
			do_return(&m, f);
			break;
		case BPF_MISC:
			if (BPF_MISCOP(f->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
			break;
		}
	}
	if (m.result == UNKNOWN)
		return eval_unknown(e, "bytes of the packet that the filter of the bpf match loads are not known");
	return m.result;
}
