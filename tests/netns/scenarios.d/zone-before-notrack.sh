# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Once a rule has given the packet a zone, it is tracked, whatever the next rule says.
to=$NODE port=9000 services=none expect=ok:node
rules_iptables() {
	ipt -t raw -A PREROUTING -p tcp --dport 9000 -j CT --zone 1
	ipt -t raw -A PREROUTING -p tcp --dport 9000 -j CT --notrack
	ipt -t raw -A OUTPUT -p tcp --sport 9000 -j CT --zone 1
	ipt -A INPUT -p tcp --dport 9000 -m conntrack --ctstate UNTRACKED -j DROP
}
rules_nft() { nft_load <<-EOF
	table @IP@ host {
		chain raw { type filter hook prerouting priority -300; tcp dport 9000 ct zone set 1; tcp dport 9000 notrack; }
		chain out { type filter hook output priority -300; tcp sport 9000 ct zone set 1; }
		chain in { type filter hook input priority 0; tcp dport 9000 ct state untracked drop; }
	}
	EOF
}
