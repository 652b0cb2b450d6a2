# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For the scenarios of ipvs.d/: virtual services as kube-proxy's IPVS mode lays them out. Sourced by each of them.

# shellcheck disable=SC2034
services=none
rules_iptables() { :; }

# shellcheck disable=SC2153
# vs_node: the device of the virtual addresses, and masquerading of what is not a pod's
vs_node() {
	node ip link add kube-ipvs0 type dummy
	set_sysctl net.ipv4.vs.conntrack=1
	# with services of iptables mode beside them, these masquerade
	ipt -t nat -N KUBE-MARK-MASQ 2>/dev/null || return 0
	ipt -t nat -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
	ipt -t nat -A PREROUTING ! -s "$PODS" -d "$SERVICES" -j KUBE-MARK-MASQ
	ipt -t nat -A OUTPUT ! -s "$PODS" -d "$SERVICES" -j KUBE-MARK-MASQ
	ipt -t nat -A POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
	ipt -t nat -A POSTROUTING -j MARK --set-xmark 0x4000/0x0
	ipt -t nat -A POSTROUTING -j MASQUERADE --random-fully
}

# vs PROTO NUMBER PORT OPTION…: the virtual service at VIP.NUMBER
vs() {
	local proto=$1 number=$2 port=$3
	shift 3
	node ip addr replace "$VIP$number/$LEN" dev kube-ipvs0
	node ipvsadm -A "-${proto:0:1}" "$(at "$VIP$number" "$port")" "$@"
}

# rs PROTO NUMBER PORT ADDRESS PORT OPTION…: a real server of it
rs() {
	local proto=$1 vip from=$4 port=$5
	vip=$(at "$VIP$2" "$3")
	shift 5
	node ipvsadm -a "-${proto:0:1}" "$vip" -r "$(at "$from" "$port")" "$@"
}

# kube-proxy's nftables has a NAT chain of its own, where IPVS mode has iptables' at the same priority.
# shellcheck disable=SC2034
both_have_nat() { [ "$BACKEND" != nft ] || unseen=$(order_untold); }
