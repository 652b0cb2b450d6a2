# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=pod2 to=${VIP}50 port=80 proto=udp expect=ok:pod2
setup() { node bridge link set dev veth2 hairpin on; }
any_backend
