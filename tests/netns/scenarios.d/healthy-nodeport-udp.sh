# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The same over UDP.
proto=udp expect=ok:pod2
any_backend
