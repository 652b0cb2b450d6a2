# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A process of the node: its source is the virtual address, until it is masqueraded.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=node to=${VIP}60 port=80 expect='ok:pod1|ok:pod2' tries=4
setup() { vs_node; vs tcp 60 80 -s wrr; rs tcp 60 80 "$POD1" 8080 -m -w 3; rs tcp 60 80 "$POD2" 8080 -m -w 1; }
