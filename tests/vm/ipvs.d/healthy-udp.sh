# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# UDP.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}50 port=53 proto=udp expect=ok:pod2
setup() { vs_node; vs udp 50 53 -s rr; rs udp 50 53 "$POD2" 8080 -m; }
