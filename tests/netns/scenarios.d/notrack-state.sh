# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# … and rules can see it.
port=9000 expect=timeout
rules_iptables() { ipt -t raw -A PREROUTING -p tcp --dport 9000 -j CT --notrack; ipt -A INPUT -m conntrack --ctstate UNTRACKED -p tcp -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table inet host {
		chain raw { type filter hook prerouting priority raw; tcp dport 9000 notrack; }
		chain input { type filter hook input priority 0; ct state untracked meta l4proto tcp drop; }
	}
	EOF
}
