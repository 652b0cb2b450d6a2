# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A refusal left behind at an address that IPVS serves: in OUTPUT, IPVS comes before filter.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=node to=${VIP}70 port=80 services=kube expect=ok:pod1 met=ipvs
both_have_nat
rules_nft() { :; }
setup() { vs_node; vs tcp 70 80 -s rr; rs tcp 70 80 "$POD1" 8080 -m; }
