# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# … which nobody routes back to the node.
from=pod1 to=$EXT port=8080 services=none
rules_iptables() { ipt -t nat -A POSTROUTING -s "$PODS" ! -d "$PODS" -j SNAT --to-source "$EXT"; }
rules_nft() { nft_load <<-EOF
	table @IP@ host { chain post { type nat hook postrouting priority srcnat; @IP@ saddr $PODS @IP@ daddr != $PODS snat to $EXT; }; }
	EOF
}
