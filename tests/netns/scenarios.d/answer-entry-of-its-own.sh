# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The request is not tracked, so the answer's first datagram made an entry of its own; its translation outlives the rule.
to=$NODE port=9000 proto=udp services=none warm=1 expect=timeout
rules_iptables() {
	ipt -t raw -A PREROUTING -p udp --dport 9000 -j CT --notrack
	ipt -t nat -A POSTROUTING -p udp --sport 9000 -j SNAT --to-source "$(at "$NODE" 9001)"
}
rules_nft() { nft_load <<-EOF
	table @IP@ host {
		chain raw { type filter hook prerouting priority -300; udp dport 9000 notrack; }
		chain post { type nat hook postrouting priority srcnat; udp sport 9000 snat to $(at "$NODE" 9001); }
	}
	EOF
}
# another rule of its kind stays: without any, conntrack would be switched off
change() {
	case $BACKEND in
	nft) nft_load <<-EOF
		flush chain @IP@ host post
		add rule @IP@ host post udp sport 1 snat to $(at "$NODE" 9001)
	EOF
		;;
	*) ipt -t nat -R POSTROUTING 1 -p udp --sport 1 -j SNAT --to-source "$(at "$NODE" 9001)" ;;
	esac
}
