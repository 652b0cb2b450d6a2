# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A REDIRECT ahead of kube-proxy's rules takes the connection.
expect=refused
rules_iptables() { ipt -t nat -I PREROUTING -p tcp --dport 30080 -j REDIRECT --to-ports 9999; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain pre { type nat hook prerouting priority dstnat - 1; tcp dport 30080 redirect to :9999; }; }
	EOF
}
