# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The rule is for the sender's user.
from=node to=${VIP}50 port=80 expect=timeout
rules_iptables() { ipt -A OUTPUT -p tcp -m owner --uid-owner 0 --dport 8080 -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain out { type filter hook output priority 0; meta skuid 0 tcp dport 8080 drop; }; }
	EOF
}
