# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
to=${VIP}61 port=80 from=pod1
setup() { route del default; if [ "$FAMILY" = 4 ]; then route del 10.244.1.0/24; else route del fd44:0:0:1::/64; fi; }
any_backend
