# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Somebody overwrites the whole mark between kube-proxy's mark and its masquerade.
setup() { ip "-$FAMILY" -n "$LAB-pod2" route del default; }
expect=timeout
rules_iptables() { ipt -t mangle -A FORWARD -j MARK --set-mark 0x1; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain forward { type filter hook forward priority mangle; meta mark set 0x1; }; }
	EOF
}
