# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The same on the way out to a pod, behind all hooks.
to=$POD3 port=8080 services=none expect=timeout unseen="at egress of veth3"
setup() { clsact veth3; tc_drop_tcp veth3 egress; }
any_backend
