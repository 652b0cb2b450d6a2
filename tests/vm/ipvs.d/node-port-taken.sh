# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A NodePort at a port where the node itself listens: IPVS comes before the socket.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=$NODE port=9000 expect=ok:pod1
setup() {
	vs_node
	node ipvsadm -A -t "$(at "$NODE" 9000)" -s rr
	node ipvsadm -a -t "$(at "$NODE" 9000)" -r "$(at "$POD1" 8080)" -m
}
