/* SPDX-License-Identifier: GPL-2.0-only */
/* Values in the words of nft, by datatype. */
#include <netinet/in.h>
#include <string.h>

#include "nft/uapi.h"
#include "nft/words.h"

#include <linux/if_ether.h>
#include <linux/rtnetlink.h>

struct symbol {
	uint32_t value;
	const char *name;
};

static const struct symbol ct_states[] = {
	{ 1, "invalid" }, { 2, "established" }, { 4, "related" }, { 8, "new" }, { 64, "untracked" }, { 0, NULL },
};
static const struct symbol ct_statuses[] = {
	{ 1, "expected" }, { 2, "seen-reply" }, { 4, "assured" }, { 8, "confirmed" }, { 16, "snat" },
	{ 32, "dnat" }, { 512, "dying" }, { 0, NULL },
};
static const struct symbol ct_events[] = {
	{ 1, "new" }, { 2, "related" }, { 4, "destroy" }, { 8, "reply" }, { 16, "assured" }, { 32, "protoinfo" },
	{ 64, "helper" }, { 128, "mark" }, { 256, "seqadj" }, { 512, "secmark" }, { 1024, "label" }, { 0, NULL },
};
static const struct symbol tcp_flags[] = {
	{ 1, "fin" }, { 2, "syn" }, { 4, "rst" }, { 8, "psh" }, { 16, "ack" }, { 32, "urg" }, { 64, "ecn" },
	{ 128, "cwr" }, { 0, NULL },
};
static const struct symbol fib_types[] = {
	{ RTN_UNSPEC, "unspec" }, { RTN_UNICAST, "unicast" }, { RTN_LOCAL, "local" }, { RTN_BROADCAST, "broadcast" },
	{ RTN_ANYCAST, "anycast" }, { RTN_MULTICAST, "multicast" }, { RTN_BLACKHOLE, "blackhole" },
	{ RTN_UNREACHABLE, "unreachable" }, { RTN_PROHIBIT, "prohibit" }, { 0, NULL },
};
static const struct symbol nfprotos[] = { { 2, "ipv4" }, { 10, "ipv6" }, { 0, NULL } };
static const struct symbol dirs[] = { { 0, "original" }, { 1, "reply" }, { 0, NULL } };
static const struct symbol pkttypes[] = {
	{ 0, "host" }, { 1, "broadcast" }, { 2, "multicast" }, { 3, "other" }, { 0, NULL },
};
static const struct symbol ethertypes[] = {
	{ ETH_P_IP, "ip" }, { ETH_P_IPV6, "ip6" }, { ETH_P_ARP, "arp" }, { ETH_P_8021Q, "vlan" }, { 0, NULL },
};
static const struct symbol booleans[] = { { 0, "missing" }, { 1, "exists" }, { 0, NULL } };
static const struct symbol icmp_types[] = {
	{ 0, "echo-reply" }, { 3, "destination-unreachable" }, { 4, "source-quench" }, { 5, "redirect" },
	{ 8, "echo-request" }, { 11, "time-exceeded" }, { 12, "parameter-problem" }, { 0, NULL },
};
static const struct symbol icmp6_types[] = {
	{ 1, "destination-unreachable" }, { 2, "packet-too-big" }, { 3, "time-exceeded" }, { 4, "parameter-problem" },
	{ 128, "echo-request" }, { 129, "echo-reply" }, { 133, "nd-router-solicit" }, { 134, "nd-router-advert" },
	{ 135, "nd-neighbor-solicit" }, { 136, "nd-neighbor-advert" }, { 137, "nd-redirect" }, { 0, NULL },
};

