/* SPDX-License-Identifier: GPL-2.0-only */
/* What `ktrace watch` and `ktrace drops` share. */
#include "tracer/live.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tracer/word.h"

#define CAUSES		64		/* that are counted apart */

static volatile sig_atomic_t interrupted;

static void on_signal(int sig UNUSED)
{
	interrupted = 1;
}

/* Without SA_RESTART: a poll ends at once. */
static void catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
}

uint64_t live_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

uint64_t live_wall(const struct live *l, uint64_t monotonic)
{
	return monotonic + l->clock;
}

int64_t live_clock(void)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return wall.tv_sec * 1000000000ll + wall.tv_nsec - (int64_t)live_now();
}

/* -- beginning ------------------------------------------------------------------------------------ */

static int find_target(struct live *l, struct err *err)
{
	struct prediction *p = &l->base;
	struct target target;
	int rc = target_parse(l->a, l->o->to, names_namespace(l->names), &target, err);

	if (!rc)
		rc = source_parse(l->s, l->a, l->o->from ? l->o->from : "node", &p->source, err);
	if (!rc)
		rc = names_source(l->names, l->s, &p->source, err);
	if (!rc)
		rc = names_resolve(l->names, l->s, &p->proxy, &target, &p->target, err);
	l->walk = (struct walk_options){ .source = &p->source };
	return rc;
}

int live_open(struct live *l, const struct options *o, struct err *err)
{
	const struct names_options names = { .objects = o->objects, .kubeconfig = o->kubeconfig, .namespace = o->namespace };
	int rc;

	/* or malloc learns from the kernel's types, read once and of 17 MiB, to keep as much for what never comes */
	mallopt(M_TRIM_THRESHOLD, 256 << 10);
	l->o = o;
	l->a = arena_new();
	l->gaps = l->unseen = (struct gaps){ .arena = l->a };
	rc = names_open(l->a, &names, &l->unseen, &l->names, err);
	if (!rc)
		rc = cmd_may_read(err);
	if (!rc)
		rc = io_open_live(l->a, IO_LIVE, &l->io, err);
	if (!rc)
		rc = state_open(l->io, l->a, &l->gaps, &l->s, err);
	if (!rc)
		rc = proxy_detect(l->s, l->a, &l->base.proxy, err);
	if (rc)
		return rc;
	l->base.node = state_node_name(l->s);
	l->base.kernel = state_kernel(l->s);
	rc = o->to ? find_target(l, err) : 0;
	if (rc)
		return rc;
	names_ask_all(l->names);
	l->out = (struct live_out){ .f = stdout, .json = o->json, .lines = o->lines, .o = cmd_out_options(o),
				    .status = !o->json && isatty(STDOUT_FILENO) };
	l->clock = live_clock();
	return 0;
}

static const char *reason_word(void *ctx, uint32_t reason)
{
	return probes_reason(ctx, reason);
}

static const char *symbol_word(void *ctx, uint64_t address)
{
	return probes_symbol(ctx, address);
}

struct kernel_words live_words(struct probes *p)
{
	return (struct kernel_words){ p, reason_word, symbol_word };
}

void live_missing(struct gaps *unseen, const struct probe_state *row, size_t n)
{
	struct text t = { .arena = unseen->arena };

	for (size_t i = 0; i < n; i++)
		if (!row[i].how && !row[i].idle)
			text_add(&t, "%s%s (%s)", t.len ? "; " : "", row[i].cost, row[i].function);
	if (t.len)
		gap_add(unseen, "this kernel lets no probe on these: %s", text_get(&t));
}

int live_attach(struct live *l, const struct probes_options *o, const char *command, struct err *err)
{
	const struct probe_state *row;
	size_t n;
	int rc = probes_open(o, &l->probes, err);

	if (rc)
		return rc;
	l->words = live_words(l->probes);
	rc = attribute_open(NULL, &l->words, &l->gaps, &l->attribute, err);
	if (!rc && l->o->write)
		rc = pcapng_open(l->o->write, arena_printf(l->a, "Linux %s on %s", l->base.kernel, l->base.node), &l->pcapng, err);
	if (rc)
		return rc;
	catch_signals();
	probes_states(l->probes, l->a, &row, &n);
	live_missing(&l->unseen, row, n);
	l->begun = live_now();
	l->ends = l->o->duration ? l->begun + l->o->duration * 1000000000ull : 0;
	out_live_begin(&l->out, l->a, &l->base, command, l->unseen.v, l->unseen.n);
	return 0;
}

void live_close(struct live *l)
{
	probes_close(l->probes);
	attribute_close(l->attribute);
	pcapng_close(l->pcapng);
	names_close(l->names);
	io_close(l->io);
	arena_free(l->a);
}

/* -- the loop ------------------------------------------------------------------------------------- */

