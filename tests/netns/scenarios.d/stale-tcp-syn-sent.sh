# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A SYN that was never answered keeps its entry, and later SYNs of that port go the same way.
services=none warm=1 expect=timeout
to=${VIP}90 port=80
setup() { ip "-$FAMILY" -n "$LAB-pod2" route del default; }
rules_iptables() { ipt -t nat -A PREROUTING -p tcp -d "${VIP}90" --dport 80 -j DNAT --to-destination "$(at "$POD2" 8080)"; }
rules_nft() { nft_load <<-EOF
	table @IP@ host { chain pre { type nat hook prerouting priority dstnat; @IP@ daddr ${VIP}90 tcp dport 80 dnat to $(at "$POD2" 8080); }; }
	EOF
}
change() {
	case $BACKEND in
	nft) nft_load <<-EOF
		flush chain @IP@ host pre
		table @IP@ host { chain pre { @IP@ daddr ${VIP}90 tcp dport 80 dnat to $(at "$POD1" 8080); }; }
	EOF
		;;
	*) ipt -t nat -R PREROUTING 1 -p tcp -d "${VIP}90" --dport 80 -j DNAT --to-destination "$(at "$POD1" 8080)" ;;
	esac
}
