# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=pod1 to=$POD2 port=8080 services=none expect=timeout
rules_iptables() { ipt -A FORWARD -p tcp -m physdev --physdev-in veth1 --physdev-out veth2 -j DROP; }
rules_nft() { not_here; }
