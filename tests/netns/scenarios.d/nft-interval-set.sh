# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_iptables() { not_here; }
rules_nft() { nft_load <<-EOF
	table @IP@ host {
		set blocked { type @TYPE@; flags interval; elements = { $PODS, $SERVICES }; }
		chain forward { type filter hook forward priority 0; @IP@ daddr @blocked meta l4proto tcp iifname "eth0" drop; }
	}
	EOF
}
