# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Without br_netfilter nobody remembers the bridge port of what goes up to the router.
from=pod1 to=$EXT port=8080 services=none expect=ok:ext
setup() { set_sysctl net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0; }
rules_iptables() { ipt -A FORWARD -p tcp -m physdev --physdev-in veth1 -j DROP; }
rules_nft() { not_here; }
