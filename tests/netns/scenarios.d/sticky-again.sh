# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# ClientIP affinity, a client seen before: the list decides, not chance.
to=${VIP}72 port=80 expect='ok:pod1|ok:pod2' warm=1
change() { node conntrack -F; }
any_backend
