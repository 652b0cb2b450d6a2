# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The same the other way round: the stale ones win.
to=${VIP}50 port=80 expect=ok:pod1 met=other unseen=$(order_untold)
rules_iptables() {
	local other=nft
	[ "$BACKEND" = iptables-legacy ] || other=legacy
	kube_iptables | sed "s/$POD2/$POD1/g" | node "$(ipt_name $other)-restore" -w
}
