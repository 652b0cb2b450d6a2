# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The type of service that a rule gave the request is not the answer's.
expect=ok:pod2
rules_iptables() {
	ipt -t mangle -A PREROUTING -p tcp --dport 30080 -j TOS --set-tos 0x10
	ipt -I FORWARD -p tcp --sport 8080 -m tos --tos 0x10 -j DROP
}
rules_nft() { not_here; }
