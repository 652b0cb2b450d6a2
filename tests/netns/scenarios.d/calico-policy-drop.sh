# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=pod1 to=$POD2 port=8080 services=none expect=timeout
rules_iptables() {
	ipt -N cali-FORWARD; ipt -N cali-fw-veth1; ipt -N cali-from-wl-dispatch
	ipt -A FORWARD -j cali-FORWARD
	ipt -A cali-FORWARD -j MARK --set-xmark 0x0/0xe0000
	ipt -A cali-FORWARD -m mark --mark 0x0/0x10000 -m physdev --physdev-in veth1 -j cali-from-wl-dispatch
	ipt -A cali-from-wl-dispatch -m physdev --physdev-in veth1 -g cali-fw-veth1
	ipt -A cali-from-wl-dispatch -m comment --comment "Unknown interface" -j DROP
	ipt -A cali-fw-veth1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	ipt -A cali-fw-veth1 -p tcp -m multiport --dports 8080,9090 -m comment --comment "cali:policy" -j DROP
}
rules_nft() { not_here; }
