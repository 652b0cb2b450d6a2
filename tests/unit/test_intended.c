/* SPDX-License-Identifier: GPL-2.0-only */
/* What objects promise, beside what paths show: equal, too few, too many, gone, and every reading of policies and hints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/intended.h"

#define VIP	"10.96.0.1"
#define EXT	"192.0.2.200"
#define NODE	"192.0.2.1"

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

/* Endpoints are "ADDRESS FLAGS NODE ZONE", flags r(eady), s(erving), t(erminating). */
static struct cluster *cluster(const char *spec, const char *const *endpoint, size_t n)
{
	struct cluster *c = cluster_new(arena, "the objects of a test");
	struct text t = { .arena = arena };

	text_add(&t, "{\"kind\":\"Service\",\"metadata\":{\"namespace\":\"prod\",\"name\":\"web\"},\"spec\":{\"clusterIPs\":[\"" VIP "\"],"
		 "\"externalIPs\":[\"" EXT "\"],%s\"ports\":[{\"name\":\"http\",\"port\":80,\"nodePort\":30080}]}}", spec);
	text_add(&t, "{\"kind\":\"EndpointSlice\",\"metadata\":{\"namespace\":\"prod\",\"name\":\"s\",\"labels\":{"
		 "\"kubernetes.io/service-name\":\"web\"}},\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"http\",\"port\":8080},"
		 "{\"name\":\"other\",\"port\":9090}],\"endpoints\":[");
	for (size_t i = 0; i < n; i++) {
		char addr[64], flags[8], node[16], zone[16] = "";

		assert_true(sscanf(endpoint[i], "%63s %7s %15s %15s", addr, flags, node, zone) >= 3);
		text_add(&t, "%s{\"addresses\":[\"%s\"],\"nodeName\":\"%s\",\"conditions\":{\"ready\":%s,\"serving\":%s,\"terminating\":%s}",
			 i ? "," : "", addr, node, strchr(flags, 'r') ? "true" : "false", strpbrk(flags, "rs") ? "true" : "false",
			 strchr(flags, 't') ? "true" : "false");
		if (*zone)
			text_add(&t, ",\"hints\":{\"forZones\":[{\"name\":\"%s\"}]}", zone);
		text_add(&t, "}");
	}
	text_add(&t, "]}{\"kind\":\"Node\",\"metadata\":{\"name\":\"n1\",\"labels\":{\"topology.kubernetes.io/zone\":\"z1\"}},"
		 "\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"" NODE "\"}]}}");
	assert_int_equal(cluster_add(c, text_get(&t), t.len, NULL, NULL, NULL), 0);
	cluster_sort(c);
	return c;
}

static struct addr addr(const char *s)
{
	struct addr a;

	assert_true(addr_parse(s, &a));
	return a;
}

/* What IPVS has to choose from, where the paths come to it. */
static const struct real_servers *chosen_from;

/* Paths to each of the addresses, equally shared; "-": refused; "=A": an existing connection to A. */
static const struct intended *compare(const struct cluster *c, const char *vip, uint16_t port, bool node_known, const char *paths)
{
	char *list = arena_strdup(arena, paths), *save, *word;
	struct addr *self = arena_dup(arena, &(struct addr){ 0 }, sizeof(*self));
	struct prediction p = { .facts = { .node_addr = self, .n_node_addr = 1 } };
	const struct real_servers *real[8];
	struct trace t[8];
	size_t n = 0;

	memset(t, 0, sizeof(t));
	*self = addr(NODE);
	for (word = strtok_r(list, " ", &save); word; word = strtok_r(NULL, " ", &save), n++) {
		t[n].target = (struct tuple){ .dst = addr(vip), .dport = port, .proto = IPPROTO_TCP };
		t[n].share_kind = *word == '=' ? SHARE_EXISTING : SHARE_RANDOM;
		if (*word == '-')
			continue;
		t[n].has_endpoint = true;
		t[n].endpoint = addr(word + (*word == '='));
		t[n].endpoint_port = 8080;
	}
	for (size_t i = 0; i < n; i++) {
		t[i].share = 1.0 / n;
		real[i] = chosen_from;
	}
	return intended_compare(arena, c, node_known ? cluster_node(c, self, 1, NULL) : NULL, &p, t, n, chosen_from ? real : NULL)[0];
}

