/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which real server a scheduler takes (net/netfilter/ipvs/ip_vs_*.c, 6.1). Those that hash the packet, or look at weights
 * and counters alone, are told; those that keep a pointer or throw dice fork with their long-run shares.
 */
#include <string.h>

#include "ipvs/priv.h"

#include <linux/ip_vs.h>

#define TAB		256		/* CONFIG_IP_VS_SH_TAB_BITS, _DH_TAB_BITS: 8 */
#define MH_TAB		4093		/* CONFIG_IP_VS_MH_TAB_INDEX: 12 */
#define MH_BITS		6
#define MH_FALLBACK	IP_VS_SVC_F_SCHED1
#define MH_PORT		IP_VS_SVC_F_SCHED2

struct sched {
	const struct packet *p;
	struct choices *choices;
	struct arena *arena;
	const struct ipvs_service *s;
	const struct ipvs_dest *dest;
	size_t n;
	bool *up;			/* weight above 0, not overloaded */
	const char *how;
};

enum answer ipvs_overloaded(const struct ipvs_dest *d)
{
	uint64_t total = (uint64_t)d->active + d->inactive;
	uint64_t low = d->lower ? d->lower : (uint64_t)d->upper * 3 / 4;

	if (!d->upper || total < low)
		return NO;
	return total >= d->upper ? YES : UNKNOWN;
}

static size_t ups(const struct sched *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += c->up[i];
	return n;
}

/* -- by chance, or by what cannot be seen ------------------------------------------------------------ */

static const struct ipvs_dest *by_share(struct sched *c, bool weighted)
{
	double *w = arena_alloc(c->arena, c->n * sizeof(*w));

	if (!ups(c))
		return NULL;
	for (size_t i = 0; i < c->n; i++)
		w[i] = !c->up[i] ? 0 : weighted ? c->dest[i].weight : 1;
	c->how = arena_printf(c->arena, "%s takes turns: one of %zu real servers", c->s->scheduler, ups(c));
	return &c->dest[choice_random(c->choices, c->n, w)];
}

static const struct ipvs_dest *rr(struct sched *c)
{
	return by_share(c, false);
}

static const struct ipvs_dest *wrr(struct sched *c)
{
	return by_share(c, true);
}

static const struct ipvs_dest *unseen(struct sched *c)
{
	size_t n = ups(c), k;

	if (!n)
		return NULL;
	c->how = arena_printf(c->arena, "one of %zu real servers, as %s keeps it to itself", n, c->s->scheduler);
	k = n == 1 ? 0 : choice_unknown(c->choices, n, arena_printf(c->arena,
			"which real server the IPVS scheduler %s picks cannot be told from outside", c->s->scheduler));
	for (size_t i = 0; i < c->n; i++)
		if (c->up[i] && !k--)
			return &c->dest[i];
	return NULL;
}

/* ip_vs_dest_conn_overhead() */
static int64_t overhead(const struct ipvs_dest *d)
{
	return ((int64_t)d->active << 8) + d->inactive;
}

/* Two picks by weight, the less loaded wins. The first server also has the draw of 0. */
static const struct ipvs_dest *twos(struct sched *c)
{
	double *w = arena_alloc(c->arena, c->n * sizeof(*w)), *share = arena_alloc(c->arena, c->n * sizeof(*share));
	double total = 1;
	bool first = true;

	if (!ups(c))
		return NULL;
	for (size_t i = 0; i < c->n; i++) {
		if (!c->up[i])
			continue;
		w[i] = c->dest[i].weight + first;
		total += c->dest[i].weight;
		first = false;
	}
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->n; k++) {
			bool second = c->dest[k].weight * overhead(&c->dest[i]) > c->dest[i].weight * overhead(&c->dest[k]);

			share[second ? k : i] += w[i] / total * w[k] / total;
		}
	c->how = "twos draws two real servers by weight and takes the less loaded";
	return &c->dest[choice_random(c->choices, c->n, share)];
}

/* -- by weights and counters ------------------------------------------------------------------------- */

/* The first with the smallest cost/weight, compared as the kernel does. */
static const struct ipvs_dest *least(struct sched *c, int64_t (*cost)(const struct ipvs_dest *), bool weighted,
				     bool idle_first)
{
	const struct ipvs_dest *best = NULL;

	for (size_t i = 0; i < c->n; i++) {
		const struct ipvs_dest *d = &c->dest[i];

		if (!c->up[i])
			continue;
		if (idle_first && !d->active) {
			best = d;
			break;
		}
		if (!best || cost(best) * (weighted ? d->weight : 1) > cost(d) * (weighted ? best->weight : 1))
			best = d;
	}
	if (best)
		c->how = arena_printf(c->arena, "%s: the least loaded of %zu real servers at this moment (%u active connections, "
				      "%u others)", c->s->scheduler, ups(c), best->active, best->inactive);
	return best;
}

static int64_t active_plus_one(const struct ipvs_dest *d)
{
	return (int64_t)d->active + 1;
}

