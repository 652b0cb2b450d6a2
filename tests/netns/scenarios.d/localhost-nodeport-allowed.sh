# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=node to=127.0.0.1
families 4
setup() { set_sysctl net.ipv4.conf.all.route_localnet=1; }
any_backend
