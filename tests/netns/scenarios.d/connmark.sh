# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_nft() { not_here; }
rules_iptables() {
	ipt -t mangle -A PREROUTING -p tcp --dport 30080 -j CONNMARK --set-xmark 0x2a/0xff
	ipt -t mangle -A FORWARD -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff
	ipt -I FORWARD -m mark --mark 0x2a/0xff -j DROP
}
