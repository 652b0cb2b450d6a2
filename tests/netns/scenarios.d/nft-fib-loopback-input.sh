# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# What fib finds for what came over lo, at INPUT: from 6.16 on lo itself (nft_fib_can_skip()), before nothing.
from=node to=$NODE port=9000 services=none unseen="loopback at INPUT"
rules_nft() { nft_load <<-EOF
	table inet host {
		chain in { type filter hook input priority 0; iif lo tcp dport 9000 fib saddr . iif oif exists drop; }
	}
	EOF
}
