# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# iptables 1.8.9 writes this to nf_tables as "not (both)": only the kernel's words count.
rules_nft() { not_here; }
sport=81
rules_iptables() { ipt -I FORWARD -i eth0 -p tcp -m tcp ! --sport 81 ! --dport 80 -j DROP; }
