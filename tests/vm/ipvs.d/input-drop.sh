# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# INPUT rules come before IPVS, and see the virtual address.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 expect=timeout
setup() { vs_node; vs tcp 60 80 -s rr; rs tcp 60 80 "$POD1" 8080 -m; ipt -A INPUT -d "${VIP}60" -p tcp --dport 80 -j DROP; }
