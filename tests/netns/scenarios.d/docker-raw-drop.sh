# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Docker 28 and later drop in raw what addresses a container directly.
to=$POD2 port=8080 expect=timeout
rules_iptables() { ipt -t raw -A PREROUTING -d "$POD2/$LEN" ! -i cni0 -j DROP; }
rules_nft() { nft_load <<-EOF
	table @IP@ docker { chain raw { type filter hook prerouting priority raw; @IP@ daddr $POD2 iifname != "cni0" drop; }; }
	EOF
}