static const struct {
	enum datatype type;
	const struct symbol *symbol;
	bool bits, host;
} symbols[] = {
	{ DT_CT_STATE, ct_states, true, true }, { DT_CT_STATUS, ct_statuses, true, true },
	{ DT_CT_EVENT, ct_events, true, true }, { DT_TCP_FLAGS, tcp_flags, true, false },
	{ DT_FIB_TYPE, fib_types, false, true }, { DT_NFPROTO, nfprotos, false, false },
	{ DT_CT_DIR, dirs, false, false }, { DT_PKTTYPE, pkttypes, false, false },
	{ DT_ETHERTYPE, ethertypes, false, false }, { DT_BOOLEAN, booleans, false, true },
	{ DT_ICMP_TYPE, icmp_types, false, false }, { DT_ICMP6_TYPE, icmp6_types, false, false },
};

static uint64_t number(const uint8_t *v, unsigned len, bool host)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < len && i < 8; i++)
		n = host && htonl(1) != 1 ? n | (uint64_t)v[i] << 8 * i : n << 8 | v[i];
	return n;
}

static const char *format_bits(struct arena *a, const struct symbol *s, uint64_t v)
{
	struct text t = { .arena = a };
	uint64_t left = v;

	for (; s->name; s++) {
		if (!(v & s->value))
			continue;
		text_add(&t, "%s%s", t.len ? "," : "", s->name);
		left &= ~(uint64_t)s->value;
	}
	if (left || !v)
		text_add(&t, "%s%#llx", t.len ? "," : "", (unsigned long long)left);
	return text_get(&t);
}

static const char *format_symbol(struct arena *a, enum datatype type, const uint8_t *v, unsigned len)
{
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		const struct symbol *s = symbols[i].symbol;
		uint64_t n = number(v, len, symbols[i].host);

		if (symbols[i].type != type)
			continue;
		if (symbols[i].bits)
			return format_bits(a, s, n);
		for (; s->name; s++)
			if (s->value == n)
				return s->name;
		return arena_printf(a, "%llu", (unsigned long long)n);
	}
	return NULL;
}

static const char *format_hex(struct arena *a, const uint8_t *v, unsigned len)
{
	struct text t = { .arena = a };

	text_add(&t, "0x");
	for (unsigned i = 0; i < len; i++)
		text_add(&t, "%02x", v[i]);
	return text_get(&t);
}

/* An address, or the leading bytes of one: a prefix. */
static const char *format_addr(struct arena *a, enum datatype type, const uint8_t *v, unsigned len)
{
	unsigned whole = type == DT_IPV4 ? 4 : 16;
	uint8_t b[16] = { 0 };
	char buf[ADDR_TEXT];
	struct addr addr;

	memcpy(b, v, len < whole ? len : whole);
	addr = addr_from(b, whole);
	if (len < whole)
		return arena_printf(a, "%s/%u", addr_say(&addr, buf), len * 8);
	return arena_strdup(a, addr_say(&addr, buf));
}

/* cmp of fewer bytes than a name and its NUL: a prefix, "veth*". */
static const char *format_name(struct arena *a, const uint8_t *v, unsigned len)
{
	unsigned n = strnlen((const char *)v, len);

	return arena_printf(a, "\"%.*s%s\"", (int)n, (const char *)v, n == len && len < 16 ? "*" : "");
}

const char *words_format(struct arena *a, enum datatype type, const uint8_t *v, unsigned len)
{
	const char *s = format_symbol(a, type, v, len);

	if (s)
		return s;
	switch (type) {
	case DT_IPV4:
	case DT_IPV6:
		return format_addr(a, type, v, len);
	case DT_PORT:
		return arena_printf(a, "%llu", (unsigned long long)number(v, len < 2 ? len : 2, false));
	case DT_PROTO:
		return len ? proto_say(a, v[0]) : "?";
	case DT_MARK:
		return arena_printf(a, "0x%08llx", (unsigned long long)number(v, len, true));
	case DT_IFNAME:
	case DT_STRING:
		return format_name(a, v, len);
	case DT_ETHER:
		if (len == 6)
			return arena_printf(a, "%02x:%02x:%02x:%02x:%02x:%02x", v[0], v[1], v[2], v[3], v[4], v[5]);
		break;
	case DT_TIME:
		return arena_printf(a, "%llus", (unsigned long long)number(v, len, true) / 1000);
	case DT_IFINDEX:
	case DT_ARPHRD:
	case DT_REALM:
	case DT_UID:
	case DT_GID:
	case DT_DEVGROUP:
	case DT_CGROUP:
	case DT_DATE:
	case DT_HOUR:
	case DT_DAY:
	case DT_HOST_INTEGER:
		return arena_printf(a, "%llu", (unsigned long long)number(v, len, true));
	case DT_CLASSID: {
		uint64_t n = number(v, len, true);

		return arena_printf(a, "%llx:%llx", (unsigned long long)n >> 16, (unsigned long long)n & 0xffff);
	}
	case DT_INTEGER:
	case DT_ICMP_CODE:
	case DT_ICMP6_CODE:
		if (len <= 8)
			return arena_printf(a, "%llu", (unsigned long long)number(v, len, false));
		break;
	default:
		break;
	}
	return format_hex(a, v, len);
}

