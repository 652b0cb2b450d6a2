# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_nft() { not_here; }
rules_iptables() {
	node ipset create friends hash:net family "$([ "$FAMILY" = 4 ] && echo inet || echo inet6)"
	node ipset add friends "$PODS"
	ipt -I FORWARD -p tcp --dport 8080 -m set ! --match-set friends src -j DROP
}
