# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A rule leaves it to a program that is not there, and without one the packet may pass.
rules_iptables() { ipt -I FORWARD -p tcp --dport 8080 -j NFQUEUE --queue-num 5 --queue-bypass || skip "needs NFQUEUE"; }
rules_nft() { nft_load 2>/dev/null <<-'EOF' || skip "needs nft_queue"
	table @IP@ host { chain forward { type filter hook forward priority -1; tcp dport 8080 counter queue num 5 bypass; }; }
	EOF
}
expect=ok:pod2
