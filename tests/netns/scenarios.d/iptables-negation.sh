# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_nft() { not_here; }
rules_iptables() { ipt -I FORWARD ! -i cni0 ! -s "${NOWHERE}1" -p tcp -m tcp ! --dport 80 -j DROP; }
