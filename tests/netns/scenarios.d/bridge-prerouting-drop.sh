# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
early=1 from=pod1 to=${VIP}61 port=80 expect=timeout
rules_iptables() { not_here; }
rules_nft() { nft_load <<-'EOF'
	table bridge b { chain pre { type filter hook prerouting priority -300; iifname "veth1" tcp dport 80 drop; }; }
	EOF
}
