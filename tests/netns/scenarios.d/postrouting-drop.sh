# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_iptables() { ipt -t mangle -A POSTROUTING -o cni0 -p tcp --dport 8080 -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain post { type filter hook postrouting priority 50; oifname "cni0" tcp dport 8080 drop; }; }
	EOF
}
