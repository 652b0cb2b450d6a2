# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# … but a NodePort passes: raw runs before the translation.
expect=ok:pod2
rules_iptables() { ipt -t raw -A PREROUTING -d "$POD2/$LEN" ! -i cni0 -j DROP; }
rules_nft() { nft_load <<-EOF
	table @IP@ docker { chain raw { type filter hook prerouting priority raw; @IP@ daddr $POD2 iifname != "cni0" drop; }; }
	EOF
}
