# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# What the rules know no more, the virtual service left behind still takes.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}90 port=80 services=kube expect=ok:pod1 met=ipvs
both_have_nat
rules_nft() { :; }
setup() { vs_node; vs tcp 90 80 -s rr; rs tcp 90 80 "$POD1" 8080 -m; }
