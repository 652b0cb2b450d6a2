# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Before 6.7 br_netfilter goes on behind this chain, which then never runs.
early=1 from=pod1 to=$POD2 port=8080 services=none expect='timeout|ok:pod2'
rules_iptables() { not_here; }
rules_nft() { nft_load <<-'EOF'
	table bridge b { chain forward { type filter hook forward priority 0; tcp dport 8080 drop; }; }
	EOF
}
