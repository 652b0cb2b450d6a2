# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# An outside client reaches a NodePort.
expect=ok:pod2
any_backend
