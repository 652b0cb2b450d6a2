# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
early=1 expect=timeout
tap() { nft_load <<-'EOF'
	table netdev early { chain in { type filter hook ingress device eth0 priority 0; tcp dport 30080 drop; }; }
	EOF
}
rules_iptables() { not_here; }
rules_nft() { tap; }
