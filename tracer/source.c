/* SPDX-License-Identifier: GPL-2.0-only */
/* Source words to struct source; namespaces are opened by the state. */
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/target.h"
#include "tracer/word.h"

#define FORMS "node, IP[%%IFACE], pod/NAME, netns/NAME or pid/N"

static int parse_node(struct state *s UNUSED, struct arena *a UNUSED, const char *rest UNUSED, struct source *out,
		      struct err *err UNUSED)
{
	out->kind = SOURCE_NODE;
	return 0;
}

static int parse_netns(struct state *s, struct arena *a UNUSED, const char *rest, struct source *out, struct err *err)
{
	char shown[WORD_SHORT];

	out->kind = SOURCE_NETNS;
	if (!*rest || strchr(rest, '/') || !strcmp(rest, ".") || !strcmp(rest, ".."))
		return err_set(err, -EINVAL, "'%s' cannot name a network namespace; `ip netns` lists them",
			       word_short(rest, shown));
	return s ? state_netns_named(s, rest, &out->netns, err) : 0;
}

static int parse_pid(struct state *s, struct arena *a UNUSED, const char *rest, struct source *out, struct err *err)
{
	char shown[WORD_SHORT], *end;
	long pid;

	out->kind = SOURCE_NETNS;
	errno = 0;
	pid = strtol(rest, &end, 10);
	if (!isdigit((unsigned char)*rest) || *end || errno || pid < 1 || pid > 1 << 22)
		return err_set(err, -EINVAL, "'%s' is not a process id (1 to 4194304)", word_short(rest, shown));
	return s ? state_netns_pid(s, pid, &out->netns, err) : 0;
}

/* The target's grammar without a port: its address is looked up later. */
static int parse_pod(struct state *s UNUSED, struct arena *a, const char *rest, struct source *out, struct err *err)
{
	const char *text = arena_printf(a, "pod/%s", rest);
	char shown[WORD_SHORT];
	struct target t;
	int rc = target_parse(a, text, "default", &t, err);

	if (rc)
		return rc;
	if (t.port || t.port_name || (t.proto && !t.proto_word))
		return err_set(err, -EINVAL, "'%s' is not a source: a pod that sends is pod/NAME or pod/NS/NAME, without port",
			       word_short(text, shown));
	out->kind = SOURCE_ADDRESS;
	out->pod = t.proto_word ? t.proto_word : t.name;
	out->pod_namespace = t.proto_word ? t.name : strchr(rest, '/') ? t.namespace : NULL;
	return 0;
}

/* The node's interfaces by name, for an error sentence: "lo, eth0, cni0". */
static const char *interface_names(struct state *s, struct arena *a)
{
	const struct link *const *links;
	struct text t = { .arena = a };
	size_t n;

	if (state_links(s, 0, &links, &n))
		return "unknown";
	for (size_t i = 0; i < n; i++) {
		if (i == 12) {
			text_add(&t, ", ...");
			break;
		}
		text_add(&t, "%s%s", i ? ", " : "", links[i]->name);
	}
	return text_get(&t);
}

static int parse_address(struct state *s, struct arena *a, const char *rest, struct source *out, struct err *err)
{
	char *text = arena_strdup(a, rest), *iface = strchr(text, '%'), shown[WORD_SHORT];
	size_t n = strlen(text);

	out->kind = SOURCE_ADDRESS;
	if (iface)
		*iface++ = 0;
	else if (n > 1 && text[0] == '[' && text[n - 1] == ']')
		text[n - 1] = 0, text++;
	if (!addr_parse(text, &out->addr))
		return err_set(err, -EINVAL, "'%s' is not a source; it is one of " FORMS, word_short(rest, shown));
	if (addr_is_any(&out->addr) || addr_is_multicast(&out->addr))
		return err_set(err, -EINVAL, "%s cannot be the source of a packet", text);
	if (!iface)
		return 0;
	if (!*iface || strlen(iface) >= IF_NAMESIZE)
		return err_set(err, -EINVAL, "'%s' cannot name an interface (1 to %d characters)", word_short(iface, shown),
			       IF_NAMESIZE - 1);
	out->iface = iface;
	if (s && !state_link_named(s, 0, iface))
		return err_set(err, -ENODEV, "this node has no interface '%s'; it has %s", word_short(iface, shown),
			       interface_names(s, a));
	return 0;
}

static const struct source_row {
	const char *word;
	bool whole;			/* the word is all of it, not a prefix */
	int (*parse)(struct state *s, struct arena *a, const char *rest, struct source *out, struct err *err);
} source_rows[] = {
	{ "node", true, parse_node }, { "netns/", false, parse_netns }, { "pid/", false, parse_pid },
	{ "pod/", false, parse_pod }, { "", false, parse_address },
};

int source_parse(struct state *s, struct arena *a, const char *text, struct source *out, struct err *err)
{
	const char *copy = arena_strdup(a, text);
	struct source source = { .input = copy };
	const struct source_row *r = source_rows;
	int rc;

	while (r->whole ? strcmp(copy, r->word) : strncmp(copy, r->word, strlen(r->word)))
		r++;
	rc = r->parse(s, a, copy + strlen(r->word), &source, err);
	if (!rc)
		*out = source;
	return rc;
}
