# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# With br_netfilter a frame between two ports passes FORWARD.
from=pod1 to=$POD2 port=8080 services=none expect=timeout
rules_iptables() { ipt -A FORWARD -i cni0 -o cni0 -p tcp --dport 8080 -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain forward { type filter hook forward priority 0; iifname "cni0" oifname "cni0" tcp dport 8080 drop; }; }
	EOF
}
