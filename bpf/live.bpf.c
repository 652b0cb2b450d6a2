/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live probes: one program for each place and way to attach. Those that this kernel lacks are not loaded; probes_table.c
 * says which stands for which.
 */
#include "bpf/live_hook.bpf.h"
#include "bpf/live_chain.bpf.h"
#include "bpf/live_drop.bpf.h"
#include "bpf/live_device.bpf.h"
#include "bpf/live_refusal.bpf.h"
#include "bpf/live_ipvs.bpf.h"
#include "bpf/live_xdp.bpf.h"

char LICENSE[] SEC("license") = "GPL";
