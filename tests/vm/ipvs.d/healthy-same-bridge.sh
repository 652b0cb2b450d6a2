# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Client and server on one bridge: br_netfilter shows IPVS the answer.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=pod1 to=${VIP}50 port=80 expect=ok:pod2
setup() { vs_node; vs tcp 50 80 -s rr; rs tcp 50 80 "$POD2" 8080 -m; }
