# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# An outside client does not need it.
to=${VIP}50 port=80 expect=ok:pod2
setup() { route del default; }
any_backend