static const struct ipvs_dest *lc(struct sched *c)
{
	return least(c, overhead, false, false);
}

static const struct ipvs_dest *wlc(struct sched *c)
{
	return least(c, overhead, true, false);
}

static const struct ipvs_dest *sed(struct sched *c)
{
	return least(c, active_plus_one, true, false);
}

static const struct ipvs_dest *nq(struct sched *c)
{
	return least(c, active_plus_one, true, true);
}

static const struct ipvs_dest *heaviest(struct sched *c, bool room)
{
	const struct ipvs_dest *best = NULL;

	for (size_t i = 0; i < c->n; i++) {
		const struct ipvs_dest *d = &c->dest[i];

		if (c->up[i] && !(room && d->active > (uint32_t)d->weight) && (!best || d->weight > best->weight))
			best = d;
	}
	c->how = arena_printf(c->arena, "%s: the greatest weight%s", c->s->scheduler,
			      room ? " that is not exceeded by active connections" : "");
	return best;
}

static const struct ipvs_dest *fo(struct sched *c)
{
	return heaviest(c, false);
}

static const struct ipvs_dest *ovf(struct sched *c)
{
	return heaviest(c, true);
}

/* -- by the packet ----------------------------------------------------------------------------------- */

static uint32_t folded(const struct addr *a)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < addr_len(a); i += 4)
		v ^= (uint32_t)a->b[i] << 24 | a->b[i + 1] << 16 | a->b[i + 2] << 8 | a->b[i + 3];
	return v;
}

/* hash_32() to 8 bits */
static unsigned hash8(uint32_t v)
{
	return v * 0x61C88647u >> 24;
}

/* ip_vs_sh_reassign(): servers in list order, each as many buckets in a row as its weight (at least one). */
static void fill(const struct sched *c, const struct ipvs_dest **bucket, bool weighted)
{
	size_t at = 0;
	int count = 0;

	for (unsigned i = 0; i < TAB; i++) {
		bucket[i] = &c->dest[at];
		if (!weighted || ++count >= c->dest[at].weight) {
			at = (at + 1) % c->n;
			count = 0;
		}
	}
}

static const struct ipvs_dest *if_up(const struct sched *c, const struct ipvs_dest *d)
{
	return c->up[d - c->dest] ? d : NULL;
}

static const struct ipvs_dest *sh(struct sched *c)
{
	bool with_port = c->s->flags & IP_VS_SVC_F_SCHED_SH_PORT;
	uint32_t v = folded(&c->p->src) + (with_port ? c->p->sport : 0);
	const struct ipvs_dest *bucket[TAB], *d;
	unsigned first = hash8(v);

	if (!c->n)
		return NULL;
	fill(c, bucket, true);
	c->how = with_port ? "sh: a hash of the client's address and port" : "sh: a hash of the client's address";
	d = if_up(c, bucket[first]);
	if (!(c->s->flags & IP_VS_SVC_F_SCHED_SH_FALLBACK))
		return d;
	/* ip_vs_sh_get_fallback() */
	for (unsigned i = 0; !d && i < TAB; i++)
		d = if_up(c, bucket[((i + first) % TAB + first) % TAB]);
	return d;
}

static const struct ipvs_dest *dh(struct sched *c)
{
	const struct ipvs_dest *bucket[TAB];

	if (!c->n)
		return NULL;
	fill(c, bucket, false);
	c->how = "dh: a hash of the destination address";
	return if_up(c, bucket[hash8(folded(&c->p->dst))]);
}

/* hsiphash_1u32() of 64-bit kernels: SipHash-1-3 of 4 bytes, both key words the same. */
static uint32_t hsiphash(uint32_t first, uint64_t key)
{
	uint64_t v0 = 0x736f6d6570736575ULL ^ key, v1 = 0x646f72616e646f6dULL ^ key;
	uint64_t v2 = 0x6c7967656e657261ULL ^ key, v3 = 0x7465646279746573ULL ^ key;
	uint64_t b = 4ULL << 56 | first;

#define ROTL(x, n)	((x) << (n) | (x) >> (64 - (n)))
	for (int round = 0; round < 4; round++) {
		if (round == 0)
			v3 ^= b;
		v0 += v1, v1 = ROTL(v1, 13), v1 ^= v0, v0 = ROTL(v0, 32);
		v2 += v3, v3 = ROTL(v3, 16), v3 ^= v2;
		v0 += v3, v3 = ROTL(v3, 21), v3 ^= v0;
		v2 += v1, v1 = ROTL(v1, 17), v1 ^= v2, v2 = ROTL(v2, 32);
		if (round == 0)
			v0 ^= b, v2 ^= 0xff;
	}
#undef ROTL
	return v0 ^ v1 ^ v2 ^ v3;
}

#define MH_KEY1	2654435761ULL
#define MH_KEY2	2654446892ULL

struct maglev {
	unsigned offset, skip, perm;
	int turns;
};

static int gcd(int a, int b)
{
	while (b) {
		int t = a % b;

		a = b;
		b = t;
	}
	return a;
}

