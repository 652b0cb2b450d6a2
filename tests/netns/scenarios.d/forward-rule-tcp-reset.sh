# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=refused
rules_iptables() { ipt -A FORWARD -p tcp -m conntrack --ctstate DNAT -j REJECT --reject-with tcp-reset; ipt -D FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain forward { type filter hook forward priority 5; ct status dnat reject with tcp reset; }; }
	EOF
}
