# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A process of the node listens on the NodePort; it never sees the packet.
listen="$listen node:30080" expect=ok:pod2
any_backend
