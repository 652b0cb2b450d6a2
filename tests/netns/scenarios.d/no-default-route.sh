# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The first lookup is for the service's own address.
from=node to=${VIP}50 port=80 expect=net-unreachable
setup() { route del default; }
any_backend
