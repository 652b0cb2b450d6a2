# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The real server is the node itself.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}64 port=80 expect=ok:node
setup() { vs_node; vs tcp 64 80 -s rr; rs tcp 64 80 "$NODE" 9000 -m; }
