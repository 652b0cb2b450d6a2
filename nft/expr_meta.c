/* SPDX-License-Identifier: GPL-2.0-only */
/* meta: what the kernel knows beside the packet's bytes. Mirrors nft_meta.c, bridge/nft_meta_bridge.c. */
#include <netinet/in.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/uapi.h"
#include "tracer/base/nl.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>

enum { META_BROUTE = NFT_META_SDIFNAME + 1, META_IIFHWADDR = META_BROUTE + 2 };	/* 6.4, 6.18 */

struct meta_key {
	const char *name;
	enum datatype type;
	uint8_t len;
	enum step_kind (*get)(struct eval *e, const struct meta_data *d);
};
static const struct meta_key keys[META_IIFHWADDR + 1];

static enum step_kind store32(struct eval *e, const struct meta_data *d, uint32_t v)
{
	reg_store32(e, d->reg, v);
	return STEP_NEXT;
}

static enum step_kind store8(struct eval *e, const struct meta_data *d, uint8_t v)
{
	reg_store8(e, d->reg, v);
	return STEP_NEXT;
}

static enum step_kind store16(struct eval *e, const struct meta_data *d, uint16_t v)
{
	reg_store16(e, d->reg, v);
	return STEP_NEXT;
}

/* The value is not known, but it is there. */
static enum step_kind value_unknown(struct eval *e, const struct meta_data *d, const char *why)
{
	reg_store_unknown(e, d->reg, keys[d->key].len, why);
	return STEP_NEXT;
}

/* -- the packet -- */

static enum step_kind get_len(struct eval *e, const struct meta_data *d)
{
	return e->p->len ? store32(e, d, e->p->len) : value_unknown(e, d, "depends on the packet's length");
}

static enum step_kind get_protocol(struct eval *e, const struct meta_data *d)
{
	return store16(e, d, htons(packet_family(e->p) == AF_INET ? ETH_P_IP : ETH_P_IPV6));
}

/* nft_pf(): of the hook; chains of inet at ingress are set to the packet's own (nft_do_chain_inet_ingress()). */
static enum step_kind get_nfproto(struct eval *e, const struct meta_data *d)
{
	if (e->run->pf == NFPROTO_NETDEV && e->base && e->base->family == NFPROTO_INET)
		return store8(e, d, packet_family(e->p) == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
	return store8(e, d, e->run->pf);
}

static enum step_kind get_l4proto(struct eval *e, const struct meta_data *d)
{
	return e->p->proto ? store8(e, d, e->p->proto) : STEP_BREAK;
}

static enum step_kind get_priority(struct eval *e, const struct meta_data *d)
{
	return store32(e, d, e->p->priority);
}

static enum step_kind get_mark(struct eval *e, const struct meta_data *d)
{
	return store32(e, d, e->p->mark);
}

static bool is_multicast(const struct packet *p)
{
	return addr_is_multicast(&p->dst);
}

/* eth_type_trans() gives PACKET_HOST to a frame for this device's address; a bridge sees frames for others too. */
static enum step_kind get_pkttype(struct eval *e, const struct meta_data *d)
{
	if (is_multicast(e->p))
		return store8(e, d, PACKET_MULTICAST);
	if (e->run->pf == NFPROTO_BRIDGE)
		return value_unknown(e, d, "depends on whom the frame is addressed to");
	if (packet_family(e->p) == AF_INET && e->p->dst.v4.s_addr == htonl(INADDR_BROADCAST))
		return store8(e, d, PACKET_BROADCAST);
	return store8(e, d, PACKET_HOST);
}

/* -- devices -- */

static bool is_out(uint8_t key)
{
	switch (key) {
	case NFT_META_OIF:
	case NFT_META_OIFNAME:
	case NFT_META_OIFTYPE:
	case NFT_META_OIFGROUP:
	case NFT_META_OIFKIND:
	case NFT_META_BRI_OIFNAME:
		return true;
	}
	return false;
}

static int device(const struct eval *e, const struct meta_data *d)
{
	return is_out(d->key) ? eval_out(e) : eval_in(e);
}

static enum step_kind get_if(struct eval *e, const struct meta_data *d)
{
	return store32(e, d, device(e, d));
}

static enum step_kind store_name(struct eval *e, const struct meta_data *d, const char *name)
{
	char buf[16] = { 0 };

