# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The address is local on kube-ipvs0; no service has the port.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=81 expect=refused
setup() { vs_node; vs tcp 60 80 -s rr; rs tcp 60 80 "$POD1" 8080 -m; }
