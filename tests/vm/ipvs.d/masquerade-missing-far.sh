# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The real server is beyond the node, and answers the client past it.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}61 port=80 expect=timeout
setup() {
	set_sysctl net.ipv4.vs.conntrack=1
	node ip link add kube-ipvs0 type dummy
	vs tcp 61 80 -s rr
	rs tcp 61 80 "$FAR" 8080 -m
}
