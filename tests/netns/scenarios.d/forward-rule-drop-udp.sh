# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
proto=udp expect=timeout
rules_iptables() { ipt -I FORWARD -p udp --dport 8080 -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table @IP@ host { chain forward { type filter hook forward priority -1; udp dport 8080 drop; }; }
	EOF
}
