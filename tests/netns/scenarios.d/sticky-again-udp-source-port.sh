# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The same client from another port.
to=${VIP}72 port=80 expect='ok:pod1|ok:pod2' warm=1 tries=3
any_backend
