# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A virtual service by mark: 7, and the 0x4000 that kube-proxy adds for masquerading.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 expect=ok:pod2
setup() {
	local six=""
	[ "$FAMILY" = 4 ] || six=1
	vs_node
	node ip addr add "${VIP}60/$LEN" dev kube-ipvs0
	ipt -t mangle -A PREROUTING -d "${VIP}60" -p tcp --dport 80 -j MARK --set-mark 7
	node ipvsadm -A -f 16391 ${six:+-6} -s rr
	node ipvsadm -a -f 16391 ${six:+-6} -r "$(at "$POD2" 8080)" -m
}
