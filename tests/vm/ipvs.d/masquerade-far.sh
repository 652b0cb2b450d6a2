# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The same from a process of the node, with masquerading.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=node to=${VIP}61 port=80 expect=ok:ext
setup() { vs_node; vs tcp 61 80 -s rr; rs tcp 61 80 "$FAR" 8080 -m; }
