# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
services=none from=node to=$EXT port=8080 expect=ok:ext
any_backend
