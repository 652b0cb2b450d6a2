# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
services=none from=pod1 to=$POD2 port=8080 expect=ok:pod2
any_backend
