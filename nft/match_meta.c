/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches on what stands beside the packet's bytes: comment, mark, devices, the sending process. */
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "nft/xt_rows.h"
#include "tracer/base/nl.h"

#include <linux/netfilter/xt_cgroup.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_cpu.h>
#include <linux/netfilter/xt_devgroup.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_owner.h>
#include <linux/netfilter/xt_physdev.h>
#include <linux/netfilter/xt_pkttype.h>
#include <linux/netfilter/xt_policy.h>
#include <linux/netfilter/xt_realm.h>
#include <linux/xfrm.h>

static enum answer always(struct eval *e UNUSED, const struct xt *x UNUSED)
{
	return YES;
}

static void comment_words(struct text *t, const struct xt *x)
{
	const struct xt_comment_info *info = x->info;

	text_add(t, " --comment");
	xt_say_string(t, info->comment, sizeof(info->comment));
}

static enum answer mark(struct eval *e, const struct xt *x)
{
	const struct xt_mark_mtinfo1 *info = x->info;

	return answer_of(((e->p->mark & info->mask) == info->mark) != !!info->invert);
}

static void mark_words(struct text *t, const struct xt *x)
{
	const struct xt_mark_mtinfo1 *info = x->info;

	xt_say_not(t, info->invert);
	text_add(t, " --mark");
	xt_say_mark(t, info->mark, info->mask);
}

/* connmark_mt(): false without a connection, inverted or not. */
static enum answer connmark(struct eval *e, const struct xt *x)
{
	const struct xt_connmark_mtinfo1 *info = x->info;

	if (!eval_has_ct(e))
		return NO;
	if (e->p->ct.mark_untold & info->mask)
		return eval_unknown(e, "the mark of a zone's template is what the packets before left there");
	return answer_of(((e->p->ct.mark & info->mask) == info->mark) != !!info->invert);
}

static void connmark_words(struct text *t, const struct xt *x)
{
	const struct xt_connmark_mtinfo1 *info = x->info;

	xt_say_not(t, info->invert);
	text_add(t, " --mark");
	xt_say_mark(t, info->mark, info->mask);
}

static enum answer group_of(struct eval *e, int ifindex, uint32_t group, uint32_t mask, bool invert)
{
	const struct link *l = ifindex ? e->ask->link(e->ask->ctx, e->netns, ifindex) : NULL;

	if (!l)
		return eval_unknown(e, "the group of interface %d could not be read", ifindex);
	return answer_of((((group ^ l->group) & mask) != 0) == invert);
}

/* devgroup_mt() */
static enum answer devgroup(struct eval *e, const struct xt *x)
{
	const struct xt_devgroup_info *info = x->info;
	enum answer r = YES;

	if (info->flags & XT_DEVGROUP_MATCH_SRC)
		r = group_of(e, e->p->iif, info->src_group, info->src_mask,
			     info->flags & XT_DEVGROUP_INVERT_SRC);
	if (r != NO && info->flags & XT_DEVGROUP_MATCH_DST)
		r = answer_and(r, group_of(e, e->p->oif, info->dst_group, info->dst_mask,
					   info->flags & XT_DEVGROUP_INVERT_DST));
	return r;
}

static void group_words(struct text *t, const char *option, uint32_t group, uint32_t mask, bool invert)
{
	xt_say_not(t, invert);
	text_add(t, " --%s 0x%x", option, group);
	if (mask != 0xffffffff)
		text_add(t, "/0x%x", mask);
}

static void devgroup_words(struct text *t, const struct xt *x)
{
	const struct xt_devgroup_info *info = x->info;

	if (info->flags & XT_DEVGROUP_MATCH_SRC)
		group_words(t, "src-group", info->src_group, info->src_mask,
			    info->flags & XT_DEVGROUP_INVERT_SRC);
	if (info->flags & XT_DEVGROUP_MATCH_DST)
		group_words(t, "dst-group", info->dst_group, info->dst_mask,
			    info->flags & XT_DEVGROUP_INVERT_DST);
}

static enum answer realm(struct eval *e, const struct xt *x UNUSED)
{
	return eval_unknown(e, "the route's realm is not read");
}

