# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A filter chain at the very priority of NAT: it was registered before the NAT hook, so NAT runs first and the port is gone.
services=none port=30080 expect=ok:pod1 unseen=$(order_untold)
rules_iptables() { not_here; }
rules_nft() {
	nft_load <<-'EOF'
		table @IP@ host { chain pre { type filter hook prerouting priority -100; tcp dport 30080 drop; }; }
	EOF
	nft_load <<-EOF
		table @IP@ nat { chain pre { type nat hook prerouting priority dstnat; tcp dport 30080 dnat to $(at "$POD1" 8080); }; }
	EOF
}
