/* SPDX-License-Identifier: GPL-2.0-only */
/* An entry of iptables-legacy as steps: its IP header part, its matches, its target. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "nft/legacy.h"
#include "nft/queue.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

static bool is_v4(const struct step *s)
{
	return s->size == sizeof(struct ipt_ip);
}

/* Addresses: both families have src, dst, smsk, dmsk at the head of their struct. */
static const uint8_t *addr_part(const struct step *s, unsigned i)
{
	return (const uint8_t *)s->data + i * (is_v4(s) ? 4 : 16);
}

static uint8_t inverted(const struct step *s)
{
	const struct ipt_ip *v4 = s->data;
	const struct ip6t_ip6 *v6 = s->data;

	return is_v4(s) ? v4->invflags : v6->invflags;
}

/* ip_packet_match(), ip6_packet_match(): the rule's address is masked already. */
static enum step_kind addr_match(const struct addr *a, const struct step *s, unsigned i, uint8_t flag)
{
	bool hit = addr_len(a) == (is_v4(s) ? 4 : 16) &&
		   xt_addr_masked_eq(a, addr_part(s, i), addr_part(s, i + 2));

	return hit != !!(inverted(s) & flag) ? STEP_NEXT : STEP_BREAK;
}

static enum step_kind src_run(struct eval *e, const struct step *s)
{
	return addr_match(&e->p->src, s, 0, IPT_INV_SRCIP);
}

static enum step_kind dst_run(struct eval *e, const struct step *s)
{
	return addr_match(&e->p->dst, s, 1, IPT_INV_DSTIP);
}

static void addr_say_option(struct text *t, const struct step *s, unsigned i, uint8_t flag, char letter)
{
	unsigned len = is_v4(s) ? 4 : 16;
	struct addr a = addr_from(addr_part(s, i), len), m = addr_from(addr_part(s, i + 2), len);
	int plen = xt_plen(addr_part(s, i + 2), len);
	char buf[ADDR_TEXT];

	text_add(t, "%s-%c %s", inverted(s) & flag ? "! " : "", letter, addr_say(&a, buf));
	if (plen < 0)
		text_add(t, "/%s", addr_say(&m, buf));
	else
		text_add(t, "/%d", plen);
}

static void src_say(struct text *t, const struct step *s)
{
	addr_say_option(t, s, 0, IPT_INV_SRCIP, 's');
}

static void dst_say(struct text *t, const struct step *s)
{
	addr_say_option(t, s, 1, IPT_INV_DSTIP, 'd');
}

/* Interface names and their masks: at the same distance from each other in both structs. */
static const char *iface_part(const struct step *s, bool out)
{
	const struct ipt_ip *v4 = s->data;
	const struct ip6t_ip6 *v6 = s->data;

	if (is_v4(s))
		return out ? v4->outiface : v4->iniface;
	return out ? v6->outiface : v6->iniface;
}

static const uint8_t *iface_mask(const struct step *s, bool out)
{
	const struct ipt_ip *v4 = s->data;
	const struct ip6t_ip6 *v6 = s->data;

	if (is_v4(s))
		return out ? v4->outiface_mask : v4->iniface_mask;
	return out ? v6->outiface_mask : v6->iniface_mask;
}

static enum step_kind iface_match(struct eval *e, const struct step *s, bool out)
{
	/* the devices that nf_hook_state has at each hook */
	bool has = out ? e->run->hook >= NF_INET_FORWARD : e->run->hook != NF_INET_LOCAL_OUT;
	int ifindex = !has ? 0 : out ? e->p->oif : e->p->iif;
	const struct link *l = ifindex ? e->ask->link(e->ask->ctx, e->netns, ifindex) : NULL;
	const char *name = iface_part(s, out);
	const uint8_t *mask = iface_mask(s, out);
	char have[IFNAMSIZ] = "";
	bool differs = false;

	if (ifindex && !l) {
		eval_unknown(e, "the name of interface %d could not be read", ifindex);
		return STEP_UNKNOWN;
	}
	if (l)
		memcpy(have, l->name, strnlen(l->name, IFNAMSIZ));
	for (int i = 0; i < IFNAMSIZ; i++)	/* ifname_compare_aligned() */
		differs |= (have[i] ^ name[i]) & mask[i];
	return differs == !!(inverted(s) & (out ? IPT_INV_VIA_OUT : IPT_INV_VIA_IN)) ? STEP_NEXT : STEP_BREAK;
}

static enum step_kind in_run(struct eval *e, const struct step *s)
{
	return iface_match(e, s, false);
}

static enum step_kind out_run(struct eval *e, const struct step *s)
{
	return iface_match(e, s, true);
}

static void iface_say(struct text *t, const struct step *s, bool out)
{
	const char *name = iface_part(s, out);
	const uint8_t *mask = iface_mask(s, out);

	text_add(t, "%s-%c ", inverted(s) & (out ? IPT_INV_VIA_OUT : IPT_INV_VIA_IN) ? "! " : "", out ? 'o' : 'i');
	for (int i = 0; i < IFNAMSIZ; i++) {
		if (!mask[i]) {
			if (!i || name[i - 1])
				text_add(t, "+");
			return;
		}
		if (name[i])
			text_add(t, "%c", name[i]);
	}
}