static void realm_words(struct text *t, const struct xt *x)
{
	const struct xt_realm_info *info = x->info;

	xt_say_not(t, info->invert);
	text_add(t, " --realm 0x%x", info->id);
	if (info->mask != 0xffffffff)
		text_add(t, "/0x%x", info->mask);
}

static enum answer cpu(struct eval *e, const struct xt *x UNUSED)
{
	return eval_unknown(e, "the CPU that will handle the packet is not known");
}

static void cpu_words(struct text *t, const struct xt *x)
{
	const struct xt_cpu_info *info = x->info;

	xt_say_not(t, info->invert);
	text_add(t, " --cpu %u", info->cpu);
}

/* pkttype_mt(): what looped back is told from its addresses, the rest has skb->pkt_type. */
static enum answer pkttype(struct eval *e, const struct xt *x)
{
	const struct xt_pkttype_info *info = x->info;
	const struct link *in = e->p->iif ? e->ask->link(e->ask->ctx, e->netns, e->p->iif) : NULL;
	uint32_t broadcast = 0xffffffff;
	int type = 0;			/* PACKET_HOST */

	if (!e->p->iif || (in && in->flags & IFF_LOOPBACK)) {
		if (addr_is_multicast(&e->p->dst))
			type = 2;	/* PACKET_MULTICAST, in pkttype_mt() for PACKET_LOOPBACK */
		else if (packet_family(e->p) == AF_INET && !memcmp(e->p->dst.b, &broadcast, 4))
			type = 1;
		if (!e->p->iif && type)
			return eval_unknown(e, "the link-layer type of a multicast or broadcast packet is not known");
	} else if (e->p->dmac.known && e->p->dmac.b[0] & 1) {
		type = memcmp(e->p->dmac.b, "\xff\xff\xff\xff\xff\xff", 6) ? 2 : 1;
	} else if (!e->p->dmac.known && (addr_is_multicast(&e->p->dst) ||
		   (packet_family(e->p) == AF_INET && !memcmp(e->p->dst.b, &broadcast, 4)))) {
		return eval_unknown(e, "the link-layer destination of the packet is not known");
	}
	return answer_of((type == info->pkttype) != !!info->invert);
}

static void pkttype_words(struct text *t, const struct xt *x)
{
	const struct xt_pkttype_info *info = x->info;
	static const char *const name[] = { "unicast", "broadcast", "multicast" };

	xt_say_not(t, info->invert);
	if (info->pkttype >= 0 && info->pkttype < (int)ARRAY_SIZE(name))
		text_add(t, " --pkt-type %s", name[info->pkttype]);
	else
		text_add(t, " --pkt-type %d", info->pkttype);
}

/* owner_mt(): without a full socket of this namespace only inverted tests match. */
static enum answer owner(struct eval *e, const struct xt *x)
{
	const struct xt_owner_match_info *info = x->info;
	const struct sock_info *given = e->p->given.set ? e->p->given.sk : NULL;
	enum answer r = YES;

	if (!e->p->local && !e->p->given.set)
		return answer_of(!((info->match ^ info->invert) & XT_OWNER_MASK & ~XT_OWNER_SUPPL_GROUPS));
	if (info->match & info->invert & XT_OWNER_SOCKET)
		return NO;
	if (!(info->match & (XT_OWNER_UID | XT_OWNER_GID)))
		return YES;
	if (given ? info->match & XT_OWNER_GID : !e->p->sk_known)
		return eval_unknown(e, "the user and group of the socket's process are not known");
	if (info->match & XT_OWNER_UID)
		r = xt_range(given ? given->uid : e->p->uid, info->uid_min, info->uid_max, info->invert & XT_OWNER_UID);
	if (r == YES && info->match & XT_OWNER_GID) {
		bool in = e->p->gid >= info->gid_min && e->p->gid <= info->gid_max;

		if (!in && info->match & XT_OWNER_SUPPL_GROUPS)
			return eval_unknown(e, "the sending process's supplementary groups are not known");
		r = answer_of(in != !!(info->invert & XT_OWNER_GID));
	}
	return r;
}

