# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_nft() { not_here; }
rules_iptables() {
	node ipset create banned hash:ip family "$([ "$FAMILY" = 4 ] && echo inet || echo inet6)"
	node ipset add banned "$EXT"
	ipt -I FORWARD -m set --match-set banned src -j DROP
}