const char *words_verdict(struct arena *a, int code, const char *chain)
{
	switch (code) {
	case NFT_CONTINUE:
		return "continue";
	case NFT_BREAK:
		return "break";
	case NFT_JUMP:
		return arena_printf(a, "jump %s", chain ? chain : "?");
	case NFT_GOTO:
		return arena_printf(a, "goto %s", chain ? chain : "?");
	case NFT_RETURN:
		return "return";
	}
	switch (code & NF_VERDICT_MASK) {
	case NF_ACCEPT:
		return "accept";
	case NF_DROP:
		return "drop";
	case NF_QUEUE:
		return arena_printf(a, "queue to %d", code >> 16);
	}
	return arena_printf(a, "verdict %d", code);
}

const char *words_limit(struct arena *a, uint64_t rate, uint64_t unit, uint32_t burst, uint32_t type, uint32_t flags)
{
	static const struct { uint64_t unit; const char *name; } units[] = {
		{ 1, "second" }, { 60, "minute" }, { 3600, "hour" }, { 86400, "day" }, { 604800, "week" },
	};
	const char *per = NULL, *over = flags & NFT_LIMIT_F_INV ? "over " : "";
	bool bytes = type == NFT_LIMIT_PKT_BYTES;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (units[i].unit == unit)
			per = units[i].name;
	if (!per)
		per = arena_printf(a, "%llu seconds", (unsigned long long)unit);
	if (!bytes && burst == 5)
		return arena_printf(a, "limit rate %s%llu/%s", over, (unsigned long long)rate, per);
	return arena_printf(a, "limit rate %s%llu%s/%s burst %u %s", over, (unsigned long long)rate,
			    bytes ? " bytes" : "", per, burst, bytes ? "bytes" : "packets");
}

/* -- elements -- */

static unsigned type_len(enum datatype t)
{
	switch (t) {
	case DT_IPV6:
	case DT_IFNAME:
	case DT_CT_LABEL:
		return 16;
	case DT_ETHER:
		return 6;
	case DT_PORT:
	case DT_ETHERTYPE:
	case DT_ARPHRD:
		return 2;
	case DT_PROTO:
	case DT_NFPROTO:
	case DT_ICMP_TYPE:
	case DT_ICMP6_TYPE:
	case DT_ICMP_CODE:
	case DT_ICMP6_CODE:
	case DT_TCP_FLAGS:
	case DT_CT_DIR:
	case DT_PKTTYPE:
	case DT_DSCP:
	case DT_BOOLEAN:
		return 1;
	case DT_DATE:
	case DT_CGROUP:
		return 8;
	default:
		return 4;
	}
}

/* The fields of a concatenated type, six bits each, the first one highest. Returns how many. */
unsigned words_fields(uint32_t type, unsigned len, const struct set *s, struct words_field f[8])
{
	unsigned n = 0, off = 0;

	for (int shift = 24; shift >= 0; shift -= 6)
		if (type >> shift && n < 8)
			f[n++].type = type >> shift & 63;
	if (!n) {
		f[0] = (struct words_field){ DT_NONE, 0, len };
		return 1;
	}
	for (unsigned i = 0; i < n; i++) {
		f[i].off = off;
		f[i].len = n == 1 ? len : s && i < s->n_field && s->n_field == n ? s->field[i] : type_len(f[i].type);
		if (off + f[i].len > len)
			f[i].len = off < len ? len - off : 0;
		off += (f[i].len + 3) & ~3u;
	}
	return n;
}

