/* SPDX-License-Identifier: GPL-2.0-only */
/* What nft.c knows and hooks.c asks: the order given by whoever can load BPF, and which modules are there. */
#ifndef KTRACE_NFT_STATE_H
#define KTRACE_NFT_STATE_H

#include "nft/nft.h"

/* The rows of nft_order_fn, or -ENOTSUP where none was set. */
int nft_order_ask(struct nft *nft, uint32_t netns, const struct nft_order **rows, size_t *n);
/* loaded: "nf_tables " as /proc/modules begins its line; builtin: "/nf_tables.ko". UNKNOWN: a kernel without modules. */
enum answer nft_module_present(struct nft *nft, const char *loaded, const char *builtin);

#endif
