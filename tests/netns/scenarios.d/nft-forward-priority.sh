# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Forwarding derives the packet's priority from its type of service; IPv6 has no such thing.
families 4
expect=timeout
rules_iptables() { not_here; }
rules_nft() { nft_load <<-'EOF'
	table ip host {
		chain pre { type filter hook prerouting priority mangle; tcp dport 30080 ip dscp set 0x04; }
		chain forward { type filter hook forward priority -1; tcp dport 8080 meta priority 0:6 drop; }
	}
	EOF
}
