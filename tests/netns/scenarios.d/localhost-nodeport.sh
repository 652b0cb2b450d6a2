# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# 127.0.0.1:NodePort without route_localnet.
from=node to=127.0.0.1
families 4
any_backend
