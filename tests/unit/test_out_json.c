/* SPDX-License-Identifier: GPL-2.0-only */
/* The JSON printer: the contract's object with every key, golden over predictions made by hand. */
#include "tests/unit/prediction_fixture.h"

#include <jansson.h>

#include "tests/unit/golden.h"

static json_t *print(struct arena *a, const struct prediction *p, const struct out_options *o, const char *golden)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	json_error_t error;
	json_t *root;

	assert_non_null(f);
	assert_int_equal(out_json(f, a, p, o), 0);
	fclose(f);
	assert_int_equal(text[len - 1], '\n');
	if (golden)
		golden_check(golden, text, len);
	root = json_loadb(text, len, 0, &error);
	if (!root)
		fail_msg("%s", error.text);
	free(text);
	return root;
}

static void has_keys(const json_t *o, const char *keys)
{
	char copy[256], *save, *key;

	snprintf(copy, sizeof(copy), "%s", keys);
	for (key = strtok_r(copy, " ", &save); key; key = strtok_r(NULL, " ", &save))
		if (!json_object_get(o, key))
			fail_msg("no key %s", key);
}

static const struct out_options plain, all = { .all = true };

/* Every key of the contract is there, whatever the prediction. */
static void check_shape(const json_t *root)
{
	const json_t *path, *hop, *evidence;
	size_t i, k, e;

	has_keys(root, "schema node target source verdict paths findings gaps observed");
	assert_string_equal(json_string_value(json_object_get(root, "schema")), "ktrace/1");
	assert_true(json_is_null(json_object_get(root, "observed")));
	has_keys(json_object_get(root, "node"), "name kernel proxy hooks");
	has_keys(json_object_get(json_object_get(root, "node"), "proxy"), "mode backend others");
	has_keys(json_object_get(root, "target"), "input kind namespace name ports");
	has_keys(json_object_get(root, "source"), "input kind address iface");
	json_array_foreach(json_object_get(root, "paths"), i, path) {
		has_keys(path, "share share_kind target endpoint end hops");
		assert_true(json_is_real(json_object_get(path, "share")));
		has_keys(json_object_get(path, "end"), "kind why finding");
		if (!json_is_null(json_object_get(path, "endpoint")))
			has_keys(json_object_get(path, "endpoint"), "address port pod node place");
		json_array_foreach(json_object_get(path, "hops"), k, hop) {
			has_keys(hop, "stage in out verdict evidence reply netns");
			has_keys(json_object_get(hop, "in"), "src sport dst dport proto mark iif oif ct");
			has_keys(json_object_get(hop, "out"), "src sport dst dport proto mark iif oif ct");
			json_array_foreach(json_object_get(hop, "evidence"), e, evidence)
				has_keys(evidence, "kind backend family table chain handle index effect text says");
		}
	}
}

static void three_endpoints_one_dropped(void **state)
{
	struct arena *a = arena_new();
	struct prediction p = fixture_partly(a);
	json_t *root = print(a, &p, &plain, "print/partly.json"), *path;

	(void)state;
	check_shape(root);
	assert_string_equal(json_string_value(json_object_get(root, "verdict")), "partly");
	path = json_array_get(json_object_get(root, "paths"), 2);
	assert_string_equal(json_string_value(json_object_get(json_object_get(path, "end"), "finding")), "output-policy-drop");
	path = json_array_get(json_object_get(root, "paths"), 0);
	assert_true(json_is_null(json_object_get(json_object_get(path, "end"), "finding")));
	json_decref(root);
	arena_free(a);
}

static void all_keeps_every_rule(void **state)
{
	struct arena *a = arena_new();
	struct prediction p = fixture_unknown(a);
	json_t *few = print(a, &p, &plain, "print/unknown.json"), *every = print(a, &p, &all, NULL);
	const json_t *f, *e;

	(void)state;
	check_shape(few);
	check_shape(every);
	/* the second path's filter hop decided nothing: only --all has it, with the rule that did not match */
	f = json_object_get(json_array_get(json_object_get(few, "paths"), 1), "hops");
	e = json_object_get(json_array_get(json_object_get(every, "paths"), 1), "hops");
	assert_int_equal(json_array_size(f) + 1, json_array_size(e));
	assert_int_equal(json_array_size(json_object_get(json_array_get(e, 1), "evidence")), 1);
	assert_int_equal(json_array_size(json_object_get(every, "gaps")), 1);
	json_decref(few);
	json_decref(every);
	arena_free(a);
}

static void ipv6_reply_drop(void **state)
{
	struct arena *a = arena_new();
	struct prediction p = fixture_reply(a);
	json_t *root = print(a, &p, &plain, "print/reply.json");
	const json_t *hops = json_object_get(json_array_get(json_object_get(root, "paths"), 0), "hops");
	const json_t *last = json_array_get(hops, json_array_size(hops) - 1);

	(void)state;
	check_shape(root);
	assert_true(json_is_true(json_object_get(last, "reply")));
	assert_string_equal(json_string_value(json_object_get(last, "verdict")), "drop");
	json_decref(root);
	arena_free(a);
}

static void shares_add_up(void **state)
{
	struct arena *a = arena_new();
	struct prediction p = fixture_service(a, 100, 0);
	json_t *root = print(a, &p, &plain, NULL);
	const json_t *path;
	double sum = 0;
	size_t i;

	(void)state;
	check_shape(root);
	json_array_foreach(json_object_get(root, "paths"), i, path)
		sum += json_real_value(json_object_get(path, "share"));
	assert_int_equal(i, 100);
	assert_true(sum > 0.9999 && sum < 1.0001);
	json_decref(root);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_endpoints_one_dropped),
		cmocka_unit_test(all_keeps_every_rule),
		cmocka_unit_test(ipv6_reply_drop),
		cmocka_unit_test(shares_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
