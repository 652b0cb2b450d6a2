# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Rules left behind refuse a service that has endpoints by now: every filter chain runs.
from=pod1 to=${VIP}70 port=80 expect=refused met=other unseen=$(order_untold)
rules_iptables() {
	kube_nft | node nft -f -
	ipt -D FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
}
rules_nft() { not_here; }
