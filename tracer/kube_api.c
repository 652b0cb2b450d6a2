/* SPDX-License-Identifier: GPL-2.0-only */
/* The API server: who may be asked, as whom, and lists of objects page by page, all within 2 seconds. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tracer/kube_priv.h"
#include "tracer/word.h"

#define BUDGET_MS	2000
#define PAGE		500
#define SERVICE_ACCOUNT	"/var/run/secrets/kubernetes.io/serviceaccount"

struct kube {
	struct arena *arena;
	struct access *access;		/* in the order in which they are tried */
	size_t n, cap;
	size_t at;			/* the one that answered last */
	const char *unusable;		/* why a place that was found cannot be used: the first one's sentence, or NULL */
	struct http *http;
	bool begun;
	struct timespec deadline;
};

/* Where installers keep what the kubelet and kube-proxy use: kubeadm, k3s, RKE2, clouds. kube-proxy's may list EndpointSlices. */
static const struct place { const char *pattern; bool pod; } places[] = {
	{ "/var/lib/kubelet/pods/*/volumes/kubernetes.io~configmap/kube-proxy/kubeconfig.conf", true },	/* kubeadm */
	{ "/var/lib/rancher/k3s/agent/kubeproxy.kubeconfig", false },
	{ "/var/lib/rancher/rke2/agent/kubeproxy.kubeconfig", false },
	{ "/var/lib/kube-proxy/kubeconfig", false },
	{ "/var/lib/kube-proxy/kubeconfig.conf", false },
	{ "/etc/kubernetes/kube-proxy.conf", false },
	{ "/etc/kubernetes/kubelet.conf", false },
	{ "/var/lib/rancher/k3s/agent/kubelet.kubeconfig", false },
	{ "/var/lib/rancher/rke2/agent/kubelet.kubeconfig", false },
	{ "/var/lib/kubelet/kubeconfig", false },
};

/* -- who may be asked ----------------------------------------------------------------------------- */

static struct kube *new_kube(struct arena *a)
{
	struct kube *k = arena_alloc(a, sizeof(*k));

	k->arena = a;
	k->http = http_new(a);
	return k;
}

/* One kubeconfig of the files given, with all that it names. mount: see kube_config_load(). */
static int add_config(struct kube *k, const char *const *path, size_t n, const char *mount, struct err *err)
{
	struct config_file *file = arena_alloc(k->arena, n * sizeof(*file));
	char shown[WORD_SHORT];
	struct access x;
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		file[i].path = path[i];
		rc = kube_read_file(k->arena, path[i], CONFIG_MAX, &file[i].text, &file[i].len);
		if (rc)
			rc = err_set(err, rc == -ENOENT || rc == -EACCES ? rc : -EINVAL, "kubeconfig %s cannot be read: %s",
				     word_short(path[i], shown), strerror(-rc));
	}
	if (!rc)
		rc = kube_config_parse(k->arena, file, n, &x, err);
	if (!rc)
		rc = kube_config_load(k->arena, &x, mount, err);
	if (!rc)
		*VEC_PUSH(k->arena, k->access, k->n, k->cap) = x;
	return rc;
}

/* For places that may be there or not. */
static void try_config(struct kube *k, const char *const *path, size_t n, const char *mount)
{
	struct err err = { "" };

	if (add_config(k, path, n, mount, &err) && !k->unusable)
		k->unusable = arena_strdup(k->arena, err.text);
}

int kube_open(struct arena *a, const char *path, struct kube **out, struct err *err)
{
	struct kube *k = new_kube(a);
	int rc = add_config(k, &path, 1, NULL, err);

	if (!rc)
		*out = k;
	return rc;
}

