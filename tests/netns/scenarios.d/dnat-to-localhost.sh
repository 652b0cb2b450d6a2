# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# An outside packet translated to the node's loopback.
services=none port=30090 expect=timeout
listen="node:9001:127.0.0.1"
families 4
rules_iptables() { ipt -t nat -A PREROUTING -p tcp --dport 30090 -j DNAT --to-destination 127.0.0.1:9001; }
rules_nft() { nft_load <<-'EOF'
	table ip host { chain pre { type nat hook prerouting priority dstnat; tcp dport 30090 dnat to 127.0.0.1:9001; }; }
	EOF
}
