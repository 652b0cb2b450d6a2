# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=node to=$FAR port=8080 services=none
setup() { route add prohibit "$FAR"; }
any_backend
