# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A tc filter drops it where it comes in.
expect=timeout unseen="tc filters"
setup() {
	node tc qdisc add dev eth0 clsact
	node tc filter add dev eth0 ingress protocol "$([ "$FAMILY" = 4 ] && echo ip || echo ipv6)" flower ip_proto tcp dst_port 30080 action drop
}
any_backend
