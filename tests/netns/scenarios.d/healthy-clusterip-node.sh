# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A process on the node reaches a ClusterIP.
from=node to=${VIP}50 port=80 expect=ok:pod2
any_backend
