# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
to=${VIP}71 port=80 expect=timeout
any_backend
