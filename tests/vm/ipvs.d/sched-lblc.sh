# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# lblc remembers which real server an address has; nobody else can see it.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 expect=ok:pod2 unseen=lblc
setup() {
	vs_node
	vs tcp 60 80 -s lblc
	rs tcp 60 80 "$POD1" 8080 -m -w 1
	rs tcp 60 80 "$POD2" 8080 -m -w 3
}
