// SPDX-License-Identifier: GPL-2.0-only
/* What people, files and the API server write: the command line, objects, YAML, kubeconfigs. A NUL ends a part of the input. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tracer/cluster.h"
#include "tracer/kube_priv.h"
#include "tracer/options.h"
#include "tracer/target.h"
#include "tracer/word.h"
#include "tracer/yaml.h"

#define PARTS 16

struct part {
	char *text;			/* NUL-terminated, in memory of its own: a read behind it is seen */
	size_t len;
};

static size_t split(const uint8_t *data, size_t len, struct part *out, size_t max)
{
	size_t n = 0;

	for (size_t at = 0; n < max && at <= len; n++) {
		const uint8_t *end = at < len ? memchr(data + at, 0, len - at) : NULL;
		size_t k = end ? (size_t)(end - data) - at : len - at;

		out[n] = (struct part){ malloc(k + 1), k };
		memcpy(out[n].text, data + at, k);
		out[n].text[k] = 0;
		at += k + 1;
	}
	return n;
}

static void free_parts(struct part *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(p[i].text);
}

static void one_word(struct arena *a, const char *s)
{
	char shown[WORD_SHORT];
	struct err err = { "" };
	struct source source;
	struct target target;

	word_short(s, shown);
	word_width(word_clean(a, s));
	word_distance(s, "kubernetes");
	if (target_parse(a, s, "default", &target, &err))
		check_err(&err);
	if (source_parse(NULL, a, s, &source, &err))
		check_err(&err);
	http_escape(a, s);
}

void run_target(const struct fuzz *f UNUSED, const uint8_t *data, size_t len)
{
	char name[] = "ktrace", *argv[PARTS + 2] = { name };
	struct arena *a = arena_new();
	struct part p[PARTS];
	size_t n = split(data, len, p, PARTS);
	struct err err = { "" };
	struct options o;

	for (size_t i = 0; i < n; i++) {
		argv[i + 1] = p[i].text;
		one_word(a, p[i].text);
	}
	if (options_parse(n + 1, argv, &o, &err))
		check_err(&err);
	free_parts(p, n);
	arena_free(a);
}

/* -- objects -------------------------------------------------------------------------------------- */

static void look_at_services(const struct cluster *c)
{
	for (size_t i = 0; i < c->n_service; i++) {
		const struct service *s = &c->service[i];
		const struct service_port *port;
		size_t n;

		if (cluster_service(c, s->namespace, s->name) == NULL)
			abort();
		cluster_slices(c, s->namespace, s->name, &n);
		for (size_t k = 0; k < s->n_port; k++) {
			cluster_service_of_node_port(c, s->port[k].proto, s->port[k].node_port, &port);
			for (size_t j = 0; j < s->cluster_ip.n; j++) {
				cluster_service_at(c, &s->cluster_ip.v[j], s->port[k].proto, s->port[k].port, &port);
				cluster_endpoint(c, s, &s->cluster_ip.v[j], s->port[k].proto, 0);
			}
		}
	}
}

static void look_at(const struct cluster *c)
{
	look_at_services(c);
	for (size_t i = 0; i < c->n_slice; i++)
		for (size_t k = 0; k < c->slice[i].n_endpoint; k++) {
			const struct endpoint *e = &c->slice[i].endpoint[k];

			cluster_endpoint(c, NULL, &e->addr, e->proto, e->port);
			cluster_pod_at(c, &e->addr);
			if (e->pod)
				cluster_pod(c, e->namespace, e->pod);
		}
	for (size_t i = 0; i < c->n_pod; i++)
		cluster_pod(c, c->pod[i].namespace, c->pod[i].name);
	for (size_t i = 0; i < c->n_node; i++)
		cluster_node(c, c->node[i].addr.v, c->node[i].addr.n, c->node[i].name);
}

void run_objects(const struct fuzz *f UNUSED, const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	struct cluster *c = cluster_new(a, "the objects");
	struct part p[PARTS];
	size_t n = split(data, len, p, PARTS);

	for (size_t i = 0; i < n; i++) {
		struct err err = { "" };
		const char *more;
		bool any;

		if (cluster_add(c, p[i].text, p[i].len, &more, &any, &err))
			check_err(&err);
	}
	cluster_sort(c);
	look_at(c);
	free_parts(p, n);
	arena_free(a);
}

void run_yaml(const struct fuzz *f UNUSED, const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	struct cluster *c = cluster_new(a, "the objects");
	struct err err = { "" };
	char *copy = malloc(len + 1);
	const char *json;
	size_t n;

	memcpy(copy, data, len);
	copy[len] = 0;
	yaml_is_json(copy, len);
	if (yaml_to_json(a, copy, len, &json, &n, &err)) {
		check_err(&err);
	} else {
		if (cluster_add(c, json, n, NULL, NULL, &err))
			check_err(&err);
		cluster_sort(c);
		look_at(c);
	}
	free(copy);
	arena_free(a);
}

/* -- kubeconfigs ---------------------------------------------------------------------------------- */

void run_kubeconfig(const struct fuzz *f UNUSED, const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	struct config_file file[PARTS];
	struct part p[PARTS];
	size_t n = split(data, len, p, PARTS);
	struct err err = { "" };
	struct access x;

	for (size_t i = 0; i < n; i++)
		file[i] = (struct config_file){ "config", p[i].text, p[i].len };
	if (kube_config_parse(a, file, n, &x, &err)) {
		check_err(&err);
	} else {
		http_address(a, &x);
		/* files are this machine's business, but what is in one may be anything */
		x.ca.path = x.cert.path = x.key.path = NULL;
		if (x.token.path)
			x.token = (struct blob){ .path = "token", .data = p[n - 1].text, .len = p[n - 1].len };
		if (kube_config_load(a, &x, "/nowhere", &err))
			check_err(&err);
	}
	free_parts(p, n);
	arena_free(a);
}
