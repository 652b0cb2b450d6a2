# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A mark set in mangle OUTPUT makes the kernel look the route up again.
from=node to=$POD2 port=8080 services=none expect=timeout
rules_iptables() { ipt -t mangle -A OUTPUT -p tcp -d "$POD2" -j MARK --set-mark 0x10; }
rules_nft() { nft_load <<-EOF
	table @IP@ host { chain out { type route hook output priority mangle; @IP@ daddr $POD2 meta l4proto tcp meta mark set 0x10; }; }
	EOF
}
setup() { node ip "-$FAMILY" rule add fwmark 0x10 table 100; route add blackhole default table 100; }
