# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Nothing accepts a pod's packet to a pod elsewhere.
from=pod1 to=${VIP}61 port=80 expect=timeout
rules_iptables() { ipt -P FORWARD DROP; }
rules_nft() { nft_load <<-'EOF'
	table @IP@ host { chain forward { type filter hook forward priority 0; policy drop; ct state established accept; }; }
	EOF
}