static void in_say(struct text *t, const struct step *s)
{
	iface_say(t, s, false);
}

static void out_say(struct text *t, const struct step *s)
{
	iface_say(t, s, true);
}

static uint16_t proto_part(const struct step *s)
{
	const struct ipt_ip *v4 = s->data;
	const struct ip6t_ip6 *v6 = s->data;

	return is_v4(s) ? v4->proto : v6->proto;
}

static enum step_kind proto_run(struct eval *e, const struct step *s)
{
	return (e->p->proto == proto_part(s)) != !!(inverted(s) & XT_INV_PROTO) ? STEP_NEXT : STEP_BREAK;
}

static void proto_say_option(struct text *t, const struct step *s)
{
	const char *name = xt_proto_name(proto_part(s));

	text_add(t, "%s-p ", inverted(s) & XT_INV_PROTO ? "! " : "");
	if (name && proto_part(s) < 256)
		text_add(t, "%s", name);
	else
		text_add(t, "%u", proto_part(s));
}

/* A walk's packet is never a later fragment. */
static enum step_kind frag_run(struct eval *e UNUSED, const struct step *s)
{
	return inverted(s) & IPT_INV_FRAG ? STEP_NEXT : STEP_BREAK;
}

static void frag_say(struct text *t, const struct step *s)
{
	text_add(t, inverted(s) & IPT_INV_FRAG ? "! -f" : "-f");
}

enum { SRC, DST, IN, OUT, PROTO, FRAG };
static const struct step_ops header[] = {
	[SRC] = { .name = "src", .run = src_run, .say = src_say },
	[DST] = { .name = "dst", .run = dst_run, .say = dst_say },
	[IN] = { .name = "in", .run = in_run, .say = in_say },
	[OUT] = { .name = "out", .run = out_run, .say = out_say },
	[PROTO] = { .name = "proto", .run = proto_run, .say = proto_say_option },
	[FRAG] = { .name = "frag", .run = frag_run, .say = frag_say },
};

/* -- verdicts -- */

static enum step_kind accept_run(struct eval *e UNUSED, const struct step *s UNUSED)
{
	return STEP_ACCEPT;
}

static enum step_kind drop_run(struct eval *e UNUSED, const struct step *s UNUSED)
{
	return STEP_DROP;
}

static enum step_kind queue_run(struct eval *e, const struct step *s UNUSED)
{
	return queue_verdict(e, 0, 1, false);
}

static enum step_kind return_run(struct eval *e UNUSED, const struct step *s UNUSED)
{
	return STEP_RETURN;
}

static enum step_kind jump_run(struct eval *e, const struct step *s)
{
	e->target = s->data;
	return STEP_JUMP;
}

static enum step_kind goto_run(struct eval *e, const struct step *s)
{
	e->target = s->data;
	return STEP_GOTO;
}

static void verdict_say(struct text *t, const struct step *s)
{
	text_add(t, "-j %s", s->ops->name);
}

static void jump_say(struct text *t, const struct step *s)
{
	text_add(t, "-j %s", (const char *)s->data);
}

static void goto_say(struct text *t, const struct step *s)
{
	text_add(t, "-g %s", (const char *)s->data);
}

static const struct step_ops jump_ops = { .name = "jump", .run = jump_run, .say = jump_say };
static const struct step_ops goto_ops = { .name = "goto", .run = goto_run, .say = goto_say };
/* by verdict: -1 is NF_DROP, and so on; 0: this verdict is no rule's */
static const struct step_ops verdict_ops[] = {
	[NF_DROP] = { .name = "DROP", .run = drop_run, .say = verdict_say },
	[NF_ACCEPT] = { .name = "ACCEPT", .run = accept_run, .say = verdict_say },
	[NF_QUEUE] = { .name = "QUEUE", .run = queue_run, .say = verdict_say },
	[NF_REPEAT] = { .name = "RETURN", .run = return_run, .say = verdict_say },
};

/* The standard target; no step where the rule has none and the next one follows. */
static int verdict_step(const struct legacy_entry *en, uint32_t offset, legacy_name_fn name, const void *table,
			bool is_goto, struct rule *r, struct step *s)
{
	const struct xt_standard_target *st = (const void *)legacy_target(en);
	int v;

	if (en->next - en->target < sizeof(*st))
		return -EBADMSG;
	v = st->verdict;
	if (v < 0) {
		/* as ipt_do_table(): the verdict is -v - 1; XT_RETURN is NF_REPEAT's number */
		unsigned n = -(unsigned)v - 1;

		if (n >= ARRAY_SIZE(verdict_ops) || !verdict_ops[n].run)
			return -EBADMSG;
		s->ops = &verdict_ops[n];
		r->n_step++;
		return 0;
	}
	if ((uint32_t)v == offset + en->next)
		return 0;
	s->data = name(table, v);
	s->ops = is_goto ? &goto_ops : &jump_ops;
	if (!s->data)
		return -EBADMSG;
	r->n_step++;
	return 0;
}

/* -- an entry -- */

