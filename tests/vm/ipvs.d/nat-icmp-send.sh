# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# nat_icmp_send: what a real server sends outside of IPVS connections is refused, answers to others too.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=$POD1 port=8080 expect=timeout
setup() { vs_node; set_sysctl net.ipv4.vs.nat_icmp_send=1; vs tcp 60 80 -s rr; rs tcp 60 80 "$POD1" 8080 -m; }
