# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
to=${VIP}60 port=80 expect='ok:pod1|ok:pod2' tries=4
any_backend
