# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A pod is its own real server, and nothing masquerades: it gets a packet from itself.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=pod1 to=${VIP}60 port=80 expect=timeout
setup() {
	set_sysctl net.ipv4.vs.conntrack=1
	node ip link add kube-ipvs0 type dummy
	node ip link set veth1 type bridge_slave hairpin on
	vs tcp 60 80 -s rr
	rs tcp 60 80 "$POD1" 8080 -m
}
