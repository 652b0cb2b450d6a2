# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A pod without a bridge.
from=pod3 to=${VIP}50 port=80 expect=ok:pod2
any_backend
