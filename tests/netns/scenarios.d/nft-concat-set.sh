# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Concatenated intervals.
expect=timeout
rules_iptables() { not_here; }
rules_nft() { nft_load <<-EOF
	table @IP@ host {
		set blocked { type @TYPE@ . inet_proto . inet_service; flags interval; elements = { $PODS . tcp . 8000-8100, $SERVICES . udp . 53 }; }
		chain forward { type filter hook forward priority 0; @IP@ daddr . meta l4proto . th dport @blocked drop; }
	}
	EOF
}
