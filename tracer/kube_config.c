/* SPDX-License-Identifier: GPL-2.0-only */
/* Kubeconfigs: clusters, users and contexts by name, of one file or several. */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "tracer/kube_priv.h"
#include "tracer/word.h"
#include "tracer/yaml.h"

#define POD_MOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

bool base64_decode(struct arena *a, const char *s, const char **out, size_t *len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *bytes = arena_alloc(a, strlen(s) / 4 * 3 + 4);
	unsigned bits = 0, n_bits = 0, pad = 0;
	size_t n = 0, count = 0;

	for (; *s; s++) {
		const char *d = strchr(digits, *s);

		if (*s == '\n' || *s == '\r')
			continue;
		count++;
		if (*s == '=') {
			pad++;
			continue;
		}
		if (!d || pad)
			return false;
		bits = bits << 6 | (unsigned)(d - digits);
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			bytes[n++] = bits >> n_bits;
		}
	}
	if (pad > 2 || count % 4)
		return false;
	*out = bytes;
	*len = n;
	return true;
}

/* -- the documents -------------------------------------------------------------------------------- */

#define FILES_MAX 16

struct config {
	struct arena *arena;
	struct err *err;
	json_t *root[FILES_MAX];
	const char *path[FILES_MAX];
	size_t n;
	const char *shown;		/* all paths, fit for a sentence */
};

/* A part of the configuration and the file that it stands in, which relative paths start from. */
struct part {
	const json_t *value;		/* NULL: not there */
	const char *path;
};

static const char *string(const struct config *c, const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s ? arena_strdup(c->arena, s) : NULL;
}

static const char *shown(const struct config *c, const char *s)
{
	return word_short(s, arena_alloc(c->arena, WORD_SHORT));
}

/* `clusters: [{name: NAME, cluster: {…}}]`: the first of that name in the first file that has it. */
static struct part find(const struct config *c, const char *list, const char *key, const char *name)
{
	json_t *item;
	size_t i, k;

	for (i = 0; i < c->n; i++)
		json_array_foreach(json_object_get(c->root[i], list), k, item) {
			const char *s = json_string_value(json_object_get(item, "name"));

			if (s && !strcmp(s, name))
				return (struct part){ json_object_get(item, key), c->path[i] };
		}
	return (struct part){ NULL, NULL };
}

static int part_of(const struct config *c, const char *list, const char *key, const char *name, struct part *out)
{
	*out = name ? find(c, list, key, name) : (struct part){ NULL, NULL };
	if (json_is_object(out->value))
		return 0;
	if (!name)
		return err_set(c->err, -EINVAL, "kubeconfig %s: the current context names no %s", c->shown, key);
	return err_set(c->err, -EINVAL, "kubeconfig %s has no %s '%s'", c->shown, key, shown(c, name));
}

/* -data in base64, or the name of a file, relative to the kubeconfig. The data come first, as in client-go. */
static int blob(const struct config *c, const struct part *p, const char *data_key, const char *file_key, struct blob *out)
{
	const char *data = string(c, p->value, data_key), *file = string(c, p->value, file_key);
	const char *slash = strrchr(p->path, '/');

	if (data && !base64_decode(c->arena, data, &out->data, &out->len))
		return err_set(c->err, -EINVAL, "kubeconfig %s: %s is not base64", c->shown, data_key);
	if (data || !file)
		return 0;
	out->path = *file == '/' || !slash ? file : arena_printf(c->arena, "%.*s/%s", (int)(slash - p->path), p->path, file);
	return 0;
}

/* -- cluster and user ----------------------------------------------------------------------------- */

static int read_cluster(const struct config *c, const struct part *p, struct access *x)
{
	x->server = string(c, p->value, "server");
	x->server_name = string(c, p->value, "tls-server-name");
	x->proxy = string(c, p->value, "proxy-url");
	if (!x->server)
		return err_set(c->err, -EINVAL, "kubeconfig %s names no server", c->shown);
	if (strncmp(x->server, "https://", 8) || !x->server[8])
		return err_set(c->err, -EINVAL, "kubeconfig %s: its server is not https://, and ktrace sends nothing in the clear",
			       c->shown);
	if (strpbrk(x->server, "@?# \t\r\n\"'"))
		return err_set(c->err, -EINVAL, "kubeconfig %s: its server is not a plain https://HOST:PORT", c->shown);
	if (json_is_true(json_object_get(p->value, "insecure-skip-tls-verify")))
		return err_set(c->err, -EINVAL, "kubeconfig %s asks not to verify the server's certificate (insecure-skip-tls-verify), and ktrace always does",
			       c->shown);
	return blob(c, p, "certificate-authority-data", "certificate-authority", &x->ca);
}

static bool is_token(const char *s)
{
	for (; *s; s++)
		if (!isgraph((unsigned char)*s))
			return false;
	return true;
}

