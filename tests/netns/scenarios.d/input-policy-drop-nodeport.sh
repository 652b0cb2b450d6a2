# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# INPUT does not see a NodePort: it is translated and forwarded.
expect=ok:pod2
rules_iptables() { ipt -P INPUT DROP; [ "$FAMILY" = 4 ] || ipt -A INPUT -p icmpv6 -j ACCEPT; ipt -A INPUT -p tcp --dport 30080 -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain input { type filter hook input priority 0; policy drop; meta l4proto ipv6-icmp accept; tcp dport 30080 drop; }; }
	EOF
}
