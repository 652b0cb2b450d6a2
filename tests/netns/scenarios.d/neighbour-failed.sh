# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# No pod has the endpoint's address.
to=${VIP}66 port=80 expect='timeout|host-unreachable'
setup() { node ip "-$FAMILY" neigh add "${POD2%3}77" dev cni0 nud failed; }
any_backend
