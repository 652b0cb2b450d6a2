# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
rules_iptables() { ipt -I FORWARD -i eth0 -o cni0 -j REJECT --reject-with "$([ "$FAMILY" = 4 ] && echo icmp-host-prohibited || echo icmp6-adm-prohibited)"; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain forward { type filter hook forward priority 5; iifname "eth0" oifname "cni0" reject with icmpx type admin-prohibited; }; }
	EOF
}
