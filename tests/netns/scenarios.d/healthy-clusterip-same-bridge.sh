# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A pod reaches a pod on its own bridge through a service: the answer must pass the node to be translated back.
from=pod1 to=${VIP}50 port=80 expect=ok:pod2
any_backend
