# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Without it the answer goes past IPVS.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=pod1 to=${VIP}50 port=80 expect=timeout\|reset\|refused
setup() {
	set_sysctl net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
	vs_node
	vs tcp 50 80 -s rr
	rs tcp 50 80 "$POD2" 8080 -m
}
