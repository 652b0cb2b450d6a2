# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# FORWARD sees only the answer.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 expect=timeout
setup() {
	node ip link add kube-ipvs0 type dummy
	set_sysctl net.ipv4.vs.conntrack=1
	vs tcp 60 80 -s rr
	rs tcp 60 80 "$POD1" 8080 -m
	ipt -P FORWARD DROP
}
