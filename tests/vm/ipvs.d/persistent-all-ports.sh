# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A persistent service for every port.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=8080 warm=ok expect='ok:pod1|ok:pod2'
setup() { vs_node; vs tcp 60 0 -s rr -p 600; rs tcp 60 0 "$POD1" 0 -m; rs tcp 60 0 "$POD2" 0 -m; }
