# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_iptables() { not_here; }
rules_nft() { nft_load <<-'EOF'
	table inet host {
		map ports { type inet_service : verdict; elements = { 8080 : goto web, 53 : drop }; }
		chain forward { type filter hook forward priority 0; tcp dport vmap @ports; }
		chain web { iifname vmap { "eth0" : jump outside, "cni0" : accept }; }
		chain outside { drop; }
	}
	EOF
}
