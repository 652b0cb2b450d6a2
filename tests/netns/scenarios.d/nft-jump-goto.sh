# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The end of a goto inside a jump returns behind the jump.
expect=timeout
rules_iptables() { not_here; }
rules_nft() { nft_load <<-'EOF'
	table inet host {
		chain forward { type filter hook forward priority 0; policy accept; jump one; tcp dport 8080 drop; }
		chain one { goto two; accept; }
		chain two { tcp dport 1 accept; }
	}
	EOF
}
