# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The answer meets a confirmed connection; the request did not, before it had passed.
services=none port=9000 expect=timeout
rules_iptables() { ipt -A OUTPUT -p tcp -m conntrack --ctstatus CONFIRMED -j DROP; ipt -A INPUT -p tcp -m conntrack --ctstatus CONFIRMED -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table inet host {
		chain out { type filter hook output priority 0; ip protocol tcp ct status confirmed drop; ip6 nexthdr tcp ct status confirmed drop; }
		chain in { type filter hook input priority 0; tcp dport 9000 ct status confirmed drop; }
	}
	EOF
}
