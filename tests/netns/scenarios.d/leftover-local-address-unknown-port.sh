# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
to=${VIP}50 port=81
setup() { node ip link add kube-ipvs0 type bridge; node ip addr add "${VIP}50/$LEN" dev kube-ipvs0; }
any_backend
