# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A rule that does not match is no obstacle.
expect=ok:pod2
rules_iptables() { ipt -I FORWARD -p tcp --dport 8081 -j DROP; ipt -I FORWARD ! -o cni0 -p tcp --dport 8080 -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table @IP@ host { chain forward { type filter hook forward priority -1; tcp dport 8081 drop; oifname != "cni0" tcp dport 8080 drop; }; }
	EOF
}
