# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_iptables() { ipt -t raw -A PREROUTING -i eth0 -p tcp --dport 30000:30100 -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table inet early { chain raw { type filter hook prerouting priority -300; tcp dport 30000-30100 drop; }; }
	EOF
}
