# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A rule of ebtables on the bridge between two pods.
early=1 from=pod1 to=$POD2 port=8080 services=none expect=timeout
families 4
setup() {
	command -v ebtables >/dev/null || skip "needs ebtables"
	node ebtables -A FORWARD -p IPv4 --ip-protocol tcp --ip-destination-port 8080 -j DROP
}
any_backend
