# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The pod answers as the virtual address; the node takes that for its own address spoofed.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=8080 expect=timeout
setup() {
	vs_node
	on pod2 ip addr add "${VIP}60/$LEN" dev lo
	vs tcp 60 8080 -s rr
	rs tcp 60 8080 "$POD2" 8080 -g
}