	memcpy(buf, name, strnlen(name, sizeof(buf) - 1));
	reg_store(e, d->reg, buf, NULL, sizeof(buf));
	return STEP_NEXT;
}

/* nft_meta_store_ifname(): without a device the name is empty, and compares unequal to all. */
static enum step_kind get_ifname(struct eval *e, const struct meta_data *d)
{
	int ifindex = device(e, d);
	const struct link *l = eval_link(e, ifindex);

	if (ifindex && !l)
		return value_unknown(e, d, "depends on the name of an interface that could not be read");
	return store_name(e, d, l ? l->name : "");
}

/* iiftype is that of skb->dev (NFT_META_IFTYPE), which is the outgoing device where the packet leaves. */
static bool has_left(const struct eval *e)
{
	return e->run->pf == NFPROTO_NETDEV ? e->run->hook == NF_NETDEV_EGRESS : e->run->hook == NF_INET_POST_ROUTING;
}

static enum step_kind get_link(struct eval *e, const struct meta_data *d)
{
	int ifindex = d->key == NFT_META_IIFTYPE && has_left(e) ? eval_out(e) : device(e, d);
	const struct link *l = eval_link(e, ifindex);

	if (!ifindex)
		return STEP_BREAK;
	if (!l)
		return unknown(e, "depends on an interface that could not be read");
	switch (d->key) {
	case NFT_META_IIFTYPE:
	case NFT_META_OIFTYPE:
		return store16(e, d, l->type);
	case NFT_META_IIFGROUP:
	case NFT_META_OIFGROUP:
		return store32(e, d, l->group);
	}
	return l->kind[0] ? store_name(e, d, l->kind) : STEP_BREAK;
}

/* nft_meta_bridge_get_eval(): the bridge that the port belongs to. */
static enum step_kind get_bridge(struct eval *e, const struct meta_data *d)
{
	int ifindex = device(e, d);
	const struct link *l = eval_link(e, ifindex), *br;

	if (!ifindex)
		return STEP_BREAK;
	if (!l)
		return unknown(e, "depends on an interface that could not be read");
	if (!strcmp(l->kind, "bridge"))
		return store_name(e, d, l->name);
	br = eval_link(e, l->master);
	if (!l->master)
		return STEP_BREAK;
	return br ? store_name(e, d, br->name) : unknown(e, "depends on a bridge that could not be read");
}

static enum step_kind get_bridge_other(struct eval *e, const struct meta_data *d UNUSED)
{
	return unknown(e, "depends on the bridge port's VLAN or address");
}

/* inet_sdif(): the device below a VRF; 0 elsewhere. */
static enum step_kind get_sdif(struct eval *e, const struct meta_data *d)
{
	const struct link *l = eval_link(e, eval_in(e));

	if (l && (!strcmp(l->kind, "vrf") || !strcmp(l->master_kind, "vrf")))
		return value_unknown(e, d, "depends on the device below a VRF");
	return d->key == NFT_META_SDIF ? store32(e, d, 0) : store_name(e, d, "");
}

/* -- the socket -- */

static enum step_kind get_owner(struct eval *e, const struct meta_data *d)
{
	enum answer sk = eval_has_socket(e);

