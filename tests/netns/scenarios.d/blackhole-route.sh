# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=pod1 to=${VIP}61 port=80 expect=timeout
setup() { route add blackhole "$FAR"; }
any_backend
