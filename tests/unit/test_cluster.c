/* SPDX-License-Identifier: GPL-2.0-only */
/* Kubernetes objects as JSON and YAML: what is understood, by default too, what is refused, and look-ups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/cluster.h"
#include "tracer/yaml.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct cluster *read_json(const char *json)
{
	struct cluster *c = cluster_new(arena, "the objects of a test");
	struct err err = { "" };

	if (cluster_add(c, json, strlen(json), NULL, NULL, &err))
		fail_msg("%s: %s", json, err.text);
	cluster_sort(c);
	return c;
}

static struct addr addr(const char *s)
{
	struct addr a;

	assert_true(addr_parse(s, &a));
	return a;
}

/* -- objects -------------------------------------------------------------------------------------- */

static void services(void **state)
{
	static const char json[] =
		"{\"kind\":\"List\",\"items\":["
		"{\"kind\":\"Service\",\"metadata\":{\"namespace\":\"prod\",\"name\":\"web\"},\"spec\":{\"type\":\"LoadBalancer\","
		" \"clusterIP\":\"10.96.0.1\",\"clusterIPs\":[\"10.96.0.1\",\"fd00::1\"],\"externalIPs\":[\"192.0.2.1\",\"junk\"],"
		" \"externalTrafficPolicy\":\"Local\",\"ports\":[{\"name\":\"http\",\"port\":80,\"nodePort\":30080},"
		" {\"name\":\"dns\",\"port\":53,\"protocol\":\"UDP\"},{\"port\":70000},{\"port\":1,\"protocol\":\"QUIC\"}]},"
		" \"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"203.0.113.1\"},{\"ip\":\"203.0.113.2\",\"ipMode\":\"Proxy\"},"
		" {\"hostname\":\"x\"}]}}},"
		"{\"kind\":\"Service\",\"metadata\":{\"name\":\"head\",\"labels\":{\"service.kubernetes.io/service-proxy-name\":\"x\"}},"
		" \"spec\":{\"clusterIP\":\"None\",\"internalTrafficPolicy\":\"Local\"}},"
		"{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"web\"}}]}";
	struct cluster *c = read_json(json);
	const struct service *s = cluster_service(c, "prod", "web");
	const struct service_port *sp;
	struct addr a = addr("203.0.113.1"), b = addr("203.0.113.2"), v6 = addr("fd00::1");

	(void)state;
	assert_int_equal(c->n_service, 2);
	assert_true(c->known[CLUSTER_SERVICES] && !c->known[CLUSTER_PODS]);
	assert_non_null(s);
	assert_int_equal(s->cluster_ip.n, 2);
	assert_int_equal(s->external_ip.n, 1);
	assert_int_equal(s->lb_ip.n, 1);
	assert_int_equal(s->n_port, 2);
	assert_int_equal(s->port[0].proto, IPPROTO_TCP);
	assert_true(s->external_local && !s->internal_local && !s->headless && !s->foreign);
	assert_ptr_equal(cluster_service_at(c, &a, IPPROTO_TCP, 80, &sp), s);
	assert_string_equal(sp->name, "http");
	assert_ptr_equal(cluster_service_at(c, &v6, IPPROTO_UDP, 53, &sp), s);
	assert_null(cluster_service_at(c, &v6, IPPROTO_TCP, 53, &sp));
	assert_null(cluster_service_at(c, &b, IPPROTO_TCP, 80, &sp));
	assert_ptr_equal(cluster_service_of_node_port(c, IPPROTO_TCP, 30080, &sp), s);
	assert_null(cluster_service_of_node_port(c, IPPROTO_UDP, 30080, &sp));
	assert_null(cluster_service_of_node_port(c, IPPROTO_UDP, 0, &sp));
	s = cluster_service(c, "default", "head");
	assert_true(s && s->headless && s->foreign && s->internal_local && !s->cluster_ip.n);
	assert_null(cluster_service(c, "prod", "we"));
	assert_null(cluster_service(NULL, "prod", "web"));
}

