# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Both ports isolated: the bridge does not forward between them.
from=pod1 to=$POD2 port=8080 services=none expect='timeout|host-unreachable'
setup() { node bridge link set dev veth1 isolated on; node bridge link set dev veth2 isolated on; }
any_backend
