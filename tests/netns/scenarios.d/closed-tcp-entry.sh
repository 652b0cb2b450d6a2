# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# An entry whose connection was reset does not hold a new SYN.
services=none warm=ok expect=ok:pod1
to=${VIP}90 port=80
rules_iptables() { ipt -t nat -A PREROUTING -p tcp -d "${VIP}90" --dport 80 -j DNAT --to-destination "$(at "$POD2" 8080)"; }
rules_nft() { nft_load <<-EOF
	table @IP@ host { chain pre { type nat hook prerouting priority dstnat; @IP@ daddr ${VIP}90 tcp dport 80 dnat to $(at "$POD2" 8080); }; }
	EOF
}
change() {
	# only a connection that ended in CLOSE is what this is about
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(node conntrack -L -p tcp --state CLOSE 2>/dev/null | wc -l)" = 0 ] || break
		[ "$i" != 10 ] || skip "the first connection left no entry in CLOSE"
		sleep 0.05
	done
	case $BACKEND in
	nft) nft_load <<-EOF
		flush chain @IP@ host pre
		table @IP@ host { chain pre { @IP@ daddr ${VIP}90 tcp dport 80 dnat to $(at "$POD1" 8080); }; }
	EOF
		;;
	*) ipt -t nat -R PREROUTING 1 -p tcp -d "${VIP}90" --dport 80 -j DNAT --to-destination "$(at "$POD1" 8080)" ;;
	esac
}
