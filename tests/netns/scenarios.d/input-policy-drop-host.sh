# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
port=9000 expect=timeout
rules_iptables() { ipt -P INPUT DROP; [ "$FAMILY" = 4 ] || ipt -A INPUT -p icmpv6 -j ACCEPT; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain input { type filter hook input priority 0; policy drop; meta l4proto ipv6-icmp accept; }; }
	EOF
}
