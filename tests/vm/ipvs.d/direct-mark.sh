# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Direct routing by mark, the virtual address no address of the node: the answer may pass.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=8080 expect=ok:pod2
setup() {
	local six=""
	[ "$FAMILY" = 4 ] || six=-6
	ipt -t mangle -A PREROUTING -d "${VIP}60" -p tcp --dport 8080 -j MARK --set-mark 7
	node ip "-$FAMILY" rule add fwmark 7 table 100
	route add local default dev lo table 100
	on pod2 ip addr add "${VIP}60/$LEN" dev lo
	# shellcheck disable=SC2086
	node ipvsadm -A -f 7 $six -s rr
	# shellcheck disable=SC2086
	node ipvsadm -a -f 7 $six -r "$(at "$POD2" 8080)" -g
}
