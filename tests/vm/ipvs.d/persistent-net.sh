# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A template for the client's whole network.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 warm=ok expect='ok:pod1|ok:pod2'
setup() {
	local mask=255.255.255.0
	[ "$FAMILY" = 4 ] || mask=64
	vs_node
	vs tcp 60 80 -s rr -p 600 -M $mask
	rs tcp 60 80 "$POD1" 8080 -m
	rs tcp 60 80 "$POD2" 8080 -m
}
