# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A hole in the set lets the packet through.
expect=ok:pod2
rules_nft() { not_here; }
rules_iptables() {
	node ipset create nets hash:net family "$([ "$FAMILY" = 4 ] && echo inet || echo inet6)"
	node ipset add nets "$PODS"
	node ipset add nets "$POD2/$LEN" nomatch
	ipt -I FORWARD -i eth0 -m set --match-set nets dst -j DROP
}
