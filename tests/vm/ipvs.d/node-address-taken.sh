# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# An external IP that is another host's address: kube-ipvs0 makes it this node's own, with all its ports.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=node to=$EXT port=8080 expect=refused
setup() {
	vs_node
	node ip addr add "$EXT/$LEN" dev kube-ipvs0
	node ipvsadm -A -t "$(at "$EXT" 80)" -s rr
	node ipvsadm -a -t "$(at "$EXT" 80)" -r "$(at "$POD1" 8080)" -m
}
