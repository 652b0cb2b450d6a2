# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Conntrack saw no request: to it the answer is INVALID.
services=none to=$POD2 port=8080 expect=timeout
rules_iptables() {
	ipt -t raw -A PREROUTING -i eth0 -p tcp --dport 8080 -j CT --notrack
	ipt -A FORWARD -m conntrack --ctstate INVALID -j DROP
}
rules_nft() { nft_load <<-'EOF'
	table inet host {
		chain raw { type filter hook prerouting priority raw; iifname "eth0" tcp dport 8080 notrack; }
		chain forward { type filter hook forward priority 0; ct state invalid drop; }
	}
	EOF
}
