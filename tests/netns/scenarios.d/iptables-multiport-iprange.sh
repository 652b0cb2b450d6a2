# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_nft() { not_here; }
rules_iptables() { ipt -I FORWARD -p tcp -m multiport --dports 22,8000:8100 -m iprange --dst-range "${POD2%3}1-${POD2%3}9" -j DROP; }
