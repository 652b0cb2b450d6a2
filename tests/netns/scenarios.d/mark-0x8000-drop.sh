# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# kubelet's old chain drops what carries 0x8000.
from=node to=${VIP}50 port=80 mark=0x8000 expect=timeout
rules_nft() { not_here; }
rules_iptables() { ipt -N KUBE-FIREWALL; ipt -I OUTPUT -j KUBE-FIREWALL; ipt -A KUBE-FIREWALL -m comment --comment "kubernetes firewall for dropping marked packets" -m mark --mark 0x8000/0x8000 -j DROP; }
