/* SPDX-License-Identifier: GPL-2.0-only */
/* One HTTPS GET at a time through libcurl, certificates verified, nothing followed, nothing logged. */
#include <curl/curl.h>
#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tracer/kube_priv.h"
#include "tracer/word.h"

/* What is used of libcurl, by name. */
struct lib {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	void (*easy_reset)(CURL *h);
	void (*easy_cleanup)(CURL *h);
	CURLcode (*easy_setopt)(CURL *h, CURLoption option, ...);
	CURLcode (*easy_perform)(CURL *h);
	CURLcode (*easy_getinfo)(CURL *h, CURLINFO info, ...);
	const char *(*easy_strerror)(CURLcode code);
	struct curl_slist *(*slist_append)(struct curl_slist *l, const char *s);
	void (*slist_free_all)(struct curl_slist *l);
};

static const struct { const char *name; size_t at; } symbols[] = {
	{ "curl_global_init", offsetof(struct lib, global_init) }, { "curl_easy_init", offsetof(struct lib, easy_init) },
	{ "curl_easy_reset", offsetof(struct lib, easy_reset) }, { "curl_easy_cleanup", offsetof(struct lib, easy_cleanup) },
	{ "curl_easy_setopt", offsetof(struct lib, easy_setopt) }, { "curl_easy_perform", offsetof(struct lib, easy_perform) },
	{ "curl_easy_getinfo", offsetof(struct lib, easy_getinfo) },
	{ "curl_easy_strerror", offsetof(struct lib, easy_strerror) },
	{ "curl_slist_append", offsetof(struct lib, slist_append) },
	{ "curl_slist_free_all", offsetof(struct lib, slist_free_all) },
};

struct http {
	struct arena *arena;
	struct lib lib;
	CURL *curl;			/* NULL: not loaded yet */
	struct curl_slist *hosts;	/* --resolve lines, one a host asked for */
	const char *host;		/* the last one resolved */
};

struct http *http_new(struct arena *a)
{
	struct http *h = arena_alloc(a, sizeof(*h));

	h->arena = a;
	return h;
}

void http_free(struct http *h)
{
	if (!h || !h->curl)
		return;
	h->lib.easy_cleanup(h->curl);
	h->lib.slist_free_all(h->hosts);
	h->curl = NULL;
}

const char *http_escape(struct arena *a, const char *s)
{
	struct text t = { .arena = a };

	for (; *s; s++)
		text_add(&t, isalnum((unsigned char)*s) || strchr("-._~", *s) ? "%c" : "%%%02X", (unsigned char)*s);
	return text_get(&t);
}

static int load_curl(struct http *h, struct err *err)
{
	void *so;

	if (h->curl)
		return 0;
	so = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!so)
		return err_set(err, -ENOTSUP, "libcurl.so.4 is not installed");
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		void *symbol = dlsym(so, symbols[i].name);

		if (!symbol)
			return err_set(err, -ENOTSUP, "libcurl.so.4 has no %s", symbols[i].name);
		memcpy((char *)&h->lib + symbols[i].at, &symbol, sizeof(symbol));
	}
	/* the library stays loaded: OpenSSL does not like to be unloaded */
	if (h->lib.global_init(CURL_GLOBAL_DEFAULT))
		return err_set(err, -EIO, "libcurl cannot be started");
	h->curl = h->lib.easy_init();
	return h->curl ? 0 : err_set(err, -ENOMEM, "libcurl cannot be started");
}

/* -- names, within the time --------------------------------------------------------------------- */

/* "api.example" and 6443 of "https://api.example:6443/k8s"; false for an address, which needs no resolver. */
static bool host_of(struct arena *a, const char *server, const char **host, const char **port)
{
	const char *s = server + strlen("https://");
	const char *h = arena_strndup(a, s, strcspn(s, "/:"));
	struct addr addr;

	if (*s == '[' || addr_parse(h, &addr))
		return false;
	s += strlen(h);
	*host = h;
	*port = *s == ':' ? arena_strndup(a, s + 1, strcspn(s + 1, "/")) : "443";
	return true;
}

/* Asked in a thread of libc's, whose memory must outlive a resolver that never answers: it is left to it then. */
struct asked {
	struct gaicb cb;
	struct addrinfo hints;
	char host[256], port[8];
};

