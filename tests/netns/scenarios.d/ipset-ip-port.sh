# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=refused
rules_nft() { not_here; }
rules_iptables() {
	node ipset create ports hash:ip,port family "$([ "$FAMILY" = 4 ] && echo inet || echo inet6)"
	node ipset add ports "$POD2,tcp:8080"
	ipt -I FORWARD -m set --match-set ports dst,dst -j REJECT
}
