# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A mark kept in the connection.
expect=timeout
rules_iptables() { not_here; }
rules_nft() { nft_load <<-'EOF'
	table inet host {
		chain pre { type filter hook prerouting priority mangle; tcp dport 30080 ct mark set 0x2a; }
		chain forward { type filter hook forward priority 0; ct mark and 0xff == 0x2a drop; }
	}
	EOF
}
