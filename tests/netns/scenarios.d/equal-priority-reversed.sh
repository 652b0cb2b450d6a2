# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
services=none port=30080 expect=ok:pod2 unseen=$(order_untold)
rules_iptables() { not_here; }
rules_nft() {
	nft_load <<-EOF
		table @IP@ b { chain pre { type nat hook prerouting priority dstnat; tcp dport 30080 dnat to $(at "$POD1" 8080); }; }
	EOF
	nft_load <<-EOF
		table @IP@ a { chain pre { type nat hook prerouting priority dstnat; tcp dport 30080 dnat to $(at "$POD2" 8080); }; }
	EOF
}
