# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A pod's firewall chain refuses what no policy marked.
from=pod1 to=${VIP}50 port=80 expect=refused
rules_iptables() {
	ipt -N KUBE-ROUTER-FORWARD; ipt -N KUBE-POD-FW-X
	ipt -I FORWARD 1 -j KUBE-ROUTER-FORWARD
	ipt -A KUBE-ROUTER-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
	ipt -A KUBE-ROUTER-FORWARD -d "$POD2/$LEN" -j KUBE-POD-FW-X
	ipt -A KUBE-POD-FW-X -m mark ! --mark 0x10000/0x10000 -j REJECT
}
rules_nft() { not_here; }
