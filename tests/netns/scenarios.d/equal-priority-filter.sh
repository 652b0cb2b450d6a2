# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Two filter chains of one priority, one drops what the other would reject.
expect=refused unseen=$(order_untold)
rules_iptables() { not_here; }
rules_nft() {
	nft_load <<-'EOF'
		table inet a { chain forward { type filter hook forward priority 5; tcp dport 8080 drop; }; }
	EOF
	nft_load <<-'EOF'
		table inet b { chain forward { type filter hook forward priority 5; tcp dport 8080 reject; }; }
	EOF
}
