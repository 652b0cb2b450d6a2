# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A redirect leads to the incoming interface's own address: without one IPv4 drops; IPv6 has its link-local one.
families 4
backends iptables-nft nft
from=pod3 port=31000 services=none expect=timeout
rules_iptables() { ipt -t nat -A PREROUTING -p tcp --dport 31000 -j REDIRECT --to-ports 9000; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain pre { type nat hook prerouting priority dstnat + 1; tcp dport 31000 redirect to :9000; }; }
	EOF
}