	if (sk == NO)
		return STEP_BREAK;
	if (e->p->given.set && d->key == NFT_META_SKUID)
		return store32(e, d, e->p->given.sk->uid);
	if (sk == UNKNOWN || !e->p->sk_known)
		return unknown(e, "depends on the process that owns the socket");
	return store32(e, d, d->key == NFT_META_SKUID ? e->p->uid : e->p->gid);
}

static enum step_kind get_cgroup(struct eval *e, const struct meta_data *d UNUSED)
{
	return eval_has_socket(e) == NO ? STEP_BREAK : unknown(e, "depends on the cgroup of the sending process");
}

/* -- what only the moment determines -- */

static enum step_kind get_time(struct eval *e, const struct meta_data *d)
{
	return value_unknown(e, d, "depends on the time");
}

static enum step_kind get_cpu(struct eval *e, const struct meta_data *d)
{
	return value_unknown(e, d, "depends on the CPU that handles the packet");
}

static enum step_kind get_random(struct eval *e, const struct meta_data *d)
{
	return value_unknown(e, d, "depends on a random number");
}

static enum step_kind get_secmark(struct eval *e, const struct meta_data *d)
{
	return value_unknown(e, d, "depends on a security mark");
}

static enum step_kind get_classid(struct eval *e, const struct meta_data *d)
{
	return unknown(e, d->key == NFT_META_RTCLASSID ? "depends on the realm of the route" : "depends on the class");
}

static enum step_kind get_secpath(struct eval *e, const struct meta_data *d)
{
	if (e->run->hook == NF_INET_LOCAL_OUT)
		return store8(e, d, 0);
	return value_unknown(e, d, "depends on whether the packet came through IPsec");
}

static const struct meta_key keys[META_IIFHWADDR + 1] = {
	[NFT_META_LEN] = { "meta length", DT_HOST_INTEGER, 4, get_len },
	[NFT_META_PROTOCOL] = { "meta protocol", DT_ETHERTYPE, 2, get_protocol },
	[NFT_META_PRIORITY] = { "meta priority", DT_CLASSID, 4, get_priority },
	[NFT_META_MARK] = { "meta mark", DT_MARK, 4, get_mark },
	[NFT_META_IIF] = { "iif", DT_IFINDEX, 4, get_if },
	[NFT_META_OIF] = { "oif", DT_IFINDEX, 4, get_if },
	[NFT_META_IIFNAME] = { "iifname", DT_IFNAME, 16, get_ifname },
	[NFT_META_OIFNAME] = { "oifname", DT_IFNAME, 16, get_ifname },
	[NFT_META_IIFTYPE] = { "iiftype", DT_ARPHRD, 2, get_link },
	[NFT_META_OIFTYPE] = { "oiftype", DT_ARPHRD, 2, get_link },
	[NFT_META_SKUID] = { "meta skuid", DT_UID, 4, get_owner },
	[NFT_META_SKGID] = { "meta skgid", DT_GID, 4, get_owner },
	[NFT_META_NFTRACE] = { "meta nftrace", DT_HOST_INTEGER, 1, NULL },
	[NFT_META_RTCLASSID] = { "meta rtclassid", DT_REALM, 4, get_classid },
	[NFT_META_SECMARK] = { "meta secmark", DT_HOST_INTEGER, 4, get_secmark },
	[NFT_META_NFPROTO] = { "meta nfproto", DT_NFPROTO, 1, get_nfproto },
	[NFT_META_L4PROTO] = { "meta l4proto", DT_PROTO, 1, get_l4proto },
	[NFT_META_BRI_IIFNAME] = { "meta ibrname", DT_IFNAME, 16, get_bridge },
	[NFT_META_BRI_OIFNAME] = { "meta obrname", DT_IFNAME, 16, get_bridge },
	[NFT_META_PKTTYPE] = { "meta pkttype", DT_PKTTYPE, 1, get_pkttype },
	[NFT_META_CPU] = { "meta cpu", DT_HOST_INTEGER, 4, get_cpu },
	[NFT_META_IIFGROUP] = { "iifgroup", DT_DEVGROUP, 4, get_link },
	[NFT_META_OIFGROUP] = { "oifgroup", DT_DEVGROUP, 4, get_link },
	[NFT_META_CGROUP] = { "meta cgroup", DT_HOST_INTEGER, 4, get_cgroup },
	[NFT_META_PRANDOM] = { "meta random", DT_HOST_INTEGER, 4, get_random },
	[NFT_META_SECPATH] = { "meta ipsec", DT_BOOLEAN, 1, get_secpath },
	[NFT_META_IIFKIND] = { "meta iifkind", DT_IFNAME, 16, get_link },
	[NFT_META_OIFKIND] = { "meta oifkind", DT_IFNAME, 16, get_link },
	[NFT_META_BRI_IIFPVID] = { "meta ibrpvid", DT_HOST_INTEGER, 2, get_bridge_other },
	[NFT_META_BRI_IIFVPROTO] = { "meta ibrvproto", DT_ETHERTYPE, 2, get_bridge_other },
	[NFT_META_TIME_NS] = { "meta time", DT_DATE, 8, get_time },
	[NFT_META_TIME_DAY] = { "meta day", DT_DAY, 1, get_time },
	[NFT_META_TIME_HOUR] = { "meta hour", DT_HOUR, 4, get_time },
	[NFT_META_SDIF] = { "meta sdif", DT_IFINDEX, 4, get_sdif },
	[NFT_META_SDIFNAME] = { "meta sdifname", DT_IFNAME, 16, get_sdif },
	[META_BROUTE] = { "meta broute", DT_HOST_INTEGER, 1, NULL },
	[META_IIFHWADDR] = { "meta ibrhwaddr", DT_ETHER, 6, get_bridge_other },
};

static enum step_kind meta_run(struct eval *e, const struct step *s)
{
	const struct meta_data *d = s->data;

