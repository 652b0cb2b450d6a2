# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A chain at the very priority of ip_vs, made after the first virtual service: it runs first.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 expect=timeout unseen='the order of ip_vs'
setup() {
	vs_node
	vs tcp 60 80 -s rr
	rs tcp 60 80 "$POD1" 8080 -m
	nft_load <<-'EOF'
		table @IP@ host { chain in { type filter hook input priority 99; tcp dport 80 drop; }; }
	EOF
}
