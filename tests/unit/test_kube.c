/* SPDX-License-Identifier: GPL-2.0-only */
/* Kubeconfigs: what leads to which server as whom, what is refused, and that no sentence holds a secret. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/kube_priv.h"

#define SECRET "s3cret-of-the-test"

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

static int parse(const char *text, struct access *out, struct err *err)
{
	struct config_file f = { "/etc/conf/k", text, strlen(text) };

	err->text[0] = 0;
	return kube_config_parse(arena, &f, 1, out, err);
}

#define HEAD	"current-context: x\ncontexts:\n- name: x\n  context: {cluster: c, user: u, namespace: prod}\n"
#define CLUSTER	"clusters:\n- name: c\n  cluster:\n    server: https://10.0.0.1:6443\n"
#define USER	"users:\n- name: u\n  user:\n"

static void forms(void **state)
{
	struct access x;
	struct err err;

	(void)state;
	assert_int_equal(parse(HEAD CLUSTER "    certificate-authority-data: aGVsbG8=\n" USER "    token: " SECRET "\n", &x, &err), 0);
	assert_string_equal(x.server, "https://10.0.0.1:6443");
	assert_string_equal(x.namespace, "prod");
	assert_int_equal(x.ca.len, 5);
	assert_memory_equal(x.ca.data, "hello", 5);
	assert_string_equal(x.token.data, SECRET);
	assert_string_equal(x.origin, "kubeconfig /etc/conf/k");

	/* relative to the kubeconfig, absolute as they are */
	assert_int_equal(parse(HEAD CLUSTER "    certificate-authority: pki/ca.crt\n" USER
			       "    client-certificate: /var/a.pem\n    client-key: b.key\n", &x, &err), 0);
	assert_string_equal(x.ca.path, "/etc/conf/pki/ca.crt");
	assert_string_equal(x.cert.path, "/var/a.pem");
	assert_string_equal(x.key.path, "/etc/conf/b.key");
	assert_null(x.token.data);

	/* data before a file, a token's file before a token */
	assert_int_equal(parse(HEAD CLUSTER "    certificate-authority: a\n    certificate-authority-data: aGk=\n" USER
			       "    token: old\n    tokenFile: t\n", &x, &err), 0);
	assert_null(x.ca.path);
	assert_int_equal(x.ca.len, 2);
	assert_string_equal(x.token.path, "/etc/conf/t");
	assert_null(x.token.data);

	/* as JSON, with a user of nothing */
	assert_int_equal(parse("{\"current-context\":\"x\",\"contexts\":[{\"name\":\"y\"},{\"name\":\"x\",\"context\":{\"cluster\":\"c\",\"user\":\"u\"}}],"
			       "\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"https://[fd00::1]:6443\",\"tls-server-name\":\"n\"}}],"
			       "\"users\":[{\"name\":\"u\",\"user\":{}}]}", &x, &err), 0);
	assert_string_equal(x.server_name, "n");
	assert_null(x.namespace);
}

static void several(void **state)
{
	static const char one[] = "kind: Config\ncurrent-context: x\nusers:\n- name: u\n  user: {token: first}\n";
	static const char two[] = HEAD CLUSTER USER "    token: second\n";
	const struct config_file f[] = { { "a/one", one, strlen(one) }, { "/b/two", two, strlen(two) } };
	struct access x;
	struct err err;

	(void)state;
	assert_int_equal(kube_config_parse(arena, f, 2, &x, &err), 0);
	assert_string_equal(x.token.data, "first");
	assert_string_equal(x.origin, "kubeconfig a/one:/b/two");
}

