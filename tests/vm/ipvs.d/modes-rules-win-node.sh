# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The same from the node: NAT comes before IPVS in OUTPUT too.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=node to=${VIP}50 port=80 services=kube expect=ok:pod2 met=rules
both_have_nat
rules_nft() { :; }
setup() { vs_node; vs tcp 50 80 -s rr; rs tcp 50 80 "$POD1" 8080 -m; }