static void owner_range(struct text *t, const char *option, uint32_t lo, uint32_t hi, bool invert)
{
	xt_say_not(t, invert);
	if (lo == hi)
		text_add(t, " --%s %u", option, lo);
	else
		text_add(t, " --%s %u-%u", option, lo, hi);
}

static void owner_words(struct text *t, const struct xt *x)
{
	const struct xt_owner_match_info *info = x->info;

	if (info->match & XT_OWNER_SOCKET) {
		xt_say_not(t, info->invert & XT_OWNER_SOCKET);
		text_add(t, " --socket-exists");
	}
	if (info->match & XT_OWNER_UID)
		owner_range(t, "uid-owner", info->uid_min, info->uid_max, info->invert & XT_OWNER_UID);
	if (info->match & XT_OWNER_GID)
		owner_range(t, "gid-owner", info->gid_min, info->gid_max, info->invert & XT_OWNER_GID);
	if (info->match & XT_OWNER_SUPPL_GROUPS) {
		xt_say_not(t, info->invert & XT_OWNER_SUPPL_GROUPS);
		text_add(t, " --suppl-groups");
	}
}

/* ifname_compare_aligned() over 16 bytes: 1 differs, 0 the same, -1 unreadable. */
static int port_differs(struct eval *e, int ifindex, const char *name, const char *mask)
{
	const struct link *l = e->ask->link(e->ask->ctx, e->netns, ifindex);
	char have[IFNAMSIZ] = "";

	if (!l)
		return -1;
	memcpy(have, l->name, strnlen(l->name, IFNAMSIZ));
	for (int i = 0; i < IFNAMSIZ; i++)
		if ((have[i] ^ name[i]) & mask[i])
			return 1;
	return 0;
}

static bool wants(const struct xt_physdev_info *info, unsigned op)
{
	return info->bitmask & op && !(info->invert & op);
}

/* physdev_mt() */
static enum answer physdev(struct eval *e, const struct xt *x)
{
	const struct xt_physdev_info *info = x->info;
	int in = e->p->physin, out = e->p->physout, differs;

	if (!in && !out)
		return answer_of(!wants(info, XT_PHYSDEV_OP_BRIDGED) && !wants(info, XT_PHYSDEV_OP_ISIN) &&
				 !wants(info, XT_PHYSDEV_OP_ISOUT) && !wants(info, XT_PHYSDEV_OP_IN) &&
				 !wants(info, XT_PHYSDEV_OP_OUT));
	if (info->bitmask & XT_PHYSDEV_OP_BRIDGED && !out != !!(info->invert & XT_PHYSDEV_OP_BRIDGED))
		return NO;
	if (info->bitmask & XT_PHYSDEV_OP_ISIN && !in != !!(info->invert & XT_PHYSDEV_OP_ISIN))
		return NO;
	if (info->bitmask & XT_PHYSDEV_OP_ISOUT && !out != !!(info->invert & XT_PHYSDEV_OP_ISOUT))
		return NO;
	if (info->bitmask & XT_PHYSDEV_OP_IN && in) {
		differs = port_differs(e, in, info->physindev, info->in_mask);
		if (differs < 0)
			return eval_unknown(e, "the name of bridge port %d could not be read", in);
		if (differs != !!(info->invert & XT_PHYSDEV_OP_IN))
			return NO;
	}
	if (!(info->bitmask & XT_PHYSDEV_OP_OUT))
		return YES;
	if (!out)
		return NO;
	differs = port_differs(e, out, info->physoutdev, info->out_mask);
	if (differs < 0)
		return eval_unknown(e, "the name of bridge port %d could not be read", out);
	return answer_of(differs == !!(info->invert & XT_PHYSDEV_OP_OUT));
}

static void port_words(struct text *t, const char *option, const char *name, const char *mask, bool invert)
{
	size_t len = strnlen(name, IFNAMSIZ);

	xt_say_not(t, invert);
	text_add(t, " --%s %.*s%s", option, (int)len, name, len < IFNAMSIZ && !mask[len] ? "+" : "");
}

