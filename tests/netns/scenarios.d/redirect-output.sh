# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=node to=$EXT port=80 services=none expect=ok:node
rules_iptables() { ipt -t nat -A OUTPUT -p tcp --dport 80 -j REDIRECT --to-ports 9000; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain out { type nat hook output priority -100; tcp dport 80 redirect to :9000; }; }
	EOF
}
