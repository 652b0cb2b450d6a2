# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The packet's mark chooses the table.
from=pod1 to=${VIP}61 port=80 expect=timeout
rules_iptables() { ipt -t mangle -A PREROUTING -i cni0 -p tcp -j MARK --set-xmark 0x10/0xff; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain pre { type filter hook prerouting priority mangle; iifname "cni0" meta l4proto tcp meta mark set meta mark and 0xffffff00 or 0x10; }; }
	EOF
}
setup() { node ip "-$FAMILY" rule add fwmark 0x10/0xff table 100; route add blackhole default table 100; }
