# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The services are in one backend, a forgotten firewall in the other.
expect=timeout
rules_iptables() {
	local other=nft
	[ "$BACKEND" = iptables-legacy ] || other=legacy
	node "$(ipt_name $other)" -A FORWARD -p tcp --dport 8080 -j DROP
}
rules_nft() { node "$(ipt_name legacy)" -A FORWARD -p tcp --dport 8080 -j DROP; }
