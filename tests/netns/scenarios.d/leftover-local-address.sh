# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The service's address is an address of the node (left from IPVS mode), but the rules still come first.
to=${VIP}50 port=80 expect=ok:pod2
setup() { node ip link add kube-ipvs0 type bridge; node ip addr add "${VIP}50/$LEN" dev kube-ipvs0; }
any_backend
