# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# … and refuses a pod's own address.
to=$POD2 port=8080
zone() { nft_load <<-'EOF'
	table inet firewalld {
		chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept;
			ct state { established, related } accept
			ct status dnat accept
			iifname "lo" accept
			jump filter_FORWARD_POLICIES
			ct state invalid drop
			reject with icmpx type admin-prohibited
		}
		chain filter_FORWARD_POLICIES { iifname "docker0" accept; }
	}
	EOF
}
rules_iptables() { zone; }
rules_nft() { zone; }
