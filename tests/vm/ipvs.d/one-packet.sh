# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# One-packet scheduling remembers nothing: the answer keeps the real server's address.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}50 port=53 proto=udp expect=timeout
setup() { vs_node; vs udp 50 53 -s rr -o; rs udp 50 53 "$POD2" 8080 -m; }
