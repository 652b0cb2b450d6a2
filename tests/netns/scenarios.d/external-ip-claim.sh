# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A rule for somebody else's address takes the node's own traffic to it.
from=node to=$EXT port=80 services=none expect=ok:pod2
rules_iptables() { ipt -t nat -A OUTPUT -d "$EXT" -p tcp --dport 80 -j DNAT --to-destination "$(at "$POD2" 8080)"; }
rules_nft() { nft_load <<-EOF
	table @IP@ host { chain out { type nat hook output priority -100; @IP@ daddr $EXT tcp dport 80 dnat to $(at "$POD2" 8080); }; }
	EOF
}
