# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A routed pod reaches itself: masqueraded, so that its answer comes back here.
from=pod3 to=${VIP}62 port=80 expect=ok:pod3
any_backend
