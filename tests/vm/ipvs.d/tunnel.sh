# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Tunnelled to a pod that takes it apart; its answer passes the node as any other.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=8080 expect=ok:pod2 unseen=tunnel
setup() {
	local six="" kind="ipip local $POD2"
	[ "$FAMILY" = 4 ] || six=-6 kind="ip6tnl mode ip6ip6 local $POD2 encaplimit none"
	ipt -t mangle -A PREROUTING -d "${VIP}60" -p tcp --dport 8080 -j MARK --set-mark 7
	node ip "-$FAMILY" rule add fwmark 7 table 100
	route add local default dev lo table 100
	on pod2 ip addr add "${VIP}60/$LEN" dev lo
	on pod2 sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
	# shellcheck disable=SC2086
	on pod2 ip link add tun1 type $kind
	on pod2 ip link set tun1 up
	# shellcheck disable=SC2086
	node ipvsadm -A -f 7 $six -s rr
	# shellcheck disable=SC2086
	node ipvsadm -a -f 7 $six -r "$(at "$POD2" 8080)" -i
}
