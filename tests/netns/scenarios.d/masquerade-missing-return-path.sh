# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Nobody hides the client's address and the pod knows no way to it.
services=none port=30080 expect=timeout
rules_iptables() { ipt -t nat -A PREROUTING -p tcp --dport 30080 -j DNAT --to-destination "$(at "$POD2" 8080)"; }
rules_nft() { nft_load <<-EOF
	table @IP@ host { chain pre { type nat hook prerouting priority dstnat; tcp dport 30080 dnat to $(at "$POD2" 8080); }; }
	EOF
}
setup() { ip "-$FAMILY" -n "$LAB-pod2" route del default; }
