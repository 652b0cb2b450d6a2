# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Through br_netfilter a transparent proxy's socket is lost: another that listens on the port gets the packet, and cannot answer
# from an address that is not the node's.
from=pod1 to=${VIP}90 port=9000 services=none expect=timeout
families 4
setup() {
	route add local default dev lo table 100
	node ip rule add fwmark 1 lookup 100
}
rules_iptables() { ipt -t mangle -A PREROUTING -p tcp -d "${VIP}90" -j TPROXY --on-port 9000 --tproxy-mark 1; }
rules_nft() { nft_load <<-EOF
	table ip host { chain pre { type filter hook prerouting priority mangle; ip daddr ${VIP}90 tcp dport 9000 tproxy to :9000 meta mark set 1; }; }
	EOF
}
