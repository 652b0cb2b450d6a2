# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The process listens on the pod's loopback only.
to=${VIP}65 port=80 expect=refused
any_backend
