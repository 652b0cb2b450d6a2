# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The same with masquerading.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=pod1 to=${VIP}60 port=80 expect=ok:pod1
setup() {
	vs_node
	node ip link set veth1 type bridge_slave hairpin on
	ipt -t nat -I POSTROUTING -s "$POD1" -d "$POD1" -j MASQUERADE
	vs tcp 60 80 -s rr
	rs tcp 60 80 "$POD1" 8080 -m
}