static bool any_byte(const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n && !*b)
		b++, n--;
	return n;
}

/* The header's tests that can fail, in the order that iptables-save prints. */
static size_t header_steps(const struct legacy_entry *en, struct step *s)
{
	const struct ipt_ip *v4 = (const void *)en->bytes;
	const struct ip6t_ip6 *v6 = (const void *)en->bytes;
	bool ip4 = en->family == NFPROTO_IPV4;
	struct step h = { .data = en->bytes, .size = ip4 ? sizeof(*v4) : sizeof(*v6) };
	unsigned len = ip4 ? 4 : 16;
	uint8_t inv = inverted(&h), flags = ip4 ? v4->flags : v6->flags;
	const bool has[] = {
		[SRC] = inv & IPT_INV_SRCIP || any_byte(addr_part(&h, 2), len) || any_byte(addr_part(&h, 0), len),
		[DST] = inv & IPT_INV_DSTIP || any_byte(addr_part(&h, 3), len) || any_byte(addr_part(&h, 1), len),
		[IN] = inv & IPT_INV_VIA_IN || any_byte(iface_mask(&h, false), IFNAMSIZ),
		[OUT] = inv & IPT_INV_VIA_OUT || any_byte(iface_mask(&h, true), IFNAMSIZ),
		[PROTO] = proto_part(&h) && (ip4 || flags & IP6T_F_PROTO),
		[FRAG] = ip4 && flags & IPT_F_FRAG,
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(has); i++)
		if (has[i]) {
			s[n] = h;
			s[n++].ops = &header[i];
		}
	return n;
}

static bool has_name(const char name[XT_EXTENSION_MAXNAMELEN])
{
	return memchr(name, 0, XT_EXTENSION_MAXNAMELEN);
}

/* Calls for every match, or counts them if s is NULL; -EBADMSG where their sizes do not add up to the target's offset. */
static int match_steps(struct nft *nft, const struct legacy_entry *en, struct step *s, size_t *n)
{
	uint32_t at = en->match;

	for (*n = 0; at < en->target; ++*n) {
		const struct xt_entry_match *m = (const void *)(en->bytes + at);

		if (en->target - at < sizeof(*m) || m->u.user.match_size < sizeof(*m) || m->u.user.match_size % 8 ||
		    m->u.user.match_size > en->target - at || !has_name(m->u.user.name))
			return -EBADMSG;
		if (s)
			xt_match_step_at(nft_arena(nft), m->u.user.name, m->u.user.revision, en->family, m->data,
					 m->u.user.match_size - sizeof(*m), &s[*n]);
		at += m->u.user.match_size;
	}
	return 0;
}

int legacy_rule(struct nft *nft, uint32_t netns, const struct legacy_entry *en, uint32_t offset,
		legacy_name_fn name, const void *table, struct rule *r)
{
	const struct xt_entry_target *t = legacy_target(en);
	const struct ipt_ip *v4 = (const void *)en->bytes;
	const struct ip6t_ip6 *v6 = (const void *)en->bytes;
	bool is_goto = en->family == NFPROTO_IPV4 ? v4->flags & IPT_F_GOTO : v6->flags & IP6T_F_GOTO;
	struct step head[ARRAY_SIZE(header)], *s;
	size_t n_head = header_steps(en, head), n;
	int rc = match_steps(nft, en, NULL, &n);

	if (rc || !has_name(t->u.user.name))
		return -EBADMSG;
	s = arena_alloc(nft_arena(nft), (n_head + n + 1) * sizeof(*s));
	memcpy(s, head, n_head * sizeof(*s));
	match_steps(nft, en, s + n_head, &n);
	r->step = s;
	r->n_step = n_head + n;
	for (size_t i = n_head; i < r->n_step; i++) {
		xt_step_bind(nft, netns, &s[i]);
		r->comment = r->comment ?: xt_comment(&s[i]);
	}
	if (!t->u.user.name[0])
		return verdict_step(en, offset, name, table, is_goto, r, &s[r->n_step]);
	xt_target_step_at(nft_arena(nft), t->u.user.name, t->u.user.revision, en->family, t->data,
			  t->u.user.target_size - sizeof(*t), &s[r->n_step]);
	xt_step_bind(nft, netns, &s[r->n_step++]);
	return 0;
}

/* The matches that ask for more than the packet, by name: the others' blobs need not be looked at. */
static bool asks(const char *name)
{
	return !strcmp(name, "recent") || !strcmp(name, "policy") || !strcmp(name, "set");
}

void legacy_record_entry(struct nft *nft, uint32_t netns, const struct legacy_entry *en)
{
	const struct xt_entry_match *m;
	struct step s;
	size_t n;

	if (match_steps(nft, en, NULL, &n))
		return;
	for (uint32_t at = en->match; at < en->target; at += m->u.user.match_size) {
		m = (const void *)(en->bytes + at);
		if (!asks(m->u.user.name))
			continue;
		xt_match_step_at(nft_arena(nft), m->u.user.name, m->u.user.revision, en->family, m->data,
				 m->u.user.match_size - sizeof(*m), &s);
		xt_step_record(nft, netns, &s);
	}
}