static bool kept(const struct intended *in)
{
	return in && !in->gone && !in->out && !in->missing && !in->extra;
}

static const char *const two[] = { "10.0.0.1 r n1", "10.0.0.2 r n2" };
static const char *const draining[] = { "10.0.0.1 r n1", "10.0.0.2 st n2", "10.0.0.3 x n2" };
static const char *const terminating[] = { "10.0.0.1 st n1", "10.0.0.2 x n2" };
static const char *const unready[] = { "10.0.0.1 x n1", "10.0.0.2 x n2" };
static const char *const zoned[] = { "10.0.0.1 r n1 z1", "10.0.0.2 r n2 z2" };
static const char *const half_zoned[] = { "10.0.0.1 r n1 z1", "10.0.0.2 r n2" };
static const char *const elsewhere[] = { "10.0.0.2 r n2" };

static void whole(void **state)
{
	struct cluster *c = cluster("", two, 2);
	const struct intended *in;

	(void)state;
	assert_true(kept(compare(c, VIP, 80, true, "10.0.0.1 10.0.0.2")));
	assert_true(kept(compare(c, VIP, 80, false, "10.0.0.2 10.0.0.1")));
	assert_true(kept(compare(c, EXT, 80, true, "10.0.0.2 10.0.0.1")));
	assert_true(kept(compare(c, NODE, 30080, true, "10.0.0.2 10.0.0.1")));
	in = compare(c, VIP, 80, true, "10.0.0.1");
	assert_string_equal(in->service, "prod/web:http");
	assert_string_equal(in->missing, "10.0.0.2:8080 on n2");
	assert_false(in->gone || in->out);
	in = compare(c, VIP, 80, true, "10.0.0.9 10.0.0.1 10.0.0.2");
	assert_true(in->gone && !in->out && !in->missing);
	/* one live connection shows nothing of the rules */
	assert_true(kept(compare(c, VIP, 80, true, "=10.0.0.1")));
	assert_true(kept(compare(c, VIP, 80, true, "=10.0.0.9")));
	in = compare(c, VIP, 80, true, "-");
	assert_true(in->n_usable == 2 && !in->n_unready && in->missing);
	/* nothing is promised of what is no service, nor of a port that it has not */
	assert_null(compare(c, "10.96.0.2", 80, true, "10.0.0.1"));
	assert_null(compare(c, VIP, 81, true, "10.0.0.1"));
}

static void conditions(void **state)
{
	struct cluster *c = cluster("", draining, 3);
	const struct intended *in;

	(void)state;
	assert_true(kept(compare(c, VIP, 80, true, "10.0.0.1")));
	in = compare(c, VIP, 80, true, "10.0.0.2 10.0.0.1");
	assert_true(in->out && !in->gone && !in->missing && in->n_unready == 2);
	assert_string_equal(in->extra, "10.0.0.2:8080 on n2");
	c = cluster("", terminating, 2);
	assert_true(kept(compare(c, VIP, 80, true, "10.0.0.1")));
	c = cluster("", unready, 2);
	in = compare(c, VIP, 80, true, "-");
	assert_true(!in->n_usable && in->n_unready == 2 && !in->missing);
	assert_string_equal(in->unready, "10.0.0.1:8080 on n1, 10.0.0.2:8080 on n2");
}

