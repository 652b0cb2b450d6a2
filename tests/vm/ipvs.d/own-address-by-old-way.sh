# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A service at another host's address whose real server is this node: translated, it still leaves by the way to that host.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=node to=$EXT port=80 expect=timeout
setup() {
	vs_node
	node ipvsadm -A -t "$(at "$EXT" 80)" -s rr
	node ipvsadm -a -t "$(at "$EXT" 80)" -r "$(at "$NODE" 9000)" -m
}
