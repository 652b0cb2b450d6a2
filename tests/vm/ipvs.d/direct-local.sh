# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Direct routing to the node itself: its own socket at the virtual address.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=9000 expect=ok:node
setup() { vs_node; vs tcp 60 9000 -s rr; rs tcp 60 9000 "$NODE" 9000 -g; }
