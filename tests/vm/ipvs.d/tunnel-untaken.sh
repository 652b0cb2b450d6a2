# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Tunnelled to a pod that knows no tunnel.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=8080 expect=timeout\|prohibited\|refused\|no-protocol unseen=tunnel
setup() { vs_node; vs tcp 60 8080 -s rr; rs tcp 60 8080 "$POD2" 8080 -i; }
