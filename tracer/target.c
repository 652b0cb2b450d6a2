/* SPDX-License-Identifier: GPL-2.0-only */
/* Target words to struct target: a table of prefixes over one grammar of ports and protocols. Pure. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/target.h"
#include "tracer/word.h"

/* Lengths as Kubernetes validates them: DNS labels, IANA service names for ports. */
#define LABEL_MAX	63
#define SUBDOMAIN_MAX	253
#define PORT_NAME_MAX	15

#define FORMS "svc/NAME[:PORT], svc/NS/NAME[:PORT], nodeport/PORT, pod/NAME[:PORT], IP:PORT, [IP6]:PORT or IP/icmp"

const char *target_kind_name(enum target_kind k)
{
	static const char *const names[] = {
		[TARGET_SERVICE] = "service", [TARGET_NODEPORT] = "nodeport", [TARGET_ADDRESS] = "address",
		[TARGET_POD] = "pod", [TARGET_ICMP] = "icmp",
	};

	return names[k];
}

const char *proxy_mode_name(enum proxy_mode m)
{
	static const char *const names[] = {
		[PROXY_NONE] = "none", [PROXY_IPTABLES] = "iptables", [PROXY_NFTABLES] = "nftables",
		[PROXY_IPVS] = "ipvs",
	};

	return names[m];
}

const char *target_say(struct arena *a, const struct tuple *t)
{
	bool icmp = t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6;

	return arena_printf(a, "%s/%s", endpoint_say(a, &t->dst, icmp ? 0 : t->dport),
			    icmp ? "icmp" : proto_say(a, t->proto));
}

/* What is being parsed: rest shrinks from both ends, shown is the input fit for an error sentence. */
struct parse {
	struct arena *arena;
	struct err *err;
	struct target *t;
	const char *ns;
	char shown[WORD_SHORT];
};

static bool is_name(const char *s, size_t max)
{
	size_t n = strlen(s);

	if (!n || n > max || !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) && s[i] != '-')
			return false;
	return true;
}

static int check_name(struct parse *p, const char *what, const char *s, size_t max)
{
	char shown[WORD_SHORT];

	if (is_name(s, max))
		return 0;
	if (!*s)
		return err_set(p->err, -EINVAL, "the %s in '%s' is empty", what, p->shown);
	return err_set(p->err, -EINVAL, "'%s' cannot be a %s: those have at most %zu of a-z, 0-9 and '-'", word_short(s, shown),
		       what, max);
}

/* A number from 1 to 65535 and nothing else. */
static int parse_port(struct parse *p, const char *s, uint16_t *out)
{
	char shown[WORD_SHORT];
	unsigned long n = 0;

	for (const char *c = s; *c; c++) {
		if (!isdigit((unsigned char)*c))
			return err_set(p->err, -EINVAL, "'%s' is not a port number (1 to 65535)", word_short(s, shown));
		n = n > 65535 ? n : n * 10 + (*c - '0');
	}
	if (!*s)
		return err_set(p->err, -EINVAL, "the port in '%s' is empty", p->shown);
	if (n < 1 || n > 65535)
		return err_set(p->err, -EINVAL, "port %s is out of range: ports go from 1 to 65535", word_short(s, shown));
	*out = n;
	return 0;
}

/* Names of Pods may hold dots: DNS subdomains. */
static int check_pod_name(struct parse *p, const char *s)
{
	char *copy = arena_strdup(p->arena, s), *dot;
	size_t n = strlen(s);

	for (dot = copy; (dot = strchr(dot, '.')); dot++)
		*dot = dot > copy && dot[1] && dot[1] != '.' ? '-' : '.';
	return n <= SUBDOMAIN_MAX && is_name(copy, n) ? 0 : check_name(p, "pod name", s, SUBDOMAIN_MAX);
}

/* Takes the last "/tcp" off rest, where something stands before it. */
static const char *take_proto(char *rest, uint8_t *proto)
{
	static const struct { const char *name; uint8_t proto; } rows[] = {
		{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP }, { "icmp", IPPROTO_ICMP },
	};
	char *slash = strrchr(rest, '/');

	for (size_t i = 0; slash && slash > rest && i < ARRAY_SIZE(rows); i++)
		if (!strcmp(slash + 1, rows[i].name)) {
			*slash = 0;
			*proto = rows[i].proto;
			return rows[i].name;
		}
	return NULL;
}

/* "NS/NAME:PORT": what follows NS/ is left in *name, and where a colon stood in *port. */
static int take_names(struct parse *p, char *rest, const char *what, char **name, char **port)
{
	char *slash = strchr(rest, '/');
	int rc;

	*name = rest;
	p->t->namespace = p->ns;
	if (slash) {
		*slash = 0;
		p->t->namespace = rest;
		*name = slash + 1;
		rc = check_name(p, "namespace", rest, LABEL_MAX);
		if (rc)
			return rc;
		if (strchr(*name, '/'))
			return err_set(p->err, -EINVAL, "'%s' has too many parts; a %s is %s/NAME[:PORT] or %s/NS/NAME[:PORT]",
				       p->shown, what, *what == 's' ? "svc" : what, *what == 's' ? "svc" : what);
	}
	*port = strchr(*name, ':');
	if (*port)
		*(*port)++ = 0;
	p->t->name = *name;
	return 0;
}

/* A number or a name; a name may start with a digit but must hold a letter (IANA_SVC_NAME). */
static int take_port(struct parse *p, const char *port)
{
	struct target *t = p->t;

	if (!port)
		return 0;
	if (!*port || (isdigit((unsigned char)*port) &&
		       (!port[strspn(port, "0123456789")] || !is_name(port, PORT_NAME_MAX))))
		return parse_port(p, port, &t->port);
	t->port_name = port;
	return check_name(p, "port name", port, PORT_NAME_MAX);
}

