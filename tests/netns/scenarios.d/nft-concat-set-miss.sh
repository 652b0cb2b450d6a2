# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=ok:pod2
rules_iptables() { not_here; }
rules_nft() { nft_load <<-EOF
	table @IP@ host {
		set blocked { type @TYPE@ . inet_proto . inet_service; flags interval; elements = { $PODS . tcp . 8081-8100, $PODS . udp . 8080 }; }
		chain forward { type filter hook forward priority 0; @IP@ daddr . meta l4proto . th dport @blocked drop; }
	}
	EOF
}
