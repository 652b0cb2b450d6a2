# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The real server of a live UDP connection was removed.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}50 port=53 proto=udp warm=ok expect=timeout
setup() { vs_node; vs udp 50 53 -s rr; rs udp 50 53 "$POD2" 8080 -m; rs udp 50 53 "$POD1" 8080 -m -w 0; }
change() { node ipvsadm -d -u "$(at "${VIP}50" 53)" -r "$(at "$POD2" 8080)"; node ipvsadm -e -u "$(at "${VIP}50" 53)" -r "$(at "$POD1" 8080)" -m -w 1; }