static int parse_service(struct parse *p, char *rest)
{
	char *name, *port;
	int rc;

	p->t->kind = TARGET_SERVICE;
	if (p->t->proto == IPPROTO_ICMP)
		return err_set(p->err, -EINVAL, "a service has no ICMP; an echo request goes to IP/icmp");
	rc = take_names(p, rest, "service", &name, &port);
	if (!rc)
		rc = check_name(p, "service name", name, LABEL_MAX);
	return rc ? rc : take_port(p, port);
}

static int parse_pod(struct parse *p, char *rest)
{
	char *name, *port;
	int rc;

	p->t->kind = TARGET_POD;
	rc = take_names(p, rest, "pod", &name, &port);
	if (!rc)
		rc = check_pod_name(p, name);
	if (!rc && port && p->t->proto == IPPROTO_ICMP)
		return err_set(p->err, -EINVAL, "'%s': ICMP has no ports", p->shown);
	return rc ? rc : take_port(p, port);
}

static int parse_nodeport(struct parse *p, char *rest)
{
	p->t->kind = TARGET_NODEPORT;
	if (p->t->proto == IPPROTO_ICMP)
		return err_set(p->err, -EINVAL, "a NodePort has no ICMP; an echo request goes to IP/icmp");
	return parse_port(p, rest, &p->t->port);
}

/* What goes to many, or to nobody, has no path of its own to follow. */
static int check_one_receiver(struct parse *p)
{
	const struct addr *a = &p->t->addr;

	if (addr_is_any(a))
		return err_set(p->err, -EINVAL, "'%s': the any address is no destination", p->shown);
	if (addr_is_multicast(a) || (a->family == AF_INET && a->v4.s_addr == INADDR_BROADCAST))
		return err_set(p->err, -EINVAL, "'%s' is a %s address, and ktrace follows packets to one receiver",
			       p->shown, addr_is_multicast(a) ? "multicast" : "broadcast");
	return 0;
}

/* IP:PORT, [IP6]:PORT, IP/icmp, [IP6]/icmp. */
static int parse_address(struct parse *p, char *rest)
{
	struct target *t = p->t;
	char *port = NULL, *end;
	struct addr plain;
	int rc;

	t->kind = TARGET_ADDRESS;
	if (*rest == '[') {
		end = strchr(++rest, ']');
		if (!end || (end[1] && end[1] != ':'))
			return err_set(p->err, -EINVAL, "'%s' is not [IP6]:PORT", p->shown);
		port = end[1] ? end + 2 : NULL;
		*end = 0;
	} else if (!addr_parse(rest, &plain) || plain.family == AF_INET) {
		end = strchr(rest, ':');
		if (end && !strchr(end + 1, ':')) {
			*end = 0;
			port = end + 1;
		}
	} else if (t->proto != IPPROTO_ICMP) {
		return err_set(p->err, -EINVAL, "'%s': write an IPv6 address in brackets, [%s]:PORT", p->shown, rest);
	}
	if (!addr_parse(rest, &t->addr))
		return err_set(p->err, -EINVAL, "'%s' is not a target; it is one of %s", p->shown, FORMS);
	rc = check_one_receiver(p);
	if (rc)
		return rc;
	if (t->proto == IPPROTO_ICMP) {
		t->kind = TARGET_ICMP;
		t->proto = t->addr.family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		return port ? err_set(p->err, -EINVAL, "'%s': ICMP has no ports", p->shown) : 0;
	}
	if (!port)
		return err_set(p->err, -EINVAL, "'%s' needs a port (IP:PORT, [IP6]:PORT) or /icmp", p->shown);
	if (!t->proto)
		t->proto = IPPROTO_TCP;
	return parse_port(p, port, &t->port);
}

static const struct target_row {
	const char *prefix;
	int (*parse)(struct parse *p, char *rest);	/* NULL: not in this build */
	const char *instead;
} target_rows[] = {
	{ "svc/", parse_service, NULL },
	{ "nodeport/", parse_nodeport, NULL },
	{ "pod/", parse_pod, NULL },
	{ "ingress/", NULL, "give the ingress controller's service, svc/NS/NAME" },
	{ "dns/", NULL, "give the DNS service, svc/kube-system/kube-dns:53/udp" },
	{ "https://", NULL, "give the address it resolves to, IP:443" },
	{ "http://", NULL, "give the address it resolves to, IP:80" },
};

int target_parse(struct arena *a, const char *text, const char *ns, struct target *out, struct err *err)
{
	struct target t = { .input = arena_strdup(a, text) };
	struct parse p = { .arena = a, .err = err, .t = &t, .ns = arena_strdup(a, ns) };
	char *rest = arena_strdup(a, text);
	int (*parse)(struct parse *, char *) = parse_address;
	const char *word;
	int rc;

	word_short(text, p.shown);
	rc = check_name(&p, "namespace", ns, LABEL_MAX);
	if (rc)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(target_rows); i++) {
		const struct target_row *r = &target_rows[i];

		if (strncmp(rest, r->prefix, strlen(r->prefix)))
			continue;
		if (!r->parse)
			return err_set(err, -EINVAL, "targets %s... are not in this build; %s", r->prefix, r->instead);
		rest += strlen(r->prefix);
		parse = r->parse;
		break;
	}
	word = take_proto(rest, &t.proto);
	if ((parse == parse_service || parse == parse_pod) && !strpbrk(rest, "/:"))
		t.proto_word = word;
	rc = parse(&p, rest);
	if (!rc)
		*out = t;
	return rc;
}
