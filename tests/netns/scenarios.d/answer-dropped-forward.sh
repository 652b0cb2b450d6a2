# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The request arrives; the answer does not.
expect=timeout
rules_iptables() { ipt -I FORWARD -i cni0 -p tcp --sport 8080 -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain forward { type filter hook forward priority -1; iifname "cni0" tcp sport 8080 drop; }; }
	EOF
}
