/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kube*.c share: how a server is reached, the reader of kubeconfigs, and HTTPS. */
#ifndef KTRACE_KUBE_PRIV_H
#define KTRACE_KUBE_PRIV_H

#include "tracer/kube.h"

#define OBJECTS_MAX	((size_t)2 << 30)
#define CONFIG_MAX	((size_t)4 << 20)
#define BODY_MAX	((size_t)256 << 20)

/* A whole file, NUL-terminated, in arena. -EFBIG above `most` bytes. */
int kube_read_file(struct arena *a, const char *path, size_t most, const char **text, size_t *len);

/* -- kube_config.c: pure but for kube_config_load() ------------------------------------------------- */

/* Bytes given in the kubeconfig itself or by a file's name. */
struct blob {
	const char *path;		/* to be read, or NULL */
	const char *data;		/* NULL: none, or not read yet */
	size_t len;
};

/* A server and who one is there. */
struct access {
	const char *origin;		/* the kubeconfig's path, "the service account": for sentences */
	const char *server;		/* "https://10.0.0.1:6443" */
	const char *server_name;	/* of its certificate, NULL: the URL's */
	const char *proxy;		/* or NULL */
	const char *namespace;		/* or NULL */
	struct blob ca, cert, key, token;
};

struct config_file {
	const char *path, *text;
	size_t len;
};
/*
 * The current context of one kubeconfig, or of several as $KUBECONFIG lists them: of each name the first counts. What ktrace
 * does not do (plug-ins that are programs, unverified certificates, plain HTTP) is -EINVAL with a sentence. No sentence
 * holds more of a file than names.
 */
int kube_config_parse(struct arena *a, const struct config_file *file, size_t n, struct access *out, struct err *err);
/* Reads the files that it names. mount (may be NULL) is where a Pod's /var/run/secrets/kubernetes.io/serviceaccount is. */
int kube_config_load(struct arena *a, struct access *x, const char *mount, struct err *err);
/* False if it is not base64. */
bool base64_decode(struct arena *a, const char *s, const char **out, size_t *len);

/* -- kube_http.c ---------------------------------------------------------------------------------- */

/* libcurl, loaded by the first request: linking it would make every start of ktrace dearer by some thirty libraries. */
struct http;

struct http_answer {
	long status;
	const char *body;		/* NUL-terminated, in arena */
	size_t len;
};
struct http *http_new(struct arena *a);
void http_free(struct http *h);
/* GET of server + path. -errno with a clause ("no answer within 2 seconds"); any status of HTTP is an answer. */
int http_get(struct http *h, const struct access *x, const char *path, long timeout_ms, struct http_answer *out,
	     struct err *err);
/* For a query string. */
const char *http_escape(struct arena *a, const char *s);

#endif
