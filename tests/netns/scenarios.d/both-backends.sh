# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# iptables-legacy and iptables-nft translate the same port: the one set up last wins.
services=none port=30080 expect=ok:pod1
rules_iptables() {
	local other=nft
	[ "$BACKEND" = iptables-legacy ] || other=legacy
	ipt -t nat -A PREROUTING -p tcp --dport 30080 -j DNAT --to-destination "$(at "$POD2" 8080)"
	node "$(ipt_name $other)" -t nat -A PREROUTING -p tcp --dport 30080 -j DNAT --to-destination "$(at "$POD1" 8080)"
}
rules_nft() { not_here; }
