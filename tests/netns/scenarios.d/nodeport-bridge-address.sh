# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=pod1 to=$BRIDGE
any_backend
