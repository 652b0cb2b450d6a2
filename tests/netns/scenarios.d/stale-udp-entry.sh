# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The service moved to another pod; the client's port still has its entry.
services=none proto=udp warm=ok expect=ok:pod2
to=${VIP}90 port=53
rules_iptables() { ipt -t nat -A PREROUTING -p udp -d "${VIP}90" --dport 53 -j DNAT --to-destination "$(at "$POD2" 8080)"; }
rules_nft() { nft_load <<-EOF
	table @IP@ host { chain pre { type nat hook prerouting priority dstnat; @IP@ daddr ${VIP}90 udp dport 53 dnat to $(at "$POD2" 8080); }; }
	EOF
}
change() {
	case $BACKEND in
	nft) nft_load <<-EOF
		flush chain @IP@ host pre
		table @IP@ host { chain pre { @IP@ daddr ${VIP}90 udp dport 53 dnat to $(at "$POD1" 8080); }; }
	EOF
		;;
	*) ipt -t nat -R PREROUTING 1 -p udp -d "${VIP}90" --dport 53 -j DNAT --to-destination "$(at "$POD1" 8080)" ;;
	esac
}
