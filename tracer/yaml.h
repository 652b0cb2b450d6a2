/* SPDX-License-Identifier: GPL-2.0-only */
/* YAML to JSON, so that everything else reads one language. Pure. */
#ifndef KTRACE_YAML_H
#define KTRACE_YAML_H

#include "tracer/base/arena.h"
#include "tracer/base/err.h"

/*
 * The documents of a YAML text as JSON texts, one a line. Plain scalars are null, booleans and whole numbers as JSON knows them,
 * all else is a string; aliases, and mappings as keys, are refused: neither is Kubernetes'. -EINVAL names the line, never what
 * stands there, since it may be a secret.
 */
int yaml_to_json(struct arena *a, const char *text, size_t len, const char **json, size_t *json_len, struct err *err);
/* Does the text begin as JSON does? */
bool yaml_is_json(const char *text, size_t len);

#endif