static void slices(void **state)
{
	static const char json[] =
		"{\"kind\":\"EndpointSliceList\",\"items\":["
		"{\"metadata\":{\"namespace\":\"prod\",\"name\":\"a\",\"labels\":{\"kubernetes.io/service-name\":\"web\"}},"
		" \"addressType\":\"IPv4\",\"ports\":[{\"name\":\"http\",\"port\":8080},{\"name\":\"dns\",\"port\":5353,\"protocol\":\"UDP\"}],"
		" \"endpoints\":[{\"addresses\":[\"10.0.0.1\",\"10.0.0.9\"],\"nodeName\":\"n1\",\"targetRef\":{\"kind\":\"Pod\",\"name\":\"web-0\"},"
		"  \"hints\":{\"forZones\":[{\"name\":\"z1\"},{\"name\":\"z2\"}]}},"
		"  {\"addresses\":[\"10.0.0.2\"],\"conditions\":{\"ready\":false,\"serving\":true,\"terminating\":true}},"
		"  {\"addresses\":[\"fd00::2\"]},{\"addresses\":[]},{}]},"
		"{\"metadata\":{\"namespace\":\"prod\",\"name\":\"b\",\"labels\":{\"kubernetes.io/service-name\":\"web\"}},"
		" \"addressType\":\"IPv6\",\"ports\":null,\"endpoints\":[{\"addresses\":[\"fd00::1\"],\"conditions\":{\"ready\":false}}]},"
		"{\"metadata\":{\"namespace\":\"prod\",\"name\":\"c\",\"labels\":{\"kubernetes.io/service-name\":\"api\"}},"
		" \"addressType\":\"FQDN\",\"endpoints\":null},"
		"{\"metadata\":{\"namespace\":\"prod\",\"name\":\"d\"},\"addressType\":\"IPv4\"}]}";
	struct cluster *c = read_json(json);
	struct addr first = addr("10.0.0.1"), second = addr("10.0.0.2"), other = addr("10.0.0.9"), v6 = addr("fd00::1");
	const struct endpoint *e;
	size_t n;

	(void)state;
	assert_int_equal(c->n_slice, 3);
	assert_non_null(cluster_slices(c, "prod", "web", &n));
	assert_int_equal(n, 2);
	assert_non_null(cluster_slices(c, "prod", "api", &n));
	assert_int_equal(n, 1);
	assert_null(cluster_slices(c, "prod", "nosuch", &n));
	assert_int_equal(n, 0);
	e = cluster_endpoint(c, NULL, &first, IPPROTO_TCP, 8080);
	assert_non_null(e);
	assert_true(e->ready && e->serving && !e->terminating);
	assert_string_equal(e->pod, "web-0");
	assert_string_equal(e->namespace, "prod");
	assert_string_equal(e->node, "n1");
	assert_int_equal(e->n_zone, 2);
	assert_null(cluster_endpoint(c, NULL, &first, IPPROTO_TCP, 5353));
	assert_non_null(cluster_endpoint(c, NULL, &first, IPPROTO_UDP, 5353));
	assert_null(cluster_endpoint(c, NULL, &other, IPPROTO_TCP, 8080));
	e = cluster_endpoint(c, NULL, &second, IPPROTO_TCP, 0);
	assert_true(e && !e->ready && e->serving && e->terminating && !e->pod);
	/* no ports: all of them; serving is what ready is where it is not said */
	e = cluster_endpoint(c, NULL, &v6, IPPROTO_TCP, 1234);
	assert_true(e && !e->ready && !e->serving && !e->port);
}

