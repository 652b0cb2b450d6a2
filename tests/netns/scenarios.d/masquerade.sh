# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=pod1 to=$EXT port=8080 services=none expect=ok:ext
rules_iptables() { ipt -t nat -A POSTROUTING -s "$PODS" ! -d "$PODS" -j MASQUERADE; }
rules_nft() { nft_load <<-EOF
	table @IP@ host { chain post { type nat hook postrouting priority srcnat; @IP@ saddr $PODS oifname "eth0" masquerade; }; }
	EOF
}
