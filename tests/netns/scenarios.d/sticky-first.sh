# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# ClientIP affinity, first connection: any endpoint.
to=${VIP}72 port=80 expect='ok:pod1|ok:pod2' tries=1
any_backend
