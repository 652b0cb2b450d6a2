# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
to=${VIP}61 port=80 from=pod1
setup() { route del default; route del "$FAR/24" || route del "${FAR%2}/64"; } 2>/dev/null
any_backend
