# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# net.ipv4.vs.conntrack=0: nothing is masqueraded, and the answer is INVALID to conntrack.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 expect=timeout
setup() {
	vs_node
	set_sysctl net.ipv4.vs.conntrack=0
	vs tcp 60 80 -s rr
	rs tcp 60 80 "$POD1" 8080 -m
	ipt -A FORWARD -m conntrack --ctstate INVALID -j DROP
}