static const char *addresses(struct arena *a, const struct addrinfo *list)
{
	struct text t = { .arena = a };
	char host[64];

	for (; list; list = list->ai_next)
		if (!getnameinfo(list->ai_addr, list->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST))
			text_add(&t, "%s%s%s%s", t.len ? "," : "", strchr(host, ':') ? "[" : "", host,
				 strchr(host, ':') ? "]" : "");
	return t.len ? text_get(&t) : NULL;
}

/*
 * libcurl's own resolver cannot be left when time is up: its thread is waited for. A name is therefore resolved here first,
 * and given to it.
 */
static int resolve(struct http *h, const struct access *x, long timeout_ms, struct err *err)
{
	struct timespec wait = { timeout_ms / 1000, timeout_ms % 1000 * 1000000 };
	const char *host, *port, *list = NULL;
	struct gaicb *all[1];
	char shown[WORD_SHORT];
	struct asked *q;
	int rc;

	if (x->proxy || !host_of(h->arena, x->server, &host, &port) || (h->host && !strcmp(h->host, host)))
		return 0;
	word_short(host, shown);
	if (strlen(host) >= sizeof(q->host) || strlen(port) >= sizeof(q->port))
		return err_set(err, -EINVAL, "%s is no host and port", shown);
	q = calloc(1, sizeof(*q));
	if (!q)
		return err_set(err, -ENOMEM, "there is no memory");
	strcpy(q->host, host);
	strcpy(q->port, port);
	q->hints.ai_socktype = SOCK_STREAM;
	q->cb = (struct gaicb){ .ar_name = q->host, .ar_service = q->port, .ar_request = &q->hints };
	all[0] = &q->cb;
	rc = getaddrinfo_a(GAI_NOWAIT, all, 1, NULL);
	/* whatever it returns: glibc says EAI_SYSTEM where the manual promises EAI_AGAIN */
	if (!rc)
		gai_suspend((const struct gaicb *const *)all, 1, &wait);
	if (!rc && gai_error(&q->cb) == EAI_INPROGRESS)
		return err_set(err, -ETIMEDOUT, "its name %s does not resolve in time", shown);
	if (!rc)
		rc = gai_error(&q->cb);
	if (!rc)
		list = addresses(h->arena, q->cb.ar_result);
	if (q->cb.ar_result)
		freeaddrinfo(q->cb.ar_result);
	free(q);
	if (!list)
		return err_set(err, -EHOSTUNREACH, "its name %s does not resolve: %s", shown, gai_strerror(rc));
	h->hosts = h->lib.slist_append(h->hosts, arena_printf(h->arena, "%s:%s:%s", host, port, list));
	h->host = host;
	return 0;
}

/* -- requests ----------------------------------------------------------------------------------- */

struct body {
	struct arena *arena;
	char *data;
	size_t len, cap;
	bool too_long;
};

static size_t on_body(char *data, size_t one, size_t n, void *ctx)
{
	struct body *b = ctx;

	n *= one;
	if (b->len + n > BODY_MAX) {
		b->too_long = true;
		return 0;
	}
	if (b->len + n + 1 > b->cap) {
		char *grown;

		b->cap = 2 * (b->len + n) + 65536;
		grown = arena_alloc(b->arena, b->cap);
		if (b->len)
			memcpy(grown, b->data, b->len);
		b->data = grown;
	}
	memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = 0;
	return n;
}

static void set_blob(struct http *h, CURLoption option, const struct blob *b)
{
	struct curl_blob blob = { (void *)b->data, b->len, CURL_BLOB_NOCOPY };

	if (b->data)
		h->lib.easy_setopt(h->curl, option, &blob);
}

static void set_identity(struct http *h, const struct access *x)
{
	const struct lib *l = &h->lib;

	l->easy_setopt(h->curl, CURLOPT_SSL_VERIFYPEER, 1L);
	l->easy_setopt(h->curl, CURLOPT_SSL_VERIFYHOST, 2L);
	/* with an authority of its own, the machine's do not count */
	if (x->ca.data) {
		l->easy_setopt(h->curl, CURLOPT_CAINFO, NULL);
		l->easy_setopt(h->curl, CURLOPT_CAPATH, NULL);
	}
	set_blob(h, CURLOPT_CAINFO_BLOB, &x->ca);
	set_blob(h, CURLOPT_SSLCERT_BLOB, &x->cert);
	/* one file may hold both */
	set_blob(h, CURLOPT_SSLKEY_BLOB, x->key.data ? &x->key : &x->cert);
}

