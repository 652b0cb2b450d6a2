# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The same the other way round.
from=pod1 to=${VIP}50 port=80 services=none expect=ok:pod2 met=rules unseen=$(order_untold)
rules_iptables() {
	kube_nft | sed "s/$POD2/$POD3/g" | node nft -f -
	kube
}
rules_nft() {
	kube_iptables | sed "s/$POD2/$POD3/g" | node "$(ipt_name nft)-restore" -w
	kube
}
