# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=pod1 to=${VIP}61 port=80
setup() { route add prohibit "$FAR"; }
any_backend