static void refused(void **state)
{
	static const struct { const char *text, *says; } rows[] = {
		{ "", "is not" }, { "x", "is not a kubeconfig" }, { "[]", "is not a kubeconfig" }, { "{}", "no current-context" },
		{ "a: [", "is not YAML: line" }, { "a: 1\n---\nb: 2\n", "is not a kubeconfig" }, { "{\"token\": \"" SECRET, "is not a kubeconfig" },
		{ "token: \"" SECRET, "is not YAML" },
		{ "current-context: x\n", "no context 'x'" }, { "current-context: x\ncontexts: 7\n", "no context 'x'" },
		{ "current-context: x\ncontexts:\n- name: x\n  context: {user: u}\n", "names no cluster" },
		{ HEAD USER "    token: " SECRET "\n", "no cluster 'c'" }, { HEAD CLUSTER, "no user 'u'" },
		{ HEAD "clusters:\n- name: c\n  cluster: {server: 'http://10.0.0.1'}\n" USER "    token: " SECRET "\n", "not https" },
		{ HEAD "clusters:\n- name: c\n  cluster: {server: 'https://a:" SECRET "@10.0.0.1'}\n" USER "    token: t\n", "plain https" },
		{ HEAD "clusters:\n- name: c\n  cluster: {}\n" USER "    token: " SECRET "\n", "names no server" },
		{ HEAD CLUSTER "    insecure-skip-tls-verify: true\n" USER "    token: " SECRET "\n", "always does" },
		{ HEAD CLUSTER "    certificate-authority-data: '%%%'\n" USER "    token: " SECRET "\n", "not base64" },
		{ HEAD CLUSTER USER "    client-key-data: '" SECRET "'\n", "client-key-data is not base64" },
		{ HEAD CLUSTER USER "    token: \"" SECRET "\\r\\nHost: x\"\n", "no token has" },
		{ HEAD CLUSTER USER "    exec: {command: x, env: [{name: a, value: " SECRET "}]}\n", "plug-in" },
		{ HEAD CLUSTER USER "    username: a\n    password: " SECRET "\n", "password" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct access x = { .origin = "untouched" };
		struct err err;

		if (parse(rows[i].text, &x, &err) != -EINVAL)
			fail_msg("taken: %s", rows[i].text);
		if (!strstr(err.text, rows[i].says))
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_null(strstr(err.text, "s3cret"));
		assert_null(strpbrk(err.text, "\n\033"));
		assert_string_equal(x.origin, "untouched");
	}
}

static void base64(void **state)
{
	static const struct { const char *text, *bytes; } rows[] = {
		{ "", "" }, { "Zg==", "f" }, { "Zm8=", "fo" }, { "Zm9v", "foo" }, { "Zm9v\nYmFy\r\n", "foobar" },
	};
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg=a", "Z===", "Zm9v!", "Zm 9v", "====" };
	const char *out;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(base64_decode(arena, rows[i].text, &out, &len));
		assert_int_equal(len, strlen(rows[i].bytes));
		assert_memory_equal(out, rows[i].bytes, len);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (base64_decode(arena, bad[i], &out, &len))
			fail_msg("taken: %s", bad[i]);
}

static void files(void **state)
{
	char dir[] = "/tmp/kt-test-kube-XXXXXX";
	struct access x = { .origin = "kubeconfig k" };
	const char *path, *text;
	struct err err = { "" };
	size_t len;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = arena_printf(arena, "%s/token", dir);
	f = fopen(path, "w");
	fputs(SECRET "\n", f);
	fclose(f);
	x.token.path = "/var/run/secrets/kubernetes.io/serviceaccount/token";
	assert_int_equal(kube_config_load(arena, &x, dir, &err), 0);
	assert_string_equal(x.token.data, SECRET);
	assert_int_equal(kube_read_file(arena, path, 4, &text, &len), -EFBIG);
	f = fopen(path, "w");
	fputs(SECRET " two words\n", f);
	fclose(f);
	x.token = (struct blob){ .path = path };
	assert_int_equal(kube_config_load(arena, &x, NULL, &err), -EINVAL);
	assert_null(strstr(err.text, "s3cret"));
	remove(path);
	x.token = (struct blob){ .path = path };
	assert_int_equal(kube_config_load(arena, &x, NULL, &err), -ENOENT);
	assert_non_null(strstr(err.text, "token"));
	remove(dir);
}

static void escape(void **state)
{
	(void)state;
	assert_string_equal(http_escape(arena, "metadata.name=a b&c/+%"), "metadata.name%3Da%20b%26c%2F%2B%25");
	assert_string_equal(http_escape(arena, "\xff-_~"), "%FF-_~");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(forms, setup, teardown),
		cmocka_unit_test_setup_teardown(several, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
		cmocka_unit_test_setup_teardown(base64, setup, teardown),
		cmocka_unit_test_setup_teardown(files, setup, teardown),
		cmocka_unit_test_setup_teardown(escape, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