static int read_user(const struct config *c, const struct part *p, struct access *x)
{
	static const struct { const char *key, *what; } rows[] = {
		{ "exec", "a credential plug-in" }, { "auth-provider", "an auth provider" }, { "username", "a password" },
	};
	const char *token = string(c, p->value, "token"), *file = string(c, p->value, "tokenFile");
	int rc = blob(c, p, "client-certificate-data", "client-certificate", &x->cert);

	if (!rc)
		rc = blob(c, p, "client-key-data", "client-key", &x->key);
	/* a file, if both are given: it may be renewed */
	if (!rc && file)
		rc = blob(c, p, "", "tokenFile", &x->token);
	if (rc)
		return rc;
	if (token && !file) {
		if (!is_token(token))
			return err_set(c->err, -EINVAL, "kubeconfig %s: its token holds characters that no token has", c->shown);
		x->token = (struct blob){ .data = token, .len = strlen(token) };
	}
	if (x->token.data || x->token.path || x->cert.data || x->cert.path)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (json_object_get(p->value, rows[i].key))
			return err_set(c->err, -EINVAL, "kubeconfig %s authenticates by %s, which ktrace does not do: use a token or a client certificate",
				       c->shown, rows[i].what);
	return 0;
}

static int read_access(const struct config *c, struct access *x)
{
	const char *current = NULL;
	struct part context, cluster, user;
	int rc;

	for (size_t i = 0; i < c->n && !current; i++)
		current = string(c, c->root[i], "current-context");
	if (!current)
		return err_set(c->err, -EINVAL, "kubeconfig %s has no current-context", c->shown);
	rc = part_of(c, "contexts", "context", current, &context);
	if (!rc)
		rc = part_of(c, "clusters", "cluster", string(c, context.value, "cluster"), &cluster);
	if (!rc)
		rc = part_of(c, "users", "user", string(c, context.value, "user"), &user);
	if (!rc)
		rc = read_cluster(c, &cluster, x);
	if (!rc)
		rc = read_user(c, &user, x);
	if (!rc) {
		x->namespace = string(c, context.value, "namespace");
		x->origin = arena_printf(c->arena, "kubeconfig %s", c->shown);
	}
	return rc;
}

static int add_file(struct config *c, const struct config_file *f)
{
	const char *json = f->text;
	size_t len = f->len;
	struct err why = { "" };
	json_error_t where;
	int rc = 0;

	if (!yaml_is_json(f->text, f->len))
		rc = yaml_to_json(c->arena, f->text, f->len, &json, &len, &why);
	if (rc)
		return err_set(c->err, -EINVAL, "kubeconfig %s is not YAML: %s", shown(c, f->path), why.text);
	c->root[c->n] = json_loadb(json, len, 0, &where);
	if (!json_is_object(c->root[c->n])) {
		json_decref(c->root[c->n]);
		return err_set(c->err, -EINVAL, "%s is not a kubeconfig", shown(c, f->path));
	}
	c->path[c->n++] = f->path;
	return 0;
}

int kube_config_parse(struct arena *a, const struct config_file *file, size_t n, struct access *out, struct err *err)
{
	struct config c = { .arena = a, .err = err };
	struct text names = { .arena = a };
	struct access x = { NULL };
	int rc = 0;

	for (size_t i = 0; !rc && i < n && i < FILES_MAX; i++) {
		text_add(&names, "%s%s", i ? ":" : "", file[i].path);
		rc = add_file(&c, &file[i]);
	}
	c.shown = shown(&c, text_get(&names));
	if (!rc)
		rc = read_access(&c, &x);
	for (size_t i = 0; i < c.n; i++)
		json_decref(c.root[i]);
	if (!rc)
		*out = x;
	return rc;
}

/* -- the files that it names ---------------------------------------------------------------------- */

static int load(struct arena *a, struct blob *b, const char *mount, const char *what, const struct access *x,
		struct err *err)
{
	size_t n = strlen(POD_MOUNT);
	char buf[WORD_SHORT];
	int rc;

	if (!b->path || b->data)
		return 0;
	if (mount && !strncmp(b->path, POD_MOUNT, n))
		b->path = arena_printf(a, "%s/%s", mount, b->path + n);
	rc = kube_read_file(a, b->path, CONFIG_MAX, &b->data, &b->len);
	if (!rc)
		return 0;
	return err_set(err, rc == -ENOENT || rc == -EACCES ? rc : -EINVAL, "%s: its %s %s cannot be read: %s", x->origin, what,
		       word_short(b->path, buf), strerror(-rc));
}

int kube_config_load(struct arena *a, struct access *x, const char *mount, struct err *err)
{
	int rc = load(a, &x->ca, mount, "certificate authority", x, err);

	if (!rc)
		rc = load(a, &x->cert, mount, "client certificate", x, err);
	if (!rc)
		rc = load(a, &x->key, mount, "client key", x, err);
	if (!rc)
		rc = load(a, &x->token, mount, "token", x, err);
	if (rc || !x->token.data)
		return rc;
	while (x->token.len && isspace((unsigned char)x->token.data[x->token.len - 1]))
		x->token.len--;
	x->token.data = arena_strndup(a, x->token.data, x->token.len);
	if (!x->token.len || strlen(x->token.data) != x->token.len || !is_token(x->token.data))
		return err_set(err, -EINVAL, "%s: its token file holds no token", x->origin);
	return 0;
}