static void pods_and_nodes(void **state)
{
	static const char json[] =
		"{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"prod\",\"name\":\"web-0\"},\"spec\":{\"nodeName\":\"n1\",\"containers\":["
		" {\"ports\":[{\"name\":\"http\",\"containerPort\":8080}]},{\"ports\":[{\"containerPort\":53,\"protocol\":\"UDP\"}]},{}]},"
		" \"status\":{\"phase\":\"Running\",\"podIP\":\"10.0.0.1\",\"podIPs\":[{\"ip\":\"10.0.0.1\"},{\"ip\":\"fd00::1\"}],"
		" \"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}\n"
		"{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"prod\",\"name\":\"job\"},\"status\":{\"phase\":\"Succeeded\",\"podIP\":\"10.0.0.7\"}}\n"
		"{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"prod\",\"name\":\"host\"},\"spec\":{\"hostNetwork\":true},"
		" \"status\":{\"podIP\":\"192.0.2.1\"}}\n"
		"{\"kind\":\"Node\",\"metadata\":{\"name\":\"n1\",\"labels\":{\"topology.kubernetes.io/zone\":\"z1\"}},"
		" \"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"192.0.2.1\"},{\"type\":\"Hostname\",\"address\":\"n1\"}],"
		" \"conditions\":[{\"type\":\"Ready\",\"status\":\"Unknown\"}]}}";
	struct cluster *c = read_json(json);
	const struct pod *p = cluster_pod(c, "prod", "web-0");
	struct addr a = addr("fd00::1"), ended = addr("10.0.0.7"), host = addr("192.0.2.1"), none = addr("192.0.2.2");

	(void)state;
	assert_true(p && p->ready && !p->host_network && !p->terminating);
	assert_int_equal(p->ip.n, 2);
	assert_int_equal(p->n_port, 2);
	assert_int_equal(p->port[1].proto, IPPROTO_UDP);
	assert_ptr_equal(cluster_pod_at(c, &a), p);
	assert_null(cluster_pod_at(c, &ended));
	assert_null(cluster_pod_at(c, &host));
	assert_non_null(cluster_pod(c, "prod", "job"));
	assert_string_equal(cluster_node(c, &host, 1, "other")->name, "n1");
	assert_string_equal(cluster_node(c, &none, 1, "n1")->zone, "z1");
	assert_false(cluster_node(c, &none, 1, "n1")->ready);
	assert_null(cluster_node(c, &none, 1, "n2"));
}

/* -- texts ---------------------------------------------------------------------------------------- */

static void lists(void **state)
{
	static const char paged[] = "{\"kind\":\"PodList\",\"metadata\":{\"continue\":\"abc\"},\"items\":[]}";
	struct cluster *c = cluster_new(arena, "x");
	const char *more = NULL;
	bool any = false;

	(void)state;
	assert_int_equal(cluster_add(c, paged, strlen(paged), &more, &any, NULL), 0);
	assert_string_equal(more, "abc");
	assert_true(any && c->known[CLUSTER_PODS]);
	assert_int_equal(cluster_add(c, "{\"kind\":\"Status\"}", 17, &more, &any, NULL), 0);
	assert_false(any);
	assert_null(more);
	assert_int_equal(cluster_add(c, "[{\"kind\":\"Node\",\"metadata\":{\"name\":\"a\"}},null]", 46, &more, &any, NULL), 0);
	assert_int_equal(c->n_node, 1);
	/* Go leaves an empty list out */
	assert_int_equal(cluster_add(c, "{\"kind\":\"List\"}", 15, NULL, NULL, NULL), 0);
}

static void hostile(void **state)
{
	static const char *const rows[] = {
		"", " \n", "{", "7", "\"x\"", "[1]", "{} }", "{\"kind\":\"List\",\"items\":[[[[[[[[1]]]]]]]]}", "{\"a\":\"\xff\"}",
		"\xef\xbb\xbf{}", "{\"kind\":\"List\",\"items\":[true]}",
	};
	static const char *const odd[] = {
		"{\"kind\":\"Service\"}", "{\"kind\":7}", "{\"kind\":\"Service\",\"metadata\":[],\"spec\":\"x\"}",
		"{\"kind\":\"Service\",\"metadata\":{\"name\":\"a\"},\"spec\":{\"ports\":{\"port\":1},\"clusterIPs\":\"10.0.0.1\"}}",
		("{\"kind\":\"EndpointSlice\",\"metadata\":{\"name\":\"a\",\"labels\":{\"kubernetes.io/service-name\":\"a\"}},"
		"\"addressType\":\"IPv4\",\"endpoints\":[7,null,[],{\"addresses\":\"10.0.0.1\"},{\"addresses\":[7]}],\"ports\":[7]}"),
		"{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"},\"status\":{\"podIPs\":[7,{\"ip\":[]}]},\"spec\":{\"containers\":7}}",
		"{\"kind\":\"Node\",\"metadata\":{\"name\":\"a\"},\"status\":{\"addresses\":[null]}}",
		"{\"kind\":\"List\",\"items\":{}}", "{\"kind\":\"List\",\"items\":null}",
		"{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\\u001b[31m\"}}",
	};
	char *deep = arena_alloc(arena, 200001);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cluster *c = cluster_new(arena, "x");
		struct err err = { "" };

		if (cluster_add(c, rows[i], strlen(rows[i]), NULL, NULL, &err) != -22)
			fail_msg("taken: %s", rows[i]);
		assert_true(err.text[0] && !strpbrk(err.text, "\n\033"));
	}
	memset(deep, '[', 200000);
	assert_int_equal(cluster_add(cluster_new(arena, "x"), deep, 200000, NULL, NULL, NULL), -22);
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		struct cluster *c = read_json(odd[i]);

		for (size_t k = 0; k < c->n_pod; k++)
			assert_null(strchr(c->pod[k].name, '\033'));
	}
}

