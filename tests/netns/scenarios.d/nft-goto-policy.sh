# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The end of a chain entered by goto is the base chain's policy, not the rule after the goto.
expect=timeout
rules_iptables() { not_here; }
rules_nft() { nft_load <<-'EOF'
	table inet host {
		chain forward { type filter hook forward priority 0; policy drop; ct state established accept; goto other; accept; }
		chain other { tcp dport 1 accept; }
	}
	EOF
}
