# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The answer takes the way that a rule of the bridge gives it, past the node's own hooks and routes.
services=none from=pod3 to=$POD2 port=8080 expect=ok:pod2
tap() { nft_load <<-EOF
	table netdev short { chain in { type filter hook ingress device cni0 priority 0; tcp sport 8080 fwd @IP@ to $POD3 device veth3; }; }
	EOF
}
rules_iptables() { not_here; }
rules_nft() { tap; }
