# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
port=31111 expect=refused
any_backend
