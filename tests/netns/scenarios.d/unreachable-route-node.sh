# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=node to=${VIP}61 port=80 expect=timeout
setup() { route add unreachable "$FAR"; }
any_backend
