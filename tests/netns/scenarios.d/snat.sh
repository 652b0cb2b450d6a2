# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Everything from the pods leaves with another address of the node.
from=pod1 to=$EXT port=8080 services=none expect=ok:ext
setup() { node ip addr add "${NOWHERE}20/$LEN" dev eth0; }
rules_iptables() { ipt -t nat -A POSTROUTING -s "$PODS" ! -d "$PODS" -j SNAT --to-source "${NOWHERE}20"; }
rules_nft() { nft_load <<-EOF
	table @IP@ host { chain post { type nat hook postrouting priority srcnat; @IP@ saddr $PODS @IP@ daddr != $PODS snat to ${NOWHERE}20; }; }
	EOF
}
