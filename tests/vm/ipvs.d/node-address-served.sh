# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The same at the port that the service has.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=node to=$EXT port=80 expect=ok:pod1
setup() {
	vs_node
	node ip addr add "$EXT/$LEN" dev kube-ipvs0
	node ipvsadm -A -t "$(at "$EXT" 80)" -s rr
	node ipvsadm -a -t "$(at "$EXT" 80)" -r "$(at "$POD1" 8080)" -m
}
