/* SPDX-License-Identifier: GPL-2.0-only */
/* The transaction that adds the table of tracing.h, built by libnftnl. */
#ifndef KTRACE_NFT_REQUEST_TRACE_H
#define KTRACE_NFT_REQUEST_TRACE_H

#include "nft/tracing.h"

#define TRACE_BATCH	131072		/* twice what is filled: libmnl builds the next message behind it */
#define TRACE_MAX	48		/* tuples that fit */

/* Into buf of TRACE_BATCH bytes; n at most TRACE_MAX. Its length; *last_seq: of the message whose acknowledgement is the last. */
size_t request_trace_table(char *buf, const char *table, const struct nft_traced_tuple *t, size_t n, uint32_t *last_seq);

#endif
