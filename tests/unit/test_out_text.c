/* SPDX-License-Identifier: GPL-2.0-only */
/* The text printer, byte for byte, over predictions made by hand. */
#include "tests/unit/prediction_fixture.h"

#include <limits.h>
#include <locale.h>

#include <linux/netfilter.h>

#include "tests/unit/golden.h"

static char *print(struct arena *a, const struct prediction *p, const struct out_options *o, size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	assert_non_null(f);
	out_text(f, a, p, o);
	fclose(f);
	return text;
}

/* No line beyond the width, no blank at a line's end, no control character. */
static void check_lines(const char *text, unsigned width)
{
	unsigned columns = 0;

	for (const char *c = text; *c; c++) {
		if (*c == '\n') {
			if (columns > width)
				fail_msg("%u columns before: %.60s", columns, c > text + 100 ? c - 100 : text);
			assert_true(c == text || c[-1] != ' ');
			columns = 0;
		} else if (((unsigned char)*c & 0xc0) != 0x80) {
			assert_true((unsigned char)*c >= ' ');
			columns++;
		}
	}
}

static void check(const char *name, const struct prediction *p, struct arena *a, const struct out_options *o)
{
	size_t len;
	char *text = print(a, p, o, &len);

	check_lines(text, o->width ? 80 : 99);
	golden_check(name, text, len);
	free(text);
}

static const struct out_options plain, all = { .all = true }, narrow = { .width = 60 };

static void three_endpoints_one_dropped(void **state)
{
	struct arena *a = arena_new();
	struct prediction p = fixture_partly(a);

	(void)state;
	assert_int_equal(p.outcome, OUTCOME_PARTLY);
	check("print/partly.txt", &p, a, &plain);
	check("print/partly-all.txt", &p, a, &all);
	check("print/partly-narrow.txt", &p, a, &narrow);
	arena_free(a);
}

static void color_is_only_paint(void **state)
{
	static const struct out_options color = { .color = true };
	struct arena *a = arena_new();
	struct prediction p = fixture_partly(a);
	size_t len, plain_len, n = 0;
	char *text = print(a, &p, &color, &len), *want = print(a, &p, &plain, &plain_len);

	(void)state;
	assert_true(len > plain_len);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\033')
			i += strcspn(text + i, "m");
		else
			text[n++] = text[i];
	}
	text[n] = 0;
	assert_string_equal(text, want);
	free(text);
	free(want);
	arena_free(a);
}

static void hundred_endpoints_fold(void **state)
{
	struct arena *a = arena_new();
	struct prediction p = fixture_service(a, 100, 0);
	size_t len, lines = 0;
	char *text = print(a, &p, &plain, &len);

	(void)state;
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	assert_in_range(lines, 10, 40);
	assert_non_null(strstr(text, "and 92 more like this"));
	golden_check("print/hundred.txt", text, len);
	free(text);
	arena_free(a);
}

static void one_endpoint_needs_no_tree(void **state)
{
	struct arena *a = arena_new();
	struct prediction p = fixture_service(a, 1, 0);

	(void)state;
	assert_int_equal(p.outcome, OUTCOME_REACHES);
	check("print/one.txt", &p, a, &plain);
	arena_free(a);
}

static void unknown_is_named_and_harmless(void **state)
{
	struct arena *a = arena_new();
	struct prediction p = fixture_unknown(a);
	size_t len;
	char *text = print(a, &p, &plain, &len);

	(void)state;
	assert_int_equal(p.outcome, OUTCOME_UNKNOWN);
	assert_null(strchr(text, '\033'));
	free(text);
	check("print/unknown.txt", &p, a, &plain);
	arena_free(a);
}

static void dropped_answer_is_shown(void **state)
{
	struct arena *a = arena_new();
	struct prediction p = fixture_reply(a);

	(void)state;
	assert_int_equal(p.outcome, OUTCOME_FAILS);
	check("print/reply.txt", &p, a, &plain);
	arena_free(a);
}

static void ascii_where_the_locale_is_not_utf8(void **state)
{
	struct arena *a = arena_new();
	struct prediction p = fixture_partly(a);
	size_t len;
	char *text;

	(void)state;
	setlocale(LC_CTYPE, "C");
	text = print(a, &p, &plain, &len);
	setlocale(LC_CTYPE, "C.UTF-8");
	for (size_t i = 0; i < len; i++)
		assert_true((unsigned char)text[i] < 0x80);
	golden_check("print/partly-ascii.txt", text, len);
	free(text);
	arena_free(a);
}

