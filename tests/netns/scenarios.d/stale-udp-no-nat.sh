# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The client sent before there was a rule: its entry stays untranslated.
services=none proto=udp warm=1
to=${VIP}90 port=53
rules_iptables() { ipt -t nat -A PREROUTING -p udp -d "${NOWHERE}1" --dport 53 -j ACCEPT; }
rules_nft() { nft_load <<-'EOF'
	table @IP@ host { chain pre { type nat hook prerouting priority dstnat; }; }
	EOF
}
change() {
	case $BACKEND in
	nft) nft_load <<-EOF
		table @IP@ host { chain pre { @IP@ daddr ${VIP}90 udp dport 53 dnat to $(at "$POD1" 8080); }; }
	EOF
		;;
	*) ipt -t nat -A PREROUTING -p udp -d "${VIP}90" --dport 53 -j DNAT --to-destination "$(at "$POD1" 8080)" ;;
	esac
}
