# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Untracked packets are never translated: the node itself answers.
expect=refused
rules_iptables() { ipt -t raw -A PREROUTING -p tcp --dport 30080 -j CT --notrack; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain raw { type filter hook prerouting priority raw; tcp dport 30080 notrack; }; }
	EOF
}
