/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Live connections and templates. No netlink question asks for one, so its line is looked for in /proc/net/ip_vs_conn
 * (ip_vs_conn_seq_show(), the same from 3.18 on).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipvs/priv.h"

#define ADDR_HEX	40

/* %08X for IPv4, %pI6 (every digit) for IPv6. */
static const char *hex(const struct addr *a, char buf[ADDR_HEX])
{
	const uint8_t *b = a->b;

	if (a->family == AF_INET)
		snprintf(buf, ADDR_HEX, "%02X%02X%02X%02X", b[0], b[1], b[2], b[3]);
	else
		snprintf(buf, ADDR_HEX, "%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x", b[0],
			 b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return buf;
}

static const char *proto_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP: return "TCP";
	case IPPROTO_UDP: return "UDP";
	case IPPROTO_SCTP: return "SCTP";
	default: return "IP";
	}
}

static bool parse_addr(const char *s, struct addr *out)
{
	unsigned b[4];
	char *end;

	if (strchr(s, ':'))
		return addr_parse(s, out);
	if (strlen(s) != 8 || sscanf(s, "%2x%2x%2x%2x", &b[0], &b[1], &b[2], &b[3]) != 4)
		return false;
	*out = addr_v4((uint32_t)strtoul(s, &end, 16));
	return !*end;
}

int ipvs_conns_read(struct ipvs *v, uint32_t netns)
{
	struct ipvs_ns *ns = ipvs_ns(v, netns);

	return ns->conns ? 0 : io_file(v->io, netns, "/proc/net/ip_vs_conn", &ns->conns, NULL);
}

struct found {
	const char *key;
	int rc;
	struct ipvs_entry entry;
};

static int search(struct ipvs *v, struct ipvs_ns *ns, const char *key, struct ipvs_entry *out)
{
	const char *at, *end;
	char server[ADDR_HEX], state[24];
	unsigned port;
	int rc = ipvs_conns_read(v, ns->netns);

	if (rc)
		return rc;
	at = strstr(ns->conns, key);
	if (!at)
		return 0;
	at++;
	end = strchr(at, '\n');
	out->text = arena_strndup(v->arena, at, end ? (size_t)(end - at) : strlen(at));
	if (sscanf(out->text + strlen(key) - 1, "%39s %4x %23s", server, &port, state) != 3 ||
	    !parse_addr(server, &out->server))
		return -EINVAL;
	out->port = port;
	out->state = arena_strdup(v->arena, state);
	return 1;
}

/* The table may be long, and every way of a packet looks for the same. */
static int find(struct ipvs *v, uint32_t netns, const char *key, struct ipvs_entry *out)
{
	struct ipvs_ns *ns = ipvs_ns(v, netns);
	struct found *f;

	for (size_t i = 0; i < ns->n_found; i++)
		if (!strcmp(ns->found[i].key, key)) {
			*out = ns->found[i].entry;
			return ns->found[i].rc;
		}
	f = VEC_PUSH(v->arena, ns->found, ns->n_found, ns->cap_found);
	f->key = arena_strdup(v->arena, key);
	f->rc = search(v, ns, key, &f->entry);
	*out = f->entry;
	return f->rc;
}

int ipvs_conn_find(struct ipvs *v, uint32_t netns, const struct packet *p, struct ipvs_entry *out)
{
	char key[128], client[ADDR_HEX], vip[ADDR_HEX];

	snprintf(key, sizeof(key), "\n%-3s %s %04X %s %04X ", proto_name(p->proto), hex(&p->src, client), p->sport,
		 hex(&p->dst, vip), p->dport);
	return find(v, netns, key, out);
}

/* ip_vs_sched_persist(): the client's network as the service's mask cuts it. */
static struct addr client_net(const struct packet *p, const struct ipvs_service *s)
{
	struct addr a = p->src;
	uint8_t mask[4];

	if (a.family == AF_INET) {
		memcpy(mask, &s->netmask, 4);
		for (unsigned i = 0; i < 4; i++)
			a.b[i] &= mask[i];
		return a;
	}
	for (unsigned i = 0; i < 16; i++) {
		unsigned bits = s->netmask > 8 * i ? s->netmask - 8 * i : 0;

		a.b[i] &= bits >= 8 ? 0xff : 0xff00 >> bits;
	}
	return a;
}

int ipvs_template_find(struct ipvs *v, uint32_t netns, const struct packet *p, const struct ipvs_service *s,
		       struct ipvs_entry *out)
{
	struct addr net = client_net(p, s), vip = p->dst;
	char key[128], client[ADDR_HEX], to[ADDR_HEX];
	uint16_t port = s->port == 21 ? 0 : s->port;
	uint8_t proto = p->proto;

	if (s->fwmark) {
		/* the mark stands in the address's first 4 bytes */
		vip = (struct addr){ .family = p->dst.family };
		for (unsigned i = 0; i < 4; i++)
			vip.b[i] = s->fwmark >> (24 - 8 * i);
		proto = 0;
		port = 0;
	}
	snprintf(key, sizeof(key), "\n%-3s %s 0000 %s %04X ", proto_name(proto), hex(&net, client), hex(&vip, to), port);
	return find(v, netns, key, out);
}
