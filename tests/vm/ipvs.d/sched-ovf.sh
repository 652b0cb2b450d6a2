# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The scheduler ovf: the real server is told beforehand.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 expect='ok:pod1|ok:pod2|ok:pod3'
setup() {
	vs_node
	vs tcp 60 80 -s ovf
	rs tcp 60 80 "$POD1" 8080 -m -w 1
	rs tcp 60 80 "$POD2" 8080 -m -w 3
	rs tcp 60 80 "$POD3" 8080 -m -w 2
}
