# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# externalTrafficPolicy Local: the load balancer's address is the node's own by kube-ipvs0, and has no endpoint here.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=pod1 to=${LB}10 port=80 expect=refused
setup() {
	vs_node
	node ip addr add "${LB}10/$LEN" dev kube-ipvs0
	node ipvsadm -A -t "$(at "${LB}10" 80)" -s rr
}
