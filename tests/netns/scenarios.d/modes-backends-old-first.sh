# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Services on both backends of iptables, those of the one with a stale endpoint: registered last, run first.
to=${VIP}50 port=80 services=none expect=ok:pod2 met=rules unseen=$(order_untold)
rules_iptables() {
	local other=nft
	[ "$BACKEND" = iptables-legacy ] || other=legacy
	kube_iptables | sed "s/$POD2/$POD1/g" | node "$(ipt_name $other)-restore" -w
	kube
}
