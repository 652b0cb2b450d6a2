# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
unseen="the MAC address that the packet will come with"
expect=timeout
rules_nft() { not_here; }
rules_iptables() { ipt -I FORWARD -m mac --mac-source "$(ip -n "$LAB-ext" -br link show eth0 | awk '{ print $3 }')" -p tcp -j DROP; }
