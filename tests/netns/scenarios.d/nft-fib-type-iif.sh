# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The type of an address behind another device than the incoming one: the device says no more than whether it is its own.
from=pod3 to=$EXT port=8080 services=none expect=timeout
rules_iptables() { not_here; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain pre { type filter hook prerouting priority -150; iifname "veth3" tcp dport 8080 fib daddr . iif type unicast drop; }; }
	EOF
}
