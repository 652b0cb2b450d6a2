# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_iptables() { ipt -t mangle -A FORWARD -p tcp -m tcp --tcp-flags SYN,RST,ACK,FIN SYN --dport 8080 -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain forward { type filter hook forward priority mangle; tcp flags & (fin|syn|rst|ack) == syn tcp dport 8080 drop; }; }
	EOF
}