/* first to last: a prefix where it is one. */
static void add_range(struct text *t, enum datatype type, const uint8_t *a, const uint8_t *b, unsigned len)
{
	unsigned plen = 0;
	bool prefix = type == DT_IPV4 || type == DT_IPV6;

	if (!memcmp(a, b, len)) {
		text_add(t, "%s", words_format(t->arena, type, a, len));
		return;
	}
	while (plen < len * 8 && !((a[plen / 8] ^ b[plen / 8]) & 0x80 >> plen % 8))
		plen++;
	for (unsigned i = plen; i < len * 8; i++)
		prefix &= !(a[i / 8] & 0x80 >> i % 8) && b[i / 8] & 0x80 >> i % 8;
	if (prefix)
		text_add(t, "%s/%u", words_format(t->arena, type, a, len), plen);
	else
		text_add(t, "%s-%s", words_format(t->arena, type, a, len), words_format(t->arena, type, b, len));
}

static void add_value(struct text *t, uint32_t type, unsigned len, const struct set *s, const uint8_t *v)
{
	struct words_field f[8];
	unsigned n = words_fields(type, len, s, f);

	/* both ends of an interval, as a prefix translates to */
	if ((type == DT_IPV4 && len == 8) || (type == DT_IPV6 && len == 32)) {
		add_range(t, type, v, v + len / 2, len / 2);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		text_add(t, "%s%s", i ? " . " : "", words_format(t->arena, f[i].type, v + f[i].off, f[i].len));
}

static void add_ranges(struct text *t, const struct set *s, const struct set_elem *el)
{
	struct words_field f[8];
	unsigned n = words_fields(s->key_type, s->key_len, s, f);

	for (unsigned i = 0; i < n; i++) {
		if (i)
			text_add(t, " . ");
		add_range(t, f[i].type, el->key + f[i].off, el->key_end + f[i].off, f[i].len);
	}
}

static void add_interval(struct text *t, const struct set *s, const struct set_elem *el)
{
	const uint8_t *end = set_interval_end(s, el);
	uint8_t last[64];
	int i = s->key_len - 1;

	memset(last, 0xff, sizeof(last));
	if (end) {
		memcpy(last, end, s->key_len);
		while (i >= 0 && last[i]-- == 0)
			i--;
	}
	/* numbers in an interval are kept in network order, whatever their type is otherwise */
	add_range(t, s->key_type == DT_HOST_INTEGER || s->key_type == DT_MARK ? DT_INTEGER : s->key_type, el->key, last,
		  s->key_len);
}

const char *words_elem(struct arena *a, const struct set *s, const struct set_elem *el)
{
	struct text t = { .arena = a };

	if (el->flags & NFT_SET_ELEM_CATCHALL)
		text_add(&t, "*");
	else if (el->key_end && s->n_field > 1)
		add_ranges(&t, s, el);
	else if (s->flags & NFT_SET_INTERVAL && s->dumped)
		add_interval(&t, s, el);
	else if (el->key)
		add_value(&t, s->key_type, s->key_len, s, el->key);
	if (el->timeout)
		text_add(&t, " timeout %llus", (unsigned long long)el->timeout / 1000);
	if (el->expires)
		text_add(&t, " expires %llus", (unsigned long long)el->expires / 1000);
	if (el->comment)
		text_add(&t, " comment \"%s\"", el->comment);
	if (el->has_verdict)
		text_add(&t, " : %s", words_verdict(a, el->verdict, el->chain));
	else if (el->object)
		text_add(&t, " : \"%s\"", el->object);
	else if (el->data) {
		text_add(&t, " : ");
		add_value(&t, s->data_type, el->data_len, NULL, el->data);
	}
	return text_get(&t);
}
