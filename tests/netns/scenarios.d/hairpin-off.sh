# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A pod reaches itself through its service; its bridge port does not send a frame back where it came from.
from=pod2 to=${VIP}50 port=80 expect=timeout
any_backend
