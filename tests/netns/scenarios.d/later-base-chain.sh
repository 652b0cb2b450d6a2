# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# An accept ends its own base chain only; the host's firewall stands behind it.
expect=timeout
later() { nft_load <<-'EOF'
	table inet zone {
		chain filter_FORWARD { type filter hook forward priority 10; policy accept; ct state established,related accept; jump pods; }
		chain pods { ip daddr 10.244.0.0/16 drop; ip6 daddr fd44::/16 drop; }
	}
	EOF
}
rules_iptables() { ipt -I FORWARD -j ACCEPT; later; }
rules_nft() { nft_load <<-'EOF'
	table inet friendly { chain forward { type filter hook forward priority 0; policy accept; accept; }; }
	EOF
	later; }
