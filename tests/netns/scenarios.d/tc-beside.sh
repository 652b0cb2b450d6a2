# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Filters that never see it: of the other family, of a chain that none leads to, and none at all.
to=$POD3 port=8080 services=none
setup() {
	local other=ipv6
	[ "$FAMILY" = 4 ] || other=ip
	clsact eth0
	tc_drop_tcp eth0 ingress protocol "$other"
	tc_drop_tcp eth0 egress protocol "$other"
	tc_drop_tcp eth0 ingress protocol all chain 3
	clsact veth3
}
any_backend
