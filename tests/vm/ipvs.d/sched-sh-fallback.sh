# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# sh with sh-fallback: past the silenced.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 expect='ok:pod1|ok:pod3'
setup() {
	vs_node
	vs tcp 60 80 -s sh -b sh-fallback,sh-port
	rs tcp 60 80 "$POD1" 8080 -m -w 1
	rs tcp 60 80 "$POD2" 8080 -m -w 0
	rs tcp 60 80 "$POD3" 8080 -m -w 2
}
