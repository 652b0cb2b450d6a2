# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A tc program drops it before any hook: nobody reads programs, so it must be named.
expect=timeout unseen="at ingress of eth0"
setup() { clsact eth0; tc_drop_tcp eth0 ingress; }
any_backend
