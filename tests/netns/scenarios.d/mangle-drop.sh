# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_iptables() { ipt -t mangle -A PREROUTING -p tcp --dport 30080 -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table inet early { chain mangle { type filter hook prerouting priority mangle; tcp dport 30080 drop; }; }
	EOF
}
