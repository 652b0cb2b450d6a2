# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# No route to the real server.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 expect=host-unreachable\|net-unreachable
setup() { vs_node; route add unreachable "${NOWHERE}66"; vs tcp 60 80 -s rr; rs tcp 60 80 "${NOWHERE}66" 8080 -m; }
