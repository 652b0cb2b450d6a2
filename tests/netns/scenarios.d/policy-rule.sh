# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A rule for this source looks into another table.
from=pod1 to=${VIP}61 port=80 expect=timeout
setup() { node ip "-$FAMILY" rule add from "$POD1" table 100; route add blackhole default table 100; }
any_backend