/*
 * tls-server-name: the name that the certificate must bear. libcurl checks the URL's name, so that the URL gets it, and a
 * --connect-to line leads to the server.
 */
static const char *url_of(struct http *h, const struct access *x, const char *path, struct curl_slist **connect)
{
	const char *rest = x->server + strlen("https://"), *base = x->server;
	size_t authority = strcspn(rest, "/"), len;

	if (x->server_name) {
		const char *bracket = *rest == '[' ? memchr(rest, ']', authority) : NULL;
		const char *colon = memchr(bracket ? bracket : rest, ':', authority - (bracket ? bracket - rest : 0));
		const char *port = colon ? arena_strndup(h->arena, colon + 1, rest + authority - colon - 1) : "443";

		*connect = h->lib.slist_append(NULL, arena_printf(h->arena, "::%.*s:%s",
								  (int)((colon ? colon : rest + authority) - rest), rest, port));
		base = arena_printf(h->arena, "https://%s:%s%s", x->server_name, port, rest + authority);
	}
	len = strlen(base);
	while (len && base[len - 1] == '/')
		len--;
	return arena_printf(h->arena, "%.*s%s", (int)len, base, path);
}

static int perform(struct http *h, const char *problem, struct body *body, struct err *err)
{
	CURLcode code = h->lib.easy_perform(h->curl);
	char shown[WORD_SHORT];

	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, -ETIMEDOUT, "no answer within 2 seconds");
	case CURLE_COULDNT_CONNECT:
		return err_set(err, -ECONNREFUSED, "cannot connect");
	case CURLE_WRITE_ERROR:
		return err_set(err, -EFBIG, "%s", body->too_long ? "its answer does not end" : "its answer cannot be kept");
	default:
		/* OpenSSL's words on certificates; they hold nothing that was sent */
		return err_set(err, -EIO, "%s", word_short(problem[0] ? problem : h->lib.easy_strerror(code), shown));
	}
}

int http_get(struct http *h, const struct access *x, const char *path, long timeout_ms, struct http_answer *out,
	     struct err *err)
{
	struct curl_slist *headers = NULL, *connect = NULL;
	struct body body = { .arena = h->arena };
	char problem[CURL_ERROR_SIZE] = "";
	const struct lib *l = &h->lib;
	struct timespec before, after;
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &before);
	rc = load_curl(h, err);
	if (!rc)
		rc = resolve(h, x, timeout_ms, err);
	if (rc)
		return rc;
	clock_gettime(CLOCK_MONOTONIC, &after);
	timeout_ms -= (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
	if (timeout_ms <= 0)
		return err_set(err, -ETIMEDOUT, "no answer within 2 seconds");
	l->easy_reset(h->curl);
	set_identity(h, x);
	headers = l->slist_append(NULL, "Accept: application/json");
	if (x->token.data)
		headers = l->slist_append(headers, arena_printf(h->arena, "Authorization: Bearer %.*s", (int)x->token.len,
								x->token.data));
	l->easy_setopt(h->curl, CURLOPT_URL, url_of(h, x, path, &connect));
	l->easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
	l->easy_setopt(h->curl, CURLOPT_CONNECT_TO, connect);
	l->easy_setopt(h->curl, CURLOPT_RESOLVE, h->hosts);
	/* not the environment's: where the token goes is the kubeconfig's business */
	l->easy_setopt(h->curl, CURLOPT_PROXY, x->proxy ? x->proxy : "");
	l->easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "https");
	l->easy_setopt(h->curl, CURLOPT_USERAGENT, "ktrace");
	l->easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	l->easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, timeout_ms);
	l->easy_setopt(h->curl, CURLOPT_ERRORBUFFER, problem);
	l->easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_body);
	l->easy_setopt(h->curl, CURLOPT_WRITEDATA, &body);
	rc = perform(h, problem, &body, err);
	if (!rc) {
		*out = (struct http_answer){ .body = body.data ? body.data : "", .len = body.len };
		l->easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &out->status);
	}
	l->easy_setopt(h->curl, CURLOPT_ERRORBUFFER, NULL);
	l->slist_free_all(headers);
	l->slist_free_all(connect);
	return rc;
}
