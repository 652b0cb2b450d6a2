// SPDX-License-Identifier: GPL-2.0-only
/*
 * The API server, which may send anything: libcurl reads it from a socket that was filled before it asked, in the clear. Between
 * kube_http.c and libcurl stand three of its functions, made ours where they are looked up.
 */
#define dlsym fuzz_dlsym
#include "tracer/kube_http.c"
#undef dlsym

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

extern void *dlsym(void *restrict handle, const char *restrict name);

static struct lib real;
static struct { const uint8_t *at; size_t left; int far[16]; unsigned n_far; } server;

/* What it sends up to the next split, or nothing. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	const uint8_t *end = memmem(server.at, server.left, HTTP_SPLIT, 2);
	size_t n = end ? (size_t)(end - server.at) : server.left;
	int fd[2];

	(void)ctx;
	(void)purpose;
	(void)address;
	if (server.n_far == ARRAY_SIZE(server.far) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
		return CURL_SOCKET_BAD;
	if (n && send(fd[1], server.at, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		abort();
	shutdown(fd[1], SHUT_WR);
	server.far[server.n_far++] = fd[1];
	server.at += end ? n + 2 : n;
	server.left -= end ? n + 2 : n;
	return fd[0];
}

static int is_connected(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	(void)ctx;
	(void)fd;
	(void)purpose;
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static CURLcode set_option(CURL *h, CURLoption option, ...)
{
	char url[8192];
	va_list ap;
	void *value;

	va_start(ap, option);
	value = va_arg(ap, void *);
	va_end(ap);
	if (option == CURLOPT_PROTOCOLS_STR)
		value = (void *)"http";
	if (option == CURLOPT_URL) {
		snprintf(url, sizeof(url), "http%s", (const char *)value + strlen("https"));
		value = url;
	}
	return real.easy_setopt(h, option, value);
}

static void reset(CURL *h)
{
	real.easy_reset(h);
	real.easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	real.easy_setopt(h, CURLOPT_SOCKOPTFUNCTION, is_connected);
}

void *fuzz_dlsym(void *handle, const char *name)
{
	void *symbol = dlsym(handle, name);

	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++)
		if (!strcmp(symbols[i].name, name))
			memcpy((char *)&real + symbols[i].at, &symbol, sizeof(symbol));
	return !strcmp(name, "curl_easy_setopt") ? (void *)set_option : !strcmp(name, "curl_easy_reset") ? (void *)reset : symbol;
}

static const char *config(void)
{
	static const char text[] =
		"current-context: c\n"
		"contexts: [{name: c, context: {cluster: c, user: u}}]\n"
		"clusters: [{name: c, cluster: {server: 'https://127.0.0.1:6443'}}]\n"
		"users: [{name: u, user: {token: t}}]\n";
	static char path[64];

	if (!path[0]) {
		int fd = memfd_create("config", MFD_CLOEXEC);

		if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
			abort();
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	return path;
}

void run_http(const struct fuzz *f, const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	struct cluster *c = cluster_new(a, "what the API server says");
	struct err err = { "" };
	struct kube *k;

	(void)f;
	server.at = data;
	server.left = len < 100000 ? len : 100000;
	server.n_far = 0;
	if (kube_open(a, config(), &k, &err))
		abort();
	for (enum cluster_kind kind = 0; kind < CLUSTER_KINDS && server.left; kind++)
		if (kube_list(k, &(struct kube_query){ .kind = kind, .namespace = "a b", .label = "x=y" }, c, &err))
			check_err(&err);
	cluster_sort(c);
	kube_close(k);
	while (server.n_far)
		close(server.far[--server.n_far]);
	arena_free(a);
}

void http_address(struct arena *a, const struct access *x)
{
	struct http *h = http_new(a);
	struct curl_slist *connect = NULL;
	const char *host, *port;
	struct err err = { "" };

	/* its lists are libcurl's */
	if (load_curl(h, &err))
		return;
	host_of(a, x->server, &host, &port);
	url_of(h, x, "/api/v1/services", &connect);
	h->lib.slist_free_all(connect);
	http_free(h);
}
