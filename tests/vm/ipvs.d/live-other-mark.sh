# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The packets of a live connection have the mark of another service by now: they stay with the one that made it.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}50 port=53 proto=udp warm=ok expect=ok:pod2
setup() { vs_node; vs udp 50 53 -s rr; rs udp 50 53 "$POD2" 8080 -m; }
change() {
	local six=""
	[ "$FAMILY" = 4 ] || six=1
	ipt -t mangle -A PREROUTING -d "${VIP}50" -p udp --dport 53 -j MARK --set-mark 7
	node ipvsadm -A -f 7 ${six:+-6} -s rr
	node ipvsadm -a -f 7 ${six:+-6} -r "$(at "$POD1" 8080)" -m
}