/* How often each server has its turn: ip_vs_mh_gcd_weight(), ip_vs_mh_shift_weight(). */
static void set_turns(const struct sched *c, struct maglev *m)
{
	int g = 0, most = 0, shift = 0;

	for (size_t i = 0; i < c->n; i++) {
		g = gcd(c->dest[i].weight, g);
		most = c->dest[i].weight > most ? c->dest[i].weight : most;
	}
	while (g && most / g >> shift >> MH_BITS)
		shift++;
	for (size_t i = 0; i < c->n; i++) {
		int w = c->dest[i].weight;

		m[i].turns = g ? w / g >> shift : 0;
		if (!m[i].turns)
			m[i].turns = w != 0;
	}
}

/* ip_vs_mh_permutate() and ip_vs_mh_populate() */
static const struct ipvs_dest **maglev_table(const struct sched *c)
{
	const struct ipvs_dest **table = arena_alloc(c->arena, MH_TAB * sizeof(*table));
	struct maglev *m = arena_alloc(c->arena, c->n * sizeof(*m));
	int turn = 0;

	set_turns(c, m);
	for (size_t i = 0; i < c->n; i++) {
		uint32_t v = folded(&c->dest[i].addr) + c->dest[i].port;

		m[i].offset = m[i].perm = hsiphash(v, MH_KEY1) % MH_TAB;
		m[i].skip = hsiphash(v, MH_KEY2) % (MH_TAB - 1) + 1;
	}
	for (unsigned full = 0; full < MH_TAB;)
		for (size_t i = 0; i < c->n && full < MH_TAB;) {
			if (m[i].turns < 1) {
				i++;
				continue;
			}
			while (table[m[i].perm])
				m[i].perm = (m[i].perm + m[i].skip) % MH_TAB;
			table[m[i].perm] = &c->dest[i];
			full++;
			if (++turn >= m[i].turns) {
				turn = 0;
				i++;
			}
		}
	return table;
}

static const struct ipvs_dest *mh(struct sched *c)
{
	bool with_port = c->s->flags & MH_PORT;
	uint32_t v = folded(&c->p->src) + (with_port ? c->p->sport : 0);
	const struct ipvs_dest **table, *d;
	uint32_t first;
	int down = 0;

	/* a server of weight 0 keeps the buckets of the weight that it had (dest->last_weight), which nobody tells */
	for (size_t i = 0; i < c->n; i++)
		down += c->dest[i].weight <= 0;
	if (c->n == 0 || down == (int)c->n || c->n > MH_TAB)
		return NULL;
	if (down)
		return unseen(c);
	table = maglev_table(c);
	c->how = with_port ? "mh: a hash of the client's address and port" : "mh: a hash of the client's address";
	first = hsiphash(v, MH_KEY1) % MH_TAB;
	d = if_up(c, table[first]);
	if (!(c->s->flags & MH_FALLBACK))
		return d;
	for (unsigned i = 0; !d && i < MH_TAB; i++)
		d = if_up(c, table[hsiphash((i + first) % MH_TAB + v, MH_KEY1) % MH_TAB]);
	return d;
}

/* -- the table --------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	const struct ipvs_dest *(*take)(struct sched *c);
} schedulers[] = {
	{ "rr", rr }, { "wrr", wrr }, { "lc", lc }, { "wlc", wlc }, { "sed", sed }, { "nq", nq }, { "fo", fo },
	{ "ovf", ovf }, { "sh", sh }, { "dh", dh }, { "mh", mh }, { "twos", twos },
};

static bool is_up(struct sched *c, const struct ipvs_dest *d)
{
	enum answer over = d->weight > 0 ? ipvs_overloaded(d) : NO;

	if (over == UNKNOWN)
		over = choice_unknown(c->choices, 2, arena_printf(c->arena,
				"whether the real server %s has come down from its upper threshold of %u connections",
				endpoint_say(c->arena, &d->addr, d->port), d->upper)) ? YES : NO;
	return d->weight > 0 && over == NO;
}

const struct ipvs_dest *ipvs_schedule(struct ipvs_run *run, struct arena *a, const struct ipvs_service *s,
				      const struct ipvs_dest *dest, size_t n, const char **how)
{
	struct sched c = { .p = run->p, .choices = run->choices, .arena = a, .s = s, .dest = dest, .n = n };
	const struct ipvs_dest *d;
	size_t i;

	/* `ipvsadm -s none`: no scheduler, nothing is ever taken */
	if (!strcmp(s->scheduler, "none") || !n)
		return NULL;
	c.up = arena_alloc(a, n * sizeof(*c.up));
	for (i = 0; i < n; i++)
		c.up[i] = is_up(&c, &dest[i]);
	for (i = 0; i < ARRAY_SIZE(schedulers) && strcmp(schedulers[i].name, s->scheduler); i++)
		;
	d = i < ARRAY_SIZE(schedulers) ? schedulers[i].take(&c) : unseen(&c);
	if (n == 1 && d)
		c.how = "the only real server";
	*how = c.how;
	return d;
}
