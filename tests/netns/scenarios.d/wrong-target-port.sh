# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The DNAT is right, nobody listens.
to=${VIP}63 port=80 expect=refused
any_backend
