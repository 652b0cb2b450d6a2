# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A persistent service by mark: its template has no address and no port.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=8080 warm=ok expect='ok:pod1|ok:pod2'
setup() {
	local six="" pod
	[ "$FAMILY" = 4 ] || six=-6
	vs_node
	node ip addr add "${VIP}60/$LEN" dev kube-ipvs0
	ipt -t mangle -A PREROUTING -d "${VIP}60" -p tcp --dport 8080 -j MARK --set-mark 7
	# shellcheck disable=SC2086
	node ipvsadm -A -f 16391 $six -s rr -p 600
	for pod in "$POD1" "$POD2"; do
		# shellcheck disable=SC2086
		node ipvsadm -a -f 16391 $six -r "$(at "$pod" 0)" -m
	done
}