/* Outcomes by the ends and share kinds of their paths. */
/* What the kernel tells of a hook, and what it leaves untold. */
static void hooks_in_running_order(void **state)
{
	static const struct nft_hook_row rows[] = {
		{ .priority = INT_MIN, .function = "ip_sabotage_in", .module = "br_netfilter" },
		{ .priority = -300, .function = "ipt_do_table", .module = "ip_tables", .backend = BACKEND_LEGACY, .family = NFPROTO_IPV4,
		  .table = "raw" },
		{ .priority = -100, .function = "nf_nat_ipv4_pre_routing", .module = "nf_nat" },
		{ .priority = -100, .backend = BACKEND_NF_TABLES, .family = NFPROTO_INET, .table = "host", .chain = "pre", .in_nat = true },
		{ .priority = 7, .function = "nf_hook_run_bpf", .bpf_prog = 41 }, { .priority = 99 },
	};
	static const struct nft_hook_list list = { .row = rows, .n = ARRAY_SIZE(rows), .source = "nfnetlink_hook" },
					  none = { .source = "nfnetlink_hook" };
	static const struct node_hook hooks[] = { { NFPROTO_IPV4, "prerouting", &list }, { NFPROTO_IPV4, "input", &none } };
	struct arena *a = arena_new();
	struct prediction p = fixture_reply(a);

	(void)state;
	p.hook = hooks;
	p.n_hook = ARRAY_SIZE(hooks);
	check("print/hooks.txt", &p, a, &all);
	arena_free(a);
}

static void outcomes(void **state)
{
	const enum end_kind R = END_DELIVERED, D = END_DROP, U = END_UNKNOWN;
	const struct { enum end_kind end[3]; enum share_kind kind[3]; size_t n; enum outcome want; } rows[] = {
		{ { R }, { SHARE_CERTAIN }, 1, OUTCOME_REACHES },
		{ { D }, { SHARE_CERTAIN }, 1, OUTCOME_FAILS },
		{ { U }, { SHARE_CERTAIN }, 1, OUTCOME_UNKNOWN },
		{ { R, END_SENT }, { SHARE_RANDOM, SHARE_RANDOM }, 2, OUTCOME_REACHES },
		{ { R, D }, { SHARE_RANDOM, SHARE_RANDOM }, 2, OUTCOME_PARTLY },
		{ { R, D }, { SHARE_UNKNOWN, SHARE_UNKNOWN }, 2, OUTCOME_UNKNOWN },
		{ { R, R }, { SHARE_UNKNOWN, SHARE_UNKNOWN }, 2, OUTCOME_REACHES },
		{ { D, END_NO_LISTENER }, { SHARE_UNKNOWN, SHARE_UNKNOWN }, 2, OUTCOME_FAILS },
		{ { R, D, U }, { SHARE_RANDOM, SHARE_RANDOM, SHARE_RANDOM }, 3, OUTCOME_PARTLY },
		{ { R, U }, { SHARE_RANDOM, SHARE_RANDOM }, 2, OUTCOME_UNKNOWN },
		{ { D, U }, { SHARE_RANDOM, SHARE_RANDOM }, 2, OUTCOME_UNKNOWN },
		{ { R, D }, { SHARE_RANDOM, SHARE_UNKNOWN }, 2, OUTCOME_UNKNOWN },
		{ { 0 }, { 0 }, 0, OUTCOME_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct trace t[3] = { 0 };

		for (size_t k = 0; k < rows[i].n; k++) {
			t[k].end.kind = rows[i].end[k];
			t[k].share_kind = rows[i].kind[k];
		}
		if (prediction_outcome(t, rows[i].n) != rows[i].want)
			fail_msg("row %zu: %s", i, outcome_name(prediction_outcome(t, rows[i].n)));
	}
}

/* --send shows what the prediction could not tell. */
static void unknown_end_is_shown_as_seen(void **state)
{
	struct arena *a = arena_new();
	struct prediction p = fixture_unknown(a);
	struct path seen = path_new(a, "192.168.50.11", "10.96.10.1", 80, IPPROTO_TCP);
	struct packet before = seen.now;
	struct observed_probe probe = { .result = "no answer within 0.9 s", .agrees = YES, .followed = true };
	struct observed ob = { .probe = &probe, .n_probe = 1 };
	struct trace t;
	size_t len;
	char *text;

	(void)state;
	path_hop(&seen, STAGE_EGRESS_TC, 0, 0, false, &before);
	t = path_end(&seen, END_DROP, CAUSE_KERNEL, "a tc program on the way out dropped it", 1);
	probe.trace = &t;
	p.observed = &ob;
	assert_int_equal(p.outcome, OUTCOME_UNKNOWN);
	for (int told = 0; told < 2; told++) {
		probe.followed = told;
		text = print(a, &p, &plain, &len);
		assert_int_equal(strstr(text, "a tc program on the way out dropped it") != NULL, told);
		free(text);
	}
	/* what went as foreseen is not said again */
	p.outcome = OUTCOME_FAILS;
	text = print(a, &p, &plain, &len);
	assert_null(strstr(text, "a tc program on the way out dropped it"));
	free(text);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_endpoints_one_dropped),
		cmocka_unit_test(color_is_only_paint),
		cmocka_unit_test(hundred_endpoints_fold),
		cmocka_unit_test(one_endpoint_needs_no_tree),
		cmocka_unit_test(unknown_is_named_and_harmless),
		cmocka_unit_test(dropped_answer_is_shown),
		cmocka_unit_test(ascii_where_the_locale_is_not_utf8),
		cmocka_unit_test(hooks_in_running_order),
		cmocka_unit_test(outcomes),
		cmocka_unit_test(unknown_end_is_shown_as_seen),
	};

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
