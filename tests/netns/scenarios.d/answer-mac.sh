# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The answer comes in a frame of the host that the request was sent to.
from=node to=$EXT port=8080 services=none expect=ok:ext
ext_mac() { ip -n "$LAB-ext" -br link show eth0 | awk '{ print $3 }'; }
setup() { node ip neigh replace "$EXT" dev eth0 lladdr "$(ext_mac)" nud permanent; }
rules_nft() { not_here; }
rules_iptables() { ipt -A INPUT -i eth0 -p tcp -m mac ! --mac-source "$(ext_mac)" -j DROP; }
