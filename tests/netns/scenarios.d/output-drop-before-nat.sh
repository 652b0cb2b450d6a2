# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=node to=${VIP}50 port=80 expect=timeout
rules_iptables() { ipt -t raw -A OUTPUT -d "${VIP}50/$LEN" -j DROP; }
rules_nft() { nft_load <<-EOF
	table @IP@ host { chain out { type filter hook output priority raw; @IP@ daddr ${VIP}50 drop; }; }
	EOF
}
