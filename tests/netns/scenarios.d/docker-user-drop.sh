# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_iptables() {
	ipt -N DOCKER-USER; ipt -N DOCKER-FORWARD
	ipt -I FORWARD -j DOCKER-FORWARD; ipt -I FORWARD -j DOCKER-USER
	ipt -A DOCKER-USER -i eth0 ! -s "${NOWHERE}9/$LEN" -j DROP
	ipt -A DOCKER-USER -j RETURN
}
rules_nft() { nft_load <<-'EOF'
	table inet docker {
		chain forward { type filter hook forward priority 0; policy accept; jump user; }
		chain user { iifname "eth0" meta l4proto tcp drop; return; }
	}
	EOF
}
