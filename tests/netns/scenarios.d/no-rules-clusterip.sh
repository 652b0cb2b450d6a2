# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# No service proxy at all: the address goes where the default route says.
services=none from=node to=${VIP}50 port=80
any_backend
