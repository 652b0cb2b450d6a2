# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A whole network translated, host part kept.
services=none to=${NOWHERE}3 port=8080 expect=ok:pod2
rules_iptables() {
	if [ "$FAMILY" = 4 ]; then ipt -t nat -A PREROUTING -d 198.51.100.0/24 -j NETMAP --to 10.244.0.0/24
	else ipt -t nat -A PREROUTING -d 2001:db8:99::/64 -j NETMAP --to fd44::/64; fi
}
rules_nft() {
	if [ "$FAMILY" = 4 ]; then nft_load <<-'EOF'
		table ip host { chain pre { type nat hook prerouting priority dstnat; dnat ip prefix to ip daddr map { 198.51.100.0/24 : 10.244.0.0/24 }; }; }
	EOF
	else nft_load <<-'EOF'
		table ip6 host { chain pre { type nat hook prerouting priority dstnat; dnat ip6 prefix to ip6 daddr map { 2001:db8:99::/64 : fd44::/64 }; }; }
	EOF
	fi
}
