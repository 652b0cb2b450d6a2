# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The node addresses its own NodePort.
from=node expect=ok:pod2
any_backend