/* $KUBECONFIG lists files, of which those that are not there do not count. */
static void find_env(struct kube *k)
{
	const char *env = getenv("KUBECONFIG");
	char *list = arena_strdup(k->arena, env ? env : ""), *save, *word;
	const char *path[16];
	size_t n = 0;

	for (word = strtok_r(list, ":", &save); word && n < ARRAY_SIZE(path); word = strtok_r(NULL, ":", &save))
		if (!access(word, F_OK))
			path[n++] = word;
	if (n)
		try_config(k, path, n, NULL);
	else if (env && *env)
		k->unusable = "$KUBECONFIG names no file that is there";
}

/* The directory in which a Pod's volume of kind `projected` keeps its token, beside the configuration that was found. */
static const char *pod_mount(struct kube *k, const char *config)
{
	const char *volumes = strstr(config, "/kubernetes.io~configmap/"), *found = NULL;
	glob_t g;

	if (volumes && !glob(arena_printf(k->arena, "%.*s/kubernetes.io~projected/kube-api-access-*", (int)(volumes - config),
					  config), 0, NULL, &g)) {
		found = arena_strdup(k->arena, g.gl_pathv[0]);
		globfree(&g);
	}
	return found;
}

static void find_places(struct kube *k)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		glob_t g;

		if (glob(places[i].pattern, 0, NULL, &g))
			continue;
		for (size_t m = 0; m < g.gl_pathc; m++) {
			const char *path = arena_strdup(k->arena, g.gl_pathv[m]);

			try_config(k, &path, 1, places[i].pod ? pod_mount(k, path) : NULL);
		}
		globfree(&g);
	}
}

static void find_service_account(struct kube *k)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
	struct err err = { "" };
	struct addr addr;
	struct access x = {
		.origin = "the service account", .ca.path = SERVICE_ACCOUNT "/ca.crt", .token.path = SERVICE_ACCOUNT "/token",
	};

	if (!host || !port || !*port || port[strspn(port, "0123456789")] || !addr_parse(host, &addr))
		return;
	x.server = arena_printf(k->arena, addr.family == AF_INET6 ? "https://[%s]:%s" : "https://%s:%s", host, port);
	if (!kube_config_load(k->arena, &x, NULL, &err))
		*VEC_PUSH(k->arena, k->access, k->n, k->cap) = x;
	else if (!k->unusable)
		k->unusable = arena_strdup(k->arena, err.text);
}

void kube_find(struct arena *a, struct kube **out)
{
	struct kube *k = new_kube(a);

	find_env(k);
	find_places(k);
	find_service_account(k);
	*out = k->n || k->unusable ? k : NULL;
}

void kube_close(struct kube *k)
{
	if (k)
		http_free(k->http);
}

const char *kube_namespace(const struct kube *k)
{
	return k && k->n ? k->access[0].namespace : NULL;
}

/* -- lists -------------------------------------------------------------------------------------- */

static const struct { const char *group, *plural, *words; } kinds[CLUSTER_KINDS] = {
	[CLUSTER_SERVICES] = { "/api/v1", "services", "Services" },
	[CLUSTER_SLICES] = { "/apis/discovery.k8s.io/v1", "endpointslices", "EndpointSlices" },
	[CLUSTER_PODS] = { "/api/v1", "pods", "Pods" },
	[CLUSTER_NODES] = { "/api/v1", "nodes", "Nodes" },
};

/* more: where the last page ended. whole: without pages. */
static const char *path_of(struct kube *k, const struct kube_query *q, const char *more, bool whole)
{
	struct text t = { .arena = k->arena };

	text_add(&t, "%s", kinds[q->kind].group);
	if (q->namespace)
		text_add(&t, "/namespaces/%s", http_escape(k->arena, q->namespace));
	text_add(&t, "/%s", kinds[q->kind].plural);
	text_add(&t, whole ? "?limit=0" : "?limit=%d", PAGE);
	if (q->field)
		text_add(&t, "&fieldSelector=%s", http_escape(k->arena, q->field));
	if (q->label)
		text_add(&t, "&labelSelector=%s", http_escape(k->arena, q->label));
	if (more)
		text_add(&t, "&continue=%s", http_escape(k->arena, more));
	return text_get(&t);
}

