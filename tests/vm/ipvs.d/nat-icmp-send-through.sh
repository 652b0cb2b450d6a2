# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# What comes through IPVS is answered.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 expect=ok:pod1
setup() { vs_node; set_sysctl net.ipv4.vs.nat_icmp_send=1; vs tcp 60 80 -s rr; rs tcp 60 80 "$POD1" 8080 -m; }
