/* SPDX-License-Identifier: GPL-2.0-only */
/* Queues to user space: NFQUEUE, nft's queue, the verdict itself. */
#ifndef KTRACE_NFT_QUEUE_H
#define KTRACE_NFT_QUEUE_H

#include "nft/eval.h"

/*
 * The verdict that gives the packet to one of total queues (0 counts as 1; QUEUES: any) from first on, which of them is not told; nf_queue().
 * STEP_DROP, or with bypass STEP_ACCEPT, where nobody reads them; STEP_QUEUE where a program decides, or where that could not be
 * read. STEP_UNTOLD in a nat chain unless it drops. e->says tells which.
 */
#define QUEUES	65536
enum step_kind queue_verdict(struct eval *e, unsigned first, unsigned total, bool bypass);

/* For a snapshot: reads who reads which queue. */
void queue_record(struct nft *nft, uint32_t netns);

#endif