static void yaml(void **state)
{
	static const struct { const char *yaml, *json; } rows[] = {
		{ "a: 1\nb: \"1\"\nc: '2'\nd: x y\n", "{\"a\":1,\"b\":\"1\",\"c\":\"2\",\"d\":\"x y\"}\n" },
		{ "a: null\nb: ~\nc:\nd: true\ne: False\nf: yes\n",
		  "{\"a\":null,\"b\":null,\"c\":null,\"d\":true,\"e\":false,\"f\":\"yes\"}\n" },
		{ "a: 007\nb: -5\nc: 0\nd: 1.5\ne: 1e3\nf: 0x10\ng: x-\nh: 99999999999999999999\n",
		  "{\"a\":\"007\",\"b\":-5,\"c\":0,\"d\":\"1.5\",\"e\":\"1e3\",\"f\":\"0x10\",\"g\":\"x-\",\"h\":\"99999999999999999999\"}\n" },
		{ "a: 10.96.0.1\nb: fd00::1\nc: \"fd00::\"\nd: 2026-01-01T00:00:00Z\n",
		  "{\"a\":\"10.96.0.1\",\"b\":\"fd00::1\",\"c\":\"fd00::\",\"d\":\"2026-01-01T00:00:00Z\"}\n" },
		{ "- a\n- - b\n  - c: []\n- {}\n", "[\"a\",[\"b\",{\"c\":[]}],{}]\n" },
		{ "---\na: 1\n---\nb: 2\n...\n", "{\"a\":1}\n{\"b\":2}\n" },
		{ "a: |\n  one\n  \"two\"\nb: >-\n  x\n  y\n", "{\"a\":\"one\\u000a\\u0022two\\u0022\\u000a\",\"b\":\"x y\"}\n" },
		{ "true: 1\n8080: x\n", "{\"true\":1,\"8080\":\"x\"}\n" },
		{ "a: !!str 8080\n", "{\"a\":\"8080\"}\n" },
		{ "# only a remark\n", "" },
		{ "{\"a\": [1, \"b\"]}", "{\"a\":[1,\"b\"]}\n" },
		{ "a: \"x\\ty\\u00e9\"\n", "{\"a\":\"x\\u0009y\303\251\"}\n" },
		{ "---\n---\na: 1\n", "null\n{\"a\":1}\n" },
	};
	static const char *const bad[] = {
		"a: [", "a: &x 1\nb: *x\n", "{[a]: 1}", "? {a: 1}\n: 2\n", "a: b: c", "\ta: 1", "\xff\xfe\xff", "a: \"x",
		"%YAML 9.9\n---\na", "}",
	};
	struct text deep = { .arena = arena };
	const char *json;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = { "" };

		if (yaml_to_json(arena, rows[i].yaml, strlen(rows[i].yaml), &json, &len, &err))
			fail_msg("%s: %s", rows[i].yaml, err.text);
		assert_string_equal(json, rows[i].json);
		assert_int_equal(len, strlen(json));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = { "" };

		if (yaml_to_json(arena, bad[i], strlen(bad[i]), &json, &len, &err) != -22)
			fail_msg("taken: %s", bad[i]);
		assert_non_null(strstr(err.text, "line "));
	}
	for (int i = 0; i < 100; i++)
		text_add(&deep, "- ");
	assert_int_equal(yaml_to_json(arena, text_get(&deep), deep.len, &json, &len, NULL), -22);
	/* a NUL inside a string is JSON's to refuse */
	assert_int_equal(yaml_to_json(arena, "kind: \"a\\0b\"", 12, &json, &len, NULL), 0);
	assert_int_equal(cluster_add(cluster_new(arena, "x"), json, len, NULL, NULL, NULL), -22);
	assert_true(yaml_is_json(" \n{", 3) && yaml_is_json("[", 1) && !yaml_is_json("", 0) && !yaml_is_json("a", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(services, setup, teardown),
		cmocka_unit_test_setup_teardown(slices, setup, teardown),
		cmocka_unit_test_setup_teardown(pods_and_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(lists, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(yaml, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