	return keys[d->key].get(e, d);
}

static void meta_words(struct words *w, const struct step *s)
{
	const struct meta_data *d = s->data;

	words_load(w, d->reg, keys[d->key].type, keys[d->key].len, "%s", keys[d->key].name)->key = d->key + 1;
}

const struct expr_ops expr_ops_meta = EXPR_OPS("meta", meta_run, meta_words);

/* -- meta set -- */

/* nft_meta_set_eval() */
static enum step_kind set_run(struct eval *e, const struct step *s)
{
	const struct meta_data *d = s->data;
	uint32_t v = reg_load32(e, d->reg);

	if (!reg_known(e, d->reg, 4))
		return unknown(e, e->unknown ?: "sets a value that is not known");
	if (d->key == NFT_META_MARK) {
		if (e->p->mark != v)
			e->says = v ? arena_printf(e->arena, "marks %#x", v) : "clears the mark";
		e->no_change = e->p->mark == v;
		e->p->mark = v;
	} else {
		e->no_change = e->p->priority == v;
		e->p->priority = v;
	}
	return STEP_NEXT;
}

static enum step_kind set_nothing_run(struct eval *e UNUSED, const struct step *s UNUSED)
{
	return STEP_NEXT;
}

/* nft_meta_bridge_set_eval(): the frame is routed instead of bridged, which nothing here follows. */
static enum step_kind set_broute_run(struct eval *e, const struct step *s UNUSED)
{
	return unknown(e, "hands a bridged frame to the router (meta broute)");
}

static void set_words(struct words *w, const struct step *s)
{
	const struct meta_data *d = s->data;

	words_flush(w);
	if (w->iptables && d->key == NFT_META_NFTRACE)
		words_add(w, "-j TRACE");
	else
		words_add(w, "%s set %s", keys[d->key].name,
			  words_value(w, d->reg, keys[d->key].type, keys[d->key].len));
}

static const struct expr_ops set_ops = EXPR_OPS("meta", set_run, set_words, .changes = true);
static const struct expr_ops set_nothing_ops = EXPR_OPS("meta", set_nothing_run, set_words, .pure = true);
static const struct expr_ops set_broute_ops = EXPR_OPS("meta", set_broute_run, set_words, .changes = true);

static const struct expr_ops *set_ops_of(uint32_t key)
{
	switch (key) {
	case NFT_META_MARK:
	case NFT_META_PRIORITY:
		return &set_ops;
	case NFT_META_NFTRACE:
	case NFT_META_PKTTYPE:
	case NFT_META_SECMARK:
		return &set_nothing_ops;
	case META_BROUTE:
		return &set_broute_ops;
	}
	return NULL;
}

static bool meta_decode(struct decode *d, const struct nlattr *data, struct step *s)
{
	const struct nlattr *tb[NFTA_META_MAX + 1];
	const struct expr_ops *ops;
	struct meta_data *m;
	uint32_t key;
	bool set;

	if (!expr_attrs(data, tb, NFTA_META_MAX))
		return false;
	key = nl_be32(tb[NFTA_META_KEY], UINT32_MAX);
	set = tb[NFTA_META_SREG];
	if (key >= ARRAY_SIZE(keys) || !keys[key].name)
		return false;
	ops = set ? set_ops_of(key) : keys[key].get ? &expr_ops_meta : NULL;
	if (!ops)
		return false;
	m = step_new(d, s, ops, sizeof(*m));
	m->key = key;
	/* whole registers: what is loaded and stored is padded to them */
	return expr_reg(tb[set ? NFTA_META_SREG : NFTA_META_DREG], (keys[key].len + 3) & ~3u, &m->reg);
}

static const struct expr rows[] = { { "meta", meta_decode } };
const struct exprs expr_meta = EXPRS(rows);
