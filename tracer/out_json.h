/* SPDX-License-Identifier: GPL-2.0-only */
/* Parts of the "ktrace/1" object that live lines hold too. Each is a new reference. */
#ifndef KTRACE_OUT_JSON_H
#define KTRACE_OUT_JSON_H

#include <jansson.h>

#include "tracer/out.h"

struct json {
	struct arena *a;
	const struct prediction *p;
	const struct out_options *o;
};

json_t *json_text(const struct json *j, const char *s);		/* null for NULL; made valid UTF-8 */
json_t *json_address(const struct addr *addr);			/* null for family 0 */
json_t *json_tuple(const struct json *j, const struct tuple *t);	/* null without a destination */
json_t *json_path(const struct json *j, const struct trace *t, const char *finding);	/* one of "paths"; finding: its id or NULL */
json_t *json_node(const struct json *j);
json_t *json_target(const struct json *j);
json_t *json_source(const struct json *j);
json_t *json_finding(const struct json *j, const struct finding *f);

#endif
