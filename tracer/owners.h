/* SPDX-License-Identifier: GPL-2.0-only */
/* Who programs a chain, by its name: "Docker", "Calico", "kube-proxy" … */
#ifndef KTRACE_OWNERS_H
#define KTRACE_OWNERS_H

#include "tracer/base/util.h"

/* NULL if no program known to ktrace names its chains so. family is NFPROTO_* of the table; table and chain may be NULL. */
const char *owner_of_chain(uint8_t family, const char *table, const char *chain);

/* Does name match one of the shell patterns, "KUBE-POD-FW-*|KUBE-NWPLCY-*"? NULL matches nothing. */
bool name_matches(const char *name, const char *patterns);

#endif
