# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
to=${LB}10 port=80 expect=ok:pod2
any_backend
