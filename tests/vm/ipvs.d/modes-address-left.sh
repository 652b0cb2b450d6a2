# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Only kube-ipvs0 is left: an address that no rule knows ends at the node itself.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}90 port=9000 services=kube expect=ok:node
rules_nft() { :; }
setup() { node ip link add kube-ipvs0 type dummy; node ip addr add "${VIP}90/$LEN" dev kube-ipvs0; }
