# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A service whose endpoint is the node's own address: the packet goes to INPUT.
from=pod1 to=${VIP}64 port=80 expect=ok:node
any_backend
