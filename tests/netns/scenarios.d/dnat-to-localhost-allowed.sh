# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
services=none port=30090 expect=ok:node
listen="node:9001:127.0.0.1"
families 4
setup() { set_sysctl net.ipv4.conf.eth0.route_localnet=1; }
rules_iptables() { ipt -t nat -A PREROUTING -p tcp --dport 30090 -j DNAT --to-destination 127.0.0.1:9001; }
rules_nft() { nft_load <<-'EOF'
	table ip host { chain pre { type nat hook prerouting priority dstnat; tcp dport 30090 dnat to 127.0.0.1:9001; }; }
	EOF
}
