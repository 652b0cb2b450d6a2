# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_nft() { not_here; }
rules_iptables() {
	ipt -N ONE; ipt -N TWO
	ipt -I FORWARD 1 -j ONE
	ipt -I FORWARD 2 -p tcp --dport 8080 -j DROP
	ipt -A ONE -g TWO
	ipt -A ONE -j ACCEPT
	ipt -A TWO -p udp -j ACCEPT
	ipt -A TWO -j RETURN
}
