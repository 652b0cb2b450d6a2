# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A rule that is no NAT writes another destination into what came over lo: the route of the way out is still attached, and leads to INPUT.
from=node to=$NODE port=9000 services=none expect=timeout
rules_nft() { nft_load <<-EOF
	table @IP@ host {
		chain pre { type filter hook prerouting priority -50; tcp dport 9000 @IP@ daddr set ${NOWHERE}7; }
		chain in { type filter hook input priority 0; @IP@ daddr ${NOWHERE}7 drop; }
	}
	EOF
}
