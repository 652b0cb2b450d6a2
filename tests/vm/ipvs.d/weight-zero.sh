# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# All real servers silenced.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}70 port=80 expect=refused
setup() { vs_node; vs tcp 70 80 -s wlc; rs tcp 70 80 "$POD1" 8080 -m -w 0; rs tcp 70 80 "$POD2" 8080 -m -w 0; }
