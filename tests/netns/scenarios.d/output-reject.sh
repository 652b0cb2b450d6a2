# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=node to=${VIP}50 port=80 expect=refused
rules_iptables() { ipt -A OUTPUT -p tcp --dport 8080 -j REJECT; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain out { type filter hook output priority 0; tcp dport 8080 reject; }; }
	EOF
}
