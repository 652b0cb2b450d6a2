/* SPDX-License-Identifier: GPL-2.0-only */
/* What names*.c share. */
#ifndef KTRACE_NAMES_PRIV_H
#define KTRACE_NAMES_PRIV_H

#include "tracer/names.h"

/* -- names_resolve.c: targets by the objects alone. -ENOENT with a sentence where the objects say that it is not there. */
int objects_service(struct arena *a, const struct cluster *c, const struct service *s, const struct target *t,
		    struct resolved *out, struct err *err);
/* addr: the node's own, of the families that it has. */
int objects_nodeport(struct arena *a, const struct cluster *c, const struct target *t, const struct addrs *addr,
		     struct resolved *out, struct err *err);
int objects_pod(struct arena *a, const struct pod *pod, const struct target *t, struct resolved *out, struct err *err);
/* There is no such Pod: the nearest ones are named. */
int objects_no_pod(struct arena *a, const struct cluster *c, const char *namespace, const char *name, struct err *err);

#endif
