/* SPDX-License-Identifier: GPL-2.0-only */
/* What kube.c, kube_config.c and kube_api.c share. */
#ifndef KTRACE_KUBE_PRIV_H
#define KTRACE_KUBE_PRIV_H

#include "tracer/kube.h"

#define OBJECTS_MAX	((size_t)2 << 30)
#define CONFIG_MAX	((size_t)4 << 20)

/* A whole file, NUL-terminated, in arena. -EFBIG above `most` bytes. */
int kube_read_file(struct arena *a, const char *path, size_t most, const char **text, size_t *len);

#endif
