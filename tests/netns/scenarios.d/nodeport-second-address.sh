# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A further address of the node: iptables mode serves it, nftables mode only the primary one.
to=${NOWHERE}10
setup() { node ip addr add "${NOWHERE}10/$LEN" dev eth0; }
any_backend
