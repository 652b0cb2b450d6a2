# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The policy drops, but kube-proxy accepts what it marked.
rules_iptables() { ipt -P FORWARD DROP; }
rules_nft() { nft_load <<-'EOF'
	table @IP@ host { chain forward { type filter hook forward priority 0; policy drop; ct state established accept; meta mark & 0x4000 == 0x4000 accept; }; }
	EOF
}