static void physdev_words(struct text *t, const struct xt *x)
{
	const struct xt_physdev_info *info = x->info;
	static const struct { unsigned op; const char *option; } ops[] = {
		{ XT_PHYSDEV_OP_ISIN, "physdev-is-in" }, { XT_PHYSDEV_OP_IN, NULL },
		{ XT_PHYSDEV_OP_ISOUT, "physdev-is-out" }, { XT_PHYSDEV_OP_OUT, NULL },
		{ XT_PHYSDEV_OP_BRIDGED, "physdev-is-bridged" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		bool invert = info->invert & ops[i].op;

		if (!(info->bitmask & ops[i].op))
			continue;
		if (ops[i].op == XT_PHYSDEV_OP_IN) {
			port_words(t, "physdev-in", info->physindev, info->in_mask, invert);
		} else if (ops[i].op == XT_PHYSDEV_OP_OUT) {
			port_words(t, "physdev-out", info->physoutdev, info->out_mask, invert);
		} else {
			xt_say_not(t, invert);
			text_add(t, " --%s", ops[i].option);
		}
	}
}

struct spd_counts {
	bool answered;
	struct xfrmu_spdinfo info;
};

static int spd_cb(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[XFRMA_SPD_MAX + 1];
	struct spd_counts *c = ctx;

	nl_attrs(nlh, sizeof(uint32_t), tb, XFRMA_SPD_MAX);
	if (!tb[XFRMA_SPD_INFO] || mnl_attr_get_payload_len(tb[XFRMA_SPD_INFO]) < sizeof(c->info))
		return 0;
	memcpy(&c->info, mnl_attr_get_payload(tb[XFRMA_SPD_INFO]), sizeof(c->info));
	c->answered = true;
	return 0;
}

/*
 * Has this namespace any IPsec policy? Asked only where xfrm's netlink family is there already (a kernel socket of
 * protocol 6 in /proc/net/netlink), since opening it would load a module.
 */
static enum answer has_ipsec(struct eval *e)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(memset(buf, 0, sizeof(buf)));
	struct spd_counts c = { 0 };
	const char *line = xt_file(e, "/proc/net/netlink", NULL);
	unsigned proto, found = 0;

	if (!line)
		return UNKNOWN;
	for (; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		found |= sscanf(line, "%*s %u", &proto) == 1 && proto == NETLINK_XFRM;
	if (!found)
		return NO;
	nlh->nlmsg_type = XFRM_MSG_GETSPDINFO;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	mnl_nlmsg_put_extra_header(nlh, sizeof(uint32_t));
	if (nl_ask(e->io, e->netns, NETLINK_XFRM, nlh, spd_cb, &c, NULL) < 0 || !c.answered)
		return UNKNOWN;
	return answer_of(c.info.incnt || c.info.outcnt || c.info.fwdcnt || c.info.inscnt || c.info.outscnt ||
			 c.info.fwdscnt);
}

/* policy_mt(): without a security path or transformation only --pol none matches. */
static enum answer policy(struct eval *e, const struct xt *x)
{
	const struct xt_policy_info *info = x->info;

	if (has_ipsec(e) != NO)
		return eval_unknown(e, "IPsec policies exist here and are not evaluated");
	return answer_of(info->flags & XT_POLICY_MATCH_NONE);
}

static void policy_tunnel(struct text *t, const char *option, uint8_t family, const void *addr, const void *mask,
			  bool invert)
{
	xt_say_not(t, invert);
	text_add(t, " --%s ", option);
	xt_say_net(t, family, addr, mask);
}

static void policy_elem(struct text *t, uint8_t family, const struct xt_policy_elem *el)
{
	const char *proto = xt_proto_name(el->proto);

	if (el->match.reqid) {
		xt_say_not(t, el->invert.reqid);
		text_add(t, " --reqid %u", el->reqid);
	}
	if (el->match.spi) {
		xt_say_not(t, el->invert.spi);
		text_add(t, " --spi 0x%x", el->spi);
	}
	if (el->match.proto) {
		xt_say_not(t, el->invert.proto);
		if (proto)
			text_add(t, " --proto %s", proto);
		else
			text_add(t, " --proto %u", el->proto);
	}
	if (el->match.mode) {
		xt_say_not(t, el->invert.mode);
		text_add(t, " --mode %s", el->mode == XT_POLICY_MODE_TUNNEL ? "tunnel" : "transport");
	}
	if (el->match.daddr)
		policy_tunnel(t, "tunnel-dst", family, &el->daddr, &el->dmask, el->invert.daddr);
	if (el->match.saddr)
		policy_tunnel(t, "tunnel-src", family, &el->saddr, &el->smask, el->invert.saddr);
}

static void policy_words(struct text *t, const struct xt *x)
{
	const struct xt_policy_info *info = x->info;

	text_add(t, " --dir %s --pol %s", info->flags & XT_POLICY_MATCH_IN ? "in" : "out",
		 info->flags & XT_POLICY_MATCH_NONE ? "none" : "ipsec");
	if (info->flags & XT_POLICY_MATCH_STRICT)
		text_add(t, " --strict");
	for (unsigned i = 0; i < info->len && i < XT_POLICY_MAX_ELEM; i++) {
		policy_elem(t, x->family, &info->pol[i]);
		if (i + 1 < info->len)
			text_add(t, " --next");
	}
}

static enum answer cgroup(struct eval *e, const struct xt *x UNUSED)
{
	/* cgroup_mt_v0(): false without a full socket, inverted or not */
	if (eval_has_socket(e) == NO)
		return NO;
	return eval_unknown(e, "the control group of the sending process is not known");
}

static void cgroup_class(struct text *t, uint32_t id, bool invert)
{
	xt_say_not(t, invert);
	text_add(t, " --cgroup %u", id);
}

static void cgroup_path(struct text *t, const char *path, size_t max, bool invert)
{
	xt_say_not(t, invert);
	text_add(t, " --path");
	xt_say_string(t, path, max);
}

static void cgroup0_words(struct text *t, const struct xt *x)
{
	const struct xt_cgroup_info_v0 *info = x->info;

	cgroup_class(t, info->id, info->invert);
}

static void cgroup1_words(struct text *t, const struct xt *x)
{
	const struct xt_cgroup_info_v1 *info = x->info;

	if (info->has_path)
		cgroup_path(t, info->path, sizeof(info->path), info->invert_path);
	if (info->has_classid)
		cgroup_class(t, info->classid, info->invert_classid);
}

static void cgroup2_words(struct text *t, const struct xt *x)
{
	const struct xt_cgroup_info_v2 *info = x->info;

	if (info->has_path)
		cgroup_path(t, info->path, sizeof(info->path), info->invert_path);
	if (info->has_classid)
		cgroup_class(t, info->classid, info->invert_classid);
}

static const struct xt_row rows[] = {
	{ .ops = { .name = "comment", .run = xt_match_run, .say = xt_match_say, .pure = true },
	  .size = sizeof(struct xt_comment_info), .match = always, .words = comment_words },
	XT_MATCH("mark", 1, 0, sizeof(struct xt_mark_mtinfo1), mark, mark_words),
	XT_MATCH("connmark", 1, 0, sizeof(struct xt_connmark_mtinfo1), connmark, connmark_words),
	XT_MATCH("devgroup", 0, 0, sizeof(struct xt_devgroup_info), devgroup, devgroup_words),
	XT_MATCH("realm", 0, NFPROTO_IPV4, sizeof(struct xt_realm_info), realm, realm_words),
	XT_MATCH("cpu", 0, 0, sizeof(struct xt_cpu_info), cpu, cpu_words),
	XT_MATCH("pkttype", 0, 0, sizeof(struct xt_pkttype_info), pkttype, pkttype_words),
	XT_MATCH("owner", 1, 0, sizeof(struct xt_owner_match_info), owner, owner_words),
	XT_MATCH("physdev", 0, 0, sizeof(struct xt_physdev_info), physdev, physdev_words),
	XT_MATCH("policy", 0, 0, sizeof(struct xt_policy_info), policy, policy_words),
	XT_MATCH("cgroup", 0, 0, sizeof(struct xt_cgroup_info_v0), cgroup, cgroup0_words),
	XT_MATCH("cgroup", 1, 0, sizeof(struct xt_cgroup_info_v1), cgroup, cgroup1_words),
	XT_MATCH("cgroup", 2, 0, sizeof(struct xt_cgroup_info_v2), cgroup, cgroup2_words),
};

const struct xt_rows xt_match_meta = XT_ROWS(rows);