static void policies(void **state)
{
	struct cluster *c = cluster("\"internalTrafficPolicy\":\"Local\",\"externalTrafficPolicy\":\"Local\",", two, 2);

	(void)state;
	assert_true(kept(compare(c, VIP, 80, true, "10.0.0.1")));
	assert_non_null(compare(c, VIP, 80, true, "10.0.0.1 10.0.0.2")->extra);
	assert_non_null(compare(c, VIP, 80, true, "10.0.0.2")->missing);
	/* inside clients of an external address get all, outside ones the local */
	assert_true(kept(compare(c, EXT, 80, true, "10.0.0.1")));
	assert_true(kept(compare(c, EXT, 80, true, "10.0.0.1 10.0.0.2")));
	assert_non_null(compare(c, EXT, 80, true, "10.0.0.2")->missing);
	/* an unknown node: nothing can be said */
	assert_true(kept(compare(c, VIP, 80, false, "10.0.0.1 10.0.0.2")));
	assert_true(kept(compare(c, VIP, 80, false, "10.0.0.2")));
	c = cluster("\"internalTrafficPolicy\":\"Local\",", elsewhere, 1);
	assert_int_equal(compare(c, VIP, 80, true, "-")->n_usable, 1);
	assert_null(compare(c, VIP, 80, true, "-")->missing);
}

/* A hashing scheduler shows one real server of those that the virtual service has. */
static void virtual_services(void **state)
{
	struct cluster *c = cluster("", two, 2);
	struct ipvs_dest dest[] = {
		{ .addr = addr("10.0.0.1"), .port = 8080, .weight = 1 }, { .addr = addr("10.0.0.2"), .port = 8080, .weight = 1 },
		{ .addr = addr("10.0.0.9"), .port = 8080, .weight = 0 },
	};
	struct real_servers real = { dest, 3 };
	const struct intended *in;

	(void)state;
	assert_non_null(compare(c, VIP, 80, true, "10.0.0.1")->missing);
	chosen_from = &real;
	assert_true(kept(compare(c, VIP, 80, true, "10.0.0.1")));
	/* a live connection too shows what is programmed */
	assert_true(kept(compare(c, VIP, 80, true, "=10.0.0.1")));
	dest[1].weight = 0;
	assert_string_equal(compare(c, VIP, 80, true, "10.0.0.1")->missing, "10.0.0.2:8080 on n2");
	dest[0].weight = 0;
	in = compare(c, VIP, 80, true, "-");
	assert_true(in->n_usable == 2 && in->missing);
	dest[0].weight = dest[1].weight = 1;
	c = cluster("", draining, 3);
	assert_string_equal(compare(c, VIP, 80, true, "10.0.0.1")->extra, "10.0.0.2:8080 on n2");
	chosen_from = NULL;
}

static void hints(void **state)
{
	struct cluster *c = cluster("", zoned, 2);

	(void)state;
	assert_true(kept(compare(c, VIP, 80, true, "10.0.0.1")));
	assert_true(kept(compare(c, VIP, 80, true, "10.0.0.1 10.0.0.2")));
	assert_false(kept(compare(c, VIP, 80, true, "10.0.0.2")));
	assert_true(kept(compare(c, VIP, 80, false, "10.0.0.2")));
	c = cluster("", half_zoned, 2);
	assert_false(kept(compare(c, VIP, 80, true, "10.0.0.1")));
	assert_true(kept(compare(c, VIP, 80, true, "10.0.0.1 10.0.0.2")));
}

static void not_judged(void **state)
{
	static const char service[] = "{\"kind\":\"Service\",\"metadata\":{\"namespace\":\"prod\",\"name\":\"web\"},\"spec\":{\"clusterIP\":\""
				      VIP "\",\"ports\":[{\"port\":80}]}}";
	struct cluster *c = cluster_new(arena, "x");

	(void)state;
	/* a service whose slices were not given is not one without endpoints */
	assert_int_equal(cluster_add(c, service, strlen(service), NULL, NULL, NULL), 0);
	cluster_sort(c);
	assert_null(compare(c, VIP, 80, true, "10.0.0.1"));
	assert_null(compare(cluster("\"type\":\"ExternalName\",", two, 2), VIP, 80, true, "10.0.0.9"));
	assert_null(compare(cluster("\"clusterIP\":\"None\",", two, 2), VIP, 80, true, "10.0.0.9"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole, setup, teardown),
		cmocka_unit_test_setup_teardown(conditions, setup, teardown),
		cmocka_unit_test_setup_teardown(policies, setup, teardown),
		cmocka_unit_test_setup_teardown(virtual_services, setup, teardown),
		cmocka_unit_test_setup_teardown(hints, setup, teardown),
		cmocka_unit_test_setup_teardown(not_judged, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
