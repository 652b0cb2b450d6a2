# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=ok:pod2
rules_iptables() { not_here; }
rules_nft() { nft_load <<-EOF
	table @IP@ host {
		set allowed { type @TYPE@; flags interval; elements = { ${POD2%3}2-${POD2%3}4 }; }
		chain forward { type filter hook forward priority 0; iifname "eth0" @IP@ daddr != @allowed drop; }
	}
	EOF
}
