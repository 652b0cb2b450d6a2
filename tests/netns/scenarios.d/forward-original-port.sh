# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The only way to firewall a NodePort in FORWARD: the port that the client addressed.
expect=timeout
rules_iptables() { ipt -I FORWARD -m conntrack --ctorigdstport 30080 -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table @IP@ host { chain forward { type filter hook forward priority -5; meta l4proto tcp ct original proto-dst 30080 drop; }; }
	EOF
}
