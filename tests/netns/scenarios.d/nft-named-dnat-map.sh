# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
services=none port=31081 expect=ok:pod1
rules_iptables() { not_here; }
rules_nft() { nft_load <<-EOF
	table @IP@ host {
		map to { type inet_service : @TYPE@ . inet_service; elements = { 31080 : $POD2 . 8080, 31081 : $POD1 . 8080 }; }
		chain pre { type nat hook prerouting priority dstnat; dnat @IP@ addr . port to tcp dport map @to; }
	}
	EOF
}
