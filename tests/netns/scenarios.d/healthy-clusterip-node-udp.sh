# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=node to=${VIP}50 port=80 proto=udp expect=ok:pod2
any_backend
