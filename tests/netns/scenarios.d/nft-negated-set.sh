# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_iptables() { not_here; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain forward { type filter hook forward priority 0; ct state new tcp dport != { 22, 80, 443 } drop; }; }
	EOF
}
