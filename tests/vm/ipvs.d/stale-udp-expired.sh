# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The same where IPVS ends such connections with their real server, conntrack's entry too.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}50 port=53 proto=udp warm=ok expect=ok:pod1
setup() {
	vs_node
	set_sysctl net.ipv4.vs.expire_nodest_conn=1
	vs udp 50 53 -s rr
	rs udp 50 53 "$POD2" 8080 -m
}
change() { node ipvsadm -a -u "$(at "${VIP}50" 53)" -r "$(at "$POD1" 8080)" -m; node ipvsadm -d -u "$(at "${VIP}50" 53)" -r "$(at "$POD2" 8080)"; }