static long remaining_ms(struct kube *k)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!k->begun) {
		k->begun = true;
		k->deadline = now;
		k->deadline.tv_sec += BUDGET_MS / 1000;
	}
	return (k->deadline.tv_sec - now.tv_sec) * 1000 + (k->deadline.tv_nsec - now.tv_nsec) / 1000000;
}

static int refused(long status, struct err *err)
{
	static const struct { long status; int error; const char *words; } rows[] = {
		{ 401, -EACCES, "401 Unauthorized, these credentials are not known there" },
		{ 403, -EPERM, "403 Forbidden, these credentials may not list them" },
		{ 404, -ENOENT, "404 Not Found, this server has no such list" },
		{ 410, -ESTALE, "410 Gone, the list changed too much while it was read" },
		{ 429, -EAGAIN, "429 Too Many Requests" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].status == status)
			return err_set(err, rows[i].error, "%s", rows[i].words);
	return err_set(err, -EIO, "it answers with HTTP status %ld", status);
}

static int one_page(struct kube *k, const struct access *x, const struct kube_query *q, struct cluster *c,
		    const char **more, bool whole, struct err *err)
{
	struct http_answer answer;
	struct err why = { "" };
	long left = remaining_ms(k);
	bool any = false;
	int rc;

	if (left <= 0)
		return err_set(err, -ETIMEDOUT, "2 seconds were over");
	rc = http_get(k->http, x, path_of(k, q, *more, whole), left, &answer, err);
	if (rc)
		return rc;
	if (answer.status != 200)
		return refused(answer.status, err);
	*more = NULL;
	rc = cluster_add(c, answer.body, answer.len, more, &any, &why);
	if (rc)
		return err_set(err, -EBADMSG, "its answer is no list of objects: %s", why.text);
	return any ? 0 : err_set(err, -EBADMSG, "its answer is no list of objects");
}

static int every_page(struct kube *k, const struct access *x, const struct kube_query *q, struct cluster *c, struct err *err)
{
	const struct cluster had = *c;
	const char *more = NULL, *before;
	int rc;

	do {
		before = more;
		rc = one_page(k, x, q, c, &more, false, err);
		/* the place where the last page ended is forgotten there: once more, in one piece (client-go's ListPager) */
		if (rc == -ESTALE && before) {
			*c = had;
			more = NULL;
			return one_page(k, x, q, c, &more, true, err);
		}
		if (!rc && more && before && !strcmp(more, before))
			return err_set(err, -EBADMSG, "it gives the same page again and again");
	} while (!rc && more);
	return rc;
}

/* Others may be allowed what these credentials are not; but a server that is silent is silent to all. */
static bool worth_another(int rc)
{
	return rc == -EACCES || rc == -EPERM || rc == -ENOENT;
}

int kube_list(struct kube *k, const struct kube_query *q, struct cluster *c, struct err *err)
{
	struct err first = { "" }, why;
	char shown[WORD_SHORT];
	int rc = -ENOENT, first_rc = 0;

	if (!k->n)
		return err_set(err, -ENOENT, "%s cannot be asked for: %s", kinds[q->kind].words,
			       k->unusable ? k->unusable : "no kubeconfig is known");
	for (size_t i = 0; i < k->n; i++) {
		const struct access *x = &k->access[(k->at + i) % k->n];

		why.text[0] = 0;
		rc = every_page(k, x, q, c, &why);
		if (!rc) {
			k->at = (k->at + i) % k->n;
			return 0;
		}
		if (!first_rc) {
			first_rc = rc;
			err_set(&first, rc, "%s%s%s cannot be read from %s (%s): %s", kinds[q->kind].words,
				q->namespace ? " of namespace " : "", q->namespace ? q->namespace : "",
				word_short(x->server, shown), x->origin, why.text);
		}
		if (!worth_another(rc))
			break;
	}
	return err_set(err, first_rc, "%s", first.text);
}
