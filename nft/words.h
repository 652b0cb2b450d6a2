/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rules of nf_tables in the words of nft, or of iptables where iptables-nft wrote them: what each register
 * holds is followed as text, so that "load 4 bytes at 16" and "compare" become "ip daddr 10.96.0.1".
 */
#ifndef KTRACE_NFT_WORDS_H
#define KTRACE_NFT_WORDS_H

#include "nft/chain.h"
#include "nft/ruleset.h"

/* nft's datatype numbers (enum datatypes of its include/datatype.h): the wire carries them in set headers. */
enum datatype {
	DT_NONE = 0, DT_VERDICT = 1, DT_NFPROTO = 2, DT_BITMASK = 3, DT_INTEGER = 4, DT_STRING = 5, DT_LLADDR = 6,
	DT_IPV4 = 7, DT_IPV6 = 8, DT_ETHER = 9, DT_ETHERTYPE = 10, DT_PROTO = 12, DT_PORT = 13,
	DT_ICMP_TYPE = 14, DT_TCP_FLAGS = 15, DT_TIME = 18, DT_MARK = 19, DT_IFINDEX = 20, DT_ARPHRD = 21,
	DT_REALM = 22, DT_CLASSID = 23, DT_UID = 24, DT_GID = 25, DT_CT_STATE = 26, DT_CT_DIR = 27,
	DT_CT_STATUS = 28, DT_ICMP6_TYPE = 29, DT_CT_LABEL = 30, DT_PKTTYPE = 31, DT_ICMP_CODE = 32,
	DT_ICMP6_CODE = 33, DT_DEVGROUP = 35, DT_DSCP = 36, DT_ECN = 37, DT_FIB_TYPE = 38, DT_BOOLEAN = 39,
	DT_CT_EVENT = 40, DT_IFNAME = 41, DT_DATE = 43, DT_HOUR = 44, DT_DAY = 45, DT_CGROUP = 46,
	DT_HOST_INTEGER = 63,		/* ours: an integer in host order */
};

struct word {
	const char *text;		/* "ip daddr", "meta mark & 0xff", or a value where constant */
	enum datatype type;
	uint8_t len;			/* of a whole value; shorter loads are prefixes */
	bool constant;			/* of an immediate: bytes below */
	uint8_t base, off, plen;	/* a payload load: NFT_PAYLOAD_* + 1, 0: none */
	uint8_t key;			/* a meta load: NFT_META_* + 1, 0: none */
	const uint8_t *bytes;		/* of a constant */
	const uint8_t *mask;		/* applied to what lhs names; NULL: none */
	const char *lhs;
	bool swapped;			/* a number of host order, turned to be compared */
};

struct words {
	struct arena *arena;
	struct ruleset *ruleset;	/* to name anonymous sets' elements; may be NULL */
	const struct chain *chain;
	struct text t;
	bool iptables;
	uint8_t l4proto;		/* what a preceding match fixed, 0: nothing */
	const char *pending3, *pending4;	/* "meta nfproto ipv4", "meta l4proto tcp": printed if nothing implies them */
	uint8_t l3proto;		/* NFPROTO_IPV4, _IPV6, or 0 */
	uint8_t said_m;			/* iptables: "-m tcp" was printed for this protocol */
	const uint8_t *low;		/* the lower end of a range, the upper one comes next */
	struct word low_of;		/* what it is compared with */
	uint8_t low_len;
	const char *head[6];		/* iptables: -s -d -i -o -p -f, which its tool prints first */
	struct word reg[20];		/* by byte offset / 4 */
};

/* Appends a word with a space before it. */
void words_add(struct words *w, const char *fmt, ...) PRINTF(2, 3);
struct word *words_reg(struct words *w, unsigned off);
/* The same for one of the options that stand first: letter is one of "sdiopf". */
void words_head(struct words *w, char letter, const char *fmt, ...) PRINTF(3, 4);
/* Declares what a register holds from now on. */
struct word *words_load(struct words *w, unsigned off, enum datatype type, unsigned len, const char *fmt, ...)
	PRINTF(5, 6);
/* The value in a register as words: the text of what it holds, constants formatted as type asks. */
const char *words_value(struct words *w, unsigned off, enum datatype type, unsigned len);
/* The same for a constant that names a device of this namespace. */
const char *words_constant(struct words *w, enum datatype type, const uint8_t *v, unsigned len);
/* A constant in the words of its type. */
const char *words_format(struct arena *a, enum datatype type, const uint8_t *v, unsigned len);
struct words_field {
	enum datatype type;
	uint8_t off, len;
};
unsigned words_fields(uint32_t type, unsigned len, const struct set *s, struct words_field f[8]);
/* A whole register sequence as a set's key: "ip daddr . tcp dport". */
const char *words_key(struct words *w, const struct set *s, unsigned off);
/* An element of s as nft prints it. */
const char *words_elem(struct arena *a, const struct set *s, const struct set_elem *el);
/* "@name", or "{ … }" of an anonymous set; *s may come out NULL. */
const char *words_set(struct words *w, const char *name, const struct set **s);
const char *words_verdict(struct arena *a, int code, const char *chain);
/* Prints what was held back: a protocol match that no later match implied. */
void words_flush(struct words *w);
/* "lhs op value" of a comparison, in either tool's words. */
void words_compare(struct words *w, unsigned off, uint8_t op, const uint8_t *value, unsigned len);
/* A register is about to be printed: drops the protocol match that it implies. */
void words_implied(struct words *w, const struct word *r);
/* The whole rule, without its comment. */
const char *words_rule(struct arena *a, struct ruleset *r, const struct chain *c, bool iptables, const struct rule *rule);
/* What a payload load reads. */
void words_payload(struct words *w, unsigned off, uint8_t base, unsigned offset, unsigned len);
const char *words_limit(struct arena *a, uint64_t rate, uint64_t unit, uint32_t burst, uint32_t type, uint32_t flags);

#endif
