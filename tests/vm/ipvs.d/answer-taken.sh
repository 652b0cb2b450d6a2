# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The node's own connection begins at a NodePort: IPVS takes the answer for a new connection.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=node to=$POD3 port=8080 expect=timeout\|reset\|refused
setup() {
	local address
	vs_node
	for address in "$NODE" "$BRIDGE"; do
		node ipvsadm -A -t "$(at "$address" 45678)" -s rr
		node ipvsadm -a -t "$(at "$address" 45678)" -r "$(at "$POD1" 8080)" -m
	done
}
