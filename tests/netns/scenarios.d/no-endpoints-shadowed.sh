# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Somebody accepts everything before kube-proxy's refusal is reached: the packet is routed by its own address.
to=${VIP}70 port=80
rules_iptables() { ipt -I FORWARD -j ACCEPT; }
rules_nft() { not_here; }
