# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# An outside client that routes the service network to this node.
to=${VIP}50 port=80 expect=ok:pod2
any_backend
