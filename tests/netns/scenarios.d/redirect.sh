# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
port=31000 expect=ok:node
rules_iptables() { ipt -t nat -A PREROUTING -p tcp --dport 31000 -j REDIRECT --to-ports 9000; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain pre { type nat hook prerouting priority dstnat + 1; tcp dport 31000 redirect to :9000; }; }
	EOF
}
