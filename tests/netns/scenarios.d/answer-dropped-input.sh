# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=node to=${VIP}50 port=80 expect=timeout
rules_iptables() { ipt -A INPUT -p tcp --sport 8080 -j DROP; ipt -A INPUT -p tcp --sport 80 -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain input { type filter hook input priority 0; tcp sport { 80, 8080 } drop; }; }
	EOF
}
