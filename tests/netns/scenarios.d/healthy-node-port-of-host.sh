# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A process on the node itself, nothing translated.
to=$NODE port=9000 expect=ok:node
any_backend
