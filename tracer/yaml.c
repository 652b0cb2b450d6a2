/* SPDX-License-Identifier: GPL-2.0-only */
/* libyaml's events written down as JSON. */
#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "tracer/yaml.h"

#define DEPTH_MAX 64

struct level {
	bool mapping;
	bool value;			/* in a mapping: a key was written, its value comes next */
	bool any;
};

struct writing {
	struct text out;
	struct level level[DEPTH_MAX];
	unsigned depth;
	struct err *err;
};

bool yaml_is_json(const char *text, size_t len)
{
	while (len && (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n'))
		text++, len--;
	return len && (*text == '{' || *text == '[');
}

static int refuse(struct writing *w, const yaml_mark_t *at, const char *why)
{
	return err_set(w->err, -EINVAL, "line %zu: %s", at->line + 1, why);
}

/* -- scalars -------------------------------------------------------------------------------------- */

static void write_string(struct writing *w, const char *s, size_t len)
{
	size_t from = 0;

	text_add(&w->out, "\"");
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)s[i] >= ' ' && s[i] != '"' && s[i] != '\\')
			continue;
		text_add(&w->out, "%.*s\\u%04x", (int)(i - from), s + from, (unsigned char)s[i]);
		from = i + 1;
	}
	text_add(&w->out, "%.*s\"", (int)(len - from), s + from);
}

/* As Go's YAML writes them: no leading zeros, and few enough digits for JSON's reader. */
static bool is_integer(const char *s, size_t len)
{
	size_t sign = len && *s == '-', digits = len - sign;

	if (!digits || digits > 18 || (digits > 1 && s[sign] == '0'))
		return false;
	return strspn(s + sign, "0123456789") == digits;
}

/* What a plain scalar stands for; NULL: a string. */
static const char *literal(const char *s, size_t len)
{
	static const struct { const char *plain, *json; } rows[] = {
		{ "", "null" }, { "~", "null" }, { "null", "null" }, { "Null", "null" }, { "NULL", "null" },
		{ "true", "true" }, { "True", "true" }, { "TRUE", "true" },
		{ "false", "false" }, { "False", "false" }, { "FALSE", "false" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strlen(rows[i].plain) == len && !memcmp(s, rows[i].plain, len))
			return rows[i].json;
	return is_integer(s, len) ? s : NULL;
}

static void write_scalar(struct writing *w, const yaml_event_t *e, bool key)
{
	const char *s = (const char *)e->data.scalar.value, *tag = (const char *)e->data.scalar.tag;
	size_t len = e->data.scalar.length;
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !key && !tag;
	const char *json = plain && memchr(s, 0, len) == NULL ? literal(s, len) : NULL;

	if (json)
		text_add(&w->out, "%s", json);
	else
		write_string(w, s, len);
}

/* -- structure ------------------------------------------------------------------------------------ */

/* What stands before a node: a comma, a colon. True in *key if it is a mapping's key. */
static void before(struct writing *w, bool *key)
{
	struct level *l = w->depth ? &w->level[w->depth - 1] : NULL;

	*key = l && l->mapping && !l->value;
	if (!l)
		return;
	if (l->mapping && l->value)
		text_add(&w->out, ":");
	else if (l->any)
		text_add(&w->out, ",");
	l->any = true;
	if (l->mapping)
		l->value = !l->value;
}

static int open_level(struct writing *w, const yaml_event_t *e, bool mapping)
{
	bool key;

	before(w, &key);
	if (key)
		return refuse(w, &e->start_mark, "a key is a mapping or a list");
	if (w->depth == DEPTH_MAX)
		return refuse(w, &e->start_mark, "it is nested too deep");
	w->level[w->depth++] = (struct level){ .mapping = mapping };
	text_add(&w->out, "%s", mapping ? "{" : "[");
	return 0;
}

static int on_event(struct writing *w, const yaml_event_t *e)
{
	bool key;

	switch (e->type) {
	case YAML_SCALAR_EVENT:
		before(w, &key);
		write_scalar(w, e, key);
		return 0;
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		return open_level(w, e, e->type == YAML_MAPPING_START_EVENT);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		w->depth--;
		text_add(&w->out, "%s", e->type == YAML_MAPPING_END_EVENT ? "}" : "]");
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(w, &e->start_mark, "it uses an alias (*name), which Kubernetes' own YAML does not");
	case YAML_DOCUMENT_END_EVENT:
		text_add(&w->out, "\n");
		return 0;
	default:
		return 0;
	}
}

int yaml_to_json(struct arena *a, const char *text, size_t len, const char **json, size_t *json_len, struct err *err)
{
	struct writing w = { .out = { .arena = a }, .err = err };
	yaml_event_type_t type = YAML_NO_EVENT;
	yaml_parser_t parser;
	yaml_event_t event;
	int rc = 0;

	if (!yaml_parser_initialize(&parser))
		return err_set(err, -ENOMEM, "there is no memory to read YAML");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (!rc && type != YAML_STREAM_END_EVENT) {
		if (!yaml_parser_parse(&parser, &event)) {
			rc = err_set(err, -EINVAL, "line %zu: %s", parser.problem_mark.line + 1,
				     parser.problem ? parser.problem : "it is not YAML");
			break;
		}
		type = event.type;
		rc = on_event(&w, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (rc)
		return rc;
	*json = text_get(&w.out);
	*json_len = w.out.len;
	return 0;
}
