/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands: one a file, listed in main.c. Each runs with parsed options and gives an exit status. */
#ifndef KTRACE_CMD_H
#define KTRACE_CMD_H

#include "tracer/base/err.h"
#include "tracer/options.h"
#include "tracer/out.h"

/* The exit statuses of the contract. */
enum status {
	STATUS_REACHES = 0,		/* every path arrives; the command did its work */
	STATUS_FAILS = 1,		/* at least one path does not */
	STATUS_CALL = 2,		/* the call is wrong, or the target does not exist */
	STATUS_UNKNOWN = 3,		/* something that decides could not be read or evaluated */
	STATUS_CANNOT = 4,		/* this kernel or these privileges cannot do it */
};

/* Tells whether an address and port is an IPVS virtual server; a snapshot must hold it. */
#define IPVS_TABLE "/proc/net/ip_vs_stats"

enum status cmd_predict(const struct options *o);
enum status cmd_snapshot(const struct options *o);

enum status cmd_watch(const struct options *o);
enum status cmd_drops(const struct options *o);

/* How to print on this standard output: colour, width. */
struct out_options cmd_out_options(const struct options *o);
/* Prints the one sentence of a failure and gives the status of its errno. */
enum status cmd_fail(const struct err *err, int rc);
/* -EPERM and a sentence naming what lacks, if this process may not read the node's ruleset. */
int cmd_may_read(struct err *err);

#endif