bool live_over(const struct live *l)
{
	return interrupted || (l->ends && live_now() >= l->ends) || (l->o->count && l->told >= l->o->count);
}

int live_poll(struct live *l, uint64_t due, sighting_fn fn, void *ctx)
{
	uint64_t now = live_now(), until = l->ends && l->ends < due ? l->ends : due;
	int ms = until <= now ? 0 : (until - now) / 1000000 + 1 > 1000 ? 1000 : (until - now) / 1000000 + 1;
	int rc = probes_poll(l->probes, ms, fn, ctx);

	return rc < 0 && rc != -EINTR ? rc : 0;
}

/* -- words ---------------------------------------------------------------------------------------- */

void live_name(struct live *l, struct arena *a, const struct tuple *tuple, struct told *t, struct attribution *why)
{
	struct trace *path;

	t->from = names_pod_at(l->names, a, &tuple->src);
	t->to = names_pod_at(l->names, a, &tuple->dst);
	t->service = names_service_at(l->names, a, &tuple->dst, tuple->proto, tuple->dport);
	if (!why || !why->p.n_trace)
		return;
	if (!t->service)
		t->service = target_service_of(a, why->p.trace, 1);
	path = arena_dup(a, why->p.trace, sizeof(*path));
	if (path->has_endpoint)
		path->endpoint_owner = names_owner_at(l->names, a, &path->endpoint, path->target.proto, path->endpoint_port);
	why->p.trace = path;
	why->p.n_trace = 1;
}

static void count_cause(struct live *l, const char *cause, uint64_t n)
{
	for (size_t i = 0; i < l->tally.n_row; i++)
		if (!strcmp(l->row[i].cause, cause)) {
			l->row[i].n += n;
			return;
		}
	if (l->tally.n_row == CAUSES)
		return;
	*VEC_PUSH(l->a, l->row, l->tally.n_row, l->cap_row) = (struct tally_row){ arena_strdup(l->a, cause), n };
	l->tally.row = l->row;
}

void live_cause(struct told *t)
{
	if (!t->why)
		return;
	t->cause = t->why->p.n_finding ? t->why->p.finding[0].id : t->why->dropped ? drop_class_name(t->why->drop.class) : NULL;
	t->caused_by = t->why->caused_by;
}

void live_tell(struct live *l, struct arena *a, const struct told *t, uint64_t drops)
{
	l->told++;
	l->tally.drops += drops;
	if (drops && t->cause)
		count_cause(l, t->cause, drops);
	out_live_told(&l->out, a, t);
	out_live_status(&l->out, a, &l->tally);
}

const char *live_place(struct arena *a, const struct kernel_words *w, const struct sighting *s)
{
	static const char *const hooks[] = { "prerouting", "input", "forward", "output", "postrouting" };
	const char *hook = s->hook < ARRAY_SIZE(hooks) ? hooks[s->hook] : "hook";
	struct meaning m;

	switch (s->place) {
	case PLACE_HOOK:
		return arena_printf(a, "enters %s%s%s", hook, s->ifname[0] ? " on " : "", s->ifname);
	case PLACE_CHAIN:
		return arena_printf(a, "leaves %s at %s: %s", s->text, hook, s->verdict ? "accepted" : "dropped");
	case PLACE_DROP:
		m = meaning_of(w, s);
		return arena_printf(a, "dropped: %s%s%s", m.says, m.reason ? ", " : "", m.reason ? m.reason : "");
	case PLACE_IPVS_CONN:
		return arena_printf(a, "IPVS chose %s", endpoint_say(a, &s->ipvs.dst, s->ipvs.dport));
	default:
		return arena_printf(a, "%s%s%s", place_name(s->place), s->text[0] ? ": " : "", s->text);
	}
}

int live_write(struct pcapng *p, int64_t clock, const struct sighting *s, const char *comment, struct err *err)
{
	struct pcapng_packet packet = {
		.time = s->time + clock, .interface = s->ifname, .bytes = s->bytes, .n = s->n_bytes, .len = s->p.len,
		.comment = comment,
	};

	return p && s->n_bytes ? pcapng_write(p, &packet, err) : 0;
}

/* -- the end -------------------------------------------------------------------------------------- */

static int more_first(const void *x, const void *y)
{
	const struct tally_row *a = x, *b = y;

	return a->n < b->n ? 1 : a->n > b->n ? -1 : strcmp(a->cause, b->cause);
}

enum status live_end(struct live *l)
{
	l->tally.ns = live_now() - l->begun;
	l->tally.lost = probes_lost(l->probes);
	if (l->tally.n_row)
		qsort(l->row, l->tally.n_row, sizeof(*l->row), more_first);
	out_live_end(&l->out, l->a, &l->tally);
	return STATUS_REACHES;
}
