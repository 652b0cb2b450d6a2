# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A socket of the node answers at a virtual address's other ports.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=9000 expect=ok:node
setup() { vs_node; vs tcp 60 80 -s rr; rs tcp 60 80 "$POD1" 8080 -m; }
